// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

/**
 * One setting of a stage, in the section that its {@link StageDescriptor} names. Implemented by an enum in the stage's
 * file; the configuration is checked against it, and the reference documentation is made from it.
 */
public interface ConfigKey {
    /** The key as written in the file: {@code rate-limit}. */
    String key();

    ConfigType type();

    /** The default as it would be written in the file. */
    String defaultText();

    /** One sentence for the operator. */
    String text();
}
