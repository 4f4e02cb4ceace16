// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;

/** Reads packets as {@link Packets#parse} has them. */
final class PacketText {
    private final Deque<String> words;

    private PacketText(String text) {
        words = new ArrayDeque<>(Arrays.asList(text.trim().split("\\s+")));
    }

    static byte[] parse(String text) {
        return new PacketText(text).packet();
    }

    private byte[] packet() {
        if ("hex".equals(words.peek())) {
            words.remove();
            return HexFormat.of().parseHex(String.join("", words));
        }
        PacketBuilder builder = switch (word()) {
            case "ethernet" -> Packets.ethernet(word(), word());
            case "arp-request" -> Packets.arpRequest(word(), word(), word());
            case "arp-reply" -> Packets.arpReply(word(), word(), word(), word());
            case "ip4" -> Packets.ip4();
            case "ip6" -> Packets.ip6();
            default -> throw new IllegalArgumentException("a packet starts with its outermost header");
        };
        while (!words.isEmpty() && !List.of("cut", "set").contains(words.peek())) {
            read(word(), builder);
        }
        byte[] bytes = builder.bytes();
        while (!words.isEmpty()) {
            if (word().equals("cut")) {
                bytes = Arrays.copyOf(bytes, number());
            } else {
                int offset = number();
                byte[] replacement = HexFormat.of().parseHex(word());
                System.arraycopy(replacement, 0, bytes, offset, replacement.length);
            }
        }
        return bytes;
    }

    private void read(String word, PacketBuilder builder) {
        switch (word) {
            case "ip4" -> builder.ip4();
            case "ip6" -> builder.ip6();
            case "vlan" -> builder.vlan(number());
            case "ethertype" -> builder.etherType(number());
            case "from" -> builder.from(word());
            case "to" -> builder.to(word());
            case "ttl" -> builder.ttl(number());
            case "tos" -> builder.trafficClass(number());
            case "flow" -> builder.flowLabel(number());
            case "version" -> builder.version(number());
            case "df" -> builder.df();
            case "id" -> builder.id(number());
            case "fragment" -> builder.fragment(number(), more());
            case "options" -> builder.options(octets());
            case "header-words" -> builder.headerWords(number());
            case "next" -> builder.nextProtocol(number());
            case "hop-by-hop" -> builder.hopByHop(octets());
            case "destination-options" -> builder.destinationOptions(octets());
            case "routing" -> builder.routing(number(), number(), octets());
            case "fragment-header" -> builder.fragmentHeader(number(), more(), number());
            case "udp" -> builder.udp(number(), number());
            case "tcp" -> builder.tcp(number(), number());
            case "flags" -> builder.flags(word());
            case "sequence" -> builder.sequence(number());
            case "acknowledgment" -> builder.acknowledgment(number());
            case "protocol" -> builder.protocol(number(), octets());
            case "icmp" -> builder.icmp(number(), number());
            case "value" -> builder.value(number());
            case "echo-request" -> builder.echoRequest(number(), number());
            case "echo-reply" -> builder.echoReply(number(), number());
            case "solicit" -> builder.neighborSolicitation(word());
            case "advertise" -> builder.neighborAdvertisement(word(), word());
            case "router-solicitation" -> builder.routerSolicitation();
            case "source-mac" -> builder.sourceLinkLayer(word());
            case "target-mac" -> builder.targetLinkLayer(word());
            case "checksum" -> builder.checksum(number());
            case "length" -> builder.length(number());
            case "payload" -> builder.payload(number());
            case "bytes" -> builder.payload(HexFormat.of().parseHex(word()));
            case "padding" -> builder.padding(number());
            case "dscp" -> builder.dscp(number());
            case "ecn" -> builder.ecn(number());
            default -> throw new IllegalArgumentException("no word of packets: " + word);
        }
    }

    private String word() {
        String next = words.poll();
        if (next == null) {
            throw new IllegalArgumentException("something is missing at the end");
        }
        return next;
    }

    private int number() {
        return Integer.decode(word());
    }

    /** Of a fragment: whether more follow it. */
    private boolean more() {
        return switch (word()) {
            case "more" -> true;
            case "last" -> false;
            default -> throw new IllegalArgumentException("a fragment is followed by more, or the last");
        };
    }

    /** Octets in hexadecimal, as one word; {@code -} for none. */
    private int[] octets() {
        String hex = word();
        byte[] bytes = hex.equals("-") ? new byte[0] : HexFormat.of().parseHex(hex);
        int[] octets = new int[bytes.length];
        for (int i = 0; i < octets.length; i++) {
            octets[i] = bytes[i] & 0xff;
        }
        return octets;
    }
}
