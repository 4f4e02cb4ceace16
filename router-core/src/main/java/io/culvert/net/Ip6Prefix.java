// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

/**
 * An IPv6 prefix (RFC 4291 section 2.3) with its host bits zero.
 *
 * @since 0.1
 */
public record Ip6Prefix(long high, long low, int length) implements IpPrefix {
    public static final Ip6Prefix DEFAULT = new Ip6Prefix(0, 0, 0);

    public Ip6Prefix {
        if (length < 0 || length > 128) {
            throw new IllegalArgumentException("an IPv6 prefix length is 0 to 128, got " + length);
        }
        if (((high & ~highMask(length)) | (low & ~lowMask(length))) != 0) {
            throw new IllegalArgumentException(Ip6Address.toText(high, low) + " has bits set behind /" + length);
        }
    }

    public static Ip6Prefix parse(String text) {
        if (IpPrefix.parse(text) instanceof Ip6Prefix prefix) {
            return prefix;
        }
        throw new IllegalArgumentException("\"" + text + "\" is not an IPv6 prefix like 2001:db8::/32");
    }

    /** The mask of the first 64 bits for a length from 0 to 128. */
    public static long highMask(int length) {
        return length == 0 ? 0 : length >= 64 ? -1 : -1L << (64 - length);
    }

    /** The mask of the last 64 bits for a length from 0 to 128. */
    public static long lowMask(int length) {
        return length <= 64 ? 0 : -1L << (128 - length);
    }

    public boolean contains(long otherHigh, long otherLow) {
        return (otherHigh & highMask(length)) == high && (otherLow & lowMask(length)) == low;
    }

    @Override
    public Ip6Address first() {
        return new Ip6Address(high, low);
    }

    @Override
    public boolean contains(IpAddress other) {
        return other instanceof Ip6Address ip6 && contains(ip6.high(), ip6.low());
    }

    @Override
    public String toString() {
        return first() + "/" + length;
    }
}
