// SPDX-License-Identifier: Apache-2.0
package io.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Scanner;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The {@code culvert} launcher, as it is in the distribution just built and in a source tree made for the test, where
 * Maven, Java, {@code apt-get} and {@code id} are scripts that note how they were called.
 */
@Timeout(120)
final class LauncherIT {
    private static final Path MODULE =
            Path.of(System.getProperty("basedir", ".")).toAbsolutePath();
    private static final Path DISTRIBUTION = MODULE.resolve("target/culvert");

    /** What the launcher takes from any Debian system without asking. */
    private static final List<String> ESSENTIAL = List.of(
            "sh",
            "cat",
            "cksum",
            "cp",
            "date",
            "dirname",
            "find",
            "flock",
            "grep",
            "head",
            "id",
            "mkdir",
            "mktemp",
            "mv",
            "printf",
            "readlink",
            "rm",
            "sed",
            "sort",
            "stat",
            "tail",
            "tee",
            "touch",
            "tr",
            "true");

    @TempDir
    Path temporary;

    private Path bin;
    private Path tree;
    private Path launcher;
    private Map<String, String> environment;

    @BeforeEach
    void makeSourceTree() throws IOException {
        bin = Files.createDirectory(temporary.resolve("bin"));
        tree = Files.createDirectory(temporary.resolve("tree"));
        launcher = tree.resolve("culvert");
        Files.copy(MODULE.resolve("../culvert"), launcher, StandardCopyOption.COPY_ATTRIBUTES);
        for (String source : List.of(
                "pom.xml",
                ".mvn/jvm.config",
                "router-core/pom.xml",
                "router-core/src/main/java/A.java",
                "router-core/src/main/java/B.java",
                "router-plugins/pom.xml",
                "router-plugins/src/main/java/C.java",
                "router-testkit/pom.xml",
                "router-testkit/src/main/java/D.java",
                "docs/plugin-example/pom.xml",
                "docs/plugin-example/src/E.java",
                "router-dist/pom.xml",
                "router-dist/src/main/assembly/a.xml")) {
            Path file = tree.resolve(source);
            Files.createDirectories(file.getParent());
            Files.writeString(file, source);
        }
        script("mvn", """
                echo "$*" >>"$TEST_LOG.mvn"
                echo "$CULVERT_NETNS" >>"$TEST_LOG.netns"
                echo '[INFO] Building Culvert: core 0.1.0-SNAPSHOT   [2/6]'
                [ -z "$MVN_FAILS" ] || { echo '[ERROR] A.java: cannot find symbol'; exit 1; }
                mkdir -p router-dist/target/quick/culvert/lib
                cp "$TEST_LIB"/router-core-*.jar "$TEST_LIB"/picocli-*.jar router-dist/target/quick/culvert/lib""");
        environment = new HashMap<>(Map.of(
                "PATH", bin + ":" + System.getenv("PATH"),
                "TEST_LOG", temporary.resolve("log").toString(),
                "TEST_LIB", DISTRIBUTION.resolve("lib").toString(),
                "CULVERT_JAVA", System.getProperty("java.home"),
                "MVN_FAILS", ""));
    }

    @Test
    void distributionShowsHelpInUnder300Milliseconds() throws Exception {
        Path distribution = DISTRIBUTION.resolve("bin/culvert");
        run(distribution, "--help"); // makes the archive

        Result help = run(distribution, "--help");
        assertThat(help.exit).isZero();
        assertThat(help.out).contains("Usage: culvert").contains("Exit codes:");
        assertThat(help.err).isEmpty();
        assertThat(bestOfNine(distribution, "--help"))
                .as("milliseconds for help")
                .isLessThan(300);
    }

    @Test
    void routerStartsWithTheArchiveOfItsClasses() throws IOException {
        Path distribution = DISTRIBUTION.resolve("bin/culvert");
        Path loaded = temporary.resolve("loaded");
        run(distribution, "version"); // makes the archive

        // It must be used, or the JVM ends; the file is missing, and so does the router, but it has been looked for.
        environment.put("CULVERT_JAVA_OPTS", "-Xshare:on -Xlog:class+load:file=" + loaded);
        Result result = run(distribution, "run", "/nonexistent.conf");

        assertThat(result.exit).as(result.err).isEqualTo(78);
        assertThat(Files.readAllLines(loaded))
                .anyMatch(line -> line.contains(" io.culvert.config.ConfigFile source: shared objects file"));
    }

