// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import static io.culvert.stage.TestRouter6.LAN;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.stage.TestRouter6;
import io.culvert.stage.ip6.Ip6ReassemblyStage.Count;
import io.culvert.stage.ip6.Ip6ReassemblyStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip6ReassemblyStageTest {
    private static final int ID = 0xfeed_beef;

    private StageHarness harness =
            TestRouter6.around(Ip6ReassemblyStage.DESCRIPTOR).harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.stop();
        harness.assertBalanced();
    }

    private static PacketBuilder toRouter() {
        return Packets.ip6().from("fd00:1::10").to("fd00:1::1");
    }

    private static byte[] whole(int payload) {
        return toRouter().echoRequest(1, 2).payload(payload).bytes();
    }

    /** The part of a packet without extension headers from one place behind its IPv6 header to another. */
    private static byte[] part(byte[] whole, int from, int to, boolean more) {
        return toRouter()
                .fragmentHeader(from, more, ID)
                .nextProtocol(whole[6])
                .payload(Arrays.copyOfRange(whole, 40 + from, 40 + to))
                .bytes();
    }

    private static byte[] part(byte[] whole, int from, int to) {
        return part(whole, from, to, to < whole.length - 40);
    }

    private void process(byte[] packet) {
        harness.process(harness.packet(packet));
    }

    private void assertReassembled(byte[] whole) {
        PacketBuffer packet = harness.single(Out.NEXT);
        assertThat(packet.toByteArray()).isEqualTo(whole);
        assertThat(packet.l3Offset()).isEqualTo(packet.start());
        assertThat(packet.l4Offset()).isEqualTo(packet.start() + 40);
        assertThat(packet.generated()).isFalse();
        assertThat(packet.receiveInterface()).isEqualTo(LAN);
        assertThat(packet.flowHash()).isNotZero();
        assertThat(harness.counted(Count.REASSEMBLED)).isEqualTo(1);
    }

    private void assertProblem(int code, int pointer) {
        PacketBuffer refused = harness.single(Out.ERROR);
        assertThat(refused.icmpType()).isEqualTo(4);
        assertThat(refused.icmpCode()).isEqualTo(code);
        assertThat(refused.icmpValue()).isEqualTo(pointer);
        assertThat(harness.counted(Count.REFUSED)).isEqualTo(1);
    }

    @Test
    void whatIsNoFragmentPassesUntouched() {
        byte[] packet = toRouter().destinationOptions().udp(1, 2).bytes();
        process(packet);
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(packet);
    }

    @Test
    void fragmentsInOrderBecomeThePacket() {
        byte[] whole = whole(4000);
        process(part(whole, 0, 1232));
        process(part(whole, 1232, 2464));
        process(part(whole, 2464, 3696));
        assertThat(harness.outputs()).isEmpty();
        process(part(whole, 3696, 4008));
        assertReassembled(whole);
        assertThat(harness.counted(Count.FRAGMENTS)).isEqualTo(4);
    }

    @Test
    void fragmentsInAnyOrderBecomeThePacket() {
        byte[] whole = whole(4000);
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 20; round++) {
            List<Integer> cuts = new ArrayList<>(List.of(0, 4008));
            for (int i = random.nextInt(6); i >= 0; i--) {
                int cut = 8 * (1 + random.nextInt(499));
                if (!cuts.contains(cut)) {
                    cuts.add(cut);
                }
            }
            Collections.sort(cuts);
            List<byte[]> parts = new ArrayList<>();
            for (int i = 1; i < cuts.size(); i++) {
                parts.add(part(whole, cuts.get(i - 1), cuts.get(i)));
            }
            Collections.shuffle(parts, random);
            parts.forEach(this::process);
            assertThat(harness.single(Out.NEXT).toByteArray())
                    .as("seed %d, round %d", seed, round)
                    .isEqualTo(whole);
            harness.clear();
        }
    }

    @Test
    void fragmentsInOneVectorBecomeThePacket() {
        byte[] whole = whole(2000);
        harness.process(harness.packet(part(whole, 1000, 2008)), harness.packet(part(whole, 0, 1000)));
        assertReassembled(whole);
    }

    @Test
    void thePacketMayBeAsBigAsItsLengthFieldAllows() {
        byte[] whole = whole(65_527);
        for (int from = 0; from < 65_535; from += 8192) {
            process(part(whole, from, Math.min(from + 8192, 65_535)));
        }
        assertReassembled(whole);
    }

    @Test
    void headersInFrontOfTheFragmentHeaderAreTheFirstFragments() {
        byte[] whole = toRouter()
                .hopByHop(5, 2, 0, 0)
                .destinationOptions()
                .udp(1, 2)
                .payload(100)
                .bytes();
        byte[] tail = Arrays.copyOfRange(whole, 56, whole.length);
        process(toRouter()
                .hopByHop(5, 2, 0, 1)
                .fragmentHeader(64, false, ID)
                .nextProtocol(60)
                .payload(Arrays.copyOfRange(tail, 64, tail.length))
                .bytes());
        process(toRouter()
                .hopByHop(5, 2, 0, 0)
                .destinationOptions()
                .fragmentHeader(0, true, ID)
                .nextProtocol(17)
                .payload(Arrays.copyOf(tail, 64))
                .bytes());
        PacketBuffer packet = harness.single(Out.NEXT);
        assertThat(packet.toByteArray()).isEqualTo(whole);
        assertThat(packet.l4Offset()).isEqualTo(packet.start() + 56);
    }

    @Test
    void packetsAreToldApartBySourceDestinationAndIdentification() {
        byte[] whole = whole(1000);
        process(part(whole, 0, 504));
        byte[] rest = Arrays.copyOfRange(whole, 40 + 504, whole.length);
        process(toRouter()
                .from("fd00:1::11")
                .fragmentHeader(504, false, ID)
                .nextProtocol(58)
                .payload(rest)
                .bytes());
        process(toRouter()
                .to("fe80::1")
                .fragmentHeader(504, false, ID)
                .nextProtocol(58)
                .payload(rest)
                .bytes());
        process(toRouter()
                .fragmentHeader(504, false, ID + 1L)
                .nextProtocol(58)
                .payload(rest)
                .bytes());
        PacketBuffer elsewhere = harness.packet(part(whole, 504, 1008));
        elsewhere.setVrf(1);
        harness.process(elsewhere);
        assertThat(harness.outputs()).isEmpty();
        process(part(whole, 504, 1008));
        assertReassembled(whole);
    }

    /** RFC 6946: an atomic fragment stands alone, even when others of its identification wait. */
    @Test
    void anAtomicFragmentIsWholeByItself() {
        byte[] whole = whole(1000);
        process(part(whole, 0, 504));
        byte[] atomic = toRouter().udp(1, 2).payload(11).bytes();
        process(toRouter().fragmentHeader(0, false, ID).udp(1, 2).payload(11).bytes());
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(atomic);
        assertThat(harness.counted(Count.ATOMIC)).isEqualTo(1);
        process(part(whole, 504, 1008));
        assertThat(harness.out(Out.NEXT).get(1).toByteArray()).isEqualTo(whole);
    }

    @Test
    void anAtomicFragmentKeepsItsOtherHeaders() {
        process(toRouter()
                .hopByHop(5, 2, 0, 0)
                .fragmentHeader(0, false, ID)
                .destinationOptions()
                .udp(1, 2)
                .payload(11)
                .bytes());
        PacketBuffer packet = harness.single(Out.NEXT);
        assertThat(packet.toByteArray())
                .isEqualTo(toRouter()
                        .hopByHop(5, 2, 0, 0)
                        .destinationOptions()
                        .udp(1, 2)
                        .payload(11)
                        .bytes());
        assertThat(packet.l4Offset()).isEqualTo(packet.start() + 56);
    }

    /** RFC 5722 and RFC 8200 4.5: overlap ends the packet, silently, and what comes of it later. */
    @ParameterizedTest
    @CsvSource({"496, 1000", "0, 512", "8, 16", "0, 1504", "504, 1008"})
    void overlapEndsThePacketWhole(int from, int to) {
        byte[] whole = whole(2000);
        process(part(whole, 0, 504));
        process(part(whole, 1000, 2008));
        process(part(whole, from, to));
        assertThat(harness.dropped("overlap")).isEqualTo(2);
        process(part(whole, 504, 1000));
        assertThat(harness.dropped("abandoned")).isEqualTo(1);
        assertThat(harness.outputs()).isEmpty();
        harness.advanceMillis(60_000);
        assertThat(harness.outputs()).isEmpty();
    }

    /** RFC 8200 4.5: networks duplicate packets; that is no attack. */
    @Test
    void anExactDuplicateIsDroppedAndHarmless() {
        byte[] whole = whole(2000);
        process(part(whole, 0, 504));
        process(part(whole, 0, 504));
        process(part(whole, 1000, 2008));
        process(part(whole, 1000, 2008));
        assertThat(harness.dropped("duplicate")).isEqualTo(2);
        process(part(whole, 504, 1000));
        assertReassembled(whole);
    }

    @Test
    void fragmentsThatDisagreeAboutTheEndEndThePacket() {
        byte[] whole = whole(2000);
        process(part(whole, 504, 1000, false));
        process(part(whole, 1000, 1504, true));
        assertThat(harness.dropped("bad-end")).isEqualTo(2);
        harness.clear();

        harness = TestRouter6.around(Ip6ReassemblyStage.DESCRIPTOR).harness();
        process(part(whole, 1000, 1504, true));
        process(part(whole, 504, 1000, false));
        assertThat(harness.dropped("bad-end")).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void anEmptyFragmentIsDropped(boolean more) {
        process(toRouter().fragmentHeader(8, more, ID).nextProtocol(17).bytes());
        assertThat(harness.dropped("bad-end")).isEqualTo(1);
    }

    /** RFC 8200 4.5: pointing at the payload length. */
    @Test
    void refusesAFragmentThatIsNoMultipleOf8AndNotTheLast() {
        process(part(whole(1000), 504, 999, true));
        assertProblem(0, 4);
    }

    /** RFC 8200 4.5: pointing at the fragment offset. */
    @Test
    void refusesAFragmentThatLiesBeyondThePayloadLength() {
        process(toRouter()
                .fragmentHeader(65_528, false, ID)
                .nextProtocol(17)
                .payload(8)
                .bytes());
        assertProblem(0, 42);
        harness.clear();
        process(toRouter()
                .hopByHop()
                .fragmentHeader(65_520, false, ID)
                .nextProtocol(17)
                .payload(8)
                .bytes());
        assertProblem(0, 50);
    }

    /** RFC 7112 5. */
    @Test
    void refusesAFirstFragmentWithoutTheWholeHeaderChain() {
        byte[] tcp = toRouter().tcp(1, 2).payload(100).bytes();
        process(part(tcp, 0, 16, true));
        assertProblem(3, 0);
        harness.clear();
        process(toRouter()
                .fragmentHeader(0, true, ID)
                .nextProtocol(60)
                .payload(new byte[] {6, 3, 1, 4, 0, 0, 0, 0})
                .bytes());
        assertProblem(3, 0);
    }

    @Test
    void theFirstFragmentMayHoldNothingButTheWholeHeaderChain() {
        byte[] whole = toRouter().udp(1, 2).payload(100).bytes();
        process(part(whole, 0, 8));
        process(part(whole, 8, 108));
        assertReassembled(whole);
    }

    /** RFC 6980. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void dropsNeighborDiscoveryInFragments(boolean more) {
        process(toRouter()
                .hopLimit(255)
                .fragmentHeader(0, more, ID)
                .neighborSolicitation("fd00:1::1")
                .bytes());
        assertThat(harness.dropped("neighbor-discovery")).isEqualTo(1);
    }

    /** RFC 8200 4.5, RFC 4443 3.3: 60 seconds after the first arrival; told when the first fragment is there. */
    @Test
    void tellsTheSenderWhenAPacketStaysIncomplete() {
        byte[] whole = whole(2000);
        process(part(whole, 1000, 1504));
        harness.advanceMillis(1000);
        process(part(whole, 0, 504));
        harness.advanceMillis(58_999);
        assertThat(harness.outputs()).isEmpty();

        harness.advanceMillis(1);
        PacketBuffer refused = harness.single(Out.ERROR);
        assertThat(refused.icmpType()).isEqualTo(3);
        assertThat(refused.icmpCode()).isEqualTo(1);
        assertThat(refused.toByteArray()).isEqualTo(part(whole, 0, 504));
        assertThat(refused.generated()).isFalse();
        assertThat(refused.l3Offset()).isEqualTo(refused.start());
        assertThat(harness.counted(Count.EXPIRED)).isEqualTo(1);
    }

    @Test
    void isSilentWhenTheFirstFragmentNeverCame() {
        process(part(whole(2000), 1000, 1504));
        harness.advanceMillis(60_000);
        assertThat(harness.outputs()).isEmpty();
        assertThat(harness.dropped("timed-out")).isEqualTo(1);
    }

    @Test
    void everyPacketHasItsOwnSixtySeconds() {
        byte[] whole = whole(2000);
        process(part(whole, 0, 504));
        harness.advanceMillis(30_000);
        process(toRouter()
                .from("fd00:1::11")
                .fragmentHeader(504, true, ID)
                .nextProtocol(58)
                .payload(8)
                .bytes());
        harness.advanceMillis(30_000);
        assertThat(harness.out(Out.ERROR)).hasSize(1);
        assertThat(harness.dropped("timed-out")).isZero();
        harness.advanceMillis(30_000);
        assertThat(harness.dropped("timed-out")).isEqualTo(1);
    }

    @Test
    void theOldestIncompletePacketGivesWay() {
        for (int i = 0; i <= Ip6ReassemblyStage.MAX_PACKETS; i++) {
            process(toRouter()
                    .fragmentHeader(8, true, i)
                    .nextProtocol(17)
                    .payload(8)
                    .bytes());
            harness.advanceMillis(1);
        }
        assertThat(harness.dropped("table-full")).isEqualTo(1);
        assertThat(harness.pool().outstanding()).isEqualTo(Ip6ReassemblyStage.MAX_PACKETS);
        harness.advanceMillis(60_000);
        assertThat(harness.dropped("timed-out")).isEqualTo(Ip6ReassemblyStage.MAX_PACKETS);
    }

    @Test
    void noPacketHasMoreFragmentsThanAnHonestSenderMakes() {
        for (int i = 0; i <= Ip6ReassemblyStage.MAX_FRAGMENTS; i++) {
            process(toRouter()
                    .fragmentHeader(8 + 16 * i, true, ID)
                    .nextProtocol(17)
                    .payload(8)
                    .bytes());
        }
        assertThat(harness.dropped("too-many-fragments")).isEqualTo(2);
        assertThat(harness.pool().outstanding()).isZero();
    }

    @Test
    void headersThatNobodyNeedsAreNotKept() {
        process(toRouter()
                .extension(60, new byte[500])
                .fragmentHeader(8, true, ID)
                .nextProtocol(17)
                .payload(8)
                .bytes());
        assertThat(harness.dropped("headers-too-long")).isEqualTo(1);
    }

    @Test
    void anExhaustedPoolDropsByName() {
        harness = StageHarness.of(Ip6ReassemblyStage.DESCRIPTOR, 1);
        TestRouter6.around(harness);
        process(part(whole(1000), 0, 504));
        assertThat(harness.dropped("no-buffer")).isEqualTo(1);
    }

    /** RFC 3168 5.3. */
    @ParameterizedTest
    @CsvSource({"2, 2, 2", "1, 2, 1", "2, 3, 3", "3, 1, 3", "0, 0, 0", "0, 3, -1", "3, 0, -1"})
    void congestionMarksOfTheFragmentsBecomeThePackets(int first, int second, int expected) {
        byte[] whole = whole(1000);
        process(toRouter()
                .trafficClass(0xb8 | first)
                .fragmentHeader(0, true, ID)
                .nextProtocol(58)
                .payload(Arrays.copyOfRange(whole, 40, 544))
                .bytes());
        process(toRouter()
                .trafficClass(0xb8 | second)
                .fragmentHeader(504, false, ID)
                .nextProtocol(58)
                .payload(Arrays.copyOfRange(whole, 544, whole.length))
                .bytes());
        if (expected < 0) {
            assertThat(harness.dropped("bad-ecn")).isEqualTo(1);
        } else {
            assertThat(harness.single(Out.NEXT).toByteArray())
                    .isEqualTo(toRouter()
                            .trafficClass(0xb8 | expected)
                            .echoRequest(1, 2)
                            .payload(1000)
                            .bytes());
        }
    }

    @Test
    void withAKernelEveryFragmentPasses() {
        harness = TestRouter6.withKernel(Ip6ReassemblyStage.DESCRIPTOR).harness();
        byte[] fragment = part(whole(1000), 0, 504);
        process(fragment);
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(fragment);
    }

    @Test
    void whatIsIncompleteWhenTheLaneStopsIsDroppedByName() {
        process(part(whole(1000), 0, 504));
        harness.stop();
        assertThat(harness.dropped("lane-stopped")).isEqualTo(1);
    }
}
