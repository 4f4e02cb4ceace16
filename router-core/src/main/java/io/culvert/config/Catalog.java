// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.InterfaceKind;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a router here can be made of: the built-in stages and what plugins bring. Which of it a router has, its configuration
 * says: the built-in stages always, and a plugin's stage exactly when its section stands under {@code router.plugins}.
 * Immutable.
 */
public final class Catalog {
    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9]*(-[a-z0-9]+)*");

    /**
     * A plugin that was found. Its getters have been called once, so that what they answered holds.
     *
     * @param plugin null when it is not used
     * @param api the version of the plugin API that it is made for, or 0 when it does not say
     * @param from the jar or folder with its class
     * @param problem why it is not used; empty when it is
     */
    public record Plugin(
            @Nullable RouterPlugin plugin,
            String name,
            String version,
            int api,
            String from,
            List<StageDescriptor> stages,
            List<InterfaceKind> interfaceKinds,
            String problem) {
        public Plugin {
            stages = List.copyOf(stages);
            interfaceKinds = List.copyOf(interfaceKinds);
        }

        /** Asks a plugin for what it brings; whatever that throws, it throws. */
        public static Plugin of(RouterPlugin plugin, String from) {
            return new Plugin(
                    plugin,
                    plugin.name(),
                    plugin.version(),
                    plugin.apiVersion(),
                    from,
                    plugin.stages(),
                    plugin.interfaceKinds(),
                    "");
        }

        /** The same plugin, not used. */
        public Plugin refused(String why) {
            return new Plugin(null, name, version, api, from, stages, interfaceKinds, why);
        }

        public boolean used() {
            return problem.isEmpty();
        }

        /** The sections of its stages, which stand under {@code router.plugins}. */
        public Set<String> sections() {
            return stages.stream().map(StageDescriptor::section).collect(Collectors.toCollection(LinkedHashSet::new));
        }
    }

    private final List<StageDescriptor> builtIn;
    private final List<Plugin> plugins;

    private Catalog(List<StageDescriptor> builtIn, List<Plugin> plugins) {
        this.builtIn = List.copyOf(builtIn);
        this.plugins = List.copyOf(plugins);
    }

    /** Without plugins. */
    public static Catalog of(Collection<StageDescriptor> builtIn) {
        return new Catalog(List.copyOf(builtIn), List.of());
    }

    /**
     * With one plugin more.
     *
     * @throws IllegalArgumentException telling what is wrong with a plugin that is to be used
     */
    public Catalog with(Plugin plugin) {
        List<Plugin> all = new ArrayList<>(plugins);
        all.add(plugin);
        Catalog with = new Catalog(builtIn, all);
        if (plugin.used()) {
            if (plugin.api() != RouterPlugin.API_VERSION) {
                throw new IllegalArgumentException("it is made for version " + plugin.api()
                        + " of the plugin API, and this is version " + RouterPlugin.API_VERSION
                        + ": it has to be built against this Culvert");
            }
            checkNames(plugin);
            new RouterSection(with); // which tells what is wrong with keys and with kinds of interfaces
        }
        return with;
    }

    private void checkNames(Plugin plugin) {
        if (!NAME.matcher(plugin.name()).matches()) {
            throw new IllegalArgumentException("its name is \"" + plugin.name() + "\", and has to be in kebab-case");
        }
        if (used().anyMatch(other -> other.name().equals(plugin.name()))) {
            throw new IllegalArgumentException("there is another plugin of this name");
        }
        Set<String> own = new HashSet<>();
        for (StageDescriptor stage : plugin.stages()) {
            if (!own.add(stage.id())) {
                throw new IllegalArgumentException("two of its stages are called " + stage.id());
            }
            checkStage(stage);
        }
        for (String section : plugin.sections()) {
            used().filter(other -> other.sections().contains(section)).forEach(other -> {
                throw new IllegalArgumentException(
                        "its section " + section + " is one of plugin " + other.name() + " already");
            });
        }
    }

    private void checkStage(StageDescriptor stage) {
        String id = stage.id();
        if (!NAME.matcher(id).matches()) {
            throw new IllegalArgumentException("its stage \"" + id + "\" is not called in kebab-case");
        }
        if (builtIn.stream().anyMatch(other -> other.id().equals(id))) {
            throw new IllegalArgumentException("its stage " + id + " has the name of a built-in one");
        }
        Plugin owner = pluginOf(id);
        if (owner != null) {
            throw new IllegalArgumentException("its stage " + id + " has the name of one of plugin " + owner.name());
        }
        if (!NAME.matcher(stage.section()).matches()) {
            throw new IllegalArgumentException(
                    "section \"" + stage.section() + "\" of its stage " + id + " is not called in kebab-case");
        }
        checkIds(stage, "drop reason", stage.drops(), DropReason::id);
        checkIds(stage, "counter", stage.counters(), CounterId::id);
    }

    private static <T> void checkIds(StageDescriptor stage, String what, List<T> things, Function<T, String> id) {
        Set<String> seen = new HashSet<>();
        for (T thing : things) {
            String name = id.apply(thing);
            if (!NAME.matcher(name).matches()) {
                throw new IllegalArgumentException(
                        what + " \"" + name + "\" of its stage " + stage.id() + " is not called in kebab-case");
            }
            if (!seen.add(name)) {
                throw new IllegalArgumentException("its stage " + stage.id() + " has two " + what + "s " + name);
            }
        }
    }

    /** The same with a plugin not used for a reason. */
    public Catalog refuse(Plugin plugin, String why) {
        return new Catalog(
                builtIn,
                plugins.stream()
                        .map(one -> one.equals(plugin) ? one.refused(why) : one)
                        .toList());
    }

    public List<StageDescriptor> builtIn() {
        return builtIn;
    }

    /** All that were found, used or not, in the order they were. */
    public List<Plugin> plugins() {
        return plugins;
    }

    private Stream<Plugin> used() {
        return plugins.stream().filter(Plugin::used);
    }

    /** Every stage that can be in the graph: the built-in ones first. */
    public List<StageDescriptor> stages() {
        return Stream.concat(builtIn.stream(), pluginStages().stream()).toList();
    }

    /** The kinds of interfaces that plugins bring. */
    public List<InterfaceKind> interfaceKinds() {
        return used().flatMap(plugin -> plugin.interfaceKinds().stream()).toList();
    }

    List<StageDescriptor> pluginStages() {
        return used().flatMap(plugin -> plugin.stages().stream()).toList();
    }

    /** The stages that are in the graph of a router with this configuration. */
    public List<StageDescriptor> stagesOf(RouterConfig config) {
        return Stream.concat(
                        builtIn.stream(),
                        pluginStages().stream()
                                .filter(stage -> config.pluginSections().contains(stage.section())))
                .toList();
    }

    /** The keys of the {@code router} section that hold settings of stages, those of plugins included. */
    public Set<String> stageSections() {
        Set<String> sections = new LinkedHashSet<>();
        builtIn.stream().filter(stage -> !stage.keys().isEmpty()).forEach(stage -> sections.add(stage.section()));
        sections.add(RouterSection.PLUGINS);
        return sections;
    }

    /** Where the settings of a stage stand in the file: {@code plugins.mss-clamp}. */
    public String path(StageDescriptor stage) {
        return pluginOf(stage.id()) == null ? stage.section() : RouterSection.PLUGINS + "." + stage.section();
    }

    /** The plugin that brings a stage; null for a built-in one, and for one that does not exist. */
    public @Nullable Plugin pluginOf(String stage) {
        return used().filter(plugin ->
                        plugin.stages().stream().anyMatch(one -> one.id().equals(stage)))
                .findFirst()
                .orElse(null);
    }

    /** A stage by its id as a person would call it, with its plugin. */
    public String describe(String stage) {
        Plugin owner = pluginOf(stage);
        return owner == null ? stage : stage + " of plugin " + owner.name();
    }

    /** What stands under {@code router.plugins} though nothing here has such a section: why, as the end of a sentence. */
    @Nullable
    String whyNoPluginSection(String section) {
        for (Plugin plugin : plugins) {
            if (!plugin.used()
                    && (plugin.name().equals(section) || plugin.sections().contains(section))) {
                return "can't be used, as plugin " + plugin.name() + " of " + plugin.from() + " is refused: "
                        + plugin.problem();
            }
        }
        if (builtIn.stream()
                .anyMatch(stage ->
                        stage.section().equals(section) && !stage.keys().isEmpty())) {
            return "is of a built-in stage: it stands beside plugins, not in there";
        }
        List<String> sections =
                StageSections.of(pluginStages()).keySet().stream().toList();
        return sections.isEmpty() ? "is unknown: no plugin is there that would have sections" : null;
    }
}
