// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

final class PluginCommandTest {
    private static final Path EXAMPLE = Path.of("../docs/plugin-example");

    @TempDir
    private Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void haveADistribution() throws IOException {
        Files.createDirectories(folder.resolve("home/maven"));
        Files.createDirectories(folder.resolve("home/bin"));
        System.setProperty("culvert.home", folder.resolve("home").toString());
    }

    @AfterEach
    void haveNone() {
        System.clearProperty("culvert.home");
    }

    private int make(String... args) {
        CommandLine command = Culvert.commandLine();
        command.setOut(new PrintWriter(out, true));
        command.setErr(new PrintWriter(err, true));
        return command.execute(
                Stream.concat(Stream.of("plugin", "new", "--directory", folder.toString()), Stream.of(args))
                        .toArray(String[]::new));
    }

    private static List<String> filesOf(Path project) throws IOException {
        try (Stream<Path> all = Files.walk(project)) {
            return all.filter(Files::isRegularFile)
                    .map(file -> project.relativize(file).toString())
                    .filter(file -> !file.startsWith("target/"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void theExampleIsWhatItMakesForTheNameOfTheExample() throws IOException {
        assertThat(make(PluginProject.EXAMPLE)).as(err.toString()).isZero();

        Path made = folder.resolve(PluginProject.EXAMPLE);
        assertThat(filesOf(made)).isEqualTo(filesOf(EXAMPLE));
        for (String file : filesOf(EXAMPLE)) {
            String expected = Files.readString(EXAMPLE.resolve(file));
            if (file.equals("pom.xml")) {
                expected = expected.replaceFirst("<culvert.home>.*<", "<culvert.home>" + folder.resolve("home") + "<")
                        .replaceFirst("<culvert.version>.*<", "<culvert.version>" + VersionCommand.version() + "<");
            }
            assertThat(made.resolve(file)).content().isEqualTo(expected);
        }
    }

    @Test
    void everyNameIsTheOneThatWasAskedFor() throws IOException {
        assertThat(make("my-filter2", "--package", "org.acme.net.filter"))
                .as(err.toString())
                .isZero();

        Path made = folder.resolve("my-filter2");
        assertThat(made.resolve("src/main/java/org/acme/net/filter/MyFilter2Stage.java"))
                .content()
                .contains("package org.acme.net.filter;", "class MyFilter2Stage", "\"my-filter2\"");
        assertThat(made.resolve("pom.xml"))
                .content()
                .contains("<groupId>org.acme.net</groupId>", "<artifactId>my-filter2</artifactId>");
        for (String file : filesOf(made)) {
            assertThat(Files.readString(made.resolve(file)))
                    .as(file)
                    .doesNotContain("ttl-guard", "TtlGuard", "ttlguard", "com.example");
        }
        assertThat(out.toString())
                .contains("cd " + made, "mvn verify", "target/my-filter2-1.0.jar", "lab src/lab/my-filter2.conf");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"MyFilter", "my_filter", "1st", "-a", "a-", "a--b", "", "a-name-that-is-longer-than-allowed"})
    void aNameThatIsNotInKebabCaseIsRefused(String name) {
        assertThat(make("--", name)).isEqualTo(Culvert.EXIT_USAGE);
        assertThat(err.toString()).contains("kebab-case");
    }

    @Test
    void theGoldenCountersAreInTheOrderOfTheNewName() throws IOException {
        assertThat(make("acl")).as(err.toString()).isZero();

        assertThat(folder.resolve("acl/src/test/resources/scenarios/transit/counters.txt"))
                .content()
                .endsWith("count acl passed 1\ncount icmp4-echo answered 1\ndrop acl ttl-too-low 1\n");
    }

    @Test
    void aNameThatIsTakenOrNoPackageIsRefused() {
        assertThat(make("ip4-ttl")).isEqualTo(Culvert.EXIT_USAGE);
        assertThat(err.toString()).contains("there is a stage ip4-ttl in every router");
        assertThat(make("switch")).isEqualTo(Culvert.EXIT_USAGE);
        assertThat(err.toString()).contains("com.example.switch", "--package");
    }

    @Test
    void aFolderThatExistsIsLeftAlone() throws IOException {
        Path mine = Files.createDirectories(folder.resolve("mine"));

        assertThat(make("mine")).isEqualTo(Culvert.EXIT_FAILED);
        assertThat(err.toString()).contains(mine + " exists");
        assertThat(filesOf(mine)).isEmpty();
    }

    @Test
    void withoutADistributionItSaysWhatIsMissing() throws IOException {
        Files.delete(folder.resolve("home/maven"));

        assertThat(make("mine")).isEqualTo(Culvert.EXIT_FAILED);
        assertThat(err.toString()).contains("maven/", "is missing in " + folder.resolve("home"));
        assertThat(folder.resolve("mine")).doesNotExist();
    }
}
