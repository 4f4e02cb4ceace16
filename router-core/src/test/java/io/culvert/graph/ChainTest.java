// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.dispatch.Dispatchers;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.DropReason;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.spi.TransmitQueue.Refusal;
import io.culvert.telemetry.LaneLedger.Entry;
import io.culvert.testkit.ScriptedInterface;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Chains on their way through a lane: whatever becomes of a head becomes of all behind it, each counted as a packet. */
class ChainTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    /** Packets of each chain here: the one that was received and those that the stage puts behind it. */
    private static final int MEMBERS = 4;

    private static final int HEADERS = 2;

    private final ScriptedInterface left = ScriptedInterface.pointToPoint(0);
    private final ScriptedInterface right = ScriptedInterface.pointToPoint(1);
    private final List<String> faults = new CopyOnWriteArrayList<>();
    private final TestProbe<LaneActor.Settled> settled = KIT.createTestProbe();
    private final Lane lane = TestLane.lane(BufferPool.allocate(64), faults, FaultPolicy.DROP, System::nanoTime);
    private ActorRef<LaneActor.Command> actor;

    enum Out implements OutPort {
        NEXT(Target.next());

        private final Target target;

        Out(Target target) {
            this.target = target;
        }

        @Override
        public Target target() {
            return target;
        }
    }

    /** Makes every packet a chain; the packet's first byte says what becomes of it then. */
    private static final class Chaining implements PacketStage {
        private final List<PacketBuffer> held = new ArrayList<>();

        @Override
        public void process(PacketVector packets, StageContext context) {
            for (int i = 0; i < packets.size(); i++) {
                PacketBuffer head = packets.get(i);
                head.setTransmitInterface(1);
                List<PacketBuffer> followers = new ArrayList<>();
                for (int number = 1; number < MEMBERS; number++) {
                    PacketBuffer follower = context.originate();
                    assertThat(follower).as("a packet of the pool").isNotNull();
                    follower.setWindow(PacketBuffer.HEADROOM, 1);
                    follower.bytes().put(follower.start(), (byte) ('0' + number));
                    followers.add(follower);
                    context.chain(head, follower);
                }
                head.setGso(PacketBuffer.Gso.UDP, head.length() - HEADERS, false);
                decide(head, followers, context);
            }
        }

        private void decide(PacketBuffer head, List<PacketBuffer> followers, StageContext context) {
            switch (head.bytes().get(head.start())) {
                case 'd' -> context.drop(head, TestLane.Drop.UNWANTED);
                case 'c' -> context.consume(head);
                case 'u' -> {}
                case 'h' -> {
                    context.hold(head);
                    held.add(head);
                }
                case 'x' -> throw new IllegalStateException("x");
                case 'y' -> {
                    context.send(head, Out.NEXT);
                    throw new IllegalStateException("y");
                }
                case 'f' -> context.send(followers.get(1), Out.NEXT);
                case 'n' -> {
                    head.setTransmitInterface(7);
                    context.send(head, Out.NEXT);
                }
                default -> context.send(head, Out.NEXT);
            }
        }

        @Override
        public void onStop(StageContext context) {
            held.forEach(packet -> context.drop(packet, TestLane.Drop.UNWANTED));
        }
    }

    private static StageDescriptor input() {
        return StageDescriptor.named("input", "Sends everything to transmission.")
                .arc(Arc.DEVICE_INPUT)
                .terminal()
                .outputs(new OutPort[] {new TestLane.Port("OUT", 0, Target.arc(Arc.DEVICE_OUTPUT))})
                .factory(setup -> (packets, context) ->
                        context.sendAll(packets, new TestLane.Port("OUT", 0, Target.arc(Arc.DEVICE_OUTPUT))));
    }

    private static StageDescriptor chaining() {
        return StageDescriptor.named("chaining", "Makes chains.")
                .arc(Arc.DEVICE_OUTPUT)
                .outputs(Out.values())
                .drops(TestLane.Drop.values())
                .factory(setup -> new Chaining());
    }

    private static StageDescriptor behind(PacketStage stage) {
        return StageDescriptor.named("behind", "Gets chains.")
                .arc(Arc.DEVICE_OUTPUT)
                .after("chaining")
                .outputs(Out.values())
                .factory(setup -> stage);
    }

    private void start(StageDescriptor... extra) {
        List<StageDescriptor> stages = new ArrayList<>(List.of(input(), chaining()));
        stages.addAll(List.of(extra));
        actor = KIT.spawn(
                LaneActor.create(lane, new RouterGraph(stages), (id, cause) -> {}, Dispatchers.DefaultDispatcherId()));
        actor.tell(new LaneActor.Attach(0, List.of(left), left, settled.ref()));
        actor.tell(new LaneActor.Attach(1, List.of(right), right, settled.ref()));
        settled.receiveSeveralMessages(2, Duration.ofSeconds(15));
    }

    private void arrive(String packet) {
        left.arrive(packet.getBytes(StandardCharsets.ISO_8859_1));
    }

    private void awaitEntries(Entry entry, long packets) {
        await().atMost(Duration.ofSeconds(5))
                .untilAsserted(() -> assertThat(lane.ledger().get(entry))
                        .as(lane.ledger().toString())
                        .isEqualTo(packets));
    }

    private long dropsOf(String stage, DropReason reason) {
        return lane.stageCounters().stream()
                .filter(counters -> counters.stage().equals(stage))
                .mapToLong(counters -> counters.drops(reason))
                .sum();
    }

    @AfterEach
    void accountsAreBalanced() {
        actor.tell(new LaneActor.Stop());
        KIT.createTestProbe().expectTerminated(actor, Duration.ofSeconds(5));
        assertThat(lane.ledger().inFlight()).as(lane.ledger().toString()).isZero();
        assertThat(lane.buffersOutstanding()).isZero();
        assertThat(lane.ledger().get(Entry.GENERATED))
                .isEqualTo((MEMBERS - 1) * lane.ledger().get(Entry.RECEIVED));
    }

    @AfterAll
    static void shutDown() {
        KIT.shutdownTestKit();
    }

    @Test
    void isSentAsOneAndCountedAsWhatTheDeviceMakesOfIt() {
        start();
        arrive("p..");
        awaitEntries(Entry.TRANSMITTED, MEMBERS);
        assertThat(right.sent()).hasSize(1);
        assertThat(new String(right.sent().get(0), StandardCharsets.ISO_8859_1)).isEqualTo("p..123");
        assertThat(lane.interfaceCounters(1).txPackets()).isEqualTo(MEMBERS);
        assertThat(lane.interfaceCounters(1).txBytes()).isEqualTo(3 + 3 * (HEADERS + 1));
    }

    @Test
    void isRefusedAsAWhole() {
        start();
        right.refuseAfter(1, Refusal.QUEUE_FULL);
        arrive("p1");
        arrive("p2");
        awaitEntries(Entry.DROPPED, MEMBERS);
        assertThat(dropsOf("device-transmit", Refusal.QUEUE_FULL)).isEqualTo(MEMBERS);
        assertThat(lane.interfaceCounters(1).txRefused()).isEqualTo(MEMBERS);
        assertThat(lane.interfaceCounters(1).txPackets()).isEqualTo(MEMBERS);
    }

    @Test
    void isDroppedForWantOfAnInterface() {
        start();
        arrive("n");
        awaitEntries(Entry.DROPPED, MEMBERS);
        assertThat(dropsOf("device-transmit", GraphDrop.NO_INTERFACE)).isEqualTo(MEMBERS);
    }

    @Test
    void isDroppedConsumedOrUndecidedAsAWhole() {
        start();
        for (String packet : List.of("d", "c", "u")) {
            arrive(packet);
        }
        awaitEntries(Entry.DROPPED, 2 * MEMBERS);
        awaitEntries(Entry.CONSUMED, MEMBERS);
        assertThat(dropsOf("chaining", TestLane.Drop.UNWANTED)).isEqualTo(MEMBERS);
        assertThat(dropsOf("chaining", GraphDrop.UNDECIDED)).isEqualTo(MEMBERS);
    }

    @Test
    void isLostWithAFaultBeforeAndAfterItWasSent() {
        start();
        arrive("x");
        awaitEntries(Entry.DROPPED, MEMBERS);
        arrive("y");
        awaitEntries(Entry.DROPPED, 2 * MEMBERS);
        assertThat(dropsOf("chaining", GraphDrop.STAGE_FAULT)).isEqualTo(2 * MEMBERS);
        assertThat(right.sent()).isEmpty();
    }

    @Test
    void aFollowerCantBeSentByItself() {
        start();
        arrive("f");
        awaitEntries(Entry.DROPPED, MEMBERS);
        assertThat(dropsOf("chaining", GraphDrop.STAGE_FAULT)).isEqualTo(MEMBERS);
        assertThat(faults).singleElement().asString().contains("used a packet that is behind another");
    }

    @Test
    void isLostWhereAStageBehindFailsAndIsLeftAlone() {
        AtomicInteger calls = new AtomicInteger();
        start(behind((packets, context) -> {
            calls.incrementAndGet();
            throw new IllegalStateException("always");
        }));
        for (int chain = 1; chain <= 7; chain++) {
            arrive("p");
            awaitEntries(Entry.DROPPED, (long) chain * MEMBERS);
        }
        assertThat(calls).hasValue(5);
        assertThat(dropsOf("behind", GraphDrop.STAGE_FAULT)).isEqualTo(5 * MEMBERS);
        assertThat(dropsOf("behind", GraphDrop.STAGE_BROKEN)).isEqualTo(2 * MEMBERS);
    }

    @Test
    void isSeenOnTheDropArcAsOneAndCountedAsMany() {
        List<Integer> seen = new CopyOnWriteArrayList<>();
        start(StageDescriptor.named("watch", "Looks at what is dropped.")
                .arc(Arc.DROP)
                .outputs(Out.values())
                .factory(setup -> (packets, context) -> {
                    for (int i = 0; i < packets.size(); i++) {
                        seen.add(packets.get(i).chainCount());
                    }
                    context.sendAll(packets, Out.NEXT);
                }));
        arrive("d");
        arrive("x");
        awaitEntries(Entry.DROPPED, 2 * MEMBERS);
        assertThat(seen).containsExactly(MEMBERS, MEMBERS);
    }

    @Test
    void isDroppedWithTheStageThatHoldsIt() {
        start();
        arrive("h");
        await().untilAsserted(() -> assertThat(lane.ledger().inFlight()).isEqualTo(MEMBERS));
    }
}
