// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The keys that a section of the file may have; reads one against them. */
final class Section {
    private final String text;
    private final List<Key<?>> keys;
    private final Function<String, @Nullable String> explainUnknown;

    /** @param text what the section is for, one sentence for the operator */
    Section(String text, List<Key<?>> keys) {
        this(text, keys, unknown -> null);
    }

    /** @param explainUnknown says why a key is not one of these, or null for the usual suggestion */
    Section(String text, List<Key<?>> keys, Function<String, @Nullable String> explainUnknown) {
        this.text = text;
        this.keys = List.copyOf(keys);
        this.explainUnknown = explainUnknown;
        Set<String> names = new HashSet<>();
        for (Key<?> key : keys) {
            if (!names.add(key.name())) {
                throw new IllegalArgumentException("key " + key.name() + " is declared twice");
            }
        }
    }

    String text() {
        return text;
    }

    List<Key<?>> keys() {
        return keys;
    }

    /**
     * Reads every key; reports what is unknown, wrong or missing. A key with a mistake then has its default, if any, so
     * that what follows finds further mistakes.
     *
     * @param path of the object in the file, for messages; empty at the top
     */
    Values read(String path, ConfigObject object, Problems problems) {
        for (Map.Entry<String, ConfigValue> entry : object.entrySet()) {
            String name = entry.getKey();
            if (keys.stream().noneMatch(key -> key.name().equals(name))) {
                String reason = explainUnknown.apply(name);
                problems.add(
                        entry.getValue().origin(),
                        join(path, name)
                                + (reason != null
                                        ? " " + reason
                                        : " is unknown, "
                                                + Suggestion.ofKeys(
                                                        name,
                                                        keys.stream()
                                                                .map(Key::name)
                                                                .toList())));
            }
        }
        Values values = new Values(this, object.origin());
        for (Key<?> key : keys) {
            readKey(path, key, object, values, problems);
        }
        return values;
    }

    private static <T> void readKey(String path, Key<T> key, ConfigObject object, Values values, Problems problems) {
        ConfigValue given = object.get(key.name());
        if (given != null && given.valueType() != ConfigValueType.NULL) {
            T value = key.type().read(join(path, key.name()), given, problems);
            if (value != null) {
                values.put(key, value, given);
                return;
            }
            values.putBroken(key, given);
        } else if (key.required()) {
            problems.add(
                    object.origin(),
                    (path.isEmpty() ? "" : path + " ") + "needs " + key.name() + ", "
                            + key.type().expected());
            values.putBroken(key, null);
        }
        ConfigValue fallback = key.fallback();
        if (fallback != null) {
            values.putDefault(key, key.readFallback(fallback), fallback);
        }
    }

    static String join(String path, String name) {
        String last = name.matches("[A-Za-z0-9_-]+") ? name : ConfigUtil.quoteString(name);
        return path.isEmpty() ? last : path + "." + last;
    }

    /** Keys of several groups in one list. */
    static List<Key<?>> join(List<List<Key<?>>> groups) {
        List<Key<?>> joined = new ArrayList<>();
        groups.forEach(joined::addAll);
        return joined;
    }
}
