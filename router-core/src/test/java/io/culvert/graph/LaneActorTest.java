// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.FishingOutcomes;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.actor.typed.DispatcherSelector;
import io.culvert.iface.EventLoop;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.DropReason;
import io.culvert.spi.FibView;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.NeighborView;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.spi.TransmitQueue;
import io.culvert.telemetry.LaneLedger.Entry;
import io.culvert.testkit.ScriptedInterface;
import io.culvert.testkit.StageHarness;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A lane with a few stages of the test's own over interfaces without devices: order, loss, failure, stop. */
class LaneActorTest {
    private static final ActorTestKit KIT = ActorTestKit.create();

    private final ScriptedInterface left = ScriptedInterface.pointToPoint(0);
    private final ScriptedInterface right = ScriptedInterface.pointToPoint(1);
    private final EventLoop loop = TestLane.loop();
    private final List<String> faults = new CopyOnWriteArrayList<>();
    private final List<String> losses = new CopyOnWriteArrayList<>();
    private final TestProbe<LaneActor.Settled> settled = KIT.createTestProbe();
    private FaultPolicy policy = FaultPolicy.DROP;

    private Lane lane;
    private ActorRef<LaneActor.Command> actor;

    enum Out implements OutPort {
        NEXT(Target.next()),
        TRANSMIT(Target.arc(Arc.DEVICE_OUTPUT)),
        AGAIN(Target.recirculate("second"));

        private final Target target;

        Out(Target target) {
            this.target = target;
        }

        @Override
        public Target target() {
            return target;
        }
    }

    enum Drop implements DropReason {
        UNWANTED;

        @Override
        public String text() {
            return "The test wants it dropped.";
        }
    }

    /** What a stage of the test does with one packet, told by the packet's first byte. */
    private static final class Scripted implements PacketStage {
        private final Out normally;
        private final List<PacketBuffer> held = new ArrayList<>();

        Scripted(Out normally) {
            this.normally = normally;
        }

        @Override
        public void process(PacketVector packets, StageContext context) {
            for (int i = 0; i < packets.size(); i++) {
                PacketBuffer packet = packets.get(i);
                packet.setTransmitInterface(1 - packet.receiveInterface());
                switch (packet.bytes().get(packet.start())) {
                    case 'd' -> context.drop(packet, Drop.UNWANTED);
                    case 'c' -> context.consume(packet);
                    case 'u' -> {}
                    case 'x' -> throw new IllegalStateException("x");
                    case 'm' -> {
                        for (int copy = 0; copy < 200; copy++) {
                            PacketBuffer more = context.originate();
                            if (more != null) {
                                more.copyRoutingFrom(packet);
                                more.setWindow(PacketBuffer.HEADROOM, 2);
                                more.bytes().put(more.start(), (byte) '-');
                                more.bytes().put(more.start() + 1, (byte) copy);
                                context.send(more, normally);
                            }
                        }
                        context.consume(packet);
                    }
                    case 'h' -> {
                        context.hold(packet);
                        held.add(packet);
                        context.wakeAfter(20_000_000);
                    }
                    case 'a' -> {
                        packet.bytes().put(packet.start(), (byte) 'A');
                        context.send(packet, Out.AGAIN);
                    }
                    default -> context.send(packet, normally);
                }
            }
        }

        @Override
        public void onTimer(StageContext context) {
            held.forEach(packet -> context.send(packet, normally));
            held.clear();
        }

        @Override
        public void onStop(StageContext context) {
            held.forEach(packet -> context.drop(packet, Drop.UNWANTED));
        }
    }

    private static StageDescriptor stage(String id, Out normally) {
        return StageDescriptor.named(id, "A stage of the test.")
                .arc(Arc.DEVICE_INPUT)
                .outputs(Out.values())
                .drops(Drop.values())
                .factory(setup -> new Scripted(normally));
    }

    private static StageDescriptor second() {
        return StageDescriptor.named("second", "Sends everything on to transmission.")
                .arc(Arc.DEVICE_INPUT)
                .after("first")
                .terminal()
                .outputs(new OutPort[] {
                    new OutPort() {
                        @Override
                        public String name() {
                            return "TRANSMIT";
                        }

                        @Override
                        public int ordinal() {
                            return 0;
                        }

                        @Override
                        public Target target() {
                            return Target.arc(Arc.DEVICE_OUTPUT);
                        }
                    }
                })
                .factory(setup -> new PacketStage() {
                    @Override
                    public void process(PacketVector packets, StageContext context) {
                        for (int i = 0; i < packets.size(); i++) {
                            context.send(packets.get(i), Out.NEXT);
                        }
                    }
                });
    }

