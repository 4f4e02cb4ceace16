// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import io.culvert.spi.OutPort;
import io.culvert.spi.StageDescriptor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** {@code show graph}: the stages of every arc in the order they run, then those on none, and where their outputs lead. */
final class ShowGraph implements ManagementCommand {
    private final Supplier<CompletionStage<RouterActor.View>> view;

    ShowGraph(Supplier<CompletionStage<RouterActor.View>> view) {
        this.view = view;
    }

    @Override
    public String what() {
        return "graph";
    }

    @Override
    public String summary() {
        return "the stages of each arc in the order they run, and where each output leads";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        return view.get().thenApply(ShowGraph::table);
    }

    private static ManagementAnswer table(RouterActor.View router) {
        ManagementAnswer.Builder table = ManagementAnswer.Table.titled("graph")
                .text("arc")
                .text("stage")
                .text("output")
                .text("leads-to")
                .text("job");
        Map<StageDescriptor, Map<OutPort, String>> stages = new LinkedHashMap<>();
        router.graph().forEachStage(stages::put);
        router.graph()
                .arcs()
                .forEach((arc, onArc) -> onArc.forEach(stage -> addRows(table, arc.id(), stage, stages.remove(stage))));
        stages.forEach((stage, outputs) -> addRows(table, null, stage, outputs));
        return table.answer();
    }

    private static void addRows(
            ManagementAnswer.Builder table,
            @Nullable String arc,
            StageDescriptor stage,
            @Nullable Map<OutPort, String> outputs) {
        if (outputs == null || outputs.isEmpty()) {
            table.row(arc, stage.id(), null, null, stage.job());
        } else {
            outputs.forEach((output, target) -> table.row(arc, stage.id(), output.name(), target, stage.job()));
        }
    }
}
