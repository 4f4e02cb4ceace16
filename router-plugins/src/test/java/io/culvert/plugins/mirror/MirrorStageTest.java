// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.mirror;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.packet.PacketBuffer;
import io.culvert.plugins.mirror.MirrorStage.Count;
import io.culvert.plugins.mirror.MirrorStage.Out;
import io.culvert.spi.StageDescriptor;
import io.culvert.testkit.BalancedAccounts;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import io.culvert.testkit.StageHarness;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@BalancedAccounts
final class MirrorStageTest {
    private static final int LAN = 0;
    private static final int MON = 1;
    private static final int TUN = 2;

    private static StageHarness harness(StageDescriptor descriptor, int buffers) {
        return StageHarness.of(descriptor, buffers)
                .interfaces(
                        InterfaceBuilder.ethernet(LAN).name("lan").mtu(1500).build(),
                        InterfaceBuilder.ethernet(MON).name("mon").mtu(1400).build(),
                        InterfaceBuilder.pointToPoint(TUN).name("tun").mtu(1400).build(),
                        InterfaceBuilder.ethernet(3).name("off").down().build());
    }

    private StageHarness harness = harness(MirrorStage.INPUT, 64);

    private void copies(String copies) {
        harness.setting("copies", "[" + copies + "]");
    }

    private PacketBuffer arrive(PacketBuilder packet, int in) {
        PacketBuffer buffer = packet.take(harness.pool());
        buffer.setReceiveInterface(in);
        harness.process(buffer);
        return buffer;
    }

    private static PacketBuilder frame() {
        return Packets.ethernet("02:00:00:00:00:aa", "02:00:00:00:00:00");
    }

    @Test
    void copiesFramesAsTheyAreAndSendsTheOriginalOn() {
        copies("{ from = lan, to = mon }");
        byte[] bytes = frame().vlan(7).ip4().udp(1, 2).payload(9).padding(5).bytes();
        arrive(frame().vlan(7).ip4().udp(1, 2).payload(9).padding(5), LAN);
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(bytes);
        assertThat(harness.single(Out.NEXT).transmitInterface()).isNegative();
        assertThat(harness.single(Out.COPY).toByteArray()).isEqualTo(bytes);
        assertThat(harness.single(Out.COPY).transmitInterface()).isEqualTo(MON);
        assertThat(harness.counted(Count.COPIED)).isEqualTo(1);
    }

    @Test
    void copiesAlsoWhatIsNoIpUnlessPrefixesAreGiven() {
        copies("{ from = lan, to = mon }");
        byte[] arp =
                Packets.arpRequest("02:00:00:00:00:aa", "10.0.0.2", "10.0.0.1").bytes();
        arrive(Packets.arpRequest("02:00:00:00:00:aa", "10.0.0.2", "10.0.0.1"), LAN);
        assertThat(harness.single(Out.COPY).toByteArray()).isEqualTo(arp);

        harness.clear().restart();
        copies("{ from = lan, to = mon, prefixes = [\"0.0.0.0/0\"] }");
        arrive(Packets.arpRequest("02:00:00:00:00:aa", "10.0.0.2", "10.0.0.1"), LAN);
        assertThat(harness.out(Out.COPY)).isEmpty();
    }

    @Test
    void prefixesAreThoseOfEitherEnd() {
        copies("{ from = lan, to = mon, prefixes = [\"10.9.0.0/16\", \"fd09::/16\"] }");
        arrive(frame().ip4().from("10.9.0.1").udp(1, 2), LAN);
        arrive(frame().ip4().to("10.9.0.1").udp(1, 2), LAN);
        arrive(frame().ip6().to("fd09::1").udp(1, 2), LAN);
        arrive(frame().ip4().udp(1, 2), LAN);
        assertThat(harness.out(Out.COPY)).hasSize(3);
        assertThat(harness.out(Out.NEXT)).hasSize(4);
    }

