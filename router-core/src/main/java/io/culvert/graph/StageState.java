// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

/** How a stage of a lane does. */
public enum StageState {
    /** It gets its packets. */
    RUNNING,
    /** It has failed again and again, or can't be made, and its packets are dropped until it is tried again. */
    BROKEN,
    /** The same, but packets pass it by. */
    BYPASSED
}
