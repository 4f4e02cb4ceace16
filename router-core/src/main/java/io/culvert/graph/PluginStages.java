// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.config.Catalog;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.akka.StreamPlugin;
import io.culvert.spi.akka.StreamStage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What a plugin brings, the stages made of Akka Streams flows included. */
public final class PluginStages {
    private PluginStages() {}

    /** Asks a plugin, as {@link Catalog.Plugin#of} does. */
    public static Catalog.Plugin of(RouterPlugin plugin, String from) {
        Catalog.Plugin found = Catalog.Plugin.of(plugin, from);
        if (!(plugin instanceof StreamPlugin withFlows)) {
            return found;
        }
        List<StageDescriptor> stages = new ArrayList<>(found.stages());
        for (StreamStage stream : withFlows.streams()) {
            stages.add(StreamBridge.descriptor(stream, found.name()));
        }
        return new Catalog.Plugin(
                plugin,
                found.name(),
                found.version(),
                found.api(),
                found.from(),
                stages,
                found.interfaceKinds(),
                found.problem());
    }

    /**
     * What is wrong with the stages that a plugin's want to run before and after, or null. They need not be in the graph now;
     * but one that no stage is called, or that stands on another arc, is a slip, by which a stage would stand in the wrong
     * place and nobody be told.
     */
    public static @Nullable String problemOfOrder(Catalog.Plugin plugin, Catalog catalog) {
        Map<String, @Nullable Arc> arcs = new HashMap<>();
        Stream.of(
                        catalog.builtIn().stream(),
                        Stream.of(DropStage.DESCRIPTOR, RouterGraph.end()),
                        catalog.plugins().stream().flatMap(one -> one.stages().stream()))
                .flatMap(stages -> stages)
                .forEach(stage -> arcs.put(stage.id(), stage.arc()));
        for (StageDescriptor stage : plugin.stages()) {
            Arc own = stage.arc();
            List<String> named = new ArrayList<>(stage.before());
            named.addAll(stage.after());
            for (String name : named) {
                String wants = "its stage " + stage.id() + " is to run "
                        + (stage.before().contains(name) ? "before " : "after ") + name;
                if (!arcs.containsKey(name)) {
                    return wants + ", which is no stage of this router nor of a plugin here";
                }
                if (own != arcs.get(name)) {
                    return wants + ", which is " + place(arcs.get(name)) + ", and itself is " + place(own);
                }
            }
        }
        return null;
    }

    private static String place(@Nullable Arc arc) {
        return arc == null ? "on no arc" : "on arc " + arc.id();
    }

    /** For what a lane drops packets at any flow. */
    public static List<DropReason> dropsOfFlows() {
        return List.of(StreamBridge.Drop.values());
    }

    /** What is counted of any flow. */
    public static List<CounterId> countersOfFlows() {
        return List.of(StreamBridge.Counter.values());
    }
}
