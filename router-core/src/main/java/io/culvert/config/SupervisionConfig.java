// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import java.time.Duration;
import java.util.Map;

/**
 * What the router does about stages that are at fault.
 *
 * @param whenBroken by stage, for those of which the configuration says something
 * @param stageTimeBudget what a stage may take for one vector
 * @param debugBuffers whether the place is remembered at which stages use each packet
 */
public record SupervisionConfig(Map<String, WhenBroken> whenBroken, Duration stageTimeBudget, boolean debugBuffers) {
    /** What becomes of packets at a stage that keeps failing. */
    public enum WhenBroken {
        DROP,
        BYPASS,
        STOP
    }

    public SupervisionConfig {
        whenBroken = Map.copyOf(whenBroken);
    }

    /** What the configuration says of a stage, or the default. */
    public WhenBroken of(String stage) {
        return whenBroken.getOrDefault(stage, WhenBroken.DROP);
    }
}
