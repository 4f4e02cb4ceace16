// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.zip.CRC32;

/**
 * One packet that came out of a router, as named fields in wire order, and what differs between the outputs of two. Shares
 * no code with the views that the router itself reads packets with.
 *
 * <p>Not compared, since each router chooses it freely: the identification of packets and fragments that the router itself
 * made, and the time in a timestamp option. Checksums are verified instead of compared, as they follow from the rest.
 */
final class ProbeOutput {
    private static final int ETHERNET_BYTES = 14;
    private static final int IP6_BYTES = 40;
    private static final Set<String> ROUTER_ADDRESSES = Set.of("10.1.0.1", "10.2.0.1", "fd01::1", "fd02::1");
    private static final int TIMESTAMP = 68;

    private final String side;
    private final Map<String, String> fields = new LinkedHashMap<>();
    private String kind = "";

    ProbeOutput(ProbeNetwork.Arrival arrival) {
        side = arrival.side().toString();
        byte[] frame = arrival.frame();
        HexFormat hex = HexFormat.of();
        fields.put("link destination", hex.formatHex(frame, 0, 6));
        fields.put("link source", hex.formatHex(frame, 6, 12));
        ByteBuffer packet = ByteBuffer.wrap(Arrays.copyOfRange(frame, ETHERNET_BYTES, frame.length));
        if (frame[12] == 0x08 && frame[13] == 0) {
            ip4(packet, arrival.checksumOpen());
        } else {
            ip6(packet, arrival.checksumOpen());
        }
    }

    private void ip4(ByteBuffer packet, boolean checksumOpen) {
        int headerBytes = (packet.get(0) & 15) * 4;
        int length = packet.getShort(2) & 0xffff;
        String source = dotted(bytes(packet, 12, 16));
        boolean routersOwn = ROUTER_ADDRESSES.contains(source);
        int fragment = packet.getShort(6) & 0xffff;
        put("version", (packet.get(0) & 0xff) >>> 4);
        put("tos", packet.get(1) & 0xff);
        put("length", length);
        fields.put("id", routersOwn ? "free" : String.valueOf(packet.getShort(4) & 0xffff));
        fields.put("flags", ((fragment & 0x4000) != 0 ? "DF" : "") + ((fragment & 0x2000) != 0 ? "MF" : ""));
        put("offset", (fragment & 0x1fff) * 8);
        put("ttl", packet.get(8) & 0xff);
        int protocol = packet.get(9) & 0xff;
        put("protocol", protocol);
        fields.put("header checksum", sum(0, bytes(packet, 0, headerBytes)) == 0xffff ? "right" : "wrong");
        fields.put("source", source);
        fields.put("destination", dotted(bytes(packet, 16, 20)));
        fields.put("options", options(bytes(packet, 20, headerBytes)));
        put("bytes behind the packet", packet.capacity() - length);
        byte[] payload = bytes(packet, headerBytes, length);
        long pseudo = sum(0, bytes(packet, 12, 20)) + protocol + payload.length;
        boolean whole = (fragment & 0x3fff) == 0;
        transport(protocol, payload, pseudo, whole, checksumOpen);
        if (!whole) {
            kind = "fragment at " + fields.get("offset") + (fields.get("flags").contains("MF") ? "+" : "");
        }
    }

