// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.config.Catalog;
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
        for (Catalog.Plugin plugin : catalog.plugins()) {
            String lacks = plugin.used() ? impairments.apply(plugin.name()) : "";
            table.row(
                    plugin.name(),
                    plugin.version(),
                    plugin.api(),
                    plugin.from(),
                    plugin.stages().stream().map(StageDescriptor::id).collect(Collectors.joining(" ")),
                    plugin.interfaceKinds().stream().map(InterfaceKind::type).collect(Collectors.joining(" ")),
                    !plugin.used() ? "refused" : !lacks.isEmpty() ? "impaired" : isOff(plugin, on) ? "off" : "used",
                    plugin.used() ? lacks(plugin, lacks, on) : plugin.problem());
        }
        return CompletableFuture.completedFuture(table.answer());
    }

    private static boolean isOff(Catalog.Plugin plugin, Set<String> on) {
        return !plugin.stages().isEmpty()
                && plugin.interfaceKinds().isEmpty()
                && plugin.sections().stream().noneMatch(on::contains);
    }

    /** What is wrong with a plugin that is used, and which of its stages are not in the graph. */
    private static String lacks(Catalog.Plugin plugin, String impairment, Set<String> on) {
        List<String> absent = plugin.sections().stream()
                .filter(section -> !on.contains(section))
                .map(section -> "plugins." + section)
                .toList();
        String sections = absent.isEmpty() ? "" : "no section " + String.join(", ", absent) + " in the file";
        return impairment.isEmpty() || sections.isEmpty() ? impairment + sections : impairment + "; " + sections;
    }
}
