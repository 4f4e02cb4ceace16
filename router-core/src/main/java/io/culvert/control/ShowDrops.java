// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** {@code show drops}: which stage has dropped how many packets, and why. */
final class ShowDrops implements ManagementCommand {
    private final Supplier<CompletionStage<RouterActor.View>> view;

    ShowDrops(Supplier<CompletionStage<RouterActor.View>> view) {
        this.view = view;
    }

    @Override
    public String what() {
        return "drops";
    }

    @Override
    public String summary() {
        return "dropped packets by stage and reason, the most frequent first";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer() {
        return view.get().thenApply(ShowDrops::table);
    }

    private static ManagementAnswer table(RouterActor.View router) {
        ManagementAnswer.Builder table = ManagementAnswer.Table.titled("drops")
                .text("stage")
                .text("reason")
                .number("packets")
                .text("meaning");
        for (RouterCounters.DropRow row : router.counters().drops()) {
            table.row(
                    row.stage(), row.reason().id(), row.packets(), row.reason().text());
        }
        return table.answer();
    }
}
