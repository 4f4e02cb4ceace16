// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One key of a {@link Section}.
 *
 * @param name as written in the file
 * @param required whether a section without it is a mistake
 * @param fallback what it is when the file does not say: null when there is no value then
 * @param without what the reference says about its absence: the default as written, or a phrase
 * @param text one sentence for the operator
 */
record Key<T>(
        String name,
        ValueType<T> type,
        boolean required,
        @Nullable ConfigValue fallback,
        String without,
        String text) {
    static <T> Key<T> required(String name, ValueType<T> type, String text) {
        return new Key<>(name, type, true, null, "required", text);
    }

    /** @param fallback as it would be written in the file */
    static <T> Key<T> withDefault(String name, ValueType<T> type, String fallback, String text) {
        return new Key<>(name, type, false, parse(name, fallback), fallback, text);
    }

    /** @param without a phrase that says what happens when it is absent */
    static <T> Key<T> optional(String name, ValueType<T> type, String without, String text) {
        return new Key<>(name, type, false, null, without, text);
    }

    /** Whether two keys of one name mean the same to an operator. */
    boolean isSameAs(Key<?> other) {
        return type.expected().equals(other.type.expected())
                && required == other.required
                && without.equals(other.without)
                && sameInside(type.inner(), other.type.inner());
    }

    private static boolean sameInside(@Nullable Section one, @Nullable Section other) {
        if (one == null || other == null) {
            return one == other;
        }
        int count = one.keys().size();
        return count == other.keys().size()
                && IntStream.range(0, count)
                        .allMatch(i -> one.keys()
                                        .get(i)
                                        .name()
                                        .equals(other.keys().get(i).name())
                                && one.keys().get(i).isSameAs(other.keys().get(i)));
    }

    /** @throws IllegalArgumentException when the default is not of the key's type */
    void checkFallback() {
        if (fallback != null) {
            readFallback(fallback);
        }
    }

    /** The default, of the key's type. */
    T readFallback(ConfigValue written) {
        Problems own = new Problems(name);
        T value = type.read(name, written, own);
        if (value == null || !own.isEmpty()) {
            throw new IllegalArgumentException("default of key " + name + ": "
                    + own.sorted().stream().map(ConfigProblem::message).collect(Collectors.joining("; ")));
        }
        return value;
    }

    /** A scalar from its bare text, which may hold characters that HOCON wants quoted. */
    static ConfigValue scalar(String text) {
        return text.matches("\\d+|true|false") ? parse("default", text) : ConfigValueFactory.fromAnyRef(text);
    }

    private static ConfigValue parse(String name, String text) {
        try {
            return ConfigFactory.parseString("v = " + text).getValue("v");
        } catch (ConfigException e) {
            throw new IllegalArgumentException("default of " + name + ": " + e.getMessage(), e);
        }
    }
}
