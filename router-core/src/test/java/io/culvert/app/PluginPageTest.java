// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Keeps the code of {@code docs/plugins.md} in step with {@code docs/plugin-example}: behind {@code <!-- FILE REGION -->}
 * stands what is between {@code // region REGION} and {@code // endregion} in that file. {@code -Dgolden.update} puts it there.
 */
final class PluginPageTest {
    private static final Path PAGE = Path.of("../docs/plugins.md");
    private static final Path EXAMPLE = Path.of("../docs/plugin-example/src");
    private static final Pattern INCLUDE = Pattern.compile("(<!-- (\\S+\\.java) (\\S+) -->\n```java\n)(?s:.*?)```\n");

    @Test
    void codeOnThePageIsThatOfTheExample() throws IOException {
        String page = Files.readString(PAGE);
        String updated = INCLUDE.matcher(page)
                .replaceAll(found -> Matcher.quoteReplacement(found.group(1) + region(found) + "```\n"));
        if (System.getProperty("golden.update") != null) {
            Files.writeString(PAGE, updated);
        }

        assertThat(INCLUDE.matcher(page).results().count())
                .as("pieces of code on the page")
                .isGreaterThan(8);
        assertThat(PAGE).as("run with -Dgolden.update").content().isEqualTo(updated);
    }

    private static String region(MatchResult include) {
        try (Stream<Path> all = Files.walk(EXAMPLE)) {
            Path file = all.filter(one -> one.endsWith(include.group(2)))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("no file " + include.group(2) + " in the example"));
            List<String> lines = new ArrayList<>();
            boolean inside = false;
            for (String line : Files.readAllLines(file)) {
                if (line.strip().equals("// region " + include.group(3))) {
                    inside = true;
                } else if (inside && line.strip().equals("// endregion")) {
                    break;
                } else if (inside) {
                    lines.add(line);
                }
            }
            assertThat(lines).as("region %s of %s", include.group(3), file).isNotEmpty();
            while (lines.get(lines.size() - 1).isBlank()) {
                lines.remove(lines.size() - 1);
            }
            int indent = lines.stream()
                    .filter(line -> !line.isBlank())
                    .mapToInt(line -> line.length() - line.stripLeading().length())
                    .min()
                    .orElse(0);
            return lines.stream()
                    .map(line -> line.isBlank() ? "" : line.substring(indent))
                    .collect(Collectors.joining("\n", "", "\n"));
        } catch (IOException unreadable) {
            throw new AssertionError(unreadable);
        }
    }
}
