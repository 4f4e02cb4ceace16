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
import io.culvert.graph.FaultPolicy;
import io.culvert.graph.Lane;
import io.culvert.graph.LaneActor;
import io.culvert.graph.RouterGraph;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.FibView;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.NeighborView;
import io.culvert.spi.NextHop;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageDescriptor;
import io.culvert.stage.device.DeviceInputStage;
import io.culvert.stage.icmp.Icmp4EchoStage;
import io.culvert.stage.icmp.Icmp4ErrorStage;
import io.culvert.stage.icmp.Icmp6EchoStage;
import io.culvert.stage.icmp.Icmp6ErrorStage;
import io.culvert.stage.ip4.Ip4InputStage;
import io.culvert.stage.ip4.Ip4LocalPoliceStage;
import io.culvert.stage.ip4.Ip4LocalStage;
import io.culvert.stage.ip4.Ip4LookupStage;
import io.culvert.stage.ip4.Ip4MtuStage;
import io.culvert.stage.ip4.Ip4ReassemblyStage;
import io.culvert.stage.ip4.Ip4RedirectStage;
import io.culvert.stage.ip4.Ip4RefuseStage;
import io.culvert.stage.ip4.Ip4TtlStage;
import io.culvert.stage.ip6.Ip6HopLimitStage;
import io.culvert.stage.ip6.Ip6InputStage;
import io.culvert.stage.ip6.Ip6LocalPoliceStage;
import io.culvert.stage.ip6.Ip6LocalStage;
import io.culvert.stage.ip6.Ip6LookupStage;
import io.culvert.stage.ip6.Ip6MtuStage;
import io.culvert.stage.ip6.Ip6ReassemblyStage;
import io.culvert.stage.ip6.Ip6RedirectStage;
import io.culvert.stage.ip6.Ip6RefuseStage;
import io.culvert.stage.l2.ArpInputStage;
import io.culvert.stage.l2.EthernetInputStage;
import io.culvert.stage.l2.L2RewriteStage;
import io.culvert.stage.local.LocalDeliveryStage;
import io.culvert.stage.nd.NdInputStage;
import io.culvert.telemetry.LaneLedger.Entry;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.PacketCheck;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedInterface;
import io.culvert.testkit.StageHarness;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The whole IPv4 path in one lane, from a LAN host (192.168.1.10) by way of the router to a peer behind a tun with an MTU
 * of 1400, over interfaces without devices.
 */
final class Ip4PathTest {
    private static final ActorTestKit KIT = ActorTestKit.create();

    private final TestProbe<LaneActor.Settled> settled = KIT.createTestProbe();
    private static final long SEED = 0x5eed_6;

    private static final int LAN = 0;
    private static final int TUN = 1;
    private static final int KERNEL = 2;
    private static final String HOST_MAC = "02:aa:00:00:00:10";
    private static final String NEXT_ROUTER_MAC = "02:aa:00:00:00:fe";
    private static final String LAN_MAC = "02:00:00:00:00:00";
    private static final String TAP_MAC = "02:00:00:00:00:02";
    private static final String KERNEL_MAC = "02:00:00:00:01:02";

    private final ScriptedInterface lan = ScriptedInterface.ethernet(LAN);
    private final ScriptedInterface tun = ScriptedInterface.pointToPoint(TUN);
    private final ScriptedInterface kernel = ScriptedInterface.ethernet(KERNEL);
    private final List<String> faults = new CopyOnWriteArrayList<>();
    private Lane lane = start(false);
    private ActorRef<LaneActor.Command> actor = run(lane);

