// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import static io.culvert.testkit.PacketCheck.assertPacket;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

final class PacketCheckTest {
    private static void assertRefused(ThrowingCallable check, String why) {
        assertThatThrownBy(check).isInstanceOf(AssertionError.class).hasMessageContaining(why);
    }

    @Test
    void passesWhatTheBuilderMakes() {
        assertPacket(Packets.ethernet("02:00:00:00:00:01", "02:00:00:00:00:02")
                        .vlan(0x8100, 5, false, 10)
                        .ip4()
                        .df()
                        .id(7)
                        .trafficClass(0xb9)
                        .options(0x94, 4, 0, 0)
                        .tcp(40000, 80)
                        .flags("SA")
                        .sequence(0xdeadbeefL)
                        .tcpOptions(2, 4, 5, 0xb4)
                        .payload("hello")
                        .padding(9)
                        .bytes())
                .ethernet("02:00:00:00:00:01", "02:00:00:00:00:02")
                .vlan(10)
                .priority(5)
                .ip4()
                .from("10.0.0.1")
                .to("10.0.0.2")
                .ttl(64)
                .df(true)
                .id(7)
                .fragment(0, false)
                .trafficClass(0xb9)
                .options(0x94, 4, 0, 0)
                .tcp(40000, 80)
                .flags("SA")
                .sequence(0xdeadbeefL)
                .payload("hello");
        assertPacket(Packets.ip6()
                        .flowLabel(0xabcde)
                        .trafficClass(0x2e)
                        .hopByHop(5, 2, 0, 0)
                        .fragmentHeader(0xfff8, false, 0x89abcdefL)
                        .payload(5)
                        .bytes())
                .ip6()
                .flowLabel(0xabcde)
                .trafficClass(0x2e)
                .hopByHop()
                .fragmentHeader(0xfff8, false, 0x89abcdefL)
                .payload(5);
        assertPacket(Packets.ip6()
                        .from("fe80::2")
                        .to("fe80::1")
                        .neighborAdvertisement("fe80::2", "SO")
                        .targetLinkLayer("02:00:00:00:00:02")
                        .bytes())
                .ip6()
                .neighborAdvertisement("fe80::2", "SO")
                .targetLinkLayer("02:00:00:00:00:02")
                .payload(0);
        assertPacket(Packets.arpRequest("02:00:00:00:00:01", "10.0.0.1", "10.0.0.2")
                        .bytes())
                .ethernet("02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff")
                .arp(1, "02:00:00:00:00:01", "10.0.0.1", "00:00:00:00:00:00", "10.0.0.2");
        assertPacket(Packets.ip4().ip6().udp(1, 2).payload(3).bytes())
                .ip4()
                .ip6()
                .udp(1, 2)
                .payload(3);
    }

    @Test
    void expectsAnIcmpErrorToQuoteAsMuchAsFits() {
        byte[] original = Packets.ip4().udp(1, 2).payload(1000).bytes();
        byte[] fits = Arrays.copyOf(original, 548);

        assertPacket(Packets.ip4().icmp(3, 4).value(1400).quoting(fits).bytes())
                .ip4()
                .icmp(3, 4)
                .mtu(1400)
                .quoting(original);
        assertRefused(
                () -> assertPacket(Packets.ip4().icmp(3, 4).quoting(original).bytes())
                        .ip4()
                        .icmp(3, 4)
                        .quoting(original),
                "payload");
    }

    @Test
    void refusesWrongChecksums() {
        assertRefused(
                () -> assertPacket(Packets.ip4().checksum(1).udp(1, 2).bytes()).ip4(), "IPv4 header");
        assertRefused(
                () -> assertPacket(Packets.ip4().udp(1, 2).checksum(1).bytes()).ip4(), "protocol 17");
        assertRefused(
                () -> assertPacket(Packets.ip4().tcp(1, 2).checksum(1).bytes()).ip4(), "protocol 6");
        assertRefused(
                () -> assertPacket(Packets.ip4().echoRequest(1, 2).checksum(1).bytes())
                        .ip4(),
                "protocol 1");
        assertRefused(
                () -> assertPacket(Packets.ip6()
                                .destinationOptions()
                                .udp(1, 2)
                                .checksum(1)
                                .bytes())
                        .ip6(),
                "protocol 17");
        assertRefused(
                () -> assertPacket(Packets.ip6().udp(1, 2).checksum(0).bytes()).ip6(), "UDP checksum");
        assertRefused(
                () -> assertPacket(Packets.ip6().echoRequest(1, 2).checksum(1).bytes())
                        .ip6(),
                "protocol 58");
        assertRefused(
                () -> assertPacket(Packets.ip4().udp(1, 2).partialChecksum().bytes())
                        .ip4(),
                "protocol 17");
        assertPacket(Packets.ip4().udp(1, 2).checksum(0).bytes()).ip4().udp(1, 2);
        assertPacket(Packets.ip4().udp(1, 2).checksum(1).bytes())
                .ignoringChecksums()
                .ip4()
                .udp(1, 2);
    }

    @Test
    void refusesWrongLengthsAndFields() {
        assertRefused(
                () -> assertPacket(Packets.ip4().length(30).udp(1, 2).bytes()).ip4(), "total length");
        assertRefused(
                () -> assertPacket(Packets.ip6().length(7).udp(1, 2).bytes()).ip6(), "total length");
        assertRefused(
                () -> assertPacket(Packets.ip4().udp(1, 2).padding(1).bytes()).ip4(), "total length");
        assertRefused(
                () -> assertPacket(Packets.ip4().udp(1, 2).length(9).bytes())
                        .ip4()
                        .udp(1, 2),
                "UDP length");
        assertRefused(() -> assertPacket(Packets.ip4().udp(1, 2).bytes()).ip4().ttl(63), "TTL");
        assertRefused(() -> assertPacket(Packets.ip4().udp(1, 2).bytes()).ip4().to("10.0.0.3"), "destination");
        assertRefused(() -> assertPacket(Packets.ip4().udp(1, 2).bytes()).ip4().tcp(1, 2), "protocol");
        assertRefused(() -> assertPacket(Packets.ip4().udp(1, 2).bytes()).ip6(), "");
    }
}
