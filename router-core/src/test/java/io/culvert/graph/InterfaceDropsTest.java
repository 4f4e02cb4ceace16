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
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.spi.TransmitQueue;
import io.culvert.telemetry.LaneLedger.Entry;
import io.culvert.telemetry.StageCounters;
import io.culvert.testkit.ScriptedInterface;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Queues of an interface's kind drop for reasons that no stage knows. */
final class InterfaceDropsTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final OutPort OUT = new TestLane.Port("OUT", 0, Target.arc(Arc.DEVICE_OUTPUT));
    private static final StageDescriptor INPUT = StageDescriptor.named("input", "Sends everything to the right.")
            .arc(Arc.DEVICE_INPUT)
            .terminal()
            .outputs(new OutPort[] {OUT})
            .factory(setup -> (packets, context) -> {
                for (int i = 0; i < packets.size(); i++) {
                    packets.get(i).setTransmitInterface(1);
                }
                context.sendAll(packets, OUT);
            });

    private enum KindDrop implements DropReason {
        REPLAYED("The packet has been here before."),
        NO_SESSION("There is no session with the peer.");

        private final String text;

        KindDrop(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    private final ScriptedInterface left = ScriptedInterface.pointToPoint(0);
    private final Lane lane =
            TestLane.lane(BufferPool.allocate(16), new CopyOnWriteArrayList<>(), FaultPolicy.DROP, System::nanoTime);

    /** Drops what begins with a zero. */
    private final ReceiveQueue receiving = new ReceiveQueue() {
        private int replayed;

        @Override
        public int interfaceId() {
            return 0;
        }

        @Override
        public int receive(PacketVector into, BufferPool pool) throws IOException {
            int before = into.size();
            left.receive(into, pool);
            for (int i = into.size() - 1; i >= before; i--) {
                PacketBuffer packet = into.get(i);
                if (packet.bytes().get(packet.start()) == 0) {
                    into.remove(i);
                    pool.release(packet);
                    replayed++;
                }
            }
            return into.size() - before;
        }

        @Override
        public void reportDropped(DropLog log) {
            if (replayed != 0) {
                log.dropped(KindDrop.REPLAYED, replayed, replayed);
                replayed = 0;
            }
        }

        @Override
        public void arm(Runnable wake) {
            left.arm(wake);
        }
    };

    /** Takes nothing. */
    private final TransmitQueue transmitting = new TransmitQueue() {
        @Override
        public int interfaceId() {
            return 1;
        }

        @Override
        public int transmit(PacketVector packets, int from) {
            return 0;
        }

        @Override
        public DropReason refusal() {
            return KindDrop.NO_SESSION;
        }
    };

    @AfterAll
    static void shutDown() {
        KIT.shutdownTestKit();
    }

    @Test
    void countsThemByTheirNamesAndKeepsTheAccountBalanced() {
        TestProbe<LaneActor.Settled> settled = KIT.createTestProbe();
        ActorRef<LaneActor.Command> actor = KIT.spawn(LaneActor.create(
                lane, new RouterGraph(List.of(INPUT)), (id, cause) -> {}, Dispatchers.DefaultDispatcherId()));
        actor.tell(new LaneActor.Attach(0, List.of(receiving), left, settled.ref()));
        actor.tell(new LaneActor.Attach(1, List.of(), transmitting, settled.ref()));
        settled.receiveSeveralMessages(2, Duration.ofSeconds(15));

        for (int i = 0; i < 5; i++) {
            left.arrive(new byte[] {(byte) (i % 2)});
        }

        await().atMost(Duration.ofSeconds(10))
                .untilAsserted(
                        () -> assertThat(lane.ledger().get(Entry.DROPPED)).isEqualTo(5));
        assertThat(lane.ledger().get(Entry.RECEIVED)).isEqualTo(5);
        assertThat(lane.interfaceCounters(0).rxPackets()).isEqualTo(5);
        assertThat(lane.interfaceCounters(1).txRefused()).isEqualTo(2);
        assertThat(counters("lane-source").drops(KindDrop.REPLAYED)).isEqualTo(3);
        assertThat(counters("device-transmit").drops(KindDrop.NO_SESSION)).isEqualTo(2);
        assertThat(counters("device-transmit").drops(TransmitQueue.Refusal.INTERFACE_DOWN))
                .as("of the same ordinal")
                .isZero();
        actor.tell(new LaneActor.Stop());
        KIT.createTestProbe().expectTerminated(actor, Duration.ofSeconds(5));
        assertThat(lane.ledger().inFlight()).isZero();
        assertThat(lane.buffersOutstanding()).isZero();
    }

    private StageCounters counters(String stage) {
        return lane.stageCounters().stream()
                .filter(counters -> counters.stage().equals(stage))
                .findFirst()
                .orElseThrow();
    }
}
