// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.InterfaceId;
import io.culvert.packet.PacketBuffer;
import io.culvert.stage.ip6.Ip6RefuseStage.Count;
import io.culvert.stage.ip6.Ip6RefuseStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip6RefuseStageTest {
    private final StageHarness harness = StageHarness.of(Ip6RefuseStage.DESCRIPTOR);

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private static PacketBuilder toRouter() {
        return Packets.ip6().from("fd00:1::10").to("fd00:1::1");
    }

    private void process(PacketBuilder packet) {
        harness.process(harness.packet(packet.bytes()));
    }

    private void assertDropped(String reason) {
        assertThat(harness.dropped(reason)).as("%s", harness.drops()).isEqualTo(1);
    }

    /** RFC 4443 3.1, code 4. */
    @Test
    void refusesUdpAsPortUnreachable() {
        byte[] sent = toRouter().udp(1000, 53).payload(7).bytes();
        process(toRouter().udp(1000, 53).payload(7));

        PacketBuffer refused = harness.single(Out.ERROR);
        assertThat(refused.icmpType()).isEqualTo(1);
        assertThat(refused.icmpCode()).isEqualTo(4);
        assertThat(refused.toByteArray()).isEqualTo(sent);
        assertThat(harness.counted(Count.PORT_UNREACHABLE)).isEqualTo(1);
    }

    /** RFC 4443 3.4, code 1: the pointer is at the next header field that named it. */
    @Test
    void refusesAnUnknownProtocolPointingAtTheFieldThatNamedIt() {
        process(toRouter().protocol(132, 1, 2, 3, 4));
        process(toRouter().destinationOptions().nextProtocol(253).payload(8));

        assertThat(harness.out(Out.ERROR)).extracting(PacketBuffer::icmpType).containsExactly(4, 4);
        assertThat(harness.out(Out.ERROR)).extracting(PacketBuffer::icmpCode).containsExactly(1, 1);
        assertThat(harness.out(Out.ERROR)).extracting(PacketBuffer::icmpValue).containsExactly(6, 40);
        assertThat(harness.counted(Count.UNKNOWN_PROTOCOL)).isEqualTo(2);
    }

    @Test
    void resetsAConnectionAttempt() {
        process(toRouter()
                .hopByHop()
                .tcp(2000, 80)
                .flags("S")
                .sequence(0xffff_ffffL)
                .acknowledgment(0)
                .tcpOptions(2, 4, 5, 0xb4));

        PacketBuffer reset = harness.single(Out.RESET);
        assertThat(reset.toByteArray())
                .isEqualTo(Packets.ip6()
                        .from("fd00:1::1")
                        .to("fd00:1::10")
                        .tcp(80, 2000)
                        .flags("RA")
                        .sequence(0)
                        .acknowledgment(0)
                        .window(0)
                        .bytes());
        assertThat(reset.generated()).isTrue();
        assertThat(reset.l3Offset()).isEqualTo(reset.start());
        assertThat(reset.l4Offset()).isEqualTo(reset.start() + 40);
        assertThat(reset.transmitInterface()).isEqualTo(InterfaceId.NONE);
        assertThat(harness.counted(Count.RESETS)).isEqualTo(1);
    }

    /** RFC 9293 3.10.7.1: a segment with ACK is answered with its acknowledgment as sequence number. */
    @Test
    void resetsASegmentOfAnUnknownConnection() {
        process(toRouter()
                .tcp(2000, 80)
                .flags("PA")
                .sequence(5)
                .acknowledgment(77)
                .payload(100));
        assertThat(harness.single(Out.RESET).toByteArray())
                .isEqualTo(Packets.ip6()
                        .from("fd00:1::1")
                        .to("fd00:1::10")
                        .tcp(80, 2000)
                        .flags("R")
                        .sequence(77)
                        .acknowledgment(0)
                        .window(0)
                        .bytes());
    }

    @Test
    void countsDataAndFinIntoTheAcknowledgment() {
        process(toRouter().tcp(2000, 80).flags("SF").sequence(10).payload(5));
        assertThat(harness.single(Out.RESET).toByteArray())
                .isEqualTo(Packets.ip6()
                        .from("fd00:1::1")
                        .to("fd00:1::10")
                        .tcp(80, 2000)
                        .flags("RA")
                        .sequence(0)
                        .acknowledgment(17)
                        .window(0)
                        .bytes());
    }

    @Test
    void aSuperpacketIsResetOnce() {
        PacketBuffer packet = harness.packet(toRouter()
                .tcp(2000, 80)
                .flags("A")
                .acknowledgment(9)
                .payload(20_000)
                .bytes());
        packet.setPartialChecksum(packet.start() + 40, 16);
        packet.setGso(PacketBuffer.Gso.TCP6, 1400, false);
        harness.process(packet);

        PacketBuffer reset = harness.single(Out.RESET);
        assertThat(reset.length()).isEqualTo(60);
        assertThat(reset.gso()).isEqualTo(PacketBuffer.Gso.NONE);
        assertThat(reset.checksum()).isEqualTo(PacketBuffer.Checksum.UNVERIFIED);
    }

    @Test
    void neverResetsAReset() {
        process(toRouter().tcp(2000, 80).flags("R"));
        assertThat(harness.consumed()).isEqualTo(1);
        assertThat(harness.out(Out.RESET)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"ff02::1", "ff02::1:ff00:1"})
    void answersNothingThatWasSentToAGroup(String group) {
        process(toRouter().to(group).udp(1, 53));
        process(toRouter().to(group).tcp(1, 80).flags("S"));
        process(toRouter().to(group).protocol(132, 1, 2));
        assertThat(harness.dropped("multicast")).isEqualTo(3);
    }

    @Test
    void answersNothingThatCameAsALinkBroadcast() {
        PacketBuffer packet = harness.packet(toRouter().tcp(1, 80).flags("S").bytes());
        packet.setLinkBroadcast(true);
        harness.process(packet);
        assertDropped("multicast");
    }

    @Test
    void dropsDamagedSegments() {
        process(toRouter().tcp(1, 80).checksum(0xbad));
        assertDropped("bad-checksum");
    }

    /** RFC 8200 8.1: a UDP checksum is not optional over IPv6. */
    @ParameterizedTest
    @ValueSource(ints = {0, 0xbad})
    void dropsDatagramsWithoutOrWithAWrongChecksum(int checksum) {
        process(toRouter().udp(1, 53).checksum(checksum));
        assertDropped("bad-checksum");
    }

    @Test
    void believesTheDeviceThatAChecksumIsRight() {
        PacketBuffer packet =
                harness.packet(toRouter().udp(1, 53).checksum(0xbad).bytes());
        packet.setChecksum(PacketBuffer.Checksum.VALID);
        harness.process(packet);
        assertThat(harness.out(Out.ERROR)).hasSize(1);
    }

    @Test
    void dropsHeadersThatDoNotFit() {
        process(toRouter().nextProtocol(17).payload(7));
        process(toRouter().nextProtocol(6).payload(19));
        assertThat(harness.dropped("too-short")).isEqualTo(2);
    }
}
