// SPDX-License-Identifier: Apache-2.0
package io.culvert.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.config.Catalog;
import io.culvert.config.LabConfig;
import io.culvert.config.LabFile;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The lab engine by itself, with the kernel in the place of the router. */
@RequiresNamespaces
@Timeout(60)
final class LabIT {
    private static final String NAME = "cvlab" + ProcessHandle.current().pid();
    private static final List<String> NAMESPACES = List.of(NAME + "-a", NAME + "-b");

    /** Two hosts on one link. */
    private static final String NETWORK = """
            lab {
              name = %s
              namespaces { a { routes = ["10.9.0.0/16 via 10.0.0.2"] }, b { sysctls = ["net/ipv4/ip_default_ttl = 77"] } }
              links = [ {
                a { in = a, device = eth0, addresses = ["10.0.0.1/24", "fd00::1/64"], mac = "02:00:00:00:00:0a" }
                b { in = b, device = eth0, addresses = ["10.0.0.2/24", "fd00::2/64"] }
                mtu = 1400
              } ]
            """.formatted(NAME);

    @TempDir
    private Path folder;

    private final StringWriter out = new StringWriter();

    @AfterEach
    void nothingIsLeft() throws IOException {
        assertNothingIsLeft();
    }

    @Test
    void checksRunInOrderInTheNetworkOfTheFile() throws Exception {
        assertThat(run("""
                services { web { in = b, run = "python3 -m http.server 8000 --directory .", listens = 8000 } }
                checks = [
                  { title = pings, in = a, run = "ping -n -c 1 -W 2 10.0.0.2", expect = ["ttl=(77)"], figure = "TTL $1" }
                  { title = pings6, in = a, run = "ping -n -c 1 -W 2 fd00::2", expect = "1 received" }
                  { title = loads, in = a, run = "curl -s http://10.0.0.2:8000/lab.conf", expect = "name = (cvlab)", figure = "$1" }
                  { title = shows, in = a, run = "ip -o link show dev eth0", expect = "mtu 1400 .*02:00:00:00:00:0a", show = true }
                  { title = routes, in = a, run = "ip route get 10.9.9.9", expect = "via 10.0.0.2" }
                  { title = refuses, in = a, run = "ping -n -c 1 -W 2 10.8.8.8", exit = 2, expect = "unreachable" }
                ]
                """)).isTrue();

        assertThat(out.toString())
                .containsSubsequence(
                        "2 namespaces, 1 link .",
                        "ok",
                        "web starts in " + NAME + "-b .",
                        "ok",
                        "pings .",
                        "ok  TTL 77",
                        "pings6 .",
                        "ok",
                        "loads .",
                        "ok  cvlab",
                        "shows .",
                        "ok",
                        "mtu 1400",
                        "everything is removed .",
                        "ok",
                        "6 checks passed in");
    }

    @Test
    void aFailedCheckSaysWhatWasExpectedAndSeen() throws Exception {
        assertThat(run("""
                checks = [
                  { title = nobody, in = a, run = "ping -n -c 1 -W 1 10.0.0.3", expect = " 1 received" }
                  { title = endless, in = a, run = "sleep 30", within = 300ms }
                  { title = somebody, in = a, run = "ping -n -c 1 -W 1 10.0.0.2" }
                ]
                """)).isFalse();

        assertThat(out.toString())
                .containsSubsequence(
                        "nobody .",
                        "FAILED",
                        "ran       ping -n -c 1 -W 1 10.0.0.3   in " + NAME + "-a",
                        "expected  exit code 0 within 20.0 s, and in the output:  1 received",
                        "seen      exit code 1, and this output:",
                        "| 1 packets transmitted, 0 received",
                        "endless .",
                        "FAILED",
                        "expected  exit code 0 within 0.3 s",
                        "seen      no end, and no output",
                        "somebody .",
                        "ok",
                        "2 failed, 1 passed in");
        removeLogs();
    }

    @Test
    void aServiceThatEndsAtOnceFailsTheLabWithItsOutput() throws Exception {
        assertThat(run("""
                services { broken { in = b, run = "sh -c 'echo no luck; exit 3'", listens = 8000 } }
                checks = [ { title = other, in = a, run = "true" } ]
                """)).isFalse();

        assertThat(out.toString())
                .containsSubsequence(
                        "broken starts in",
                        "FAILED",
                        "expected  it to listen at TCP port 8000",
                        "seen      it ended with exit code 3",
                        "| no luck",
                        "other .",
                        "ok",
                        "1 failed, 1 passed in");
        removeLogs();
    }

