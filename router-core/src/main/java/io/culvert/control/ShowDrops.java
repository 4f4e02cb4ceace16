// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** {@code show drops}: which stage has dropped how many packets, and why. */
final class ShowDrops implements ManagementCommand {
    /** What the kernel drops before a lane sees it, which is no stage's reason. */
    private static final String RECEIVE_QUEUE_FULL = "receive-queue-full";

    private static final String RECEIVE_QUEUE_FULL_MEANING =
            "The kernel's queue towards the router was full: of a tun or tap, tx-queue-length makes it longer.";

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
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
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
        for (RouterCounters.InterfaceRow row :
                router.counters().interfaces(router.interfaces().all())) {
            if (row.rxMissed() != 0) {
                table.row("interface " + row.name(), RECEIVE_QUEUE_FULL, row.rxMissed(), RECEIVE_QUEUE_FULL_MEANING);
            }
        }
        return table.answer();
    }
}
