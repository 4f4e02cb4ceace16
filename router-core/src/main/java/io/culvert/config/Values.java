// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What {@link Section#read} found: for each key its value, where it stands, and whether it had a mistake. */
final class Values {
    private final Section section;
    private final ConfigOrigin origin;
    private final Map<Key<?>, Object> values = new HashMap<>();
    private final Map<Key<?>, ConfigValue> given = new HashMap<>();
    private final Map<Key<?>, ConfigValue> effective = new LinkedHashMap<>();
    private final Set<Key<?>> broken = new HashSet<>();

    Values(Section section, ConfigOrigin origin) {
        this.section = section;
        this.origin = origin;
    }

    <T> void put(Key<T> key, T value, ConfigValue from) {
        values.put(key, value);
        given.put(key, from);
        effective.put(key, from);
    }

    <T> void putDefault(Key<T> key, T value, ConfigValue from) {
        values.put(key, value);
        effective.put(key, from);
    }

    void putBroken(Key<?> key, @Nullable ConfigValue from) {
        broken.add(key);
        if (from != null) {
            given.put(key, from);
        }
    }

    Section section() {
        return section;
    }

    /** The value of a key that has a default. */
    <T> T get(Key<T> key) {
        T value = find(key);
        if (value == null) {
            throw new IllegalStateException("no value of " + key.name());
        }
        return value;
    }

    /** The value of a key, or null. */
    <T> @Nullable T find(Key<T> key) {
        @SuppressWarnings("unchecked") // put() stored a T under a Key<T>
        T value = (T) values.get(key);
        return value;
    }

    /** Whether the file says something about the key, right or wrong. */
    boolean given(Key<?> key) {
        return given.containsKey(key);
    }

    /** Whether the key was missing or had a mistake, which has been reported. */
    boolean broken(Key<?> key) {
        return broken.contains(key);
    }

    /** Whether a key here, or in a section inside, was missing or had a mistake. */
    boolean hasMistake() {
        return !broken.isEmpty() || values.values().stream().anyMatch(Values::hasMistake);
    }

    private static boolean hasMistake(Object value) {
        return value instanceof Values section
                ? section.hasMistake()
                : value instanceof List<?> list
                        && list.stream()
                                .anyMatch(one -> one instanceof Located<?> located && hasMistake(located.value()));
    }

    /** Where the key stands in the file, else where its section begins. */
    ConfigOrigin origin(Key<?> key) {
        ConfigValue value = given.get(key);
        return value == null ? origin : value.origin();
    }

    ConfigOrigin origin() {
        return origin;
    }

    /** The section with its defaults filled in. */
    ConfigObject effective() {
        Map<String, ConfigValue> byName = new LinkedHashMap<>();
        effective.forEach((key, value) -> byName.put(key.name(), effective(values.get(key), value)));
        return ConfigValueFactory.fromMap(byName);
    }

    private static ConfigValue effective(@Nullable Object value, ConfigValue written) {
        if (value instanceof Values section) {
            return section.effective();
        }
        if (value instanceof List<?> list && list.stream().anyMatch(Values::isSection)) {
            return ConfigValueFactory.fromIterable(list.stream()
                    .map(one -> one instanceof Located<?> located && located.value() instanceof Values section
                            ? section.effective()
                            : written)
                    .toList());
        }
        if (value instanceof Map<?, ?> map && map.values().stream().allMatch(Values.class::isInstance)) {
            Map<String, ConfigValue> byName = new LinkedHashMap<>();
            map.forEach((name, section) -> {
                if (section instanceof Values values) {
                    byName.put(name.toString(), values.effective());
                }
            });
            return ConfigValueFactory.fromMap(byName);
        }
        return written;
    }

    private static boolean isSection(@Nullable Object element) {
        return element instanceof Located<?> located && located.value() instanceof Values;
    }
}
