// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

/**
 * An IPv4 prefix (RFC 4632) with its host bits zero.
 *
 * @since 0.1
 */
public record Ip4Prefix(int address, int length) implements IpPrefix {
    public static final Ip4Prefix DEFAULT = new Ip4Prefix(0, 0);

    public Ip4Prefix {
        if (length < 0 || length > 32) {
            throw new IllegalArgumentException("an IPv4 prefix length is 0 to 32, got " + length);
        }
        if ((address & ~mask(length)) != 0) {
            throw new IllegalArgumentException(Ip4Address.toText(address) + " has bits set behind /" + length);
        }
    }

    public static Ip4Prefix parse(String text) {
        if (IpPrefix.parse(text) instanceof Ip4Prefix prefix) {
            return prefix;
        }
        throw new IllegalArgumentException("\"" + text + "\" is not an IPv4 prefix like 192.0.2.0/24");
    }

    /** The netmask of a length from 0 to 32. */
    public static int mask(int length) {
        return length == 0 ? 0 : -1 << (32 - length);
    }

    public boolean contains(int other) {
        return (other & mask(length)) == address;
    }

    /** The highest address: the directed broadcast address when the length is at most 30 (RFC 919, RFC 3021). */
    public int last() {
        return address | ~mask(length);
    }

    @Override
    public Ip4Address first() {
        return new Ip4Address(address);
    }

    @Override
    public boolean contains(IpAddress other) {
        return other instanceof Ip4Address ip4 && contains(ip4.value());
    }

    @Override
    public String toString() {
        return Ip4Address.toText(address) + "/" + length;
    }
}
