// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

/**
 * Where readable test packets begin:
 *
 * <pre>{@code
 * byte[] probe = Packets.ip4().from("10.0.0.1").to("10.0.0.2").ttl(64).df().udp(1000, 2000).payload(18).bytes();
 * PacketBuffer ping = Packets.ip6().from("fd00::1").to("fd00::2").echoRequest(7, 1).payload(56).take(pool);
 * byte[] frame = Packets.ethernet("02:00:00:00:00:01", "02:00:00:00:00:02").vlan(10).ip4()...bytes();
 * }</pre>
 *
 * <p>Lengths, next headers and checksums are right unless a test sets them otherwise. Built on the heap by code that
 * shares nothing with the router's own, so that a mistake there does not hide here.
 */
public final class Packets {
    private Packets() {}

    /** An IPv4 packet from 10.0.0.1 to 10.0.0.2, TTL 64, unless said otherwise. */
    public static PacketBuilder ip4() {
        return new PacketBuilder().ip4();
    }

    /** An IPv6 packet from fd00::1 to fd00::2, hop limit 64 (255 for Neighbor Discovery), unless said otherwise. */
    public static PacketBuilder ip6() {
        return new PacketBuilder().ip6();
    }

    /** A frame; its EtherType follows from what is put into it. */
    public static PacketBuilder ethernet(String source, String destination) {
        return new PacketBuilder().ethernet(source, destination);
    }

    /** A broadcast frame that asks who has an address. */
    public static PacketBuilder arpRequest(String senderMac, String senderIp, String targetIp) {
        return ethernet(senderMac, "ff:ff:ff:ff:ff:ff").arp(1, senderMac, senderIp, "00:00:00:00:00:00", targetIp);
    }

    /** A unicast frame that answers. */
    public static PacketBuilder arpReply(String senderMac, String senderIp, String targetMac, String targetIp) {
        return ethernet(senderMac, targetMac).arp(2, senderMac, senderIp, targetMac, targetIp);
    }

    /**
     * A packet as people write it in a scenario: the words of {@link PacketBuilder} with their arguments, such as {@code ip4
     * from 10.1.0.2 to 10.2.0.2 ttl 1 udp 1000 2000 payload 18}. Behind them may stand what damages the finished packet:
     * {@code cut LENGTH}, {@code set OFFSET HEX}. A packet may also be {@code hex} and its bytes.
     *
     * @throws IllegalArgumentException when it is not written so
     */
    public static byte[] parse(String text) {
        return PacketText.parse(text);
    }

    /** What a packet is, in one line. */
    public static String describe(byte[] packet, boolean ethernet) {
        return PacketSummary.of(packet, ethernet);
    }
}
