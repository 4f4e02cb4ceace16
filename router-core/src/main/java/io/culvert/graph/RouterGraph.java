// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import akka.Done;
import akka.stream.Attributes;
import akka.stream.ClosedShape;
import akka.stream.Inlet;
import akka.stream.Materializer;
import akka.stream.Outlet;
import akka.stream.UniformFanInShape;
import akka.stream.UniformFanOutShape;
import akka.stream.javadsl.GraphDSL;
import akka.stream.javadsl.RunnableGraph;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.OutPort;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.spi.TransmitQueue;
import io.culvert.stage.local.LocalDeliveryStage;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The router's stages wired into one graph: a plan that is made and checked once, and that every lane materialises over
 * its own queues as one fused island without a thread boundary.
 */
public final class RouterGraph {
    /** Where a packet goes that leaves the last stage of an arc by {@link Target#next()}. */
    private static final Map<Arc, Arc> CONTINUATIONS = Map.of(
            Arc.IP4_FORWARD, Arc.IP4_OUTPUT,
            Arc.IP6_FORWARD, Arc.IP6_OUTPUT,
            Arc.IP4_OUTPUT, Arc.L2_OUTPUT,
            Arc.IP6_OUTPUT, Arc.L2_OUTPUT,
            Arc.L2_OUTPUT, Arc.DEVICE_OUTPUT);

    /** The stage that takes packets for the kernel; there whatever other stages lead to it, as any may punt. */
    private static final String TO_KERNEL = LocalDeliveryStage.DESCRIPTOR.id();

    /** One stage in the graph and where each of its outputs leads, by output ordinal. */
    private record Node(StageDescriptor stage, List<String> targets, List<Boolean> recirculates) {}

    private final Map<Arc, List<StageDescriptor>> arcs;
    private final Map<String, Node> nodes = new LinkedHashMap<>();
    /** Ids of the stages at which packets enter: received ones first, then those that go round again. */
    private final List<String> entries = new ArrayList<>();

    private final UnaryOperator<String> called;
    private final String injectAt;
    private final boolean observesDrops;

    /**
     * Plans the graph.
     *
     * @param stages every stage of the router, those of plugins included
     * @throws IllegalArgumentException naming the stages when they can't be ordered, when an output leads nowhere, or when
     *     packets could go in a circle
     */
    public RouterGraph(Collection<StageDescriptor> stages) {
        this(stages, id -> id);
    }

    /**
     * The same with another way to name stages.
     *
     * @param called what people call the stage with an id
     */
    public RouterGraph(Collection<StageDescriptor> stages, UnaryOperator<String> called) {
        this.called = called;
        List<StageDescriptor> all = new ArrayList<>(stages);
        all.add(TransmitStage.descriptor(List.of()));
        observesDrops = stages.stream().anyMatch(stage -> stage.arc() == Arc.DROP);
        if (observesDrops) {
            all.add(DropStage.DESCRIPTOR);
        }
        arcs = ArcOrder.sort(all, called);
        Map<String, StageDescriptor> byId = new HashMap<>();
        all.forEach(stage -> byId.put(stage.id(), stage));

        injectAt = firstOf(Arc.DEVICE_OUTPUT, "frames of the control plane");
        entries.add(firstOf(Arc.DEVICE_INPUT, "received packets"));
        Deque<String> toVisit = new ArrayDeque<>(List.of(entries.get(0), injectAt));
        if (observesDrops) {
            toVisit.add(firstOf(Arc.DROP, "dropped packets"));
        }
        if (byId.containsKey(TO_KERNEL)) {
            entries.add(TO_KERNEL);
            toVisit.add(TO_KERNEL);
        }
        while (!toVisit.isEmpty()) {
            String id = toVisit.remove();
            if (nodes.containsKey(id)) {
                continue;
            }
            Node node = resolve(byId.get(id), byId);
            nodes.put(id, node);
            for (int i = 0; i < node.targets().size(); i++) {
                String target = node.targets().get(i);
                if (node.recirculates().get(i) && !entries.contains(target)) {
                    entries.add(target);
                }
                toVisit.add(target);
            }
        }
        refuseCircles();
    }

    /** What every graph ends with. */
    public static StageDescriptor end() {
        return TransmitStage.descriptor(List.of());
    }

    private String firstOf(Arc arc, String whose) {
        List<StageDescriptor> onArc = arcs.get(arc);
        if (onArc == null) {
            throw new IllegalArgumentException("arc " + arc.id() + " has no stage, but " + whose + " lead there");
        }
        return onArc.get(0).id();
    }

