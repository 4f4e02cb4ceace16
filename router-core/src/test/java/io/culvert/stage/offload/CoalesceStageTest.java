// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.offload;

import static io.culvert.testkit.PacketCheck.assertPacket;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketBuffer.Checksum;
import io.culvert.packet.PacketBuffer.Gso;
import io.culvert.packet.PacketBuffer.State;
import io.culvert.spi.Arc;
import io.culvert.spi.RouterInterface.Offloads;
import io.culvert.spi.Target;
import io.culvert.stage.offload.CoalescePacket.Kind;
import io.culvert.stage.offload.CoalesceStage.Count;
import io.culvert.stage.offload.CoalesceStage.Out;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import io.culvert.wire.InternetChecksum;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every superpacket that comes out is cut again by {@link PlainSegmentation}, which must give exactly the packets that went
 * in, the identification of packets with DF apart; and every packet that comes out alone is as it was.
 */
final class CoalesceStageTest {
    private static final int FULL = 0;
    private static final int ETHERNET = 1;
    private static final int SWITCHED_OFF = 2;
    private static final int WITHOUT_CHECKSUMS = 3;
    private static final int UDP_ONLY = 4;
    private static final int TCP4_ONLY = 5;
    private static final int TCP6_ONLY = 6;
    private static final int FULL_TOO = 7;

    private final StageHarness harness = StageHarness.of(CoalesceStage.DESCRIPTOR, 256)
            .interfaces(
                    tun(FULL, new Offloads(true, true, true, true)).build(),
                    InterfaceBuilder.ethernet(ETHERNET)
                            .offloads(new Offloads(true, true, true, true))
                            .build(),
                    tun(SWITCHED_OFF, new Offloads(true, true, true, true))
                            .withoutGro()
                            .build(),
                    tun(WITHOUT_CHECKSUMS, new Offloads(false, true, true, true))
                            .build(),
                    tun(UDP_ONLY, new Offloads(true, false, false, true)).build(),
                    tun(TCP4_ONLY, new Offloads(true, true, false, false)).build(),
                    tun(TCP6_ONLY, new Offloads(true, false, true, false)).build(),
                    tun(FULL_TOO, new Offloads(true, true, true, true)).build());

    private static InterfaceBuilder tun(int id, Offloads offloads) {
        return InterfaceBuilder.pointToPoint(id).offloads(offloads);
    }

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    /** What the test put in, by the buffer it is in. */
    private final Map<PacketBuffer, CoalescePacket> inputs = new HashMap<>();

    private final Map<PacketBuffer, byte[]> raw = new HashMap<>();
    private final Map<PacketBuffer, Integer> places = new HashMap<>();

    /** Runs the stage and answers how many packets each of those that come out stands for, after all have been checked. */
    private List<Integer> coalesce(List<CoalescePacket> packets) {
        return coalesce(packets, (packet, buffer) -> {});
    }

    private interface Preparation {
        void prepare(CoalescePacket packet, PacketBuffer buffer);
    }

    private List<Integer> coalesce(List<CoalescePacket> packets, Preparation preparation) {
        inputs.clear();
        raw.clear();
        places.clear();
        PacketBuffer[] buffers = new PacketBuffer[packets.size()];
        for (int i = 0; i < buffers.length; i++) {
            buffers[i] = packets.get(i).take(harness.pool());
            preparation.prepare(packets.get(i), buffers[i]);
            inputs.put(buffers[i], packets.get(i));
            raw.put(buffers[i], buffers[i].toByteArray());
            places.put(buffers[i], i);
        }
        harness.process(buffers);
        check(packets.size());
        return harness.out(Out.NEXT).stream().map(PacketBuffer::chainCount).toList();
    }

    private void check(int count) {
        int seen = 0;
        Map<Integer, Integer> lastOfFlow = new HashMap<>();
        for (PacketBuffer head : harness.out(Out.NEXT)) {
            List<PacketBuffer> members = new ArrayList<>();
            for (PacketBuffer member = head; member != null; member = member.nextInChain()) {
                members.add(member);
                int place = placeOf(member);
                int flow = input(member).flow;
                assertThat(place).as("order in flow %d", flow).isGreaterThan(lastOfFlow.getOrDefault(flow, -1));
                lastOfFlow.put(flow, place);
            }
            seen += members.size();
            if (members.size() == 1) {
                assertThat(hex(head.toByteArray())).as(input(head).toString()).isEqualTo(hex(rawOf(head)));
                assertThat(head.state()).isEqualTo(State.DECIDED);
            } else {
                checkSuperpacket(head, members);
            }
        }
        assertThat(seen).as("packets that came out").isEqualTo(count);
    }

