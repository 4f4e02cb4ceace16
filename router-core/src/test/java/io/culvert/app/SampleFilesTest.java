// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import com.typesafe.config.ConfigFactory;
import io.culvert.config.ConfigFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the samples in {@code conf/} show must be right. */
final class SampleFilesTest {
    private static final Path FOLDER = Path.of("../conf");

    static List<Path> samples() throws IOException {
        try (Stream<Path> files = Files.walk(FOLDER)) {
            return files.filter(file -> file.toString().endsWith(".conf"))
                    .filter(SampleFilesTest::isOfARouter)
                    .sorted()
                    .toList();
        }
    }

    /** Other files there describe labs. */
    private static boolean isOfARouter(Path file) {
        return ConfigFactory.parseFile(file.toFile()).hasPath("router");
    }

    @Test
    void thereAreSamples() throws IOException {
        assertThat(samples()).hasSizeGreaterThanOrEqualTo(4);
    }

    @ParameterizedTest
    @MethodSource("samples")
    void aSampleHasNoMistakes(Path file) {
        assertThatCode(() -> ConfigFile.read(file, Plugins.found())).doesNotThrowAnyException();
    }
}