    @Test
    void aRouterThatEndsAtOnceFailsTheLabWithItsLog() throws Exception {
        assertThat(run("""
                routers { r { in = b, router {} } }
                checks = [ { title = never, in = a, run = "true" } ]
                """)).isFalse();

        // The "culvert" of this test is sh, which can't do what it is asked.
        assertThat(out.toString())
                .containsSubsequence("router r starts", "FAILED", "seen      it ended with exit code", "log       ")
                .doesNotContain("never");
        removeLogs();
    }

    @Test
    void aRunIsStoppedBySigint() throws Exception {
        Process command = start("""
                services { web { in = b, run = "python3 -m http.server 8000", listens = 8000 } }
                checks = [ { title = long, in = a, run = "sleep 30", within = 40s } ]
                """);
        awaitOutput("long .");

        new ProcessBuilder("kill", "-INT", Long.toString(command.pid())).start().waitFor();

        assertThat(command.waitFor(10, TimeUnit.SECONDS)).isTrue();
        assertThat(Files.readString(output())).contains("interrupted").doesNotContain("FAILED");
    }

    @Test
    void whatAKilledRunLeftIsRemovedByTheNext() throws Exception {
        Process command = start("""
                services { web { in = b, run = "python3 -m http.server 8000", listens = 8000 } }
                checks = [ { title = long, in = a, run = "sleep 30", within = 40s } ]
                """);
        awaitOutput("long .");

        command.destroyForcibly().waitFor();
        assertThat(NAMESPACES).allMatch(NetworkNamespace::exists);
        assertThat(run("checks = [ { title = quick, in = a, run = \"true\" } ]"))
                .isTrue();

        assertThat(out.toString())
                .contains("removed what an earlier run left behind: " + String.join(", ", NAMESPACES))
                .contains("1 check passed");
    }

    @Test
    void aNamespaceOfSomebodyElseIsLeftAlone() throws Exception {
        NetworkNamespace.create(NAMESPACES.get(1));
        try {
            assertThat(run("checks = [ { title = never, in = a, run = \"true\" } ]"))
                    .isFalse();

            assertThat(NetworkNamespace.exists(NAMESPACES.get(1))).isTrue();
            assertThat(out.toString()).contains("exists already").doesNotContain("never");
        } finally {
            NetworkNamespace.delete(NAMESPACES.get(1));
        }
        removeLogs();
    }

    private boolean run(String rest) throws Exception {
        LabConfig lab = LabFile.read(write(rest), Catalog.of(List.of()));
        return new Lab(lab, List.of("sh"), new PrintWriter(out)).run();
    }

    private Path write(String rest) throws IOException {
        return Files.writeString(folder.resolve("lab.conf"), NETWORK + rest + "}\n");
    }

    /** Runs a lab in a JVM of its own. */
    private Process start(String rest) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                "io.culvert.app.Culvert",
                "lab",
                write(rest).toString()));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output().toFile())
                .start();
    }

    private Path output() {
        return folder.resolve("output");
    }

    private void awaitOutput(String text) {
        await().atMost(Duration.ofSeconds(30))
                .until(() -> Files.readString(output()).contains(text));
    }

    /** A failed lab keeps its logs. */
    private void removeLogs() throws IOException {
        Matcher logs = Pattern.compile("logs are in (\\S+)").matcher(out.toString());
        assertThat(logs.find()).isTrue();
        Path kept = Path.of(logs.group(1));
        assertThat(kept).isDirectory();
        try (var files = Files.list(kept)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(kept);
    }

    private static void assertNothingIsLeft() throws IOException {
        assertThat(NAMESPACES).noneMatch(NetworkNamespace::exists);
        assertThat(Path.of("/run/culvert/lab-" + NAME)).doesNotExist();
        try (var kept =
                Files.newDirectoryStream(Path.of(System.getProperty("java.io.tmpdir")), "culvert-" + NAME + "-*")) {
            assertThat(kept).isEmpty();
        }
    }
}
