// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

/**
 * A set of addresses that share their leading bits. Host bits are zero: a parse that would have to clear some fails.
 *
 * @since 0.1
 */
public sealed interface IpPrefix permits Ip4Prefix, Ip6Prefix {
    /**
     * Parses {@code 10.0.0.0/8} or {@code 2001:db8::/32}; a bare address is a prefix of full length.
     *
     * @throws IllegalArgumentException with a message for people, naming the prefix that was probably meant when host bits are set
     */
    static IpPrefix parse(String text) {
        int slash = text.indexOf('/');
        IpAddress address = IpAddress.parse(slash < 0 ? text : text.substring(0, slash));
        int length = slash < 0 ? address.bits() : parseLength(text, slash, address.bits());
        IpPrefix prefix = address.prefix(length);
        if (!prefix.first().equals(address)) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" has bits set behind its length; did you mean " + prefix + "?");
        }
        return prefix;
    }

    /** The number after the slash in {@code text}, checked against the family's width. */
    static int parseLength(String text, int slash, int bits) {
        String digits = text.substring(slash + 1);
        if (digits.isEmpty() || digits.length() > 3 || !digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" has no prefix length from 0 to " + bits + " after the slash");
        }
        int length = Integer.parseInt(digits);
        if (length > bits) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" has prefix length " + length + ", the most is " + bits);
        }
        return length;
    }

    /** The lowest address: the prefix itself. */
    IpAddress first();

    int length();

    boolean contains(IpAddress address);

    /** Whether this prefix and {@code other} share an address: one holds the other. */
    default boolean overlaps(IpPrefix other) {
        return contains(other.first()) || other.contains(first());
    }
}