    private Node resolve(@Nullable StageDescriptor stage, Map<String, StageDescriptor> byId) {
        if (stage == null) {
            throw new IllegalArgumentException("a stage leads to one that does not exist");
        }
        List<String> targets = new ArrayList<>();
        List<Boolean> recirculates = new ArrayList<>();
        for (OutPort port : stage.outputs()) {
            Target target = port.target();
            String whose = called.apply(stage.id()) + "'s " + port.name();
            String id;
            if (target instanceof Target.ArcStart start) {
                id = firstOf(start.arc(), whose);
            } else if (target instanceof Target.StageById byName) {
                id = byName.id();
            } else if (target instanceof Target.Recirculate again) {
                id = again.id();
            } else {
                id = nextOf(stage, whose);
            }
            if (!byId.containsKey(id)) {
                throw new IllegalArgumentException(whose + " leads to " + id + ", which is no stage of this router");
            }
            targets.add(id);
            recirculates.add(target instanceof Target.Recirculate);
        }
        return new Node(stage, targets, recirculates);
    }

    private String nextOf(StageDescriptor stage, String whose) {
        Arc arc = stage.arc();
        if (arc == null) {
            throw new IllegalArgumentException(
                    whose + " leads to the next stage of an arc, but " + stage.id() + " stands on none");
        }
        List<StageDescriptor> onArc = arcs.getOrDefault(arc, List.of());
        int place = onArc.indexOf(stage);
        if (place + 1 < onArc.size()) {
            return onArc.get(place + 1).id();
        }
        Arc continuation = CONTINUATIONS.get(arc);
        if (continuation == null) {
            throw new IllegalArgumentException(
                    whose + " leads behind the end of arc " + arc.id() + ", which has no terminal stage");
        }
        return firstOf(continuation, whose);
    }

    private void refuseCircles() {
        Set<String> done = new LinkedHashSet<>();
        for (String id : nodes.keySet()) {
            walk(id, new LinkedHashSet<>(), done);
        }
    }

    private void walk(String id, Set<String> path, Set<String> done) {
        if (done.contains(id)) {
            return;
        }
        if (!path.add(id)) {
            throw new IllegalArgumentException("packets would go in a circle through "
                    + path.stream().map(called).toList() + " back to " + id
                    + "; an output that leads back must recirculate");
        }
        Node node = node(id);
        for (int i = 0; i < node.targets().size(); i++) {
            if (!node.recirculates().get(i)) {
                walk(node.targets().get(i), path, done);
            }
        }
        path.remove(id);
        done.add(id);
    }

    private Node node(String id) {
        Node node = nodes.get(id);
        if (node == null) {
            throw new IllegalStateException("no node " + id);
        }
        return node;
    }

    /** The stages of every arc in the order they run, without those no packet can reach. */
    public Map<Arc, List<StageDescriptor>> arcs() {
        Map<Arc, List<StageDescriptor>> reached = new LinkedHashMap<>();
        arcs.forEach((arc, stages) -> {
            List<StageDescriptor> onArc = stages.stream()
                    .filter(stage -> nodes.containsKey(stage.id()))
                    .toList();
            if (!onArc.isEmpty()) {
                reached.put(arc, onArc);
            }
        });
        return reached;
    }

    /** Calls back with every stage of the graph and, for each, its outputs and the stages they lead to. */
    public void forEachStage(BiConsumer<StageDescriptor, Map<OutPort, String>> visitor) {
        nodes.values().forEach(node -> {
            Map<OutPort, String> outputs = new LinkedHashMap<>();
            for (int i = 0; i < node.targets().size(); i++) {
                outputs.put(node.stage().outputs().get(i), node.targets().get(i));
            }
            visitor.accept(node.stage(), outputs);
        });
    }

    /** A graph that runs in a lane. */
    public static final class Running {
        private final LaneSource.StopSwitch stopSwitch;
        private final CompletionStage<Done> ended;

        private Running(LaneSource.StopSwitch stopSwitch, CompletionStage<Done> ended) {
            this.stopSwitch = stopSwitch;
            this.ended = ended;
        }

        /** Stops reading and finishes what is on its way. */
        public void stop() {
            stopSwitch.stop();
        }

        /** Completes when the last stage has stopped and every buffer is back, whatever the cause. */
        public CompletionStage<Done> ended() {
            return ended;
        }
    }

    /** Told when a receive queue fails because its device is gone. Called on the lane's thread. */
    @FunctionalInterface
    public interface DeviceLoss {
        void deviceLost(int interfaceId, IOException cause);
    }