    @Test
    void archiveHasTheClassesOfARunningRouter() throws IOException {
        run(DISTRIBUTION.resolve("bin/culvert"), "version"); // makes the archive

        try (Stream<Path> archives = Files.walk(DISTRIBUTION.resolve("cds"))) {
            assertThat(archives.filter(file -> file.toString().endsWith(".jsa")))
                    .isNotEmpty()
                    .allSatisfy(archive -> assertThat(contains(archive, "io/culvert/control/RouterActor"))
                            .isTrue());
        }
    }

    @Test
    void archiveThatCanNotBeMadeIsToldOfOnceAndTriedAgainTheNextDay() throws IOException {
        run(launcher, "version");
        fakeJdk("21.0.4");
        Path java = Path.of(environment.get("CULVERT_JAVA"), "bin/java");
        Files.writeString(
                java, Files.readString(java).replace("echo \"pid", "echo \"$*\" >>\"$TEST_LOG.java\"; echo \"pid"));

        Result first = run(launcher, "version");
        int calls = notes("java").size();
        Result second = run(launcher, "version");

        assertThat(first.err).contains("no archive of classes", "a rehearsal of culvert --help failed");
        assertThat(second.err).isEmpty();
        assertThat(notes("java")).as("calls of java").hasSize(calls + 1);
        Path failed;
        try (Stream<Path> files = Files.walk(tree.resolve("router-dist/target/quick/culvert/cds"))) {
            failed = files.filter(file -> file.toString().endsWith("21.0.4.jsa.failed"))
                    .findFirst()
                    .orElseThrow();
        }
        Files.setLastModifiedTime(failed, FileTime.from(Instant.now().minusSeconds(25 * 3600)));
        Result nextDay = run(launcher, "version");
        assertThat(nextDay.err).as("the same again").isEmpty();
        assertThat(notes("java")).as("calls of java").hasSize(2 * calls + 1);
        assertThat(failed.resolveSibling("21.0.4.jsa")).doesNotExist();
    }

    @Test
    void archiveIsInTheUsersCacheWhereNoneCanBePutBesideTheJars() throws IOException {
        Path installed = install("installed");
        environment.put("XDG_CACHE_HOME", temporary.resolve("cache").toString());

        Result first = run(installed, "run", "/nonexistent.conf");
        environment.put("CULVERT_JAVA_OPTS", "-Xshare:on"); // it must be used, or the JVM ends
        Result second = run(installed, "run", "/nonexistent.conf");

        assertThat(first.err).matches("(?s)culvert: preparing a fast start \\.\\.\\. \\d+ s\n[^\n]*nonexistent.*");
        assertThat(second.exit).as(second.err).isEqualTo(78);
        assertThat(second.err).doesNotContain("preparing");
        assertThat(cached(".jsa"))
                .singleElement()
                .satisfies(archive -> assertThat(contains(archive, "io/culvert/control/RouterActor"))
                        .isTrue());
    }

    @Test
    void everyHomeAndVersionHasAnArchiveOfItsOwnInTheUsersCache() throws IOException {
        Path one = install("one");
        Path other = install("other");
        environment.put("XDG_CACHE_HOME", temporary.resolve("cache").toString());
        fakeJdk("21.0.4");

        run(one, "version");
        run(one, "version");
        assertThat(cached(".failed")).hasSize(1);
        run(other, "version");
        assertThat(cached(".failed")).hasSize(2);
        Files.createFile(temporary.resolve("one/lib/router-core-99.jar"));
        run(one, "version");
        assertThat(cached(".failed")).hasSize(3);
    }

    @Test
    void routerTellsWhyThereIsNoArchiveWhereTheUsersCacheCanHaveNoneEither() throws IOException {
        Path installed = install("installed");
        Path cache = Files.createFile(temporary.resolve("cache"));
        environment.put("XDG_CACHE_HOME", cache.toString());

        Result router = run(installed, "run", "/nonexistent.conf");
        Result other = run(installed, "version");

        assertThat(router.exit).isEqualTo(78);
        assertThat(router.err)
                .contains("no archive of classes", "can't write to", "installed/cds", cache + "/culvert")
                .doesNotContain("preparing");
        assertThat(other.exit).isZero();
        assertThat(other.err).isEmpty();
    }