    private void checkSuperpacket(PacketBuffer head, List<PacketBuffer> members) {
        CoalescePacket first = input(head);
        assertThat(head.gso()).isEqualTo(!first.kind.isTcp ? Gso.UDP : first.kind.overIp6 ? Gso.TCP6 : Gso.TCP4);
        assertThat(head.gsoSize()).isEqualTo(first.payload);
        assertThat(head.gsoEcn()).isFalse();
        assertThat(members).hasSizeLessThanOrEqualTo(PacketBuffer.MAX_CHAIN);
        assertThat(head.chainBytes()).isLessThanOrEqualTo(65535);
        int network = head.l3Offset() - head.start();
        byte[] superpacket = head.toByteArray();
        List<byte[]> segments = PlainSegmentation.cut(superpacket, network, head.gsoSize(), true);
        assertThat(segments).hasSameSizeAs(members);
        for (int i = 0; i < members.size(); i++) {
            CoalescePacket member = input(members.get(i));
            // What the sender left open is complete once the packet is on the wire; all else stays as it came.
            byte[] expected = member.checksum == Checksum.PARTIAL
                    ? member.onTheWire()
                    : rawOf(members.get(i)).clone();
            byte[] segment = segments.get(i);
            if (!first.kind.overIp6 && (expected[network + 6] & 0x40) != 0) {
                Arrays.fill(expected, network + 4, network + 6, (byte) 0);
                Arrays.fill(expected, network + 10, network + 12, (byte) 0);
                Arrays.fill(segment, network + 4, network + 6, (byte) 0);
                Arrays.fill(segment, network + 10, network + 12, (byte) 0);
            }
            assertThat(hex(segment)).as("segment %d, %s", i, member).isEqualTo(hex(expected));
        }
        checkChecksums(head, superpacket);
    }

    /** Completes the superpacket's checksum from what it says is left to do, and judges it as one large packet. */
    private void checkChecksums(PacketBuffer head, byte[] superpacket) {
        PacketBuffer flat = harness.packet(superpacket);
        int network = head.l3Offset() - head.start();
        flat.setL3Offset(flat.start() + network);
        assertThat(head.checksum()).isEqualTo(Checksum.PARTIAL);
        flat.setPartialChecksum(flat.start() + head.checksumStart() - head.start(), head.checksumOffset());
        assertThat(InternetChecksum.finishPartial(flat)).isTrue();
        byte[] bytes = Arrays.copyOfRange(flat.toByteArray(), network, superpacket.length);
        harness.pool().release(flat);
        if (input(head).kind.overIp6) {
            assertPacket(bytes).ip6();
        } else {
            assertPacket(bytes).ip4();
        }
    }

    private CoalescePacket input(PacketBuffer buffer) {
        CoalescePacket input = inputs.get(buffer);
        assertThat(input).isNotNull();
        return input;
    }

    private byte[] rawOf(PacketBuffer buffer) {
        byte[] bytes = raw.get(buffer);
        assertThat(bytes).isNotNull();
        return bytes;
    }

    private int placeOf(PacketBuffer buffer) {
        return places.getOrDefault(buffer, -1);
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    /** Packets that may be put together, changed as the test wants. */
    private static List<CoalescePacket> series(Kind kind, int count, Consumer<List<CoalescePacket>> change) {
        List<CoalescePacket> packets = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            packets.add(CoalescePacket.of(kind, i));
        }
        change.accept(packets);
        return packets;
    }

    private static Consumer<List<CoalescePacket>> each(Consumer<CoalescePacket> change) {
        return packets -> packets.forEach(change);
    }

    private static Consumer<List<CoalescePacket>> at(int index, Consumer<CoalescePacket> change) {
        return packets -> change.accept(packets.get(index));
    }

    private static Consumer<List<CoalescePacket>> from(int index, Consumer<CoalescePacket> change) {
        return packets -> packets.subList(index, packets.size()).forEach(change);
    }

    @Test
    void standsBetweenOffloadAndTransmission() {
        assertThat(CoalesceStage.DESCRIPTOR.arc()).isEqualTo(Arc.DEVICE_OUTPUT);
        assertThat(CoalesceStage.DESCRIPTOR.after()).containsExactly("device-offload");
        assertThat(CoalesceStage.DESCRIPTOR.before()).containsExactly("device-transmit");
        assertThat(Out.NEXT.target()).isEqualTo(Target.next());
    }

    // --- what is put together