    @Test
    void aCopyToAPointToPointLinkIsTheBarePacket() {
        copies("{ from = lan, to = tun }");
        arrive(frame().vlan(7).ip4().udp(1, 2).payload(3).padding(15), LAN);
        assertThat(harness.single(Out.COPY).toByteArray())
                .isEqualTo(Packets.ip4().udp(1, 2).payload(3).bytes());
        arrive(Packets.arpRequest("02:00:00:00:00:aa", "10.0.0.2", "10.0.0.1"), LAN);
        assertThat(harness.counted(Count.NOT_IP)).isEqualTo(1);
        assertThat(harness.out(Out.COPY)).hasSize(1);
    }

    @Test
    void aCopyFromAPointToPointLinkGetsABroadcastHeader() {
        copies("{ from = tun, to = mon }");
        arrive(Packets.ip6().udp(1, 2).payload(3), TUN);
        assertThat(harness.single(Out.COPY).toByteArray())
                .isEqualTo(Packets.ethernet("02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff")
                        .ip6()
                        .udp(1, 2)
                        .payload(3)
                        .bytes());
        assertThat(harness.single(Out.COPY).l3Offset())
                .isEqualTo(harness.single(Out.COPY).start() + 14);
    }

    @Test
    void aSuperpacketIsCopiedAsOneWithItsOffloads() {
        copies("{ from = lan, to = mon }");
        PacketBuffer packet =
                frame().ip4().tcp(1, 2).partialChecksum().payload(5000).take(harness.pool());
        packet.setGso(PacketBuffer.Gso.TCP4, 1000, false);
        packet.setReceiveInterface(LAN);
        harness.process(packet);
        PacketBuffer copy = harness.single(Out.COPY);
        assertThat(copy.gso()).isEqualTo(PacketBuffer.Gso.TCP4);
        assertThat(copy.gsoSize()).isEqualTo(1000);
        assertThat(copy.checksum()).isEqualTo(PacketBuffer.Checksum.PARTIAL);
        assertThat(copy.l3Offset()).isEqualTo(copy.start() + 14);
        assertThat(copy.toByteArray()).isEqualTo(packet.toByteArray());
    }

    @Test
    void makesNoCopyThatIsTooBigForItsInterface() {
        copies("{ from = lan, to = mon }");
        arrive(frame().ip4().udp(1, 2).payload(1372), LAN);
        assertThat(harness.out(Out.COPY)).hasSize(1);
        arrive(frame().ip4().udp(1, 2).payload(1373), LAN);
        PacketBuffer superpacket = frame().ip4().tcp(1, 2).payload(5000).take(harness.pool());
        superpacket.setGso(PacketBuffer.Gso.TCP4, 1361, false);
        superpacket.setReceiveInterface(LAN);
        harness.process(superpacket);
        assertThat(harness.out(Out.COPY)).hasSize(1);
        assertThat(harness.counted(Count.TOO_BIG)).isEqualTo(2);
        assertThat(harness.out(Out.NEXT)).hasSize(3);
    }

    @Test
    void neverTakesTheLastBuffers() {
        harness = harness(MirrorStage.INPUT, 16);
        copies("{ from = lan, to = mon }");
        for (int i = 0; i < 9; i++) {
            arrive(frame().ip4().udp(1, 2), LAN);
        }
        assertThat(harness.out(Out.NEXT)).hasSize(9);
        assertThat(harness.out(Out.COPY)).hasSize(6);
        assertThat(harness.counted(Count.BUFFERS_SCARCE)).isEqualTo(3);
    }

    @Test
    void makesNoMoreThanTheLimitAllows() {
        copies("{ from = lan, to = mon, limit = \"50/s\" }");
        for (int i = 0; i < 7; i++) {
            arrive(frame().ip4().udp(1, 2), LAN);
        }
        assertThat(harness.out(Out.COPY)).hasSize(5);
        assertThat(harness.counted(Count.OVER_LIMIT)).isEqualTo(2);
    }

