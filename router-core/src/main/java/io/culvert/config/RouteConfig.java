// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A static route.
 *
 * @param action {@link FibAction#FORWARD}, or one of UNREACHABLE, BLACKHOLE, PROHIBIT
 * @param nextHops equal-cost next hops, at least one for FORWARD and none otherwise
 * @param source what the router originates by this route has this source address, or null for the interface's
 * @param preference how much the source of the route is trusted: less is better, connected routes have 0
 * @param metric decides between routes of equal preference: less is better
 */
public record RouteConfig(
        IpPrefix prefix,
        FibAction action,
        List<Hop> nextHops,
        @Nullable IpAddress source,
        int preference,
        int metric) {
    public RouteConfig {
        nextHops = List.copyOf(nextHops);
    }

    /**
     * A next hop.
     *
     * @param interfaceName the interface it is reached by, also where the file names only the address
     * @param via the neighbor's address, possibly IPv6 for an IPv4 prefix (RFC 8950), or null when the destination is on link
     */
    public record Hop(String interfaceName, @Nullable IpAddress via) {}
}
