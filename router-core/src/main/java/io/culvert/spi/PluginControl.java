// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.List;

/**
 * The control side of a plugin in one router: what operators can ask of it and read from it. Made by
 * {@link RouterPlugin#control} when the router starts. Each method is called once, on a thread that may wait.
 *
 * <p>Whatever goes wrong here costs the plugin its control side, and is told in the log and by {@code culvert show plugins};
 * its stages go on.
 *
 * @since 0.1
 */
public interface PluginControl {
    /** Of a plugin that has stages alone. */
    PluginControl NONE = new PluginControl() {};

    /**
     * What operators can ask: {@code show}, {@code clear} and {@code set}. One whose command and word are taken already, by
     * the router or a plugin found earlier, is left out.
     */
    default List<ManagementCommand> commands() {
        return List.of();
    }

    /** What {@code culvert show metrics} tells of the plugin. */
    default List<Metric> metrics() {
        return List.of();
    }

    /** The router ends: its lanes have stopped. It waits a second for this at most. */
    default void onStop() {}
}
