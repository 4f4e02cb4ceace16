// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import java.util.List;
import java.util.stream.Collectors;

/** A configuration that can't be used, with every mistake that was found in it. */
public final class BadConfigException extends Exception {
    private static final long serialVersionUID = 1L;

    private final transient List<ConfigProblem> problems;

    BadConfigException(List<ConfigProblem> problems) {
        super(problems.stream().map(ConfigProblem::toString).collect(Collectors.joining("\n")));
        this.problems = List.copyOf(problems);
    }

    /** At least one, by file and line. */
    public List<ConfigProblem> problems() {
        return problems;
    }
}
