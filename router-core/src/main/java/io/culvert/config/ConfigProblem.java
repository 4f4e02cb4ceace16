// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

/**
 * One mistake in a configuration.
 *
 * @param file the file as the operator named it, or the included file that has the mistake
 * @param line from 1
 * @param message what is wrong and what was expected, without the place
 */
public record ConfigProblem(String file, int line, String message) {
    @Override
    public String toString() {
        return file + ":" + line + ": " + message;
    }
}
