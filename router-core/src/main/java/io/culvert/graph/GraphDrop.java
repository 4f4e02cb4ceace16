// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.spi.DropReason;

/** Why the graph itself, not a stage's own code, drops a packet. Counted at the stage where it happens. */
public enum GraphDrop implements DropReason {
    STAGE_FAULT("The stage failed with an exception, which the log names."),
    STAGE_BROKEN("The stage has failed too often and is being left alone for a while."),
    UNDECIDED("The stage neither sent nor dropped the packet: a bug in the stage."),
    RECIRCULATION_FULL("Too many packets wait to pass through the graph again."),
    NO_INTERFACE("The packet reached transmission without an interface to leave by, or its interface is down."),
    POOL_EXHAUSTED("All packet buffers of the lane were in use."),
    NO_LOCAL_DELIVERY("The stage hands it to the kernel, and the router has no stage local-delivery."),
    LANE_STOPPED("The lane stopped while the packet was on its way.");

    private final String text;

    GraphDrop(String text) {
        this.text = text;
    }

    @Override
    public String text() {
        return text;
    }
}
