// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Nanoseconds to take a packet out of the pool and give it back, a vector of 64 at a time. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(1)
public class PoolBenchmark {
    private static final int PACKETS = 64;

    private final BufferPool pool = BufferPool.allocate(4 * PACKETS);
    private final PacketVector vector = new PacketVector(PACKETS);

    @Benchmark
    @OperationsPerInvocation(PACKETS)
    public int takeAndRelease() {
        while (!vector.isFull()) {
            vector.add(Objects.requireNonNull(pool.take()));
        }
        for (int i = 0; i < PACKETS; i++) {
            PacketBuffer packet = vector.get(i);
            pool.release(packet);
        }
        vector.clear();
        return pool.available();
    }
}
