// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import akka.stream.Attributes;
import akka.stream.FlowShape;
import akka.stream.Graph;
import akka.stream.Inlet;
import akka.stream.Materializer;
import akka.stream.Outlet;
import akka.stream.SinkShape;
import akka.stream.SourceShape;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import akka.stream.stage.AbstractInHandler;
import akka.stream.stage.AbstractOutHandler;
import akka.stream.stage.AsyncCallback;
import akka.stream.stage.GraphStage;
import akka.stream.stage.GraphStageLogic;
import akka.stream.stage.InHandler;
import akka.stream.stage.OutHandler;
import io.culvert.packet.PacketVector;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.function.IntFunction;

/**
 * A fused island of Akka Streams that takes a vector through a row of stages as often as it is told to. Source and sink do as
 * little as they can; the vector has to come through as it is.
 */
final class VectorIsland {
    private final PacketVector vector;
    private final CompletableFuture<AsyncCallback<Integer>> source = new CompletableFuture<>();
    private final Semaphore passed = new Semaphore(0);

    /** Vectors that are still to come to the sink; the island's, but for {@link #pass}. */
    private int outstanding;

    VectorIsland(
            PacketVector vector,
            int stages,
            IntFunction<Graph<FlowShape<PacketVector, PacketVector>, ?>> stage,
            Materializer materializer) {
        this.vector = vector;
        Source<PacketVector, ?> row = Source.fromGraph(new Entry());
        for (int i = 0; i < stages; i++) {
            row = row.via(stage.apply(i));
        }
        row.to(Sink.fromGraph(new Exit())).run(materializer);
    }

    /** Takes the vector through all stages so many times, one after the other, and waits for the last. */
    void pass(int times) {
        source.join().invoke(times);
        passed.acquireUninterruptibly();
    }

    /** Has a vector at hand whenever one is wanted. */
    private final class Entry extends GraphStage<SourceShape<PacketVector>> {
        private final Outlet<PacketVector> out = Outlet.create("entry.out");

        @Override
        public SourceShape<PacketVector> shape() {
            return SourceShape.of(out);
        }

        @Override
        public GraphStageLogic createLogic(Attributes attributes) {
            return new GraphStageLogic(shape()) {
                private int left;

                {
                    setHandler(out, new AbstractOutHandler() {
                        @Override
                        public void onPull() {
                            emit();
                        }
                    });
                }

                @Override
                public void preStart() {
                    source.complete(createAsyncCallback(times -> {
                        left = times;
                        outstanding = times;
                        if (isAvailable(out)) {
                            emit();
                        }
                    }));
                }

                private void emit() {
                    if (left != 0) {
                        left--;
                        push(out, vector);
                    }
                }
            };
        }
    }

    private final class Exit extends GraphStage<SinkShape<PacketVector>> {
        private final Inlet<PacketVector> in = Inlet.create("exit.in");

        @Override
        public SinkShape<PacketVector> shape() {
            return SinkShape.of(in);
        }

        @Override
        public GraphStageLogic createLogic(Attributes attributes) {
            return new GraphStageLogic(shape()) {
                {
                    setHandler(in, new AbstractInHandler() {
                        @Override
                        public void onPush() {
                            if (grab(in) != vector) {
                                throw new IllegalStateException("another vector came through");
                            }
                            outstanding--;
                            if (outstanding == 0) {
                                passed.release();
                            }
                            pull(in);
                        }
                    });
                }

                @Override
                public void preStart() {
                    pull(in);
                }
            };
        }
    }

    /** The least that a stage can do: it takes what comes and pushes it on. */
    static final class Bare extends GraphStage<FlowShape<PacketVector, PacketVector>> {
        private final Inlet<PacketVector> in = Inlet.create("bare.in");
        private final Outlet<PacketVector> out = Outlet.create("bare.out");
        private final FlowShape<PacketVector, PacketVector> shape = FlowShape.of(in, out);

        @Override
        public FlowShape<PacketVector, PacketVector> shape() {
            return shape;
        }

        @Override
        public GraphStageLogic createLogic(Attributes attributes) {
            return new Logic();
        }

        private final class Logic extends GraphStageLogic implements InHandler, OutHandler {
            Logic() {
                super(shape);
                setHandlers(in, out, this);
            }

            @Override
            public void onPush() {
                push(out, grab(in));
            }

            @Override
            public void onPull() {
                pull(in);
            }
        }
    }
}
