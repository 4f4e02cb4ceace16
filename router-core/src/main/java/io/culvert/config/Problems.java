// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigOrigin;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Collects the mistakes of one file and of what it includes. */
final class Problems {
    private final String file;
    private final List<ConfigProblem> found = new ArrayList<>();

    /** @param file named where a value has no place of its own */
    Problems(String file) {
        this.file = file;
    }

    void add(ConfigOrigin where, String message) {
        found.add(new ConfigProblem(fileOf(where), Math.max(1, where.lineNumber()), message));
    }

    void add(int line, String message) {
        found.add(new ConfigProblem(file, line, message));
    }

    /** Takes over what was found in another file. */
    void addAll(List<ConfigProblem> others) {
        found.addAll(others);
    }

    /** How messages about one place name another: the line alone when the file is the same. */
    String place(ConfigOrigin other, ConfigOrigin seenFrom) {
        String line = "line " + Math.max(1, other.lineNumber());
        return fileOf(other).equals(fileOf(seenFrom)) ? line : line + " of " + fileOf(other);
    }

    private String fileOf(ConfigOrigin where) {
        String name = where.filename();
        return name == null ? file : name;
    }

    boolean isEmpty() {
        return found.isEmpty();
    }

    int count() {
        return found.size();
    }

    List<ConfigProblem> sorted() {
        // The operator's own file first, then what it includes.
        return found.stream()
                .distinct()
                .sorted(Comparator.comparing(
                                (ConfigProblem problem) -> !problem.file().equals(file))
                        .thenComparing(ConfigProblem::file)
                        .thenComparing(ConfigProblem::line))
                .toList();
    }
}
