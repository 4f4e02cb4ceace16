// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

/** An IPv4 or IPv6 address at the borders of the router; the fast path uses the bare {@code int} or two {@code long}s. */
public sealed interface IpAddress permits Ip4Address, Ip6Address {
    /**
     * Parses either family; a colon decides for IPv6.
     *
     * @throws IllegalArgumentException with a message for people
     */
    static IpAddress parse(String text) {
        return text.indexOf(':') >= 0 ? Ip6Address.parse(text) : Ip4Address.parse(text);
    }

    /** Bits of this family's addresses: 32 or 128. */
    int bits();

    /** The prefix of this length that holds this address, host bits cleared. */
    IpPrefix prefix(int length);
}
