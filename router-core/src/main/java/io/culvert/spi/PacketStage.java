// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import io.culvert.packet.PacketVector;

/**
 * One step of the packet path. A stage is a final class in one file that holds its descriptor, settings, outputs, drop
 * reasons, counters and code.
 *
 * <p>There is one instance per lane; every method runs on the lane's thread, never two at once, so plain fields are
 * enough. State shared by lanes comes from {@link StageSetup#shared}. A stage owns no threads and does not log.
 *
 * <p>An exception out of any method is a bug that costs the vector at hand (dropped as {@code stage-fault}) and is
 * reported; the lane goes on.
 *
 * @since 0.1
 */
public interface PacketStage {
    /**
     * Decides every packet of the vector: exactly one of {@link StageContext#send}, {@link StageContext#drop},
     * {@link StageContext#consume}, {@link StageContext#hold}, {@link StageContext#defer}, {@link StageContext#punt} or
     * {@link StageContext#chain} behind another for each. A packet left undecided is dropped as {@code undecided}.
     *
     * @param packets valid during the call only; never empty
     */
    void process(PacketVector packets, StageContext context);

    /**
     * Called with packets that {@link StageContext#defer} has kept, when their time has come: decides them like
     * {@link #process}, and is that unless a stage says otherwise.
     *
     * @param packets those due first in front, of equal ones those that were deferred first; as for {@link #process}
     */
    default void onDue(PacketVector packets, StageContext context) {
        process(packets, context);
    }

    /** Called some time after the delay given to {@link StageContext#wakeAfter} has passed. May send and drop held packets. */
    default void onTimer(StageContext context) {}

    /** Called after the {@link StageSetup#signal} of this stage was run by another thread. May send and drop held packets. */
    default void onSignal(StageContext context) {}

    /**
     * Called once when this instance ends: with the lane, when the graph is made anew as an interface comes or goes or by a
     * reload, and when it has failed too often. Packets still held must be dropped here. Not called of an instance that was
     * made on trial only, to see whether a reload can be applied: a factory must hold nothing that has to be given back.
     */
    default void onStop(StageContext context) {}
}
