// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;

/**
 * An IPv4 or IPv6 address at the borders of the router; the fast path uses the bare {@code int} or two {@code long}s.
 *
 * @since 0.1
 */
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

    /** The JDK's form, which the kernel's interfaces take. The JDK makes an IPv4-mapped IPv6 address an IPv4 one. */
    default InetAddress toInetAddress() {
        ByteBuffer bytes = ByteBuffer.allocate(bits() / Byte.SIZE);
        if (this instanceof Ip4Address ip4) {
            bytes.putInt(ip4.value());
        } else if (this instanceof Ip6Address ip6) {
            bytes.putLong(ip6.high()).putLong(ip6.low());
        }
        try {
            return InetAddress.getByAddress(bytes.array());
        } catch (UnknownHostException impossible) {
            throw new AssertionError("4 and 16 bytes are addresses", impossible);
        }
    }
}