    static Stream<Arguments> mergeable() {
        List<Arguments> cases = new ArrayList<>();
        for (Kind kind : Kind.values()) {
            cases.add(Arguments.of("plain", kind, each(p -> {})));
            cases.add(Arguments.of("one byte of payload", kind, from(0, p -> {
                p.sequence = 900L + p.id;
                p.payload = 1;
            })));
            cases.add(Arguments.of("verified checksums", kind, each(p -> p.checksum = Checksum.VALID)));
            cases.add(Arguments.of("checksums to verify", kind, each(p -> p.checksum = Checksum.UNVERIFIED)));
            cases.add(Arguments.of("mixed checksums", kind, at(1, p -> p.checksum = Checksum.UNVERIFIED)));
            cases.add(Arguments.of("DF and any identification", kind, each(p -> {
                p.df = true;
                p.id = p.id * 7 & 0xffff;
            })));
            cases.add(Arguments.of("DF and the same identification", kind, each(p -> {
                p.df = true;
                p.id = 0;
            })));
            cases.add(Arguments.of("wrapping identification", kind, each(p -> p.id = p.id + 0xffff - 101 & 0xffff)));
            cases.add(Arguments.of("a traffic class with ECN", kind, each(p -> p.trafficClass = 0xbb)));
            cases.add(Arguments.of("a shorter last one", kind, at(3, p -> p.payload = 99)));
            cases.add(Arguments.of("Ethernet", kind, each(p -> {
                p.ethernet = true;
                p.transmitInterface = ETHERNET;
            })));
            cases.add(Arguments.of("Ethernet with a tag", kind, each(p -> {
                p.ethernet = true;
                p.vlan = 10;
                p.transmitInterface = ETHERNET;
            })));
            cases.add(Arguments.of("Ethernet with two tags", kind, each(p -> {
                p.ethernet = true;
                p.serviceVlan = 11;
                p.vlan = 10;
                p.transmitInterface = ETHERNET;
            })));
            if (kind.isTcp) {
                cases.add(
                        Arguments.of("wrapping sequence numbers", kind, each(p -> p.sequence += 0xffff_ffffL - 1150)));
                cases.add(Arguments.of("PSH on the last", kind, at(3, p -> p.flags = "AP")));
                cases.add(Arguments.of("FIN on the last", kind, at(3, p -> p.flags = "AF")));
                cases.add(Arguments.of("PSH and FIN on a shorter last one", kind, at(3, p -> {
                    p.flags = "APF";
                    p.payload = 1;
                })));
                cases.add(Arguments.of("ECE", kind, each(p -> p.flags = "AE")));
                cases.add(Arguments.of("no options", kind, each(p -> p.tcpOptions = new int[0])));
            }
        }
        return cases.stream();
    }

    @ParameterizedTest(name = "{1}: {0}")
    @MethodSource("mergeable")
    void putsTogether(String name, Kind kind, Consumer<List<CoalescePacket>> change) {
        List<CoalescePacket> packets = series(kind, 4, change);
        assertThat(coalesce(packets)).as(name).containsExactly(4);

        boolean tcp = kind.isTcp;
        assertThat(harness.counted(Count.UDP_SUPERPACKETS)).isEqualTo(tcp ? 0 : 1);
        assertThat(harness.counted(Count.UDP_PACKETS)).isEqualTo(tcp ? 0 : 4);
        assertThat(harness.counted(Count.TCP_SUPERPACKETS)).isEqualTo(tcp ? 1 : 0);
        assertThat(harness.counted(Count.TCP_PACKETS)).isEqualTo(tcp ? 4 : 0);
    }

    // --- what ends a superpacket: the first two packets go together, the rest not with them

    private static Arguments ends(
            String name, Kind kind, List<Integer> expected, Consumer<List<CoalescePacket>> change) {
        return Arguments.of(name, kind, expected, change);
    }

