// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.ffi.NetworkNamespace;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
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

    /** Starts a program inside the namespace, its output going to a file; it ends with the namespace. */
    Process start(Path output, String... command) throws IOException {
        Process process = new ProcessBuilder(words("ip netns exec " + name, command))
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        started.add(process);
        return process;
    }

    /** A counter of nstat(8), or of a device as {@code cvhost/rx_packets}. */
    long counter(String counter) throws IOException {
        if (counter.indexOf('/') > 0) {
            String[] deviceAndName = counter.split("/", 2);
            return Long.parseLong(sh("cat /sys/class/net/" + deviceAndName[0] + "/statistics/" + deviceAndName[1])
                    .strip());
        }
        return Long.parseLong(sh("nstat -asz " + counter + " | grep -v '#' | awk '{ print $2 }'")
                .strip());
    }

    /**
     * Everything that a router with local delivery changes, line by line, to be compared with what it was before. Without
     * link-local addresses and routes, which the kernel adds by itself when it is done with looking for duplicates.
     */
    List<String> state() throws IOException {
        return sh("ip -d link | grep mtu; ip -o addr; ip rule; ip -6 rule; ip -4 route show table all;"
                        + " ip -6 route show table all; ip neigh; nft list ruleset;"
                        + " sysctl -a 2>/dev/null | grep -e '^net.ipv[46].conf'")
                .lines()
                .filter(line -> !line.contains("fe80:") && !line.contains("ff00:"))
                .toList();
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