    /**
     * Starts the graph in a lane, over these queues. One at a time per lane.
     *
     * @param dispatcher name of the Akka dispatcher that runs it
     */
    public Running run(
            Lane lane,
            List<ReceiveQueue> receiveQueues,
            List<TransmitQueue> transmitQueues,
            DeviceLoss deviceLoss,
            String dispatcher,
            Materializer materializer) {
        LaneSource.StopSwitch stopSwitch = new LaneSource.StopSwitch(lane);
        List<String> sourceEntries = new ArrayList<>(entries);
        int injectEntry = sourceEntries.indexOf(injectAt);
        if (injectEntry < 0) {
            injectEntry = sourceEntries.size();
            sourceEntries.add(injectAt);
        }
        LaneSource source =
                new LaneSource(lane, receiveQueues, sourceEntries, injectEntry, deviceLoss::deviceLost, stopSwitch);
        lane.setKernelEntry(sourceEntries.indexOf(TO_KERNEL));
        CompletionStage<Done> ended = lane.begin(nodes.size() + 1);
        RunnableGraph.fromGraph(GraphDSL.create(builder -> {
                    wire(builder, lane, source, sourceEntries, TransmitStage.descriptor(transmitQueues));
                    return ClosedShape.getInstance();
                }))
                .withAttributes(Attributes.name("lane-" + lane.number())
                        .and(akka.stream.ActorAttributes.dispatcher(dispatcher)))
                .run(materializer);
        return new Running(stopSwitch, ended);
    }

    private void wire(
            GraphDSL.Builder<akka.NotUsed> builder,
            Lane lane,
            LaneSource source,
            List<String> sourceEntries,
            StageDescriptor transmit) {
        LaneSource.Entries sourceShape = builder.add(source);
        Map<String, UniformFanOutShape<PacketVector, PacketVector>> shapes = new LinkedHashMap<>();
        Map<String, List<Outlet<PacketVector>>> incoming = new LinkedHashMap<>();
        for (int i = 0; i < sourceEntries.size(); i++) {
            incoming.computeIfAbsent(sourceEntries.get(i), id -> new ArrayList<>())
                    .add(sourceShape.outlet(i));
        }
        for (Node node : nodes.values()) {
            // Outputs that lead to the same stage share an outlet, which keeps their packets in order.
            List<String> outletTargets = new ArrayList<>();
            int[] routes = new int[node.targets().size()];
            for (int i = 0; i < routes.length; i++) {
                String target = node.targets().get(i);
                if (node.recirculates().get(i)) {
                    routes[i] = -1 - entries.indexOf(target);
                    continue;
                }
                if (!outletTargets.contains(target)) {
                    outletTargets.add(target);
                }
                routes[i] = outletTargets.indexOf(target);
            }
            int dropOutlet = -1;
            if (observesDrops && node.stage().arc() != Arc.DROP) {
                dropOutlet = outletTargets.size();
                outletTargets.add(firstOf(Arc.DROP, "dropped packets"));
            }
            String id = node.stage().id();
            StageDescriptor stage = id.equals(transmit.id()) ? transmit : node.stage();
            UniformFanOutShape<PacketVector, PacketVector> shape =
                    builder.add(new VectorStage(lane, stage, outletTargets.size(), routes, dropOutlet));
            shapes.put(id, shape);
            for (int i = 0; i < outletTargets.size(); i++) {
                incoming.computeIfAbsent(outletTargets.get(i), target -> new ArrayList<>())
                        .add(shape.out(i));
            }
        }
        incoming.forEach((id, outlets) -> {
            UniformFanOutShape<PacketVector, PacketVector> shape = shapes.get(id);
            if (shape == null) {
                throw new IllegalStateException("no shape for " + id);
            }
            connect(builder, id, outlets, shape.in());
        });
    }

    private static void connect(
            GraphDSL.Builder<akka.NotUsed> builder,
            String id,
            List<Outlet<PacketVector>> outlets,
            Inlet<PacketVector> inlet) {
        if (outlets.size() == 1) {
            builder.from(outlets.get(0)).toInlet(inlet);
            return;
        }
        UniformFanInShape<PacketVector, PacketVector> merge = builder.add(new Join(id, outlets.size()));
        for (Outlet<PacketVector> outlet : outlets) {
            builder.from(outlet).viaFanIn(merge);
        }
        builder.from(merge.out()).toInlet(inlet);
    }
}
