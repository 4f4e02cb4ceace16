// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.ffi.NetworkNamespace;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A network namespace for one test, with the programs that run in it. */
final class TestNamespace implements AutoCloseable {
    private static final AtomicInteger COUNT = new AtomicInteger();
    private static final int RUN_SECONDS = 60;

    final String name;
    private final List<Process> started = new ArrayList<>();

    TestNamespace(String role) throws IOException {
        name = "cvloc" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet() + role;
        NetworkNamespace.create(name);
        ip("link set lo up");
    }

    <T> T call(Callable<T> work) throws IOException {
        return NetworkNamespace.call(name, work);
    }

    /** Runs {@code ip} with arguments inside the namespace and returns what it printed. */
    String ip(String arguments) throws IOException {
        return run("ip -n " + name + " " + arguments);
    }

    /** Runs a shell command inside the namespace and returns what it printed; a failure is an exception with that. */
    String sh(String command) throws IOException {
        return run("ip netns exec " + name + " sh -c", command);
    }

    /** Starts a shell command inside the namespace; it ends with it. */
    Process start(String command) throws IOException {
        Process process = new ProcessBuilder(words("ip netns exec " + name + " sh -c", "exec " + command))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        started.add(process);
        return process;
    }

    @Override
    public void close() throws IOException {
        for (Process process : started) {
            process.destroyForcibly();
            process.onExit().join();
        }
        NetworkNamespace.delete(name);
    }

    private static String run(String command, String... last) throws IOException {
        Process process = new ProcessBuilder(words("timeout " + RUN_SECONDS + " " + command, last))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (!process.waitFor(RUN_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
                throw new IOException(command + " " + String.join(" ", last) + ": " + output);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(command, e);
        }
        return output;
    }

    private static List<String> words(String command, String... last) {
        List<String> words = new ArrayList<>();
        for (int from = 0; from < command.length(); ) {
            int blank = command.indexOf(' ', from);
            int to = blank < 0 ? command.length() : blank;
            words.add(command.substring(from, to));
            from = to + 1;
        }
        words.addAll(List.of(last));
        return words;
    }
}
