// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.telemetry.LaneLedger.Entry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Packets that a stage defers, in a lane that waits for its devices and in one that never does. */
final class DeferTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final long MILLI = 1_000_000L;
    private static final long DELAY = 5 * MILLI;

    /** Far over what a lane that is called in time needs, far under the 100 ms of Akka's own timers. */
    private static final long LATE = 60 * MILLI;

    private static final int ATTEMPTS = 10;

    @AfterAll
    static void shutDown() {
        KIT.shutdownTestKit();
    }

    /** Defers packets that begin with {@code d} by so many milliseconds as the digits behind say. */
    private static final class Deferring implements PacketStage {
        private final List<Long> delays;

        /** @param delays takes down after how long packets came back */
        Deferring(List<Long> delays) {
            this.delays = delays;
        }

        private long deferredAt;

        @Override
        public void process(PacketVector packets, StageContext context) {
            for (int i = 0; i < packets.size(); i++) {
                PacketBuffer packet = packets.get(i);
                if (packet.bytes().get(packet.start()) == 'd') {
                    deferredAt = context.nowNanos();
                    String text = new String(packet.toByteArray(), java.nio.charset.StandardCharsets.ISO_8859_1);
                    context.defer(packet, Long.parseLong(text.substring(1, 3)) * MILLI);
                } else {
                    context.send(packet, RunningLane.NEXT);
                }
            }
        }

        @Override
        public void onDue(PacketVector packets, StageContext context) {
            delays.add(System.nanoTime() - deferredAt);
            context.sendAll(packets, RunningLane.NEXT);
        }
    }

    @Test
    void comesBackInTimeToALaneThatIsIdle() {
        List<Long> delays = new CopyOnWriteArrayList<>();
        try (RunningLane running = new RunningLane(
                KIT, System::nanoTime, RunningLane.stage("deferring", setup -> new Deferring(delays)))) {
            for (int i = 1; i <= ATTEMPTS; i++) {
                running.arrive("d05");
                running.awaitSent(i);
            }
        }
        assertThat(delays).hasSize(ATTEMPTS).allMatch(delay -> delay >= DELAY);
        assertThat(delays.stream().sorted().toList().get(ATTEMPTS / 2)).isLessThan(LATE);
    }

    @Test
    void comesBackInTimeToALaneThatIsBusy() throws InterruptedException {
        List<Long> delays = new CopyOnWriteArrayList<>();
        AtomicBoolean done = new AtomicBoolean();
        try (RunningLane running = new RunningLane(
                KIT, System::nanoTime, RunningLane.stage("deferring", setup -> new Deferring(delays)))) {
            Thread traffic = new Thread(() -> {
                while (!done.get()) {
                    if (running.left.unread() < 100) {
                        running.arrive("p");
                    }
                    running.right.takeSent();
                }
            });
            traffic.start();
            for (int i = 1; i <= ATTEMPTS; i++) {
                running.arrive("d05");
                int expected = i;
                await().atMost(RunningLane.SOON).until(() -> delays.size() == expected);
            }
            done.set(true);
            traffic.join();
        }
        assertThat(delays).hasSize(ATTEMPTS).allMatch(delay -> delay >= DELAY);
        assertThat(delays.stream().sorted().toList().get(ATTEMPTS / 2)).isLessThan(LATE);
    }

    @Test
    void comesBackByTheClockThatTheRouterIsGiven() {
        AtomicLong clock = new AtomicLong(42);
        try (RunningLane running = new RunningLane(
                KIT,
                clock::get,
                RunningLane.stage("deferring", setup -> new Deferring(new CopyOnWriteArrayList<>())))) {
            running.arrive("d30");
            running.arrive("d10 first");
            running.arrive("d20");
            running.arrive("d10 second");
            running.arrive("p");
            running.awaitSent(1);
            clock.addAndGet(10 * MILLI - 1);
            running.lane.wake();
            running.arrive("p");
            running.awaitSent(2);
            assertThat(running.sent()).containsExactly("p", "p");

            clock.addAndGet(2 * TimerWheel.TICK_NANOS);
            running.lane.wake();
            running.awaitSent(4);
            clock.addAndGet(60_000 * MILLI);
            running.lane.wake();
            running.awaitSent(6);
            assertThat(running.sent()).containsExactly("p", "p", "d10 first", "d10 second", "d20", "d30");
        }
    }

    @Test
    void isDroppedWithALaneThatStops() {
        RunningLane running = new RunningLane(
                KIT, System::nanoTime, RunningLane.stage("deferring", setup -> new Deferring(List.of())));
        try (running) {
            running.arrive("d99");
            running.arrive("p");
            running.awaitSent(1);
        }
        assertThat(running.drops("deferring", GraphDrop.LANE_STOPPED)).isEqualTo(1);
        assertThat(running.count(Entry.DROPPED)).isEqualTo(1);
    }

    /** A stage that wakes itself every millisecond, in a lane without any traffic. */
    @Test
    void wakesAStageOfAnIdleLaneInTime() {
        AtomicLong calls = new AtomicLong();
        try (RunningLane running =
                new RunningLane(KIT, System::nanoTime, RunningLane.stage("waking", setup -> new PacketStage() {
                    @Override
                    public void process(PacketVector packets, StageContext context) {
                        context.sendAll(packets, RunningLane.NEXT);
                        context.wakeAfter(MILLI);
                    }

                    @Override
                    public void onTimer(StageContext context) {
                        calls.incrementAndGet();
                        context.wakeAfter(MILLI);
                    }
                }))) {
            running.arrive("p");
            await().pollInterval(Duration.ofMillis(10)).atMost(RunningLane.SOON).until(() -> calls.get() >= 200);
        }
    }
}
