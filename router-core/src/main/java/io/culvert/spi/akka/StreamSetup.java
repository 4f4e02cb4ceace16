// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi.akka;

import io.culvert.packet.PacketBuffer;
import io.culvert.spi.CounterId;
import io.culvert.spi.Provided;
import io.culvert.spi.Settings;
import java.util.function.Supplier;

/**
 * What a {@link StreamStage}'s flow is made from, and can call while it runs. Safe on every thread.
 *
 * @since 0.1
 */
@Provided
public interface StreamSetup {
    Settings settings();

    /** The number of the lane that the flow works for, from 0. */
    int lane();

    int laneCount();

    /** As {@link io.culvert.spi.StageSetup#shared}: one object for all lanes and the plugin's control side. */
    <T> T shared(Class<T> type, Supplier<T> factory);

    /** Adds to one of the stage's counters. */
    void count(CounterId counter, long amount);

    /**
     * Ends a packet on purpose, which is counted as {@code discarded}; the flow must not use it any more. A packet that
     * just does not come back is missed after a while and counted as {@code lost-in-stream}.
     */
    void discard(PacketBuffer packet);
}
