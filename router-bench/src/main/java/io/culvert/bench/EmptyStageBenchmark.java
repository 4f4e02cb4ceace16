// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import akka.actor.ActorSystem;
import akka.stream.FlowShape;
import akka.stream.Graph;
import akka.stream.Materializer;
import akka.stream.UniformFanOutShape;
import akka.stream.javadsl.GraphDSL;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.culvert.config.StageSettings;
import io.culvert.graph.FaultPolicy;
import io.culvert.graph.Lane;
import io.culvert.graph.VectorStage;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.testkit.StageHarness;
import io.culvert.testkit.Treadmill;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
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
 * What an empty {@link PacketStage} costs beyond the least that a stage of Akka Streams can: nanoseconds and bytes for one
 * vector in one stage. One fused island takes vectors from a source that has one at hand, through {@value #STAGES} stages, to
 * a sink that forgets them. In {@link #baseline} each stage is a bare {@code GraphStage} that pushes what it has grabbed; in
 * the others it is a packet stage, with its checks, counters, breaker and watch, that sends on the vector whole or packet by
 * packet.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = "-XX:+UseSerialGC") // as a router has it: references are written for each vector
public class EmptyStageBenchmark {
    /** Its threads' names begin with it. */
    static final String NAME = "empty-stages";

    static final int STAGES = 16;
    /** So many that waking the island and this thread no longer counts. */
    static final int VECTORS = 1 << 15;

    private static final int VECTOR_CAPACITY = 64;

    /** Akka lets others have a turn after so many events: by default so few that what that takes can be seen. */
    private static final Config ONE_THREAD = ConfigFactory.parseString("""
            akka.stream.materializer.sync-processing-limit = 1000000
            akka.actor.default-dispatcher.executor = thread-pool-executor
            akka.actor.default-dispatcher.thread-pool-executor.fixed-pool-size = 1
            """);

    /** One packet; a small vector; as many as a router's vector holds by default. */
    @Param({"1", "8", "61"})
    int packets;

    private final ActorSystem system =
            ActorSystem.create(NAME, ONE_THREAD.withFallback(ConfigFactory.defaultReference()));
    private final Materializer materializer = Materializer.createMaterializer(system);
    private @Nullable VectorIsland bare;
    private @Nullable VectorIsland sendingAll;
    private @Nullable VectorIsland sendingEach;

    @Setup
    public void start() {
        bare = new VectorIsland(
                vector(BufferPool.allocate(VECTOR_CAPACITY)), STAGES, number -> new VectorIsland.Bare(), materializer);
        sendingAll = packetStages(setup -> new SendAll());
        sendingEach = packetStages(setup -> new SendEach());
    }

    private VectorIsland packetStages(Function<StageSetup, PacketStage> factory) {
        BufferPool pool = BufferPool.allocate(VECTOR_CAPACITY);
        Lane lane = new Lane(
                0,
                pool,
                new Lane.Environment(
                        1,
                        VECTOR_CAPACITY,
                        Treadmill.tables(Treadmill.Traffic.TUN4),
                        new StageHarness.RecordedSignals(),
                        StageSettings::defaults,
                        stage -> FaultPolicy.DROP,
                        new ConcurrentHashMap<>(),
                        System::nanoTime,
                        (number, stage, cause) -> {
                            throw new IllegalStateException(stage, cause);
                        }));
        return new VectorIsland(
                vector(pool),
                STAGES,
                number -> oneOutlet(
                        lane,
                        StageDescriptor.named("empty-" + number, "Does nothing.")
                                .spec("local")
                                .arc(Arc.IP4_FORWARD)
                                .outputs(Out.values())
                                .factory(factory)),
                materializer);
    }

    private static Graph<FlowShape<PacketVector, PacketVector>, ?> oneOutlet(Lane lane, StageDescriptor descriptor) {
        return GraphDSL.create(builder -> {
            UniformFanOutShape<PacketVector, PacketVector> shape =
                    builder.add(new VectorStage(lane, descriptor, 1, new int[] {0}, -1));
            return FlowShape.of(shape.in(), shape.out(0));
        });
    }

    private PacketVector vector(BufferPool pool) {
        PacketVector vector = new PacketVector(VECTOR_CAPACITY);
        for (int i = 0; i < packets; i++) {
            vector.add(Objects.requireNonNull(pool.take()));
        }
        return vector;
    }

    @TearDown
    public void stop() {
        system.terminate();
        system.getWhenTerminated().toCompletableFuture().join();
    }

    @Benchmark
    @OperationsPerInvocation(VECTORS * STAGES)
    public void baseline() {
        Objects.requireNonNull(bare).pass(VECTORS);
    }

    @Benchmark
    @OperationsPerInvocation(VECTORS * STAGES)
    public void sendAll() {
        Objects.requireNonNull(sendingAll).pass(VECTORS);
    }

    @Benchmark
    @OperationsPerInvocation(VECTORS * STAGES)
    public void send() {
        Objects.requireNonNull(sendingEach).pass(VECTORS);
    }

    private enum Out implements OutPort {
        NEXT;

        @Override
        public Target target() {
            return Target.next();
        }
    }

    private static final class SendAll implements PacketStage {
        @Override
        public void process(PacketVector packets, StageContext context) {
            context.sendAll(packets, Out.NEXT);
        }
    }

    private static final class SendEach implements PacketStage {
        @Override
        public void process(PacketVector packets, StageContext context) {
            for (int i = 0; i < packets.size(); i++) {
                context.send(packets.get(i), Out.NEXT);
            }
        }
    }
}
