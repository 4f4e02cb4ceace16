// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Address;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A candidate for forwarding, as its source gave it: gateways are not resolved yet. Immutable.
 *
 * @param vrf the table it belongs to
 * @param prefix its destinations; never within IPv6 link-local or multicast, which no table holds
 * @param source who says so; a source has one route to a prefix, with all its next hops
 * @param preference the lowest of a prefix wins: connected 0, static 1, later daemons above
 * @param metric decides among routes of equal preference and source; the lowest wins
 * @param action what to do with the packets
 * @param vias at least one for {@link FibAction#FORWARD}, equal in cost; exactly one for LOCAL and BROADCAST; else none
 */
public record Route(
        int vrf, IpPrefix prefix, RouteSource source, int preference, int metric, FibAction action, List<Via> vias) {

    /** More equal-cost next hops than this are a mistake. */
    public static final int MAX_VIAS = 64;

    /**
     * One way to the destinations.
     *
     * @param gateway the next router, IPv4 or IPv6 (RFC 8950); null when the destinations are on link
     * @param interfaceId the interface, or {@link InterfaceId#NONE} for the one that reaches the gateway
     * @param preferredSource the router's own source address this way, or null for the outgoing interface's
     */
    public record Via(
            @Nullable IpAddress gateway,
            int interfaceId,
            @Nullable IpAddress preferredSource) {
        public Via {
            if (interfaceId < InterfaceId.NONE) {
                throw new IllegalArgumentException("not an interface id: " + interfaceId);
            }
            if (gateway == null && interfaceId == InterfaceId.NONE) {
                throw new IllegalArgumentException("a next hop needs a gateway, an interface or both");
            }
            if (interfaceId == InterfaceId.NONE
                    && gateway instanceof Ip6Address ip6
                    && Ip6Address.isLinkLocal(ip6.high())) {
                throw new IllegalArgumentException(
                        "the link-local gateway " + gateway + " says nothing without an interface");
            }
            if (gateway != null && !isOneStation(gateway)) {
                throw new IllegalArgumentException("a gateway is one station's address, not " + gateway);
            }
        }

        private static boolean isOneStation(IpAddress address) {
            if (address instanceof Ip6Address ip6) {
                return !Ip6Address.isMulticast(ip6.high()) && !Ip6Address.isUnspecified(ip6.high(), ip6.low());
            }
            return address instanceof Ip4Address ip4 && ip4.value() != 0 && !Ip4Address.isMulticast(ip4.value());
        }

        static Via onLink(int interfaceId, @Nullable IpAddress preferredSource) {
            return new Via(null, interfaceId, preferredSource);
        }
    }

    /** What names a route: a source has one to each prefix. */
    public record Key(int vrf, IpPrefix prefix, RouteSource source) {}

    public Route {
        vias = List.copyOf(vias);
        if (vrf < 0 || vrf >= Fib.MAX_VRFS) {
            throw new IllegalArgumentException("VRF ids are 0 to " + (Fib.MAX_VRFS - 1) + ", got " + vrf);
        }
        if (isMulticast(prefix)) {
            throw new IllegalArgumentException(prefix + " is multicast, which is not routed");
        }
        if (prefix instanceof Ip6Prefix ip6 && ip6.length() >= 10 && Ip6Address.isLinkLocal(ip6.high())) {
            throw new IllegalArgumentException(prefix + " is link-local, which is not routed");
        }
        int fewest = action == FibAction.FORWARD || action == FibAction.LOCAL || action == FibAction.BROADCAST ? 1 : 0;
        int most = action == FibAction.FORWARD ? MAX_VIAS : fewest;
        if (action == FibAction.NO_ROUTE || vias.size() < fewest || vias.size() > most) {
            throw new IllegalArgumentException(
                    prefix + ": a route with action " + action + " cannot have " + vias.size() + " next hops");
        }
        for (Via via : vias) {
            if (prefix instanceof Ip6Prefix && via.gateway() instanceof Ip4Address) {
                throw new IllegalArgumentException(prefix + " cannot go via the IPv4 address " + via.gateway());
            }
            if (via.preferredSource() != null
                    && via.preferredSource().bits() != prefix.first().bits()) {
                throw new IllegalArgumentException(
                        prefix + " has a preferred source of the other family: " + via.preferredSource());
            }
        }
    }

    /** An operator's route over one or more equal next hops. */
    public static Route forward(int vrf, IpPrefix prefix, Via... vias) {
        return statically(vrf, prefix, FibAction.FORWARD, List.of(vias));
    }

    /** An operator's route that refuses or swallows packets. */
    public static Route refuse(int vrf, IpPrefix prefix, FibAction action) {
        return statically(vrf, prefix, action, List.of());
    }

    private static Route statically(int vrf, IpPrefix prefix, FibAction action, List<Via> vias) {
        return new Route(vrf, prefix, RouteSource.STATIC, RouteSource.STATIC.defaultPreference(), 0, action, vias);
    }

    private static boolean isMulticast(IpPrefix prefix) {
        if (prefix instanceof Ip6Prefix ip6) {
            return ip6.length() >= 8 && Ip6Address.isMulticast(ip6.high());
        }
        return prefix instanceof Ip4Prefix ip4 && ip4.length() >= 4 && Ip4Address.isMulticast(ip4.address());
    }

    public Key key() {
        return new Key(vrf, prefix, source);
    }
}
