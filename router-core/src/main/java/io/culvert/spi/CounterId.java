// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.Locale;

/**
 * Something a stage counts besides drops. Implemented by an enum in the stage's file.
 *
 * @since 0.1
 */
public interface CounterId {
    /** The enum constant's name. */
    String name();

    int ordinal();

    /** One sentence for the operator: what is counted, in which unit. */
    String text();

    /** The kebab-case name used in output. */
    default String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
