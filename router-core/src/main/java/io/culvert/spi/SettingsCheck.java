// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

/**
 * What a stage asks of its settings beyond the type and range of each: that two fit together, that a list has no entry
 * twice. Run when a configuration is read, before any stage is made of it; not run while a key of the section has a mistake.
 *
 * @since 0.1
 */
@FunctionalInterface
public interface SettingsCheck {
    /**
     * Looks at the settings of one configuration.
     *
     * @throws BadSettingException naming the key whose line is to be changed
     */
    void check(Settings settings) throws BadSettingException;
}
