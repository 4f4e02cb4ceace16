// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where and with what a run was made.
 *
 * @param notes by what they are about, in the order to show them
 */
record Machine(Map<String, String> notes) {
    private static final Pattern MODEL = Pattern.compile("(?m)^model name\\s*:\\s*(.*)$");
    private static final Pattern MEMORY = Pattern.compile("(?m)^MemTotal:\\s*(\\d+) kB$");
    private static final double KB_PER_GIB = 1024.0 * 1024.0;
    private static final long ANSWER_WITHIN_SECONDS = 5;
    private static final String UNKNOWN = "unknown";

    /** @param tree the source tree, whose commit is noted */
    static Machine look(Path tree) throws InterruptedException {
        Map<String, String> notes = new LinkedHashMap<>();
        notes.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        notes.put("commit", commit(tree));
        notes.put(
                "processors",
                Runtime.getRuntime().availableProcessors() + " × " + find(MODEL, Path.of("/proc/cpuinfo")));
        notes.put("memory", memory());
        notes.put("kernel", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        notes.put("Java", System.getProperty("java.vm.name") + " " + System.getProperty("java.runtime.version"));
        notes.put("C compiler", firstLine(tree, "cc", "--version"));
        notes.put("iperf3", firstLine(tree, "iperf3", "--version"));
        notes.put("ping", firstLine(tree, "ping", "-V"));
        return new Machine(notes);
    }

    private static String commit(Path tree) throws InterruptedException {
        String commit = firstLine(tree, "git", "rev-parse", "--short=12", "HEAD");
        String changes = firstLine(tree, "git", "status", "--porcelain", "--untracked-files=no");
        return changes.equals(UNKNOWN) || changes.isEmpty() ? commit : commit + " with changes";
    }

    private static String memory() {
        String kilobytes = find(MEMORY, Path.of("/proc/meminfo"));
        return kilobytes.equals(UNKNOWN) ? UNKNOWN : Math.round(Long.parseLong(kilobytes) / KB_PER_GIB) + " GiB";
    }

    private static String find(Pattern pattern, Path file) {
        try {
            Matcher matcher = pattern.matcher(Files.readString(file));
            return matcher.find() ? matcher.group(1) : UNKNOWN;
        } catch (IOException e) {
            return UNKNOWN;
        }
    }

    private static String firstLine(Path folder, String... command) throws InterruptedException {
        try {
            Process process = new ProcessBuilder(List.of(command))
                    .directory(folder.toFile())
                    .redirectErrorStream(true)
                    .start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            boolean fine = process.waitFor(ANSWER_WITHIN_SECONDS, TimeUnit.SECONDS) && process.exitValue() == 0;
            return fine ? output.lines().findFirst().orElse("") : UNKNOWN;
        } catch (IOException e) {
            return UNKNOWN;
        }
    }
}
