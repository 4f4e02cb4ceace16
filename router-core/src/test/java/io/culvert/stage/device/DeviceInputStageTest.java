// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.InterfaceId;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.Arc;
import io.culvert.spi.Target;
import io.culvert.stage.device.DeviceInputStage.Out;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class DeviceInputStageTest {
    private static final int LAN = 0;
    private static final int TUN = 1;
    private static final int DOWN = 2;

    private final StageHarness harness = StageHarness.of(DeviceInputStage.DESCRIPTOR)
            .interfaces(
                    InterfaceBuilder.ethernet(LAN).vrf(7).build(),
                    InterfaceBuilder.pointToPoint(TUN).vrf(9).build(),
                    InterfaceBuilder.ethernet(DOWN).down().build());

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private PacketBuffer receivedOn(int interfaceId, PacketBuilder packet) {
        PacketBuffer received = packet.take(harness.pool());
        received.clearOffsets();
        received.setReceiveInterface(interfaceId);
        return received;
    }

    private PacketBuffer receivedOnTun(byte[] bytes) {
        PacketBuffer received = harness.packet(bytes);
        received.clearOffsets();
        received.setReceiveInterface(TUN);
        return received;
    }

    @Test
    void endsTheDeviceInputArc() {
        assertThat(DeviceInputStage.DESCRIPTOR.arc()).isEqualTo(Arc.DEVICE_INPUT);
        assertThat(DeviceInputStage.DESCRIPTOR.terminal()).isTrue();
        assertThat(Out.ETHERNET.target()).isEqualTo(Target.arc(Arc.L2_INPUT));
        assertThat(Out.IP4.target()).isEqualTo(Target.arc(Arc.IP4_UNICAST));
        assertThat(Out.IP6.target()).isEqualTo(Target.arc(Arc.IP6_UNICAST));
    }

    @Test
    void framesOfAnEthernetInterfaceGoToL2Input() {
        harness.process(receivedOn(
                LAN,
                Packets.ethernet("02:00:00:00:00:aa", "02:00:00:00:00:00").ip4().udp(1, 2)));

        PacketBuffer frame = harness.single(Out.ETHERNET);
        assertThat(frame.l2Offset()).isEqualTo(frame.start());
        assertThat(frame.l3Offset()).isEqualTo(PacketBuffer.UNKNOWN);
        assertThat(frame.vrf()).isEqualTo(7);
    }

    @Test
    void anEthernetFrameIsNotJudgedHere() {
        PacketBuffer empty = harness.packet(new byte[0]);
        harness.process(empty);

        assertThat(harness.single(Out.ETHERNET)).isSameAs(empty);
    }

    @Test
    void barePacketsAreSortedByTheirVersionInOrder() {
        harness.process(
                receivedOn(TUN, Packets.ip4().udp(1, 2).payload(1)),
                receivedOn(TUN, Packets.ip6().udp(1, 2).payload(2)),
                receivedOn(TUN, Packets.ip4().udp(1, 2).payload(3)));

        assertThat(harness.out(Out.IP4)).extracting(PacketBuffer::length).containsExactly(29, 31);
        PacketBuffer ip6 = harness.single(Out.IP6);
        assertThat(ip6.length()).isEqualTo(50);
        assertThat(ip6.l3Offset()).isEqualTo(ip6.start());
        assertThat(ip6.l2Offset()).isEqualTo(PacketBuffer.UNKNOWN);
        assertThat(ip6.vrf()).isEqualTo(9);
        assertThat(ip6.linkBroadcast()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15})
    void dropsBarePacketsOfOtherVersions(int version) {
        byte[] bytes = new byte[64];
        bytes[0] = (byte) (version << 4);
        harness.process(receivedOnTun(bytes));

        assertThat(harness.dropped("not-ip")).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 19})
    void dropsBarePacketsShorterThanAnyHeader(int length) {
        byte[] bytes = new byte[length];
        if (length > 0) {
            bytes[0] = 0x45;
        }
        harness.process(receivedOnTun(bytes));

        assertThat(harness.dropped("not-ip")).isEqualTo(1);
    }

    @Test
    void dropsWhatADownInterfaceStillHad() {
        harness.process(receivedOn(
                DOWN, Packets.ethernet("02:00:00:00:00:aa", "02:00:00:00:00:02").ip4()));

        assertThat(harness.dropped("interface-down")).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {InterfaceId.NONE, 3})
    void dropsWhatNoInterfaceOfTheTableReceived(int interfaceId) {
        harness.process(receivedOn(interfaceId, Packets.ip4()));

        assertThat(harness.dropped("interface-down")).isEqualTo(1);
    }

    @Test
    void offloadStateStaysAsReceived() {
        PacketBuffer packet =
                receivedOn(TUN, Packets.ip4().tcp(1, 2).partialChecksum().payload(3000));
        packet.setGso(PacketBuffer.Gso.TCP4, 1000, false);
        harness.process(packet);

        PacketBuffer out = harness.single(Out.IP4);
        assertThat(out.checksum()).isEqualTo(PacketBuffer.Checksum.PARTIAL);
        assertThat(out.checksumStart()).isEqualTo(out.start() + 20);
        assertThat(out.gso()).isEqualTo(PacketBuffer.Gso.TCP4);
        assertThat(out.gsoSize()).isEqualTo(1000);
    }
}