    private void ip6(ByteBuffer packet, boolean checksumOpen) {
        int first = packet.getInt(0);
        int length = packet.getShort(4) & 0xffff;
        put("version", first >>> 28);
        put("traffic class", first >>> 20 & 0xff);
        put("flow label", first & 0xfffff);
        put("length", length);
        put("hop limit", packet.get(7) & 0xff);
        fields.put("source", colons(bytes(packet, 8, 24)));
        fields.put("destination", colons(bytes(packet, 24, 40)));
        put("bytes behind the packet", packet.capacity() - IP6_BYTES - length);
        int next = packet.get(6) & 0xff;
        int at = IP6_BYTES;
        boolean whole = true;
        while ((next == 0 || next == 43 || next == 60 || next == 44) && at + 8 <= packet.capacity()) {
            int bytes = next == 44 ? 8 : 8 + 8 * (packet.get(at + 1) & 0xff);
            // The identification of the router's own fragments is its own choice.
            int compared = next == 44 && ROUTER_ADDRESSES.contains(fields.get("source")) ? 4 : bytes;
            fields.put("header " + next, HexFormat.of().formatHex(bytes(packet, at, at + compared)));
            whole &= next != 44;
            next = packet.get(at) & 0xff;
            at += bytes;
        }
        put("next header", next);
        byte[] payload = bytes(packet, at, IP6_BYTES + length);
        long pseudo = sum(0, bytes(packet, 8, 40)) + next + payload.length;
        transport(next, payload, pseudo, whole, checksumOpen);
        if (!whole) {
            kind = "fragment";
        }
    }

    private void transport(int protocol, byte[] payload, long pseudo, boolean whole, boolean checksumOpen) {
        ByteBuffer data = ByteBuffer.wrap(payload);
        kind = "protocol " + protocol;
        int body = 0;
        if (whole && (protocol == 1 || protocol == 58) && payload.length >= 8) {
            kind = (protocol == 1 ? "ICMP " : "ICMPv6 ") + (payload[0] & 0xff) + "/" + (payload[1] & 0xff);
            fields.put("message", kind);
            checksum(sum(protocol == 1 ? 0 : pseudo, payload), checksumOpen);
            fields.put("second word", "%08x".formatted(data.getInt(4)));
            body = 8;
            int type = payload[0] & 0xff;
            boolean error = protocol == 58 ? type < 128 : type == 3 || type == 11 || type == 12;
            if (error && payload.length > 8 + 20) {
                boolean quotes4 = payload[8] >>> 4 == 4;
                int hops = quotes4 ? 16 : 15;
                put("quoted TTL", payload[hops] & 0xff);
                payload[hops] = 0;
                if (quotes4) {
                    payload[18] = 0;
                    payload[19] = 0;
                }
            }
        } else if (whole && protocol == 17 && payload.length >= 8) {
            kind = "UDP";
            put("source port", data.getShort(0) & 0xffff);
            put("destination port", data.getShort(2) & 0xffff);
            put("udp length", data.getShort(4) & 0xffff);
            if (data.getShort(6) == 0) {
                fields.put("checksum", "none");
            } else {
                checksum(sum(pseudo, payload), checksumOpen);
            }
            body = 8;
        } else if (whole && protocol == 6 && payload.length >= 20) {
            kind = "TCP " + ((payload[13] & 4) != 0 ? "RST" : "segment");
            put("source port", data.getShort(0) & 0xffff);
            put("destination port", data.getShort(2) & 0xffff);
            fields.put("sequence", Integer.toUnsignedString(data.getInt(4)));
            fields.put("acknowledgment", Integer.toUnsignedString(data.getInt(8)));
            fields.put("offset and flags", "%04x".formatted(data.getShort(12) & 0xffff));
            put("window", data.getShort(14) & 0xffff);
            checksum(sum(pseudo, payload), checksumOpen);
            put("urgent", data.getShort(18) & 0xffff);
            body = 20;
        }
        CRC32 crc = new CRC32();
        crc.update(payload, body, payload.length - body);
        fields.put("data", payload.length - body + " bytes (" + Long.toHexString(crc.getValue()) + ")");
    }

    /** Options in hex; the first timestamp, which is the time of the day, only as such. */
    private static String options(byte[] options) {
        String text = HexFormat.of().formatHex(options);
        boolean stamped = options.length >= 8 && (options[0] & 0xff) == TIMESTAMP && options[2] > 5;
        return stamped ? text.substring(0, 8) + "(time)" + text.substring(16) : text;
    }

    private void checksum(long sum, boolean open) {
        fields.put("checksum", open || fold(sum) == 0xffff ? "right" : "wrong");
    }

    private void put(String name, int value) {
        fields.put(name, String.valueOf(value));
    }

