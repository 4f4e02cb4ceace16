// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

import java.util.HexFormat;

/**
 * An IEEE 802 48-bit MAC address, held in the low 48 bits of a {@code long} in transmission order.
 *
 * <p>The fast path passes the bare {@code long}; this type stands at the borders (configuration, tables, output).
 *
 * @since 0.1
 */
public record MacAddress(long value) {
    public static final MacAddress BROADCAST = new MacAddress(0xffff_ffff_ffffL);

    public MacAddress {
        if (value >>> 48 != 0) {
            throw new IllegalArgumentException("a MAC address has 48 bits, got 0x" + Long.toHexString(value));
        }
    }

    /**
     * Parses {@code 02:00:5e:10:00:01} (or with dashes).
     *
     * @throws IllegalArgumentException with a message for people when the text is no MAC address
     */
    public static MacAddress parse(String text) {
        String[] parts = text.split("[:-]", -1);
        if (parts.length != 6) {
            throw new IllegalArgumentException("\"" + text + "\" is not a MAC address like 02:00:00:00:00:01");
        }
        long value = 0;
        for (String part : parts) {
            if (part.length() != 2 || !HexFormat.isHexDigit(part.charAt(0)) || !HexFormat.isHexDigit(part.charAt(1))) {
                throw new IllegalArgumentException("\"" + text + "\" is not a MAC address like 02:00:00:00:00:01");
            }
            value = value << 8 | Integer.parseInt(part, 16);
        }
        return new MacAddress(value);
    }

    /** The group bit (IEEE 802 section 8.2): set for multicast and broadcast. */
    public static boolean isGroup(long mac) {
        return (mac >>> 40 & 1) != 0;
    }

    /** Where an IPv4 multicast packet is sent on Ethernet (RFC 1112 section 6.4): 01:00:5e and the low 23 bits. */
    public static long ofIp4Multicast(int group) {
        return 0x0100_5e00_0000L | (group & 0x7f_ffff);
    }

    /** Where an IPv6 multicast packet is sent on Ethernet (RFC 2464 section 7): 33:33 and the low 32 bits. */
    public static long ofIp6Multicast(long groupLow) {
        return 0x3333_0000_0000L | (groupLow & 0xffff_ffffL);
    }

    /** The text of a bare 48-bit value, for messages. */
    public static String toText(long mac) {
        return new MacAddress(mac).toString();
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder(17);
        for (int shift = 40; shift >= 0; shift -= 8) {
            if (shift != 40) {
                text.append(':');
            }
            int octet = (int) (value >>> shift) & 0xff;
            text.append(Character.forDigit(octet >>> 4, 16)).append(Character.forDigit(octet & 0xf, 16));
        }
        return text.toString();
    }
}
