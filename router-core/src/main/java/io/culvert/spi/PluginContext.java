// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The router as the control side of a plugin sees it. Safe on every thread.
 *
 * @since 0.1
 */
@Provided
public interface PluginContext {
    /** The router's name, as configured. */
    String routerName();

    /**
     * The object of a type that the plugin's stages in all lanes share: the very one that {@link StageSetup#shared} gives
     * them. Made by whoever asks first, which may be either side. Must be thread-safe.
     */
    <T> T shared(Class<T> type, Supplier<T> factory);

    /**
     * The settings of one of the plugin's stages, or null when the stage is not in this router.
     *
     * @param stage its id
     */
    @Nullable
    Settings settings(String stage);

    /** The router's interfaces, now. */
    InterfaceTable interfaces();

    /** The forwarding table, now and later. */
    FibView fib();

    /** The neighbor table, now and later. */
    NeighborView neighbors();
}
