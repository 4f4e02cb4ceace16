// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.config.InterfaceConfig;
import io.culvert.config.RouteConfig;
import io.culvert.config.RouterConfig;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Address;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.RouterInterface;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel must be told so that its programs use the router's addresses through the local-delivery TAP. Immutable;
 * made from what the router is, without a look at the kernel.
 *
 * @param device the kernel's name of the TAP
 * @param routerMac the router's own MAC address on it, which is the kernel's next hop to everywhere
 * @param mtu bytes for the TAP, or empty to leave it as it is
 * @param addresses the router's own, in the order of its interfaces, without link-local ones of IPv6
 * @param broadcasts directed broadcast addresses of its IPv4 networks, with the own address there
 * @param sources which of the addresses the kernel's programs have towards a prefix unless they choose; one for 0/0 and one
 *     for ::/0 when there are addresses of that family
 * @param shared network devices, there or not, that the kernel and packet interfaces of the router both receive from
 */
record LocalDeliveryPlan(
        String device,
        long routerMac,
        OptionalInt mtu,
        List<IpAddress> addresses,
        Map<Ip4Address, Ip4Address> broadcasts,
        Map<IpPrefix, IpAddress> sources,
        List<SharedDevice> shared) {
    /** IPv6 needs it (RFC 8200 section 5), and the kernel takes IPv6 from a device with less. */
    private static final int LEAST_MTU = 1280;

    private static final Ip6Prefix DEFAULT6 = new Ip6Prefix(0, 0, 0);

    /** The longest prefix of a network with a broadcast address (RFC 3021). */
    private static final int LONGEST_WITH_BROADCAST = 30;

    /**
     * A network device with a packet interface of the router.
     *
     * @param ownMac whether the router has a MAC address of its own there, so that the kernel takes no unicast for it
     */
    record SharedDevice(String name, boolean ownMac) {}

    LocalDeliveryPlan {
        addresses = List.copyOf(addresses);
        shared = List.copyOf(shared);
    }

    /**
     * Makes the plan.
     *
     * @param tap the local-delivery interface, up
     * @param known the other interfaces with their addresses as they were when last up: the addresses of an interface that is down
     *     stay the router's
     */
    static LocalDeliveryPlan of(RouterConfig config, RouterInterface tap, Collection<RouterInterface> known) {
        Set<IpAddress> addresses = new LinkedHashSet<>();
        Map<Ip4Address, Ip4Address> broadcasts = new LinkedHashMap<>();
        Map<IpPrefix, IpAddress> sources = new LinkedHashMap<>();
        for (RouterInterface iface : known) {
            for (InterfaceAddress own : iface.addresses()) {
                IpAddress address = own.address();
                if (address instanceof Ip6Address ip6 && Ip6Address.isLinkLocal(ip6.high())) {
                    continue;
                }
                addresses.add(address);
                if (own.prefixLength() < address.bits()) {
                    sources.putIfAbsent(own.prefix(), address);
                }
                if (own.prefix() instanceof Ip4Prefix network && network.length() <= LONGEST_WITH_BROADCAST) {
                    broadcasts.putIfAbsent(new Ip4Address(network.last()), (Ip4Address) address);
                }
            }
        }
        addStaticRoutes(sources, config, known, addresses);
        InterfaceConfig.Tap configured =
                (InterfaceConfig.Tap) config.interfaces().get(tap.id());
        return new LocalDeliveryPlan(
                tap.device(),
                tap.mac(),
                configured.mtu().isPresent() ? OptionalInt.empty() : leastMtu(known),
                List.copyOf(addresses),
                broadcasts,
                sources,
                configured.virtual().netns() == null ? shared(config) : List.of());
    }

    /**
     * What static routes say, and the first address where nothing does. A route that says nothing but what the one over it
     * does is left out: of the Internet's routes by a single neighbor the kernel learns none.
     */
    private static void addStaticRoutes(
            Map<IpPrefix, IpAddress> sources,
            RouterConfig config,
            Collection<RouterInterface> known,
            Set<IpAddress> addresses) {
        List<RouteConfig> shortestFirst = new ArrayList<>(config.routes());
        shortestFirst.sort(Comparator.comparingInt(route -> route.prefix().length()));
        for (RouteConfig route : shortestFirst) {
            if (route.prefix().length() > 0) {
                break;
            }
            IpAddress source = sourceOf(route, known, addresses);
            if (source != null) {
                sources.putIfAbsent(route.prefix(), source);
            }
        }
        for (IpPrefix everything : List.of(Ip4Prefix.DEFAULT, DEFAULT6)) {
            IpAddress source = first(addresses, everything.first().bits());
            if (source != null) {
                sources.putIfAbsent(everything, source);
            }
        }
        BitSet lengths = new BitSet();
        sources.keySet().forEach(prefix -> lengths.set(prefix.length()));
        for (RouteConfig route : shortestFirst) {
            IpAddress source = sourceOf(route, known, addresses);
            if (source != null && !source.equals(over(route.prefix(), sources, lengths))) {
                sources.putIfAbsent(route.prefix(), source);
                lengths.set(route.prefix().length());
            }
        }
    }

    /** The source for the longest prefix that is shorter than this one and holds it. */
    private static @Nullable IpAddress over(IpPrefix prefix, Map<IpPrefix, IpAddress> sources, BitSet lengths) {
        IpAddress source = null;
        int length = prefix.length();
        while (source == null && length > 0 && (length = lengths.previousSetBit(length - 1)) >= 0) {
            source = sources.get(prefix.first().prefix(length));
        }
        return source;
    }

    /** Another namespace's kernel does not see the devices of this one; here it does. */
    private static List<SharedDevice> shared(RouterConfig config) {
        List<SharedDevice> shared = new ArrayList<>();
        for (InterfaceConfig iface : config.interfaces()) {
            if (iface instanceof InterfaceConfig.Packet packet) {
                shared.add(new SharedDevice(packet.device(), packet.mac() != null));
            }
        }
        return shared;
    }

    /** What the router itself would put into a packet that it sends by this route; null for the first address there is. */
    private static @Nullable IpAddress sourceOf(
            RouteConfig route, Collection<RouterInterface> known, Set<IpAddress> addresses) {
        if (route.action() != FibAction.FORWARD) {
            return null;
        }
        IpAddress source = route.source();
        if (source != null && addresses.contains(source)) {
            return source;
        }
        String outgoing = route.nextHops().get(0).interfaceName();
        for (RouterInterface iface : known) {
            if (iface.name().equals(outgoing)) {
                Set<IpAddress> own = new LinkedHashSet<>();
                iface.addresses().forEach(address -> own.add(address.address()));
                own.retainAll(addresses);
                return first(own, route.prefix().first().bits());
            }
        }
        return null;
    }

    private static @Nullable IpAddress first(Set<IpAddress> addresses, int bits) {
        for (IpAddress address : addresses) {
            if (address.bits() == bits) {
                return address;
            }
        }
        return null;
    }

    /** A program on this host then sends no packet that the router would have to cut or refuse. */
    private static OptionalInt leastMtu(Collection<RouterInterface> known) {
        OptionalInt least = known.stream().mapToInt(RouterInterface::mtu).min();
        return least.isEmpty() ? least : OptionalInt.of(Math.max(LEAST_MTU, least.getAsInt()));
    }
}
