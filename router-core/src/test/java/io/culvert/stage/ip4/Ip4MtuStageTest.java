// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import static io.culvert.stage.TestRouter.NARROW;
import static io.culvert.stage.TestRouter.TUN;
import static io.culvert.stage.TestRouter.WAN;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.stage.TestRouter;
import io.culvert.stage.ip4.Ip4MtuStage.Count;
import io.culvert.stage.ip4.Ip4MtuStage.Out;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Ip4View;
import io.culvert.wire.UdpView;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class Ip4MtuStageTest {
    private static final long SEED = 0x5eed_4;

    private StageHarness harness = TestRouter.around(Ip4MtuStage.DESCRIPTOR).harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private static PacketBuilder packet() {
        return Packets.ip4().from("192.168.1.10").to("172.16.0.9").id(4711);
    }

    private PacketBuffer out(PacketBuilder builder, int out) {
        PacketBuffer packet = harness.packet(builder.bytes());
        packet.setL4Offset(packet.start() + 20);
        packet.setTransmitInterface(out);
        return packet;
    }

    private static Ip4View header(PacketBuffer packet) {
        Ip4View ip = new Ip4View().wrap(packet, packet.start());
        assertThat(ip.check()).isEqualTo(HeaderCheck.OK);
        assertThat(ip.totalLength()).isEqualTo(packet.length());
        return ip;
    }

    /** Puts fragments together by hand: in any order, each byte once. */
    private static byte[] reassembled(List<PacketBuffer> fragments, int mtu) {
        byte[] whole = new byte[70_000];
        boolean[] filled = new boolean[70_000];
        int end = -1;
        for (PacketBuffer fragment : fragments) {
            Ip4View ip = header(fragment);
            assertThat(fragment.length()).isLessThanOrEqualTo(mtu);
            assertThat(ip.dontFragment()).isFalse();
            for (int i = 0; i < ip.payloadLength(); i++) {
                int at = ip.fragmentOffset() + i;
                assertThat(filled[at]).as("byte %d twice", at).isFalse();
                filled[at] = true;
                whole[at] = fragment.bytes().get(ip.payloadOffset() + i);
            }
            if (!ip.moreFragments()) {
                assertThat(end).as("last fragments").isEqualTo(-1);
                end = ip.fragmentOffset() + ip.payloadLength();
            } else {
                assertThat(ip.payloadLength() % 8).isZero();
            }
        }
        for (int i = 0; i < end; i++) {
            assertThat(filled[i]).as("byte %d", i).isTrue();
        }
        return Arrays.copyOf(whole, end);
    }

    @Test
    void passesWhatFitsToTheByte() {
        byte[] bytes = packet().udp(1, 2).payload(1472).bytes();
        harness.process(out(packet().udp(1, 2).payload(1472), WAN));
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(bytes);
    }

    /** RFC 1191 section 4: the MTU told is that of the interface the packet would have left by. */
    @Test
    void tellsTheRealMtuWhenFragmentingIsForbidden() {
        byte[] bytes = packet().df().udp(1, 2).payload(1373).bytes();
        harness.process(
                out(packet().df().udp(1, 2).payload(1373), TUN),
                out(packet().df().udp(1, 2).payload(1472), NARROW));

        assertThat(harness.out(Out.ERROR)).hasSize(2);
        PacketBuffer packet = harness.out(Out.ERROR).get(0);
        assertThat(packet.icmpType()).isEqualTo(3);
        assertThat(packet.icmpCode()).isEqualTo(4);
        assertThat(packet.icmpValue()).isEqualTo(1400);
        assertThat(packet.toByteArray()).isEqualTo(bytes);
        assertThat(harness.out(Out.ERROR).get(1).icmpValue()).isEqualTo(576);
        assertThat(harness.counted(Count.TOO_BIG)).isEqualTo(2);
    }

    @Test
    void tellsTheKernelToo() {
        harness = TestRouter.withKernel(Ip4MtuStage.DESCRIPTOR).harness();
        PacketBuffer packet = out(packet().from("192.168.1.1").df().udp(1, 2).payload(1400), TUN);
        packet.setReceiveInterface(TestRouter.KERNEL);
        harness.process(packet);
        assertThat(harness.single(Out.ERROR).icmpValue()).isEqualTo(1400);
    }

    /** RFC 791 section 3.2: offsets in units of 8 bytes, more-fragments on all but the last. */
    @Test
    void fragmentsTowardsASmallerMtu() {
        PacketBuffer packet = out(packet().trafficClass(0xb9).ttl(63).udp(1, 2).payload(1392), NARROW);
        packet.setNextHop4(0xac100009);
        packet.setFlowHash(99);
        byte[] payload = Arrays.copyOfRange(packet.toByteArray(), 20, 1420);
        harness.process(packet);

        List<PacketBuffer> fragments = harness.out(Out.NEXT);
        assertThat(fragments.stream().mapToInt(PacketBuffer::length)).containsExactly(572, 572, 316);
        for (int i = 0; i < 3; i++) {
            Ip4View ip = header(fragments.get(i));
            assertThat(ip.fragmentOffset()).isEqualTo(i * 552);
            assertThat(ip.moreFragments()).isEqualTo(i < 2);
            assertThat(ip.identification()).isEqualTo(4711);
            assertThat(ip.ttl()).isEqualTo(63);
            assertThat(ip.trafficClass()).isEqualTo(0xb9);
            assertThat(ip.protocol()).isEqualTo(17);
            assertThat(fragments.get(i).transmitInterface()).isEqualTo(NARROW);
            assertThat(fragments.get(i).nextHop4()).isEqualTo(0xac100009);
            assertThat(fragments.get(i).flowHash()).isEqualTo(99);
            assertThat(fragments.get(i).generated()).isFalse();
            assertThat(fragments.get(i).l3Offset()).isEqualTo(fragments.get(i).start());
        }
        assertThat(reassembled(fragments, 576)).isEqualTo(payload);
        assertThat(harness.counted(Count.FRAGMENTED)).isEqualTo(1);
        assertThat(harness.counted(Count.FRAGMENTS)).isEqualTo(3);
    }

    @Test
    void fragmentsAFragmentAgain() {
        for (boolean more : new boolean[] {true, false}) {
            harness.clear();
            harness.process(out(packet().fragment(2960, more).payload(1200), NARROW));

            List<PacketBuffer> fragments = harness.out(Out.NEXT);
            assertThat(fragments).hasSize(3);
            for (int i = 0; i < 3; i++) {
                Ip4View ip = header(fragments.get(i));
                assertThat(ip.fragmentOffset()).isEqualTo(2960 + i * 552);
                assertThat(ip.moreFragments()).isEqualTo(more || i < 2);
            }
        }
    }

    /** RFC 791 section 3.1: an option whose copied flag is set goes into every fragment, the others into the first. */
    @Test
    void copiesOptionsAsTheirFlagSays() {
        PacketBuilder builder = packet().options(7, 7, 4, 0, 0, 0, 0, 0x94, 4, 0, 0, 1)
                .udp(1, 2)
                .payload(1000);
        byte[] payload = Arrays.copyOfRange(builder.bytes(), 32, builder.bytes().length);
        harness.process(out(builder, NARROW));

        List<PacketBuffer> fragments = harness.out(Out.NEXT);
        assertThat(header(fragments.get(0)).headerBytes()).isEqualTo(32);
        assertThat(fragments.get(0).length()).isEqualTo(576);
        assertThat(Arrays.copyOfRange(fragments.get(0).toByteArray(), 20, 32))
                .containsExactly(7, 7, 4, 0, 0, 0, 0, 0x94, 4, 0, 0, 1);
        assertThat(header(fragments.get(1)).headerBytes()).isEqualTo(24);
        assertThat(Arrays.copyOfRange(fragments.get(1).toByteArray(), 20, 24)).containsExactly(0x94, 4, 0, 0);
        assertThat(reassembled(fragments, 576)).isEqualTo(payload);
    }

    @Test
    void fragmentsRandomPacketsSoThatTheyCanBePutTogether() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int round = 0; round < 300; round++) {
            int mtu = random.nextInt(68, 1500);
            harness.clear();
            TestRouter.around(harness)
                    .with(InterfaceBuilder.ethernet(0)
                            .mtu(mtu)
                            .address("172.16.0.1/16")
                            .build());
            int length = random.nextInt(mtu, mtu * 40);
            PacketBuilder builder = packet().udp(1, 2).payload(Math.min(length, 65_000));
            if (random.nextBoolean()) {
                builder = packet().options(0x94, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0)
                        .udp(1, 2)
                        .payload(length % 9000 + mtu);
            }
            byte[] bytes = builder.bytes();
            int header = (bytes[0] & 0xf) * 4;
            harness.process(out(builder, 0));

            if (harness.dropped() == 0) {
                assertThat(reassembled(harness.out(Out.NEXT), mtu))
                        .as("seed %d round %d", SEED, round)
                        .isEqualTo(Arrays.copyOfRange(bytes, header, bytes.length));
            } else {
                assertThat(harness.dropped("too-many-fragments") + harness.dropped("no-buffer"))
                        .as("seed %d round %d %s", SEED, round, harness.drops())
                        .isPositive();
            }
            harness.assertBalanced();
        }
    }

    @Test
    void fragmentsTheRoutersOwnPacketsRegardless() {
        PacketBuffer packet = out(packet().df().icmp(0, 0).payload(1400), NARROW);
        packet.setGenerated(true);
        harness.process(packet);

        assertThat(harness.out(Out.NEXT)).hasSize(3).allMatch(PacketBuffer::generated);
        reassembled(harness.out(Out.NEXT), 576);
    }

    @Test
    void finishesAnUnfinishedChecksumBeforeItFragments() {
        PacketBuilder builder = packet().udp(1, 2).payload(1000);
        byte[] right = builder.bytes();
        PacketBuffer packet = out(packet().udp(1, 2).partialChecksum().payload(1000), NARROW);
        packet.setPartialChecksum(packet.start() + 20, UdpView.CHECKSUM_OFFSET);
        harness.process(packet);

        assertThat(reassembled(harness.out(Out.NEXT), 576)).isEqualTo(Arrays.copyOfRange(right, 20, right.length));
        assertThat(harness.out(Out.NEXT)).allMatch(each -> each.checksum() == PacketBuffer.Checksum.UNVERIFIED);
    }

    @Test
    void judgesASuperpacketByItsSegments() {
        PacketBuffer fits = out(packet().to("198.51.100.1").df().tcp(1, 2).payload(30_000), WAN);
        fits.setGso(PacketBuffer.Gso.TCP4, 1460, false);
        PacketBuffer tooBig = out(packet().df().tcp(1, 2).payload(30_000), TUN);
        tooBig.setGso(PacketBuffer.Gso.TCP4, 1361, false);
        harness.process(fits, tooBig);

        assertThat(harness.single(Out.NEXT)).isSameAs(fits);
        assertThat(harness.single(Out.ERROR)).isSameAs(tooBig);
        assertThat(tooBig.icmpValue()).isEqualTo(1400);
    }

    @Test
    void givesATcpSuperpacketThatMayBeFragmentedSmallerSegments() {
        PacketBuffer packet = out(
                packet().tcp(1, 2)
                        .tcpOptions(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2)
                        .payload(30_000),
                NARROW);
        packet.setGso(PacketBuffer.Gso.TCP4, 1448, true);
        harness.process(packet);

        assertThat(harness.single(Out.NEXT).gsoSize()).isEqualTo(576 - 52);
        assertThat(packet.gsoEcn()).isTrue();
    }

    @Test
    void cutsAUdpSuperpacketThatMayBeFragmentedIntoFragmentsOfItsDatagrams() {
        PacketBuilder builder = packet().udp(5, 6).partialChecksum().payload(2500);
        byte[] data = Arrays.copyOfRange(builder.bytes(), 28, 2528);
        PacketBuffer packet = out(builder, NARROW);
        packet.setPartialChecksum(packet.start() + 20, UdpView.CHECKSUM_OFFSET);
        packet.setGso(PacketBuffer.Gso.UDP, 1200, false);
        harness.process(packet);

        List<PacketBuffer> fragments = harness.out(Out.NEXT);
        int from = 0;
        for (int k = 0; k < 3; k++) {
            int identification = 4711 + k;
            List<PacketBuffer> ofOne = fragments.stream()
                    .filter(each -> header(each).identification() == identification)
                    .toList();
            int size = Math.min(1200, 2500 - from);
            byte[] right = packet().udp(5, 6)
                    .payload(Arrays.copyOfRange(data, from, from + size))
                    .bytes();
            assertThat(reassembled(ofOne, 576)).isEqualTo(Arrays.copyOfRange(right, 20, right.length));
            from += size;
        }
        assertThat(fragments).hasSize(3 + 3 + 1);
        assertThat(fragments).allMatch(each -> each.gso() == PacketBuffer.Gso.NONE);
    }

    @Test
    void dropsASuperpacketWhoseSegmentsMakeNoSense() {
        PacketBuffer noTransport = out(packet().payload(20_000), WAN);
        noTransport.bytes().put(noTransport.start() + 32, (byte) 0);
        noTransport.setGso(PacketBuffer.Gso.TCP4, 1448, false);
        PacketBuffer noSize = out(packet().tcp(1, 2).payload(20_000), WAN);
        noSize.setGso(PacketBuffer.Gso.TCP4, 0, false);
        PacketBuffer otherFamily = out(packet().tcp(1, 2).payload(20_000), WAN);
        otherFamily.setGso(PacketBuffer.Gso.TCP6, 1440, false);
        harness.process(noTransport, noSize, otherFamily);

        assertThat(harness.dropped("bad-offload")).isEqualTo(3);
    }

    @Test
    void dropsAPacketWholeWhenThePoolRunsOut() {
        harness = TestRouter.around(StageHarness.of(Ip4MtuStage.DESCRIPTOR, 3)).harness();
        harness.process(out(packet().udp(1, 2).payload(3000), NARROW));

        assertThat(harness.out(Out.NEXT)).isEmpty();
        assertThat(harness.dropped("no-buffer")).isEqualTo(3);
    }

    @Test
    void dropsForAnInterfaceThatIsGone() {
        harness.process(out(packet().udp(1, 2), 17), out(packet().udp(1, 2), -1));
        assertThat(harness.dropped("no-interface")).isEqualTo(2);
    }
}
