// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import org.jspecify.annotations.Nullable;

/**
 * Where a forwarding entry sends packets: an interface, and the neighbor there. Immutable.
 *
 * @param interfaceId the interface it leaves by
 * @param gateway the neighbor, which may be IPv6 for an IPv4 route (RFC 8950); null when the destination itself is on link
 * @param source the address the router prefers for what it originates this way, or null for the interface's own
 * @since 0.1
 */
public record NextHop(
        int interfaceId,
        @Nullable IpAddress gateway,
        @Nullable IpAddress source) {
    /** Whether the packet's destination is itself the neighbor. */
    public boolean onLink() {
        return gateway == null;
    }

    public boolean gatewayIs6() {
        return gateway instanceof Ip6Address;
    }

    /** The gateway's bits when it is IPv4, else 0. */
    public int gateway4() {
        return gateway instanceof Ip4Address ip4 ? ip4.value() : 0;
    }

    public long gateway6High() {
        return gateway instanceof Ip6Address ip6 ? ip6.high() : 0;
    }

    public long gateway6Low() {
        return gateway instanceof Ip6Address ip6 ? ip6.low() : 0;
    }
}
