// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;

/**
 * Runs microbenchmarks, as JMH's own main class does and with its arguments, {@code -prof gc} among them. Progress goes to
 * standard error, and at the end tables in Markdown to standard output, one for each class of benchmarks: what {@code
 * docs/microbenchmarks.md} shows.
 */
public final class BenchmarkTable {
    /** The benchmark whose score is taken off the others of its class and parameters. */
    private static final String BASELINE = "baseline";

    private static final String ALLOCATED = "gc.alloc.rate.norm";
    private static final MathContext DIGITS = new MathContext(3);

    private BenchmarkTable() {}

    /**
     * One benchmark with one choice of parameters.
     *
     * @param type the simple name of its class
     * @param score in units of {@code unit}, as JMH writes it
     * @param error half of the confidence interval of 99.9 % around the score
     * @param bytes allocated per operation
     */
    record Row(
            String type,
            String method,
            Map<String, String> parameters,
            double score,
            double error,
            String unit,
            double bytes) {
        static Row of(RunResult result) {
            BenchmarkParams benchmark = result.getParams();
            String[] names = benchmark.getBenchmark().split("\\.", -1);
            Map<String, String> parameters = new LinkedHashMap<>();
            for (String key : benchmark.getParamsKeys()) {
                parameters.put(key, benchmark.getParam(key));
            }
            Result<?> primary = result.getPrimaryResult();
            Result<?> allocated =
                    Objects.requireNonNull(result.getSecondaryResults().get(ALLOCATED), "to be run with -prof gc");
            return new Row(
                    names[names.length - 2],
                    names[names.length - 1],
                    parameters,
                    primary.getScore(),
                    primary.getScoreError(),
                    primary.getScoreUnit(),
                    allocated.getScore());
        }

        Row without(Row baseline) {
            return new Row(
                    type,
                    method,
                    parameters,
                    score - baseline.score,
                    error + baseline.error,
                    unit,
                    bytes - baseline.bytes);
        }

        String text() {
            List<String> words = new ArrayList<>(List.of(method));
            words.addAll(parameters.values());
            return String.format(
                    Locale.ROOT,
                    "| `%s` | %s | %s | %s |%n",
                    String.join(" ", words),
                    digits(score),
                    digits(error),
                    new BigDecimal(bytes).setScale(2, RoundingMode.HALF_EVEN)); // which knows no -0.00
        }

        private static String digits(double value) {
            return Double.isFinite(value)
                    ? new BigDecimal(value).round(DIGITS).toPlainString()
                    : "unknown"; // the error of a single iteration
        }
    }

    public static void main(String[] arguments) throws RunnerException, CommandLineOptionException, IOException {
        PrintStream tables = System.out;
        System.setOut(System.err);
        Collection<RunResult> results = new Runner(new CommandLineOptions(arguments)).run();
        tables.print(machine());
        tables.print(tables(results.stream().map(Row::of).toList()));
    }

    private static String machine() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            String model = lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.replaceFirst(".*: *", ""))
                    .findFirst()
                    .orElse(System.getProperty("os.arch"));
            return String.format(
                    "%d × %s, %s %s, %s %s%n",
                    Runtime.getRuntime().availableProcessors(),
                    model,
                    System.getProperty("os.name"),
                    System.getProperty("os.version"),
                    System.getProperty("java.vm.name"),
                    System.getProperty("java.runtime.version"));
        }
    }

    /** The tables of all classes, in the order of their first rows, each behind an empty line. */
    static String tables(List<Row> rows) {
        Map<String, List<Row>> byType = new LinkedHashMap<>();
        for (Row row : rows) {
            byType.computeIfAbsent(row.type, type -> new ArrayList<>()).add(row);
        }
        StringBuilder text = new StringBuilder();
        byType.forEach((type, ofType) -> text.append(table(type, ofType)));
        return text.toString();
    }

    private static String table(String type, List<Row> rows) {
        Map<Map<String, String>, Row> baselines = new LinkedHashMap<>();
        for (Row row : rows) {
            if (row.method.equals(BASELINE)) {
                baselines.put(row.parameters, row);
            }
        }
        String unit = rows.get(0).unit;
        StringBuilder text = new StringBuilder(String.format(
                "%n| `%s` | %s | ± | bytes allocated |%n|---|---:|---:|---:|%n",
                type, unit.equals("ns/op") ? "ns" : unit.replace("ops/s", "per second")));
        for (Row row : rows) {
            Row baseline = baselines.get(row.parameters);
            if (!row.method.equals(BASELINE)) {
                text.append((baseline == null ? row : row.without(baseline)).text());
            }
        }
        return text.toString();
    }
}
