// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One setting of a stage, in the section that its {@link StageDescriptor} names. Implemented by an enum in the stage's
 * file; the configuration is checked against it, and the reference documentation is made from it.
 *
 * @since 0.1
 */
public interface ConfigKey {
    /** The key as written in the file, kebab-case: {@code rate-limit}. */
    String key();

    ConfigType type();

    /** The default as it would be written in the file, a text without quotes; or null when the key must be given. */
    @Nullable
    String defaultText();

    /** One sentence for the operator. */
    String text();

    /**
     * The least value of a {@link ConfigType#NUMBER}, and of what is read as one: a duration in nanoseconds, a rate in events
     * or bits per second, bytes.
     */
    default long least() {
        return 0;
    }

    /** The greatest value, in the unit of {@link #least}. Where there is one, a rate can't be {@code off}. */
    default long most() {
        return Long.MAX_VALUE;
    }

    /** The words that a {@link ConfigType#CHOICE} is one of. */
    default List<String> choices() {
        return List.of();
    }

    /** The keys of each of the {@link ConfigType#SECTIONS}. */
    default List<ConfigKey> keys() {
        return List.of();
    }
}
