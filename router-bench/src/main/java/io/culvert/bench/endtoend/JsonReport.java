// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValueFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A run as JSON: every value of every round, the bars, and where it was made. */
final class JsonReport {
    private JsonReport() {}

    /** Writes the text of the file. */
    static String of(Results results, Plan plan, Machine machine) {
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("machine", machine.notes());
        report.put(
                "run",
                Map.of(
                        "quick", plan.quick(),
                        "only", plan.only() == null ? "" : plan.only(),
                        "rounds", plan.rounds(),
                        "seconds", plan.seconds()));
        List<Map<String, Object>> figures = new ArrayList<>();
        for (Figure figure : results.figures()) {
            results.find(figure)
                    .ifPresent(series -> figures.add(Map.of(
                            "scenario", figure.scenario(),
                            "quantity", figure.quantity().id(),
                            "unit", figure.quantity().unit(),
                            "subject", figure.subject(),
                            "median", series.median(),
                            "least", series.least(),
                            "most", series.most(),
                            "values", series.values())));
        }
        report.put("figures", figures);
        List<Map<String, Object>> bars = new ArrayList<>();
        for (Bar bar : Bar.of(results)) {
            Map<String, Object> fields = new LinkedHashMap<>(Map.of(
                    "what", bar.what(),
                    "unit", bar.unit(),
                    "bar", bar.bar(),
                    "reach", bar.reach(),
                    "at-least", bar.atLeast(),
                    "values", bar.values(),
                    "verdict", bar.verdict()));
            bar.value().ifPresent(value -> fields.put("value", value));
            bars.add(fields);
        }
        report.put("bars", bars);
        report.put("failures", results.failures());
        return ConfigValueFactory.fromMap(report)
                        .render(ConfigRenderOptions.concise().setFormatted(true))
                + "\n";
    }
}