    @Test
    void onlyARunSaysThatItPreparesAFastStartWhereStderrIsNoTerminal() throws IOException {
        environment.put("XDG_CACHE_HOME", temporary.resolve("cache").toString());
        fakeJdk("21.0.4");

        Result show = run(install("one"), "show", "interfaces");
        Result router = run(install("other"), "run", "r1.conf");

        assertThat(show.err).doesNotContain("preparing");
        assertThat(router.err).containsPattern("culvert: preparing a fast start \\.\\.\\. \\d+ s");
    }

    @Test
    void operatorsOptionsPrevail() throws IOException {
        run(launcher, "version");
        fakeJdk("21.0.4");
        environment.put("CULVERT_JAVA_OPTS", "-XX:+UseZGC -Xmn8m");

        Result own = run(launcher, "run", "r1.conf");
        environment.remove("CULVERT_JAVA_OPTS");
        Result without = run(launcher, "run", "r1.conf");

        assertThat(own.out).containsPattern("-Xmn64m .*-Xmn8m").doesNotContain("UseSerialGC");
        assertThat(without.out).contains("-XX:+UseSerialGC").doesNotContain("TieredStopAtLevel");
    }

    @Test
    void distributionRefusesAnUnknownOptionAsWrongUsage() {
        Result result = run(DISTRIBUTION.resolve("bin/culvert"), "--nonsense");

        assertThat(result.exit).isEqualTo(2);
        assertThat(result.err).contains("--nonsense");
    }

    @Test
    void distributionHasNoTestsToRun() {
        Result result = run(DISTRIBUTION.resolve("bin/culvert"), "test");

        assertThat(result.exit).isEqualTo(2);
        assertThat(result.err).contains("needs the source tree");
    }

    @Test
    void buildsOnFirstUseAndSaysSo() {
        Result result = run(launcher, "version");

        assertThat(result.exit).as(result.err).isZero();
        assertThat(result.err).contains("first use", "core ... ", "built in ");
        assertThat(result.out).startsWith("culvert ").doesNotContain("building");
        assertThat(builds()).isEqualTo(1);
    }

    @Test
    void doesNotBuildAgainWhenNothingChanged() {
        run(launcher, "version");

        Result again = run(launcher, "version");

        assertThat(again.exit).isZero();
        assertThat(again.err).isEmpty();
        assertThat(builds()).isEqualTo(1);
    }

    @Test
    void showsTheHelpOfTestWhetherOrNotItHadToBuildFirst() {
        for (int time = 0; time < 2; time++) {
            Result help = run(launcher, "test", "--help");
            assertThat(help.exit).as(help.err).isZero();
            assertThat(help.out).contains("Usage: culvert test");
        }
    }

