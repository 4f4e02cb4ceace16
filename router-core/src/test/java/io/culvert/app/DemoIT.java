// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.config.LabConfig;
import io.culvert.config.LabFile;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * {@code culvert demo} and the labs of the source tree as processes of their own, on real devices. Copies of the labs
 * under another name are run, so that a demo on the same machine does not get in the way.
 */
@RequiresNamespaces
@Timeout(180)
final class DemoIT {
    private static final Path LABS = Path.of("..", "conf", "labs");
    private static final String NAME = "cvd" + ProcessHandle.current().pid();

    @TempDir
    private Path home;

    private Path labs;

    @BeforeEach
    void copyTheLabs() throws IOException {
        labs = Files.createDirectories(home.resolve("conf/labs"));
        Files.createDirectory(temporary());
        Path page = Files.createDirectory(labs.resolve("demo-page"));
        Files.copy(LABS.resolve("demo-page/index.html"), page.resolve("index.html"));
        try (DirectoryStream<Path> files = Files.newDirectoryStream(LABS, "*.conf")) {
            for (Path file : files) {
                String text = Files.readString(file).replaceAll("cvdemo|cvtun", NAME);
                Files.writeString(labs.resolve(file.getFileName()), text);
            }
        }
    }

    @AfterEach
    void nothingIsLeft() throws IOException {
        for (String namespace : List.of("lan", "router", "wan", "a", "b")) {
            assertThat(NetworkNamespace.exists(NAME + "-" + namespace))
                    .as(namespace)
                    .isFalse();
        }
        // Devices live in the namespaces alone; a namespace without a name lives as long as a process in it does.
        await().atMost(Duration.ofSeconds(5))
                .untilAsserted(() -> assertThat(processes()).isEmpty());
        assertThat(Path.of("/run/culvert/lab-" + NAME)).doesNotExist();
        assertThat(Path.of("/run/culvert/" + NAME + ".sock")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({"demo.conf, demo", "tun.conf, lab tun.conf"})
    void everyCheckOfTheLabPasses(String file, String command) throws Exception {
        LabConfig lab = LabFile.read(labs.resolve(file), Plugins.found());
        Process process = start(command);

        assertThat(process.waitFor(150, TimeUnit.SECONDS)).isTrue();

        String output = output();
        assertThat(output).doesNotContain("FAILED");
        for (LabConfig.Check check : lab.checks()) {
            assertThat(output).containsPattern("(?m)^  " + Pattern.quote(check.title()) + " \\.{3,} ok  .*\\d s\\)$");
        }
        assertThat(output).contains(lab.checks().size() + " checks passed in ");
        assertThat(process.exitValue()).isEqualTo(Culvert.EXIT_OK);
        assertThat(logFolders()).isEmpty();
    }

    @Test
    void aFailedCheckMakesTheDemoFailAndSaysWhereTheLogOfTheRouterIs() throws Exception {
        keepChecks("ping from LAN to WAN, IPv4", "5 received", "6 received");
        Process process = start("demo");

        assertThat(process.waitFor(150, TimeUnit.SECONDS)).isTrue();

        assertThat(process.exitValue()).isEqualTo(Culvert.EXIT_FAILED);
        String output = output();
        assertThat(output)
                .containsSubsequence(
                        "ping from LAN to WAN, IPv4 .",
                        "FAILED",
                        "expected  exit code 0 within 20.0 s, and in the output: ^5 packets transmitted, 6 received",
                        "seen      exit code 0, and this output:",
                        "| 5 packets transmitted, 5 received",
                        "log       ",
                        "everything is removed .",
                        "ok",
                        "1 failed, 0 passed in");
        Matcher log = Pattern.compile("log       (\\S+) of router " + NAME).matcher(output);
        assertThat(log.find()).isTrue();
        assertThat(Files.readString(Path.of(log.group(1)))).contains(NAME + " is ready");
    }

    /** A Ctrl-C goes to every process of the terminal's foreground, so the test sends the signal to all of them too. */
    @Test
    void theDemoIsStoppedByCtrlC() throws Exception {
        Process process = start("demo");
        awaitOutput("TCP from LAN to WAN, IPv4 .");

        new ProcessBuilder("kill", "-INT", "--", "-" + process.pid()).start().waitFor();

        assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
        assertThat(output()).contains("interrupted").doesNotContain("FAILED").doesNotContain("passed in");
        assertThat(process.exitValue()).as("128 + SIGINT").isEqualTo(130);
        assertThat(logFolders()).isEmpty();
    }

    @Test
    void theDemoCanBeStartedAtOnceAfterItWasKilled() throws Exception {
        Process killed = start("demo");
        awaitOutput("ping from LAN to WAN, IPv4 .");
        killed.destroyForcibly().waitFor();

        keepChecks("ping from LAN to WAN, IPv4", "", "");
        Process process = start("demo");

        assertThat(process.waitFor(150, TimeUnit.SECONDS)).isTrue();
        assertThat(output())
                .contains("removed what an earlier run left behind: ")
                .contains("1 check passed");
        assertThat(process.exitValue()).isEqualTo(Culvert.EXIT_OK);
        assertThat(logFolders()).isEmpty();
    }

    /** Leaves one check of the demo, after a change to it, and none of the services. */
    private void keepChecks(String title, String from, String to) throws IOException {
        Path file = labs.resolve("demo.conf");
        String text = Files.readString(file);
        int services = text.indexOf("  services {");
        int begin = text.indexOf("    {\n      title = \"" + title + "\"");
        int end = text.indexOf("    }\n", begin) + "    }\n".length();
        assertThat(services).isPositive();
        assertThat(begin).isGreaterThan(services);
        Files.writeString(
                file,
                text.substring(0, services) + "  checks = [\n"
                        + text.substring(begin, end).replace(from, to) + "  ]\n}\n");
    }

    /** Starts the program as the leader of a process group, as a shell would. */
    private Process start(String arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                "setsid",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+IgnoreUnrecognizedVMOptions",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-Dculvert.home=" + home,
                "-Djava.io.tmpdir=" + temporary(),
                "-cp",
                System.getProperty("java.class.path"),
                Culvert.class.getName()));
        command.addAll(List.of(arguments.split(" ", -1)));
        return new ProcessBuilder(command)
                .directory(labs.toFile())
                .redirectErrorStream(true)
                .redirectOutput(home.resolve("output").toFile())
                .start();
    }

    private String output() throws IOException {
        return Files.readString(home.resolve("output"));
    }

    private void awaitOutput(String text) {
        await().atMost(Duration.ofSeconds(100)).until(() -> output().contains(text));
    }

    /** Processes of the labs: their command lines name the lab or its folder. */
    private List<String> processes() {
        return ProcessHandle.allProcesses()
                .filter(process -> process.pid() != ProcessHandle.current().pid())
                .map(process -> process.info().commandLine().orElse(""))
                .filter(line -> line.contains(NAME) || line.contains(home.toString()))
                .toList();
    }

    /** The folders with logs that labs have left, as a failed one does. */
    private List<Path> logFolders() throws IOException {
        List<Path> folders = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(temporary(), "culvert-" + NAME + "-*")) {
            found.forEach(folders::add);
        }
        return folders;
    }

    private Path temporary() {
        return home.resolve("tmp");
    }
}
