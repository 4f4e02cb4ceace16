// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.stage.TestRouter;
import io.culvert.stage.ip4.Ip4RefuseStage.Count;
import io.culvert.stage.ip4.Ip4RefuseStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip4RefuseStageTest {
    private final StageHarness harness =
            TestRouter.around(Ip4RefuseStage.DESCRIPTOR).harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private static PacketBuilder toRouter() {
        return Packets.ip4().from("192.168.1.10").to("192.168.1.1");
    }

    private static PacketBuilder reset() {
        return Packets.ip4()
                .from("192.168.1.1")
                .to("192.168.1.10")
                .ttl(64)
                .df()
                .tcp(80, 4000)
                .window(0);
    }

    private PacketBuffer packet(PacketBuilder builder) {
        return harness.packet(builder.bytes());
    }

    /** RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1. */
    @Test
    void saysPortUnreachableToUdpAndProtocolUnreachableToTheUnknown() {
        byte[] udp = toRouter().udp(1, 53).payload(9).bytes();
        harness.process(
                packet(toRouter().udp(1, 53).payload(9)),
                packet(toRouter().udp(1, 53).checksum(0)),
                packet(toRouter().protocol(47, 0, 0, 8, 0)),
                packet(toRouter().protocol(255)));

        assertThat(harness.out(Out.ERROR)).hasSize(4).allMatch(each -> each.icmpType() == 3);
        assertThat(harness.out(Out.ERROR).stream().mapToInt(PacketBuffer::icmpCode))
                .containsExactly(3, 3, 2, 2);
        assertThat(harness.out(Out.ERROR).get(0).toByteArray()).isEqualTo(udp);
        assertThat(harness.counted(Count.PORT_UNREACHABLE)).isEqualTo(2);
        assertThat(harness.counted(Count.PROTOCOL_UNREACHABLE)).isEqualTo(2);
    }

    /** RFC 9293 section 3.10.7.1: without ACK the answer acknowledges the segment, SYN, FIN and data counted. */
    @ParameterizedTest
    @CsvSource({"S, 0, 1", "S, 5, 6", "F, 0, 1", "'', 7, 7", "SF, 3, 5"})
    void resetsASegmentThatAcknowledgesNothing(String flags, int data, int length) {
        harness.process(packet(toRouter()
                .tcp(4000, 80)
                .flags(flags)
                .sequence(0xffff_fffeL)
                .acknowledgment(99)
                .tcpOptions(2, 4, 5, 0xb4)
                .payload(data)));

        assertThat(harness.single(Out.RESET).toByteArray())
                .isEqualTo(reset().flags("RA")
                        .sequence(0)
                        .acknowledgment(0xffff_fffeL + length)
                        .bytes());
        assertThat(harness.counted(Count.RESETS)).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"A", "SA", "FA", "PA"})
    void resetsASegmentThatAcknowledgesAtItsAcknowledgment(String flags) {
        harness.process(packet(toRouter()
                .tcp(4000, 80)
                .flags(flags)
                .sequence(5)
                .acknowledgment(0x8000_0001L)
                .payload(100)));

        assertThat(harness.single(Out.RESET).toByteArray())
                .isEqualTo(reset().flags("R")
                        .sequence(0x8000_0001L)
                        .acknowledgment(0)
                        .bytes());
    }

    @Test
    void sendsTheResetAsTheRoutersOwnWithoutWhatTheSegmentLeftUndone() {
        PacketBuffer packet = packet(
                toRouter().options(0x94, 4, 0, 0).tcp(4000, 80).flags("S").partialChecksum());
        packet.setPartialChecksum(packet.start() + 24, 16);
        harness.process(packet);

        PacketBuffer reset = harness.single(Out.RESET);
        assertThat(reset.generated()).isTrue();
        assertThat(reset.length()).isEqualTo(40);
        assertThat(reset.checksum()).isEqualTo(PacketBuffer.Checksum.UNVERIFIED);
        assertThat(reset.l4Offset()).isEqualTo(reset.start() + 20);
        assertThat(harness.generated()).isEqualTo(1);
        assertThat(harness.consumed()).isEqualTo(1);
    }

    @Test
    void countsAllDataOfASuperpacket() {
        PacketBuffer packet =
                packet(toRouter().tcp(4000, 80).flags("").sequence(1).payload(40_000));
        packet.setGso(PacketBuffer.Gso.TCP4, 1460, false);
        harness.process(packet);

        assertThat(harness.single(Out.RESET).toByteArray())
                .isEqualTo(
                        reset().flags("RA").sequence(0).acknowledgment(40_001).bytes());
        assertThat(packet.gso()).isEqualTo(PacketBuffer.Gso.NONE);
    }

    @Test
    void neverResetsAReset() {
        harness.process(
                packet(toRouter().tcp(4000, 80).flags("R")),
                packet(toRouter().tcp(4000, 80).flags("RA")));
        assertThat(harness.consumed()).isEqualTo(2);
        assertThat(harness.outputs()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"192.168.1.255", "255.255.255.255", "224.0.0.5"})
    void answersNoBroadcastOrMulticast(String to) {
        harness.process(
                packet(toRouter().to(to).udp(1, 2)),
                packet(toRouter().to(to).tcp(1, 2).flags("S")),
                packet(toRouter().to(to).protocol(89)));
        assertThat(harness.dropped("not-unicast")).isEqualTo(3);
    }

    @Test
    void answersNoLinkBroadcast() {
        PacketBuffer packet = packet(toRouter().tcp(1, 2).flags("S"));
        packet.setLinkBroadcast(true);
        harness.process(packet);
        assertThat(harness.dropped("not-unicast")).isEqualTo(1);
    }

    @Test
    void dropsWhatIsDamaged() {
        harness.process(
                packet(toRouter().udp(1, 2).checksum(0xdead)),
                packet(toRouter().tcp(1, 2).checksum(0xdead)),
                packet(toRouter().udp(1, 2).length(7)),
                packet(toRouter().protocol(17, 0, 1, 0, 2)),
                packet(toRouter().protocol(6, 0, 1, 0, 2)),
                packet(toRouter().tcp(1, 2).headerWords(4)));
        assertThat(harness.dropped("bad-checksum")).isEqualTo(2);
        assertThat(harness.dropped("too-short")).isEqualTo(4);
    }
}