    static Stream<Arguments> closing() {
        List<Arguments> cases = new ArrayList<>();
        for (Kind kind : Kind.values()) {
            // what is different from the third packet on starts a superpacket of its own
            cases.add(ends("another TTL", kind, List.of(2, 2), from(2, p -> p.ttl = 63)));
            cases.add(ends("another DSCP", kind, List.of(2, 2), from(2, p -> p.trafficClass = 4)));
            cases.add(ends("another ECN", kind, List.of(2, 2), from(2, p -> p.trafficClass = 3)));
            cases.add(ends("another source", kind, List.of(2, 2), from(2, p -> p.source = 9)));
            cases.add(ends("another destination", kind, List.of(2, 2), from(2, p -> p.destination = 9)));
            cases.add(ends("another source port", kind, List.of(2, 2), from(2, p -> p.sourcePort = 9)));
            cases.add(ends("another destination port", kind, List.of(2, 2), from(2, p -> p.destinationPort = 9)));
            cases.add(ends("another interface", kind, List.of(2, 2), from(2, p -> p.transmitInterface = FULL_TOO)));
            if (kind.overIp6) {
                cases.add(ends("another flow label", kind, List.of(2, 2), from(2, p -> p.flowLabel = 1)));
            } else {
                cases.add(ends("another DF", kind, List.of(2, 2), from(2, p -> p.df = true)));
                cases.add(ends("a gap in identifications", kind, List.of(2, 2), from(2, p -> p.id++)));
                cases.add(ends("an identification again", kind, List.of(2, 2), from(2, p -> p.id--)));
                cases.add(ends("options", kind, List.of(2, 1, 1), from(2, p -> p.options = new int[] {1, 1, 1, 0})));
                cases.add(ends("first fragments", kind, List.of(2, 1, 1), from(2, p -> p.moreFragments = true)));
                cases.add(ends(
                        "a header checksum that is wrong", kind, List.of(2, 1, 1), at(2, p -> p.wrongIpChecksum = 1)));
            }
            if (kind.overIp6) {
                cases.add(ends("an extension header", kind, List.of(2, 1, 1), from(2, p -> p.extension = true)));
            }
            cases.add(ends("padding", kind, List.of(2, 1, 1), from(2, p -> p.padding = 6)));
            cases.add(ends("padding that makes up for a shorter payload", kind, List.of(2, 1, 1), packets -> {
                packets.forEach(p -> p.checksum = Checksum.VALID);
                packets.get(2).payload = 94;
                packets.get(2).padding = 6;
                packets.get(3).sequence -= 6;
            }));
            cases.add(ends("a wrong checksum", kind, List.of(2, 1, 1), at(2, p -> {
                p.checksum = Checksum.UNVERIFIED;
                p.wrongChecksum = 0x1234;
            })));
            cases.add(ends("no payload", kind, List.of(2, 1, 1), packets -> {
                packets.get(2).payload = 0;
                packets.get(3).sequence -= 100;
            }));
            cases.add(ends("a longer one", kind, List.of(2, 2), packets -> {
                packets.get(2).payload = 101;
                packets.get(3).sequence += 1;
            }));
            cases.add(ends("a shorter one", kind, List.of(3, 1), packets -> {
                packets.get(2).payload = 99;
                packets.get(3).sequence -= 1;
                packets.get(3).payload = 99;
            }));
            Consumer<List<CoalescePacket>> ethernet = each(p -> {
                p.ethernet = true;
                p.transmitInterface = ETHERNET;
            });
            cases.add(ends(
                    "another source MAC",
                    kind,
                    List.of(2, 2),
                    ethernet.andThen(from(2, p -> p.sourceMac = "02:00:00:00:00:99"))));
            cases.add(ends(
                    "another destination MAC",
                    kind,
                    List.of(2, 2),
                    ethernet.andThen(from(2, p -> p.destinationMac = "02:99:00:00:00:0b"))));
            cases.add(ends(
                    "another tag",
                    kind,
                    List.of(2, 2),
                    ethernet.andThen(each(p -> p.vlan = 10)).andThen(from(2, p -> p.vlan = 11))));
            cases.add(ends(
                    "another service tag",
                    kind,
                    List.of(2, 2),
                    ethernet.andThen(each(p -> {
                                p.serviceVlan = 5;
                                p.vlan = 10;
                            }))
                            .andThen(from(2, p -> p.serviceVlan = 6))));
            cases.add(ends(
                    "another source MAC behind two tags",
                    kind,
                    List.of(2, 2),
                    ethernet.andThen(each(p -> {
                                p.serviceVlan = 5;
                                p.vlan = 10;
                            }))
                            .andThen(from(2, p -> p.sourceMac = "02:00:00:00:00:99"))));
            cases.add(ends("a tag", kind, List.of(2, 2), ethernet.andThen(from(2, p -> p.vlan = 10))));
            if (kind.isTcp) {
                cases.add(ends("a gap in the sequence", kind, List.of(2, 2), from(2, p -> p.sequence++)));
                cases.add(ends("a repetition", kind, List.of(2, 2), from(2, p -> p.sequence -= 100)));
                cases.add(ends("another acknowledgment", kind, List.of(2, 2), from(2, p -> p.acknowledgment++)));
                cases.add(ends("another window", kind, List.of(2, 2), from(2, p -> p.window++)));
                cases.add(ends(
                        "another timestamp",
                        kind,
                        List.of(2, 2),
                        from(2, p -> p.tcpOptions = new int[] {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 3})));
                cases.add(ends(
                        "another first option",
                        kind,
                        List.of(2, 2),
                        from(2, p -> p.tcpOptions = new int[] {8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1})));
                cases.add(ends("no options", kind, List.of(2, 2), from(2, p -> p.tcpOptions = new int[0])));
                cases.add(ends("ECE", kind, List.of(2, 2), from(2, p -> p.flags = "AE")));
                for (String flags : List.of("AS", "AR", "AU", "AC", "AEC")) {
                    cases.add(ends("flags " + flags, kind, List.of(2, 1, 1), at(2, p -> p.flags = flags)));
                    cases.add(ends("all with flags " + flags, kind, List.of(1, 1, 1, 1), each(p -> p.flags = flags)));
                }
                cases.add(ends("no ACK", kind, List.of(1, 1, 1, 1), each(p -> p.flags = "")));
                for (String flags : List.of("AP", "AF")) {
                    cases.add(ends("flags " + flags, kind, List.of(3, 1), at(2, p -> p.flags = flags)));
                    cases.add(ends("all with flags " + flags, kind, List.of(1, 1, 1, 1), each(p -> p.flags = flags)));
                }
            } else {
                cases.add(ends("no checksum", kind, List.of(2, 1, 1), at(2, p -> {
                    p.checksum = Checksum.VALID;
                    p.wrongChecksum = 0;
                })));
                cases.add(ends("all without checksum", kind, List.of(1, 1, 1, 1), each(p -> {
                    p.checksum = Checksum.VALID;
                    p.wrongChecksum = 0;
                })));
                cases.add(ends("bytes behind the datagram", kind, List.of(2, 1, 1), at(2, p -> {
                    p.checksum = Checksum.VALID;
                    p.wrongUdpLength = 107;
                })));
            }
        }
        return cases.stream();
    }

