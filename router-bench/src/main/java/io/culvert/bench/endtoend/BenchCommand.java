// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import io.culvert.app.Culvert;
import io.culvert.ffi.Capability;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code culvert bench}, as the launcher starts it in a source tree. */
@Command(
        name = "culvert bench",
        description =
                "Measure Culvert beside bare C forwarders and the kernel, between network namespaces made for it.",
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:measured, also where a bar is missed",
            "1:something could not be measured",
            "2:wrong usage, or no scenario has the TEXT of --only in its name",
            "77:a capability, a permission or a program is missing"
        },
        footer = {
            "",
            "Scenarios are named PAIR/MEASURE, with PAIR one of tun-tun, packet-packet, tap-tap, tun-packet and MEASURE"
                    + " one of tcp-1, tcp-8, udp-18, udp-512, udp-1400, rtt-idle, rtt-loaded, most also with -ip6 behind it,"
                    + " udp-18-spread and rtt-rested; then process/start, process/idle, process/pauses,"
                    + " process/allocated; and tables/lookups, tables/changes, tables/memory.",
            "A full run takes about 25 minutes with --rounds 3 --seconds 2 on two cores, and about 35 as it is by itself;"
                    + " with --quick it is less than one. Before it, what has changed is built.",
            "Results compare within one run only. Leave the machine alone meanwhile.",
            "Microbenchmarks are run by: culvert bench --micro"
        })
final class BenchCommand implements Callable<Integer> {
    /** The source tree; the launcher says where. */
    private static final String HOME = "culvert.home";

    /** The program that runs Culvert, where it is not to be run as this process was. */
    private static final String LAUNCHER = "culvert.launcher";

    @Option(
            names = "--quick",
            description =
                    "The essential alone, in less than a minute: TCP, UDP and round trips between tuns, TCP between packet"
                            + " sockets, the start, and memory and CPU at rest.")
    private boolean quick;

    @Option(names = "--only", paramLabel = "TEXT", description = "Only the scenarios with this in their name.")
    private @Nullable String only;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            description =
                    "How often each measurement that has a bar is repeated (5; with --quick 3 for TCP and UDP between tuns,"
                            + " and one for all else, whatever N); others are at most 3 times. What was measured once gets no"
                            + " verdict, but for pauses, allocation and the memory of tables.")
    private @Nullable Integer rounds;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            description =
                    "How long one measurement lasts (2, or 1 with --quick); TCP and UDP without a bar half as long.")
    private @Nullable Integer seconds;

    @Option(
            names = "--output",
            paramLabel = "DIR",
            description = "Where benchmarks.md, benchmarks.svg and benchmarks.json go (router-bench/target).")
    private @Nullable Path output;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    @SuppressWarnings("unused") // picocli shows the help by itself
    private boolean help;

    @Spec
    private CommandSpec spec;

    /** Runs the command, and exits the JVM. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new BenchCommand())
                .setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8))
                .execute(args));
    }

    @Override
    public Integer call() throws InterruptedException {
        PrintWriter err = spec.commandLine().getErr();
        PrintWriter out = spec.commandLine().getOut();
        Plan plan = plan();
        Path tree = Path.of(System.getProperty(HOME, ".")).toAbsolutePath().normalize();
        Path module = tree.resolve("router-bench");
        try {
            Set<Capability> missing = EnumSet.of(Capability.CAP_NET_ADMIN, Capability.CAP_SYS_ADMIN);
            missing.removeAll(Capability.effective());
            if (!missing.isEmpty()) {
                err.println("culvert: network namespaces need "
                        + missing.stream().map(Enum::name).collect(Collectors.joining(" and ")) + "; run as root");
                return Culvert.EXIT_NO_PERMISSION;
            }
            Machine machine = Machine.look(tree);
            machine.notes().forEach((what, note) -> out.println(what + ": " + note));
            out.println();
            Yardsticks yardsticks = new Yardsticks(module.resolve("src/main/c"), module.resolve("target/yardsticks"));
            Results results = new Bench(plan, culvert(module), yardsticks, out).run();
            if (results.figures().isEmpty() && results.failures().isEmpty()) {
                err.println("culvert: nothing was measured; no scenario" + (quick ? " of a quick run" : "")
                        + " has this in its name: " + only);
                return Culvert.EXIT_USAGE;
            }
            List<Bar> bars = Bar.of(results);
            out.println(Bar.table(bars).text());
            bars.stream().filter(Bar::missed).forEach(bar -> out.println("\n" + Page.withoutLinks(bar.shortfall())));
            write(output == null ? module.resolve("target") : output, results, plan, machine, out);
            results.failures().forEach(failure -> err.println("culvert: not measured: " + failure));
            return results.failures().isEmpty() ? Culvert.EXIT_OK : Culvert.EXIT_FAILED;
        } catch (InterruptedException e) {
            err.println("culvert: interrupted; everything is removed");
            return Culvert.EXIT_FAILED;
        } catch (IOException e) {
            err.println("culvert: " + e.getMessage());
            return Culvert.EXIT_FAILED;
        }
    }

    private static void write(Path folder, Results results, Plan plan, Machine machine, PrintWriter out)
            throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("benchmarks.json"), JsonReport.of(results, plan, machine));
        Files.writeString(folder.resolve("benchmarks.svg"), Chart.of(results));
        Path page = Files.writeString(folder.resolve("benchmarks.md"), Page.of(results, plan, machine));
        out.println();
        out.println("written: " + page + ", with benchmarks.svg and benchmarks.json");
    }

    private Plan plan() {
        Plan plan = quick ? Plan.quick(only) : Plan.full(only);
        if (rounds != null) {
            plan = plan.withRounds(positive("--rounds", rounds));
        }
        return seconds == null ? plan : plan.withSeconds(positive("--seconds", seconds));
    }

    private int positive(String option, int value) {
        if (value < 1) {
            throw new ParameterException(spec.commandLine(), option + " is " + value + ", expected 1 or more");
        }
        return value;
    }

    /** The distribution's launcher; without one, a script of the same Java with the same options and classes as here. */
    private static Path culvert(Path module) throws IOException {
        String launcher = System.getProperty(LAUNCHER);
        if (launcher != null) {
            return Path.of(launcher);
        }
        List<String> words = new ArrayList<>();
        words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        words.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        words.addAll(List.of("-cp", System.getProperty("java.class.path"), Culvert.class.getName()));
        String command = words.stream().map(word -> "'" + word + "'").collect(Collectors.joining(" "));
        Path script = Files.createDirectories(module.resolve("target")).resolve("culvert");
        Files.writeString(script, "#!/bin/sh\nexec " + command + " \"$@\"\n");
        Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
        return script;
    }
}
