// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.NextHop;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All that a route says but its prefix, once for all routes that say the same, and where that leads now. A million routes
 * over a few neighbors have a few paths.
 */
final class RoutePath implements Candidates {
    static final Comparator<RoutePath> BEST_FIRST = Comparator.<RoutePath>comparingInt(path -> path.key.preference)
            .thenComparing(path -> path.key.source)
            .thenComparing(path -> path.key.action)
            .thenComparingInt(path -> path.key.metric)
            .thenComparingInt(RoutePath::ownInterface);

    /**
     * What tells paths apart.
     *
     * @param ip6 the routes' family, which decides on preferred sources
     */
    record Key(
            int vrf,
            boolean ip6,
            RouteSource source,
            int preference,
            int metric,
            FibAction action,
            List<Route.Via> vias) {
        static Key of(Route route) {
            return new Key(
                    route.vrf(),
                    !(route.prefix() instanceof Ip4Prefix),
                    route.source(),
                    route.preference(),
                    route.metric(),
                    route.action(),
                    route.vias());
        }
    }

    private final Key key;
    private final List<RoutePath> alone = List.of(this);
    private int routes;
    private State state = State.UNKNOWN;
    private State before = State.UNKNOWN;

    RoutePath(Key key) {
        this.key = key;
    }

    Key key() {
        return key;
    }

    /** The interface that tells derived routes to the same prefix apart; all routes of another source are one. */
    int ownInterface() {
        return key.source.derived() ? key.vias.get(0).interfaceId() : InterfaceId.NONE;
    }

    /** Counts the routes of this path, and tells how many there are now. */
    int count(int more) {
        routes += more;
        return routes;
    }

    boolean inUse() {
        return routes > 0;
    }

    /** Quick and sure when it says yes: callers who send many routes of a path give the same list with each. */
    boolean isOf(Route route) {
        return key.vias == route.vias()
                && key.vrf == route.vrf()
                && key.source == route.source()
                && key.preference == route.preference()
                && key.metric == route.metric()
                && key.action == route.action()
                && key.ip6 != route.prefix() instanceof Ip4Prefix;
    }

    Route route(IpPrefix prefix) {
        return new Route(key.vrf, prefix, key.source, key.preference, key.metric, key.action, key.vias);
    }

    /** Whether this path has been led anywhere yet. */
    boolean isResolved() {
        return state != State.UNKNOWN;
    }

    boolean isUsable() {
        return state.usable;
    }

    /** Where it leads now; nowhere while it is not resolved. */
    List<NextHop> nextHops() {
        return state.nextHops;
    }

    /** Leads the path somewhere; whether its routes, which led elsewhere until now, have to follow. */
    boolean lead(List<NextHop> nextHops) {
        boolean known = isResolved();
        if (known && nextHops.equals(state.nextHops)) {
            return false;
        }
        State next = new State(key.vias.isEmpty() || !nextHops.isEmpty(), nextHops, key.ip6 ? 129 : 33);
        before = known ? state : next;
        state = next;
        return known;
    }

    /** Ends a commit: what was before matters no more. */
    void settle() {
        before = state;
    }

    @Override
    public List<RoutePath> paths() {
        return alone;
    }

    @Override
    public @Nullable FibEntry installed(int length) {
        return entry(state, length);
    }

    @Override
    public boolean moved() {
        return before != state;
    }

    @Override
    public @Nullable FibEntry installedBefore(int length) {
        return entry(before, length);
    }

    private @Nullable FibEntry entry(State at, int length) {
        if (!at.usable) {
            return null;
        }
        FibEntry entry = at.entries[length];
        if (entry == null) {
            entry = new FibEntry(length, key.action, at.nextHops);
            at.entries[length] = entry;
        }
        return entry;
    }

    /** Where a path leads: one object for as long as it leads there. */
    private static final class State {
        static final State UNKNOWN = new State(false, List.of(), 0);

        final boolean usable;
        final List<NextHop> nextHops;
        /** By prefix length, made when the first route of the length is installed. */
        final @Nullable FibEntry[] entries;

        State(boolean usable, List<NextHop> nextHops, int lengths) {
            this.usable = usable;
            this.nextHops = nextHops;
            this.entries = new FibEntry[lengths];
        }
    }
}
