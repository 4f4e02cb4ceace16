// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage;

import static io.culvert.testkit.PacketCheck.assertPacket;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import akka.dispatch.Dispatchers;
import io.culvert.fib.Fib;
import io.culvert.graph.BuiltInStages;
import io.culvert.graph.FaultPolicy;
import io.culvert.graph.Lane;
import io.culvert.graph.LaneActor;
import io.culvert.graph.RouterGraph;
import io.culvert.net.Ip4Prefix;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.DropReason;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.FibView;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.NeighborView;
import io.culvert.spi.NextHop;
import io.culvert.telemetry.LaneLedger.Entry;
import io.culvert.telemetry.StageCounters;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedInterface;
import io.culvert.testkit.StageHarness;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The way out in a running lane with every built-in stage: superpackets that become more segments than a vector holds, a
 * pool that runs dry on the way, and packets that wait for a neighbor while the lane goes on.
 */
final class OutputPathTest {
    private static final ActorTestKit KIT = ActorTestKit.create();

    private final TestProbe<LaneActor.Settled> settled = KIT.createTestProbe();

    private static final int IN = 0;
    private static final int OUT = 1;
    private static final int LAN = 2;
    private static final long NEIGHBOR_MAC = 0x0200_0000_00aaL;

    private final ScriptedInterface in = ScriptedInterface.pointToPoint(IN);
    private final ScriptedInterface out = ScriptedInterface.pointToPoint(OUT);
    private final ScriptedInterface lan = ScriptedInterface.ethernet(LAN);
    private final StageHarness.RecordedSignals signals = new StageHarness.RecordedSignals();
    private final List<String> faults = new CopyOnWriteArrayList<>();
    private volatile long neighbor = NeighborView.UNRESOLVED;
    private Lane lane = start(256);
    private ActorRef<LaneActor.Command> actor = run(lane);

    private Lane start(int packets) {
        Fib fib = new Fib();
        put(fib, "198.51.100.0/24", new NextHop(OUT, null, null));
        put(fib, "10.0.0.0/24", new NextHop(LAN, null, null));
        put(fib, "192.0.2.0/24", new NextHop(IN, null, null));
        InterfaceTable table = new InterfaceTable(List.of(
                InterfaceBuilder.pointToPoint(IN).address("192.0.2.1/24").build(),
                InterfaceBuilder.pointToPoint(OUT).build(),
                InterfaceBuilder.ethernet(LAN).address("10.0.0.1/24").build()));
        NeighborView neighbors = new NeighborView() {
            @Override
            public long lookup4(int interfaceId, int address) {
                return neighbor;
            }

            @Override
            public long lookup6(int interfaceId, long high, long low) {
                return UNRESOLVED;
            }
        };
        Lane.Tables tables = new Lane.Tables() {
            @Override
            public FibView fib() {
                return fib;
            }

            @Override
            public NeighborView neighbors() {
                return neighbors;
            }

            @Override
            public InterfaceTable interfaces() {
                return table;
            }
        };
        return new Lane(
                0,
                BufferPool.allocate(packets),
                new Lane.Environment(
                        1,
                        16,
                        tables,
                        signals,
                        stage -> StageHarness.of(stage, 1).settings(),
                        stage -> FaultPolicy.DROP,
                        new ConcurrentHashMap<>(),
                        System::nanoTime,
                        (number, stage, cause) -> faults.add(stage + " " + cause)));
    }

    private static void put(Fib fib, String prefix, NextHop hop) {
        Ip4Prefix parsed = Ip4Prefix.parse(prefix);
        fib.put(0, parsed, new FibEntry(parsed.length(), FibAction.FORWARD, List.of(hop)));
    }

    private ActorRef<LaneActor.Command> run(Lane in) {
        ActorRef<LaneActor.Command> started = KIT.spawn(LaneActor.create(
                in,
                new RouterGraph(BuiltInStages.all()),
                (id, cause) -> faults.add(id + " " + cause),
                Dispatchers.DefaultDispatcherId()));
        started.tell(new LaneActor.Attach(OUT, List.of(out), out, settled.ref()));
        started.tell(new LaneActor.Attach(LAN, List.of(lan), lan, settled.ref()));
        // Last, as each makes the graph anew: what arrives then finds it as it stays.
        started.tell(new LaneActor.Attach(IN, List.of(this.in), this.in, settled.ref()));
        return started;
    }

    private void restartWith(int packets) {
        stop();
        lane = start(packets);
        actor = run(lane);
    }

    private void stop() {
        actor.tell(new LaneActor.Stop());
        KIT.createTestProbe().expectTerminated(actor, Duration.ofSeconds(5));
    }

