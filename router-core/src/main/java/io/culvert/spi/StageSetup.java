// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.function.Supplier;

/**
 * What a stage is made from: one call of its factory per lane.
 *
 * @since 0.1
 */
@Provided
public interface StageSetup {
    Settings settings();

    /** This lane's number, from 0. */
    int lane();

    int laneCount();

    /**
     * The object of a type that this stage keeps in this lane: made for the first instance that asks, and given to each
     * that comes after it, be it for a changed configuration, changed interfaces or after faults. The lane's thread alone
     * uses it.
     */
    <T> T kept(Class<T> type, Supplier<T> factory);

    /**
     * The object of a type that all lanes and stages of the router share: made for the first that asks. Must be
     * thread-safe. Like {@link #kept} it outlives the stages that use it. The type should be the plugin's own, as all plugins
     * share one place for each type; its factory must not ask for another shared object.
     */
    <T> T shared(Class<T> type, Supplier<T> factory);

    /** Run it from any thread to have {@link PacketStage#onSignal} called soon; calls that pile up are merged into one. */
    Runnable signal();

    /** The slow path of neighbor discovery. */
    NeighborSignals neighborSignals();
}
