// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.ffi.NativeException;
import io.culvert.iface.EventLoop;
import io.culvert.packet.BufferPool;
import io.culvert.spi.Arc;
import io.culvert.spi.DropReason;
import io.culvert.spi.FibView;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.NeighborView;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.testkit.StageHarness;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.LongSupplier;

/** Lanes, stages and outputs without a router around them. */
final class TestLane {
    /** Makes stages that are not meant to run. */
    static final Function<StageSetup, PacketStage> NEVER = setup -> {
        throw new IllegalStateException("this stage is not meant to run");
    };

    private static final StageHarness HARNESS = StageHarness.of(stage("environment", Arc.DEVICE_INPUT, List.of()), 1);

    private TestLane() {}

    /** A thread's worth of waiting. */
    static EventLoop loop() {
        try {
            return new EventLoop();
        } catch (NativeException noDescriptors) {
            throw new IllegalStateException(noDescriptors);
        }
    }

    /** A lane with empty tables. */
    static Lane lane(BufferPool pool, List<String> faults, FaultPolicy policy, LongSupplier clock) {
        return lane(pool, (number, stage, cause) -> faults.add(stage + " " + cause.getMessage()), policy, clock);
    }

    static Lane lane(BufferPool pool, Lane.FaultListener faults, FaultPolicy policy, LongSupplier clock) {
        Lane.Tables tables = new Lane.Tables() {
            private final FibView noFib = new StageHarness.FixedFib();

            @Override
            public FibView fib() {
                return noFib;
            }

            @Override
            public NeighborView neighbors() {
                return HARNESS.neighborTable();
            }

            @Override
            public InterfaceTable interfaces() {
                return InterfaceTable.EMPTY;
            }
        };
        Function<StageDescriptor, FaultPolicy> policies = stage -> policy;
        return new Lane(
                0,
                pool,
                new Lane.Environment(
                        1,
                        64,
                        tables,
                        HARNESS.signals(),
                        stage -> HARNESS.settings(),
                        policies,
                        new ConcurrentHashMap<>(),
                        clock,
                        faults));
    }

    /** A stage that is never run. */
    static StageDescriptor stage(String id, Arc arc, List<Target> targets) {
        return builder(id, targets).arc(arc).factory(NEVER);
    }

    static StageDescriptor.Builder builder(String id, List<Target> targets) {
        OutPort[] outputs = new OutPort[targets.size()];
        for (int i = 0; i < outputs.length; i++) {
            outputs[i] = new Port("OUT" + i, i, targets.get(i));
        }
        return StageDescriptor.named(id, "A stage of the test.").outputs(outputs);
    }

    /** An output that a test makes as it needs it. */
    record Port(String name, int ordinal, Target target) implements OutPort {}

    /** The reason for which stages of tests drop. */
    enum Drop implements DropReason {
        UNWANTED;

        @Override
        public String text() {
            return "The test wants it dropped.";
        }
    }
}
