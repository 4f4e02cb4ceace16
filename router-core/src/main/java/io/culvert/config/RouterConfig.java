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
 * @param bypassWhenBroken ids of stages that packets pass by while their breaker is open
 * @param stageSettings by section
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
        Set<String> bypassWhenBroken,
        Map<String, StageSettings> stageSettings,
        ConfigObject effective,
        Config akka) {
    public RouterConfig {
        interfaces = List.copyOf(interfaces);
        routes = List.copyOf(routes);
        bypassWhenBroken = Set.copyOf(bypassWhenBroken);
        stageSettings = Map.copyOf(stageSettings);
    }

    /**
     * The settings of a stage.
     *
     * @throws IllegalArgumentException when the stage was not among those the file was checked against
     */
    public Settings settings(StageDescriptor stage) {
        if (stage.keys().isEmpty()) {
            return StageSettings.NONE;
        }
        StageSettings settings = stageSettings.get(stage.section());
        if (settings == null) {
            throw new IllegalArgumentException("the configuration was read without stage " + stage.id());
        }
        return settings;
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
