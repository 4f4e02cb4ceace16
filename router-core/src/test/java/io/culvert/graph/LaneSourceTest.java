// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.dispatch.Dispatchers;
import io.culvert.iface.EventLoop;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.OutPort;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.telemetry.LaneLedger;
import io.culvert.testkit.ScriptedInterface;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class LaneSourceTest {
    private static final OutPort OUT = new TestLane.Port("OUT", 0, Target.arc(Arc.DEVICE_OUTPUT));
    private static final StageDescriptor INPUT = StageDescriptor.named("input", "Sends everything to no interface.")
            .arc(Arc.DEVICE_INPUT)
            .terminal()
            .outputs(new OutPort[] {OUT})
            .factory(setup -> (packets, context) -> context.sendAll(packets, OUT));

    /** Always has a packet until it is told to be silent, or never has one; calls nobody. */
    private static final class Queue implements ReceiveQueue {
        private final boolean busy;
        private final AtomicLong reads = new AtomicLong();
        private volatile boolean silent;

        Queue(boolean busy) {
            this.busy = busy;
        }

        @Override
        public int interfaceId() {
            return busy ? 0 : 1;
        }

        @Override
        public int receive(PacketVector into, BufferPool pool) {
            reads.incrementAndGet();
            PacketBuffer packet = busy && !silent ? pool.take() : null;
            if (packet == null) {
                return 0;
            }
            packet.setWindow(PacketBuffer.HEADROOM, 1);
            into.add(packet);
            return 1;
        }

        @Override
        public void arm(Runnable wake) {}

        void awaitReads(long more) {
            long enough = reads.get() + more;
            await().pollInterval(Duration.ofMillis(1)).until(() -> reads.get() >= enough);
        }
    }

    /** What a device does whose descriptor is gone, or that has something just then: it calls while it is being armed. */
    private static final class CallingQueue implements ReceiveQueue {
        private final CountDownLatch read = new CountDownLatch(1);
        private boolean called;

        @Override
        public int interfaceId() {
            return 0;
        }

        @Override
        public int receive(PacketVector into, BufferPool pool) {
            if (called) {
                read.countDown();
            }
            return 0;
        }

        @Override
        public void arm(Runnable wake) {
            if (!called) {
                called = true;
                wake.run();
            }
        }
    }

    @Test
    void doesNotWaitForDevicesWhileItsOwnThreadHasCalledIt() throws Exception {
        ActorTestKit kit = ActorTestKit.create();
        try (EventLoop loop = new EventLoop()) {
            Lane lane = TestLane.lane(
                    BufferPool.allocate(16), new CopyOnWriteArrayList<>(), FaultPolicy.DROP, System::nanoTime);
            TestProbe<LaneActor.Settled> settled = kit.createTestProbe();
            ActorRef<LaneActor.Command> actor = kit.spawn(LaneActor.create(
                    lane,
                    new RouterGraph(List.of(INPUT)),
                    (id, cause) -> {},
                    LaneDispatcher.register(kit.system(), lane, loop)));
            CallingQueue queue = new CallingQueue();
            actor.tell(new LaneActor.Attach(0, List.of(queue), ScriptedInterface.pointToPoint(2), settled.ref()));

            assertThat(queue.read.await(10, TimeUnit.SECONDS)).isTrue();

            actor.tell(new LaneActor.Stop());
            kit.createTestProbe().expectTerminated(actor, Duration.ofSeconds(10));
        } finally {
            kit.shutdownTestKit();
        }
    }

    @Test
    void readsAQueueThatWasLeftAloneEvery100MicrosecondsWhileAnotherKeepsTheLaneBusy() {
        ActorTestKit kit = ActorTestKit.create();
        try {
            AtomicLong clock = new AtomicLong();
            ScriptedInterface sink = ScriptedInterface.pointToPoint(2);
            Lane lane =
                    TestLane.lane(BufferPool.allocate(16), new CopyOnWriteArrayList<>(), FaultPolicy.DROP, clock::get);
            TestProbe<LaneActor.Settled> settled = kit.createTestProbe();
            ActorRef<LaneActor.Command> actor = kit.spawn(LaneActor.create(
                    lane, new RouterGraph(List.of(INPUT)), (id, cause) -> {}, Dispatchers.DefaultDispatcherId()));
            Queue busy = new Queue(true);
            Queue quiet = new Queue(false);
            actor.tell(new LaneActor.Attach(0, List.of(busy, quiet), sink, settled.ref()));
            settled.receiveSeveralMessages(1, Duration.ofSeconds(15));
            busy.awaitReads(1_000);
            long readUntilLeftAlone = quiet.reads.get();

            clock.addAndGet(99_999);
            busy.awaitReads(1_000);
            assertThat(quiet.reads).as("reads of a queue that is left alone").hasValue(readUntilLeftAlone);

            clock.addAndGet(1);
            busy.awaitReads(1_000);
            assertThat(quiet.reads).as("reads after 100 µs").hasValue(readUntilLeftAlone + 1);

            busy.silent = true;
            actor.tell(new LaneActor.Stop());
            kit.createTestProbe().expectTerminated(actor, Duration.ofSeconds(10));
        } finally {
            kit.shutdownTestKit();
        }
    }

    @Test
    void leavesAQueueAloneThatFailsUnexpectedlyAndReadsTheOthers() {
        ActorTestKit kit = ActorTestKit.create();
        try {
            ScriptedInterface good = ScriptedInterface.pointToPoint(0);
            List<String> lost = new CopyOnWriteArrayList<>();
            Lane lane = TestLane.lane(
                    BufferPool.allocate(16), new CopyOnWriteArrayList<>(), FaultPolicy.DROP, System::nanoTime);
            TestProbe<LaneActor.Settled> settled = kit.createTestProbe();
            ActorRef<LaneActor.Command> actor = kit.spawn(LaneActor.create(
                    lane,
                    new RouterGraph(List.of(INPUT)),
                    (id, cause) -> lost.add(id + " " + cause.getMessage()),
                    Dispatchers.DefaultDispatcherId()));
            ReceiveQueue buggy = new ReceiveQueue() {
                @Override
                public int interfaceId() {
                    return 1;
                }

                @Override
                public int receive(PacketVector into, BufferPool pool) {
                    into.add(Objects.requireNonNull(pool.take()));
                    pool.take(); // and loses it
                    throw new IllegalStateException("a bug of the kind");
                }

                @Override
                public void arm(Runnable wake) {}
            };
            actor.tell(new LaneActor.Attach(0, List.of(good), good, settled.ref()));
            actor.tell(new LaneActor.Attach(1, List.of(buggy), ScriptedInterface.pointToPoint(1), settled.ref()));
            settled.receiveSeveralMessages(2, Duration.ofSeconds(15));

            good.arrive(new byte[] {1});
            await().atMost(Duration.ofSeconds(10))
                    .until(() -> lane.ledger().get(LaneLedger.Entry.RECEIVED) == 3 && lane.buffersOutstanding() == 1);
            assertThat(lost)
                    .containsExactly("1 its receive queue failed: java.lang.IllegalStateException: a bug of the kind");
            actor.tell(new LaneActor.Stop());
            kit.createTestProbe().expectTerminated(actor, Duration.ofSeconds(10));
            assertThat(lane.ledger().inFlight()).isZero();
        } finally {
            kit.shutdownTestKit();
        }
    }
}
