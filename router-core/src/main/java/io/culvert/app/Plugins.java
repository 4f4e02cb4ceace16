// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import io.culvert.config.ConfigFile;
import io.culvert.control.ShowPlugins;
import io.culvert.graph.BuiltInStages;
import io.culvert.graph.RouterGraph;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import java.net.URL;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.regex.Pattern;

/**
 * The stages of this installation: built in, and brought by the plugins on the class path, where the launcher puts the jars of
 * {@code plugins/}. A plugin that is at fault is refused as a whole, with the reason, and all else goes on without it.
 */
final class Plugins {
    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9]*(-[a-z0-9]+)*");

    /** More faulty providers than this are not worth reading about. */
    private static final int MOST_REFUSED = 100;

    private final List<StageDescriptor> stages = new ArrayList<>(BuiltInStages.all());
    private final List<ShowPlugins.Plugin> plugins = new ArrayList<>();

    private Plugins() {}

    /** Those on the class path. */
    static Plugins found() {
        return from(ServiceLoader.load(RouterPlugin.class));
    }

    static Plugins from(ServiceLoader<RouterPlugin> loader) {
        Plugins found = new Plugins();
        Iterator<ServiceLoader.Provider<RouterPlugin>> providers =
                loader.stream().iterator();
        while (found.refused().size() < MOST_REFUSED) {
            try {
                if (!providers.hasNext()) {
                    break;
                }
                found.add(providers.next());
            } catch (ServiceConfigurationError noPlugin) {
                found.refuse("?", "?", 0, "", String.valueOf(noPlugin.getMessage()));
            }
        }
        return found;
    }

    /** The stages of a router here. */
    List<StageDescriptor> stages() {
        return List.copyOf(stages);
    }

    /** All that were found, used or not. */
    List<ShowPlugins.Plugin> all() {
        return List.copyOf(plugins);
    }

    /** A line for each plugin that is not used. */
    List<String> refused() {
        return plugins.stream()
                .filter(plugin -> !plugin.used())
                .map(plugin -> "plugin " + plugin.name() + " of " + plugin.from() + " is not used: " + plugin.problem())
                .toList();
    }

    private void add(ServiceLoader.Provider<RouterPlugin> provider) {
        String from = origin(provider.type());
        String name = provider.type().getName();
        int api = 0;
        String version = "";
        try {
            RouterPlugin plugin = provider.get();
            api = plugin.apiVersion();
            if (api != RouterPlugin.API_VERSION) {
                refuse(
                        name,
                        from,
                        api,
                        version,
                        "it is made for version " + api + " of the plugin API, and this is version "
                                + RouterPlugin.API_VERSION + ": it has to be built against this Culvert");
                return;
            }
            name = checkedName(plugin.name());
            version = plugin.version();
            List<StageDescriptor> brought = List.copyOf(plugin.stages());
            List<StageDescriptor> together = new ArrayList<>(stages);
            together.addAll(brought);
            if (!brought.isEmpty()) { // its faults are then the plugin's: without it all was well
                ConfigFile.checkSections(together);
                new RouterGraph(together);
            }
            stages.addAll(brought);
            plugins.add(new ShowPlugins.Plugin(
                    name,
                    version,
                    api,
                    from,
                    brought.stream().map(StageDescriptor::id).toList(),
                    "",
                    plugin));
        } catch (ServiceConfigurationError | LinkageError | RuntimeException fault) {
            refuse(name, from, api, version, reason(fault));
        }
    }

    private String checkedName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("its name is \"" + name + "\", and has to be in kebab-case");
        }
        if (plugins.stream().anyMatch(other -> other.name().equals(name))) {
            throw new IllegalArgumentException("there is another plugin of this name");
        }
        return name;
    }

    private void refuse(String name, String from, int api, String version, String problem) {
        plugins.add(new ShowPlugins.Plugin(name, version, api, from, List.of(), problem, null));
    }

    /** What failed first, where one failure has led to others: a static initialiser, a constructor. */
    private static String reason(Throwable fault) {
        Throwable first = fault;
        while (first.getCause() != null) {
            first = first.getCause();
        }
        return first instanceof IllegalArgumentException && first.getMessage() != null
                ? first.getMessage()
                : first.toString();
    }

    /** The jar or folder that a class is from. */
    private static String origin(Class<?> type) {
        CodeSource source = type.getProtectionDomain().getCodeSource();
        URL location = source == null ? null : source.getLocation();
        Path file = location == null ? null : Path.of(location.getPath()).getFileName();
        return file == null ? "?" : file.toString();
    }
}
