// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import static io.culvert.config.Key.optional;
import static io.culvert.config.Key.required;
import static io.culvert.config.Key.withDefault;

import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Address;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import java.util.List;

/** An element of {@code routes}: its keys. What must fit to the interfaces is checked by {@link Consistency}. */
final class RouteSection {
    /** The most equal-cost next hops of a route. */
    static final int MAX_HOPS = 64;

    static final List<FibAction> ACTIONS = List.of(FibAction.UNREACHABLE, FibAction.BLACKHOLE, FibAction.PROHIBIT);

    private static final ValueType<IpPrefix> ROUTED_PREFIX =
            ValueType.named(ValueType.PREFIX.expected(), RouteSection::routedPrefix);

    static final Key<IpPrefix> PREFIX = required("prefix", ROUTED_PREFIX, "The destinations of the route.");
    static final Key<List<Located<IpAddress>>> VIA = optional(
            "via",
            ValueType.listOf(ValueType.ADDRESS),
            "the destinations are on the link of interface",
            "The next hop; several share the traffic by flow. It may be IPv6 for an IPv4 prefix (RFC 8950). On a tun,"
                    + " where there are no neighbors, it does no more than say which interface.");
    static final Key<List<Located<String>>> INTERFACE = optional(
            "interface",
            ValueType.listOf(ValueType.TEXT),
            "the one whose prefix holds via",
            "The interface the route leads out of; several without via share the traffic by flow.");
    static final Key<FibAction> ACTION = optional(
            "action",
            ValueType.choice(ACTIONS, ValueType::written),
            "the packets are forwarded",
            "Drop instead of forwarding: telling the sender it is unreachable, in silence, or telling it is prohibited.");
    static final Key<IpAddress> SRC = optional(
            "src",
            ValueType.ADDRESS,
            "an address of the outgoing interface",
            "The source address of what the router itself sends by this route; one of its own.");
    static final Key<Long> PREFERENCE = withDefault(
            "preference",
            ValueType.number(1, 255),
            "1",
            "Which source of routes is trusted more: the lowest wins; connected networks have 0.");
    static final Key<Long> METRIC = withDefault(
            "metric",
            ValueType.number(0, Integer.MAX_VALUE),
            "0",
            "Shown with the route; it would decide between static routes to one prefix, of which a file has one.");

    static final Section SECTION = new Section(
            "A static route: with via, interface or action.",
            List.of(PREFIX, VIA, INTERFACE, ACTION, SRC, PREFERENCE, METRIC));

    private RouteSection() {}

    private static IpPrefix routedPrefix(String text) {
        IpPrefix prefix = IpPrefix.parse(text);
        if (prefix instanceof Ip4Prefix ip4 ? isMulticast(ip4) : prefix instanceof Ip6Prefix ip6 && isMulticast(ip6)) {
            throw new IllegalArgumentException(prefix + " is multicast, which is not routed");
        }
        if (prefix instanceof Ip6Prefix ip6 && ip6.length() >= 10 && Ip6Address.isLinkLocal(ip6.high())) {
            throw new IllegalArgumentException(prefix + " is link-local, which is not routed");
        }
        return prefix;
    }

    private static boolean isMulticast(Ip4Prefix prefix) {
        return prefix.length() >= 4 && Ip4Address.isMulticast(prefix.address());
    }

    private static boolean isMulticast(Ip6Prefix prefix) {
        return prefix.length() >= 8 && Ip6Address.isMulticast(prefix.high());
    }
}
