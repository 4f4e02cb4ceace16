// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import org.jspecify.annotations.Nullable;

/**
 * Tells the operator what is wrong with a setting; the file and line are added by who reads the configuration.
 *
 * @since 0.1
 */
public final class BadSettingException extends Exception {
    private static final long serialVersionUID = 1L;

    private final transient ConfigKey key;
    private final transient @Nullable Settings section;

    /**
     * A mistake in the stage's section itself.
     *
     * @param problem what follows the key in a sentence: {@code is less than the burst, expected 1500 or more}
     */
    public BadSettingException(ConfigKey key, String problem) {
        super(key.key() + " " + problem);
        this.key = key;
        this.section = null;
    }

    /**
     * A mistake in one of the stage's {@link ConfigType#SECTIONS}.
     *
     * @param section as {@link Settings#sections} gave it
     * @param problem what follows the key in a sentence
     */
    public BadSettingException(Settings section, ConfigKey key, String problem) {
        super(key.key() + " " + problem);
        this.key = key;
        this.section = section;
    }

    public ConfigKey key() {
        return key;
    }

    /** The nested section, or null for the stage's own. */
    public @Nullable Settings section() {
        return section;
    }
}
