// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import io.culvert.testkit.Packets;
import io.culvert.testkit.Treadmill;
import io.culvert.testkit.Treadmill.Traffic;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
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
 * Nanoseconds and bytes for one packet in one stage, of vectors of 64. Between two runs the packets are made what they
 * were, which {@link #baseline} measures alone: what {@link #stage} takes beyond it is the stage's.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Fork(1)
public class StageBenchmark {
    private static final String HOST = "02:aa:00:00:00:01";
    private static final String ROUTER = "02:00:00:00:00:00";

    /** Stages, each reached by packets that it has to do something with. */
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
        "ip4-local-police",
        "ip4-local",
        "icmp4-echo",
        "icmp4-error",
        "ip6-local-police",
        "ip6-local",
        "icmp6-echo",
        "icmp6-error",
        "arp-input",
        "nd-input"
    })
    String stage;

    private StageAlone alone;

    @Setup
    public void prepare() {
        alone = new StageAlone(stage, true, Treadmill.tables(Traffic.ETHERNET4), packets());
    }

    private IntFunction<byte[]> packets() {
        return switch (stage) {
            case "ip4-local-police", "ip4-local", "icmp4-echo" ->
                i -> Packets.ethernet(HOST, ROUTER)
                        .ip4()
                        .from("10.0.0.2")
                        .to("10.0.0.1")
                        .echoRequest(1, i)
                        .payload(56)
                        .bytes();
            case "ip6-local-police", "ip6-local", "icmp6-echo" ->
                i -> Packets.ethernet(HOST, ROUTER)
                        .ip6()
                        .from("fd00::2")
                        .to("fd00::1")
                        .echoRequest(1, i)
                        .payload(56)
                        .bytes();
            case "icmp4-error" ->
                i -> Packets.ethernet(HOST, ROUTER)
                        .ip4()
                        .from("10.0.0." + (i + 2))
                        .to("10.9.0.1")
                        .ttl(1)
                        .udp(i, 2000)
                        .payload(18)
                        .bytes();
            case "icmp6-error" ->
                i -> Packets.ethernet(HOST, ROUTER)
                        .ip6()
                        .from("fd00::" + Integer.toHexString(i + 2))
                        .to("fd00:9::1")
                        .hopLimit(1)
                        .udp(i, 2000)
                        .payload(18)
                        .bytes();
            case "arp-input" ->
                i -> Packets.arpRequest(HOST, "10.0.0.2", "10.0.0.1").bytes();
            case "nd-input" ->
                i -> Packets.ethernet(HOST, ROUTER)
                        .ip6()
                        .from("fd00::2")
                        .to("fd00::1")
                        .neighborSolicitation("fd00::1")
                        .sourceLinkLayer(HOST)
                        .bytes();
            default -> (stage.startsWith("ip6") ? Traffic.ETHERNET6 : Traffic.ETHERNET4)::packet;
        };
    }

    @Benchmark
    @OperationsPerInvocation(StageAlone.PACKETS)
    public long baseline() {
        return alone.restore();
    }

    @Benchmark
    @OperationsPerInvocation(StageAlone.PACKETS)
    public long stage() {
        alone.restore();
        return alone.process();
    }
}
