// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

/** What values a {@link ConfigKey} takes, and how {@link Settings} reads them. */
public enum ConfigType {
    /** {@code true} or {@code false}. */
    BOOLEAN("true or false"),
    /** A whole number, zero or more. */
    NUMBER("a whole number"),
    /** A span of time with its unit: {@code 30s}, {@code 500ms}. Read in nanoseconds. */
    DURATION("a duration like 30s or 500ms"),
    /** Events per second: {@code "1000/s"}; {@code off} reads as {@link Settings#UNLIMITED}. */
    RATE("a rate like \"1000/s\", or off"),
    /** Any text. */
    TEXT("a text");

    private final String expected;

    ConfigType(String expected) {
        this.expected = expected;
    }

    /** What an error message says was expected. */
    public String expected() {
        return expected;
    }
}
