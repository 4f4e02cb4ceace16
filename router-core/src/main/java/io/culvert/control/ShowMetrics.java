// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import io.culvert.spi.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** {@code show metrics}: what plugins tell of themselves, read at this moment. */
final class ShowMetrics implements ManagementCommand {
    private static final long READ_WITHIN_SECONDS = 2;

    /** A plugin and what it tells. */
    record Source(String plugin, PluginCalls calls, List<Metric> metrics) {}

    private record Value(Metric metric, @Nullable Long value, String problem) {}

    private final Supplier<List<Source>> sources;

    /** @param sources plugin by plugin */
    ShowMetrics(Supplier<List<Source>> sources) {
        this.sources = sources;
    }

    @Override
    public String what() {
        return "metrics";
    }

    @Override
    public String summary() {
        return "values that plugins tell of themselves; what stages count is in counters";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        List<Source> asked = sources.get();
        List<CompletableFuture<List<Value>>> reads =
                asked.stream().map(ShowMetrics::read).toList();
        return CompletableFuture.allOf(reads.toArray(CompletableFuture<?>[]::new))
                .thenApply(all -> table(asked, reads));
    }

    private static CompletableFuture<List<Value>> read(Source source) {
        return source.calls()
                .call(() -> source.metrics().stream().map(ShowMetrics::read).toList(), problem -> problem)
                .orTimeout(READ_WITHIN_SECONDS, TimeUnit.SECONDS)
                .exceptionally(problem -> source.metrics().stream()
                        .map(metric -> new Value(metric, null, " (not read: " + problem + ")"))
                        .toList());
    }

    private static Value read(Metric metric) {
        try {
            return new Value(metric, metric.value().getAsLong(), "");
        } catch (RuntimeException | Error fault) {
            return new Value(metric, null, " (not read: " + fault + ")");
        }
    }

    private static ManagementAnswer table(List<Source> sources, List<CompletableFuture<List<Value>>> reads) {
        ManagementAnswer.Builder table = ManagementAnswer.Table.titled("metrics of plugins")
                .text("plugin")
                .text("metric")
                .text("kind")
                .number("value")
                .text("unit")
                .text("text");
        List<List<Value>> values = new ArrayList<>();
        reads.forEach(read -> values.add(read.join()));
        for (int i = 0; i < sources.size(); i++) {
            String plugin = sources.get(i).plugin();
            values.get(i)
                    .forEach(one -> table.row(
                            plugin,
                            one.metric().name(),
                            one.metric().kind().name().toLowerCase(Locale.ROOT),
                            one.value(),
                            one.metric().unit(),
                            one.metric().text() + one.problem()));
        }
        return table.answer();
    }
}
