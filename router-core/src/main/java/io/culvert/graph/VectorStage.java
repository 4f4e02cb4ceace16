// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import akka.stream.Attributes;
import akka.stream.Inlet;
import akka.stream.Outlet;
import akka.stream.UniformFanOutShape;
import akka.stream.stage.GraphStage;
import akka.stream.stage.GraphStageLogic;
import io.culvert.packet.PacketVector;
import io.culvert.spi.StageDescriptor;

/**
 * The one adapter between Akka Streams and packet stages: the blueprint of a {@link io.culvert.spi.PacketStage} in a lane.
 * What it does when it runs is told at {@link StageRunner}. A {@link RouterGraph} is made of these; on its own it runs in any
 * graph of one island.
 */
public final class VectorStage extends GraphStage<UniformFanOutShape<PacketVector, PacketVector>> {
    private final Lane lane;
    private final StageDescriptor descriptor;
    private final int[] routes;
    private final int dropOutlet;
    private final UniformFanOutShape<PacketVector, PacketVector> shape;

    /**
     * @param outlets how many outlets it has
     * @param routes by output ordinal: the outlet's index, or -1 - entry for an output that recirculates
     * @param dropOutlet the outlet that dropped packets leave by, or -1 when nobody looks at them
     */
    public VectorStage(Lane lane, StageDescriptor descriptor, int outlets, int[] routes, int dropOutlet) {
        this.lane = lane;
        this.descriptor = descriptor;
        this.routes = routes;
        this.dropOutlet = dropOutlet;
        this.shape =
                new UniformFanOutShape<>(Inlet.create(descriptor.id() + ".in"), outletsOf(descriptor.id(), outlets));
    }

    @SuppressWarnings({"unchecked", "rawtypes"}) // an array of a generic type
    private static Outlet<PacketVector>[] outletsOf(String id, int count) {
        Outlet<PacketVector>[] outlets = new Outlet[count];
        for (int i = 0; i < count; i++) {
            outlets[i] = Outlet.create(id + ".out" + i);
        }
        return outlets;
    }

    @Override
    public UniformFanOutShape<PacketVector, PacketVector> shape() {
        return shape;
    }

    @Override
    public Attributes initialAttributes() {
        return Attributes.name(descriptor.id());
    }

    @Override
    public GraphStageLogic createLogic(Attributes attributes) {
        return new StageRunner(shape, lane, descriptor, routes, dropOutlet);
    }
}
