// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.List;

/**
 * What a plugin brings: a public class with a constructor without parameters, named in its jar's
 * {@code META-INF/services/io.culvert.spi.RouterPlugin} and found by {@link java.util.ServiceLoader}. Every getter but two has
 * an empty default, so that a new extension point breaks nobody.
 *
 * <p>A plugin that can't be used is refused as a whole, and the router runs without it, saying why.
 *
 * @since 0.1
 */
public interface RouterPlugin {
    /** The version of this API. It is raised by each change that breaks plugins which were compiled before. */
    int API_VERSION = 1;

    /** Kebab-case, unique among the loaded plugins. */
    String name();

    /**
     * The API that the plugin was compiled against: {@code return RouterPlugin.API_VERSION;}, of which the compiler puts the
     * number into the plugin.
     */
    int apiVersion();

    /** The plugin's own version, for operators; empty when it has none. */
    default String version() {
        return "";
    }

    default List<StageDescriptor> stages() {
        return List.of();
    }

    /** Kinds of interfaces, each with a {@code type} of its own. */
    default List<InterfaceKind> interfaceKinds() {
        return List.of();
    }

    /**
     * Makes the plugin's control side for a router that starts, on a thread that may wait, for five seconds at most. One that
     * throws is told of in the log and by {@code culvert show plugins}, and the router goes on with the plugin's stages but
     * without its control side.
     */
    default PluginControl control(PluginContext context) {
        return PluginControl.NONE;
    }
}
