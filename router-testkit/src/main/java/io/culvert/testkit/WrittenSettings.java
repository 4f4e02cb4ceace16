// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import io.culvert.spi.ConfigKey;
import io.culvert.spi.Settings;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Settings from words as they stand in a file, for tests; the real ones are read from HOCON. */
final class WrittenSettings implements Settings {
    private final Map<String, Object> words;

    WrittenSettings(Map<String, Object> words) {
        this.words = words;
    }

    private String word(ConfigKey key) {
        Object word = words.get(key.key());
        if (word == null) {
            throw new IllegalArgumentException("no setting " + key.key());
        }
        return word.toString();
    }

    @Override
    public boolean bool(ConfigKey key) {
        return Boolean.parseBoolean(word(key));
    }

    @Override
    public long number(ConfigKey key) {
        return Long.parseLong(word(key));
    }

    @Override
    public long durationNanos(ConfigKey key) {
        String word = word(key);
        if (word.endsWith("ms")) {
            return TimeUnit.MILLISECONDS.toNanos(Long.parseLong(word.substring(0, word.length() - 2)));
        }
        if (word.endsWith("s")) {
            return TimeUnit.SECONDS.toNanos(Long.parseLong(word.substring(0, word.length() - 1)));
        }
        throw new IllegalArgumentException(word + " is not written in s or ms");
    }

    @Override
    public long rate(ConfigKey key) {
        String word = word(key);
        return word.equals("off") ? UNLIMITED : Long.parseLong(word.substring(0, word.length() - "/s".length()));
    }

    @Override
    public String text(ConfigKey key) {
        return word(key);
    }
}
