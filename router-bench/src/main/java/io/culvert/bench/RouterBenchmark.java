// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import io.culvert.testkit.Treadmill;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Nanoseconds and bytes for one packet through a whole lane, from a receive queue to a transmit queue, with devices that
 * cost nearly nothing. The benchmark's thread sleeps meanwhile.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class RouterBenchmark {
    /** So many that the wake-up of the lane and of the benchmark's thread no longer count. */
    private static final int PACKETS = 1 << 17;

    @Param
    Treadmill.Traffic traffic;

    private Treadmill treadmill;

    @Setup
    public void start() {
        treadmill = Treadmill.start(traffic);
    }

    @TearDown
    public void stop() {
        treadmill.close();
    }

    @Benchmark
    @OperationsPerInvocation(PACKETS)
    public void forward() {
        treadmill.forward(PACKETS);
    }
}
