// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import io.culvert.graph.BuiltInStages;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.lang.model.SourceVersion;
import org.jspecify.annotations.Nullable;

/**
 * The Maven project of a plugin: {@code docs/plugin-example}, which is built and tested with everything else, under another
 * name.
 */
final class PluginProject {
    static final String EXAMPLE = "ttl-guard";

    private static final String EXAMPLE_CLASS = "TtlGuard";
    private static final String EXAMPLE_PACKAGE = "com.example.ttlguard";
    private static final String EXAMPLE_GROUP = "<groupId>com.example</groupId>";
    private static final String RESOURCES = "plugin-example/";

    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9]*(-[a-z0-9]+)*");

    /** Labs and routers, which are called so too, have no longer names. */
    private static final int LONGEST_NAME = 31;

    private static final Pattern HOME = Pattern.compile("<culvert.home>[^<]*<");
    private static final Pattern VERSION = Pattern.compile("<culvert.version>[^<]*<");

    /** Every file of the example but {@code .gitignore}, which Maven does not take for a resource. */
    static final List<String> FILES = List.of(
            "README.md",
            "pom.xml",
            "src/lab/ttl-guard.conf",
            "src/main/java/com/example/ttlguard/TtlGuardPlugin.java",
            "src/main/java/com/example/ttlguard/TtlGuardStage.java",
            "src/main/java/com/example/ttlguard/package-info.java",
            "src/main/resources/META-INF/services/io.culvert.spi.RouterPlugin",
            "src/test/java/com/example/ttlguard/TtlGuardBenchmarkTest.java",
            "src/test/java/com/example/ttlguard/TtlGuardScenarioTest.java",
            "src/test/java/com/example/ttlguard/TtlGuardStageTest.java",
            "src/test/resources/scenarios/transit/counters.txt",
            "src/test/resources/scenarios/transit/in.txt",
            "src/test/resources/scenarios/transit/out.txt",
            "src/test/resources/scenarios/transit/router.conf");

    static final String IGNORED = "target/\n";

    private final String name;
    private final String javaPackage;

    private PluginProject(String name, String javaPackage) {
        this.name = name;
        this.javaPackage = javaPackage;
    }

    /**
     * A project to be written.
     *
     * @throws IllegalArgumentException when a plugin can't be called so, or the package can't; says why
     */
    static PluginProject named(String name, String javaPackage) {
        if (!NAME.matcher(name).matches() || name.length() > LONGEST_NAME) {
            throw new IllegalArgumentException("a plugin can't be called \"" + name
                    + "\": names are in kebab-case, like mss-clamp, and have at most " + LONGEST_NAME + " characters");
        }
        if (BuiltInStages.all().stream().anyMatch(stage -> stage.id().equals(name))) {
            throw new IllegalArgumentException("there is a stage " + name + " in every router: choose another name");
        }
        if (!SourceVersion.isName(javaPackage)) {
            throw new IllegalArgumentException(
                    "\"" + javaPackage + "\" is no name for a Java package; choose one by --package");
        }
        return new PluginProject(name, javaPackage);
    }

    /** The package of a plugin whose author has named none. */
    static String packageOf(String name) {
        return "com.example." + name.replace("-", "");
    }

    /**
     * The folder that has {@code maven/}: of a distribution, its own; of a source tree, that of the launcher's build.
     *
     * @return null when there is none
     */
    static @Nullable Path distribution(Path top) {
        return Stream.of(top, top.resolve("router-dist/target/quick/culvert"))
                .filter(folder -> Files.isDirectory(folder.resolve("maven")))
                .findFirst()
                .orElse(null);
    }

    /** Where the stage is, within the project. */
    String stageFile() {
        return renamed("src/main/java/com/example/ttlguard/TtlGuardStage.java");
    }

    /**
     * Writes the project.
     *
     * @param folder which does not exist
     * @param home the distribution against which it is built
     * @param version of Culvert
     */
    void write(Path folder, Path home, String version) throws IOException {
        for (String file : FILES) {
            Path target = folder.resolve(renamed(file));
            Files.createDirectories(target.getParent());
            String text = renamed(read(file));
            if (file.equals("pom.xml")) {
                text = HOME.matcher(text)
                        .replaceFirst("<culvert.home>" + Matcher.quoteReplacement(home.toString()) + "<");
                text = VERSION.matcher(text).replaceFirst("<culvert.version>" + version + "<");
            }
            Files.writeString(target, file.endsWith("counters.txt") ? sorted(text) : text);
        }
        Files.writeString(folder.resolve(".gitignore"), IGNORED);
    }

    /** The lines of stages in their order, which another name has changed. */
    private static String sorted(String counters) {
        Predicate<String> isOfStage = line -> line.startsWith("count ") || line.startsWith("drop ");
        return Stream.concat(
                        counters.lines().filter(isOfStage.negate()),
                        counters.lines().filter(isOfStage).sorted())
                .collect(Collectors.joining("\n", "", "\n"));
    }

    private static String read(String file) throws IOException {
        try (InputStream in = PluginProject.class.getResourceAsStream(RESOURCES + file)) {
            if (in == null) {
                throw new IOException("no " + file + " in this Culvert");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private String renamed(String text) {
        int dot = javaPackage.lastIndexOf('.');
        String group = dot < 0 ? javaPackage : javaPackage.substring(0, dot);
        return text.replace(EXAMPLE_GROUP, "<groupId>" + group + "</groupId>")
                .replace(EXAMPLE_PACKAGE, javaPackage)
                .replace(EXAMPLE_PACKAGE.replace('.', '/'), javaPackage.replace('.', '/'))
                .replace(EXAMPLE_CLASS, className(name))
                .replace(EXAMPLE, name);
    }

    private static String className(String kebab) {
        return Stream.of(kebab.split("-", -1))
                .map(word -> word.substring(0, 1).toUpperCase(Locale.ROOT) + word.substring(1))
                .collect(Collectors.joining());
    }
}
