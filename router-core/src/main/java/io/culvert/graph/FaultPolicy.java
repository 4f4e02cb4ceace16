// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

/** What happens at a stage that has failed so often that its breaker is open, or that can't be made. */
public enum FaultPolicy {
    /** Packets that reach it are dropped as {@code stage-broken}. */
    DROP,
    /** Packets pass it by to the next stage of its arc. Only for stages that have such an output. */
    BYPASS,
    /** The router ends, with an error that names the stage. Until it has, packets are dropped. */
    STOP
}