    private void start(StageDescriptor... extra) {
        start(256, extra);
    }

    private void start(int buffers, StageDescriptor... extra) {
        List<StageDescriptor> stages = new ArrayList<>(List.of(stage("first", Out.NEXT), second()));
        stages.addAll(List.of(extra));
        lane = new Lane(0, BufferPool.allocate(buffers), environment());
        RouterGraph graph = new RouterGraph(stages);
        actor = KIT.spawn(LaneActor.create(
                lane,
                graph,
                (id, cause) -> losses.add(id + " " + cause.getMessage()),
                LaneDispatcher.register(KIT.system(), lane, loop)));
        actor.tell(new LaneActor.Attach(0, List.of(left), left, settled.ref()));
        actor.tell(new LaneActor.Attach(1, List.of(right), right, settled.ref()));
        settled.receiveSeveralMessages(2);
    }

    private Lane.Environment environment() {
        StageHarness harness = StageHarness.of(second());
        Lane.Tables tables = new Lane.Tables() {
            private final FibView noFib = new StageHarness.FixedFib();

            @Override
            public FibView fib() {
                return noFib;
            }

            @Override
            public NeighborView neighbors() {
                return harness.neighborTable();
            }

            @Override
            public InterfaceTable interfaces() {
                return InterfaceTable.EMPTY;
            }
        };
        Function<StageDescriptor, FaultPolicy> policies = stage -> policy;
        return new Lane.Environment(
                1,
                64,
                tables,
                harness.signals(),
                stage -> harness.settings(),
                policies,
                new ConcurrentHashMap<>(),
                System::nanoTime,
                (number, stage, cause) -> faults.add(stage + " " + cause.getMessage()));
    }

    @BeforeAll
    static void lookOften() {
        Awaitility.setDefaultPollInterval(Duration.ofMillis(2));
    }

    private static final long SEED = 0x0d3;

