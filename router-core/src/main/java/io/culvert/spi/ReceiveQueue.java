// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketVector;
import java.io.IOException;

/**
 * One receive queue of an interface, read by one lane. All methods but {@link #arm}'s callback run on the lane's thread.
 *
 * @since 0.1
 */
public interface ReceiveQueue {
    int interfaceId();

    /**
     * Takes what is there, without waiting, into packets from the pool: window, link or network offset, offload state and
     * receive interface set.
     *
     * @return how many packets were added; 0 when nothing is there
     * @throws IOException when the device is gone; the lane then leaves the queue alone and reports it. What was added before
     *     counts as received, here as after any other exception
     */
    int receive(PacketVector into, BufferPool pool) throws IOException;

    /**
     * Tells of packets that {@link #receive} has taken from the device and dropped by itself, each once; called behind each
     * receive. They count as received.
     */
    default void reportDropped(DropLog log) {}

    /** Where a queue reports what it has dropped. */
    @FunctionalInterface
    interface DropLog {
        /**
         * Some packets were dropped.
         *
         * @param reason one of those that the interface's kind declares
         */
        void dropped(DropReason reason, int packets, long bytes);
    }

    /**
     * Asks to be told once when something is there to receive; asked again after each time, when {@link #receive} has
     * answered 0. What arrived in between counts.
     *
     * @param wake may be called on any thread, also before this returns
     */
    void arm(Runnable wake);
}
