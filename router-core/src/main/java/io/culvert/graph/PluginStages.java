// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.config.Catalog;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.akka.StreamPlugin;
import io.culvert.spi.akka.StreamStage;
import java.util.ArrayList;
import java.util.List;

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
}
