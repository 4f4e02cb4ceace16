// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;

import akka.NotUsed;
import akka.stream.OverflowStrategy;
import akka.stream.javadsl.Flow;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import io.culvert.control.RouterCounters;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.akka.StreamPlugin;
import io.culvert.spi.akka.StreamSetup;
import io.culvert.spi.akka.StreamStage;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Flows of plugins, good and bad, in a whole router. Each test ends with the check of the router's accounts and buffers. */
final class StreamBridgeTest {
    private static final Duration SHORT = Duration.ofMillis(200);
    private static final String ROUTER = """
            lanes = 1
            plugins { odd-flow {} }
            interfaces {
              in { type = tun, addresses = ["10.0.1.1/24"] }
              out { type = tun, addresses = ["10.0.2.1/24"] }
            }
            """;

    private static final String BYPASS = "when-broken { odd-flow = bypass }\n";

    private enum Seen implements CounterId {
        ODD;

        @Override
        public String text() {
            return "Vectors with an odd number of packets.";
        }
    }

    private static StreamStage.Builder stage() {
        return StreamStage.named("odd-flow", "Does what the test wants.", Arc.IP4_FORWARD)
                .awayAtMost(SHORT);
    }

    private static ScriptedRouter router(StreamStage stage) {
        return router(ROUTER, stage);
    }

    private static ScriptedRouter router(String config, StreamStage stage) {
        return ScriptedRouter.startWith(config, new StreamPlugin() {
            @Override
            public List<StreamStage> streams() {
                return List.of(stage);
            }

            @Override
            public String name() {
                return "odd";
            }

            @Override
            public int apiVersion() {
                return API_VERSION;
            }
        });
    }

    private static ScriptedRouter router(Function<StreamSetup, Flow<PacketVector, PacketVector, NotUsed>> flow) {
        return router(stage().flow(flow));
    }

    private static Flow<PacketVector, PacketVector, NotUsed> flow() {
        return Flow.of(PacketVector.class);
    }

    /** A packet that tells its number by its payload's length. */
    private static byte[] packet(int number) {
        return Packets.ip4()
                .from("10.0.1.2")
                .to("10.0.2.2")
                .udp(1000, 2000)
                .payload(number)
                .bytes();
    }

    private static int number(byte[] packet) {
        return packet.length - 28;
    }

