// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.config.ConfigReference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

final class ConfigReferenceTest {
    private static final Path PAGE = Path.of("../docs/reference/configuration.md");

    @Test
    void thePageSaysWhatTheProgramTakes() throws IOException {
        String page = ConfigReference.render(Plugins.found());
        if (System.getProperty("golden.update") != null) {
            Files.createDirectories(PAGE.getParent());
            Files.writeString(PAGE, page);
        }

        assertThat(PAGE)
                .as("run with -Dgolden.update and read the difference")
                .content()
                .isEqualTo(page);
    }
}
