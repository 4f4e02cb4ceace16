// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class EmptyStageBenchmarkTest {
    private static final int WARM_UP_RUNS = 20;
    private static final int RUNS = 10;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final EmptyStageBenchmark benchmark = new EmptyStageBenchmark();

    @AfterEach
    void stop() {
        benchmark.stop();
    }

    /** The smallest object has 16 bytes, and Akka's turns, far fewer than vectors, some hundred each. */
    @ParameterizedTest
    @ValueSource(ints = {1, 8, 61})
    void anEmptyStageAllocatesNothing(int packets) {
        benchmark.packets = packets;
        benchmark.start();

        assertThat(bytesForAVector(benchmark::baseline)).as("bare").isLessThan(0.1);
        assertThat(bytesForAVector(benchmark::sendAll)).as("sends all").isLessThan(0.1);
        assertThat(bytesForAVector(benchmark::send)).as("sends each").isLessThan(0.1);
    }

    private static double bytesForAVector(Runnable run) {
        for (int i = 0; i < WARM_UP_RUNS; i++) {
            run.run();
        }
        long before = allocatedByTheIsland();
        for (int i = 0; i < RUNS; i++) {
            run.run();
        }
        return (double) (allocatedByTheIsland() - before)
                / ((long) RUNS * EmptyStageBenchmark.VECTORS * EmptyStageBenchmark.STAGES);
    }

    private static long allocatedByTheIsland() {
        long bytes = 0;
        for (ThreadInfo thread : THREADS.getThreadInfo(THREADS.getAllThreadIds())) {
            if (thread != null && thread.getThreadName().startsWith(EmptyStageBenchmark.NAME)) {
                bytes += THREADS.getThreadAllocatedBytes(thread.getThreadId());
            }
        }
        assertThat(bytes)
                .as("allocated since the start, so that it is known to be seen")
                .isPositive();
        return bytes;
    }
}
