// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import java.time.Duration;
import java.util.List;

/**
 * A stage that has the lane's thread for longer than its time budget, with one vector or timer.
 *
 * @param soFar how long, at least
 * @param step what is done about it
 * @param where the thread stands: the stage's own calls, the innermost first
 */
public record Overrun(Duration soFar, Step step, List<StackTraceElement> where) {
    /** How far it has come. */
    public enum Step {
        /** It is over its budget. */
        LATE,
        /** It is so far over it that the thread was interrupted. */
        INTERRUPTED,
        /** It did not heed that: its lane stands still until it returns. */
        STUCK
    }

    public Overrun {
        where = List.copyOf(where);
    }
}
