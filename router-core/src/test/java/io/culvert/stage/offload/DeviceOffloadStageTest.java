// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.offload;

import static io.culvert.testkit.PacketCheck.assertPacket;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.InterfaceId;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketBuffer.Checksum;
import io.culvert.packet.PacketBuffer.Gso;
import io.culvert.spi.Arc;
import io.culvert.spi.RouterInterface.Offloads;
import io.culvert.spi.Target;
import io.culvert.stage.offload.DeviceOffloadStage.Count;
import io.culvert.stage.offload.DeviceOffloadStage.Out;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class DeviceOffloadStageTest {
    /** Does nothing by itself. */
    private static final int PLAIN = 0;
    /** Does everything by itself. */
    private static final int FULL = 1;
    /** Completes checksums. */
    private static final int CHECKSUMS = 2;
    /** Segments TCP over IPv4 alone, and completes checksums. */
    private static final int TCP4_ONLY = 3;
    /** Claims to segment without completing checksums, which no device can. */
    private static final int CONFUSED = 4;

    private static final int ROUTER_ALERT_OPTION = 0x94;

    private StageHarness harness = harness(128);

    private static StageHarness harness(int poolPackets) {
        return StageHarness.of(DeviceOffloadStage.DESCRIPTOR, poolPackets)
                .interfaces(
                        InterfaceBuilder.ethernet(PLAIN).build(),
                        InterfaceBuilder.ethernet(FULL)
                                .offloads(new Offloads(true, true, true, true))
                                .build(),
                        InterfaceBuilder.ethernet(CHECKSUMS)
                                .offloads(new Offloads(true, false, false, false))
                                .build(),
                        InterfaceBuilder.ethernet(TCP4_ONLY)
                                .offloads(new Offloads(true, true, false, false))
                                .build(),
                        InterfaceBuilder.ethernet(CONFUSED)
                                .offloads(new Offloads(false, true, true, true))
                                .build());
    }

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private PacketBuffer packet(PacketBuilder bytes, int transmitInterface) {
        PacketBuffer packet = bytes.take(harness.pool());
        packet.setReceiveInterface(PLAIN);
        packet.setTransmitInterface(transmitInterface);
        return packet;
    }

    private PacketBuffer superpacket(PacketBuilder bytes, int transmitInterface, Gso gso, int gsoSize) {
        PacketBuffer packet = packet(bytes, transmitInterface);
        packet.setGso(gso, gsoSize, false);
        return packet;
    }

    private static PacketBuilder tcp4() {
        return Packets.ip4()
                .id(0xfffe)
                .tcp(4000, 80)
                .sequence(0xffff_ff00L)
                .flags("A")
                .partialChecksum();
    }

    private static PacketBuilder tcp6() {
        return Packets.ip6().flowLabel(0xabcde).tcp(4000, 80).sequence(7).partialChecksum();
    }

    private void assertSent(List<byte[]> expected) {
        List<PacketBuffer> sent = harness.out(Out.NEXT);
        for (int i = 0; i < Math.min(sent.size(), expected.size()); i++) {
            assertThat(HexFormat.of().formatHex(sent.get(i).toByteArray()))
                    .as("segment %d", i)
                    .isEqualTo(HexFormat.of().formatHex(expected.get(i)));
        }
        assertThat(sent).hasSameSizeAs(expected);
    }

    private static byte[] pattern(int from, int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (from + i);
        }
        return bytes;
    }

    @Test
    void standsOnTheDeviceOutputArc() {
        assertThat(DeviceOffloadStage.DESCRIPTOR.arc()).isEqualTo(Arc.DEVICE_OUTPUT);
        assertThat(DeviceOffloadStage.DESCRIPTOR.before()).containsExactly("device-transmit");
        assertThat(Out.NEXT.target()).isEqualTo(Target.next());
    }

    // --- what passes untouched

    @Test
    void passesUntouchedWhatTheDeviceCanTake() {
        PacketBuffer whole = superpacket(tcp4().payload(5000), FULL, Gso.TCP4, 1000);
        PacketBuffer unfinished =
                packet(Packets.ip4().udp(1, 2).partialChecksum().payload(10), CHECKSUMS);
        PacketBuffer finished = packet(Packets.ip4().udp(1, 2).payload(10), PLAIN);
        byte[] before = whole.toByteArray();
        harness.process(whole, unfinished, finished);

        assertThat(harness.out(Out.NEXT)).containsExactly(whole, unfinished, finished);
        assertThat(whole.toByteArray()).isEqualTo(before);
        assertThat(whole.gso()).isEqualTo(Gso.TCP4);
        assertThat(whole.gsoSize()).isEqualTo(1000);
        assertThat(whole.checksum()).isEqualTo(Checksum.PARTIAL);
        assertThat(unfinished.checksum()).isEqualTo(Checksum.PARTIAL);
        assertThat(harness.generated()).isZero();
    }

    @Test
    void aChecksumThatNobodyVerifiedIsNotTouched() {
        PacketBuffer wrong = packet(Packets.ip4().udp(1, 2).checksum(0xbad).payload(10), PLAIN);
        byte[] before = wrong.toByteArray();
        harness.process(wrong);

        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(before);
    }

    @Test
    void keepsTheOrderOfMixedPackets() {
        harness.process(
                packet(Packets.ip4().udp(1, 9), PLAIN),
                superpacket(Packets.ip4().udp(2, 9).partialChecksum().payload(25), PLAIN, Gso.UDP, 10),
                packet(Packets.ip4().udp(3, 9).partialChecksum(), PLAIN),
                packet(Packets.ip4().udp(4, 9), FULL));

        assertThat(harness.out(Out.NEXT))
                .extracting(sent -> (int) sent.bytes().getShort(sent.l3Offset() + 20))
                .containsExactly(1, 2, 2, 2, 3, 4);
    }

    @ParameterizedTest
    @ValueSource(ints = {InterfaceId.NONE, 5})
    void withoutAnInterfaceNothingIsOffloaded(int interfaceId) {
        harness.process(packet(Packets.ip4().udp(1, 2).partialChecksum().payload(3), interfaceId));

        assertPacket(harness.single(Out.NEXT)).ip4().udp(1, 2).payload(pattern(0, 3));
    }

    // --- checksums

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 17, 1472})
    void completesAnUnfilledChecksum(int payload) {
        harness.process(
                packet(Packets.ip4().udp(1, 2).partialChecksum().payload(payload), PLAIN),
                packet(Packets.ip6().tcp(3, 4).partialChecksum().payload(payload), PLAIN));

        List<PacketBuffer> sent = harness.out(Out.NEXT);
        assertPacket(sent.get(0)).ip4().udp(1, 2).payload(pattern(0, payload));
        assertPacket(sent.get(1)).ip6().tcp(3, 4).payload(pattern(0, payload));
        assertThat(sent).extracting(PacketBuffer::checksum).containsOnly(Checksum.VALID);
        assertThat(harness.counted(Count.CHECKSUMS)).isEqualTo(2);
    }

    @Test
    void completesItBehindALinkHeader() {
        PacketBuilder unfinished = Packets.ethernet("02:00:00:00:00:00", "02:00:00:00:00:aa")
                .ip4()
                .udp(1, 2)
                .partialChecksum()
                .payload(11);
        harness.process(packet(unfinished, PLAIN));

        assertPacket(harness.single(Out.NEXT))
                .ethernet("02:00:00:00:00:00", "02:00:00:00:00:aa")
                .ip4()
                .udp(1, 2)
                .payload(pattern(0, 11));
    }

    @Test
    void aComputedZeroIsWrittenAsItsOtherFace() {
        // The last two octets are chosen so that the sum is 0xffff and its complement zero.
        byte[] payload = {0, 0};
        PacketBuffer probe = packet(Packets.ip4().udp(1, 2).payload(payload), PLAIN);
        int checksum = probe.bytes().getShort(probe.start() + 26) & 0xffff;
        payload[0] = (byte) (checksum >> 8);
        payload[1] = (byte) checksum;
        harness.process(probe, packet(Packets.ip4().udp(1, 2).partialChecksum().payload(payload), PLAIN));

        PacketBuffer sent = harness.out(Out.NEXT).get(1);
        assertThat(sent.bytes().getShort(sent.start() + 26) & 0xffff).isEqualTo(0xffff);
        assertPacket(sent).ip4().udp(1, 2);
    }

    @Test
    void dropsAChecksumWhoseFieldIsNotInThePacket() {
        PacketBuffer behind = packet(Packets.ip4().udp(1, 2), PLAIN);
        behind.setPartialChecksum(behind.end() - 1, 0);
        PacketBuffer before = packet(Packets.ip4().udp(1, 2), PLAIN);
        before.setPartialChecksum(before.start() - 2, 0);
        harness.process(behind, before);

        assertThat(harness.dropped("checksum-place-invalid")).isEqualTo(2);
    }

    @Test
    void dropsAChecksumThatWouldBeWrittenIntoTheIpHeader() {
        PacketBuffer four = packet(Packets.ip4().options(1, 1, 1, 0).udp(1, 2).payload(20), PLAIN);
        four.setPartialChecksum(four.l3Offset() + 20, 2);
        PacketBuffer six = packet(Packets.ip6().udp(1, 2).payload(20), PLAIN);
        six.setPartialChecksum(six.l3Offset(), 24);
        harness.process(four, six);

        assertThat(harness.dropped("checksum-place-invalid")).isEqualTo(2);
    }

    // --- TCP

    @Test
    void cutsTcpOverIp4() {
        harness.process(superpacket(tcp4().flags("A").payload(2500), PLAIN, Gso.TCP4, 1000));

        List<PacketBuffer> sent = harness.out(Out.NEXT);
        assertThat(sent).hasSize(3);
        assertPacket(sent.get(0))
                .ip4()
                .totalLength(1040)
                .id(0xfffe)
                .tcp(4000, 80)
                .sequence(0xffff_ff00L)
                .flags("A")
                .payload(pattern(0, 1000));
        assertPacket(sent.get(1))
                .ip4()
                .totalLength(1040)
                .id(0xffff)
                .tcp(4000, 80)
                .sequence(0x2e8L)
                .flags("A")
                .payload(pattern(1000, 1000));
        assertPacket(sent.get(2))
                .ip4()
                .totalLength(540)
                .id(0)
                .tcp(4000, 80)
                .sequence(0x6d0L)
                .flags("A")
                .payload(pattern(2000, 500));
        for (PacketBuffer segment : sent) {
            assertThat(segment.gso()).isEqualTo(Gso.NONE);
            assertThat(segment.checksum()).isEqualTo(Checksum.VALID);
            assertThat(segment.transmitInterface()).isEqualTo(PLAIN);
            assertThat(segment.receiveInterface()).isEqualTo(PLAIN);
            assertThat(segment.generated()).as("made from a packet in transit").isFalse();
        }
        assertThat(harness.generated()).isEqualTo(2);
        assertThat(harness.counted(Count.CUT)).isEqualTo(1);
        assertThat(harness.counted(Count.SEGMENTS)).isEqualTo(3);
    }

    @Test
    void cutsTcpOverIp6() {
        harness.process(superpacket(tcp6().payload(2048), PLAIN, Gso.TCP6, 1024));

        List<PacketBuffer> sent = harness.out(Out.NEXT);
        assertThat(sent).hasSize(2);
        assertPacket(sent.get(0))
                .ip6()
                .totalLength(40 + 20 + 1024)
                .flowLabel(0xabcde)
                .tcp(4000, 80)
                .sequence(7)
                .payload(pattern(0, 1024));
        assertPacket(sent.get(1))
                .ip6()
                .totalLength(40 + 20 + 1024)
                .flowLabel(0xabcde)
                .tcp(4000, 80)
                .sequence(7 + 1024)
                .payload(pattern(1024, 1024));
    }

    @Test
    void finAndPshOnlyInTheLastAndCwrOnlyInTheFirstSegment() {
        PacketBuffer packet =
                superpacket(tcp4().flags("FPAUCE").tcpOptions(1, 1, 8, 10).payload(30), PLAIN, Gso.TCP4, 10);
        packet.setGso(Gso.TCP4, 10, true);
        harness.process(packet);

        List<PacketBuffer> sent = harness.out(Out.NEXT);
        assertThat(sent).hasSize(3);
        assertPacket(sent.get(0)).ip4().tcp(4000, 80).flags("AUCE").payload(pattern(0, 10));
        assertPacket(sent.get(1)).ip4().tcp(4000, 80).flags("AUE").payload(pattern(10, 10));
        assertPacket(sent.get(2)).ip4().tcp(4000, 80).flags("FPAUE").payload(pattern(20, 10));
    }

    @Test
    void aSingleSegmentKeepsAllItsFlags() {
        harness.process(superpacket(tcp4().flags("FPAC").payload(10), PLAIN, Gso.TCP4, 10));

        assertPacket(harness.single(Out.NEXT))
                .ip4()
                .id(0xfffe)
                .tcp(4000, 80)
                .flags("FPAC")
                .payload(pattern(0, 10));
        assertThat(harness.generated()).isZero();
    }

    @Test
    void aSuperpacketWithoutPayloadIsOneSegment() {
        harness.process(superpacket(tcp4(), PLAIN, Gso.TCP4, 1448));

        assertPacket(harness.single(Out.NEXT)).ip4().tcp(4000, 80).payload(new byte[0]);
    }

    @Test
    void ip4OptionsAreInEverySegment() {
        PacketBuilder packet = Packets.ip4()
                .options(ROUTER_ALERT_OPTION, 4, 0, 0, 1, 0)
                .tcp(4000, 80)
                .partialChecksum()
                .payload(25);
        harness.process(superpacket(packet, PLAIN, Gso.TCP4, 10));

        assertThat(harness.out(Out.NEXT))
                .hasSize(3)
                .allSatisfy(sent -> assertPacket(sent)
                        .ip4()
                        .options(ROUTER_ALERT_OPTION, 4, 0, 0, 1, 0, 0, 0)
                        .tcp(4000, 80));
    }

    @Test
    void ip6ExtensionHeadersAreInEverySegment() {
        PacketBuilder packet = Packets.ip6()
                .hopByHop(5, 2, 0, 0)
                .destinationOptions()
                .tcp(4000, 80)
                .partialChecksum()
                .payload(25);
        harness.process(superpacket(packet, PLAIN, Gso.TCP6, 10));

        List<PacketBuffer> sent = harness.out(Out.NEXT);
        assertThat(sent).hasSize(3);
        for (int i = 0; i < 3; i++) {
            assertPacket(sent.get(i))
                    .ip6()
                    .totalLength(40 + 8 + 8 + 20 + (i == 2 ? 5 : 10))
                    .hopByHop()
                    .destinationOptions()
                    .tcp(4000, 80)
                    .sequence(1 + 10L * i)
                    .payload(pattern(10 * i, i == 2 ? 5 : 10));
        }
    }

    /** RFC 8200 section 8.1: the sender sums the last address of the route, and no other than it is known to us. */
    @Test
    void behindARoutingHeaderTheSendersPseudoHeaderHolds() {
        int[] lastHop = new int[20];
        byte[] address = {(byte) 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
        for (int i = 0; i < 16; i++) {
            lastHop[4 + i] = address[i] & 0xff;
        }
        Supplier<PacketBuilder> packet = () -> Packets.ip6().routing(2, 1, lastHop);
        PacketBuffer received = superpacket(packet.get().tcp(1, 2).payload(25), PLAIN, Gso.TCP6, 10);
        int transport = received.start() + 40 + 24;
        int pseudo = 0xfd00 + 1 + 0xfd00 + 9 + 6 + 45;
        received.bytes().putShort(transport + 16, (short) (pseudo % 0xffff));
        received.setPartialChecksum(transport, 16);
        byte[] plain = received.toByteArray();
        harness.process(received);

        assertSent(PlainSegmentation.cut(plain, 0, 10, true));
    }

    @Test
    void withALinkHeaderOffsetsStayTrue() {
        PacketBuilder packet = Packets.ethernet("02:00:00:00:00:00", "02:00:00:00:00:aa")
                .ip4()
                .tcp(4000, 80)
                .partialChecksum()
                .payload(25);
        PacketBuffer received = superpacket(packet, PLAIN, Gso.TCP4, 10);
        received.setL4Offset(received.start() + 34);
        harness.process(received);

        assertThat(harness.out(Out.NEXT)).hasSize(3).allSatisfy(sent -> {
            assertPacket(sent)
                    .ethernet("02:00:00:00:00:00", "02:00:00:00:00:aa")
                    .ip4()
                    .tcp(4000, 80);
            assertThat(sent.l2Offset()).isEqualTo(sent.start());
            assertThat(sent.l3Offset()).isEqualTo(sent.start() + 14);
            assertThat(sent.l4Offset()).isEqualTo(sent.start() + 34);
        });
    }

    @Test
    void linkPaddingIsCutOffFirst() {
        harness.process(superpacket(tcp4().payload(15).padding(7), PLAIN, Gso.TCP4, 10));

        assertThat(harness.out(Out.NEXT)).hasSize(2);
        assertPacket(harness.out(Out.NEXT).get(1)).ip4().tcp(4000, 80).payload(pattern(10, 5));
    }

    @Test
    void cutsTheLargestSuperpacket() {
        byte[] payload = new byte[65535 - 40];
        new SplittableRandom(65535).nextBytes(payload);
        PacketBuilder packet = tcp4().payload(payload);
        byte[] plain = packet.bytes();
        harness.process(superpacket(packet, PLAIN, Gso.TCP4, 1448));

        assertSent(PlainSegmentation.cut(plain, 0, 1448, true));
        assertThat(harness.out(Out.NEXT)).hasSize(46);
    }

    // --- UDP

    @Test
    void cutsUdpOverIp4() {
        harness.process(superpacket(
                Packets.ip4().df().id(5).udp(53, 54).partialChecksum().payload(23), PLAIN, Gso.UDP, 10));

        List<PacketBuffer> sent = harness.out(Out.NEXT);
        assertThat(sent).hasSize(3);
        for (int i = 0; i < 3; i++) {
            assertPacket(sent.get(i))
                    .ip4()
                    .id(5 + i)
                    .df(true)
                    .totalLength(28 + (i == 2 ? 3 : 10))
                    .udp(53, 54)
                    .payload(pattern(10 * i, i == 2 ? 3 : 10));
        }
    }

    @Test
    void cutsUdpOverIp6() {
        harness.process(superpacket(Packets.ip6().udp(53, 54).partialChecksum().payload(20), PLAIN, Gso.UDP, 10));

        List<PacketBuffer> sent = harness.out(Out.NEXT);
        assertThat(sent).hasSize(2);
        assertPacket(sent.get(0)).ip6().udp(53, 54).payload(pattern(0, 10));
        assertPacket(sent.get(1)).ip6().udp(53, 54).payload(pattern(10, 10));
    }

    @Test
    void rfc768DatagramsWithoutAChecksumStayWithoutOne() {
        harness.process(superpacket(Packets.ip4().udp(53, 54).checksum(0).payload(20), PLAIN, Gso.UDP, 10));

        assertThat(harness.out(Out.NEXT)).hasSize(2).allSatisfy(sent -> {
            assertThat(sent.bytes().getShort(sent.l4Offset() + 6)).isZero();
            assertPacket(sent).ip4().udp(53, 54);
        });
    }

    @Test
    void rfc8200DatagramsOverIp6AlwaysHaveAChecksum() {
        harness.process(superpacket(Packets.ip6().udp(53, 54).checksum(0).payload(20), PLAIN, Gso.UDP, 10));

        assertThat(harness.out(Out.NEXT))
                .hasSize(2)
                .allSatisfy(sent -> assertPacket(sent).ip6().udp(53, 54));
    }

    // --- devices that do a part of it

    @Test
    void segmentsForADeviceThatCompletesChecksumsLeaveThemToIt() {
        PacketBuffer tcp = superpacket(tcp4().payload(15), CHECKSUMS, Gso.TCP4, 10);
        PacketBuffer udp = superpacket(Packets.ip6().udp(1, 2).partialChecksum().payload(15), CHECKSUMS, Gso.UDP, 10);
        harness.process(tcp, udp);

        List<PacketBuffer> sent = List.copyOf(harness.out(Out.NEXT));
        assertThat(sent).hasSize(4).allSatisfy(segment -> {
            assertThat(segment.checksum()).isEqualTo(Checksum.PARTIAL);
            assertThat(segment.checksumStart()).isEqualTo(segment.l4Offset());
            assertThat(segment.gso()).isEqualTo(Gso.NONE);
        });
        // What the device then does: complete them, as this stage does for a device that can't.
        List<byte[]> finished = sent.stream()
                .map(segment -> {
                    StageHarness device = harness(1);
                    PacketBuffer copy = device.packet(segment.toByteArray());
                    int shift = copy.start() - segment.start();
                    copy.setPartialChecksum(segment.checksumStart() + shift, segment.checksumOffset());
                    copy.setTransmitInterface(PLAIN);
                    return device.process(copy).single(Out.NEXT).toByteArray();
                })
                .toList();
        assertPacket(finished.get(0)).ip4().tcp(4000, 80).payload(pattern(0, 10));
        assertPacket(finished.get(1)).ip4().tcp(4000, 80).payload(pattern(10, 5));
        assertPacket(finished.get(2)).ip6().udp(1, 2).payload(pattern(0, 10));
        assertPacket(finished.get(3)).ip6().udp(1, 2).payload(pattern(10, 5));
    }

    @Test
    void eachKindOfSuperpacketHasItsOwnOffload() {
        harness.process(
                superpacket(tcp4().payload(20), TCP4_ONLY, Gso.TCP4, 10),
                superpacket(tcp6().payload(20), TCP4_ONLY, Gso.TCP6, 10),
                superpacket(Packets.ip4().udp(1, 2).partialChecksum().payload(20), TCP4_ONLY, Gso.UDP, 10));

        assertThat(harness.out(Out.NEXT))
                .extracting(PacketBuffer::gso)
                .containsExactly(Gso.TCP4, Gso.NONE, Gso.NONE, Gso.NONE, Gso.NONE);
    }

    @Test
    void aDeviceThatCompletesNoChecksumsIsNotGivenSuperpackets() {
        harness.process(superpacket(tcp4().payload(20), CONFUSED, Gso.TCP4, 10));

        assertThat(harness.out(Out.NEXT))
                .hasSize(2)
                .allSatisfy(sent -> assertPacket(sent).ip4().tcp(4000, 80));
    }

    @Test
    void aSuperpacketWhoseChecksumTheReceiverVerifiedGetsNewOnes() {
        PacketBuffer packet = superpacket(Packets.ip4().tcp(1, 2).payload(20), PLAIN, Gso.TCP4, 10);
        packet.setChecksum(Checksum.VALID);
        harness.process(packet);

        assertThat(harness.out(Out.NEXT))
                .hasSize(2)
                .allSatisfy(sent -> assertPacket(sent).ip4().tcp(1, 2));
    }

    // --- what goes wrong

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5, 9})
    void whenThePoolRunsDryTheRestIsDroppedByName(int buffers) {
        harness = harness(buffers);
        harness.process(superpacket(tcp4().payload(100), PLAIN, Gso.TCP4, 10));

        assertThat(harness.dropped("no-buffer-for-segment")).isEqualTo(1);
        assertThat(harness.out(Out.NEXT)).hasSize(buffers - 1);
        for (int i = 0; i < buffers - 1; i++) {
            assertPacket(harness.out(Out.NEXT).get(i))
                    .ip4()
                    .tcp(4000, 80)
                    .sequence((0xffff_ff00L + 10L * i) & 0xffff_ffffL)
                    .payload(pattern(10 * i, 10));
        }
        assertThat(harness.counted(Count.SEGMENTS)).isEqualTo(buffers - 1);
    }

    @Test
    void afterThePoolRanDryItGoesOn() {
        harness = harness(3);
        harness.process(superpacket(tcp4().payload(100), PLAIN, Gso.TCP4, 10));
        harness.clear();
        harness.process(superpacket(tcp4().payload(30), PLAIN, Gso.TCP4, 10));

        assertThat(harness.out(Out.NEXT)).hasSize(3);
        assertThat(harness.dropped()).isZero();
    }

    @Test
    void asManyBuffersAsSegmentsAreEnough() {
        harness = harness(10);
        harness.process(superpacket(tcp4().payload(100), PLAIN, Gso.TCP4, 10));

        assertThat(harness.out(Out.NEXT)).hasSize(10);
        assertThat(harness.dropped()).isZero();
    }

    private void assertMalformed(PacketBuilder bytes, Gso gso, int gsoSize, Consumer<PacketBuffer> damage) {
        PacketBuffer packet = superpacket(bytes.payload(100), PLAIN, gso, gsoSize);
        damage.accept(packet);
        int before = harness.dropped();
        harness.process(packet);
        assertThat(harness.dropped("superpacket-malformed")).isEqualTo(before + 1);
    }

    @Test
    void dropsSuperpacketsThatAreNotWhatTheyClaim() {
        assertMalformed(tcp4(), Gso.TCP4, 0, packet -> {});
        assertMalformed(tcp4(), Gso.TCP6, 10, packet -> {});
        assertMalformed(tcp6(), Gso.TCP4, 10, packet -> {});
        assertMalformed(tcp4(), Gso.UDP, 10, packet -> {});
        assertMalformed(Packets.ip4().udp(1, 2), Gso.TCP4, 10, packet -> {});
        assertMalformed(Packets.ip6().udp(1, 2), Gso.TCP6, 10, packet -> {});
        assertMalformed(Packets.ip4().version(5).tcp(1, 2), Gso.TCP4, 10, packet -> {});
        assertMalformed(Packets.ip4().fragment(0, true).tcp(1, 2), Gso.TCP4, 10, packet -> {});
        assertMalformed(Packets.ip4().fragment(8, false).udp(1, 2), Gso.UDP, 10, packet -> {});
        assertMalformed(Packets.ip6().fragmentHeader(0, true, 1).udp(1, 2), Gso.UDP, 10, packet -> {});
        assertMalformed(Packets.ip4().tcp(1, 2).headerWords(4), Gso.TCP4, 10, packet -> {});
        assertMalformed(Packets.ip4().tcp(1, 2), Gso.TCP4, 10, packet -> packet.setL3Offset(PacketBuffer.UNKNOWN));
    }

    @ParameterizedTest
    @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
    void dropsEveryTruncationOfTheHeaders(Gso gso) {
        PacketBuilder bytes = switch (gso) {
            case TCP4 -> tcp4();
            case TCP6 -> tcp6();
            default -> Packets.ip6().hopByHop().udp(1, 2).partialChecksum();
        };
        byte[] whole = bytes.bytes();
        for (int length = 0; length < whole.length; length++) {
            PacketBuffer packet = harness.packet(Arrays.copyOf(whole, length));
            packet.setTransmitInterface(PLAIN);
            packet.setGso(gso, 10, false);
            harness.process(packet);
        }

        assertThat(harness.dropped("superpacket-malformed")).isEqualTo(whole.length);
    }

    // --- against the plain reference

    /** Any superpacket that may come, compared byte by byte. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void agreesWithThePlainReference(long seed) {
        harness = harness(256);
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 150; round++) {
            boolean framed = random.nextBoolean();
            boolean ip4 = random.nextBoolean();
            boolean tcp = random.nextBoolean();
            PacketBuilder builder = framed ? Packets.ethernet("02:00:00:00:00:00", "02:00:00:00:00:aa") : null;
            builder = ip4 ? ip4(builder, random) : ip6(builder, random);
            builder = tcp ? tcp(builder, random) : builder.udp(random.nextInt(65536), random.nextInt(65536));
            int gsoSize = 1 + random.nextInt(random.nextBoolean() ? 40 : 3000);
            byte[] payload = new byte[random.nextInt(Math.min(60_000, gsoSize * 200) + 1)];
            random.nextBytes(payload);
            builder.partialChecksum().payload(payload);
            Gso gso = !tcp ? Gso.UDP : ip4 ? Gso.TCP4 : Gso.TCP6;
            PacketBuffer packet = superpacket(builder, PLAIN, gso, gsoSize);
            byte[] plain = packet.toByteArray();
            packet.setWindow(packet.start(), packet.length() + random.nextInt(8));
            try {
                harness.process(packet);
                assertSent(PlainSegmentation.cut(plain, framed ? 14 : 0, gsoSize, true));
            } catch (AssertionError | RuntimeException failure) {
                throw new AssertionError("seed " + seed + ", round " + round, failure);
            }
            harness.clear();
        }
    }

    // --- superpackets inside tunnels

    /** Outer IPv4 and UDP, a VXLAN header (RFC 7348 section 5), then an Ethernet frame with TCP. */
    private static PacketBuilder vxlan(int index, boolean checksum, byte[] frame) {
        byte[] payload = new byte[8 + frame.length];
        payload[0] = 0x08;
        payload[6] = 7;
        System.arraycopy(frame, 0, payload, 8, frame.length);
        PacketBuilder outer = Packets.ip4().id(0xffff + index & 0xffff).udp(50_000, 4789);
        return (checksum ? outer : outer.checksum(0)).payload(payload);
    }

    private static PacketBuilder inner(int index, String flags, byte[] payload) {
        return Packets.ethernet("02:00:00:00:00:01", "02:00:00:00:00:02")
                .ip4()
                .id(5 + index)
                .tcp(4000, 80)
                .sequence(7 + 1000L * index)
                .flags(flags)
                .payload(payload);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void cutsByItsInnerHeadersWhatIsInsideATunnel(boolean checksum) {
        byte[] frame = inner(0, "AP", pattern(0, 2500)).partialChecksum().bytes();
        PacketBuffer packet = superpacket(vxlan(0, checksum, frame), FULL, Gso.TCP4, 1000);
        packet.setPartialChecksum(packet.start() + 20 + 8 + 8 + 14 + 20, 16);
        harness.process(packet);

        assertSent(List.of(
                vxlan(0, checksum, inner(0, "A", pattern(0, 1000)).bytes()).bytes(),
                vxlan(1, checksum, inner(1, "A", pattern(1000, 1000)).bytes()).bytes(),
                vxlan(2, checksum, inner(2, "AP", pattern(2000, 500)).bytes()).bytes()));
    }

    @Test
    void refusesATunnelWhoseInnerHeaderIsNotWhereTheChecksumSays() {
        byte[] frame = inner(0, "AP", pattern(0, 2500)).partialChecksum().bytes();
        for (int place = 20 + 2; place < 20 + 8 + 8 + 14 + 20; place += 2) {
            PacketBuffer packet = superpacket(vxlan(0, false, frame), FULL, Gso.TCP4, 1000);
            packet.setPartialChecksum(packet.start() + place, 16);
            harness.process(packet);
        }
        assertThat(harness.dropped("superpacket-malformed")).isEqualTo(24);
    }

    private static PacketBuilder ip4(PacketBuilder frame, SplittableRandom random) {
        PacketBuilder packet = (frame == null ? Packets.ip4() : frame.ip4())
                .from("192.0.2." + random.nextInt(256))
                .to("198.51.100." + random.nextInt(256))
                .ttl(random.nextInt(1, 256))
                .trafficClass(random.nextInt(256))
                .id(random.nextInt(65536));
        if (random.nextBoolean()) {
            packet.df();
        }
        int[] options = new int[random.nextInt(3) == 0 ? random.nextInt(41) : 0];
        Arrays.fill(options, 1);
        return packet.options(options);
    }

    private static PacketBuilder ip6(PacketBuilder frame, SplittableRandom random) {
        PacketBuilder packet = (frame == null ? Packets.ip6() : frame.ip6())
                .from("2001:db8::" + Integer.toHexString(random.nextInt(65536)))
                .to("2001:db8:1::" + Integer.toHexString(random.nextInt(65536)))
                .hopLimit(random.nextInt(1, 256))
                .trafficClass(random.nextInt(256))
                .flowLabel(random.nextInt(1 << 20));
        if (random.nextInt(3) == 0) {
            packet.hopByHop(5, 2, 0, 0);
        }
        if (random.nextInt(3) == 0) {
            packet.destinationOptions(new int[random.nextInt(60)]);
        }
        return packet;
    }

    private static PacketBuilder tcp(PacketBuilder packet, SplittableRandom random) {
        StringBuilder flags = new StringBuilder();
        for (char flag : new char[] {'F', 'P', 'A', 'U', 'E', 'C'}) {
            if (random.nextBoolean()) {
                flags.append(flag);
            }
        }
        int[] options = new int[random.nextBoolean() ? random.nextInt(41) : 0];
        Arrays.fill(options, 1);
        return packet.tcp(random.nextInt(65536), random.nextInt(65536))
                .sequence(random.nextLong() & 0xffff_ffffL)
                .acknowledgment(random.nextLong() & 0xffff_ffffL)
                .flags(flags.toString())
                .window(random.nextInt(65536))
                .tcpOptions(options);
    }
}
