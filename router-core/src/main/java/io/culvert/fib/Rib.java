// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.InterfaceId;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.NextHop;
import io.culvert.spi.RouterInterface;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Every candidate route of the router; the best usable one of each prefix is installed in the {@link Fib}.
 *
 * <p>In: routes of the operator (and later of daemons), and the interfaces, from whose addresses it derives
 * {@link FibAction#LOCAL} entries for each own address, a {@link FibAction#BROADCAST} entry for each IPv4 network that
 * has room for one (/30 and shorter, RFC 3021), and the connected networks. Link-local addresses get no entries: stages
 * handle them by interface.
 *
 * <p>A next hop is usable when its interface is up. A gateway without an interface is looked up among the usable routes of
 * its VRF: on link through a connected network, or over another route's next hops, but not through a default route, which
 * would reach every mistyped address. Members of an equal-cost route come and go one by one. Own addresses stay local
 * while their interface is down: they are reached through the others.
 *
 * <p>Changes take effect at {@link #commit}, all together. Not thread-safe: RouteActor owns it. What routes
 * say is kept once for all that say the same, and their prefixes in the books of the {@link Fib}: a route adds no object.
 */
public final class Rib {
    private static final int RECENT_PATHS = 64;

    private static final Comparator<IpPrefix> IN_ORDER =
            Comparator.comparing(IpPrefix::first, Rib::compareAddresses).thenComparingInt(IpPrefix::length);

    private static final Comparator<Gateway> GATEWAY_ORDER =
            Comparator.comparingInt(Gateway::vrf).thenComparing(Gateway::address, Rib::compareAddresses);

    private final Fib fib;
    private final Map<Integer, RouterInterface> interfaces = new HashMap<>();
    private final Map<Integer, List<Route>> derived = new HashMap<>();
    private final Map<RoutePath.Key, RoutePath> paths = new HashMap<>();
    private final RoutePath[] recentPaths = new RoutePath[RECENT_PATHS];
    private final NavigableMap<Gateway, Tracked> gateways = new TreeMap<>(GATEWAY_ORDER);
    private List<Dirty> dirty = new ArrayList<>();
    private final Set<Integer> changedInterfaces = new HashSet<>();
    private boolean gatewaysStale;
    private boolean pathsUnresolved;

    public Rib(Fib fib) {
        this.fib = fib;
    }

    /** Enters an interface, or what has changed about it: its addresses, VRF or whether it is up. */
    public void setInterface(RouterInterface iface) {
        RouterInterface old = interfaces.put(iface.id(), iface);
        if (old == null || old.up() != iface.up() || old.link() != iface.link()) {
            changedInterfaces.add(iface.id());
        }
        replaceDerived(iface.id(), deriveFrom(iface));
    }

    /** Forgets an interface with its addresses and everything that leads through it. */
    public void removeInterface(int interfaceId) {
        if (interfaces.remove(interfaceId) != null) {
            changedInterfaces.add(interfaceId);
            replaceDerived(interfaceId, List.of());
        }
    }

    public @Nullable RouterInterface findInterface(int interfaceId) {
        return interfaces.get(interfaceId);
    }

    /**
     * Enters a route in place of the one with its {@link Route#key}.
     *
     * @return whether that changes anything
     * @throws IllegalArgumentException for routes that only the interfaces may bring
     */
    public boolean put(Route route) {
        requireGiven(route.source());
        return enter(route);
    }

    /** Takes a route out; whether there was one. */
    public boolean remove(Route.Key key) {
        requireGiven(key.source());
        Candidates held = candidates(key.vrf(), key.prefix());
        RoutePath old = held == null ? null : held.of(key.source(), InterfaceId.NONE);
        if (held == null || old == null) {
            return false;
        }
        change(key.vrf(), key.prefix(), held, old, null);
        return true;
    }

    /**
     * Makes a source's routes exactly these.
     *
     * @return how many routes were entered, changed or taken out
     */
    public int replaceAll(RouteSource source, Collection<Route> routes) {
        requireGiven(source);
        for (Route route : routes) {
            if (route.source() != source) {
                throw new IllegalArgumentException(route + " is not from " + source);
            }
        }
        // Only the book of it is used: a set of a million keys would take several times the memory.
        Fib wanted = new Fib();
        routes.forEach(route -> wanted.hold(route.vrf(), route.prefix(), length -> null));
        List<Route.Key> gone = new ArrayList<>();
        for (int vrf = 0; vrf < fib.vrfs(); vrf++) {
            int id = vrf;
            fib.forEachHolding(vrf, (prefix, held) -> {
                if (((Candidates) held).of(source, InterfaceId.NONE) != null && wanted.held(id, prefix) == null) {
                    gone.add(new Route.Key(id, prefix, source));
                }
            });
        }
        gone.forEach(this::remove);
        int changed = gone.size();
        for (Route route : routes) {
            changed += put(route) ? 1 : 0;
        }
        return changed;
    }

    /**
     * Brings the forwarding table up to date with all changes since the last time.
     *
     * @return how many of its entries were put or removed
     */
    public int commit() {
        boolean interfacesChanged = !changedInterfaces.isEmpty();
        if (dirty.isEmpty() && !interfacesChanged) {
            return 0;
        }
        Set<Gateway> moved = gatewaysStale || interfacesChanged ? resolveGateways() : Set.of();
        boolean follow = false;
        if (pathsUnresolved || interfacesChanged || !moved.isEmpty()) {
            for (RoutePath path : paths.values()) {
                if (!path.isResolved() || leadsOver(path.key(), moved)) {
                    follow |= path.lead(nextHops(path.key(), this::reached));
                }
            }
        }
        int changes = 0;
        for (Dirty change : dirty) {
            Candidates held = candidates(change.vrf, change.prefix);
            FibEntry now = held == null ? null : held.installed(change.prefix.length());
            changes += install(change.vrf, change.prefix, change.before, now);
        }
        if (follow) {
            for (int vrf = 0; vrf < fib.vrfs(); vrf++) {
                changes += followMovedPaths(vrf);
            }
        }
        if (pathsUnresolved || follow) {
            paths.values().forEach(RoutePath::settle);
        }
        // Not cleared: a list that has held a million changes stays long.
        dirty = new ArrayList<>();
        changedInterfaces.clear();
        gatewaysStale = false;
        pathsUnresolved = false;
        return changes;
    }

    /** All candidates, ordered by VRF, family, prefix and rank, as of the last {@link #commit}. */
    public List<RouteStatus> routes() {
        List<RouteStatus> rows = new ArrayList<>();
        for (int vrf = 0; vrf < fib.vrfs(); vrf++) {
            Map<IpPrefix, Candidates> ordered = new TreeMap<>(IN_ORDER);
            fib.forEachHolding(vrf, (prefix, held) -> ordered.put(prefix, (Candidates) held));
            ordered.forEach((prefix, held) -> {
                boolean installed = false;
                for (RoutePath path : held.paths()) {
                    boolean best = path.isUsable() && !installed;
                    installed |= best;
                    rows.add(new RouteStatus(path.route(prefix), path.isUsable(), best, path.nextHops()));
                }
            });
        }
        return rows;
    }

    private static void requireGiven(RouteSource source) {
        if (source.derived()) {
            throw new IllegalArgumentException(source + " routes come from the interfaces alone");
        }
    }

    /** IPv4 before IPv6, then as unsigned numbers. */
    private static int compareAddresses(IpAddress a, IpAddress b) {
        if (a instanceof Ip4Address left && b instanceof Ip4Address right) {
            return Integer.compareUnsigned(left.value(), right.value());
        }
        if (a instanceof Ip6Address left && b instanceof Ip6Address right) {
            int high = Long.compareUnsigned(left.high(), right.high());
            return high != 0 ? high : Long.compareUnsigned(left.low(), right.low());
        }
        return Integer.compare(a.bits(), b.bits());
    }

    private static Collection<Route> deriveFrom(RouterInterface iface) {
        Map<IpPrefix, Route> local = new LinkedHashMap<>();
        Map<IpPrefix, Route> connected = new LinkedHashMap<>();
        for (InterfaceAddress own : iface.addresses()) {
            if (isRouted(own.address())) {
                IpPrefix host = own.address().prefix(own.address().bits());
                local.put(host, derived(iface, host, RouteSource.LOCAL, FibAction.LOCAL, null));
            }
        }
        for (InterfaceAddress own : iface.addresses()) {
            IpPrefix network = own.prefix();
            if (!iface.up()
                    || !isRouted(own.address())
                    || network.length() == own.address().bits()) {
                continue;
            }
            // The first address of a network is the one that speaks for the router there.
            connected.putIfAbsent(
                    network, derived(iface, network, RouteSource.CONNECTED, FibAction.FORWARD, own.address()));
            if (network instanceof Ip4Prefix ip4 && ip4.length() <= 30) {
                IpPrefix last = new Ip4Prefix(ip4.last(), 32);
                local.putIfAbsent(last, derived(iface, last, RouteSource.LOCAL, FibAction.BROADCAST, null));
            }
        }
        List<Route> all = new ArrayList<>(local.values());
        all.addAll(connected.values());
        return all;
    }

    private static Route derived(
            RouterInterface iface,
            IpPrefix prefix,
            RouteSource source,
            FibAction action,
            @Nullable IpAddress preferredSource) {
        Route.Via via = Route.Via.onLink(iface.id(), preferredSource);
        return new Route(iface.vrf(), prefix, source, source.defaultPreference(), 0, action, List.of(via));
    }

    private static boolean isRouted(IpAddress address) {
        if (address instanceof Ip6Address ip6) {
            return !Ip6Address.isLinkLocal(ip6.high()) && !Ip6Address.isMulticast(ip6.high());
        }
        return address instanceof Ip4Address ip4 && !Ip4Address.isMulticast(ip4.value());
    }

    private void replaceDerived(int interfaceId, Collection<Route> routes) {
        Set<Route> fresh = new LinkedHashSet<>(routes);
        List<Route> old = derived.getOrDefault(interfaceId, List.of());
        for (Route route : old) {
            if (!fresh.remove(route)) {
                withdraw(route);
            }
        }
        fresh.forEach(this::enter);
        derived.put(interfaceId, List.copyOf(routes));
        if (routes.isEmpty()) {
            derived.remove(interfaceId);
        }
    }

    private boolean enter(Route route) {
        Candidates held = candidates(route.vrf(), route.prefix());
        RoutePath path = path(route);
        RoutePath old = held == null ? null : held.of(route.source(), path.ownInterface());
        if (old == path) {
            return false;
        }
        change(route.vrf(), route.prefix(), held, old, path);
        return true;
    }

    private void withdraw(Route route) {
        Candidates held = candidates(route.vrf(), route.prefix());
        RoutePath path = paths.get(RoutePath.Key.of(route));
        if (held != null && path != null && held.paths().contains(path)) {
            change(route.vrf(), route.prefix(), held, path, null);
        }
    }

    /** Replaces a candidate of a prefix, or adds one, or takes one out. */
    private void change(
            int vrf, IpPrefix prefix, @Nullable Candidates held, @Nullable RoutePath gone, @Nullable RoutePath come) {
        dirty.add(new Dirty(vrf, prefix, held == null ? null : held.installed(prefix.length())));
        gatewaysStale |= holdsGateway(vrf, prefix);
        Candidates next = held == null || held == gone ? come : held.with(gone, come);
        if (next == null) {
            fib.release(vrf, prefix);
        } else {
            fib.hold(vrf, prefix, next);
        }
        if (come != null) {
            come.count(1);
        }
        if (gone != null && gone.count(-1) == 0) {
            paths.remove(gone.key());
            track(gone.key(), -1);
        }
    }

    /** The path that the route is one of. */
    private RoutePath path(Route route) {
        int recent = System.identityHashCode(route.vias()) & (RECENT_PATHS - 1);
        RoutePath path = recentPaths[recent];
        if (path != null && path.inUse() && path.isOf(route)) {
            return path;
        }
        RoutePath.Key key = RoutePath.Key.of(route);
        path = paths.get(key);
        if (path == null) {
            path = new RoutePath(key);
            paths.put(key, path);
            track(key, 1);
            pathsUnresolved = true;
        }
        recentPaths[recent] = path;
        return path;
    }

    /** Counts the paths that lean on each gateway, so that each is resolved once however many there are. */
    private void track(RoutePath.Key key, int paths) {
        for (Route.Via via : key.vias()) {
            if (via.gateway() != null && via.interfaceId() == InterfaceId.NONE) {
                Gateway gateway = new Gateway(key.vrf(), via.gateway());
                Tracked tracked = gateways.get(gateway);
                if (tracked == null) {
                    tracked = new Tracked();
                    gateways.put(gateway, tracked);
                    gatewaysStale = true;
                }
                tracked.paths += paths;
                if (tracked.paths == 0) {
                    gateways.remove(gateway);
                }
            }
        }
    }

    /** Whether a change of this prefix may change how gateways are reached. */
    private boolean holdsGateway(int vrf, IpPrefix prefix) {
        if (gatewaysStale || prefix.length() == 0) {
            return false;
        }
        Gateway next = gateways.ceilingKey(new Gateway(vrf, prefix.first()));
        return next != null && next.vrf == vrf && prefix.contains(next.address);
    }

    private @Nullable Candidates candidates(int vrf, IpPrefix prefix) {
        return (Candidates) fib.held(vrf, prefix);
    }

    /** Finds all gateways again; those that are reached in another way now. */
    private Set<Gateway> resolveGateways() {
        Set<Gateway> moved = new HashSet<>();
        Resolver resolver = new Resolver();
        gateways.forEach((gateway, tracked) -> {
            List<NextHop> reached = resolver.nextHops(gateway);
            if (!reached.equals(tracked.nextHops)) {
                tracked.nextHops = reached;
                moved.add(gateway);
            }
        });
        return moved;
    }

    private boolean leadsOver(RoutePath.Key key, Set<Gateway> moved) {
        for (Route.Via via : key.vias()) {
            if (via.interfaceId() != InterfaceId.NONE
                    ? changedInterfaces.contains(via.interfaceId())
                    : via.gateway() != null && moved.contains(new Gateway(key.vrf(), via.gateway()))) {
                return true;
            }
        }
        return false;
    }

    private int followMovedPaths(int vrf) {
        int[] changes = new int[1];
        fib.forEachHolding(vrf, (prefix, held) -> {
            Candidates candidates = (Candidates) held;
            if (candidates.moved()) {
                int length = prefix.length();
                changes[0] += install(vrf, prefix, candidates.installedBefore(length), candidates.installed(length));
            }
        });
        return changes[0];
    }

    /** Shows lanes what stands in the book; 1 if that is another answer than before, else 0. */
    private int install(int vrf, IpPrefix prefix, @Nullable FibEntry before, @Nullable FibEntry now) {
        if (before == now) {
            return 0;
        }
        fib.refresh(vrf, prefix);
        return before != null && now != null && before.answersLike(now) ? 0 : 1;
    }

    private List<NextHop> reached(Gateway gateway) {
        Tracked tracked = gateways.get(gateway);
        return tracked == null ? List.of() : tracked.nextHops;
    }

    /** Where a route leads now, given where the gateways are. */
    private List<NextHop> nextHops(RoutePath.Key route, Reach reach) {
        Set<NextHop> reached = new LinkedHashSet<>();
        for (Route.Via via : route.vias()) {
            IpAddress gateway = via.gateway();
            if (gateway != null && via.interfaceId() == InterfaceId.NONE) {
                for (NextHop nextHop : reach.nextHops(new Gateway(route.vrf(), gateway))) {
                    reached.add(withSource(nextHop, route.ip6(), via.preferredSource()));
                }
                continue;
            }
            RouterInterface iface = interfaces.get(via.interfaceId());
            if (iface != null && (iface.up() || route.action() == FibAction.LOCAL)) {
                boolean neighbors = iface.link() == RouterInterface.Link.ETHERNET;
                reached.add(new NextHop(iface.id(), neighbors ? gateway : null, via.preferredSource()));
            }
        }
        return List.copyOf(reached);
    }

    /** The route's own preferred source, else the address in the gateway's network if it is of the route's family. */
    private static NextHop withSource(NextHop nextHop, boolean ip6, @Nullable IpAddress preferred) {
        IpAddress inherited = nextHop.source();
        boolean fits = inherited != null && inherited instanceof Ip6Address == ip6;
        if (preferred == null && (fits || inherited == null)) {
            return nextHop;
        }
        return new NextHop(nextHop.interfaceId(), nextHop.gateway(), preferred);
    }

    /** A gateway that routes name without its interface. */
    private record Gateway(int vrf, IpAddress address) {}

    private static final class Tracked {
        int paths;
        List<NextHop> nextHops = List.of();
    }

    /**
     * A prefix whose candidates have changed since the last commit.
     *
     * @param before what it had installed then
     */
    private record Dirty(int vrf, IpPrefix prefix, @Nullable FibEntry before) {}

    private interface Reach {
        List<NextHop> nextHops(Gateway gateway);
    }

    /** Finds where gateways are from the candidates alone, so that two routes never hold each other up. */
    private final class Resolver implements Reach {
        // A gateway whose answer is being worked out stands here as unreachable: that ends every circle.
        private final Map<Gateway, List<NextHop>> known = new HashMap<>();

        @Override
        public List<NextHop> nextHops(Gateway gateway) {
            List<NextHop> answer = known.get(gateway);
            if (answer == null) {
                known.put(gateway, List.of());
                answer = search(gateway);
                known.put(gateway, answer);
            }
            return answer;
        }

        private List<NextHop> search(Gateway gateway) {
            for (int length = gateway.address.bits(); length > 0; length--) {
                Candidates held = candidates(gateway.vrf, gateway.address.prefix(length));
                if (held == null) {
                    continue;
                }
                for (RoutePath path : held.paths()) {
                    RoutePath.Key route = path.key();
                    List<NextHop> hops = Rib.this.nextHops(route, this);
                    if (route.vias().isEmpty() || !hops.isEmpty()) {
                        return route.action() == FibAction.FORWARD ? towards(gateway, hops) : List.of();
                    }
                }
            }
            return List.of();
        }

        private List<NextHop> towards(Gateway gateway, List<NextHop> hops) {
            List<NextHop> reached = new ArrayList<>();
            for (NextHop hop : hops) {
                RouterInterface iface = interfaces.get(hop.interfaceId());
                boolean neighbors = iface != null && iface.link() == RouterInterface.Link.ETHERNET;
                reached.add(
                        hop.onLink() && neighbors
                                ? new NextHop(hop.interfaceId(), gateway.address, hop.source())
                                : hop);
            }
            return reached;
        }
    }
}
