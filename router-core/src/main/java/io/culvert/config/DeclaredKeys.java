// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValue;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Makes keys of the schema from those that stages and kinds of interfaces declare, and says what is wrong with these. */
final class DeclaredKeys {
    private static final Set<ConfigType> MEASURED =
            Set.of(ConfigType.NUMBER, ConfigType.DURATION, ConfigType.RATE, ConfigType.BIT_RATE, ConfigType.BYTES);
    private static final Set<ConfigType> LISTS =
            Set.of(ConfigType.INTERFACES, ConfigType.PREFIXES, ConfigType.SECTIONS);

    private DeclaredKeys() {}

    /**
     * The keys of one declarer.
     *
     * @throws IllegalArgumentException when a declaration contradicts itself, or two have one name
     */
    static List<Key<?>> of(List<? extends ConfigKey> declared) {
        List<Key<?>> keys = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (ConfigKey one : declared) {
            if (!names.add(one.key())) {
                throw new IllegalArgumentException("key " + one.key() + " is declared twice");
            }
            keys.add(key(one));
        }
        return keys;
    }

    private static Key<?> key(ConfigKey declared) {
        checkDeclaration(declared);
        return switch (declared.type()) {
            case BOOLEAN -> key(declared, ValueType.BOOLEAN);
            case NUMBER -> key(declared, ValueType.number(declared.least(), declared.most()));
            case DURATION ->
                key(
                        declared,
                        ValueType.duration(Duration.ofNanos(declared.least()), Duration.ofNanos(declared.most())));
            case RATE -> key(declared, ValueType.rate(declared.least(), declared.most()));
            case SHARE -> key(declared, ValueType.SHARE);
            case BIT_RATE -> key(declared, ValueType.bitRate(declared.least(), declared.most()));
            case BYTES -> key(declared, ValueType.bytes(declared.least(), declared.most()));
            case CHOICE -> key(declared, ValueType.choice(declared.choices(), word -> word));
            case INTERFACE -> key(declared, ValueType.text(ConfigType.INTERFACE.expected(), name -> name));
            case INTERFACES ->
                key(declared, ValueType.listOf(ValueType.text(ConfigType.INTERFACE.expected(), name -> name)));
            case PREFIXES -> key(declared, ValueType.listOf(ValueType.PREFIX));
            case ADDRESS -> key(declared, ValueType.OPTIONAL_ADDRESS);
            case ENDPOINT -> key(declared, ValueType.OPTIONAL_ENDPOINT);
            case SECTIONS ->
                key(declared, ValueType.listOf(ValueType.section(new Section(declared.text(), of(declared.keys())))));
            case TEXT -> key(declared, ValueType.TEXT);
        };
    }

    private static <T> Key<T> key(ConfigKey declared, ValueType<T> type) {
        String written = declared.defaultText();
        if (written == null) {
            return Key.required(declared.key(), type, declared.text());
        }
        Key<T> key = new Key<>(declared.key(), type, false, value(declared, written), shown(written), declared.text());
        key.checkFallback();
        return key;
    }

    private static String shown(String written) {
        return written.isEmpty() ? "\"\"" : written;
    }

    /** The value of a text that stands for one in a file: bare, but for lists. */
    static ConfigValue value(ConfigKey key, String written) {
        if (LISTS.contains(key.type()) && written.startsWith("[")) {
            try {
                return ConfigFactory.parseString("v = " + written).getValue("v");
            } catch (ConfigException e) {
                throw new IllegalArgumentException(key.key() + " is no list: " + e.getMessage(), e);
            }
        }
        return Key.scalar(written);
    }

    private static void checkDeclaration(ConfigKey declared) {
        String problem = whatIsWrong(declared);
        if (problem != null) {
            throw new IllegalArgumentException("key " + declared.key() + " " + problem);
        }
    }

    private static @Nullable String whatIsWrong(ConfigKey declared) {
        ConfigType type = declared.type();
        boolean bounded = declared.least() != 0 || declared.most() != Long.MAX_VALUE;
        if (!declared.key().matches("[a-z][a-z0-9]*(-[a-z0-9]+)*")) {
            return "is not in kebab-case";
        }
        if (bounded && !MEASURED.contains(type)) {
            return "is a " + type + ", which has no least and most";
        }
        if (declared.least() < 0 || declared.least() > declared.most()) {
            return "takes values from " + declared.least() + " to " + declared.most() + ", so none";
        }
        if (declared.choices().isEmpty() == (type == ConfigType.CHOICE)) {
            return type == ConfigType.CHOICE ? "is a CHOICE of nothing" : "is a " + type + ", which has no choices";
        }
        if (declared.keys().isEmpty() == (type == ConfigType.SECTIONS)) {
            return type == ConfigType.SECTIONS ? "has SECTIONS without keys" : "is a " + type + ", which has no keys";
        }
        return null;
    }
}
