// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.function.Supplier;

/** What a stage is made from: one call of its factory per lane. */
public interface StageSetup {
    Settings settings();

    /** This lane's number, from 0. */
    int lane();

    int laneCount();

    /** The object of a type that all lanes of the router share: made by the first lane that asks. Must be thread-safe. */
    <T> T shared(Class<T> type, Supplier<T> factory);

    /** Run it from any thread to have {@link PacketStage#onSignal} called soon; calls that pile up are merged into one. */
    Runnable signal();

    /** The slow path of neighbor discovery. */
    NeighborSignals neighborSignals();
}
