// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.wire.InternetChecksum;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Nanoseconds to sum a range of a packet, by its length and where it begins; and to update a sum. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Fork(1)
public class ChecksumBenchmark {
    /** What is summed. */
    @State(Scope.Thread)
    public static class Range {
        @Param({"20", "40", "64", "576", "1460", "9000", "65535"})
        int length;

        /** Bytes behind a multiple of eight: 2 is where an IP header lies behind an Ethernet header. */
        @Param({"0", "1", "2"})
        int misalignment;

        PacketBuffer packet = Objects.requireNonNull(BufferPool.allocate(1).take());
        int from;

        @Setup
        public void fill() {
            from = PacketBuffer.HEADROOM + misalignment;
            packet.setWindow(from, length);
            byte[] bytes = new byte[length];
            new SplittableRandom(1).nextBytes(bytes);
            packet.copyFrom(bytes, 0, from, length);
        }
    }

    private int checksum = 0x1234;
    private int field = 0x4011;

    @Benchmark
    public int compute(Range range) {
        return InternetChecksum.compute(range.packet, range.from, range.length, 0);
    }

    /** As for a TTL that is decremented. */
    @Benchmark
    public int update16() {
        return InternetChecksum.update16(checksum, field, field - 0x100);
    }
}