    /** What it is, in a word or two. */
    String kind() {
        return kind;
    }

    private String summary() {
        return kind + " to " + side;
    }

    /** What a router's outputs were, in words for the table. */
    private static String summary(List<ProbeOutput> outputs) {
        if (outputs.isEmpty()) {
            return "nothing";
        }
        return String.join(", ", outputs.stream().map(ProbeOutput::summary).toList());
    }

    /** What differs between the outputs of two routers, in two cells; empty if nothing does. */
    static List<String> difference(List<ProbeOutput> kernel, List<ProbeOutput> culvert) {
        if (!summary(kernel).equals(summary(culvert))) {
            return List.of(summary(kernel), summary(culvert));
        }
        List<String> left = new ArrayList<>();
        List<String> right = new ArrayList<>();
        for (int i = 0; i < kernel.size(); i++) {
            Map<String, String> one = kernel.get(i).fields;
            Map<String, String> other = culvert.get(i).fields;
            Set<String> names = new TreeSet<>(one.keySet());
            names.addAll(other.keySet());
            for (String name : names) {
                String mine = one.getOrDefault(name, "absent");
                String theirs = other.getOrDefault(name, "absent");
                if (!mine.equals(theirs)) {
                    left.add(label(kernel, i, name) + mine);
                    right.add(label(culvert, i, name) + theirs);
                }
            }
        }
        return left.isEmpty() ? List.of() : List.of(String.join(", ", left), String.join(", ", right));
    }

    private static String label(List<ProbeOutput> outputs, int index, String field) {
        return outputs.get(index).summary() + ": " + field + " ";
    }

    @Override
    public String toString() {
        return summary() + " " + fields;
    }

    /** Whether it is a Neighbor Solicitation. */
    static boolean isSolicitation(byte[] frame) {
        return frame.length >= 78 && isIp6(frame) && frame[20] == 58 && (frame[54] & 0xff) == 135;
    }

    /** Whether routers send it of their own accord: multicast listener reports and router solicitations. */
    static boolean isHousekeeping(byte[] frame) {
        if (!isIp6(frame) || frame.length < 64) {
            return !isIp6(frame) && !(frame[12] == 0x08 && frame[13] == 0);
        }
        int type = frame[20] == 0 ? frame[62] & 0xff : frame[54] & 0xff;
        boolean icmp = frame[20] == 58 || (frame[20] == 0 && frame[54] == 58);
        return icmp && (type == 143 || type == 133);
    }

    /** The destination address of a whole IPv4 or IPv6 packet. */
    static String destination(byte[] frame) {
        return isIp6(frame) ? colons(Arrays.copyOfRange(frame, 38, 54)) : dotted(Arrays.copyOfRange(frame, 30, 34));
    }

    private static boolean isIp6(byte[] frame) {
        return frame.length >= 54 && (frame[12] & 0xff) == 0x86 && (frame[13] & 0xff) == 0xdd;
    }

    static String dotted(byte[] address) {
        return new Ip4Address(ByteBuffer.wrap(address).getInt()).toString();
    }

    static String colons(byte[] address) {
        ByteBuffer buffer = ByteBuffer.wrap(address);
        return new Ip6Address(buffer.getLong(), buffer.getLong()).toString();
    }

    private static byte[] bytes(ByteBuffer packet, int from, int to) {
        byte[] bytes = new byte[Math.max(0, Math.min(to, packet.capacity()) - from)];
        packet.get(Math.min(from, packet.capacity()), bytes);
        return bytes;
    }

    private static long sum(long start, byte[] bytes) {
        long sum = start;
        for (int i = 0; i < bytes.length; i++) {
            sum += (long) (bytes[i] & 0xff) << (i % 2 == 0 ? 8 : 0);
        }
        return fold(sum);
    }

    private static long fold(long sum) {
        long folded = sum;
        while (folded >>> 16 != 0) {
            folded = (folded & 0xffff) + (folded >>> 16);
        }
        return folded;
    }
}