    @AfterEach
    void accountsAreBalanced() {
        stop();
        assertThat(faults).isEmpty();
        assertThat(lane.ledger().inFlight()).as(lane.ledger().toString()).isZero();
        assertThat(lane.buffersOutstanding()).isZero();
    }

    @AfterAll
    static void shutDown() {
        KIT.shutdownTestKit();
    }

    private void arriveSuperpacket(int payload) {
        byte[] superpacket = Packets.ip4()
                .from("192.0.2.9")
                .to("198.51.100.7")
                .tcp(1, 2)
                .partialChecksum()
                .payload(payload)
                .bytes();
        in.arrive(superpacket, buffer -> {
            buffer.setGso(PacketBuffer.Gso.TCP4, 100, false);
            buffer.setPartialChecksum(buffer.start() + 20, 16);
        });
    }

    private void arriveForLan(int number) {
        in.arrive(Packets.ip4()
                .from("192.0.2.9")
                .to("10.0.0.2")
                .udp(number, 9)
                .payload(20)
                .bytes());
    }

    private long drops(String stage, String reasonId) {
        for (StageCounters counters : lane.stageCounters()) {
            for (DropReason reason : counters.dropReasons()) {
                if (counters.stage().equals(stage) && reason.id().equals(reasonId)) {
                    return counters.drops(reason);
                }
            }
        }
        return 0;
    }

    private static void sent(ScriptedInterface on, int count) {
        await().atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> assertThat(on.sent()).hasSize(count));
    }

    @Test
    void segmentsLeaveInOrderAcrossMoreVectorsThanOne() {
        arriveSuperpacket(10_050);
        arriveForLan(1);
        arriveSuperpacket(250);
        sent(out, 101 + 3);

        List<byte[]> segments = out.sent();
        for (int i = 0; i < segments.size(); i++) {
            int place = i < 101 ? i : i - 101;
            int from = 100 * place;
            byte[] payload = new byte[i == 100 || i == 103 ? 50 : 100];
            for (int k = 0; k < payload.length; k++) {
                payload[k] = (byte) (from + k);
            }
            assertPacket(segments.get(i))
                    .ip4()
                    .ttl(63)
                    .id(place)
                    .tcp(1, 2)
                    .sequence(1 + from)
                    .payload(payload);
        }
        assertThat(lane.ledger().get(Entry.RECEIVED)).isEqualTo(3);
        assertThat(lane.ledger().get(Entry.GENERATED)).isEqualTo(100 + 2);
    }

    @Test
    void aPoolThatRunsDryLosesTheRestByNameAndRecovers() {
        restartWith(40);
        arriveSuperpacket(10_000);
        await().atMost(Duration.ofSeconds(10)).until(() -> drops("device-offload", "no-buffer-for-segment") == 1);
        sent(out, 39);
        assertThat(drops("device-offload", "pool-exhausted")).isEqualTo(1);

        await().atMost(Duration.ofSeconds(10)).until(() -> lane.buffersOutstanding() == 0);
        arriveSuperpacket(3_000);
        sent(out, 39 + 30);
    }

    @Test
    void packetsWaitForANeighborWhileTheLaneGoesOn() {
        for (int i = 1; i <= 20; i++) {
            arriveForLan(i);
        }
        arriveSuperpacket(200);
        sent(out, 2);
        await().atMost(Duration.ofSeconds(10)).until(() -> lane.ledger().inFlight() == 20);
        assertThat(lan.sent()).isEmpty();

        neighbor = NEIGHBOR_MAC;
        signals.resolutionHappened();
        sent(lan, 20);

        for (int i = 0; i < 20; i++) {
            assertPacket(lan.sent().get(i))
                    .ethernet("02:00:00:00:00:02", "02:00:00:00:00:aa")
                    .ip4()
                    .ttl(63)
                    .udp(i + 1, 9);
        }
    }

    @Test
    void aNeighborThatFailsIsReportedToTheSender() {
        arriveForLan(1);
        await().atMost(Duration.ofSeconds(10)).until(() -> lane.ledger().inFlight() == 1);

        neighbor = NeighborView.FAILED;
        signals.resolutionHappened();
        sent(in, 1);

        byte[] error = in.sent().get(0);
        assertPacket(error).ip4().from("192.0.2.1").to("192.0.2.9").icmp(3, 1);
        // The quoted datagram is the one that was sent, its TTL counted down.
        assertThat(Arrays.copyOfRange(error, 28 + 12, 28 + 20)).containsExactly(192, 0, 2, 9, 10, 0, 0, 2);
    }

    @Test
    void aLaneThatStopsGivesBackWhatWaits() {
        arriveForLan(1);
        await().atMost(Duration.ofSeconds(10)).until(() -> lane.ledger().inFlight() == 1);
        stop();

        assertThat(drops("l2-rewrite", "stopped-while-waiting")).isEqualTo(1);
    }
}