    @ParameterizedTest(name = "{1}: {0}")
    @MethodSource("closing")
    void endsBefore(String name, Kind kind, List<Integer> expected, Consumer<List<CoalescePacket>> change) {
        assertThat(coalesce(series(kind, 4, change))).as(name).isEqualTo(expected);
    }

    @ParameterizedTest
    @EnumSource
    void aFirstPacketWhoseChecksumIsWrongLeavesAsItCame(Kind kind) {
        assertThat(coalesce(series(kind, 4, at(0, p -> {
                    p.checksum = Checksum.UNVERIFIED;
                    p.wrongChecksum = 0x1234;
                }))))
                .containsExactly(1, 3);
    }

    @ParameterizedTest
    @EnumSource
    void anUnfinishedChecksumMustHoldTheSumOfItsPseudoHeader(Kind kind) {
        assertThat(coalesce(series(kind, 4, each(p -> {})), (packet, buffer) -> {
                    if (packet.id == 102) {
                        int field = buffer.checksumStart() + buffer.checksumOffset();
                        buffer.bytes().putShort(field, (short) (buffer.bytes().getShort(field) + 1));
                        raw.put(buffer, buffer.toByteArray());
                    }
                }))
                .containsExactly(2, 1, 1);
    }

    @ParameterizedTest
    @EnumSource
    void anUnfinishedChecksumElsewhereIsLeftAlone(Kind kind) {
        assertThat(coalesce(series(kind, 4, each(p -> {})), (packet, buffer) -> {
                    if (packet.id == 102) {
                        buffer.setPartialChecksum(buffer.checksumStart(), buffer.checksumOffset() + 2);
                    }
                    if (packet.id == 103) {
                        buffer.setPartialChecksum(buffer.checksumStart() + 2, buffer.checksumOffset());
                    }
                }))
                .containsExactly(2, 1, 1);
    }

    @ParameterizedTest
    @EnumSource
    void aSuperpacketIsLeftAloneAndClosesItsFlowAlone(Kind kind) {
        Gso gso = !kind.isTcp ? Gso.UDP : kind.overIp6 ? Gso.TCP6 : Gso.TCP4;
        List<CoalescePacket> packets = series(kind, 4, each(p -> {}));
        CoalescePacket other = CoalescePacket.of(kind, 0);
        other.sourcePort = 9;
        other.flow = 1;
        CoalescePacket otherToo = CoalescePacket.of(kind, 1);
        otherToo.sourcePort = 9;
        otherToo.flow = 1;
        packets.add(1, other);
        packets.add(otherToo);
        assertThat(coalesce(packets, (packet, buffer) -> {
                    if (packet.flow == 0 && packet.id == 102) {
                        buffer.setGso(gso, 50, false);
                    }
                }))
                .containsExactly(2, 2, 1, 1);
        assertThat(harness.out(Out.NEXT).get(2).gsoSize()).isEqualTo(50);
    }

