// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import io.culvert.bench.FibLookupBenchmark;
import io.culvert.bench.FibMemory;
import io.culvert.bench.RouteChangeBenchmark;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Measures the forwarding tables at the Internet's size, without packets: the microbenchmarks of them, each in a JVM of its
 * own with the options of this one.
 */
final class Tables {
    private static final Pattern MEMORY = Pattern.compile("(?m)^both +([0-9.]+) +([0-9.]+)$");
    private static final double BYTES_PER_MIB = 1 << 20;
    private static final double BYTES_PER_MB = 1e6;
    private static final double CHANGES_PER_KILO = 1e3;
    private static final long MEASURED_WITHIN_SECONDS = 120;
    /** More addresses than any cache keeps apart. */
    private static final String MANY = "1048576";

    private Tables() {}

    /** Nanoseconds for an address among many random ones, once for each iteration. */
    static List<Double> lookups(Quantity quantity) throws IOException {
        String method = switch (quantity) {
            case LOOKUP_IP4 -> "ip4";
            case LOOKUP_IP6 -> "ip6";
            case LOOKUP_IP6_VECTOR -> "ip6Together";
            default -> throw new IllegalArgumentException(quantity.id());
        };
        return run(FibLookupBenchmark.class, method, "flows", MANY);
    }

    /** Thousands of changes per second, from the candidate routes to what lanes read, while a thread looks up. */
    static List<Double> changes() throws IOException {
        return run(RouteChangeBenchmark.class, "moves", "readers", "1").stream()
                .map(perSecond -> perSecond / CHANGES_PER_KILO)
                .toList();
    }

    private static List<Double> run(Class<?> benchmark, String method, String parameter, String value)
            throws IOException {
        List<Double> scores = new ArrayList<>();
        try {
            for (RunResult result : new Runner(new OptionsBuilder()
                            .include("^" + Pattern.quote(benchmark.getName() + "." + method) + "$")
                            .param(parameter, value)
                            .shouldFailOnError(true)
                            .verbosity(VerboseMode.SILENT)
                            .build())
                    .run()) {
                for (BenchmarkResult fork : result.getBenchmarkResults()) {
                    for (IterationResult iteration : fork.getIterationResults()) {
                        scores.add(iteration.getPrimaryResult().getScore());
                    }
                }
            }
        } catch (RunnerException e) {
            throw new IOException("JMH: " + e.getMessage(), e);
        }
        if (scores.isEmpty()) {
            throw new IOException("JMH measured nothing of " + benchmark.getSimpleName() + "." + method);
        }
        return scores;
    }

    /** Megabytes of heap of forwarding tables and candidate routes together. */
    static double memory() throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), FibMemory.class.getName()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try {
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(MEASURED_WITHIN_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
                throw new IOException(FibMemory.class.getName() + " failed: " + said.strip());
            }
            return megabytes(said);
        } finally {
            process.destroyForcibly();
        }
    }

    /** Reads what {@link FibMemory} prints of both kinds of routes, in MiB: tables alone, then with the candidates. */
    static double megabytes(String printed) throws IOException {
        Matcher line = MEMORY.matcher(printed);
        if (!line.find()) {
            throw new IOException("no memory of both kinds of routes is told: " + printed.strip());
        }
        return Double.parseDouble(line.group(2)) * BYTES_PER_MIB / BYTES_PER_MB;
    }
}
