// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

/**
 * What values a {@link ConfigKey} takes, and how {@link Settings} reads them.
 *
 * @since 0.1
 */
public enum ConfigType {
    /** {@code true} or {@code false}. */
    BOOLEAN("true or false"),
    /** A whole number, zero or more. */
    NUMBER("a whole number"),
    /** A span of time with its unit: {@code 30s}, {@code 500ms}. Read in nanoseconds. */
    DURATION("a duration like 30s or 500ms"),
    /** Events per second: {@code "1000/s"}; {@code off} reads as {@link Settings#UNLIMITED}. */
    RATE("a rate like \"1000/s\""),
    /** A part of a whole: {@code 1.5%}. Read as a number from 0 to 1. */
    SHARE("a share from 0% to 100%, like 1.5%"),
    /** Bits per second: {@code 10Mbit/s}, by thousands; {@code off} reads as {@link Settings#UNLIMITED}. */
    BIT_RATE("a rate like 10Mbit/s"),
    /** An amount of bytes: {@code 1500}, {@code 64KiB}. */
    BYTES("a number of bytes like 1500 or 64KiB"),
    /** One of {@link ConfigKey#choices}. */
    CHOICE("one of several words"),
    /** The name of a configured interface; an empty text is none. */
    INTERFACE("the name of an interface"),
    /** A list of such names. */
    INTERFACES("the names of interfaces"),
    /** A list of prefixes of either family: {@code ["192.0.2.0/24", "2001:db8::/32"]}. */
    PREFIXES("a prefix like 192.0.2.0/24 or 2001:db8::/32"),
    /** An address of either family; an empty text is none. */
    ADDRESS("an address like 192.0.2.1 or 2001:db8::1"),
    /** An address and a port: {@code "192.0.2.1:4789"}, {@code "[2001:db8::1]:4789"}; an empty text is none. */
    ENDPOINT("an address and a port like \"192.0.2.1:4789\" or \"[2001:db8::1]:4789\""),
    /** A list of sections, each with the {@link ConfigKey#keys}: {@code [{ prefix = ... }, { prefix = ... }]}. */
    SECTIONS("{ ... }"),
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
