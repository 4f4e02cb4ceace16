// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.impair;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.culvert.packet.PacketBuffer;
import io.culvert.plugins.impair.ImpairStage.Count;
import io.culvert.plugins.impair.ImpairStage.Out;
import io.culvert.testkit.BalancedAccounts;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import io.culvert.testkit.StageHarness;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@BalancedAccounts
final class ImpairStageTest {
    private static final int LAN = 0;
    private static final int WAN = 1;

    private StageHarness harness = harness(1024);

    private static StageHarness harness(int buffers) {
        return StageHarness.of(ImpairStage.OUTPUT, buffers)
                .interfaces(
                        InterfaceBuilder.ethernet(LAN).name("lan").build(),
                        InterfaceBuilder.ethernet(WAN).name("wan").build());
    }

    private void link(String settings) {
        harness.setting("links", "[{ interface = wan, " + settings + " }]");
    }

    private void send(PacketBuilder packet) {
        PacketBuffer buffer = packet.take(harness.pool());
        buffer.setTransmitInterface(WAN);
        harness.process(buffer);
    }

    /** A packet with a number in it. */
    private static PacketBuilder numbered(int number) {
        return Packets.ip4().id(number).udp(1, 2).payload(72);
    }

    /** The numbers of those that have come out, in order; forgets them. */
    private List<Integer> takeNumbers() {
        List<Integer> numbers = harness.out(Out.NEXT).stream()
                .map(packet -> packet.bytes().getShort(packet.start() + 4) & 0xffff)
                .toList();
        harness.clear();
        return numbers;
    }

