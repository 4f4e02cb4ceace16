// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigFactory;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.Settings;
import io.culvert.spi.StageDescriptor;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The settings of the stages that share a section, by key. Immutable. */
public final class StageSettings implements Settings {
    static final StageSettings NONE = new StageSettings("", Map.of());

    private final String section;
    private final Map<String, Object> values;

    private StageSettings(String section, Map<String, Object> values) {
        this.section = section;
        this.values = values;
    }

    /** The settings of a stage of which the file says nothing. */
    public static StageSettings defaults(StageDescriptor stage) {
        Section keys = StageSections.section(stage.section(), List.of(stage));
        Problems problems = new Problems(stage.id());
        Values values = keys.read(stage.section(), ConfigFactory.empty().root(), problems);
        return of(stage.section(), values);
    }

    static StageSettings of(String section, Values values) {
        Map<String, Object> byKey = new HashMap<>();
        for (Key<?> key : values.section().keys()) {
            Object value = values.find(key);
            if (value != null) {
                byKey.put(key.name(), value);
            }
        }
        return new StageSettings(section, Map.copyOf(byKey));
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
    public String text(ConfigKey key) {
        return get(key, String.class);
    }

    private <T> T get(ConfigKey key, Class<T> type) {
        Object value = values.get(key.key());
        if (!type.isInstance(value)) {
            throw new IllegalArgumentException("no " + type.getSimpleName() + " setting " + key.key() + " in section "
                    + (section.isEmpty() ? "(none)" : section));
        }
        return type.cast(value);
    }
}
