// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

/**
 * An IPv4 address (RFC 791): 32 bits, most significant octet first.
 *
 * @since 0.1
 */
public record Ip4Address(int value) implements IpAddress {
    /**
     * Parses dotted decimal with four octets and no leading zeros (they read as octal elsewhere).
     *
     * @throws IllegalArgumentException with a message for people
     */
    public static Ip4Address parse(String text) {
        int value = 0;
        int octets = 0;
        int octet = -1;
        for (int i = 0; i <= text.length(); i++) {
            char c = i < text.length() ? text.charAt(i) : '.';
            if (c >= '0' && c <= '9' && octet != 0) {
                octet = (octet < 0 ? 0 : octet) * 10 + (c - '0');
                if (octet > 255) {
                    throw notAnAddress(text);
                }
            } else if (c == '.' && octet >= 0 && octets < 4) {
                value = value << 8 | octet;
                octets++;
                octet = -1;
            } else {
                throw notAnAddress(text);
            }
        }
        if (octets != 4) {
            throw notAnAddress(text);
        }
        return new Ip4Address(value);
    }

    private static IllegalArgumentException notAnAddress(String text) {
        return new IllegalArgumentException("\"" + text + "\" is not an IPv4 address like 192.0.2.1");
    }

    /** 224.0.0.0/4 (RFC 5771). */
    public static boolean isMulticast(int address) {
        return address >>> 28 == 0xe;
    }

    /** 127.0.0.0/8 (RFC 1122 section 3.2.1.3). */
    public static boolean isLoopback(int address) {
        return address >>> 24 == 127;
    }

    /** 169.254.0.0/16 (RFC 3927). */
    public static boolean isLinkLocal(int address) {
        return address >>> 16 == 0xa9fe;
    }

    /** The text of a bare address, for messages. */
    public static String toText(int address) {
        return (address >>> 24) + "." + (address >>> 16 & 0xff) + "." + (address >>> 8 & 0xff) + "." + (address & 0xff);
    }

    @Override
    public int bits() {
        return 32;
    }

    @Override
    public Ip4Prefix prefix(int length) {
        return new Ip4Prefix(value & Ip4Prefix.mask(length), length);
    }

    @Override
    public String toString() {
        return toText(value);
    }
}