    private static List<Integer> awaitSent(ScriptedRouter router, int count) {
        List<Integer> numbers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            numbers.add(number(router.awaitSent("out")));
        }
        return numbers;
    }

    private static long counted(ScriptedRouter router, String counter) {
        return router.counters().counts().stream()
                .filter(row ->
                        row.stage().equals("odd-flow") && row.counter().id().equals(counter))
                .mapToLong(RouterCounters.CountRow::amount)
                .sum();
    }

    private static void arrive(ScriptedRouter router, int from, int to) {
        for (int i = from; i < to; i++) {
            router.arrive("in", packet(i));
        }
    }

    private static void awaitLost(ScriptedRouter router, int packets) {
        router.await(() -> router.dropped("lost-in-stream") == packets, packets + " packets to be missed");
    }

    private static PacketVector alone(PacketBuffer packet) {
        PacketVector vector = new PacketVector(1);
        vector.add(packet);
        return vector;
    }

    private static List<PacketVector> singles(PacketVector vector) {
        List<PacketVector> singles = new ArrayList<>();
        for (int i = 0; i < vector.size(); i++) {
            singles.add(alone(vector.get(i)));
        }
        return singles;
    }

    // --- flows that behave

    @Test
    void packetsComeOutAsTheyWentInAndInTheirOrder() {
        try (ScriptedRouter router = router(setup -> flow())) {
            arrive(router, 0, 200);
            for (int i = 0; i < 200; i++) {
                byte[] sent = router.awaitSent("out");
                byte[] expected = Packets.ip4()
                        .from("10.0.1.2")
                        .to("10.0.2.2")
                        .ttl(63)
                        .udp(1000, 2000)
                        .payload(i)
                        .bytes();
                assertThat(sent).as("packet " + i).isEqualTo(expected);
            }
            router.settle();
            assertThat(counted(router, "went-out")).isEqualTo(200);
            assertThat(counted(router, "came-back")).isEqualTo(200);
            assertThat(counted(router, "unexpected")).isZero();
        }
    }

    @Test
    void aThrottledFlowDelaysPackets() {
        StreamStage throttled = stage().awayAtMost(Duration.ofSeconds(20))
                .flow(setup -> flow().mapConcat(StreamBridgeTest::singles).throttle(50, Duration.ofMillis(200)));
        try (ScriptedRouter router = router(throttled)) {
            long start = System.nanoTime();
            arrive(router, 0, 150);
            assertThat(awaitSent(router, 150)).isSorted();
            assertThat(System.nanoTime() - start)
                    .isGreaterThan(Duration.ofMillis(300).toNanos());
            router.settle();
        }
    }

    @Test
    void workOnOtherThreadsKeepsTheOrder() {
        StreamStage asynchronous = stage().awayAtMost(Duration.ofSeconds(20))
                .flow(setup -> flow().mapConcat(StreamBridgeTest::singles)
                        .mapAsync(
                                4,
                                vector -> CompletableFuture.supplyAsync(() -> {
                                    PacketBuffer packet = vector.get(0);
                                    packet.bytes().put(packet.end() - 1, (byte) 0x77);
                                    return vector;
                                })));
        try (ScriptedRouter router = router(asynchronous)) {
            arrive(router, 1, 101);
            for (int i = 1; i < 101; i++) {
                byte[] sent = router.awaitSent("out");
                assertThat(number(sent)).isEqualTo(i);
                assertThat(sent[sent.length - 1]).isEqualTo((byte) 0x77);
            }
            router.settle();
        }
    }

    @Test
    void aFlowMayRegroupPacketsInVectorsOfItsOwn() {
        StreamStage regrouping = stage().awayAtMost(Duration.ofSeconds(20))
                .flow(setup -> flow().mapConcat(StreamBridgeTest::singles)
                        .grouped(7)
                        .map(seven -> {
                            PacketVector together = new PacketVector(PacketVector.MAX_CAPACITY);
                            seven.forEach(one -> together.add(one.get(0)));
                            return together;
                        }));
        try (ScriptedRouter router = router(regrouping)) {
            arrive(router, 0, 70);
            assertThat(awaitSent(router, 70)).isSorted();
            router.settle();
        }
    }

    @Test
    void whatAFlowEndsOnPurposeIsDiscardedAndItsCountersCount() {
        StreamStage choosing = stage().counters(Seen.values())
                .flow(setup -> flow().map(vector -> {
                    PacketVector kept = new PacketVector(PacketVector.MAX_CAPACITY);
                    for (int i = 0; i < vector.size(); i++) {
                        PacketBuffer packet = vector.get(i);
                        if ((packet.length() & 1) == 0) {
                            kept.add(packet);
                        } else {
                            setup.discard(packet);
                            setup.count(Seen.ODD, 1);
                        }
                    }
                    return kept;
                }));
        try (ScriptedRouter router = router(choosing)) {
            arrive(router, 0, 100);
            assertThat(awaitSent(router, 50))
                    .allMatch(number -> number % 2 == 0)
                    .isSorted();
            router.settle();
            assertThat(router.dropped("discarded")).isEqualTo(50);
            router.await(() -> counted(router, "odd") == 50, "the flow's counter");
            assertThat(router.dropped("lost-in-stream")).isZero();
        }
    }

    // --- flows that lose packets

    @Test
    void vectorsThatAFilterSwallowsAreMissed() {
        try (ScriptedRouter router = router(setup -> flow().mapConcat(StreamBridgeTest::singles)
                .filter(vector -> vector.get(0).length() % 4 != 0))) {
            arrive(router, 0, 100);
            assertThat(awaitSent(router, 75))
                    .allMatch(number -> number % 4 != 0)
                    .isSorted();
            awaitLost(router, 25);
            router.settle();
            arrive(router, 101, 102); // there is room for others in their place
            assertThat(number(router.awaitSent("out"))).isEqualTo(101);
        }
    }

    @Test
    void whatABufferDropsIsMissed() {
        try (ScriptedRouter router = router(setup -> flow().mapConcat(StreamBridgeTest::singles)
                .buffer(2, OverflowStrategy.dropHead())
                .throttle(1, Duration.ofMillis(100)))) {
            arrive(router, 0, 120);
            router.settle();
            long sent = router.counters().ledger(io.culvert.telemetry.LaneLedger.Entry.TRANSMITTED);
            assertThat(sent).isPositive();
            assertThat(router.dropped("lost-in-stream")).isEqualTo(120 - sent).isPositive();
        }
    }

    @Test
    void aFlowThatTakesAllAndGivesNothingFillsUpAndLosesAll() {
        StreamStage hole = stage().mostAway(64).flow(setup -> Flow.fromSinkAndSource(Sink.ignore(), Source.maybe()));
        try (ScriptedRouter router = router(hole)) {
            arrive(router, 0, 100);
            router.settle();
            assertThat(router.dropped("stream-full") + router.dropped("lost-in-stream"))
                    .isEqualTo(100);
            assertThat(router.dropped("lost-in-stream")).isGreaterThanOrEqualTo(64);
        }
    }

    @Test
    void packetsThatAFlowKeptTooLongAreIgnoredWhenTheyCome() {
        Queue<PacketVector> kept = new ConcurrentLinkedQueue<>();
        try (ScriptedRouter router = router(setup -> flow().mapConcat(vector -> {
            List<PacketVector> out = new ArrayList<>(kept);
            kept.clear();
            if (vector.get(0).length() == 28) {
                kept.add(vector);
            } else {
                out.add(vector);
            }
            return out;
        }))) {
            router.arrive("in", packet(0));
            awaitLost(router, 1);
            router.arrive("in", packet(5));
            assertThat(awaitSent(router, 1)).containsExactly(5);
            router.settle();
            assertThat(counted(router, "unexpected")).isEqualTo(1);
            assertThat(router.at("out").hasSent()).isFalse();
        }
    }

    // --- flows that do what nobody expects

    @Test
    void aPacketThatComesOutTwiceIsSentOnce() {
        try (ScriptedRouter router = router(setup -> flow().mapConcat(vector -> List.of(vector, vector)))) {
            arrive(router, 0, 50);
            assertThat(awaitSent(router, 50)).isSorted();
            router.settle();
            router.await(() -> counted(router, "unexpected") == 50, "those that came out again");
            assertThat(router.at("out").hasSent()).isFalse();
        }
    }

    @Test
    void aPacketThatComesOutMisshapenIsDroppedAndNothingElse() {
        try (ScriptedRouter router = router(setup -> flow().map(vector -> {
            for (int i = 0; i < vector.size(); i++) {
                PacketBuffer packet = vector.get(i);
                switch (packet.length() - 28) {
                    case 0 -> packet.setL3Offset(-7);
                    case 1 -> packet.setL4Offset(packet.end() + 1);
                    case 2 -> packet.setReceiveInterface(77);
                    case 3 -> packet.setTransmitInterface(-3);
                    case 4 -> packet.setL2Offset(1 << 20);
                    default -> packet.setState(PacketBuffer.State.FREE);
                }
            }
            return vector;
        }))) {
            arrive(router, 0, 10);
            assertThat(awaitSent(router, 5)).containsExactly(5, 6, 7, 8, 9);
            router.settle();
            assertThat(router.dropped("misshapen")).isEqualTo(5);
        }
    }

    // --- flows that end

    @Test
    void aFlowThatFailsLosesWhatIsInItAndStartsAgain() {
        AtomicInteger runs = new AtomicInteger();
        try (ScriptedRouter router = router(setup -> {
            runs.incrementAndGet();
            AtomicInteger vectors = new AtomicInteger();
            return flow().map(vector -> {
                if (vectors.incrementAndGet() == 3) {
                    throw new IllegalStateException("the third");
                }
                return vector;
            });
        })) {
            for (int i = 0; i < 2; i++) {
                router.arrive("in", packet(i));
                assertThat(awaitSent(router, 1)).containsExactly(i);
            }
            router.arrive("in", packet(2));
            awaitLost(router, 1);
            awaitPassing(router); // those that come within the back-off are dropped, as many as there is time for
            assertThat(runs).hasValueGreaterThan(1);
            assertThat(counted(router, "flow-ended")).isPositive();
        }
    }

    @Test
    void aFlowThatCompletesStartsAgain() {
        try (ScriptedRouter router = router(setup -> flow().take(2))) {
            for (int i = 0; i < 2; i++) {
                router.arrive("in", packet(i));
                assertThat(awaitSent(router, 1)).containsExactly(i);
            }
            router.await(() -> counted(router, "flow-ended") == 1, "the end of the flow");
            awaitPassing(router);
        }
    }

    @Test
    void aFlowThatCannotBeMadeIsTriedAgain() {
        AtomicInteger tries = new AtomicInteger();
        try (ScriptedRouter router = router(setup -> {
            switch (tries.incrementAndGet()) {
                case 1 -> throw new IllegalStateException("not yet");
                case 2 -> throw new NoSuchMethodError("made for another version");
                default -> {
                    return flow();
                }
            }
        })) {
            router.arrive("in", packet(1));
            router.settle();
            assertThat(router.dropped("stream-down")).isEqualTo(1);
            awaitPassing(router);
        }
    }

    /** Akka ends an actor that meets such an error in the middle of what it does, and never hears of it again. */
    @Test
    void aFlowThatMeetsAnErrorIsReplacedAndDoesNotKeepTheRouterFromStopping() {
        AtomicInteger runs = new AtomicInteger();
        ScriptedRouter router = router(setup -> {
            int run = runs.incrementAndGet();
            return flow().map(vector -> {
                if (run == 1) {
                    throw new NoSuchMethodError("made for another version");
                }
                return vector;
            });
        });
        router.arrive("in", packet(1));
        awaitLost(router, 1);
        awaitPassing(router);

        assertThat(CompletableFuture.supplyAsync(router::stop)).succeedsWithin(Duration.ofSeconds(10));
        router.close();
    }

    @Test
    void whileAFlowIsDownPacketsPassByWhereThatIsConfigured() {
        try (ScriptedRouter router = router(ROUTER + BYPASS, stage().flow(setup -> {
            throw new IllegalStateException("never");
        }))) {
            arrive(router, 0, 20);
            assertThat(awaitSent(router, 20)).isSorted();
            router.settle();
        }
    }

    /** Sends packets until one comes out again. */
    private static void awaitPassing(ScriptedRouter router) {
        router.await(
                () -> {
                    router.arrive("in", packet(100));
                    router.settle();
                    return router.at("out").hasSent();
                },
                "a packet to pass");
        assertThat(number(router.awaitSent("out"))).isEqualTo(100);
    }

    // --- flows that are stuck

    @Test
    void aLaneGoesOnWhileItsFlowIsStuck() {
        CountDownLatch stuck = new CountDownLatch(1);
        try (ScriptedRouter router = router(setup -> flow().map(vector -> {
            stuck.await();
            return vector;
        }))) {
            arrive(router, 0, 10);
            byte[] echo = Packets.ip4()
                    .from("10.0.1.2")
                    .to("10.0.1.1")
                    .echoRequest(7, 1)
                    .payload(20)
                    .bytes();
            router.arrive("in", echo);
            assertThat(router.awaitSent("in")).hasSameSizeAs(echo);
            awaitLost(router, 10);
            router.settle();
            arrive(router, 10, 400);
            router.settle();
            assertThat(router.dropped("lost-in-stream") + router.dropped("stream-full"))
                    .isEqualTo(400);
            router.arrive("in", echo);
            assertThat(router.awaitSent("in")).hasSameSizeAs(echo);

            stuck.countDown();
            router.await(() -> counted(router, "unexpected") != 0, "what was stuck to come out");
            awaitPassing(router);
        } finally {
            stuck.countDown();
        }
    }

    @Test
    void packetsThatAreAwayWhenTheLaneStopsEndThere() {
        StreamStage holding = stage().awayAtMost(Duration.ofMinutes(5))
                .flow(setup -> Flow.fromSinkAndSource(Sink.ignore(), Source.maybe()));
        try (ScriptedRouter router = router(holding)) {
            arrive(router, 0, 10);
            router.await(() -> counted(router, "went-out") == 10, "all to be away");
            router.unplug("out"); // the lane's graph is made anew
            router.await(() -> router.dropped("lane-stopped") == 10, "those to end that were away");
            arrive(router, 10, 20);
        }
    }
}
