// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import akka.stream.Attributes;
import akka.stream.Inlet;
import akka.stream.Outlet;
import akka.stream.UniformFanInShape;
import akka.stream.stage.AbstractInHandler;
import akka.stream.stage.AbstractOutHandler;
import akka.stream.stage.GraphStage;
import akka.stream.stage.GraphStageLogic;
import io.culvert.packet.PacketVector;
import java.util.ArrayList;
import java.util.List;

/**
 * Leads several outlets to one inlet. Unlike Akka's Merge it asks for a vector only when one is wanted, so that a lane
 * works on one vector until its packets have left, while they are in the cache, before it reads the next: each Merge on
 * the way would let one more in behind it.
 */
final class Join extends GraphStage<UniformFanInShape<PacketVector, PacketVector>> {
    private final List<Inlet<PacketVector>> inlets;
    private final Outlet<PacketVector> out;
    private final UniformFanInShape<PacketVector, PacketVector> shape;

    Join(String id, int count) {
        List<Inlet<PacketVector>> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(Inlet.create(id + ".join" + i));
        }
        inlets = List.copyOf(all);
        out = Outlet.create(id + ".joined");
        shape = UniformFanInShape.create(out, inlets);
    }

    @Override
    public UniformFanInShape<PacketVector, PacketVector> shape() {
        return shape;
    }

    @Override
    public GraphStageLogic createLogic(Attributes attributes) {
        return new Logic();
    }

    private final class Logic extends GraphStageLogic {
        private int open = inlets.size();
        private int next;

        Logic() {
            super(shape);
            for (Inlet<PacketVector> inlet : inlets) {
                setHandler(inlet, new AbstractInHandler() {
                    @Override
                    public void onPush() {
                        if (isAvailable(out)) {
                            push(out, grab(inlet));
                        }
                    }

                    @Override
                    public void onUpstreamFinish() {
                        open--;
                        completeIfDone();
                    }
                });
            }
            setHandler(out, new AbstractOutHandler() {
                @Override
                public void onPull() {
                    demand();
                }
            });
        }

        /** Passes on what waits, beginning behind the inlet that was served last; asks all others for more. */
        private void demand() {
            for (int tried = 0; tried < inlets.size(); tried++) {
                Inlet<PacketVector> inlet = inlets.get(next);
                next = next + 1 == inlets.size() ? 0 : next + 1;
                if (isAvailable(inlet)) {
                    push(out, grab(inlet));
                    completeIfDone();
                    return;
                }
            }
            for (int i = 0; i < inlets.size(); i++) {
                Inlet<PacketVector> inlet = inlets.get(i);
                if (!hasBeenPulled(inlet) && !isClosed(inlet)) {
                    pull(inlet);
                }
            }
        }

        private void completeIfDone() {
            if (open == 0) {
                for (Inlet<PacketVector> inlet : inlets) {
                    if (isAvailable(inlet)) {
                        return;
                    }
                }
                completeStage();
            }
        }
    }
}