    /** Read 20 bytes behind the IP header's start, the option is a pair of ports, and the source port the UDP length. */
    @Test
    void optionsAreNotTakenForATransportHeader() {
        assertThat(coalesce(series(Kind.UDP4, 4, each(p -> {
                    p.options = new int[] {0, 0, 0, 0};
                    p.sourcePort = 112;
                    p.checksum = Checksum.VALID;
                }))))
                .containsExactly(1, 1, 1, 1);
    }

    // --- limits

    @ParameterizedTest
    @EnumSource
    void aSuperpacketHasAtMost64Packets(Kind kind) {
        assertThat(coalesce(series(kind, 130, each(p -> {})))).containsExactly(64, 64, 2);
    }

    @ParameterizedTest
    @EnumSource
    void aSuperpacketHasAtMost65535Bytes(Kind kind) {
        int headers = (kind.overIp6 ? 40 : 20) + (kind.isTcp ? 32 : 8);
        int payload = (65535 - headers) / 45;
        Consumer<List<CoalescePacket>> large = packets -> {
            for (int i = 0; i < packets.size(); i++) {
                packets.get(i).payload = payload;
                packets.get(i).sequence = (long) i * payload;
            }
        };
        assertThat(coalesce(series(kind, 46, large))).containsExactly(45, 1);
        int rest = 65535 - headers - 45 * payload;
        harness.clear();
        // what is left is filled to the last byte, and not beyond it
        assertThat(coalesce(series(kind, 46, large.andThen(at(45, p -> p.payload = rest + 1)))))
                .containsExactly(45, 1);
        if (rest > 0) {
            harness.clear();
            assertThat(coalesce(series(kind, 46, large.andThen(at(45, p -> p.payload = rest)))))
                    .containsExactly(46);
        }
    }

    @Test
    void theLinkHeaderCountsTowardsTheLimit() {
        Consumer<List<CoalescePacket>> large = packets -> packets.forEach(p -> {
            p.ethernet = true;
            p.transmitInterface = ETHERNET;
            p.payload = 1456; // 45 of them and the UDP and IP headers are 65548 bytes with the link header
        });
        assertThat(coalesce(series(Kind.UDP4, 45, large))).containsExactly(44, 1);
    }

    // --- order

