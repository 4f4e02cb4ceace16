// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.icmp;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.InterfaceId;
import io.culvert.packet.PacketBuffer;
import io.culvert.stage.TestRouter;
import io.culvert.stage.icmp.Icmp4EchoStage.Count;
import io.culvert.stage.icmp.Icmp4EchoStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp4View;
import io.culvert.wire.Ip4View;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class Icmp4EchoStageTest {
    private final StageHarness harness =
            TestRouter.around(Icmp4EchoStage.DESCRIPTOR).harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private static PacketBuilder toRouter() {
        return Packets.ip4().from("192.168.1.10").to("192.168.1.1");
    }

    private PacketBuffer answer(PacketBuilder request) {
        harness.clear().process(harness.packet(request.bytes()));
        PacketBuffer reply = harness.single(Out.REPLY);
        Ip4View ip = new Ip4View().wrap(reply, reply.start());
        assertThat(ip.check()).isEqualTo(HeaderCheck.OK);
        assertThat(new Icmp4View().wrap(reply, ip.payloadOffset()).check()).isEqualTo(HeaderCheck.OK);
        return reply;
    }

    /** RFC 792: identifier, sequence number and data come back, of odd sizes too. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 55, 56, 57, 1472, 30_001})
    void answersWithIdentifierSequenceAndDataKept(int size) {
        PacketBuffer reply = answer(toRouter()
                .ttl(1)
                .id(7)
                .df()
                .dscp(46)
                .ecn(3)
                .echoRequest(0xbeef, 0x1234)
                .payload(size));

        assertThat(reply.toByteArray())
                .isEqualTo(Packets.ip4()
                        .from("192.168.1.1")
                        .to("192.168.1.10")
                        .ttl(64)
                        .dscp(46)
                        .id(new Ip4View().wrap(reply, reply.start()).identification())
                        .echoReply(0xbeef, 0x1234)
                        .payload(size)
                        .bytes());
        assertThat(harness.counted(Count.ANSWERED)).isEqualTo(1);
    }

    @Test
    void marksTheReplyAsTheRoutersOwn() {
        PacketBuffer reply = answer(toRouter().echoRequest(1, 1));

        assertThat(reply.generated()).isTrue();
        assertThat(reply.receiveInterface()).isEqualTo(InterfaceId.NONE);
        assertThat(harness.consumed()).isEqualTo(1);
        assertThat(harness.generated()).isEqualTo(1);
    }

    /** The address that was asked answers, whichever interface the request came in on. */
    @Test
    void answersFromTheAddressThatWasAsked() {
        PacketBuffer reply = answer(toRouter().to("203.0.113.2").echoRequest(1, 1));
        assertThat(new Ip4View().wrap(reply, reply.start()).source()).isEqualTo(0xcb007102);
    }

    /** RFC 6864 section 4.3. */
    @Test
    void numbersRepliesApart() {
        int first = new Ip4View()
                .wrap(answer(toRouter().echoRequest(1, 1)), PacketBuffer.HEADROOM)
                .identification();
        int second = new Ip4View()
                .wrap(answer(toRouter().echoRequest(1, 1)), PacketBuffer.HEADROOM)
                .identification();
        assertThat(second).isEqualTo(first + 1);
    }

    /** RFC 1122 section 3.2.2.6, RFC 1812 section 4.3.3.6. */
    @Test
    void carriesRecordRouteOnWithItsOwnEntry() {
        PacketBuffer reply =
                answer(toRouter().options(7, 11, 8, 1, 2, 3, 4, 0, 0, 0, 0).echoRequest(1, 1));
        assertThat(Arrays.copyOfRange(reply.toByteArray(), 20, 32))
                .isEqualTo(new byte[] {7, 11, 12, 1, 2, 3, 4, (byte) 192, (byte) 168, 1, 1, 0});

        byte[] noRoom = {7, 7, 5, 0, 1, 2, 3, 1};
        PacketBuffer cut = answer(toRouter().options(7, 7, 5, 0, 1, 2, 3, 1).echoRequest(1, 1));
        assertThat(Arrays.copyOfRange(cut.toByteArray(), 20, 28)).isEqualTo(noRoom);

        PacketBuffer full = answer(toRouter().options(7, 7, 8, 1, 2, 3, 4).echoRequest(1, 1));
        assertThat(Arrays.copyOfRange(full.toByteArray(), 20, 28)).isEqualTo(new byte[] {7, 7, 8, 1, 2, 3, 4, 0});
    }

    @Test
    void carriesTimestampsOnWithItsOwnEntry() {
        PacketBuffer times = answer(toRouter().options(68, 8, 5, 0, 0, 0, 0, 0).echoRequest(1, 1));
        assertThat(times.bytes().get(times.start() + 22)).isEqualTo((byte) 9);
        assertThat(times.bytes().getInt(times.start() + 24)).isBetween(1, 86_400_000);

        PacketBuffer addresses =
                answer(toRouter().options(68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0).echoRequest(1, 1));
        assertThat(addresses.bytes().get(addresses.start() + 22)).isEqualTo((byte) 13);
        assertThat(addresses.bytes().getInt(addresses.start() + 24)).isEqualTo(0xc0a80101);

        PacketBuffer full =
                answer(toRouter().options(68, 8, 9, 0x20, 1, 2, 3, 4).echoRequest(1, 1));
        assertThat(full.bytes().get(full.start() + 22)).isEqualTo((byte) 9);
        assertThat(full.bytes().get(full.start() + 23)).isEqualTo((byte) 0x30);

        PacketBuffer overflown =
                answer(toRouter().options(68, 8, 9, 0xf0, 1, 2, 3, 4).echoRequest(1, 1));
        assertThat(overflown.bytes().get(overflown.start() + 23)).isEqualTo((byte) 0xf0);

        PacketBuffer forAnother =
                answer(toRouter().options(68, 12, 5, 3, 1, 1, 1, 1, 0, 0, 0, 0).echoRequest(1, 1));
        assertThat(forAnother.bytes().getLong(forAnother.start() + 24)).isEqualTo(0x01010101_00000000L);
    }

    @Test
    void survivesOptionsThatLieAboutThemselves() {
        for (int pointer : new int[] {0, 1, 3, 4, 5, 37, 40, 255}) {
            answer(toRouter().options(7, 3, pointer, 0).echoRequest(1, 1));
            answer(toRouter().options(68, 4, pointer, 0).echoRequest(1, 1));
            answer(toRouter().options(7, 7, pointer, 0, 0, 0, 0).echoRequest(1, 1));
            answer(toRouter().options(68, 8, pointer, 3, 0, 0, 0, 0).echoRequest(1, 1));
            answer(toRouter().options(68, 3, pointer, 1, 7, 2).echoRequest(1, 1));
        }
    }

    /** RFC 1122 section 3.2.2.6 permits silence. */
    @ParameterizedTest
    @ValueSource(strings = {"192.168.1.255", "255.255.255.255", "224.0.0.1"})
    void doesNotAnswerBroadcastsAndMulticasts(String to) {
        harness.process(harness.packet(toRouter().to(to).echoRequest(1, 1).bytes()));
        assertThat(harness.dropped("not-unicast")).isEqualTo(1);
    }

    @Test
    void doesNotAnswerLinkBroadcasts() {
        PacketBuffer packet = harness.packet(toRouter().echoRequest(1, 1).bytes());
        packet.setLinkBroadcast(true);
        harness.process(packet);
        assertThat(harness.dropped("not-unicast")).isEqualTo(1);
    }

    @Test
    void dropsWhatIsDamagedOrNoRequest() {
        harness.process(
                harness.packet(toRouter().echoRequest(1, 1).checksum(0xdead).bytes()),
                harness.packet(toRouter().echoReply(1, 1).bytes()),
                harness.packet(toRouter().protocol(1, 8, 0, 0).bytes()));

        assertThat(harness.dropped("bad-checksum")).isEqualTo(1);
        assertThat(harness.dropped("not-an-echo-request")).isEqualTo(2);
    }

    @Test
    void finishesAChecksumThatTheSenderLeftToItsDevice() {
        PacketBuffer packet = harness.packet(
                toRouter().echoRequest(1, 1).payload(9).checksum(0).bytes());
        packet.setPartialChecksum(packet.start() + 20, 2);
        harness.process(packet);

        PacketBuffer reply = harness.single(Out.REPLY);
        assertThat(reply.checksum()).isEqualTo(PacketBuffer.Checksum.UNVERIFIED);
        assertThat(new Icmp4View().wrap(reply, reply.start() + 20).check()).isEqualTo(HeaderCheck.OK);
    }
}