    @Test
    void doesNotBuildWhenOnlyTheTimeOfASourceChanged() throws IOException {
        run(launcher, "version");
        Path source = tree.resolve("router-core/src/main/java/A.java");
        Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(1)));

        run(launcher, "version");

        assertThat(builds()).isEqualTo(1);
    }

    @Test
    void buildsAgainWhenASourceChangedOrIsGone() throws IOException {
        run(launcher, "version");
        Path source = tree.resolve("router-core/src/main/java/A.java");

        Files.writeString(source, "changed");
        Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(1)));
        Result changed = run(launcher, "version");
        Files.delete(source);
        Files.setLastModifiedTime(
                source.getParent(), FileTime.from(Instant.now().plusSeconds(5)));
        run(launcher, "version");

        assertThat(changed.err).contains("a source has changed");
        assertThat(builds()).isEqualTo(3);
    }

    @Test
    void failedBuildShowsItsErrorsAndIsTriedAgain() {
        environment.put("MVN_FAILS", "yes");
        Result failed = run(launcher, "version");
        environment.put("MVN_FAILS", "");
        Result mended = run(launcher, "version");

        assertThat(failed.exit).isEqualTo(1);
        assertThat(failed.err).contains("cannot find symbol", "quick-build.log");
        assertThat(failed.out).isEmpty();
        assertThat(mended.exit).isZero();
    }

    @Test
    void runsFromAnotherDirectoryAndThroughASymbolicLink() throws IOException {
        Path elsewhere = Files.createDirectory(temporary.resolve("else where"));
        Path link = Files.createSymbolicLink(elsewhere.resolve("cv"), launcher);

        Result result = run(link, "version");

        assertThat(result.exit).as(result.err).isZero();
        assertThat(tree.resolve("router-dist/target/quick/culvert/lib")).exists();
    }

    @Test
    void worksInADirectoryWithSpaces() throws IOException {
        Path moved = Files.move(tree, temporary.resolve("a tree with spaces"));

        Result result = run(moved.resolve("culvert"), "version");

        assertThat(result.exit).as(result.err).isZero();
        assertThat(result.out).startsWith("culvert ");
    }

    @Test
    void isReplacedByTheJvmSoThatSignalsAndExitCodesPass() throws IOException {
        run(launcher, "version");
        fakeJdk("21.0.4");

        Result result = run(launcher, "version");

        assertThat(result.exit).isEqualTo(42);
        assertThat(result.out).contains("pid " + result.pid + "\n");
    }

    @ParameterizedTest
    @CsvSource({"17.0.15, false", "21.0.4, false", "24, true", "25.0.3, true"})
    void givesTheJvmTheOptionsItsVersionKnows(String version, boolean allowsUnsafe) throws IOException {
        run(launcher, "version");
        fakeJdk(version);

        Result result = run(launcher, "version");

        assertThat(result.out).contains("--enable-native-access=ALL-UNNAMED");
        assertThat(result.out.contains("--sun-misc-unsafe-memory-access=allow")).isEqualTo(allowsUnsafe);
    }

    @ParameterizedTest
    @CsvSource({"1.8.0_392", "11.0.22", "16.0.2"})
    void refusesAnOlderJava(String version) throws IOException {
        run(launcher, "version");
        fakeJdk(version);

        Result result = run(launcher, "version");

        assertThat(result.exit).isEqualTo(77);
        assertThat(result.err).contains("Java 17 or later", version);
    }

    @Test
    void costsLessThan30MillisecondsItselfWhenNothingChanged() throws IOException {
        run(launcher, "version");
        fakeJdk("17.0.15");
        run(launcher, "version");

        assertThat(bestOfNine(launcher, "version"))
                .as("milliseconds before Java")
                .isLessThan(30);
    }

    @Test
    void demoListsWhatIsMissingAndTheLineThatInstallsIt() throws IOException {
        steerPath();

        Result result = run(launcher, "demo");

        assertThat(result.exit).isEqualTo(77);
        assertThat(result.err)
                .contains("missing here:")
                .containsPattern("apt-get install -y --no-install-recommends .*iputils-ping iperf3 .*curl python3");
        assertThat(builds()).as("builds").isZero();
    }

    @Test
    void rootWhoAgreesGetsThePackagesInstalled() throws IOException {
        steerPath();
        script("id", "echo 0");
        script("apt-get", "echo \"$*\" >>\"$TEST_LOG.apt\"");

        Result result = run(launcher, "demo", "--yes");

        assertThat(notes("apt")).anySatisfy(line -> assertThat(line).contains("install -y", " iperf3", " curl"));
        assertThat(result.exit).isEqualTo(77);
        assertThat(result.err).contains("still missing after the installation");
    }

    @Test
    void nothingIsInstalledWithoutAgreementOrWithoutRoot() throws IOException {
        steerPath();
        script("apt-get", "echo \"$*\" >>\"$TEST_LOG.apt\"");
        script("id", "echo 0");
        Result notAgreed = run(launcher, "demo");
        script("id", "echo 1000");
        Result notRoot = run(launcher, "demo", "--yes");

        assertThat(notes("apt")).isEmpty();
        assertThat(List.of(notAgreed.exit, notRoot.exit)).containsOnly(77);
        assertThat(notRoot.err).contains("apt-get install -y");
    }

    @Test
    void testRunsMavenVerifyAndTellsTestsAboutNamespaces() {
        Result result = run(launcher, "test", "-Dsome=option");

        assertThat(result.exit).as(result.err).isZero();
        assertThat(notes("mvn"))
                .singleElement()
                .satisfies(arguments -> assertThat(arguments).contains("verify", "-Dit.jvm=/", "-Dsome=option"));
        assertThat(notes("netns")).singleElement().isIn("yes", "no");
    }

    private void script(String name, String body) throws IOException {
        Path file = bin.resolve(name);
        Files.deleteIfExists(file);
        Files.writeString(file, "#!/bin/sh\n" + body + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /**
     * Makes a distribution in a folder of that name, beside whose jars no archive can be put: a file stands in the way, as
     * root, who may run the tests, can write to any folder.
     *
     * @return its launcher
     */
    private Path install(String name) throws IOException {
        Path home = Files.createDirectory(temporary.resolve(name));
        Files.createFile(home.resolve("cds"));
        Path lib = Files.createDirectory(home.resolve("lib"));
        try (DirectoryStream<Path> jars = Files.newDirectoryStream(DISTRIBUTION.resolve("lib"))) {
            for (Path jar : jars) {
                Files.copy(jar, lib.resolve(jar.getFileName()), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
        Path program = Files.createDirectory(home.resolve("bin")).resolve("culvert");
        return Files.copy(MODULE.resolve("../culvert"), program, StandardCopyOption.COPY_ATTRIBUTES);
    }

    /** The files in the user's cache whose name ends so. */
    private List<Path> cached(String end) throws IOException {
        try (Stream<Path> files = Files.walk(temporary.resolve("cache"))) {
            return files.filter(file -> file.toString().endsWith(end)).toList();
        }
    }

    private static boolean contains(Path file, String text) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1).contains(text);
    }

    /** Makes CULVERT_JAVA a JDK of that version, whose java prints its process id and arguments and exits with 42. */
    private void fakeJdk(String version) throws IOException {
        Path home = temporary.resolve("jdk-" + version);
        Files.createDirectories(home.resolve("bin"));
        Files.writeString(home.resolve("release"), "IMPLEMENTOR=\"Test\"\nJAVA_VERSION=\"" + version + "\"\n");
        script("java", "echo \"pid $$\"; echo \"$*\"; exit 42");
        Files.move(bin.resolve("java"), home.resolve("bin/java"));
        environment.put("CULVERT_JAVA", home.toString());
    }

    /** Leaves nothing on PATH but what every Debian system has. (The launcher itself adds the folders of root's tools.) */
    private void steerPath() throws IOException {
        for (String tool : ESSENTIAL) {
            script(tool, "exec /usr/bin/" + tool + " \"$@\"");
        }
        environment.put("PATH", bin.toString());
    }

    private long builds() {
        return notes("mvn").size();
    }

    private List<String> notes(String of) {
        try {
            Path log = temporary.resolve("log." + of);
            return Files.exists(log) ? Files.readAllLines(log) : List.of();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /**
     * The milliseconds that a run takes where the machine has nothing else to do: the best of several, and the processor
     * time where that is less than the time on the wall, as other work makes only the latter longer.
     */
    private long bestOfNine(Path program, String argument) {
        return LongStream.range(0, 9)
                .map(i -> {
                    Result timed =
                            run(Path.of("/bin/sh"), "-c", "\"$@\" >&2; times", "sh", program.toString(), argument);
                    return Math.min(timed.milliseconds, processorMilliseconds(timed.out));
                })
                .min()
                .orElseThrow();
    }

    /** Adds up the user and system time of the last line that the shell's {@code times} prints. */
    private static long processorMilliseconds(String times) {
        String ofChildren = times.lines().reduce((first, second) -> second).orElseThrow();
        assertThat(ofChildren).matches("\\d+m[0-9.]+s \\d+m[0-9.]+s");
        double seconds = 0;
        try (Scanner numbers = new Scanner(ofChildren).useDelimiter("[ms ]+").useLocale(Locale.ROOT)) {
            while (numbers.hasNextInt()) {
                seconds += 60 * numbers.nextInt() + numbers.nextDouble();
            }
        }
        return Math.round(1000 * seconds);
    }

    private record Result(int exit, String out, String err, long pid, long milliseconds) {}

    private Result run(Path program, String... arguments) {
        try {
            Path out = temporary.resolve("out");
            Path err = temporary.resolve("err");
            ProcessBuilder builder = new ProcessBuilder(program.toString())
                    .directory(temporary.toFile())
                    .redirectInput(Path.of("/dev/null").toFile())
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile());
            builder.command().addAll(List.of(arguments));
            builder.environment().remove("CI");
            builder.environment().remove("CULVERT_IT_JAVA");
            builder.environment().remove("XDG_CACHE_HOME");
            builder.environment().putAll(environment);
            long begun = System.nanoTime();
            Process process = builder.start();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends in time").isTrue();
            long milliseconds = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun);
            return new Result(
                    process.exitValue(), Files.readString(out), Files.readString(err), process.pid(), milliseconds);
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
