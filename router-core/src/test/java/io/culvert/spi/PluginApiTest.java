// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.Internal;
import japicmp.cmp.JApiCmpArchive;
import japicmp.cmp.JarArchiveComparator;
import japicmp.cmp.JarArchiveComparatorOptions;
import japicmp.model.AccessModifier;
import japicmp.model.JApiChangeStatus;
import japicmp.model.JApiClass;
import japicmp.model.JApiCompatibility;
import japicmp.model.JApiCompatibilityChange;
import japicmp.model.JApiCompatibilityChangeType;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javassist.ClassPool;
import javassist.CtBehavior;
import javassist.CtClass;
import javassist.CtField;
import javassist.Modifier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Compares what plugins see with what they saw before: the public classes of {@code net}, {@code packet}, {@code wire} and
 * {@code spi}, less what is {@link Internal}, with a jar of the same that holds declarations and no code. Its name has the
 * version of the API. {@code -Dgolden.update} writes it, but not over one that plugins would miss something of.
 */
final class PluginApiTest {
    private static final Path BASELINE = Path.of("src/test/resources/plugin-api-" + RouterPlugin.API_VERSION + ".jar");
    private static final Path SOURCES = Path.of("src/main/java/io/culvert");
    private static final List<String> PACKAGES = List.of("net", "packet", "wire", "spi");
    private static final boolean UPDATE = System.getProperty("golden.update") != null;

    /** The beginning of 1980, the earliest that a zip file can tell. */
    private static final long NO_TIME = 315_532_800_000L;

    private static final Pattern PUBLIC_TYPE = Pattern.compile("(?m)^public .*?(?:class|interface|enum|record) (\\w+)");

    @TempDir
    private Path folder;

    private Path now;

    @BeforeEach
    void readDeclarations() throws Exception {
        now = folder.resolve("now.jar");
        writeDeclarations(now);
    }

    @Test
    void pluginsThatWereCompiledBeforeFit() throws IOException {
        if (UPDATE && !Files.exists(BASELINE)) {
            Files.copy(now, BASELINE);
        }
        assertThat(BASELINE)
                .as("the declarations of version %d of the API: run with -Dgolden.update", RouterPlugin.API_VERSION)
                .exists();
        List<String> breaks = new ArrayList<>();
        boolean changed = false;
        for (JApiClass type : compare()) {
            changed |= type.getChangeStatus() != JApiChangeStatus.UNCHANGED;
            boolean provided = type.getAnnotations().stream()
                    .anyMatch(one -> one.getFullyQualifiedName().equals(Provided.class.getName()));
            collect(type.getFullyQualifiedName(), type, provided, breaks);
            type.getInterfaces().forEach(one -> collect(type.getFullyQualifiedName(), one, provided, breaks));
            collect(type.getFullyQualifiedName(), type.getSuperclass(), provided, breaks);
            type.getMethods()
                    .forEach(one -> collect(type.getFullyQualifiedName() + "." + one.getName(), one, provided, breaks));
            type.getConstructors()
                    .forEach(one -> collect(type.getFullyQualifiedName() + "." + one.getName(), one, provided, breaks));
            type.getFields()
                    .forEach(one -> collect(type.getFullyQualifiedName() + "." + one.getName(), one, provided, breaks));
        }
        assertThat(breaks)
                .as(
                        "changes that break plugins. Mend them, or raise RouterPlugin.API_VERSION from %d to %d, write its"
                                + " declarations by -Dtest=PluginApiTest -Dgolden.update, delete %s, and tell authors of"
                                + " plugins in CHANGELOG.md what to do",
                        RouterPlugin.API_VERSION, RouterPlugin.API_VERSION + 1, BASELINE)
                .isEmpty();
        if (UPDATE && changed) {
            Files.write(BASELINE, Files.readAllBytes(now));
        } else {
            assertThat(changed)
                    .as(
                            "whether the API has grown, which breaks nothing; note it by -Dtest=PluginApiTest -Dgolden.update")
                    .isFalse();
        }
    }

