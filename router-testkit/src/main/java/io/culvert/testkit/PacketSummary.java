// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/** Says in one line what a packet is, for people who review golden files. Judges checksums by its own plain sum. */
final class PacketSummary {
    private final byte[] bytes;
    private final List<String> words = new ArrayList<>();

    private PacketSummary(byte[] bytes) {
        this.bytes = bytes;
    }

    static String of(byte[] packet, boolean ethernet) {
        PacketSummary summary = new PacketSummary(packet);
        try {
            if (ethernet) {
                summary.ethernet();
            } else {
                summary.ip(0, packet.length, true);
            }
        } catch (ArrayIndexOutOfBoundsException | IllegalArgumentException cut) {
            summary.words.add("(cut off)");
        }
        return String.join(" ", summary.words);
    }

    private void say(String text) {
        words.add(text);
    }

    private void ethernet() {
        say("%s > %s".formatted(mac(6), mac(0)));
        int type = u16(12);
        if (type == 0x0806) {
            say("ARP %s %s is-at %s, for %s %s"
                    .formatted(u16(20) == 1 ? "request" : "reply", address(28, 4), mac(22), address(38, 4), mac(32)));
        } else if (type == 0x0800 || type == 0x86dd) {
            ip(14, bytes.length, true);
        } else {
            say("EtherType %04x".formatted(type));
        }
    }

    private void ip(int at, int end, boolean whole) {
        if (u8(at) >> 4 == 4) {
            ip4(at, end, whole);
        } else if (u8(at) >> 4 == 6) {
            ip6(at, end, whole);
        } else {
            say("not IP");
        }
    }

    private void ip4(int at, int end, boolean whole) {
        int header = (u8(at) & 15) * 4;
        int flags = u16(at + 6);
        say("IPv4 %s > %s ttl %d id %d len %d"
                .formatted(address(at + 12, 4), address(at + 16, 4), u8(at + 8), u16(at + 4), u16(at + 2)));
        if (u8(at + 1) != 0) {
            say("tos %02x".formatted(u8(at + 1)));
        }
        if ((flags & 0x4000) != 0) {
            say("DF");
        }
        if ((flags & 0x3fff) != 0) {
            say("fragment %d %s".formatted((flags & 0x1fff) * 8, (flags & 0x2000) != 0 ? "more" : "last"));
        }
        if (header > 20) {
            say("options %s".formatted(HexFormat.of().formatHex(bytes, at + 20, at + header)));
        }
        if (sum(at, at + header, 0) != 0xffff) {
            say("BAD HEADER CHECKSUM");
        }
        boolean summed = whole && (flags & 0x3fff) == 0;
        long pseudo = plain(at + 12, at + 20) + u8(at + 9) + (u16(at + 2) - header);
        if ((flags & 0x1fff) == 0) {
            transport(at + header, whole ? at + u16(at + 2) : end, u8(at + 9), summed, pseudo, false);
        }
        if (whole && at + u16(at + 2) != end) {
            say("BAD LENGTH, %d bytes there".formatted(end - at));
        }
    }

    private void ip6(int at, int end, boolean whole) {
        say("IPv6 %s > %s hop-limit %d len %d"
                .formatted(address(at + 8, 16), address(at + 24, 16), u8(at + 7), u16(at + 4)));
        int first = u16(at) << 16 | u16(at + 2);
        if ((first & 0x0fff_ffff) != 0) {
            say("class %02x flow %05x".formatted(first >> 20 & 0xff, first & 0xf_ffff));
        }
        int next = u8(at + 6);
        int header = at + 40;
        boolean summed = whole;
        boolean laterFragment = false;
        while (next == 0 || next == 43 || next == 44 || next == 60) {
            if (next == 44) {
                int offset = u16(header + 2) & 0xfff8;
                boolean more = (u16(header + 2) & 1) != 0;
                say("fragment %d %s id %08x"
                        .formatted(offset, more ? "more" : "last", u16(header + 4) << 16 | u16(header + 6)));
                summed &= offset == 0 && !more;
                laterFragment = offset != 0;
            } else {
                say(next == 0 ? "hop-by-hop" : next == 43 ? "routing" : "destination-options");
            }
            int length = next == 44 ? 8 : 8 + 8 * u8(header + 1);
            next = u8(header);
            header += length;
        }
        int last = whole ? at + 40 + u16(at + 4) : end;
        long pseudo = plain(at + 8, at + 40) + next + (last - header);
        if (!laterFragment) {
            transport(header, last, next, summed, pseudo, true);
        }
        if (whole && last != end) {
            say("BAD LENGTH, %d bytes there".formatted(end - at));
        }
    }

