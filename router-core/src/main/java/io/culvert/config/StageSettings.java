// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.BadSettingException;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.Settings;
import io.culvert.spi.SettingsCheck;
import io.culvert.spi.StageDescriptor;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The settings of the stages that share a section, by key. Immutable. */
public final class StageSettings implements Settings {
    static final StageSettings NONE = new StageSettings(
            "", new Values(new Section("", List.of()), ConfigFactory.empty().origin()), List.of());

    private final String path;
    private final Values values;
    private final List<String> interfaces;
    private final Map<String, Key<?>> keys = new HashMap<>();
    /** By key, so that a nested section has one {@link Settings}, by which a check can name it. */
    private final Map<String, List<Settings>> nested = new HashMap<>();

    /**
     * Of what was read.
     *
     * @param path of the section in the file
     * @param interfaces names of all interfaces by their ids
     */
    StageSettings(String path, Values values, List<String> interfaces) {
        this.path = path;
        this.values = values;
        this.interfaces = List.copyOf(interfaces);
        for (Key<?> key : values.section().keys()) {
            keys.put(key.name(), key);
            List<Located<Values>> sections = sectionsIn(values.find(key));
            if (!sections.isEmpty()) {
                nested.put(
                        key.name(),
                        sections.stream()
                                .<Settings>map(one ->
                                        new StageSettings(Section.join(path, key.name()), one.value(), this.interfaces))
                                .toList());
            }
        }
    }

    @SuppressWarnings("unchecked") // a list holds values of one type
    private static List<Located<Values>> sectionsIn(@Nullable Object value) {
        return value instanceof List<?> list
                        && !list.isEmpty()
                        && list.get(0) instanceof Located<?> first
                        && first.value() instanceof Values
                ? (List<Located<Values>>) list
                : List.of();
    }

    /** The settings of a stage of which the file says nothing. */
    public static StageSettings defaults(StageDescriptor stage) {
        return written(stage, Map.of(), List.of());
    }

    /**
     * The settings of a stage from texts, for tests and benchmarks: each as it would stand in the file, without quotes.
     *
     * @param texts by key; those of lists may be in brackets
     * @param interfaces names of the router's interfaces by their ids
     * @throws IllegalArgumentException telling every mistake
     */
    public static StageSettings written(StageDescriptor stage, Map<String, String> texts, List<String> interfaces) {
        Map<String, ConfigValue> given = new HashMap<>();
        texts.forEach((name, text) -> given.put(name, written(stage, name, text)));
        ConfigObject object = ConfigValueFactory.fromMap(given);
        Problems problems = new Problems(stage.id());
        Values values = StageSections.section(stage.section(), List.of(stage)).read(stage.section(), object, problems);
        StageSettings settings = new StageSettings(stage.section(), values, interfaces);
        settings.check(stage.keys(), problems);
        if (problems.isEmpty()) {
            settings.check(stage.id(), stage.check(), problems);
        }
        if (!problems.isEmpty()) {
            throw new IllegalArgumentException(
                    problems.sorted().stream().map(ConfigProblem::message).collect(Collectors.joining("; ")));
        }
        return settings;
    }

    private static ConfigValue written(StageDescriptor stage, String name, String text) {
        for (ConfigKey key : stage.keys()) {
            if (key.key().equals(name)) {
                return DeclaredKeys.value(key, text);
            }
        }
        return ConfigValueFactory.fromAnyRef(text);
    }

    /** Whether two settings say the same, wherever they stand. */
    boolean isSameAs(StageSettings other) {
        return values.effective().equals(other.values.effective());
    }

    /** Reports names of interfaces that there are not. */
    void check(List<? extends ConfigKey> declared, Problems problems) {
        for (ConfigKey key : declared) {
            if (values.broken(keyOf(key))) {
                continue;
            }
            if (key.type() == ConfigType.INTERFACE) {
                String name = text(key);
                if (!name.isEmpty()) {
                    checkInterface(name, key, values.origin(keyOf(key)), problems);
                }
            } else if (key.type() == ConfigType.INTERFACES) {
                located(key).forEach(name -> checkInterface((String) name.value(), key, name.origin(), problems));
            } else if (key.type() == ConfigType.SECTIONS) {
                sections(key).forEach(section -> ((StageSettings) section).check(key.keys(), problems));
            }
        }
    }

