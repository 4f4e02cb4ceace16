// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

/** Who says that a route exists. Of routes with equal preference the source named first here wins. */
public enum RouteSource {
    /** An own address, or the broadcast address of a connected network. */
    LOCAL(0),
    /** The network of an address on an interface. */
    CONNECTED(0),
    /** The operator's {@code routes}. */
    STATIC(1);

    private final int defaultPreference;

    RouteSource(int defaultPreference) {
        this.defaultPreference = defaultPreference;
    }

    /** The preference of routes that do not say their own; the lowest wins. */
    public int defaultPreference() {
        return defaultPreference;
    }

    /** Whether {@link Rib} makes these routes by itself from the interfaces. */
    public boolean derived() {
        return this != STATIC;
    }
}
