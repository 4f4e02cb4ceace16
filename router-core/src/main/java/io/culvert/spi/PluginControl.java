// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.List;

/**
 * The control side of a plugin in one router: what operators can ask of it and read from it. Made by
 * {@link RouterPlugin#control} when the router starts. Every method is called once, on the router's own actor, but for
 * {@link #onStop}, and must return soon.
 */
public interface PluginControl {
    /** Of a plugin that has stages alone. */
    PluginControl NONE = new PluginControl() {};

    /**
     * What operators can ask: {@code show}, {@code clear} and {@code set}. One whose command and word are taken already is
     * left out, and the log says so.
     */
    default List<ManagementCommand> commands() {
        return List.of();
    }

    /** What {@code culvert show metrics} tells of the plugin. */
    default List<Metric> metrics() {
        return List.of();
    }

    /** The router ends: its lanes have stopped. Called once, on a thread that may wait; the router waits a second at most. */
    default void onStop() {}
}
