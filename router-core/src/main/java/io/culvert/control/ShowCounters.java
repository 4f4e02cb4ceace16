// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import io.culvert.telemetry.LaneLedger;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** {@code show counters}: the account of packets, what went through each stage, and what stages count. */
final class ShowCounters implements ManagementCommand {
    private final Supplier<CompletionStage<RouterActor.View>> view;

    ShowCounters(Supplier<CompletionStage<RouterActor.View>> view) {
        this.view = view;
    }

    @Override
    public String what() {
        return "counters";
    }

    @Override
    public String summary() {
        return "packets by stage, what stages count, and the account of all lanes";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        return view.get().thenApply(ShowCounters::table);
    }

    private static ManagementAnswer table(RouterActor.View router) {
        RouterCounters counters = router.counters();
        ManagementAnswer.Builder table = ManagementAnswer.Table.titled("counters")
                .text("stage")
                .text("counter")
                .number("value")
                .text("meaning");
        for (LaneLedger.Entry entry : LaneLedger.Entry.values()) {
            table.row("router", entry.name().toLowerCase(Locale.ROOT), counters.ledger(entry), entry.text());
        }
        for (RouterCounters.StageRow row : counters.stages()) {
            table.row(row.stage(), "packets", row.packets(), "Packets that came to the stage.");
            table.row(row.stage(), "vectors", row.vectors(), "Vectors they came in.");
        }
        for (RouterCounters.CountRow row : counters.counts()) {
            table.row(
                    row.stage(), row.counter().id(), row.amount(), row.counter().text());
        }
        return table.answer();
    }
}
