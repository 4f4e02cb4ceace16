// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;

/**
 * What a stage takes for a packet, in time and in memory. A subclass says which stage, with which settings, and which
 * packets come to it, and has a test with that: that the stage allocates nothing per packet. The test reports the
 * nanoseconds too, and judges them not, as they depend on the machine.
 *
 * <pre>{@code
 * final class TtlGuardBenchmarkTest extends StageBenchmark {
 *     TtlGuardBenchmarkTest() {
 *         super(StageHarness.of(TtlGuardStage.DESCRIPTOR), Packets.ip4().ttl(64).udp(1000, 2000).payload(18).bytes());
 *     }
 * }
 * }</pre>
 *
 * <p>Runs the stage alone on vectors of 64 packets, which are made anew for each run; what that takes is subtracted. For
 * figures that decide something, put the stage under JMH: {@link #run} is one operation of 64 packets.
 */
public abstract class StageBenchmark {
    /** Packets of a vector. */
    public static final int PACKETS = StageTrack.PACKETS;

    private static final long ROUND_NANOS = 100_000_000L;
    private static final int ROUNDS = 7;
    private static final int WARM_UP_ROUNDS = 5;

    private final String stage;
    private final StageTrack track;

    /**
     * @param harness has the stage, its settings and tables; it is not run
     * @param packets the vector, repeated until it is full; the stage gets them as {@link StageHarness#packet} makes them
     */
    protected StageBenchmark(StageHarness harness, byte[]... packets) {
        stage = harness.descriptor().id();
        track = new StageTrack(harness, packets);
    }

    /**
     * What was measured, for one packet.
     *
     * @param nanos that the stage took
     * @param bytes that it allocated
     */
    public record Result(double nanos, double bytes) {}

    /** Runs the stage once on a vector of {@value #PACKETS} packets; answers something that depends on all it did. */
    public final long run() {
        return track.run();
    }

    /** Measures for about two seconds, of which the best counts. */
    public final Result measure() {
        for (int round = 0; round < WARM_UP_ROUNDS; round++) {
            round(true);
            round(false);
        }
        Result best = new Result(Double.MAX_VALUE, Double.MAX_VALUE);
        Result idle = best;
        for (int round = 0; round < ROUNDS; round++) {
            best = better(best, round(true));
            idle = better(idle, round(false));
        }
        return new Result(Math.max(0, best.nanos - idle.nanos), Math.max(0, best.bytes - idle.bytes));
    }

    private static Result better(Result one, Result other) {
        return new Result(Math.min(one.nanos, other.nanos), Math.min(one.bytes, other.bytes));
    }

    private Result round(boolean withStage) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long bytes = threads.getCurrentThreadAllocatedBytes();
        long begun = System.nanoTime();
        long packets = 0;
        long now;
        do {
            if (withStage) {
                track.run();
            } else {
                track.makePackets();
            }
            packets += PACKETS;
            now = System.nanoTime();
        } while (now - begun < ROUND_NANOS / 2);
        bytes = threads.getCurrentThreadAllocatedBytes() - bytes;
        return new Result((double) (now - begun) / packets, (double) bytes / packets);
    }

    /** The stage must not make garbage while packets flow. */
    @Test
    void allocatesNothingPerPacket(TestReporter reporter) {
        Result result = measure();
        String line = String.format(Locale.ROOT, "%.1f ns/packet, %.2f bytes/packet", result.nanos, result.bytes);
        System.out.println(stage + ": " + line); // for people
        reporter.publishEntry(stage, line); // for the report
        assertThat(result.bytes)
                .as("bytes that %s allocates per packet, on %s", stage, Arrays.toString(track.lengths()))
                .isLessThan(0.01); // a few hundred bytes of the JVM's own, over millions of packets
    }
}
