// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.InterfaceId;
import io.culvert.packet.PacketBuffer;
import io.culvert.stage.TestRouter;
import io.culvert.stage.ip4.Ip4LocalStage.Count;
import io.culvert.stage.ip4.Ip4LocalStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class Ip4LocalStageTest {
    private StageHarness harness = TestRouter.around(Ip4LocalStage.DESCRIPTOR).harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private static PacketBuilder toRouter() {
        return Packets.ip4().from("192.168.1.10").to("192.168.1.1");
    }

    private PacketBuffer packet(PacketBuilder builder) {
        return harness.packet(builder.bytes());
    }

    @Test
    void givesEverythingToTheKernelWhenThereIsOne() {
        harness = TestRouter.withKernel(Ip4LocalStage.DESCRIPTOR).harness();
        harness.process(
                packet(toRouter().echoRequest(1, 1)),
                packet(toRouter().tcp(1, 80).flags("S")),
                packet(toRouter().fragment(1480, false).payload(20)),
                packet(Packets.ip4().to("224.0.0.5").protocol(89, 1, 2, 3, 4)),
                packet(Packets.ip4().to("255.255.255.255").udp(68, 67)));

        assertThat(harness.out(Out.DELIVER)).hasSize(5);
    }

    @Test
    void keepsTheKernelFromTalkingToItselfButTellsItOfErrors() {
        harness = TestRouter.withKernel(Ip4LocalStage.DESCRIPTOR).harness();
        PacketBuffer looped = packet(toRouter().from("10.0.0.1").udp(1, 2));
        PacketBuffer error =
                packet(toRouter().icmp(3, 4).quoting(toRouter().udp(1, 2).bytes()));
        looped.setReceiveInterface(TestRouter.KERNEL);
        error.setReceiveInterface(InterfaceId.NONE);
        error.setGenerated(true);
        harness.process(looped, error);

        assertThat(harness.single(Out.DELIVER)).isSameAs(error);
        assertThat(harness.dropped("from-kernel")).isEqualTo(1);
    }

    @Test
    void sendsEchoRequestsToBeAnsweredAndTheRestToBeRefused() {
        PacketBuffer echo = packet(toRouter().echoRequest(1, 1).payload(3));
        PacketBuffer tcp = packet(toRouter().tcp(1, 80));
        PacketBuffer udp = packet(toRouter().udp(1, 80));
        PacketBuffer other = packet(toRouter().protocol(47, 0, 0, 8, 0));
        harness.process(echo, tcp, udp, other);

        assertThat(harness.single(Out.ECHO)).isSameAs(echo);
        assertThat(harness.out(Out.REFUSE)).containsExactly(tcp, udp, other);
    }

    /** RFC 1812 section 4.2.2.9: the TTL does not matter to the addressee. */
    @Test
    void acceptsATtlOfOne() {
        harness.process(packet(toRouter().ttl(1).echoRequest(1, 1)));
        assertThat(harness.out(Out.ECHO)).hasSize(1);
    }

    @Test
    void consumesOtherIcmp() {
        harness.process(
                packet(toRouter().echoReply(1, 1)),
                packet(toRouter().icmp(3, 1).quoting(toRouter().udp(1, 2).bytes())),
                packet(toRouter().icmp(4, 0)),
                packet(toRouter().icmp(13, 0)));

        assertThat(harness.consumed()).isEqualTo(4);
        assertThat(harness.counted(Count.ICMP_IGNORED)).isEqualTo(4);
    }

    @Test
    void dropsWhatNobodyCouldAnswer() {
        harness.process(
                packet(toRouter().protocol(1, 8, 0, 0)),
                packet(toRouter().fragment(8, false).payload(8)));

        assertThat(harness.dropped("icmp-too-short")).isEqualTo(1);
        assertThat(harness.dropped("fragment")).isEqualTo(1);
    }
}
