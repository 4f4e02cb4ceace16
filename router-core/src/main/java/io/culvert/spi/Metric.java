// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.Objects;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;

/**
 * A value that a plugin tells of itself, read when an operator asks: {@code culvert show metrics}. What a stage counts per
 * packet belongs into its {@link CounterId}s instead.
 *
 * @param name kebab-case, unique in the plugin
 * @param kind how the value moves
 * @param unit what one is: {@code entries}, {@code bytes}, {@code ms}
 * @param text one sentence for the operator: what is counted or measured
 * @param value read on a thread of its own; must be quick and safe on any thread
 * @since 0.1
 */
public record Metric(String name, Kind kind, String unit, String text, LongSupplier value) {
    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9]*(-[a-z0-9]+)*");

    /** @throws IllegalArgumentException when the name is not in kebab-case */
    public Metric {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("the name of a metric is in kebab-case, and \"" + name + "\" is not");
        }
        Objects.requireNonNull(kind, "kind of a metric");
        Objects.requireNonNull(unit, "unit of a metric");
        Objects.requireNonNull(text, "text of a metric");
        Objects.requireNonNull(value, "value of a metric");
    }

    /** How a value moves. */
    public enum Kind {
        /** Goes up and down. */
        GAUGE,
        /** Only grows, from 0 at the start of the router. */
        COUNTER
    }

    public static Metric gauge(String name, String unit, String text, LongSupplier value) {
        return new Metric(name, Kind.GAUGE, unit, text, value);
    }

    public static Metric counter(String name, String unit, String text, LongSupplier value) {
        return new Metric(name, Kind.COUNTER, unit, text, value);
    }
}
