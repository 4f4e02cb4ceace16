// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

import org.jspecify.annotations.Nullable;

/**
 * An IPv6 address (RFC 4291): 128 bits as two big-endian halves.
 *
 * @since 0.1
 */
public record Ip6Address(long high, long low) implements IpAddress {
    public static final Ip6Address UNSPECIFIED = new Ip6Address(0, 0);
    /** ff02::1, all nodes on the link (RFC 4291 section 2.7.1). */
    public static final Ip6Address ALL_NODES = new Ip6Address(0xff02_0000_0000_0000L, 1);
    /** ff02::2, all routers on the link (RFC 4291 section 2.7.1). */
    public static final Ip6Address ALL_ROUTERS = new Ip6Address(0xff02_0000_0000_0000L, 2);

    /**
     * Parses the forms of RFC 4291 section 2.2, without a zone.
     *
     * @throws IllegalArgumentException with a message for people
     */
    public static Ip6Address parse(String text) {
        int gap = text.indexOf("::");
        int[] head = new int[8];
        int[] tail = new int[8];
        int headGroups;
        int tailGroups = 0;
        if (gap < 0) {
            headGroups = parseGroups(text, text, head);
        } else {
            if (text.indexOf("::", gap + 1) >= 0) {
                throw notAnAddress(text);
            }
            headGroups = gap == 0 ? 0 : parseGroups(text, text.substring(0, gap), head);
            String rest = text.substring(gap + 2);
            tailGroups = rest.isEmpty() ? 0 : parseGroups(text, rest, tail);
        }
        if (gap < 0 ? headGroups != 8 : headGroups + tailGroups > 7) {
            throw notAnAddress(text);
        }
        System.arraycopy(tail, 0, head, 8 - tailGroups, tailGroups);
        return new Ip6Address(half(head, 0), half(head, 4));
    }

    private static int parseGroups(String whole, String text, int[] into) {
        String[] parts = text.split(":", -1);
        int count = 0;
        for (int i = 0; i < parts.length; i++) {
            String part = parts[i];
            if (part.indexOf('.') >= 0 && i == parts.length - 1 && whole.endsWith(part) && count <= 6) {
                int ip4 = embedded(whole, part);
                into[count++] = ip4 >>> 16;
                into[count++] = ip4 & 0xffff;
                continue;
            }
            if (part.isEmpty() || part.length() > 4 || count == 8) {
                throw notAnAddress(whole);
            }
            int group = 0;
            for (int k = 0; k < part.length(); k++) {
                int digit = Character.digit(part.charAt(k), 16);
                if (digit < 0 || part.charAt(k) > 'f') {
                    throw notAnAddress(whole);
                }
                group = group << 4 | digit;
            }
            into[count++] = group;
        }
        return count;
    }

    private static int embedded(String whole, String dotted) {
        try {
            return Ip4Address.parse(dotted).value();
        } catch (IllegalArgumentException notDotted) {
            throw notAnAddress(whole);
        }
    }

    private static long half(int[] groups, int from) {
        return (long) groups[from] << 48
                | (long) groups[from + 1] << 32
                | (long) groups[from + 2] << 16
                | groups[from + 3];
    }

    private static IllegalArgumentException notAnAddress(String text) {
        return new IllegalArgumentException("\"" + text + "\" is not an IPv6 address like 2001:db8::1");
    }

    /** ff00::/8 (RFC 4291 section 2.7). */
    public static boolean isMulticast(long high) {
        return high >>> 56 == 0xff;
    }

    /** fe80::/10 (RFC 4291 section 2.5.6). */
    public static boolean isLinkLocal(long high) {
        return high >>> 54 == 0x3fa;
    }

    public static boolean isUnspecified(long high, long low) {
        return (high | low) == 0;
    }

    /** ::1 (RFC 4291 section 2.5.3). */
    public static boolean isLoopback(long high, long low) {
        return high == 0 && low == 1;
    }

    /** The high half of every solicited-node address, ff02::1:ff00:0/104 (RFC 4291 section 2.7.1). */
    public static final long SOLICITED_NODE_HIGH = 0xff02_0000_0000_0000L;

    /** The low half of the solicited-node address of an address with this low half. */
    public static long solicitedNodeLow(long low) {
        return 0x0000_0001_ff00_0000L | (low & 0xff_ffffL);
    }

    /** The link-local address with the modified EUI-64 of a MAC address (RFC 4291 appendix A, RFC 2464 section 4). */
    public static Ip6Address linkLocal(MacAddress mac) {
        long oui = mac.value() >>> 24;
        long nic = mac.value() & 0xff_ffffL;
        return new Ip6Address(0xfe80_0000_0000_0000L, (oui << 40 | 0xff_fe00_0000L | nic) ^ 0x0200_0000_0000_0000L);
    }

    /** The text of a bare address, for messages. */
    public static String toText(long high, long low) {
        return new Ip6Address(high, low).toString();
    }

    private int group(int index) {
        long half = index < 4 ? high : low;
        return (int) (half >>> (48 - 16 * (index & 3))) & 0xffff;
    }

    @Override
    public int bits() {
        return 128;
    }

    @Override
    public Ip6Prefix prefix(int length) {
        return new Ip6Prefix(high & Ip6Prefix.highMask(length), low & Ip6Prefix.lowMask(length), length);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Ip6Address that && high == that.high && low == that.low;
    }

    @Override
    public int hashCode() {
        long mixed = (high ^ low * 0x9e37_79b9_7f4a_7c15L) * 0xbf58_476d_1ce4_e5b9L;
        return (int) (mixed >>> 32);
    }

    /** The canonical text of RFC 5952: lower case, the longest run of zeros (first of equals, at least two) as {@code ::}. */
    @Override
    public String toString() {
        int gapFrom = -1;
        int gapLength = 1;
        for (int i = 0; i < 8; i++) {
            int j = i;
            while (j < 8 && group(j) == 0) {
                j++;
            }
            if (j - i > gapLength) {
                gapFrom = i;
                gapLength = j - i;
            }
            i = Math.max(i, j);
        }
        StringBuilder text = new StringBuilder(39);
        for (int i = 0; i < 8; i++) {
            if (i == gapFrom) {
                text.append("::");
                i += gapLength - 1;
            } else {
                if (i != 0 && i != gapFrom + gapLength) {
                    text.append(':');
                }
                text.append(Integer.toHexString(group(i)));
            }
        }
        return text.toString();
    }
}