    @ParameterizedTest
    @EnumSource
    void interleavedFlowsAreEachPutTogether(Kind kind) {
        List<CoalescePacket> packets = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            for (int flow = 0; flow < 3; flow++) {
                CoalescePacket packet = CoalescePacket.of(kind, i);
                packet.sourcePort += flow;
                packet.flow = flow;
                packets.add(packet);
            }
        }
        assertThat(coalesce(packets)).containsExactly(4, 4, 4);
    }

    @ParameterizedTest
    @EnumSource
    void flowsToAddressesInARowAreEachPutTogether(Kind kind) {
        List<CoalescePacket> packets = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            for (int flow = 0; flow < 8; flow++) {
                CoalescePacket packet = CoalescePacket.of(kind, i);
                packet.destination += flow;
                packet.flow = flow;
                packets.add(packet);
            }
        }
        assertThat(coalesce(packets)).containsExactly(4, 4, 4, 4, 4, 4, 4, 4);
    }

    @Test
    void flowsOfAllKindsBetweenTheSamePortsAreToldApart() {
        List<CoalescePacket> packets = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            for (Kind kind : Kind.values()) {
                CoalescePacket packet = CoalescePacket.of(kind, i);
                packet.flow = kind.ordinal();
                packets.add(packet);
            }
        }
        assertThat(coalesce(packets)).containsExactly(3, 3, 3, 3);
    }

    @ParameterizedTest
    @EnumSource
    void packetsOfOneFlowAreNotPutBehindLaterOnes(Kind kind) {
        // the third one can't go behind the first two, so the fourth, which could, must not either
        assertThat(coalesce(series(kind, 5, at(2, p -> p.ttl = 9)))).containsExactly(2, 1, 2);
    }

    @ParameterizedTest
    @EnumSource
    void whatCantBeJudgedClosesEveryFlow(Kind kind) {
        List<CoalescePacket> packets = series(kind, 4, each(p -> {}));
        CoalescePacket fragment = new CoalescePacket(Kind.UDP4);
        fragment.fragmentOffset = 800;
        packets.add(2, fragment);
        assertThat(coalesce(packets)).containsExactly(2, 1, 2);
    }

    @Test
    void otherProtocolsCloseEveryFlow() {
        List<PacketBuffer> buffers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            buffers.add(CoalescePacket.of(Kind.UDP4, i).take(harness.pool()));
        }
        PacketBuffer ping = Packets.ip4().icmp(8, 0).payload(40).take(harness.pool());
        ping.setTransmitInterface(FULL);
        buffers.add(2, ping);
        PacketBuffer arp =
                Packets.arpRequest("02:00:00:00:00:01", "10.0.0.1", "10.0.0.2").take(harness.pool());
        arp.setL3Offset(PacketBuffer.UNKNOWN);
        arp.setTransmitInterface(FULL);
        buffers.add(4, arp);
        harness.process(buffers.toArray(new PacketBuffer[0]));
        assertThat(harness.out(Out.NEXT)).extracting(PacketBuffer::chainCount).containsExactly(2, 1, 1, 1, 1);
    }

    @ParameterizedTest
    @EnumSource
    void everyTruncationOfAPacketPassesUntouched(Kind kind) {
        int length = CoalescePacket.of(kind, 1).onTheWire().length;
        for (int cut = 0; cut < length; cut++) {
            PacketBuffer first = CoalescePacket.of(kind, 0).take(harness.pool());
            PacketBuffer shorter = CoalescePacket.of(kind, 1).take(harness.pool());
            shorter.setEnd(shorter.start() + cut);
            byte[] before = shorter.toByteArray();
            harness.process(first, shorter);
            assertThat(harness.out(Out.NEXT)).containsExactly(first, shorter);
            assertThat(shorter.toByteArray()).isEqualTo(before);
            harness.clear();
        }
    }

    // --- where

    @ParameterizedTest
    @EnumSource
    void actsOnlyWhereTheDeviceTakesItApartAndGroIsOn(Kind kind) {
        for (int id : new int[] {SWITCHED_OFF, WITHOUT_CHECKSUMS, UDP_ONLY, TCP4_ONLY, TCP6_ONLY, -1, 99}) {
            boolean takes = switch (id) {
                case UDP_ONLY -> !kind.isTcp;
                case TCP4_ONLY -> kind == Kind.TCP4;
                case TCP6_ONLY -> kind == Kind.TCP6;
                default -> false;
            };
            assertThat(coalesce(series(kind, 3, each(p -> p.transmitInterface = id))))
                    .as("interface %d", id)
                    .isEqualTo(takes ? List.of(3) : List.of(1, 1, 1));
            harness.clear();
        }
    }

    @Test
    void nothingIsKeptForTheNextVector() {
        assertThat(coalesce(series(Kind.UDP4, 2, each(p -> {})))).containsExactly(2);
        harness.clear();
        assertThat(coalesce(List.of(CoalescePacket.of(Kind.UDP4, 2), CoalescePacket.of(Kind.UDP4, 3))))
                .containsExactly(2);
        harness.clear();
        assertThat(coalesce(List.of(CoalescePacket.of(Kind.UDP4, 4)))).containsExactly(1);
        harness.clear();
        assertThat(coalesce(List.of(CoalescePacket.of(Kind.UDP4, 5), CoalescePacket.of(Kind.TCP4, 0))))
                .containsExactly(1, 1);
    }

    // --- any mixture

    @Test
    void whatIsCutAgainIsWhatWentInWhateverTheMixture() {
        long seed = System.nanoTime();
        System.out.println("CoalesceStageTest seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        int superpackets = 0;
        for (int round = 0; round < 3000; round++) {
            List<CoalescePacket> packets = mixture(random);
            List<Integer> counts = coalesce(packets);
            superpackets += (int) counts.stream().filter(count -> count > 1).count();
            harness.assertBalanced();
            harness.clear();
        }
        assertThat(superpackets).as("superpackets with seed %d", seed).isGreaterThan(3000);
    }

    @Test
    void damageIsNeverHealedNorHurts() {
        long seed = System.nanoTime();
        System.out.println("CoalesceStageTest damage seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        int superpackets = 0;
        for (int round = 0; round < 2000; round++) {
            Kind kind = Kind.values()[random.nextInt(4)];
            List<CoalescePacket> packets = series(kind, 12, each(p -> p.checksum = Checksum.UNVERIFIED));
            packets.get(random.nextInt(12)).flow = 1;
            packets.get(random.nextInt(12)).flow = 2;
            List<Integer> counts = coalesce(packets, (packet, buffer) -> {
                if (packet.flow != 0) { // damaged, it may be of any flow
                    int headers = buffer.length() - packet.payload;
                    int at = buffer.start() + random.nextInt(random.nextBoolean() ? headers : buffer.length());
                    buffer.bytes().put(at, (byte) random.nextInt(256));
                    raw.put(buffer, buffer.toByteArray());
                }
            });
            superpackets += (int) counts.stream().filter(count -> count > 1).count();
            harness.assertBalanced();
            harness.clear();
        }
        assertThat(superpackets).as("superpackets with seed %d", seed).isGreaterThan(2000);
    }

    /** Flows that go on as they should, most of the time, packet by packet in any order among each other. */
    private static List<CoalescePacket> mixture(SplittableRandom random) {
        int count = 1 + random.nextInt(64);
        int flows = 1 + random.nextInt(8);
        CoalescePacket[] next = new CoalescePacket[flows];
        boolean ethernet = random.nextInt(3) == 0;
        for (int flow = 0; flow < flows; flow++) {
            CoalescePacket packet = new CoalescePacket(Kind.values()[random.nextInt(4)]);
            packet.flow = flow;
            packet.sourcePort = 1000 + random.nextInt(1000) * 8 + flow;
            packet.ethernet = ethernet;
            packet.transmitInterface = ethernet ? ETHERNET : FULL;
            packet.payload = 1 + random.nextInt(300);
            packet.df = random.nextBoolean();
            packet.id = random.nextInt(0x10000);
            packet.sequence = random.nextInt() & 0xffff_ffffL;
            packet.checksum = Checksum.values()[random.nextInt(3)];
            next[flow] = packet;
        }
        List<CoalescePacket> packets = new ArrayList<>();
        int flow = 0;
        while (packets.size() < count) {
            if (random.nextInt(3) == 0) {
                flow = random.nextInt(flows);
            }
            CoalescePacket planned = next[flow];
            CoalescePacket packet = copy(planned);
            packet.fill = packets.size();
            if (random.nextInt(4) == 0) {
                perturb(packet, random);
            }
            packets.add(packet);
            planned.id = planned.id + 1 & 0xffff;
            planned.sequence += packet.payload;
        }
        if (random.nextInt(50) == 0) {
            Collections.shuffle(packets, new Random(random.nextLong()));
        }
        return packets;
    }

    private static CoalescePacket copy(CoalescePacket from) {
        CoalescePacket to = new CoalescePacket(from.kind);
        to.flow = from.flow;
        to.sourcePort = from.sourcePort;
        to.ethernet = from.ethernet;
        to.transmitInterface = from.transmitInterface;
        to.payload = from.payload;
        to.df = from.df;
        to.id = from.id;
        to.sequence = from.sequence;
        to.checksum = from.checksum;
        return to;
    }

    private static void perturb(CoalescePacket packet, SplittableRandom random) {
        switch (random.nextInt(22)) {
            case 0 -> packet.ttl--;
            case 1 -> packet.trafficClass = random.nextInt(256);
            case 2 -> packet.df = !packet.df;
            case 3 -> packet.id = random.nextInt(0x10000);
            case 4 -> packet.flowLabel = random.nextInt(0x100000);
            case 5 -> packet.payload = random.nextInt(packet.payload + 1);
            case 6 -> packet.payload += 1 + random.nextInt(50);
            case 7 -> packet.sequence += random.nextInt(5) - 2;
            case 8 -> packet.acknowledgment++;
            case 9 -> packet.window++;
            case 10 ->
                packet.flags = List.of("A", "AP", "AF", "APF", "AE", "AEP", "S", "R", "AU", "AC", "")
                        .get(random.nextInt(11));
            case 11 -> packet.tcpOptions = new int[] {1, 1, 8, 10, 0, 0, 0, random.nextInt(4), 0, 0, 0, 2};
            case 12 -> packet.tcpOptions = new int[0];
            case 13 -> packet.padding = random.nextInt(10);
            case 14 -> packet.moreFragments = true;
            case 15 -> packet.fragmentOffset = 8 * random.nextInt(20);
            case 16 -> packet.options = new int[] {1, 1, 1, 0};
            case 17 -> packet.extension = true;
            case 18 -> {
                packet.checksum = Checksum.UNVERIFIED;
                packet.wrongChecksum = random.nextInt(0x10000);
            }
            case 19 -> packet.wrongIpChecksum = random.nextInt(0x10000);
            case 20 -> packet.destinationMac = "02:00:00:00:00:0c";
            default -> packet.vlan = random.nextInt(3);
        }
    }
}