    private Lane start(boolean withKernel) {
        List<RouterInterface> interfaces = new ArrayList<>(List.of(
                InterfaceBuilder.ethernet(LAN)
                        .address("192.168.1.1/24")
                        .redirects()
                        .build(),
                InterfaceBuilder.pointToPoint(TUN)
                        .mtu(1400)
                        .address("10.0.0.1/30")
                        .build()));
        if (withKernel) {
            interfaces.add(InterfaceBuilder.localDelivery(KERNEL).build());
        }
        Fib fib = new Fib();
        put(fib, "192.168.1.0/24", FibAction.FORWARD, new NextHop(LAN, null, null));
        put(fib, "192.168.1.1/32", FibAction.LOCAL, new NextHop(LAN, null, null));
        put(fib, "192.168.1.255/32", FibAction.BROADCAST, new NextHop(LAN, null, null));
        put(fib, "10.0.0.0/30", FibAction.FORWARD, new NextHop(TUN, null, null));
        put(fib, "10.0.0.1/32", FibAction.LOCAL, new NextHop(TUN, null, null));
        put(fib, "198.51.100.0/24", FibAction.FORWARD, new NextHop(TUN, null, null));
        put(fib, "100.64.0.0/10", FibAction.FORWARD, new NextHop(LAN, Ip4Address.parse("192.168.1.254"), null));
        StageHarness.FixedNeighbors neighbors = new StageHarness.FixedNeighbors()
                .put(LAN, "192.168.1.10", 0x02aa_0000_0010L)
                .put(LAN, "192.168.1.254", 0x02aa_0000_00feL);
        InterfaceTable table = new InterfaceTable(interfaces);
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
                BufferPool.allocate(512),
                new Lane.Environment(
                        1,
                        64,
                        tables,
                        new StageHarness.RecordedSignals(),
                        stage -> StageHarness.of(stage, 1).settings(),
                        stage -> FaultPolicy.DROP,
                        new ConcurrentHashMap<>(),
                        System::nanoTime,
                        (number, stage, cause) -> faults.add(stage + " " + cause)));
    }

    private static void put(Fib fib, String prefix, FibAction action, NextHop hop) {
        Ip4Prefix parsed = Ip4Prefix.parse(prefix);
        fib.put(0, parsed, new FibEntry(parsed.length(), action, List.of(hop)));
    }

    private ActorRef<LaneActor.Command> run(Lane in) {
        RouterGraph graph = new RouterGraph(stages());
        ActorRef<LaneActor.Command> started = KIT.spawn(LaneActor.create(
                in, graph, (id, cause) -> faults.add(id + " " + cause), Dispatchers.DefaultDispatcherId()));
        started.tell(new LaneActor.Attach(LAN, List.of(lan), lan, settled.ref()));
        started.tell(new LaneActor.Attach(TUN, List.of(tun), tun, settled.ref()));
        started.tell(new LaneActor.Attach(KERNEL, List.of(kernel), kernel, settled.ref()));
        // Before that, what is for the kernel finds no device there.
        settled.receiveSeveralMessages(3, Duration.ofSeconds(15));
        return started;
    }

    private static List<StageDescriptor> stages() {
        return List.of(
                DeviceInputStage.DESCRIPTOR,
                EthernetInputStage.DESCRIPTOR,
                ArpInputStage.DESCRIPTOR,
                L2RewriteStage.DESCRIPTOR,
                LocalDeliveryStage.DESCRIPTOR,
                Ip4InputStage.DESCRIPTOR,
                Ip4LookupStage.DESCRIPTOR,
                Ip4TtlStage.DESCRIPTOR,
                Ip4RedirectStage.DESCRIPTOR,
                Ip4MtuStage.DESCRIPTOR,
                Ip4ReassemblyStage.DESCRIPTOR,
                Ip4LocalPoliceStage.DESCRIPTOR,
                Ip4LocalStage.DESCRIPTOR,
                Ip4RefuseStage.DESCRIPTOR,
                Icmp4ErrorStage.DESCRIPTOR,
                Icmp4EchoStage.DESCRIPTOR,
                Ip6InputStage.DESCRIPTOR,
                Ip6LookupStage.DESCRIPTOR,
                Ip6HopLimitStage.DESCRIPTOR,
                Ip6RedirectStage.DESCRIPTOR,
                Ip6MtuStage.DESCRIPTOR,
                Ip6ReassemblyStage.DESCRIPTOR,
                Ip6LocalPoliceStage.DESCRIPTOR,
                Ip6LocalStage.DESCRIPTOR,
                Ip6RefuseStage.DESCRIPTOR,
                Icmp6ErrorStage.DESCRIPTOR,
                Icmp6EchoStage.DESCRIPTOR,
                NdInputStage.DESCRIPTOR);
    }

    private void restartWithKernel() {
        stop();
        lane = start(true);
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

    private static PacketBuilder fromHost() {
        return Packets.ip4().from("192.168.1.10").to("198.51.100.1");
    }

    private void send(PacketBuilder packet) {
        lan.arrive(frame(packet.bytes()));
    }

    private static byte[] frame(byte[] packet) {
        return Packets.ethernet(HOST_MAC, LAN_MAC)
                .etherType(0x0800)
                .payload(packet)
                .bytes();
    }

    /** What was sent, once it is so many packets and nothing is on its way any more. */
    private List<byte[]> sent(ScriptedInterface on, int count) {
        await().atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> assertThat(on.sent()).hasSize(count));
        await().atMost(Duration.ofSeconds(10)).until(() -> lane.ledger().inFlight() == 0);
        assertThat(on.sent()).hasSize(count);
        return on.takeSent();
    }

    /** The answer that the host gets. */
    private PacketCheck answer() {
        return assertPacket(sent(lan, 1).get(0))
                .ethernet(LAN_MAC, HOST_MAC)
                .ip4()
                .to("192.168.1.10");
    }

    @Test
    void forwardsAPingAndItsReply() {
        send(fromHost().ttl(64).echoRequest(7, 1).payload(56));
        assertPacket(sent(tun, 1).get(0))
                .ip4()
                .from("192.168.1.10")
                .to("198.51.100.1")
                .ttl(63)
                .echoRequest(7, 1)
                .payload(56);

        tun.arrive(Packets.ip4()
                .from("198.51.100.1")
                .to("192.168.1.10")
                .ttl(60)
                .echoReply(7, 1)
                .payload(56)
                .bytes());
        answer().from("198.51.100.1").ttl(59).echoReply(7, 1).payload(56);
    }

    @Test
    void answersAPingOfItself() {
        send(fromHost().to("192.168.1.1").ttl(1).echoRequest(7, 1).payload(1400));
        answer().from("192.168.1.1").ttl(64).echoReply(7, 1).payload(1400);

        send(fromHost().to("10.0.0.1").echoRequest(7, 2));
        answer().from("10.0.0.1").echoReply(7, 2);
    }

    @Test
    void answersAFragmentedPingOfItselfInFragments() {
        byte[] request =
                fromHost().to("10.0.0.1").echoRequest(7, 1).payload(3000).bytes();
        byte[] payload = Arrays.copyOfRange(request, 20, request.length);
        for (int from : new int[] {1480, 2960, 0}) {
            int to = Math.min(from + 1480, payload.length);
            send(fromHost()
                    .to("10.0.0.1")
                    .id(99)
                    .fragment(from, to < payload.length)
                    .nextProtocol(1)
                    .payload(Arrays.copyOfRange(payload, from, to)));
        }

        byte[] reply = new byte[payload.length];
        int at = 0;
        for (byte[] fragment : sent(lan, 3)) {
            System.arraycopy(fragment, 34, reply, at, fragment.length - 34);
            at += fragment.length - 34;
        }
        byte[] expected = Packets.ip4().echoReply(7, 1).payload(3000).bytes();
        assertThat(reply).isEqualTo(Arrays.copyOfRange(expected, 20, expected.length));
    }

    @Test
    void showsItselfToTraceroute() {
        byte[] probe = fromHost().ttl(1).udp(40000, 33434).payload(32).bytes();
        lan.arrive(frame(probe));
        answer().from("192.168.1.1").ttl(64).icmp(11, 0).value(0).quoting(probe);

        send(fromHost().to("10.0.0.1").ttl(1).udp(40000, 33435).payload(32));
        answer().from("10.0.0.1").icmp(3, 3);
    }

    /** RFC 1191. */
    @Test
    void tellsTheMtuOfTheTunToWhoForbidsFragments() {
        byte[] packet = fromHost().df().ttl(9).udp(1, 2).payload(1373).bytes();
        lan.arrive(frame(packet));
        byte[] asSeenAtTheTun = fromHost().df().ttl(8).udp(1, 2).payload(1373).bytes();
        answer().from("192.168.1.1").icmp(3, 4).mtu(1400).quoting(asSeenAtTheTun);

        send(fromHost().df().udp(1, 2).payload(1372));
        assertThat(sent(tun, 1).get(0)).hasSize(1400);
    }

    @Test
    void fragmentsForTheTunInOrder() {
        send(fromHost().id(9).udp(1, 2).payload(1472));
        List<byte[]> fragments = sent(tun, 2);
        assertThat(fragments.get(0)).hasSize(20 + 1376);
        assertThat(fragments.get(1)).hasSize(20 + 104);
    }

    @Test
    void refusesLikeAHostWithoutServices() {
        send(fromHost().to("192.168.1.1").tcp(4000, 80).flags("S").sequence(41));
        answer().from("192.168.1.1").tcp(80, 4000).flags("RA").acknowledgment(42);

        byte[] datagram = fromHost().to("192.168.1.1").udp(4000, 53).payload(9).bytes();
        lan.arrive(frame(datagram));
        answer().from("192.168.1.1").icmp(3, 3).quoting(datagram);

        send(fromHost().to("192.168.1.1").protocol(47, 0, 0, 8, 0));
        answer().from("192.168.1.1").icmp(3, 2);
    }

    @Test
    void refusesWhatHasNoRoute() {
        byte[] packet = fromHost().to("203.0.113.7").udp(1, 2).bytes();
        lan.arrive(frame(packet));
        answer().from("192.168.1.1").icmp(3, 0).quoting(packet);
    }

    /** RFC 1812 section 5.2.7.2. */
    @Test
    void redirectsToTheBetterRouterOnTheLink() {
        send(fromHost().to("100.64.0.1").ttl(9).udp(1, 2));
        List<byte[]> sent = sent(lan, 2);
        byte[] forwarded = sent.get(0)[0x17] == 17 ? sent.get(0) : sent.get(1);
        byte[] redirect = forwarded == sent.get(0) ? sent.get(1) : sent.get(0);

        assertPacket(forwarded)
                .ethernet(LAN_MAC, NEXT_ROUTER_MAC)
                .ip4()
                .to("100.64.0.1")
                .ttl(8)
                .udp(1, 2);
        assertPacket(redirect)
                .ethernet(LAN_MAC, HOST_MAC)
                .ip4()
                .from("192.168.1.1")
                .to("192.168.1.10")
                .icmp(5, 1)
                .value(0xc0a801fe);
    }

    @Test
    void handsWhatIsForTheRouterToTheKernelAndForwardsItsAnswers() {
        restartWithKernel();
        send(fromHost().to("192.168.1.1").ttl(1).tcp(4000, 80).flags("S"));
        assertPacket(sent(kernel, 1).get(0))
                .ethernet(TAP_MAC, KERNEL_MAC)
                .ip4()
                .from("192.168.1.10")
                .to("192.168.1.1")
                .ttl(1)
                .tcp(4000, 80)
                .flags("S");

        kernel.arrive(Packets.ethernet(KERNEL_MAC, TAP_MAC)
                .ip4()
                .from("192.168.1.1")
                .to("192.168.1.10")
                .ttl(64)
                .tcp(80, 4000)
                .flags("SA")
                .bytes());
        answer().from("192.168.1.1").ttl(64).tcp(80, 4000).flags("SA");
    }

    @Test
    void tellsTheKernelOfASmallerMtu() {
        restartWithKernel();
        byte[] segment = Packets.ip4()
                .from("10.0.0.1")
                .to("198.51.100.1")
                .df()
                .tcp(80, 4000)
                .payload(1460)
                .bytes();
        kernel.arrive(Packets.ethernet(KERNEL_MAC, TAP_MAC)
                .etherType(0x0800)
                .payload(segment)
                .bytes());
        assertPacket(sent(kernel, 1).get(0))
                .ethernet(TAP_MAC, KERNEL_MAC)
                .ip4()
                .from("192.0.0.8")
                .to("10.0.0.1")
                .icmp(3, 4)
                .mtu(1400)
                .quoting(segment);
    }

    @Test
    void forwardsASuperpacketWhole() {
        byte[] packet = fromHost().df().tcp(1, 2).payload(30_000).bytes();
        lan.arrive(frame(packet), buffer -> {
            buffer.setGso(PacketBuffer.Gso.TCP4, 1348, false);
            buffer.setChecksum(PacketBuffer.Checksum.VALID);
        });
        assertThat(sent(tun, 1).get(0)).hasSize(packet.length);
    }

    /** Whatever arrives, the lane goes on and loses nothing from its account. */
    @Test
    void survivesRandomAndMutatedPackets() {
        SplittableRandom random = new SplittableRandom(SEED);
        List<byte[]> models = List.of(
                fromHost().udp(1, 2).payload(40).bytes(),
                fromHost().to("192.168.1.1").echoRequest(1, 1).payload(40).bytes(),
                fromHost().to("192.168.1.1").tcp(1, 2).flags("S").payload(3).bytes(),
                fromHost()
                        .to("192.168.1.1")
                        .options(7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0)
                        .icmp(13, 0)
                        .bytes(),
                fromHost()
                        .to("192.168.1.1")
                        .fragment(8, true)
                        .nextProtocol(17)
                        .payload(64)
                        .bytes(),
                fromHost()
                        .ttl(1)
                        .icmp(3, 1)
                        .quoting(fromHost().udp(1, 2).bytes())
                        .bytes());
        int packets = 20_000;
        for (int i = 0; i < packets; i++) {
            byte[] packet = models.get(random.nextInt(models.size())).clone();
            for (int flips = random.nextInt(4); flips > 0; flips--) {
                packet[random.nextInt(packet.length)] ^= (byte) (1 << random.nextInt(8));
            }
            if (random.nextInt(8) == 0) {
                random.nextBytes(packet);
                packet[0] = 0x45;
            }
            if (random.nextBoolean()) {
                repairHeaderChecksum(packet);
            }
            byte[] cut = random.nextInt(8) == 0 ? Arrays.copyOf(packet, random.nextInt(packet.length)) : packet;
            lan.arrive(frame(cut));
        }
        send(fromHost().ttl(64).echoRequest(0xbeef, 1).payload(56));
        byte[] forwarded = fromHost().ttl(63).echoRequest(0xbeef, 1).payload(56).bytes();
        await().atMost(Duration.ofSeconds(30))
                .untilAsserted(() -> assertThat(lane.ledger().get(Entry.RECEIVED))
                        .as("seed %d", SEED)
                        .isEqualTo(packets + 1));
        await().atMost(Duration.ofSeconds(10))
                .until(() -> tun.sent().stream().anyMatch(packet -> Arrays.equals(packet, forwarded)));
    }

    private static void repairHeaderChecksum(byte[] packet) {
        int length = Math.min((packet[0] & 0xf) * 4, packet.length & ~1);
        if (length < 20) {
            return;
        }
        packet[10] = 0;
        packet[11] = 0;
        int sum = 0;
        for (int i = 0; i < length; i += 2) {
            sum += (packet[i] & 0xff) << 8 | packet[i + 1] & 0xff;
        }
        sum = (sum & 0xffff) + (sum >>> 16);
        sum = ~((sum & 0xffff) + (sum >>> 16));
        packet[10] = (byte) (sum >>> 8);
        packet[11] = (byte) sum;
    }
}
