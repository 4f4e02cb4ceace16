// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import io.culvert.graph.Lane;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.FibView;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.NeighborView;
import io.culvert.spi.RouterInterface;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.Treadmill;
import io.culvert.testkit.Treadmill.Traffic;
import io.culvert.wire.IpProtocol;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Nanoseconds and bytes for one packet in one stage, of vectors of 64. For each run the packets are made anew, which {@link
 * #baseline} measures alone: what {@link #stage} takes beyond it is the stage's.
 *
 * <p>Most are UDP datagrams of 18 bytes on their way through the router, of as many flows. Others are where a stage would
 * have nothing to do with those:
 * <ul>
 *   <li>{@code device-offload} cuts superpackets of two TCP segments of 500 bytes, checksums included;
 *   <li>{@code device-coalesce} puts the datagrams of eight flows, which take turns, together to eight superpackets;
 *   <li>the reassembly stages get datagrams of two fragments, one after the other;
 *   <li>the stages that refuse get TCP SYNs; those of the router's own addresses before them, echo requests;
 *   <li>{@code local-delivery} has a TAP to the kernel, the others have none.
 * </ul>
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Fork(1)
public class StageBenchmark {
    private static final String HOST = "02:aa:00:00:00:01";
    private static final String ROUTER = "02:00:00:00:00:00";
    private static final int FLOWS = 8;
    private static final int SEGMENT_BYTES = 500;
    private static final int FRAGMENT_BYTES = 24;
    private static final int KERNEL = 2;

    /** Every built-in stage but {@code device-transmit}, which only runs in a lane: {@link RouterBenchmark} has it. */
    @Param({
        "device-input",
        "ethernet-input",
        "ip4-input",
        "ip4-lookup",
        "ip4-ttl",
        "ip4-redirect",
        "ip4-mtu",
        "ip6-input",
        "ip6-lookup",
        "ip6-hop-limit",
        "ip6-redirect",
        "ip6-mtu",
        "l2-rewrite",
        "device-offload",
        "device-coalesce",
        "ip4-reassembly",
        "ip4-local-police",
        "ip4-local",
        "ip4-refuse",
        "icmp4-echo",
        "icmp4-error",
        "ip6-reassembly",
        "ip6-local-police",
        "ip6-local",
        "ip6-refuse",
        "local-delivery",
        "icmp6-echo",
        "icmp6-error",
        "arp-input",
        "nd-input"
    })
    String stage;

    private StageAlone alone;

    @Setup
    public void prepare() {
        alone = new StageAlone(stage, tables(), this::receive);
    }

    private Lane.Tables tables() {
        Lane.Tables tables = Treadmill.tables(Traffic.ETHERNET4);
        InterfaceTable interfaces = tables.interfaces();
        return switch (stage) {
            case "device-coalesce" -> {
                InterfaceBuilder cutting = InterfaceBuilder.ethernet(1)
                        .address("10.0.1.1/24")
                        .offloads(new RouterInterface.Offloads(true, true, true, true));
                yield new Altered(tables, new InterfaceTable(List.of(interfaces.get(0), cutting.build())));
            }
            case "local-delivery" -> {
                RouterInterface kernel = InterfaceBuilder.localDelivery(KERNEL).build();
                yield new Altered(tables, new InterfaceTable(List.of(interfaces.get(0), interfaces.get(1), kernel)));
            }
            default -> tables;
        };
    }

    private void receive(PacketBuffer packet, int number) {
        packet(number).into(packet);
        packet.setL3Offset(PacketBuffer.UNKNOWN); // no device knows it
        packet.setReceiveInterface(0);
        if (stage.equals("device-offload")) {
            packet.setGso(PacketBuffer.Gso.TCP4, SEGMENT_BYTES, false);
        }
    }

    private PacketBuilder packet(int i) {
        return switch (stage) {
            case "device-offload" ->
                forwarded4(i).tcp(1000 + i, 2000).partialChecksum().payload(2 * SEGMENT_BYTES);
            case "device-coalesce" ->
                forwarded4(i % FLOWS).df().udp(1000 + i % FLOWS, 2000).payload(18);
            case "ip4-reassembly" ->
                i % 2 == 0
                        ? toRouter4()
                                .id(i / 2)
                                .fragment(0, true)
                                .udp(1000, 2000)
                                .payload(FRAGMENT_BYTES - 8)
                        : toRouter4()
                                .id(i / 2)
                                .fragment(FRAGMENT_BYTES, false)
                                .nextProtocol(IpProtocol.UDP)
                                .payload(FRAGMENT_BYTES);
            case "ip6-reassembly" ->
                i % 2 == 0
                        ? toRouter6()
                                .fragmentHeader(0, true, i / 2)
                                .udp(1000, 2000)
                                .payload(FRAGMENT_BYTES - 8)
                        : toRouter6()
                                .fragmentHeader(FRAGMENT_BYTES, false, i / 2)
                                .nextProtocol(IpProtocol.UDP)
                                .payload(FRAGMENT_BYTES);
            case "ip4-local-police", "ip4-local", "icmp4-echo", "local-delivery" ->
                toRouter4().echoRequest(1, i).payload(56);
            case "ip6-local-police", "ip6-local", "icmp6-echo" ->
                toRouter6().echoRequest(1, i).payload(56);
            case "ip4-refuse" -> toRouter4().tcp(1000 + i, 22).flags("S");
            case "ip6-refuse" -> toRouter6().tcp(1000 + i, 22).flags("S");
            case "icmp4-error" ->
                forwarded4(i).from("10.0.0." + (i + 2)).ttl(1).udp(i, 2000).payload(18);
            case "icmp6-error" ->
                forwarded6(i)
                        .from("fd00::" + Integer.toHexString(i + 2))
                        .hopLimit(1)
                        .udp(i, 2000)
                        .payload(18);
            case "arp-input" -> Packets.arpRequest(HOST, "10.0.0.2", "10.0.0.1");
            case "nd-input" -> toRouter6().neighborSolicitation("fd00::1").sourceLinkLayer(HOST);
            default ->
                (stage.startsWith("ip6") ? forwarded6(i) : forwarded4(i))
                        .udp(1000 + i, 2000)
                        .payload(18);
        };
    }

    private static PacketBuilder forwarded4(int flow) {
        return Packets.ethernet(HOST, ROUTER).ip4().from("10.0.0.2").to("10.9.0." + (flow + 1));
    }

    private static PacketBuilder forwarded6(int flow) {
        return Packets.ethernet(HOST, ROUTER).ip6().from("fd00::2").to("fd00:9::" + Integer.toHexString(flow + 1));
    }

    private static PacketBuilder toRouter4() {
        return Packets.ethernet(HOST, ROUTER).ip4().from("10.0.0.2").to("10.0.0.1");
    }

    private static PacketBuilder toRouter6() {
        return Packets.ethernet(HOST, ROUTER).ip6().from("fd00::2").to("fd00::1");
    }

    @Benchmark
    @OperationsPerInvocation(StageAlone.PACKETS)
    public long baseline() {
        return alone.makePackets();
    }

    @Benchmark
    @OperationsPerInvocation(StageAlone.PACKETS)
    public long stage() {
        return alone.process();
    }

    /** How many packets the stage has kept; {@link #prepare()} comes before. */
    int kept() {
        return alone.outstanding() - StageAlone.PACKETS;
    }

    /** The same routes and neighbors beside other interfaces. */
    private record Altered(Lane.Tables original, InterfaceTable interfaces) implements Lane.Tables {
        @Override
        public FibView fib() {
            return original.fib();
        }

        @Override
        public NeighborView neighbors() {
            return original.neighbors();
        }
    }
}
