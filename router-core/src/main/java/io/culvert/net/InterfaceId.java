// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

/**
 * Names one interface of the router: a small dense number, given in the order of the configuration, that indexes arrays
 * on the fast path. It is not the kernel's interface index.
 *
 * @since 0.1
 */
public record InterfaceId(int value) {
    /** The value a packet carries when it came from, or goes to, no interface. */
    public static final int NONE = -1;

    public InterfaceId {
        if (value < 0) {
            throw new IllegalArgumentException("interface ids start at 0, got " + value);
        }
    }
}
