// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.testkit.Packets;
import io.culvert.wire.FlowHash;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Ip4View;
import io.culvert.wire.Ip6ExtensionChain;
import io.culvert.wire.Ip6View;
import io.culvert.wire.TcpView;
import io.culvert.wire.UdpView;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Nanoseconds to look at a header that is in the cache: to check it, and to do what forwarding does with it. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(1)
public class WireBenchmark {
    private final BufferPool pool = BufferPool.allocate(4);
    private final PacketBuffer udp4 =
            packet(Packets.ip4().ttl(64).udp(1000, 2000).payload(18).bytes());
    private final PacketBuffer udp6 =
            packet(Packets.ip6().udp(1000, 2000).payload(18).bytes());
    private final PacketBuffer tcp4 =
            packet(Packets.ip4().tcp(1000, 2000).payload(18).bytes());
    private final Ip4View ip4 = new Ip4View();
    private final Ip6View ip6 = new Ip6View();
    private final Ip6ExtensionChain chain = new Ip6ExtensionChain();
    private final UdpView udp = new UdpView();
    private final TcpView tcp = new TcpView();

    private PacketBuffer packet(byte[] bytes) {
        PacketBuffer packet = Objects.requireNonNull(pool.take());
        packet.setWindow(PacketBuffer.HEADROOM, bytes.length);
        packet.copyFrom(bytes, 0, packet.start(), bytes.length);
        return packet;
    }

    @Benchmark
    public HeaderCheck checkIp4() {
        return ip4.wrap(udp4, udp4.start()).check();
    }

    @Benchmark
    public HeaderCheck checkIp6() {
        return ip6.wrap(udp6, udp6.start()).check();
    }

    @Benchmark
    public HeaderCheck checkUdp() {
        return udp.wrap(udp4, udp4.start() + Ip4View.HEADER_BYTES).check();
    }

    @Benchmark
    public HeaderCheck checkTcp() {
        return tcp.wrap(tcp4, tcp4.start() + Ip4View.HEADER_BYTES).check();
    }

    /** The header stays valid: the checksum goes along. */
    @Benchmark
    public void decrementTtl() {
        ip4.wrap(udp4, udp4.start()).decrementTtl();
    }

    @Benchmark
    public int flowHash4() {
        return FlowHash.ip4(ip4.wrap(udp4, udp4.start()));
    }

    @Benchmark
    public int flowHash6() {
        ip6.wrap(udp6, udp6.start());
        chain.walk(ip6);
        return FlowHash.ip6(ip6, chain);
    }
}
