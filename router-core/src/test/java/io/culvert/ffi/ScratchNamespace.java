// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;

/** A network namespace for one test, looked at and changed by iproute2: the other opinion on what the package did. */
final class ScratchNamespace implements AutoCloseable {
    private static final AtomicInteger COUNT = new AtomicInteger();

    final String name = "cvffi" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet();

    ScratchNamespace() throws IOException {
        NetworkNamespace.create(name);
    }

    <T> T call(Callable<T> work) throws IOException {
        return NetworkNamespace.call(name, work);
    }

    /** Runs {@code ip} with arguments inside the namespace and returns what it printed. */
    String ip(String arguments) throws IOException {
        return run("ip -n " + name + " " + arguments);
    }

    /** Runs a command inside the namespace and returns what it printed. */
    String exec(String command) throws IOException {
        return run("ip netns exec " + name + " " + command);
    }

    /** Starts a command inside the namespace. */
    Process start(String command) throws IOException {
        return new ProcessBuilder(words("timeout 20 ip netns exec " + name + " " + command))
                .redirectErrorStream(true)
                .start();
    }

    @Override
    public void close() throws IOException {
        NetworkNamespace.delete(name);
    }

    private static String run(String command) throws IOException {
        Process process = new ProcessBuilder(words("timeout 20 " + command))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new IOException(command + ": " + output);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(command, e);
        }
        return output;
    }

    private static List<String> words(String command) {
        List<String> words = new ArrayList<>();
        for (int from = 0; from < command.length(); ) {
            int blank = command.indexOf(' ', from);
            int to = blank < 0 ? command.length() : blank;
            words.add(command.substring(from, to));
            from = to + 1;
        }
        return words;
    }
}
