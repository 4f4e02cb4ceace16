// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import io.culvert.config.Catalog;
import io.culvert.config.Catalog.Plugin;
import io.culvert.graph.BuiltInStages;
import io.culvert.graph.PluginStages;
import io.culvert.graph.RouterGraph;
import io.culvert.spi.RouterPlugin;
import java.io.File;
import java.io.IOException;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.function.Supplier;
import java.util.jar.JarFile;
import org.jspecify.annotations.Nullable;

/**
 * Finds the plugins on the class path, where the launcher puts the jars of {@code plugins/}. One that is at fault is refused as
 * a whole, with the reason, and all else goes on without it.
 */
final class Plugins {
    private static final String SERVICE = "META-INF/services/" + RouterPlugin.class.getName();
    private static final String FOLDER = "plugins";

    /** More faulty providers than this are not worth reading about. */
    private static final int MOST_REFUSED = 100;

    private Catalog catalog = Catalog.of(BuiltInStages.all());

    private Plugins() {}

    /** What a router here can be made of. */
    static Catalog found() {
        return found(Plugins.class.getClassLoader(), System.getProperty("java.class.path"));
    }

    /** @param classPath with the jars of {@code plugins/}, of which those that can't be read are told */
    static Catalog found(ClassLoader loader, String classPath) {
        Plugins plugins = new Plugins();
        plugins.refuseUnreadable(classPath);
        plugins.load(loader);
        plugins.refuseTwins(loader);
        plugins.refuseUnknownNames();
        return plugins.catalog;
    }

    /** A line for each plugin that is not used. */
    static List<String> refused(Catalog catalog) {
        return catalog.plugins().stream()
                .filter(plugin -> !plugin.used())
                .map(plugin -> "plugin " + plugin.name() + " of " + plugin.from() + " is not used: " + plugin.problem())
                .toList();
    }

    /** The JVM passes over a jar that it can't read, and says nothing. */
    private void refuseUnreadable(String classPath) {
        for (String entry : classPath.split(File.pathSeparator, -1)) {
            Path jar = Path.of(entry);
            Path folder = jar.toAbsolutePath().normalize().getParent();
            if (!entry.endsWith(".jar") || folder == null || !folder.endsWith(FOLDER)) {
                continue;
            }
            String name = String.valueOf(jar.getFileName());
            if (!Files.isReadable(jar)) {
                refuse("?", "?", name, "it is not there, or may not be read");
                continue;
            }
            try (JarFile readable = new JarFile(jar.toFile())) {
                readable.getManifest();
            } catch (IOException | SecurityException damaged) {
                refuse("?", "?", name, "it is damaged or no jar: " + damaged.getMessage());
            }
        }
    }

    private void load(ClassLoader loader) {
        Iterator<ServiceLoader.Provider<RouterPlugin>> providers =
                ServiceLoader.load(RouterPlugin.class, loader).stream().iterator();
        while (refused(catalog).size() < MOST_REFUSED) {
            try {
                if (!providers.hasNext()) {
                    break;
                }
                ServiceLoader.Provider<RouterPlugin> provider = providers.next();
                add(provider.type(), provider);
            } catch (ServiceConfigurationError noPlugin) {
                refuse("?", "?", "?", String.valueOf(noPlugin.getMessage()));
            }
        }
    }

    private void add(Class<? extends RouterPlugin> type, Supplier<RouterPlugin> maker) {
        String from = origin(type);
        RouterPlugin plugin = null;
        Plugin found = null;
        try {
            plugin = maker.get();
            int api = plugin.apiVersion();
            if (api != RouterPlugin.API_VERSION) {
                String why = "it is made for version " + api + " of the plugin API, and this is version "
                        + RouterPlugin.API_VERSION + ": it has to be built against this Culvert";
                add(new Plugin(null, nameOf(plugin, type), "", api, from, List.of(), List.of(), why));
                return;
            }
            found = PluginStages.of(plugin, from);
            Catalog with = catalog.with(found);
            new RouterGraph(with.stages(), with::describe); // its faults are then the plugin's: without it all was well
            catalog = with;
        } catch (RuntimeException | Error fault) {
            String why = reason(fault);
            if (found != null) {
                add(found.refused(why));
            } else {
                refuse(nameOf(plugin, type), "", from, why);
            }
        }
    }

    private void add(Plugin plugin) {
        catalog = catalog.with(plugin);
    }

    private void refuse(String name, String version, String from, String why) {
        add(new Plugin(null, name, version, 0, from, List.of(), List.of(), why));
    }

    /** What the plugin calls itself, if it can tell; else its class. */
    private static String nameOf(@Nullable RouterPlugin plugin, Class<?> type) {
        try {
            if (plugin != null) {
                return plugin.name();
            }
        } catch (RuntimeException | Error fault) {
            // What has failed before is told.
        }
        return type.getName();
    }

    /** Of a class that is in two jars the JVM takes the first, and says nothing. */
    private void refuseTwins(ClassLoader loader) {
        Map<String, String> first = new HashMap<>();
        try {
            for (URL services : Collections.list(loader.getResources(SERVICE))) {
                String from = origin(services);
                for (String provider : providersIn(services)) {
                    String other = first.putIfAbsent(provider, from);
                    if (other != null && !other.equals(from)) {
                        refuse(
                                provider,
                                "",
                                from,
                                "the same plugin is in " + other + ", which is used: one of the two has to go");
                    }
                }
            }
        } catch (IOException unreadable) {
            refuse("?", "", "?", "the jars can't be looked through: " + unreadable.getMessage());
        }
    }

    private static Set<String> providersIn(URL services) throws IOException {
        URLConnection connection = services.openConnection();
        connection.setUseCaches(false);
        Set<String> providers = new HashSet<>();
        try (var in = connection.getInputStream()) {
            new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .map(line -> line.replaceFirst("#.*", "").strip())
                    .filter(line -> !line.isEmpty())
                    .forEach(providers::add);
        }
        return providers;
    }

    private void refuseUnknownNames() {
        for (Plugin plugin : catalog.plugins()) {
            String problem = plugin.used() ? PluginStages.problemOfOrder(plugin, catalog) : null;
            if (problem != null) {
                catalog = catalog.refuse(plugin, problem);
            }
        }
    }

    /** What failed first, where one failure has led to others: a static initialiser, a constructor. */
    private static String reason(Throwable fault) {
        Throwable first = fault;
        while (first.getCause() != null && !(first instanceof IllegalArgumentException)) {
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
        return location == null ? "?" : fileName(location);
    }

    /** The jar or folder that has a services file. */
    private static String origin(URL services) throws IOException {
        if (services.openConnection() instanceof JarURLConnection inJar) {
            return fileName(inJar.getJarFileURL());
        }
        String text = services.toString();
        return fileName(
                URI.create(text.substring(0, text.length() - SERVICE.length())).toURL());
    }

    private static String fileName(URL location) {
        Path file = Path.of(URI.create(location.toString())).getFileName();
        return file == null ? "?" : file.toString();
    }
}