    private void checkInterface(String name, ConfigKey key, ConfigOrigin origin, Problems problems) {
        if (!interfaces.contains(name)) {
            problems.add(
                    origin,
                    Section.join(path, key.key()) + ": there is no interface " + name + ", "
                            + Suggestion.ofKeys(name, interfaces));
        }
    }

    /** Runs a stage's own check, unless what it would look at has mistakes already; whether all is well. */
    boolean check(String stage, SettingsCheck check, Problems problems) {
        if (values.hasMistake()) {
            return false;
        }
        try {
            check.check(this);
            return true;
        } catch (BadSettingException bad) {
            StageSettings where = bad.section() instanceof StageSettings inner ? inner : this;
            Key<?> key = where.keys.get(bad.key().key());
            problems.add(
                    key == null ? where.values.origin() : where.values.origin(key),
                    where.path + "." + bad.getMessage());
        } catch (RuntimeException | Error fault) {
            problems.add(values.origin(), path + ": stage " + stage + " failed to check its settings: " + fault);
        }
        return false;
    }

    @Override
    public boolean bool(ConfigKey key) {
        return get(key, Boolean.class);
    }

    @Override
    public long number(ConfigKey key) {
        return get(key, Long.class);
    }

    @Override
    public long durationNanos(ConfigKey key) {
        return get(key, Duration.class).toNanos();
    }

    @Override
    public long rate(ConfigKey key) {
        return get(key, Long.class);
    }

    @Override
    public double share(ConfigKey key) {
        return get(key, Double.class);
    }

    @Override
    public long bitsPerSecond(ConfigKey key) {
        return get(key, Long.class);
    }

    @Override
    public long bytes(ConfigKey key) {
        return get(key, Long.class);
    }

    @Override
    public String choice(ConfigKey key) {
        return get(key, String.class);
    }

    @Override
    public int interfaceId(ConfigKey key) {
        return interfaces.indexOf(get(key, String.class));
    }

    @Override
    public int[] interfaceIds(ConfigKey key) {
        return located(key).stream()
                .mapToInt(name -> interfaces.indexOf((String) name.value()))
                .toArray();
    }

    @Override
    public List<IpPrefix> prefixes(ConfigKey key) {
        return located(key).stream().map(prefix -> (IpPrefix) prefix.value()).toList();
    }

    @Override
    public @Nullable IpAddress address(ConfigKey key) {
        return (IpAddress) orNull(key);
    }

    @Override
    public @Nullable InetSocketAddress endpoint(ConfigKey key) {
        return (InetSocketAddress) orNull(key);
    }

    @Override
    public List<Settings> sections(ConfigKey key) {
        located(key);
        return nested.getOrDefault(key.key(), List.of());
    }

    @Override
    public String text(ConfigKey key) {
        return get(key, String.class);
    }

    private List<Located<?>> located(ConfigKey key) {
        @SuppressWarnings("unchecked") // ValueType.listOf makes it so
        List<Located<?>> list = get(key, List.class);
        return list;
    }

    private @Nullable Object orNull(ConfigKey key) {
        Optional<?> value = get(key, Optional.class);
        return value.isPresent() ? value.get() : null;
    }

    private Key<?> keyOf(ConfigKey declared) {
        Key<?> key = keys.get(declared.key());
        if (key == null) {
            throw noSetting(declared, "");
        }
        return key;
    }

    private <T> T get(ConfigKey key, Class<T> type) {
        Object value = values.find(keyOf(key));
        if (!type.isInstance(value)) {
            throw noSetting(key, type.getSimpleName() + " ");
        }
        return type.cast(value);
    }

    private IllegalArgumentException noSetting(ConfigKey key, String type) {
        return new IllegalArgumentException(
                "no " + type + "setting " + key.key() + " in section " + (path.isEmpty() ? "(none)" : path));
    }
}
