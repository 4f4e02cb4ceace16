// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import akka.NotUsed;
import akka.stream.javadsl.Flow;
import io.culvert.graph.PluginStages;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.spi.akka.StreamPlugin;
import io.culvert.spi.akka.StreamStage;
import io.culvert.testkit.Treadmill;
import java.time.Duration;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What it costs to send packets through a plugin's Akka Streams flow, beside the same work as a stage of the lane: nothing at
 * all, in either. Time per packet of a whole lane with such a stage, and without one.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class StreamBenchmark {
    /** As many as may be in the flow at once, so that none is dropped. */
    private static final int PACKETS = 8192;

    /** How the stage is made. */
    public enum Kind {
        NONE,
        STAGE,
        FLOW
    }

    private enum Out implements OutPort {
        NEXT;

        @Override
        public Target target() {
            return Target.next();
        }
    }

    /** Sends on whatever comes. */
    private static final class Idle implements PacketStage {
        static final StageDescriptor DESCRIPTOR = StageDescriptor.named("idle", "Does nothing.")
                .spec("local")
                .arc(Arc.IP4_FORWARD)
                .outputs(Out.values())
                .factory(setup -> new Idle());

        @Override
        public void process(PacketVector packets, StageContext context) {
            context.sendAll(packets, Out.NEXT);
        }
    }

    /** The same as a flow. */
    private static final class IdleFlow implements StreamPlugin {
        @Override
        public List<StreamStage> streams() {
            Flow<PacketVector, PacketVector, NotUsed> flow = Flow.of(PacketVector.class);
            return List.of(StreamStage.named("idle-flow", "Does nothing.", Arc.IP4_FORWARD)
                    .mostAway(PACKETS)
                    .awayAtMost(Duration.ofSeconds(30))
                    .flow(setup -> flow));
        }

        @Override
        public String name() {
            return "idle";
        }

        @Override
        public int apiVersion() {
            return RouterPlugin.API_VERSION;
        }
    }

    @Param
    Kind kind;

    private Treadmill treadmill;

    @Setup
    public void start() {
        List<StageDescriptor> stages = switch (kind) {
            case NONE -> List.of();
            case STAGE -> List.of(Idle.DESCRIPTOR);
            case FLOW -> PluginStages.of(new IdleFlow(), "the benchmark").stages();
        };
        treadmill = Treadmill.start(Treadmill.Traffic.TUN4, stages);
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
