// SPDX-License-Identifier: Apache-2.0
package io.culvert.lab;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program in a namespace of the lab, what it prints collected in a file. Used by the thread that started it. */
public final class LabProcess {
    /** State of a listening socket in /proc/net/tcp: TCP_LISTEN of the kernel's tcp_states.h. */
    private static final String LISTENING = "0A";

    private final Process process;
    private final Path output;

    private LabProcess(Process process, Path output) {
        this.process = process;
        this.output = output;
    }

    /**
     * Starts a program. It ends, by SIGTERM, when the calling thread does: also when this process is killed. In a session
     * of its own a Ctrl-C does not reach it, so that the lab decides in which order things end.
     *
     * @param folder its working directory
     * @param output the file for its standard output and error
     */
    public static LabProcess start(String namespace, List<String> command, Path folder, Path output)
            throws IOException {
        List<String> inside = new ArrayList<>(
                List.of("ip", "netns", "exec", namespace, "setsid", "setpriv", "--pdeathsig", "TERM", "--"));
        inside.addAll(command);
        ProcessBuilder builder = new ProcessBuilder(inside)
                .directory(folder.toFile())
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        // What is expected of a program's output is written in English, and Python shall not keep its output back.
        builder.environment().put("LC_ALL", "C.UTF-8");
        builder.environment().put("PYTHONUNBUFFERED", "1");
        return new LabProcess(builder.start(), output);
    }

    /** Its process id: that of the program itself. */
    public long pid() {
        return process.pid();
    }

    public Path outputFile() {
        return output;
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    public int exitCode() {
        return process.exitValue();
    }

    /** Waits for its end. */
    public boolean endsWithin(Duration time) throws InterruptedException {
        return process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** What it printed until now. */
    public String output() throws IOException {
        return new String(Files.readAllBytes(output), StandardCharsets.UTF_8);
    }

    /** Whether anybody in its namespace listens at the TCP port. */
    public boolean listens(int port) throws IOException {
        String ending = ":%04X".formatted(port);
        for (String table : List.of("tcp", "tcp6")) {
            Path file = Path.of("/proc", Long.toString(process.pid()), "net", table);
            if (Files.exists(file)) {
                for (String line : Files.readAllLines(file, StandardCharsets.US_ASCII)) {
                    String[] columns = line.strip().split("\\s+", -1);
                    if (columns.length > 3 && columns[1].endsWith(ending) && columns[3].equals(LISTENING)) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    /** Asks it to end. */
    public void terminate() {
        process.destroy();
    }

    /** Ends it for certain. */
    public void kill() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }
}
