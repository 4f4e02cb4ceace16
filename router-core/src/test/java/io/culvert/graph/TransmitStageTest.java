// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.dispatch.Dispatchers;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.OutPort;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.spi.TransmitQueue;
import io.culvert.telemetry.LaneLedger.Entry;
import io.culvert.telemetry.StageCounters;
import io.culvert.testkit.ScriptedInterface;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class TransmitStageTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final OutPort OUT = new TestLane.Port("OUT", 0, Target.arc(Arc.DEVICE_OUTPUT));

    private final ScriptedInterface left = ScriptedInterface.pointToPoint(0);
    private final ScriptedInterface right = ScriptedInterface.pointToPoint(1);
    private final List<String> faults = new CopyOnWriteArrayList<>();
    private final TestProbe<LaneActor.Settled> settled = KIT.createTestProbe();
    private final Lane lane = TestLane.lane(BufferPool.allocate(16), faults, FaultPolicy.DROP, System::nanoTime);

    /** A queue that can't write packets that begin with x. */
    private final TransmitQueue picky = new TransmitQueue() {
        @Override
        public int interfaceId() {
            return 1;
        }

        @Override
        public int transmit(PacketVector packets, int from) {
            if (packets.get(from).bytes().get(packets.get(from).start()) == 'x') {
                throw new IndexOutOfBoundsException("no headroom");
            }
            return right.transmit(packets, from);
        }

        @Override
        public Refusal refusal() {
            return right.refusal();
        }
    };

    private static StageDescriptor input() {
        return StageDescriptor.named("input", "Sends everything to the right.")
                .arc(Arc.DEVICE_INPUT)
                .terminal()
                .outputs(new OutPort[] {OUT})
                .factory(setup -> (packets, context) -> {
                    for (int i = 0; i < packets.size(); i++) {
                        packets.get(i).setTransmitInterface(1);
                    }
                    context.sendAll(packets, OUT);
                });
    }

    @AfterAll
    static void shutDown() {
        KIT.shutdownTestKit();
    }

    @Test
    void losesWhatAQueueFailsAtAndNothingElseHoweverOftenItFails() {
        ActorRef<LaneActor.Command> actor = KIT.spawn(LaneActor.create(
                lane, new RouterGraph(List.of(input())), (id, cause) -> {}, Dispatchers.DefaultDispatcherId()));
        actor.tell(new LaneActor.Attach(0, List.of(left), left, settled.ref()));
        actor.tell(new LaneActor.Attach(1, List.of(), picky, settled.ref()));
        settled.receiveSeveralMessages(2, Duration.ofSeconds(15));

        int failures = 2 * StageBreaker.FAULTS_TO_OPEN;
        for (int i = 1; i <= failures; i++) {
            arrive("x");
            awaitEntries(Entry.DROPPED, i);
        }
        arrive("a");
        awaitEntries(Entry.TRANSMITTED, 1);
        arrive("b");
        awaitEntries(Entry.TRANSMITTED, 2);

        assertThat(right.sent())
                .extracting(bytes -> new String(bytes, StandardCharsets.ISO_8859_1))
                .containsExactly("a", "b");
        assertThat(faults).hasSize(failures).containsOnly("device-transmit no headroom");
        StageCounters counters = lane.stageCounters().stream()
                .filter(one -> one.stage().equals("device-transmit"))
                .findFirst()
                .orElseThrow();
        assertThat(counters.drops(TransmitQueue.Refusal.DEVICE_ERROR)).isEqualTo(failures);
        actor.tell(new LaneActor.Stop());
        KIT.createTestProbe().expectTerminated(actor, Duration.ofSeconds(5));
        assertThat(lane.ledger().inFlight()).isZero();
        assertThat(lane.buffersOutstanding()).isZero();
    }

    private void arrive(String packet) {
        left.arrive(packet.getBytes(StandardCharsets.ISO_8859_1));
    }

    private void awaitEntries(Entry entry, long packets) {
        await().atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> assertThat(lane.ledger().get(entry))
                        .as(lane.ledger().toString())
                        .isEqualTo(packets));
    }
}
