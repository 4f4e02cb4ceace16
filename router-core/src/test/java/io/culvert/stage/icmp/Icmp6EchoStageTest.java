// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.icmp;

import static io.culvert.stage.TestRouter6.LAN;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.InterfaceId;
import io.culvert.packet.PacketBuffer;
import io.culvert.stage.TestRouter6;
import io.culvert.stage.icmp.Icmp6EchoStage.Count;
import io.culvert.stage.icmp.Icmp6EchoStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Icmp6EchoStageTest {
    private final StageHarness harness =
            TestRouter6.around(Icmp6EchoStage.DESCRIPTOR).harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private PacketBuffer request(PacketBuilder built, int headers) {
        PacketBuffer packet = harness.packet(built.bytes());
        packet.setL4Offset(packet.start() + headers);
        return packet;
    }

    private static PacketBuilder toRouter() {
        return Packets.ip6().from("fd00:1::10").to("fd00:1::1");
    }

    /** RFC 4443 4.2: identifier, sequence number and data come back, of whatever size. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 56, 57, 1400, 65_000})
    void returnsIdentifierSequenceAndData(int size) {
        PacketBuffer request = request(
                toRouter()
                        .trafficClass(0xb9)
                        .flowLabel(0x12345)
                        .hopLimit(1)
                        .echoRequest(0xbeef, 0xcafe)
                        .payload(size),
                40);
        request.setTransmitInterface(7);
        harness.process(request);

        PacketBuffer reply = harness.single(Out.REPLY);
        assertThat(reply.toByteArray())
                .isEqualTo(Packets.ip6()
                        .from("fd00:1::1")
                        .to("fd00:1::10")
                        .trafficClass(0xb8)
                        .hopLimit(64)
                        .echoReply(0xbeef, 0xcafe)
                        .payload(size)
                        .bytes());
        assertThat(reply.generated()).isTrue();
        assertThat(reply.transmitInterface()).isEqualTo(InterfaceId.NONE);
        assertThat(reply.receiveInterface()).isEqualTo(LAN);
        assertThat(harness.counted(Count.REPLIES)).isEqualTo(1);
    }

    @Test
    void leavesExtensionHeadersOut() {
        harness.process(request(
                toRouter()
                        .hopByHop(5, 2, 0, 0)
                        .destinationOptions()
                        .echoRequest(1, 2)
                        .payload(5),
                56));
        PacketBuffer reply = harness.single(Out.REPLY);
        assertThat(reply.toByteArray())
                .isEqualTo(Packets.ip6()
                        .from("fd00:1::1")
                        .to("fd00:1::10")
                        .echoReply(1, 2)
                        .payload(5)
                        .bytes());
        assertThat(reply.l3Offset()).isEqualTo(reply.start());
        assertThat(reply.l4Offset()).isEqualTo(reply.start() + 40);
    }

    @ParameterizedTest
    @CsvSource({"fe80::10, fe80::1", "fd00:1::10, fd00:1::1"})
    void answersAGroupFromTheInterfacesAddressOfTheAskersScope(String from, String own) {
        PacketBuffer request =
                request(Packets.ip6().from(from).to("ff02::1").echoRequest(1, 2).payload(3), 40);
        request.setLinkBroadcast(true);
        harness.process(request);

        PacketBuffer reply = harness.single(Out.REPLY);
        assertThat(reply.toByteArray())
                .isEqualTo(Packets.ip6()
                        .from(own)
                        .to(from)
                        .echoReply(1, 2)
                        .payload(3)
                        .bytes());
        assertThat(reply.linkBroadcast()).isFalse();
    }

    @Test
    void completesTheChecksumThatTheSenderLeftToItsDevice() {
        byte[] bytes = toRouter().echoRequest(1, 2).payload(64).bytes();
        bytes[42] = 0x12;
        bytes[43] = 0x34;
        PacketBuffer request = harness.packet(bytes);
        request.setL4Offset(request.start() + 40);
        request.setPartialChecksum(request.start() + 40, 2);
        harness.process(request);

        PacketBuffer reply = harness.single(Out.REPLY);
        assertThat(reply.checksum()).isEqualTo(PacketBuffer.Checksum.UNVERIFIED);
        assertThat(reply.toByteArray())
                .isEqualTo(Packets.ip6()
                        .from("fd00:1::1")
                        .to("fd00:1::10")
                        .echoReply(1, 2)
                        .payload(64)
                        .bytes());
    }

    @Test
    void dropsADamagedRequest() {
        harness.process(request(toRouter().echoRequest(1, 2).checksum(0xbad), 40));
        assertThat(harness.dropped("bad-checksum")).isEqualTo(1);
    }

    @Test
    void dropsAnotherCode() {
        harness.process(request(toRouter().icmp(128, 1), 40));
        assertThat(harness.dropped("bad-code")).isEqualTo(1);
    }

    @Test
    void dropsARequestFromNowhere() {
        harness.process(request(Packets.ip6().from("::").to("ff02::1").echoRequest(1, 2), 40));
        assertThat(harness.dropped("no-source")).isEqualTo(1);
    }

    @Test
    void dropsAGroupsRequestWhereTheInterfaceHasNoAddress() {
        harness.interfaces(TestRouter6.ethernet(LAN, 1500, null));
        harness.process(request(Packets.ip6().from("fe80::10").to("ff02::1").echoRequest(1, 2), 40));
        assertThat(harness.dropped("no-address")).isEqualTo(1);
    }
}
