// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** {@code show graph}: the stages of every arc in the order they run, and where their outputs lead. */
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
        return "the stages in the order they run, and where each output leads";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer() {
        return view.get().thenApply(ShowGraph::table);
    }

    private static ManagementAnswer table(RouterActor.View router) {
        ManagementAnswer.Builder table = ManagementAnswer.Table.titled("graph")
                .text("arc")
                .text("stage")
                .text("output")
                .text("leads-to")
                .text("job");
        Map<String, String> arcs = new HashMap<>();
        router.graph().arcs().forEach((arc, stages) -> stages.forEach(stage -> arcs.put(stage.id(), arc.id())));
        router.graph().forEachStage((stage, outputs) -> {
            String arc = arcs.get(stage.id());
            if (outputs.isEmpty()) {
                table.row(arc, stage.id(), null, null, stage.job());
            }
            outputs.forEach((output, target) -> table.row(arc, stage.id(), output.name(), target, stage.job()));
        });
        return table.answer();
    }
}
