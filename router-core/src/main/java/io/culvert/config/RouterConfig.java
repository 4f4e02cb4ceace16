// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigRenderOptions;
import io.culvert.spi.Settings;
import io.culvert.spi.StageDescriptor;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The checked settings of one router. Immutable.
 *
 * @param name of the router: {@code r1}
 * @param lanes how many lanes, or empty for as many as the machine has processors
 * @param vectorSize the most packets in a vector
 * @param buffersPerLane packets in the pool of each lane
 * @param interfaces in the order of the file, which gives them their ids
 * @param routes static routes, in the order of the file
 * @param supervision what is done about stages that are at fault
 * @param stageSettings by the id of each stage that has keys and is in the graph
 * @param pluginSections those under {@code plugins} that stand in the file, whose stages are in the graph
 * @param effective the whole section of the file with includes and defaults filled in
 * @param akka what the file overrides of Akka's settings, possibly nothing
 */
public record RouterConfig(
        String name,
        OptionalInt lanes,
        int vectorSize,
        int buffersPerLane,
        NeighborConfig neighbor,
        ManagementConfig management,
        List<InterfaceConfig> interfaces,
        List<RouteConfig> routes,
        SupervisionConfig supervision,
        Map<String, StageSettings> stageSettings,
        Set<String> pluginSections,
        ConfigObject effective,
        Config akka) {
    public RouterConfig {
        interfaces = List.copyOf(interfaces);
        routes = List.copyOf(routes);
        stageSettings = Map.copyOf(stageSettings);
        pluginSections = Set.copyOf(pluginSections);
    }

    /**
     * The settings of a stage.
     *
     * @throws IllegalArgumentException when the stage is not in the graph of this configuration
     */
    public Settings settings(StageDescriptor stage) {
        if (stage.keys().isEmpty()) {
            return StageSettings.NONE;
        }
        StageSettings settings = stageSettings.get(stage.id());
        if (settings == null) {
            throw new IllegalArgumentException("stage " + stage.id() + " is not in the graph");
        }
        return settings;
    }

    /** Whether a stage that is in both graphs has the same settings in another configuration. */
    public boolean hasSameSettings(StageDescriptor stage, RouterConfig other) {
        StageSettings here = stageSettings.get(stage.id());
        StageSettings there = other.stageSettings.get(stage.id());
        return here == null || there == null ? here == there : here.isSameAs(there);
    }

    /** The effective {@code router} section as HOCON of many lines, ready to be a file. */
    public String render() {
        return effective
                .atKey("router")
                .root()
                .render(ConfigRenderOptions.defaults()
                        .setOriginComments(false)
                        .setComments(false)
                        .setJson(false));
    }

    /** The effective {@code router} section as JSON of one line. */
    public String renderJson() {
        return effective.atKey("router").root().render(ConfigRenderOptions.concise());
    }
}
