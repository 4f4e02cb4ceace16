// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageSetup;
import io.culvert.telemetry.LaneLedger.Entry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/**
 * What a router makes of stages that are bad in one way each. In each case it says which stage it is and why, other traffic
 * goes on, and when the lane ends all buffers are back and all packets accounted for, which {@link RunningLane#close}
 * looks at.
 */
final class BadStageTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final long SECOND = 1_000_000_000L;
    private static final Duration BUDGET = Duration.ofMillis(100);

    @AfterAll
    static void shutDown() {
        KIT.shutdownTestKit();
    }

    private final AtomicLong clock = new AtomicLong(SECOND);

    /** A stage that does something to packets that begin with {@code x}, and sends on all others. */
    private static Function<StageSetup, PacketStage> bad(BiConsumer<PacketBuffer, StageContext> what) {
        return setup -> (packets, context) -> {
            for (int i = 0; i < packets.size(); i++) {
                PacketBuffer packet = packets.get(i);
                if (packet.bytes().get(packet.start()) == 'x') {
                    what.accept(packet, context);
                } else {
                    context.send(packet, RunningLane.NEXT);
                }
            }
        };
    }

    private RunningLane run(FaultPolicy policy, Function<StageSetup, PacketStage> factory) {
        return new RunningLane(KIT, clock::get, policy, RunningLane.stage("bad", factory));
    }

    private RunningLane run(BiConsumer<PacketBuffer, StageContext> what) {
        return run(FaultPolicy.DROP, bad(what));
    }

    private static void awaitDropped(RunningLane running, int count) {
        await().atMost(RunningLane.SOON).until(() -> running.count(Entry.DROPPED) == count);
    }

    private static void awaitFaults(RunningLane running, int count) {
        await().atMost(RunningLane.SOON).until(() -> running.faults.size() >= count);
    }

    // --- throws

    @Test
    void throwsAtStartAndIsTriedAgainAfterAWhile() {
        AtomicInteger made = new AtomicInteger();
        try (RunningLane running = run(FaultPolicy.DROP, setup -> {
            if (made.incrementAndGet() <= 5) {
                throw new IllegalArgumentException("no such file");
            }
            return bad((packet, context) -> {}).apply(setup);
        })) {
            running.arrive("p0");
            awaitDropped(running, 1);
            int madeAtStart = made.get();
            assertThat(running.faults).isNotEmpty().containsOnly("bad no such file");
            running.arrive("p0");
            awaitDropped(running, 2);
            assertThat(running.drops("bad", GraphDrop.STAGE_BROKEN)).isEqualTo(2);
            assertThat(made).as("it is left alone for a second").hasValue(madeAtStart);

            for (int i = madeAtStart; i < 5; i++) {
                clock.addAndGet(60 * SECOND);
                running.arrive("p");
                awaitDropped(running, 3 + i - madeAtStart);
            }
            clock.addAndGet(60 * SECOND);
            running.arrive("p1");
            running.arrive("p2");
            running.awaitSent(2);
            assertThat(running.sent()).containsExactly("p1", "p2");
            assertThat(running.counted("bad", GraphCount.RESTARTS)).isEqualTo(6 - madeAtStart);
        }
    }

    @Test
    void throwsAtStartAndIsPassedBy() {
        try (RunningLane running = run(FaultPolicy.BYPASS, setup -> {
            throw new IllegalArgumentException("no such file");
        })) {
            running.arrive("p");
            running.awaitSent(1);
            assertThat(running.faults).containsOnly("bad no such file");
        }
    }

    @Test
    void throwsAtStartAndEndsTheRouter() {
        try (RunningLane running = run(FaultPolicy.STOP, setup -> {
            throw new IllegalArgumentException("no such file");
        })) {
            awaitFaults(running, 2);
            assertThat(running.faults).contains("bad no such file", "bad ends the router: no such file");
        }
    }

    @Test
    void throwsOnEachPacketUntilAnotherInstanceDoesBetter() {
        AtomicInteger made = new AtomicInteger();
        AtomicInteger stopped = new AtomicInteger();
        AtomicBoolean better = new AtomicBoolean();
        try (RunningLane running = run(FaultPolicy.DROP, setup -> new PacketStage() {
            private final int number = made.incrementAndGet();

            @Override
            public void process(PacketVector packets, StageContext context) {
                if (!better.get()) {
                    context.hold(packets.get(0));
                    throw new IllegalStateException("bug");
                }
                context.sendAll(packets, RunningLane.NEXT);
            }

            @Override
            public void onStop(StageContext context) {
                stopped.set(number);
            }
        })) {
            for (int i = 1; i <= StageBreaker.FAULTS_TO_OPEN; i++) {
                running.arrive("p");
                awaitFaults(running, i);
            }
            int first = made.get(); // from here on: the lane may have been materialised more than once to begin with
            // What it held is not lost with it.
            awaitDropped(running, StageBreaker.FAULTS_TO_OPEN);
            assertThat(stopped).hasValue(first);
            assertThat(running.drops("bad", GraphDrop.STAGE_FAULT)).isEqualTo(StageBreaker.FAULTS_TO_OPEN);
            assertThat(running.counted("bad", GraphCount.FAULTS)).isEqualTo(StageBreaker.FAULTS_TO_OPEN);
            running.arrive("p");
            awaitDropped(running, StageBreaker.FAULTS_TO_OPEN + 1);

            better.set(true);
            clock.addAndGet(SECOND);
            running.arrive("q");
            running.awaitSent(1);
            assertThat(made).hasValue(first + 1);
            assertThat(running.sent()).containsExactly("q");
            assertThat(running.faults).hasSize(StageBreaker.FAULTS_TO_OPEN).containsOnly("bad bug");
        }
    }

    @Test
    void throwsOnEachPacketAndEndsTheRouter() {
        try (RunningLane running = run(FaultPolicy.STOP, bad((packet, context) -> {
            throw new IllegalStateException("bug");
        }))) {
            for (int i = 1; i <= StageBreaker.FAULTS_TO_OPEN; i++) {
                running.arrive("x");
                awaitFaults(running, i);
            }
            await().atMost(RunningLane.SOON).until(() -> running.faults.contains("bad ends the router: bug"));
        }
    }

    @Test
    void throwsOnOnePacketInAThousandAndLosesItsVectorsAlone() {
        int packets = 10_000;
        try (RunningLane running = run((packet, context) -> {
            throw new IllegalStateException("bug");
        })) {
            for (int i = 1; i <= packets; i++) {
                running.arrive(i % 1000 == 0 ? "x" : "p");
                if (i % 100 == 0) {
                    int all = i;
                    await().pollInterval(Duration.ofMillis(1))
                            .atMost(RunningLane.SOON)
                            .until(() -> running.count(Entry.TRANSMITTED) + running.count(Entry.DROPPED) == all);
                }
            }
            assertThat(running.faults).hasSize(10).containsOnly("bad bug");
            assertThat(running.drops("bad", GraphDrop.STAGE_BROKEN)).isZero();
            assertThat(running.drops("bad", GraphDrop.STAGE_FAULT)).isBetween(10L, 640L);
            assertThat(running.right.sent().size() + running.count(Entry.DROPPED))
                    .isEqualTo(packets);
        }
    }

    @Test
    void lacksAClass() {
        try (RunningLane running = run((packet, context) -> {
            throw new NoClassDefFoundError("com/example/Missing");
        })) {
            running.arrive("x");
            awaitFaults(running, 1);
            running.arrive("p");
            running.awaitSent(1);
            assertThat(running.faults).containsExactly("bad com/example/Missing");
        }
    }

    /** What it has gathered goes with the instance, so that the next one can work. */
    @Test
    void fillsTheHeap() {
        try (RunningLane running = run((packet, context) -> {
            throw new OutOfMemoryError("Java heap space");
        })) {
            running.arrive("x");
            awaitFaults(running, 1);
            running.arrive("p");
            awaitDropped(running, 2);
            clock.addAndGet(SECOND);
            running.arrive("p");
            running.awaitSent(1);
            assertThat(running.faults).containsExactly("bad Java heap space");
        }
    }

    @Test
    void throwsWhenItIsStopped() {
        RunningLane running = run(FaultPolicy.DROP, setup -> new PacketStage() {
            @Override
            public void process(PacketVector packets, StageContext context) {
                context.hold(packets.get(0));
            }

            @Override
            public void onStop(StageContext context) {
                throw new IllegalStateException("not now");
            }
        });
        try (running) {
            running.arrive("p");
            await().atMost(RunningLane.SOON).until(() -> running.lane.buffersOutstanding() == 1);
            running.faults.clear(); // it was stopped, too, as the lane was given its interfaces
        }
        assertThat(running.faults).containsExactly("bad not now");
    }

    // --- has the lane's thread

    @Test
    void blocksAndIsInterrupted() {
        try (RunningLane running = run((packet, context) -> {
                    try {
                        new CountDownLatch(1).await();
                    } catch (InterruptedException e) {
                        throw new IllegalStateException("interrupted", e);
                    }
                });
                RunningLane other = new RunningLane(KIT, System::nanoTime);
                StageWatch watch = new StageWatch(List.of(running.lane, other.lane), BUDGET)) {
            assertThat(watch).isNotNull();
            running.arrive("x");
            awaitFaults(running, 1);
            assertThat(running.faults).containsExactly("bad LATE");
            assertThat(running.overruns.get(0).soFar()).isGreaterThanOrEqualTo(BUDGET);
            assertThat(running.overruns.get(0).where())
                    .anyMatch(frame -> frame.getClassName().startsWith(BadStageTest.class.getName()))
                    .noneMatch(frame -> frame.getClassName().contains("StageRunner"));
            other.arrive("p");
            other.awaitSent(1);

            awaitFaults(running, 3);
            assertThat(running.faults).containsExactlyInAnyOrder("bad LATE", "bad INTERRUPTED", "bad interrupted");
            running.arrive("p");
            awaitDropped(running, 2);
            assertThat(running.drops("bad", GraphDrop.STAGE_BROKEN)).isEqualTo(1);
            assertThat(running.counted("bad", GraphCount.OVERRUNS)).isEqualTo(1);

            clock.addAndGet(SECOND);
            running.arrive("q");
            running.awaitSent(1);
            assertThat(running.sent()).containsExactly("q");
        }
    }

    @Test
    void blocksAndHeedsNoInterrupt() {
        AtomicBoolean release = new AtomicBoolean();
        try (RunningLane running = run((packet, context) -> {
                    while (!release.get()) {
                        LockSupport.parkNanos(1_000_000);
                    }
                    context.send(packet, RunningLane.NEXT);
                });
                RunningLane other = new RunningLane(KIT, System::nanoTime);
                StageWatch watch = new StageWatch(List.of(running.lane, other.lane), Duration.ofMillis(20))) {
            assertThat(watch).isNotNull();
            running.arrive("x");
            awaitFaults(running, 3);
            assertThat(running.faults).containsExactly("bad LATE", "bad INTERRUPTED", "bad STUCK");
            other.arrive("p");
            other.awaitSent(1);

            release.set(true);
            awaitFaults(running, 4);
            assertThat(running.faults.get(3)).startsWith("bad it was interrupted");
            clock.addAndGet(SECOND);
            running.arrive("q");
            running.awaitSent(1);
            assertThat(running.sent()).as("the interrupt hits nothing else").containsExactly("q");
        }
    }

    @Test
    void isSlowOnceAndOnlyNamedForIt() {
        try (RunningLane running = run((packet, context) -> {
                    long until = System.nanoTime() + 3 * BUDGET.toNanos();
                    while (System.nanoTime() < until) {
                        Thread.onSpinWait();
                    }
                    context.send(packet, RunningLane.NEXT);
                });
                StageWatch watch = new StageWatch(List.of(running.lane), BUDGET)) {
            assertThat(watch).isNotNull();
            running.arrive("x");
            running.awaitSent(1);
            assertThat(running.faults).containsExactly("bad LATE");
            assertThat(running.counted("bad", GraphCount.OVERRUNS)).isEqualTo(1);
            assertThat(running.counted("bad", GraphCount.FAULTS)).isZero();
        }
    }

    @Test
    void blocksAtStart() {
        AtomicBoolean block = new AtomicBoolean();
        try (RunningLane running = run(FaultPolicy.BYPASS, setup -> {
                    if (block.get()) {
                        LockSupport.park();
                        throw new IllegalStateException("woken");
                    }
                    return (packets, context) -> {
                        throw new IllegalStateException("bug");
                    };
                });
                StageWatch watch = new StageWatch(List.of(running.lane), Duration.ofMillis(20))) {
            assertThat(watch).isNotNull();
            for (int i = 1; i <= StageBreaker.FAULTS_TO_OPEN; i++) {
                running.arrive("p");
                awaitFaults(running, i);
            }
            running.faults.clear();
            block.set(true);
            clock.addAndGet(SECOND);
            running.arrive("p");
            running.awaitSent(1);
            assertThat(running.faults).containsExactlyInAnyOrder("bad LATE", "bad INTERRUPTED", "bad woken");
        }
    }

    // --- loses or doubles packets

    @Test
    void leaks() {
        try (RunningLane running = run((packet, context) -> context.originate())) {
            running.arrive("x");
            running.arrive("p");
            running.awaitSent(1);
            awaitDropped(running, 2);
            assertThat(running.drops("bad", GraphDrop.UNDECIDED)).isEqualTo(2);
        }
    }

    @Test
    void leaksMoreThanThePoolHolds() {
        try (RunningLane running = run((packet, context) -> {
            for (int i = 0; i < 1000; i++) {
                PacketBuffer more = context.originate();
                if (more != null && i % 2 == 0) {
                    context.consume(more);
                }
            }
            context.consume(packet);
        })) {
            running.arrive("x");
            await().atMost(RunningLane.SOON)
                    .until(() -> running.lane.ledger().inFlight() == 0 && running.count(Entry.RECEIVED) == 1);
            assertThat(running.lane.buffersOutstanding()).isZero();
            running.arrive("p");
            running.awaitSent(1);
        }
    }

    @Test
    void sendsTwice() {
        try (RunningLane running = run((packet, context) -> {
            context.send(packet, RunningLane.NEXT);
            context.send(packet, RunningLane.NEXT);
        })) {
            running.arrive("x");
            awaitFaults(running, 1);
            running.arrive("p");
            running.awaitSent(1);
            assertThat(running.sent()).containsExactly("p");
            assertThat(running.faults.get(0)).startsWith("bad bad used a packet that it had sent already");
            assertThat(running.drops("bad", GraphDrop.STAGE_FAULT)).isEqualTo(1);
        }
    }

    @Test
    void keepsPacketsAndSendsThemWhenItHasThemNoMore() {
        List<PacketBuffer> kept = new ArrayList<>();
        try (RunningLane running = run((packet, context) -> {
            if (!kept.isEmpty()) {
                context.send(kept.remove(0), RunningLane.NEXT);
            }
            kept.add(packet);
            context.send(packet, RunningLane.NEXT);
        })) {
            running.arrive("x");
            running.awaitSent(1);
            running.arrive("x");
            awaitFaults(running, 1);
            assertThat(running.faults.get(0)).startsWith("bad bad used a packet that it had");
            running.arrive("p");
            running.awaitSent(2);
        }
    }

    @Test
    void deferredPacketsAreNotLostWithTheInstance() {
        try (RunningLane running = new RunningLane(KIT, clock::get, RunningLane.stage("bad", bad((packet, context) -> {
            if (packet.length() == 2) {
                throw new IllegalStateException("bug");
            }
            packet.bytes().put(packet.start(), (byte) 'p');
            context.defer(packet, 10 * SECOND);
        })))) {
            running.arrive("x");
            for (int i = 1; i <= StageBreaker.FAULTS_TO_OPEN; i++) {
                running.arrive("xx");
                awaitFaults(running, i);
            }
            clock.addAndGet(11 * SECOND);
            running.lane.wake();
            running.awaitSent(1);
        }
    }

    // --- the same, in the debug mode

    private RunningLane debug(BiConsumer<PacketBuffer, StageContext> what) {
        return new RunningLane(KIT, clock::get, FaultPolicy.DROP, true, RunningLane.stage("bad", bad(what)));
    }

    private static final String HERE = "by bad at BadStageTest.java:\\d+";

    @Test
    void sendsTwiceAndIsToldWhereItDidSoFirst() {
        try (RunningLane running = debug((packet, context) -> {
            context.send(packet, RunningLane.NEXT);
            context.send(packet, RunningLane.NEXT);
        })) {
            running.arrive("x");
            awaitFaults(running, 1);
            assertThat(running.faults.get(0))
                    .matches("bad bad used a packet that it had sent already: .*; it was sent " + HERE);
        }
    }

    @Test
    void consumesAndSendsAndIsToldWhereItConsumed() {
        try (RunningLane running = debug((packet, context) -> {
            context.consume(packet);
            context.send(packet, RunningLane.NEXT);
        })) {
            running.arrive("x");
            awaitFaults(running, 1);
            assertThat(running.faults.get(0))
                    .matches("bad bad used a packet that it had given away: .*; it was consumed " + HERE);
        }
    }

    @Test
    void leaksAndIsToldWhatAndWhere() {
        try (RunningLane running = debug((packet, context) -> {
            PacketBuffer more = context.originate();
            assertThat(more).isNotNull();
        })) {
            running.arrive("x");
            awaitFaults(running, 2);
            assertThat(running.faults.get(0)).isEqualTo("bad has left a packet undecided: it was received");
            assertThat(running.faults.get(1)).matches("bad has left a packet undecided: it was originated " + HERE);
        }
    }

    @Test
    void holdsForTooLongAndIsToldWhere() {
        try (RunningLane running = debug((packet, context) -> context.hold(packet))) {
            running.arrive("x");
            running.arrive("p");
            running.awaitSent(1);
            clock.addAndGet(BufferDebug.LONGEST_HOLD_NANOS + SECOND);
            running.arrive("p");
            running.awaitSent(2);
            awaitFaults(running, 1);
            assertThat(running.faults.get(0)).matches("bad has kept a packet for more than 10 s: it was held " + HERE);
        }
    }

    @Test
    void holdsWhenItEndsAndIsToldWhere() {
        RunningLane running = debug((packet, context) -> context.hold(packet));
        try (running) {
            running.arrive("x");
            running.arrive("p");
            running.awaitSent(1);
        }
        assertThat(running.faults)
                .singleElement()
                .asString()
                .matches("bad has ended and not given back a packet: it was held " + HERE);
    }

    @Test
    void writesToAPacketThatItHasSentAndIsToldWhereItDidSo() {
        try (RunningLane running = debug((packet, context) -> {
            context.send(packet, RunningLane.NEXT);
            packet.bytes().put(packet.start(), (byte) 'y');
        })) {
            running.arrive("x");
            awaitFaults(running, 1);
            assertThat(running.faults.get(0))
                    .matches("bad has written to a packet that it had given away: it was sent " + HERE);
        }
    }

    @Test
    void keepsAPacketThatItHasSentAndWritesToItLater() {
        AtomicReference<PacketBuffer> kept = new AtomicReference<>();
        try (RunningLane running = debug((packet, context) -> {
            PacketBuffer before = kept.getAndSet(packet);
            if (before != null) {
                before.bytes().put(before.start() + 1, (byte) 'y');
            }
            context.send(packet, RunningLane.NEXT);
        })) {
            running.arrive("x1");
            running.arrive("p");
            running.awaitSent(2);
            assertThat(running.faults).isEmpty();
            running.arrive("x2");
            running.awaitSent(3);
            running.arrive("p");
            running.awaitSent(4);
            assertThat(running.faults)
                    .singleElement()
                    .asString()
                    .matches("bad has written to a packet that it had given away: it was sent " + HERE);
            assertThat(running.sent()).containsExactly("x1", "p", "x2", "p");
        }
    }

    @Test
    void keepsAPacketAndWritesToItWhereNobodySees() {
        AtomicReference<PacketBuffer> kept = new AtomicReference<>();
        try (RunningLane running = debug((packet, context) -> {
            kept.set(packet);
            context.consume(packet);
        })) {
            running.arrive("x");
            await().atMost(RunningLane.SOON).until(() -> running.count(Entry.CONSUMED) == 1);
            for (int i = 0; i < 100; i++) { // more than are looked at after each call
                running.arrive("p");
            }
            running.awaitSent(100);
            kept.get().bytes().put(0, (byte) 'y');
            for (int i = 0; i < 300; i++) { // more than there are buffers
                running.arrive("p");
            }
            running.awaitSent(400);
            assertThat(running.faults)
                    .singleElement()
                    .asString()
                    .matches("bad was the last to have a packet that somebody has written to since: it was consumed "
                            + HERE);
        }
    }

    // --- takes what others need

    private static volatile byte[] waste = {};

    @Test
    void allocatesWildly() {
        AtomicBoolean done = new AtomicBoolean();
        try (RunningLane running = run((packet, context) -> {
                    for (int i = 0; i < 100; i++) {
                        waste = new byte[1 << 20];
                    }
                    context.consume(packet);
                });
                RunningLane other = new RunningLane(KIT, System::nanoTime);
                StageWatch watch = new StageWatch(List.of(running.lane, other.lane), Duration.ofSeconds(10))) {
            assertThat(watch).isNotNull();
            Thread traffic = new Thread(() -> {
                while (!done.get()) {
                    if (running.left.unread() == 0) {
                        running.arrive("x");
                    }
                    Thread.onSpinWait();
                }
            });
            traffic.start();
            await().atMost(Duration.ofSeconds(60)).until(() -> running.faults.contains("bad allocates"));
            other.arrive("p");
            other.awaitSent(1);
            done.set(true);
            assertThat(running.faults).containsOnly("bad allocates");
            assertThat(other.faults).isEmpty();
        }
    }
}
