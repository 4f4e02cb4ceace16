// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import io.culvert.iface.EventLoop;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.telemetry.LaneLedger.Entry;
import io.culvert.testkit.ScriptedInterface;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.function.LongSupplier;

/**
 * A lane as a router runs it, on a thread of its own, over two interfaces without devices: what arrives at the left one
 * passes the stages of the test and leaves by the right one.
 */
final class RunningLane implements AutoCloseable {
    static final OutPort NEXT = new TestLane.Port("OUT0", 0, Target.next());
    static final Duration SOON = Duration.ofSeconds(5);
    private static final int BUFFERS = 256;

    /** What is said of stages that fail. */
    final List<String> faults = new CopyOnWriteArrayList<>();

    /** What is said of stages that are slow. */
    final List<Overrun> overruns = new CopyOnWriteArrayList<>();

    final ScriptedInterface left = ScriptedInterface.pointToPoint(0);
    final ScriptedInterface right = ScriptedInterface.pointToPoint(1);
    final Lane lane;
    private final ActorTestKit kit;
    private final EventLoop loop = TestLane.loop();
    private final ActorRef<LaneActor.Command> actor;

    /** @param stages run one after the other; each has one output, to the next */
    RunningLane(ActorTestKit kit, LongSupplier clock, StageDescriptor... stages) {
        this(kit, clock, FaultPolicy.DROP, stages);
    }

    RunningLane(ActorTestKit kit, LongSupplier clock, FaultPolicy policy, StageDescriptor... stages) {
        this(kit, clock, policy, false, stages);
    }

    /** @param debug whether the lane remembers where packets were used */
    RunningLane(ActorTestKit kit, LongSupplier clock, FaultPolicy policy, boolean debug, StageDescriptor... stages) {
        this.kit = kit;
        lane = TestLane.lane(BufferPool.allocate(BUFFERS), new Told(), policy, clock);
        if (debug) {
            lane.debugBuffers();
        }
        List<StageDescriptor> all = new ArrayList<>(List.of(stages));
        all.add(last());
        actor = kit.spawn(LaneActor.create(
                lane, new RouterGraph(all), (id, cause) -> {}, LaneDispatcher.register(kit.system(), lane, loop)));
        TestProbe<LaneActor.Settled> settled = kit.createTestProbe();
        actor.tell(new LaneActor.Attach(0, List.of(left), left, settled.ref()));
        actor.tell(new LaneActor.Attach(1, List.of(right), right, settled.ref()));
        settled.receiveSeveralMessages(2);
    }

    private final class Told implements Lane.FaultListener {
        @Override
        public void stageFailed(int number, String stage, Throwable cause) {
            faults.add(stage + " " + cause.getMessage());
        }

        @Override
        public void stageEndsRouter(int number, String stage, Throwable cause) {
            faults.add(stage + " ends the router: " + cause.getMessage());
        }

        @Override
        public void stageOverruns(int number, String stage, Overrun overrun) {
            overruns.add(overrun);
            faults.add(stage + " " + overrun.step());
        }

        @Override
        public void stageMisusesBuffers(int number, String stage, String how) {
            faults.add(stage + " " + how);
        }

        @Override
        public void stageAllocates(int number, String stage, long bytesPerSecond) {
            faults.add(stage + " allocates");
        }
    }

    /** A stage that sends on what it does not do anything else with. */
    static StageDescriptor stage(String id, Function<StageSetup, PacketStage> factory) {
        return TestLane.builder(id, List.of(Target.next()))
                .arc(Arc.DEVICE_INPUT)
                .factory(factory);
    }

    private static StageDescriptor last() {
        return TestLane.builder("last", List.of(Target.arc(Arc.DEVICE_OUTPUT)))
                .arc(Arc.DEVICE_INPUT)
                .terminal()
                .factory(setup -> new PacketStage() {
                    @Override
                    public void process(PacketVector packets, StageContext context) {
                        for (int i = 0; i < packets.size(); i++) {
                            PacketBuffer packet = packets.get(i);
                            packet.setTransmitInterface(1 - Math.max(0, packet.receiveInterface()));
                            context.send(packet, NEXT);
                        }
                    }
                });
    }

    void arrive(String packet) {
        left.arrive(packet.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** What has been sent so far. */
    List<String> sent() {
        return right.sent().stream()
                .map(packet -> new String(packet, StandardCharsets.ISO_8859_1))
                .toList();
    }

    void awaitSent(int count) {
        await().pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .atMost(SOON)
                .until(() -> right.sent().size() >= count);
    }

    long count(Entry entry) {
        return lane.ledger().get(entry);
    }

    long counted(String stage, GraphCount counter) {
        return lane.stageCounters().stream()
                .filter(counters -> counters.stage().equals(stage))
                .mapToLong(counters -> counters.count(counter))
                .sum();
    }

    long drops(String stage, GraphDrop reason) {
        return lane.stageCounters().stream()
                .filter(counters -> counters.stage().equals(stage))
                .mapToLong(counters -> counters.drops(reason))
                .sum();
    }

    /** Stops the lane: then every buffer is back and every packet accounted for, whatever the stages did. */
    @Override
    public void close() {
        actor.tell(new LaneActor.Stop());
        kit.createTestProbe().expectTerminated(actor, SOON);
        loop.close();
        assertThat(lane.ledger().inFlight()).as(lane.ledger().toString()).isZero();
        assertThat(lane.buffersOutstanding()).isZero();
    }
}