    private static byte[] bytes(String text) {
        return text.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1);
    }

    private void awaitSent(ScriptedInterface on, int count) {
        await().pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .atMost(Duration.ofSeconds(5))
                .until(() -> on.sent().size() >= count);
    }

    @AfterEach
    void accountsAreBalanced() {
        actor.tell(new LaneActor.Stop());
        KIT.createTestProbe().expectTerminated(actor, Duration.ofSeconds(5));
        assertThat(lane.ledger().inFlight()).as(lane.ledger().toString()).isZero();
        assertThat(lane.buffersOutstanding()).isZero();
        loop.close();
    }

    @AfterAll
    static void shutDown() {
        KIT.shutdownTestKit();
    }

    @Test
    void carriesPacketsBothWaysInOrder() {
        start();
        for (int i = 0; i < 500; i++) {
            left.arrive(bytes("p" + i));
            right.arrive(bytes("q" + i));
        }
        awaitSent(right, 500);
        awaitSent(left, 500);
        for (int i = 0; i < 500; i++) {
            assertThat(text(right.sent().get(i))).isEqualTo("p" + i);
            assertThat(text(left.sent().get(i))).isEqualTo("q" + i);
        }
        assertThat(lane.ledger().get(Entry.RECEIVED)).isEqualTo(1000);
        assertThat(lane.ledger().get(Entry.TRANSMITTED)).isEqualTo(1000);
        assertThat(lane.interfaceCounters(0).rxPackets()).isEqualTo(500);
        assertThat(lane.interfaceCounters(1).txPackets()).isEqualTo(500);
    }

    @Test
    void keepsTheOrderOfPacketsBetweenWhichOthersEnd() {
        start();
        SplittableRandom random = new SplittableRandom(SEED);
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 2000; i++) {
            String packet = "pppppppdc".charAt(random.nextInt(9)) + Integer.toString(i);
            left.arrive(bytes(packet));
            if (packet.startsWith("p")) {
                expected.add(packet);
            }
        }
        awaitSent(right, expected.size());
        assertThat(right.sent().stream().map(LaneActorTest::text).toList())
                .as("seed %d", SEED)
                .isEqualTo(expected);
    }

    @Test
    void wakesForEachOfManySinglePackets() {
        start();
        for (int i = 1; i <= 300; i++) {
            left.arrive(bytes("p"));
            awaitSent(right, i);
        }
    }

    @Test
    void turnsOnePacketIntoMoreThanAVectorHolds() {
        start();
        left.arrive(bytes("m"));
        left.arrive(bytes("p"));
        awaitSent(right, 201);
        for (int i = 0; i < 200; i++) {
            assertThat(right.sent().get(i)[1]).isEqualTo((byte) i);
        }
        assertThat(text(right.sent().get(200))).isEqualTo("p");
    }

    @Test
    void survivesAnEmptyPool() {
        start(8);
        for (int i = 0; i < 5; i++) {
            left.arrive(bytes("m"));
            left.arrive(bytes("p" + i));
        }
        await().until(() -> right.sent().stream().filter(sent -> sent[0] == 'p').count() == 5);
    }

    @Test
    void dropsConsumesAndCountsUndecided() {
        start();
        for (String packet : List.of("d", "c", "u", "p")) {
            left.arrive(bytes(packet));
        }
        awaitSent(right, 1);
        await().until(() -> lane.ledger().inFlight() == 0);
        assertThat(lane.ledger().get(Entry.CONSUMED)).isEqualTo(1);
        assertThat(lane.ledger().get(Entry.DROPPED)).isEqualTo(2);
        assertThat(dropsOf("first", GraphDrop.UNDECIDED)).isEqualTo(1);
        assertThat(dropsOf("first", Drop.UNWANTED)).isEqualTo(1);
    }

    private long dropsOf(String stage, DropReason reason) {
        return lane.stageCounters().stream()
                .filter(counters -> counters.stage().equals(stage))
                .mapToLong(counters -> counters.drops(reason))
                .sum();
    }

    @Test
    void recirculatesWithoutACircle() {
        start();
        left.arrive(bytes("a1"));
        awaitSent(right, 1);
        assertThat(text(right.sent().get(0))).isEqualTo("A1");
    }

    @Test
    void sendsHeldPacketsFromATimer() {
        start();
        left.arrive(bytes("h1"));
        awaitSent(right, 1);
    }

    @Test
    void dropsHeldPacketsWhenItStops() {
        start();
        left.arrive(bytes("h1"));
        await().until(() -> lane.ledger().get(Entry.RECEIVED) == 1);
    }

    @Test
    void stageThatThrowsLosesItsVectorAndNothingElse() {
        start();
        left.arrive(bytes("x"));
        await().until(() -> !faults.isEmpty());
        left.arrive(bytes("p"));
        awaitSent(right, 1);
        assertThat(faults).containsExactly("first x");
        assertThat(dropsOf("first", GraphDrop.STAGE_FAULT)).isEqualTo(1);
    }

    @Test
    void breakerOpensAndDropsByPolicy() {
        start();
        failUntilOpen();
        left.arrive(bytes("p"));
        await().until(() -> dropsOf("first", GraphDrop.STAGE_BROKEN) == 1);
        assertThat(right.sent()).isEmpty();
    }

    @Test
    void breakerOpensAndBypassesByPolicy() {
        policy = FaultPolicy.BYPASS;
        start();
        failUntilOpen();
        // The stage would have set the interface to leave by: bypassed, the packet has none.
        left.arrive(bytes("p"), packet -> packet.setTransmitInterface(1));
        awaitSent(right, 1);
    }

    private void failUntilOpen() {
        for (int i = 1; i <= StageBreaker.FAULTS_TO_OPEN; i++) {
            int expected = i;
            left.arrive(bytes("x"));
            await().until(() -> faults.size() == expected);
        }
    }

    @Test
    void countsWhatADeviceRefusesAndGoesOn() {
        start();
        right.refuseAfter(1, TransmitQueue.Refusal.QUEUE_FULL);
        for (int i = 0; i < 4; i++) {
            left.arrive(bytes("p" + i));
        }
        await().until(() -> dropsOf("device-transmit", TransmitQueue.Refusal.QUEUE_FULL) == 3);
        right.acceptAll();
        left.arrive(bytes("p4"));
        awaitSent(right, 2);
        assertThat(right.sent().stream().map(LaneActorTest::text)).containsExactly("p0", "p4");
        assertThat(lane.interfaceCounters(1).txRefused()).isEqualTo(3);
    }

    @Test
    void reportsALostDeviceAndServesTheOthers() {
        start();
        left.vanish();
        await().until(() -> losses.contains("0 the device is gone"));
        right.arrive(bytes("q"));
        awaitSent(left, 1);
    }

    @Test
    void startsAgainWhenTheGraphDies() {
        start();
        left.arrive(bytes("p"));
        awaitSent(right, 1);
        left.breakLane();
        left.arrive(bytes("p"));
        awaitSent(right, 2);
        right.arrive(bytes("q"));
        awaitSent(left, 1);
    }

    @Test
    void lostToAStopIsAccountedFor() {
        start();
        left.arrive(bytes("p"));
        awaitSent(right, 1);
        actor.tell(new LaneActor.Detach(1, settled.ref()));
        settled.fishForMessage(
                Duration.ofSeconds(5),
                news -> news.attached() ? FishingOutcomes.continueAndIgnore() : FishingOutcomes.complete());
        left.arrive(bytes("p"));
        await().until(() -> dropsOf("device-transmit", GraphDrop.NO_INTERFACE) == 1);
        actor.tell(new LaneActor.Attach(1, List.of(right), right, settled.ref()));
        await().untilAsserted(() -> {
            left.arrive(bytes("p"));
            assertThat(right.sent().size()).isGreaterThan(1);
        });
    }

    /** Its graph's actor is told to end before its thread has had the time to make it. */
    @Test
    void endsWhenItIsStoppedBeforeItsGraphHasStarted() throws Exception {
        start();
        try (EventLoop busy = TestLane.loop()) {
            Lane late = new Lane(0, BufferPool.allocate(16), environment());
            String dispatcher = LaneDispatcher.register(KIT.system(), late, busy);
            CountDownLatch proceed = new CountDownLatch(1);
            KIT.system()
                    .dispatchers()
                    .lookup(DispatcherSelector.fromConfig(dispatcher))
                    .execute(() -> {
                        try {
                            proceed.await();
                        } catch (InterruptedException interrupted) {
                            throw new IllegalStateException(interrupted);
                        }
                    });
            ActorRef<LaneActor.Command> started = KIT.spawn(LaneActor.create(
                    late, new RouterGraph(List.of(stage("first", Out.NEXT), second())), (id, cause) -> {}, dispatcher));
            CompletableFuture<Void> stopped =
                    CompletableFuture.runAsync(() -> KIT.stop(started, Duration.ofSeconds(20)));
            // Nothing tells when the order to end has come to the actor that can't run.
            TimeUnit.MILLISECONDS.sleep(300);
            proceed.countDown();
            stopped.get(10, TimeUnit.SECONDS);
        }
    }

    /** Between two of them the lane has nothing to do, and waits: nothing but the frame tells it that there is one. */
    @Test
    void sendsEachFrameOfTheControlPlaneAtOnceWhileNothingElseHappens() {
        start();
        await().until(() -> lane.inject(1, bytes("first")) && !right.sent().isEmpty());
        int sent = right.sent().size();
        for (int i = 1; i <= 500; i++) {
            lane.inject(1, bytes("frame " + i));
            awaitSent(right, sent + i);
        }
    }

    @Test
    void sendsFramesOfTheControlPlane() {
        start();
        await().until(() -> lane.inject(1, bytes("arp")) && !right.sent().isEmpty());
        assertThat(text(right.sent().get(0))).isEqualTo("arp");
    }

    @Test
    void showsDroppedPacketsToStagesOnTheDropArc() {
        List<String> seen = new CopyOnWriteArrayList<>();
        start(StageDescriptor.named("drop-watch", "Looks at dropped packets.")
                .arc(Arc.DROP)
                .outputs(new OutPort[] {Out.NEXT})
                .factory(setup -> new PacketStage() {
                    @Override
                    public void process(PacketVector packets, StageContext context) {
                        for (int i = 0; i < packets.size(); i++) {
                            seen.add(text(packets.get(i).toByteArray()));
                        }
                        context.sendAll(packets, Out.NEXT);
                    }
                }));
        left.arrive(bytes("d1"));
        left.arrive(bytes("p1"));
        await().until(() -> seen.contains("d1"));
        awaitSent(right, 1);
        await().until(() -> lane.ledger().get(Entry.DROPPED) == 1);
    }
}
