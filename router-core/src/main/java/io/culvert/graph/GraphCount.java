// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.spi.CounterId;

/** What the graph counts of every stage, besides packets. */
public enum GraphCount implements CounterId {
    FAULTS("Calls of the stage that failed."),
    OVERRUNS("Calls of the stage that took longer than its time budget."),
    RESTARTS("Times that the stage was made anew after faults.");

    private final String text;

    GraphCount(String text) {
        this.text = text;
    }

    @Override
    public String text() {
        return text;
    }
}
