// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The bundled plugins in a router before real kernels and programs: each lab's checks say what must be seen. */
@RequiresNamespaces
@Timeout(300)
final class PluginsIT {
    @TempDir
    private Path folder;

    @Test
    void theKernelAndItsProgramsSeeWhatThePluginsDo() throws Exception {
        String name = "cvplg" + ProcessHandle.current().pid();
        run(Files.writeString(
                folder.resolve("plugins.conf"), resource("/labs/plugins.conf").replace("NAME", name)));
    }

    @Test
    void theImpairedLinksOfTheLabAreAsBadAsItSays() throws Exception {
        String name = "cvimp" + ProcessHandle.current().pid();
        String lab = Files.readString(Path.of("../conf/labs/impair.conf"));
        run(Files.writeString(folder.resolve("impair.conf"), lab.replaceAll("\\bcvimpair\\b", name)));
    }

    private static String resource(String name) throws IOException {
        try (var in = PluginsIT.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static void run(Path lab) throws Exception {
        Path log = lab.resolveSibling("log");
        Process culvert = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "io.culvert.app.Culvert",
                        "lab",
                        lab.toString()))
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            assertThat(culvert.waitFor(150, TimeUnit.SECONDS)).as("it ended").isTrue();
        } finally {
            culvert.destroy(); // which has it remove what it has made
            culvert.onExit().get(30, TimeUnit.SECONDS);
        }
        assertThat(culvert.exitValue()).as(Files.readString(log)).isZero();
    }
}