    private void transport(int at, int end, int protocol, boolean summed, long pseudo, boolean six) {
        boolean checked = false;
        switch (protocol) {
            case 17 -> {
                say("UDP %d > %d len %d".formatted(u16(at), u16(at + 2), u16(at + 4)));
                checked = u16(at + 6) != 0;
            }
            case 6 -> {
                StringBuilder flags = new StringBuilder();
                for (int i = 0; i < 8; i++) {
                    if ((u8(at + 13) & 1 << i) != 0) {
                        flags.append("FSRPAUEC".charAt(i));
                    }
                }
                say("TCP %d > %d %s seq %08x ack %08x"
                        .formatted(u16(at), u16(at + 2), flags, u32(at + 4), u32(at + 8)));
                checked = true;
            }
            case 1, 58 -> {
                say("%s %s".formatted(protocol == 1 ? "ICMP" : "ICMPv6", icmp(at, end, six)));
                checked = true;
                pseudo = protocol == 1 ? 0 : pseudo;
            }
            default -> say("protocol %d".formatted(protocol));
        }
        if (summed && checked && sum(at, end, pseudo) != 0xffff) {
            say("BAD CHECKSUM");
        }
    }

    private String icmp(int at, int end, boolean six) {
        int type = u8(at);
        int code = u8(at + 1);
        boolean error = six ? type < 128 : List.of(3, 4, 5, 11, 12).contains(type);
        if (error) {
            PacketSummary quoted = new PacketSummary(Arrays.copyOf(bytes, end));
            try {
                quoted.ip(at + 8, end, false);
            } catch (ArrayIndexOutOfBoundsException cut) {
                quoted.words.add("(cut off)");
            }
            return "type %d code %d value %08x about %d bytes [%s]"
                    .formatted(type, code, u32(at + 4), end - at - 8, String.join(" ", quoted.words));
        }
        if (six && (type == 135 || type == 136)) {
            String options = HexFormat.of().formatHex(bytes, at + 24, end);
            return "%s %s flags %02x options %s"
                    .formatted(
                            type == 135 ? "solicitation for" : "advertisement of",
                            address(at + 8, 16),
                            u8(at + 4),
                            options);
        }
        return "type %d code %d value %08x".formatted(type, code, u32(at + 4));
    }

    private int u8(int at) {
        return bytes[at] & 0xff;
    }

    private int u16(int at) {
        return u8(at) << 8 | u8(at + 1);
    }

    private int u32(int at) {
        return u16(at) << 16 | u16(at + 2);
    }

    private String mac(int at) {
        return HexFormat.ofDelimiter(":").formatHex(bytes, at, at + 6);
    }

    private String address(int at, int length) {
        try {
            return InetAddress.getByAddress(Arrays.copyOfRange(bytes, at, at + length))
                    .getHostAddress()
                    .replaceFirst("(^|:)(0(:|$)){2,}", "::");
        } catch (UnknownHostException wrong) {
            throw new IllegalArgumentException(wrong);
        }
    }

    private long plain(int from, int to) {
        long sum = 0;
        for (int i = from; i < to; i += 2) {
            sum += u8(i) << 8 | (i + 1 < to ? u8(i + 1) : 0);
        }
        return sum;
    }

    private int sum(int from, int to, long start) {
        long sum = start + plain(from, to);
        while (sum >>> 16 != 0) {
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return (int) sum;
    }
}
