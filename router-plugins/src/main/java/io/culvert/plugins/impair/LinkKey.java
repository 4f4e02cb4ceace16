// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.impair;

import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The keys of one link. */
enum LinkKey implements ConfigKey {
    INTERFACE("interface", ConfigType.INTERFACE, null, "The interface whose link is impaired."),
    DIRECTION(
            "direction",
            ConfigType.CHOICE,
            "out",
            "Impairs what leaves by the interface (out), what arrives on it (in), or both."),
    DELAY("delay", ConfigType.DURATION, "0ms", "How long every packet takes longer."),
    JITTER(
            "jitter",
            ConfigType.DURATION,
            "0ms",
            "By how much the delay varies up and down, evenly; the order of packets stays, whatever it is."),
    LOSS("loss", ConfigType.SHARE, "0%", "The share of packets that are lost."),
    DUPLICATE("duplicate", ConfigType.SHARE, "0%", "The share of packets that come twice."),
    CORRUPT("corrupt", ConfigType.SHARE, "0%", "The share of packets in which one bit is turned over."),
    REORDER("reorder", ConfigType.SHARE, "0%", "The share of packets that overtake: they take no delay."),
    RATE(
            "rate",
            ConfigType.BIT_RATE,
            "off",
            "What the link carries, in bits of packets as they are on it, link header included."),
    LIMIT(
            "limit",
            ConfigType.NUMBER,
            "1000",
            "How many packets may be under way or wait in one lane; those that come on top are dropped.");

    private final String key;
    private final ConfigType type;
    private final @Nullable String defaultText;
    private final String text;

    LinkKey(String key, ConfigType type, @Nullable String defaultText, String text) {
        this.key = key;
        this.type = type;
        this.defaultText = defaultText;
        this.text = text;
    }

    @Override
    public String key() {
        return key;
    }

    @Override
    public ConfigType type() {
        return type;
    }

    @Override
    public @Nullable String defaultText() {
        return defaultText;
    }

    @Override
    public List<String> choices() {
        return this == DIRECTION ? List.of("out", "in", "both") : List.of();
    }

    @Override
    public long least() {
        return switch (this) {
            case LIMIT -> 1;
            case RATE -> Link.LEAST_BITS_PER_SECOND;
            default -> 0;
        };
    }

    @Override
    public long most() {
        return this == LIMIT ? Link.MOST_PACKETS : Long.MAX_VALUE;
    }

    @Override
    public String text() {
        return text;
    }
}