    /** Sends so many, numbered from 0, at intervals, and all come out that will. */
    private List<Integer> sendAll(int count, long everyNanos) {
        List<Integer> out = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            send(numbered(i));
            harness.advanceNanos(everyNanos);
            out.addAll(takeNumbers());
        }
        harness.advanceMillis(10_000);
        out.addAll(takeNumbers());
        return out;
    }

    @Test
    void leavesOtherInterfacesAlone() {
        link("loss = 100%");
        PacketBuffer buffer = numbered(1).take(harness.pool());
        buffer.setTransmitInterface(LAN);
        harness.process(buffer);
        assertThat(takeNumbers()).containsExactly(1);
        send(numbered(2));
        assertThat(harness.dropped("lost")).isEqualTo(1);
    }

    @Test
    void delaysEachPacketByTheSameTime() {
        link("delay = 20ms");
        send(numbered(1));
        harness.advanceMillis(19);
        send(numbered(2));
        assertThat(harness.out(Out.NEXT)).isEmpty();
        harness.advanceMillis(1);
        assertThat(takeNumbers()).containsExactly(1);
        harness.advanceMillis(18);
        assertThat(harness.out(Out.NEXT)).isEmpty();
        harness.advanceMillis(1);
        assertThat(takeNumbers()).containsExactly(2);
    }

    @Test
    void jitterSpreadsTheDelayEvenlyAndKeepsTheOrder() {
        link("delay = 20ms, jitter = 10ms");
        harness.setting("seed", "42");
        // Far enough apart that none waits for another.
        long sum = 0;
        long least = Long.MAX_VALUE;
        long most = 0;
        for (int i = 0; i < 1000; i++) {
            send(numbered(i));
            long took = 0;
            while (harness.out(Out.NEXT).isEmpty()) {
                harness.advanceNanos(100_000);
                took += 100_000;
            }
            assertThat(takeNumbers()).containsExactly(i);
            sum += took;
            least = Math.min(least, took);
            most = Math.max(most, took);
        }
        assertThat(sum / 1000.0).isCloseTo(20e6, within(0.7e6));
        assertThat(least).isBetween(10_000_000L, 10_500_000L);
        assertThat(most).isBetween(29_500_000L, 30_100_000L);
        // And close together.
        assertThat(sendAll(500, 100_000)).hasSize(500).isSorted();
    }

    @Test
    void reorderedOnesOvertake() {
        link("delay = 20ms, reorder = 25%");
        harness.setting("seed", "7");
        List<Integer> out = sendAll(400, 1_000_000);
        assertThat(out)
                .hasSize(400)
                .doesNotHaveDuplicates()
                .isNotEqualTo(out.stream().sorted().toList());
        long early = 0;
        for (int i = 1; i < out.size(); i++) {
            early += out.get(i - 1) > out.get(i) ? 1 : 0;
        }
        assertThat(early).isBetween(50L, 100L); // runs of 20 that wait, overtaken by a quarter of all
    }

    @ParameterizedTest
    @CsvSource({"0%, 0, 0", "1%, 60, 145", "25%, 2350, 2650", "100%, 10000, 10000"})
    void losesTheShareThatItIsToldTo(String share, int least, int most) {
        link("loss = " + share);
        harness.setting("seed", "3");
        int lost = 10_000 - sendAll(10_000, 0).size();
        assertThat(lost).isBetween(least, most);
    }

    @Test
    void duplicatesComeRightBehindTheirPackets() {
        link("duplicate = 10%");
        List<Integer> out = sendAll(5000, 0);
        assertThat(out.size()).isBetween(5400, 5600);
        assertThat(out).isSorted();
        assertThat(out.stream().distinct()).hasSize(5000);
    }

    @Test
    void corruptionTurnsOverOneBitOfThePacketAndNoChecksumKnows() {
        link("corrupt = 100%");
        for (int i = 0; i < 200; i++) {
            harness.clear();
            send(Packets.ethernet("02:00:00:00:00:01", "02:00:00:00:00:02")
                    .ip4()
                    .id(i)
                    .udp(1, 2)
                    .payload(72));
            byte[] before = Packets.ethernet("02:00:00:00:00:01", "02:00:00:00:00:02")
                    .ip4()
                    .id(i)
                    .udp(1, 2)
                    .payload(72)
                    .bytes();
            byte[] after = harness.single(Out.NEXT).toByteArray();
            int bits = 0;
            for (int at = 0; at < before.length; at++) {
                int changed = Integer.bitCount((before[at] ^ after[at]) & 0xff);
                assertThat(changed == 0 || at >= 14).as("link header").isTrue();
                bits += changed;
            }
            assertThat(bits).isEqualTo(1);
            assertThat(harness.single(Out.NEXT).checksum()).isEqualTo(PacketBuffer.Checksum.UNVERIFIED);
        }
        assertThat(harness.counted(Count.CORRUPTED)).isEqualTo(1);
    }

    /** Computed later, the checksum would be right for the damaged bytes, and nobody would ever notice. */
    @Test
    void anUnfinishedChecksumIsFinishedBeforeABitIsTurnedOver() {
        link("corrupt = 100%");
        for (int i = 0; i < 50; i++) {
            harness.clear();
            send(Packets.ip4().id(i).udp(1, 2).partialChecksum().payload(72));
            byte[] finished = Packets.ip4().id(i).udp(1, 2).payload(72).bytes();
            byte[] after = harness.single(Out.NEXT).toByteArray();
            int bits = 0;
            for (int at = 0; at < finished.length; at++) {
                bits += Integer.bitCount((finished[at] ^ after[at]) & 0xff);
            }
            assertThat(bits).isEqualTo(1);
            assertThat(harness.single(Out.NEXT).checksum()).isEqualTo(PacketBuffer.Checksum.UNVERIFIED);
        }
    }

    @Test
    void aRateSendsOneAfterTheOtherAndItsQueueIsBounded() {
        link("rate = 8Mbit/s, limit = 10");
        for (int i = 0; i < 15; i++) {
            send(numbered(i)); // 100 bytes: 0.1 ms each
        }
        assertThat(harness.dropped("queue-full")).isEqualTo(5);
        harness.advanceNanos(99_000);
        assertThat(harness.out(Out.NEXT)).isEmpty();
        harness.advanceNanos(1_000);
        assertThat(harness.out(Out.NEXT)).hasSize(1);
        harness.advanceNanos(450_000);
        assertThat(harness.out(Out.NEXT)).hasSize(5);
        harness.advanceMillis(1);
        assertThat(takeNumbers()).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
        send(numbered(99));
        harness.advanceNanos(100_000);
        assertThat(takeNumbers()).as("after a pause").containsExactly(99);
    }

    /** They may be lost with a graph that ends: what they took of the limit is free when they would have come out. */
    @Test
    void theLimitIsOfThoseUnderWayWhateverBecomesOfThem() {
        harness = harness(1024);
        link("delay = 10ms, limit = 300");
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 400; i++) {
                send(numbered(i));
            }
            assertThat(harness.dropped("queue-full")).isEqualTo(100);
            harness.advanceMillis(4);
            send(numbered(500));
            assertThat(harness.dropped("queue-full")).isEqualTo(101);
            harness.advanceMillis(6);
            assertThat(takeNumbers()).hasSize(300);
        }
    }

    @Test
    void theRateAndTheDelayAddUp() {
        link("rate = 8Mbit/s, delay = 5ms");
        send(numbered(0));
        send(numbered(1));
        harness.advanceNanos(5_099_000);
        assertThat(harness.out(Out.NEXT)).isEmpty();
        harness.advanceNanos(1_000);
        assertThat(takeNumbers()).containsExactly(0);
        harness.advanceNanos(100_000);
        assertThat(takeNumbers()).containsExactly(1);
    }

    @Test
    void keepsNothingOnceBuffersAreScarce() {
        harness = harness(16);
        link("delay = 20ms");
        for (int i = 0; i < 16 && harness.pool().available() > 0; i++) {
            send(numbered(i));
        }
        assertThat(harness.deferred()).isEqualTo(12);
        assertThat(harness.dropped("buffers-scarce")).isEqualTo(4);
        harness.advanceMillis(20);
        assertThat(takeNumbers()).hasSize(12);
    }

    @Test
    void theSameSeedAndPacketsHaveTheSameFate() {
        String all = "delay = 5ms, jitter = 5ms, loss = 10%, duplicate = 5%, reorder = 5%, corrupt = 5%";
        List<List<Integer>> fates = new ArrayList<>();
        for (String seed : List.of("1", "1", "2")) {
            harness = harness(1024).setting("seed", seed);
            link(all);
            fates.add(sendAll(500, 1_000_000));
        }
        assertThat(fates.get(0)).isEqualTo(fates.get(1)).isNotEqualTo(fates.get(2));
    }

    @Test
    void oneImpairmentLeavesTheRandomNumbersOfTheOthers() {
        link("loss = 10%");
        List<Integer> alone = sendAll(500, 0);
        harness = harness(1024);
        link("loss = 10%, corrupt = 50%, delay = 1ms, jitter = 1ms");
        assertThat(sendAll(500, 1_000_000)).hasSize(alone.size());
    }

    @Test
    void eachSegmentOfASuperpacketHasAFateOfItsOwn() {
        link("loss = 50%");
        PacketBuffer packet = Packets.ip4().tcp(1, 2).payload(20_000).take(harness.pool());
        packet.setGso(PacketBuffer.Gso.TCP4, 1000, false);
        packet.setTransmitInterface(WAN);
        harness.process(packet);
        assertThat(harness.counted(Count.CUT)).isEqualTo(1);
        assertThat(harness.dropped("lost")).isBetween(3, 17);
        assertThat(harness.out(Out.NEXT)).hasSize(20 - harness.dropped("lost"));
        assertThat(harness.out(Out.NEXT)).allSatisfy(segment -> {
            assertThat(segment.length()).isEqualTo(1040);
            assertThat(segment.gso()).isEqualTo(PacketBuffer.Gso.NONE);
        });
    }

    @Test
    void whatCameAsASuperpacketIsCutBehindItsLinkHeader() {
        harness = StageHarness.of(ImpairStage.INPUT)
                .interfaces(
                        InterfaceBuilder.ethernet(LAN).name("lan").build(),
                        InterfaceBuilder.ethernet(WAN).name("wan").build());
        link("direction = in, delay = 1ms");
        PacketBuffer packet = Packets.ethernet("02:00:00:00:00:01", "02:00:00:00:00:02")
                .ip6()
                .udp(1, 2)
                .payload(2500)
                .take(harness.pool());
        packet.clearOffsets();
        packet.setGso(PacketBuffer.Gso.UDP, 1000, false);
        packet.setReceiveInterface(WAN);
        harness.process(packet);
        harness.advanceMillis(1);
        assertThat(harness.out(Out.NEXT).stream().map(PacketBuffer::length)).containsExactly(1062, 1062, 562);
        assertThat(harness.out(Out.NEXT))
                .allSatisfy(segment -> assertThat(segment.receiveInterface()).isEqualTo(WAN));
    }

    @Test
    void whatIsUnderWayIsNotOvertakenWhenTheConfigurationChanges() {
        link("delay = 20ms");
        send(numbered(1));
        harness.restart();
        link("delay = 0ms");
        send(numbered(2));
        assertThat(harness.out(Out.NEXT)).isEmpty();
        harness.advanceMillis(20);
        assertThat(takeNumbers()).containsExactly(1, 2);
        send(numbered(3));
        assertThat(takeNumbers()).containsExactly(3);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 13, 14, 15, 33, 60})
    void takesWhatIsNoPacketAtAll(int length) {
        link("corrupt = 100%, duplicate = 100%, delay = 1ms");
        byte[] nonsense = new byte[length];
        Arrays.fill(nonsense, (byte) 0x81);
        PacketBuffer packet = harness.packet(nonsense);
        packet.clearOffsets();
        packet.setGso(PacketBuffer.Gso.TCP4, 1000, false);
        packet.setPartialChecksum(packet.end() + 5, 16);
        packet.setTransmitInterface(WAN);
        harness.process(packet);
        harness.advanceMillis(1);
        assertThat(harness.out(Out.NEXT)).hasSize(2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{ interface = wan, delay = 5ms, jitter = 6ms } | jitter is more than delay",
                "{ interface = wan, reorder = 1% } | reorder needs a delay",
                "{ interface = wan, loss = 101% } | loss",
                "{ interface = wan, limit = 0 } | limit",
                "{ interface = wan, rate = 1bit/s } | rate",
                "{ interface = wan }, { interface = wan, direction = both } | has a link in this direction already",
                "{ interface = wan, direction = in }, { interface = wan }, { interface = wan } | has a link in this direction",
                "{ interface = wan, direction = in }, { interface = wan }, { interface = wan, direction = in } | has a link",
                "{ delay = 5ms } | interface"
            })
    void refusesLinksThatMakeNoSense(String links, String problem) {
        harness.setting("links", "[" + links + "]");
        assertThatThrownBy(harness::settings).hasMessageContaining(problem);
    }

    @Test
    void impairsTheLinksOfARouterInBothDirections() {
        try (ScriptedRouter router = ScriptedRouter.with(new ImpairPlugin(), """
                interfaces {
                  lan { type = tun, device = a, addresses = ["10.0.0.1/24"] }
                  wan { type = tun, device = b, addresses = ["10.1.0.1/24"] }
                }
                plugins { impair { links = [ { interface = wan, direction = both, delay = 20ms } ] } }
                """)) {
            router.arrive(
                    "lan",
                    Packets.ip4().from("10.0.0.2").to("10.1.0.2").udp(1, 2).bytes());
            router.arrive(
                    "wan",
                    Packets.ip4().from("10.1.0.2").to("10.0.0.2").udp(2, 1).bytes());
            router.advance(Duration.ofMillis(19));
            assertThat(router.at("wan").hasSent() || router.at("lan").hasSent()).isFalse();
            router.advance(Duration.ofMillis(3));
            assertThat(router.at("wan").takeSent())
                    .containsExactly(Packets.ip4()
                            .from("10.0.0.2")
                            .to("10.1.0.2")
                            .ttl(63)
                            .udp(1, 2)
                            .bytes());
            assertThat(router.at("lan").takeSent()).hasSize(1);
        }
    }

    /** A long way must not take the buffers that the lane needs to receive. */
    @Test
    void leavesALaneAQuarterOfItsBuffers() {
        try (ScriptedRouter router = ScriptedRouter.with(new ImpairPlugin(), """
                buffers = 64
                interfaces {
                  lan { type = tun, device = a, addresses = ["10.0.0.1/24"] }
                  wan { type = tun, device = b, addresses = ["10.1.0.1/24"] }
                }
                plugins { impair { links = [ { interface = wan, delay = 1s } ] } }
                """)) {
            byte[] there =
                    Packets.ip4().from("10.0.0.2").to("10.1.0.2").udp(1, 2).bytes();
            for (int i = 0; i < 80; i++) {
                router.arrive("lan", there);
                router.await(() -> router.at("lan").unread() == 0, "the packet to be read");
            }
            byte[] back =
                    Packets.ip4().from("10.1.0.2").to("10.0.0.2").udp(1, 2).bytes();
            router.arrive("wan", back);
            assertThat(router.awaitSent("lan")).isNotEmpty();
            router.advance(Duration.ofMillis(1_100)).settle();
            int kept = router.at("wan").takeSent().size();
            assertThat(kept).isBetween(48, 50);
            assertThat(router.dropped("buffers-scarce")).isEqualTo(80 - kept);
            assertThat(router.dropped("pool-exhausted")).isZero();
        }
    }
}
