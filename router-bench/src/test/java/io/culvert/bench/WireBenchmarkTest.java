// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import static java.util.stream.Collectors.toCollection;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Segmenter;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.annotations.Benchmark;

final class WireBenchmarkTest {
    private static final Path WIRE = Path.of("../router-core/src/main/java/io/culvert/wire");

    /** By name: {@code readX}, and {@code writeX} where it has an {@code encode} method, for each {@code X} or {@code XView}. */
    @Test
    void readsAndWritesWithEveryView() throws IOException, ClassNotFoundException {
        List<String> expected = new ArrayList<>();
        for (Class<?> view : views()) {
            String name = view.getSimpleName().replaceFirst("View$", "");
            expected.add("read" + name);
            if (Arrays.stream(view.getMethods())
                    .anyMatch(method -> method.getName().startsWith("encode"))) {
                expected.add("write" + name);
            }
        }

        assertThat(expected).hasSizeGreaterThan(20);
        assertThat(benchmarks().map(Method::getName)).containsAll(expected);
    }

    /** Each throws when the header that it looks at is not sound; those that write leave it so. */
    @Test
    void findsEveryHeaderSoundBeforeAndAfterWriting() throws ReflectiveOperationException {
        WireBenchmark benchmark = new WireBenchmark();

        for (int round = 0; round < 2; round++) {
            for (Method method : benchmarks().toList()) {
                method.invoke(benchmark);
            }
        }
    }

    private static Stream<Method> benchmarks() {
        return Arrays.stream(WireBenchmark.class.getDeclaredMethods())
                .filter(method -> method.isAnnotationPresent(Benchmark.class));
    }

    /**
     * The public classes of the package that are made in order to look at packets. What cuts them is measured with the stage that
     * has it do so, by {@link StageBenchmark}.
     */
    private static List<Class<?>> views() throws IOException, ClassNotFoundException {
        List<Class<?>> views = new ArrayList<>();
        try (Stream<Path> files = Files.list(WIRE)) {
            for (String file : files.map(path -> path.getFileName().toString()).collect(toCollection(TreeSet::new))) {
                if (!file.equals("package-info.java")) {
                    Class<?> type = Class.forName(HeaderCheck.class.getPackageName() + "." + file.replace(".java", ""));
                    if (type.getConstructors().length != 0 && type != Segmenter.class) {
                        views.add(type);
                    }
                }
            }
        }
        return views;
    }
}
