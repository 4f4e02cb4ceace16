// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.InterfaceId;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Address;
import io.culvert.net.Ip6Prefix;
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
 * <p>Changes take effect at {@link #commit}, all together. Not thread-safe: RouteActor owns it. Memory: about 300 bytes
 * per route, the {@link Fib}'s part included.
 */
public final class Rib {
    private static final Comparator<Route> BEST_FIRST = Comparator.comparingInt(Route::preference)
            .thenComparing(Route::source)
            .thenComparing(Route::action)
            .thenComparingInt(Route::metric)
            .thenComparingInt(Rib::ownInterface);

    private static final Comparator<IpPrefix> IN_ORDER = Comparator.<IpPrefix>comparingInt(
                    prefix -> prefix.first().bits())
            .thenComparing(Rib::compareAddresses)
            .thenComparingInt(IpPrefix::length);

    private final Fib fib;
    private final Map<Integer, RouterInterface> interfaces = new HashMap<>();
    private final Map<Integer, List<Route>> derived = new HashMap<>();
    private final Map<Integer, Vrf> vrfs = new TreeMap<>();
    private final Map<Gateway, Tracked> gateways = new LinkedHashMap<>();
    private final List<Destination> dirty = new ArrayList<>();
    private final Set<Integer> changedInterfaces = new HashSet<>();

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
        Destination destination = find(key.vrf(), key.prefix());
        Route old = destination == null ? null : destination.candidate(key.source(), InterfaceId.NONE);
        if (destination == null || old == null) {
            return false;
        }
        withdraw(destination, old);
        return true;
    }

    /**
     * Makes a source's routes exactly these.
     *
     * @return how many routes were entered, changed or taken out
     */
    public int replaceAll(RouteSource source, Collection<Route> routes) {
        requireGiven(source);
        Set<Route.Key> wanted = new HashSet<>();
        for (Route route : routes) {
            if (route.source() != source) {
                throw new IllegalArgumentException(route + " is not from " + source);
            }
            wanted.add(route.key());
        }
        List<Route.Key> gone = new ArrayList<>();
        for (Vrf vrf : vrfs.values()) {
            for (Destination destination : vrf.destinations.values()) {
                Route route = destination.candidate(source, InterfaceId.NONE);
                if (route != null && !wanted.contains(route.key())) {
                    gone.add(route.key());
                }
            }
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
        if (dirty.isEmpty() && changedInterfaces.isEmpty()) {
            return 0;
        }
        Set<Gateway> moved = new HashSet<>();
        Resolver resolver = new Resolver();
        gateways.forEach((gateway, tracked) -> {
            List<NextHop> reached = resolver.resolve(gateway);
            if (!reached.equals(tracked.nextHops)) {
                tracked.nextHops = reached;
                moved.add(gateway);
            }
        });
        if (!moved.isEmpty() || !changedInterfaces.isEmpty()) {
            for (Vrf vrf : vrfs.values()) {
                for (Destination destination : vrf.destinations.values()) {
                    if (destination.leadsOver(moved, changedInterfaces)) {
                        markDirty(destination);
                    }
                }
            }
        }
        changedInterfaces.clear();
        int changes = 0;
        for (Destination destination : dirty) {
            destination.dirty = false;
            changes += install(destination) ? 1 : 0;
        }
        dirty.clear();
        return changes;
    }

    /** All candidates, ordered by VRF, family, prefix and rank, as of the last {@link #commit}. */
    public List<RouteStatus> routes() {
        List<RouteStatus> rows = new ArrayList<>();
        for (Vrf vrf : vrfs.values()) {
            List<Destination> ordered = new ArrayList<>(vrf.destinations.values());
            ordered.sort(Comparator.comparing((Destination destination) -> destination.prefix, IN_ORDER));
            for (Destination destination : ordered) {
                for (Route route : destination.candidates) {
                    List<NextHop> nextHops = nextHops(route);
                    boolean usable = isUsable(route, nextHops);
                    rows.add(new RouteStatus(route, usable, route.equals(destination.installed), nextHops));
                }
            }
        }
        return rows;
    }

    private static void requireGiven(RouteSource source) {
        if (source.derived()) {
            throw new IllegalArgumentException(source + " routes come from the interfaces alone");
        }
    }

    /** The interface that tells derived routes to the same prefix apart; all routes of another source are one. */
    private static int ownInterface(Route route) {
        return route.source().derived() ? route.vias().get(0).interfaceId() : InterfaceId.NONE;
    }

    private static int compareAddresses(IpPrefix a, IpPrefix b) {
        if (a instanceof Ip4Prefix left && b instanceof Ip4Prefix right) {
            return Integer.compareUnsigned(left.address(), right.address());
        }
        if (a instanceof Ip6Prefix left && b instanceof Ip6Prefix right) {
            int high = Long.compareUnsigned(left.high(), right.high());
            return high != 0 ? high : Long.compareUnsigned(left.low(), right.low());
        }
        return 0;
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
            Destination destination = find(route.vrf(), route.prefix());
            if (!fresh.remove(route) && destination != null) {
                withdraw(destination, route);
            }
        }
        fresh.forEach(this::enter);
        derived.put(interfaceId, List.copyOf(routes));
        if (routes.isEmpty()) {
            derived.remove(interfaceId);
        }
    }

    private boolean enter(Route route) {
        Vrf vrf = vrfs.computeIfAbsent(route.vrf(), id -> new Vrf());
        Destination destination = vrf.destinations.get(route.prefix());
        if (destination == null) {
            destination = new Destination(route.vrf(), route.prefix());
            vrf.destinations.put(route.prefix(), destination);
            vrf.counts(route.prefix().first())[route.prefix().length()]++;
        }
        Route old = destination.candidate(route.source(), ownInterface(route));
        if (route.equals(old)) {
            return false;
        }
        track(route, 1);
        List<Route> candidates = new ArrayList<>(destination.candidates);
        if (old != null) {
            candidates.remove(old);
            track(old, -1);
        }
        candidates.add(route);
        candidates.sort(BEST_FIRST);
        destination.candidates = List.copyOf(candidates);
        markDirty(destination);
        return true;
    }

    private void withdraw(Destination destination, Route route) {
        List<Route> candidates = new ArrayList<>(destination.candidates);
        if (candidates.remove(route)) {
            track(route, -1);
            destination.candidates = List.copyOf(candidates);
            markDirty(destination);
        }
    }

    /** Counts the routes that lean on each gateway, so that each is resolved once however many there are. */
    private void track(Route route, int routes) {
        for (Route.Via via : route.vias()) {
            if (via.gateway() != null && via.interfaceId() == InterfaceId.NONE) {
                Gateway gateway = new Gateway(route.vrf(), via.gateway());
                Tracked tracked = gateways.computeIfAbsent(gateway, unknown -> new Tracked());
                tracked.routes += routes;
                if (tracked.routes == 0) {
                    gateways.remove(gateway);
                }
            }
        }
    }

    private void markDirty(Destination destination) {
        if (!destination.dirty) {
            destination.dirty = true;
            dirty.add(destination);
        }
    }

    private @Nullable Destination find(int vrf, IpPrefix prefix) {
        Vrf routes = vrfs.get(vrf);
        return routes == null ? null : routes.destinations.get(prefix);
    }

    /** Installs the best usable candidate unless that is how it stands. */
    private boolean install(Destination destination) {
        Route best = null;
        List<NextHop> nextHops = List.of();
        for (Route route : destination.candidates) {
            nextHops = nextHops(route);
            if (isUsable(route, nextHops)) {
                best = route;
                break;
            }
        }
        if (destination.candidates.isEmpty()) {
            Vrf vrf = vrfs.get(destination.vrf);
            if (vrf != null && vrf.destinations.remove(destination.prefix, destination)) {
                vrf.counts(destination.prefix.first())[destination.prefix.length()]--;
            }
        }
        Route old = destination.installed;
        destination.installed = best;
        if (best == null) {
            destination.nextHops = List.of();
            return old != null && fib.remove(destination.vrf, destination.prefix);
        }
        if (old != null && old.action() == best.action() && destination.nextHops.equals(nextHops)) {
            return false;
        }
        destination.nextHops = nextHops;
        fib.put(destination.vrf, new FibEntry(destination.prefix, best.action(), nextHops));
        return true;
    }

    private static boolean isUsable(Route route, List<NextHop> nextHops) {
        return route.vias().isEmpty() || !nextHops.isEmpty();
    }

    private List<NextHop> nextHops(Route route) {
        return nextHops(route, gateway -> {
            Tracked tracked = gateways.get(gateway);
            return tracked == null ? List.of() : tracked.nextHops;
        });
    }

    /** Where a route leads now, given where the gateways are. */
    private List<NextHop> nextHops(Route route, Reach reach) {
        Set<NextHop> reached = new LinkedHashSet<>();
        for (Route.Via via : route.vias()) {
            IpAddress gateway = via.gateway();
            if (gateway != null && via.interfaceId() == InterfaceId.NONE) {
                for (NextHop nextHop : reach.nextHops(new Gateway(route.vrf(), gateway))) {
                    reached.add(withSource(nextHop, route.prefix(), via.preferredSource()));
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
    private static NextHop withSource(NextHop nextHop, IpPrefix prefix, @Nullable IpAddress preferred) {
        IpAddress inherited = nextHop.source();
        boolean fits = inherited != null && inherited.bits() == prefix.first().bits();
        if (preferred == null && (fits || inherited == null)) {
            return nextHop;
        }
        return new NextHop(nextHop.interfaceId(), nextHop.gateway(), preferred);
    }

    /** A gateway that routes name without its interface. */
    private record Gateway(int vrf, IpAddress address) {}

    private static final class Tracked {
        int routes;
        List<NextHop> nextHops = List.of();
    }

    private interface Reach {
        List<NextHop> nextHops(Gateway gateway);
    }

    /** Finds where gateways are from the candidates alone, so that two routes never hold each other up. */
    private final class Resolver implements Reach {
        // A gateway whose answer is being worked out stands here as unreachable: that ends every circle.
        private final Map<Gateway, List<NextHop>> known = new HashMap<>();

        List<NextHop> resolve(Gateway gateway) {
            List<NextHop> answer = known.get(gateway);
            if (answer == null) {
                known.put(gateway, List.of());
                answer = search(gateway);
                known.put(gateway, answer);
            }
            return answer;
        }

        @Override
        public List<NextHop> nextHops(Gateway gateway) {
            return resolve(gateway);
        }

        private List<NextHop> search(Gateway gateway) {
            Vrf vrf = vrfs.get(gateway.vrf);
            if (vrf == null) {
                return List.of();
            }
            int[] counts = vrf.counts(gateway.address);
            for (int length = gateway.address.bits(); length > 0; length--) {
                Destination destination =
                        counts[length] == 0 ? null : vrf.destinations.get(gateway.address.prefix(length));
                if (destination == null) {
                    continue;
                }
                for (Route route : destination.candidates) {
                    List<NextHop> hops = Rib.this.nextHops(route, this);
                    if (isUsable(route, hops)) {
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

    private static final class Vrf {
        final Map<IpPrefix, Destination> destinations = new HashMap<>();
        private final int[] counts4 = new int[33];
        private final int[] counts6 = new int[129];

        /** How many destinations of each length there are in an address's family. */
        int[] counts(IpAddress address) {
            return address.bits() == 32 ? counts4 : counts6;
        }
    }

    private static final class Destination {
        final int vrf;
        final IpPrefix prefix;
        /** Best first. */
        List<Route> candidates = List.of();

        @Nullable
        Route installed;

        List<NextHop> nextHops = List.of();
        boolean dirty;

        Destination(int vrf, IpPrefix prefix) {
            this.vrf = vrf;
            this.prefix = prefix;
        }

        @Nullable
        Route candidate(RouteSource source, int ownInterface) {
            for (Route route : candidates) {
                if (route.source() == source && ownInterface(route) == ownInterface) {
                    return route;
                }
            }
            return null;
        }

        boolean leadsOver(Set<Gateway> gateways, Set<Integer> interfaceIds) {
            for (Route route : candidates) {
                for (Route.Via via : route.vias()) {
                    if (via.interfaceId() != InterfaceId.NONE
                            ? interfaceIds.contains(via.interfaceId())
                            : via.gateway() != null && gateways.contains(new Gateway(vrf, via.gateway()))) {
                        return true;
                    }
                }
            }
            return false;
        }
    }
}
