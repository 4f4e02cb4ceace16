// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.config.Catalog;
import io.culvert.config.InterfaceConfig;
import io.culvert.config.RouterConfig;
import io.culvert.spi.InterfaceKind;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import io.culvert.spi.StageDescriptor;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** {@code show plugins}: which plugins were found at the start, what they bring, and whether it is in the graph or why not. */
final class ShowPlugins implements ManagementCommand {
    private final Catalog catalog;
    private final Supplier<RouterConfig> config;
    private final UnaryOperator<String> impairments;

    /** @param impairments what a plugin that is used lacks, by its name; empty when nothing */
    ShowPlugins(Catalog catalog, Supplier<RouterConfig> config, UnaryOperator<String> impairments) {
        this.impairments = impairments;
        this.catalog = catalog;
        this.config = config;
    }

    @Override
    public String what() {
        return "plugins";
    }

    @Override
    public String summary() {
        return "plugins that were found, what they bring, and why one is not used";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        ManagementAnswer.Builder table = ManagementAnswer.Table.titled("plugins")
                .text("plugin")
                .text("version")
                .number("api")
                .text("from")
                .text("stages")
                .text("interface-types")
                .text("state")
                .text("problem");
        Set<String> on = config.get().pluginSections();
        Set<String> types =
                config.get().interfaces().stream().map(InterfaceConfig::type).collect(Collectors.toSet());
        for (Catalog.Plugin plugin : catalog.plugins()) {
            String lacks = plugin.used() ? impairments.apply(plugin.name()) : "";
            table.row(
                    plugin.name(),
                    plugin.version(),
                    plugin.api(),
                    plugin.from(),
                    plugin.stages().stream().map(StageDescriptor::id).collect(Collectors.joining(" ")),
                    plugin.interfaceKinds().stream().map(InterfaceKind::type).collect(Collectors.joining(" ")),
                    !plugin.used()
                            ? "refused"
                            : !lacks.isEmpty() ? "impaired" : isOff(plugin, on, types) ? "off" : "used",
                    plugin.used() ? lacks(plugin, lacks, on, types) : plugin.problem());
        }
        return CompletableFuture.completedFuture(table.answer());
    }

    /** Whether all that the plugin brings for a configuration to use is unused. */
    private static boolean isOff(Catalog.Plugin plugin, Set<String> on, Set<String> types) {
        return !(plugin.stages().isEmpty() && plugin.interfaceKinds().isEmpty())
                && plugin.sections().stream().noneMatch(on::contains)
                && plugin.interfaceKinds().stream().noneMatch(kind -> types.contains(kind.type()));
    }

    /** What is wrong with a plugin that is used, and what of it the configuration does not use. */
    private static String lacks(Catalog.Plugin plugin, String impairment, Set<String> on, Set<String> types) {
        List<String> absent = plugin.sections().stream()
                .filter(section -> !on.contains(section))
                .map(section -> "plugins." + section)
                .toList();
        List<String> unused = plugin.interfaceKinds().stream()
                .map(InterfaceKind::type)
                .filter(type -> !types.contains(type))
                .toList();
        return Stream.of(
                        impairment,
                        absent.isEmpty() ? "" : "no section " + String.join(", ", absent) + " in the file",
                        unused.isEmpty() ? "" : "no interface of type " + String.join(", ", unused) + " in the file")
                .filter(part -> !part.isEmpty())
                .collect(Collectors.joining("; "));
    }
}
