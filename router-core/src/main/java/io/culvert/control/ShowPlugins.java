// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import io.culvert.spi.RouterPlugin;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** {@code show plugins}: which plugins were found at the start, what they bring, and why one is not used. */
public final class ShowPlugins implements ManagementCommand {
    /**
     * A plugin that was found.
     *
     * @param api the version of the plugin API that it is made for, or 0 when it does not say
     * @param from the jar or folder with its class
     * @param stages ids of the stages that it brings
     * @param problem why it is not used; empty when it is
     * @param plugin the plugin itself when it is used, else null
     */
    public record Plugin(
            String name,
            String version,
            int api,
            String from,
            List<String> stages,
            String problem,
            @Nullable RouterPlugin plugin) {
        public Plugin {
            stages = List.copyOf(stages);
        }

        public boolean used() {
            return problem.isEmpty();
        }
    }

    private final List<Plugin> plugins;
    private final UnaryOperator<String> impairments;

    /** @param impairments what a plugin that is used lacks, by its name; empty when nothing */
    ShowPlugins(List<Plugin> plugins, UnaryOperator<String> impairments) {
        this.plugins = List.copyOf(plugins);
        this.impairments = impairments;
    }

    @Override
    public String what() {
        return "plugins";
    }

    @Override
    public String summary() {
        return "plugins that were found, the stages that they bring, and what is wrong with one";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        ManagementAnswer.Builder table = ManagementAnswer.Table.titled("plugins")
                .text("plugin")
                .text("version")
                .number("api")
                .text("from")
                .text("stages")
                .text("state")
                .text("problem");
        for (Plugin plugin : plugins) {
            String lacks = plugin.used() ? impairments.apply(plugin.name()) : "";
            table.row(
                    plugin.name(),
                    plugin.version(),
                    plugin.api(),
                    plugin.from(),
                    String.join(" ", plugin.stages()),
                    !plugin.used() ? "refused" : lacks.isEmpty() ? "used" : "impaired",
                    plugin.used() ? lacks : plugin.problem());
        }
        return CompletableFuture.completedFuture(table.answer());
    }
}
