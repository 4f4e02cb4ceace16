// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.testkit.RequiresNamespaces;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

@RequiresNamespaces
@Timeout(60)
final class BenchIT {
    private static final Path NAMESPACES = Path.of("/run/netns");

    @TempDir
    private Path output;

    /** Tests run in the folder of the module. */
    @BeforeAll
    static void findTheSources() {
        System.setProperty("culvert.home", Path.of("..").toString());
    }

    @AfterAll
    static void forgetThem() {
        System.clearProperty("culvert.home");
    }

    @Test
    void measuresRoundTripsBesideLimitsAndKernelAndLeavesNothing() throws Exception {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exit = new CommandLine(new BenchCommand())
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(
                        "--quick",
                        "--only",
                        "tun-tun/rtt-idle",
                        "--rounds",
                        "1",
                        "--seconds",
                        "1",
                        "--output",
                        output.toString());

        assertThat(err.toString()).isEmpty();
        assertThat(exit).isZero();
        assertThat(out.toString()).contains("culvert/cfwd", "culvert/kernel", "RTT, idle, p99, µs", "not measured");
        assertThat(output.resolve("benchmarks.json")).content().contains("rtt-idle-median");
        assertThat(output.resolve("benchmarks.svg")).exists();
        assertThat(output.resolve("benchmarks.md")).content().contains("## tun-tun");
        assertThat(namespaces()).noneMatch(name -> name.startsWith("cvb-"));
    }

    private static List<String> namespaces() throws Exception {
        if (!Files.isDirectory(NAMESPACES)) {
            return List.of();
        }
        try (Stream<Path> names = Files.list(NAMESPACES)) {
            return names.map(name -> name.getFileName().toString()).toList();
        }
    }
}
