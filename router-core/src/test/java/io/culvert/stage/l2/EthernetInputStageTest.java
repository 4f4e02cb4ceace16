// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.l2;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.spi.Arc;
import io.culvert.spi.Target;
import io.culvert.stage.l2.EthernetInputStage.Out;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class EthernetInputStageTest {
    private static final String OWN = "02:00:00:00:00:00";
    private static final String HOST = "02:00:00:00:00:aa";

    private final StageHarness harness = StageHarness.of(EthernetInputStage.DESCRIPTOR)
            .interfaces(InterfaceBuilder.ethernet(0).build());

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private static PacketBuilder frame() {
        return Packets.ethernet(HOST, OWN);
    }

    private PacketBuffer received(PacketBuilder frame) {
        PacketBuffer received = frame.take(harness.pool());
        received.setL3Offset(PacketBuffer.UNKNOWN);
        received.setReceiveInterface(0);
        return received;
    }

    @Test
    void endsTheL2InputArc() {
        assertThat(EthernetInputStage.DESCRIPTOR.arc()).isEqualTo(Arc.L2_INPUT);
        assertThat(EthernetInputStage.DESCRIPTOR.terminal()).isTrue();
        assertThat(Out.IP4.target()).isEqualTo(Target.arc(Arc.IP4_UNICAST));
        assertThat(Out.IP6.target()).isEqualTo(Target.arc(Arc.IP6_UNICAST));
        assertThat(Out.ARP.target()).isEqualTo(Target.stage("arp-input"));
    }

    @Test
    void windowStartsAtTheNetworkHeaderAndTheLinkHeaderIsRemembered() {
        PacketBuffer frame = received(frame().ip4().udp(1, 2).payload(10));
        int start = frame.start();
        harness.process(frame);

        PacketBuffer packet = harness.single(Out.IP4);
        assertThat(packet.l2Offset()).isEqualTo(start);
        assertThat(packet.l3Offset()).isEqualTo(start + 14).isEqualTo(packet.start());
        assertThat(packet.toByteArray())
                .isEqualTo(Packets.ip4().udp(1, 2).payload(10).bytes());
        assertThat(packet.linkBroadcast()).isFalse();
    }

    @Test
    void sortsByEtherType() {
        harness.process(
                received(frame().ip6().udp(1, 2)),
                received(Packets.arpRequest(HOST, "10.0.0.2", "10.0.0.1")),
                received(frame().ip4()));

        assertThat(harness.out(Out.IP6)).hasSize(1);
        assertThat(harness.out(Out.ARP)).hasSize(1);
        assertThat(harness.out(Out.IP4)).hasSize(1);
    }

    @Test
    void linkPaddingIsLeftForTheNextStage() {
        harness.process(received(frame().ip4().udp(1, 2).padding(18)));

        assertThat(harness.single(Out.IP4).length()).isEqualTo(46);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "33:33:00:00:00:01"})
    void groupFramesAreTakenAndMarked(String group) {
        harness.process(received(Packets.ethernet(HOST, group).ip4().udp(1, 2)));

        assertThat(harness.single(Out.IP4).linkBroadcast()).isTrue();
    }

    @Test
    void dropsFramesForOtherStations() {
        harness.process(received(Packets.ethernet(HOST, "02:00:00:00:00:ab").ip4()));

        assertThat(harness.dropped("not-for-us")).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "03:00:00:00:00:aa"})
    void dropsFramesFromAGroup(String source) {
        harness.process(received(Packets.ethernet(source, OWN).ip4()));

        assertThat(harness.dropped("source-is-group")).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"0x8100, 0", "0x8100, 7", "0x88a8, 5"})
    void priorityTagsAreTakenOut(String tpid, int priority) {
        PacketBuffer frame = received(frame().vlan(Integer.decode(tpid), priority, true, 0)
                .ip6()
                .udp(5, 6)
                .payload(3));
        harness.process(frame);

        PacketBuffer packet = harness.single(Out.IP6);
        assertThat(packet.toByteArray())
                .isEqualTo(Packets.ip6().udp(5, 6).payload(3).bytes());
        // The link header is a plain one again, right in front of the packet.
        assertThat(packet.l2Offset()).isEqualTo(packet.l3Offset() - 14);
        packet.setWindow(packet.l2Offset(), packet.end() - packet.l2Offset());
        byte[] plain = frame().ip6().udp(5, 6).payload(3).bytes();
        assertThat(Arrays.copyOf(packet.toByteArray(), 12)).isEqualTo(Arrays.copyOf(plain, 12));
    }

    @Test
    void priorityTaggedBroadcastIsMarkedToo() {
        harness.process(received(
                Packets.ethernet(HOST, "ff:ff:ff:ff:ff:ff").vlan(0).ip4().udp(1, 2)));

        assertThat(harness.single(Out.IP4).linkBroadcast()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 10, 0xffe, 0xfff})
    void dropsTagsOfAnyVlan(int vid) {
        harness.process(
                received(frame().vlan(vid).ip4()),
                received(frame().serviceVlan(vid).ip4()));

        assertThat(harness.dropped("vlan-unknown")).isEqualTo(2);
    }

    @Test
    void dropsATagBehindAPriorityTag() {
        harness.process(
                received(frame().vlan(0).vlan(5).ip4()),
                received(frame().vlan(0).vlan(0).ip4()));

        assertThat(harness.dropped("vlan-unknown")).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 46, 1500, 0x05dc, 0x05ff})
    void dropsFramesWithALengthInPlaceOfAType(int length) {
        harness.process(received(frame().etherType(length).ip4()));

        assertThat(harness.dropped("length-field")).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {0x0600, 0x8035, 0x88cc, 0x8863, 0xffff})
    void dropsFramesOfOtherProtocols(int etherType) {
        harness.process(received(frame().etherType(etherType).ip4()));

        assertThat(harness.dropped("ethertype-unknown")).isEqualTo(1);
    }

    @Test
    void dropsEveryTruncationOfTheLinkHeader() {
        byte[] tagged = frame().vlan(0).ip4().bytes();
        for (int length = 0; length < 18; length++) {
            harness.process(harness.packet(Arrays.copyOf(tagged, length)));
        }

        assertThat(harness.dropped("too-short")).isEqualTo(18);
    }

    @Test
    void aFrameMayEndBehindItsHeader() {
        harness.process(harness.packet(Arrays.copyOf(frame().ip4().bytes(), 14)));

        assertThat(harness.single(Out.IP4).length()).isZero();
    }
}
