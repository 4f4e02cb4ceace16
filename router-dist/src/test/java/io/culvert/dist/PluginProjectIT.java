// SPDX-License-Identifier: Apache-2.0
package io.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A plugin as its author makes it: with the distribution just built, outside of this build, from {@code culvert plugin new}
 * or from the example, to packets in namespaces.
 */
@Timeout(300)
final class PluginProjectIT {
    private static final Path MODULE =
            Path.of(System.getProperty("basedir", ".")).toAbsolutePath();
    private static final Path DISTRIBUTION = MODULE.resolve("target/culvert");
    private static final Path EXAMPLE = MODULE.resolve("../docs/plugin-example").normalize();

    @TempDir
    private Path temporary;

    private Path installed;

    /** A distribution of its own, as plugins are put into it. */
    @BeforeEach
    void install() throws IOException {
        installed = temporary.resolve("installed");
        copy(DISTRIBUTION, installed);
    }

    @Test
    @RequiresNamespaces
    void newProjectBuildsPassesItsTestsAndWorksInALab() throws Exception {
        Result made = run(temporary, installed.resolve("bin/culvert"), "plugin", "new", "my-filter");
        assertThat(made.exit).as(made.output).isZero();
        Path project = temporary.resolve("my-filter");

        buildAndSeeWorking(project, "my-filter");
    }

    @Test
    @RequiresNamespaces
    void exampleBuildsPassesItsTestsAndWorksInALab() throws Exception {
        Path project = temporary.resolve("example");
        copy(EXAMPLE, project);
        Path pom = project.resolve("pom.xml");
        Files.writeString(
                pom, Files.readString(pom).replaceFirst("<culvert.home>.*<", "<culvert.home>" + installed + "<"));

        buildAndSeeWorking(project, "ttl-guard");
    }

    private void buildAndSeeWorking(Path project, String name) throws Exception {
        Result build = run(
                project,
                Path.of("mvn"),
                "-B",
                "-ntp",
                "-Dstyle.color=never",
                "-Dmaven.repo.local=" + localRepository(),
                "verify");
        assertThat(build.exit).as(build.output).isZero();
        assertThat(build.output)
                .contains("Tests run: 4, Failures: 0, Errors: 0, Skipped: 0", name + ": ", "0.00 bytes/packet");

        Files.copy(
                project.resolve("target/" + name + "-1.0.jar"),
                Files.createDirectories(installed.resolve("plugins")).resolve(name + ".jar"));
        Result lab = run(project, installed.resolve("bin/culvert"), "lab", "src/lab/" + name + ".conf");
        assertThat(lab.exit).as(lab.output).isZero();
        assertThat(lab.output)
                .contains("3 of 3 answered", "0 of 3 answered")
                .contains("version 1.0", "3 packets for ttl-too-low");
    }

    /**
     * A local repository with everything that the user's has but Culvert, of which it would keep what it has seen first, and
     * which would stay there.
     */
    private static Path localRepository() throws IOException {
        Path users =
                Path.of(System.getProperty("maven.repo.local", System.getProperty("user.home") + "/.m2/repository"));
        // Not in a temporary folder of JUnit's, which warns of links when it deletes them.
        Path scratch = MODULE.resolve("target/plugin-repository");
        Path seenBefore = scratch.resolve("io/culvert");
        if (Files.exists(seenBefore)) {
            try (Stream<Path> all = Files.walk(seenBefore)) {
                for (Path one : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(one);
                }
            }
        }
        Files.createDirectories(scratch.resolve("io"));
        link(users, scratch, "io");
        if (Files.exists(users.resolve("io"))) {
            link(users.resolve("io"), scratch.resolve("io"), "culvert");
        }
        return scratch;
    }

    private static void link(Path from, Path to, String except) throws IOException {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(from)) {
            for (Path entry : entries) {
                Path link = to.resolve(entry.getFileName());
                if (!entry.getFileName().toString().equals(except) && !Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
                    Files.createSymbolicLink(link, entry);
                }
            }
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> all = Files.walk(from)) {
            for (Path file :
                    all.filter(one -> !one.startsWith(from.resolve("target"))).toList()) {
                Files.copy(file, to.resolve(from.relativize(file)), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
    }

    private record Result(int exit, String output) {}

    private Result run(Path folder, Path program, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(program.toString()));
        command.addAll(List.of(arguments));
        Path output = Files.createTempFile(temporary, "output", "");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("CULVERT_JAVA", System.getProperty("java.home"));
        builder.environment().remove("MAVEN_OPTS");
        Process process = builder.start();
        process.getOutputStream().close();
        boolean ended = process.waitFor(200, TimeUnit.SECONDS);
        if (!ended) {
            process.destroy();
        }
        return new Result(ended ? process.exitValue() : -1, Files.readString(output));
    }
}