    @Test
    void makesNoneForAnInterfaceThatIsDownNorOfOthersTraffic() {
        copies("{ from = lan, to = off }");
        arrive(frame().ip4().udp(1, 2), LAN);
        arrive(frame().ip4().udp(1, 2), MON);
        assertThat(harness.out(Out.COPY)).isEmpty();
        assertThat(harness.counted(Count.INTERFACE_DOWN)).isEqualTo(1);
    }

    @Test
    void directionsAreMirroredEachByItsStage() {
        copies("{ from = lan, to = mon, direction = out }");
        arrive(frame().ip4().udp(1, 2), LAN);
        assertThat(harness.out(Out.COPY)).isEmpty();

        harness = harness(MirrorStage.OUTPUT, 64);
        copies("{ from = lan, to = mon, direction = out }");
        PacketBuffer leaving = frame().ip4().udp(1, 2).take(harness.pool());
        leaving.setTransmitInterface(LAN);
        harness.process(leaving);
        assertThat(harness.single(Out.COPY).transmitInterface()).isEqualTo(MON);
        assertThat(harness.single(Out.NEXT).transmitInterface()).isEqualTo(LAN);
    }

    @ParameterizedTest
    @CsvSource({"1", "13", "14", "16", "20", "33"})
    void takesFramesThatEndAnywhere(int length) {
        copies(
                "{ from = lan, to = mon }, { from = lan, to = tun }, { from = lan, to = off, prefixes = [\"10.0.0.0/8\"] }");
        byte[] cut = Arrays.copyOf(frame().vlan(1).ip4().udp(1, 2).bytes(), length);
        PacketBuffer packet = harness.packet(cut);
        packet.setReceiveInterface(LAN);
        harness.process(packet);
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(cut);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{ from = lan, to = lan } | to leads back to from",
                "{ from = lan, to = mon }, { from = mon, to = lan } | to leads back to from",
                "{ from = lan, to = mon }, { from = mon, to = tun }, { from = tun, to = lan } | to leads back to from",
                "{ from = lan, to = moon } | there is no interface moon",
                "{ to = mon } | from"
            })
    void refusesCopiesThatMakeNoSense(String copies, String problem) {
        copies(copies);
        assertThatThrownBy(harness::settings).hasMessageContaining(problem);
    }

    @Test
    void allowsSeveralCopiesOfOneAndACopyOfWhatArrivesWhereCopiesLeave() {
        copies("{ from = lan, to = mon }, { from = lan, to = tun }, { from = mon, to = tun }");
        arrive(frame().ip4().udp(1, 2), LAN);
        assertThat(harness.out(Out.COPY)).hasSize(2);
    }

    @Test
    void mirrorsBothDirectionsOfARouterAndNeverACopy() {
        try (ScriptedRouter router = ScriptedRouter.with(new MirrorPlugin(), """
                interfaces {
                  lan { type = tun, device = a, addresses = ["10.0.0.1/24"] }
                  wan { type = tun, device = b, addresses = ["10.1.0.1/24"] }
                  mon { type = tun, device = c, addresses = ["10.2.0.1/24"] }
                  log { type = tun, device = d, addresses = ["10.3.0.1/24"] }
                }
                plugins { mirror { copies = [ { from = lan, to = mon }, { from = mon, to = log } ] } }
                """)) {
            PacketBuilder there = Packets.ip4().from("10.0.0.2").to("10.1.0.2");
            PacketBuilder back = Packets.ip4().from("10.1.0.2").to("10.0.0.2");
            byte[] arrived = there.udp(1, 2).payload(5).bytes();
            router.arrive("lan", arrived)
                    .arrive("wan", back.udp(2, 1).payload(5).bytes());
            router.settle();
            assertThat(router.at("mon").takeSent())
                    .containsExactlyInAnyOrder(
                            arrived,
                            Packets.ip4()
                                    .from("10.1.0.2")
                                    .to("10.0.0.2")
                                    .ttl(63)
                                    .udp(2, 1)
                                    .payload(5)
                                    .bytes());
            assertThat(router.at("log").takeSent()).isEmpty();
            assertThat(router.at("wan").takeSent()).hasSize(1);
            assertThat(router.at("lan").takeSent()).hasSize(1);
        }
    }
}