    @Test
    void everyPublicTypeSaysSinceWhenItIsThere() throws IOException {
        List<String> without = new ArrayList<>();
        for (String one : PACKAGES) {
            try (Stream<Path> all = Files.walk(SOURCES.resolve(one))) {
                for (Path file : all.filter(path -> path.toString().endsWith(".java"))
                        .sorted()
                        .toList()) {
                    String source = Files.readString(file);
                    if (PUBLIC_TYPE.matcher(source).find() && !source.contains(" * @since ")) {
                        without.add(SOURCES.relativize(file).toString());
                    }
                }
            }
        }
        assertThat(without).as("public types without @since").isEmpty();
    }

    private List<JApiClass> compare() {
        JarArchiveComparatorOptions options = new JarArchiveComparatorOptions();
        options.setAccessModifier(AccessModifier.PROTECTED);
        options.getIgnoreMissingClasses().setIgnoreAllMissingClasses(true);
        return new JarArchiveComparator(options)
                .compare(new JApiCmpArchive(BASELINE.toFile(), "before"), new JApiCmpArchive(now.toFile(), "now"));
    }

    private static void collect(String name, JApiCompatibility element, boolean provided, List<String> breaks) {
        for (JApiCompatibilityChange change : element.getCompatibilityChanges()) {
            boolean harmless = provided && change.getType() == JApiCompatibilityChangeType.METHOD_ADDED_TO_INTERFACE;
            if (!harmless && !(change.isBinaryCompatible() && change.isSourceCompatible())) {
                breaks.add(name + ": " + change.getType());
            }
        }
    }

    /** A jar of what is declared, always the same for the same declarations. */
    private static void writeDeclarations(Path jar) throws Exception {
        Path classes = classes();
        ClassPool pool = new ClassPool(true);
        try (OutputStream file = Files.newOutputStream(jar);
                JarOutputStream out = new JarOutputStream(file)) {
            for (String one : PACKAGES) {
                try (Stream<Path> all = Files.walk(classes.resolve("io/culvert").resolve(one))) {
                    for (Path path : all.filter(each -> each.toString().endsWith(".class"))
                            .sorted()
                            .toList()) {
                        CtClass type;
                        try (var in = Files.newInputStream(path)) {
                            type = pool.makeClass(in);
                        }
                        if (!isOpen(type.getModifiers()) || type.hasAnnotation(Internal.class.getName())) {
                            continue;
                        }
                        strip(type);
                        JarEntry entry = new JarEntry(classes.relativize(path).toString());
                        entry.setTime(NO_TIME);
                        out.putNextEntry(entry);
                        out.write(type.toBytecode());
                        out.closeEntry();
                    }
                }
            }
        }
    }

    private static Path classes() throws URISyntaxException {
        return Path.of(RouterPlugin.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
    }

    private static boolean isOpen(int modifiers) {
        return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
    }

    private static void strip(CtClass type) throws Exception {
        for (CtBehavior behavior : type.getDeclaredBehaviors()) {
            if (!isOpen(behavior.getModifiers()) || behavior.hasAnnotation(Internal.class.getName())) {
                if (behavior instanceof javassist.CtMethod method) {
                    type.removeMethod(method);
                } else if (behavior instanceof javassist.CtConstructor constructor) {
                    type.removeConstructor(constructor);
                }
            } else {
                behavior.getMethodInfo().removeCodeAttribute();
            }
        }
        for (CtField field : type.getDeclaredFields()) {
            if (!isOpen(field.getModifiers()) || field.hasAnnotation(Internal.class.getName())) {
                type.removeField(field);
            }
        }
        type.getClassFile().removeAttribute("SourceFile");
        type.getClassFile().removeAttribute("BootstrapMethods");
        type.getClassFile().compact();
    }
}
