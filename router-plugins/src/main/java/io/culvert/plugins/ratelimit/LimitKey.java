// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.ratelimit;

import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The keys of one limit, beside those of {@link io.culvert.plugins.match.MatchKey}. */
enum LimitKey implements ConfigKey {
    INTERFACE("interface", ConfigType.INTERFACE, null, List.of(), "The interface that the packets pass."),
    DIRECTION(
            "direction",
            ConfigType.CHOICE,
            "out",
            List.of("out", "in"),
            "Whether it is about packets that leave by the interface or about those that arrive on it."),
    PER(
            "per",
            ConfigType.CHOICE,
            "interface",
            List.of("interface", "prefix", "source", "destination", "flow"),
            "What has a rate of its own: the interface as a whole; each prefix of from or to, whichever is given; each source or"
                    + " destination, which is an IPv4 address or an IPv6 /64; each flow."),
    RATE("rate", ConfigType.BIT_RATE, "off", List.of(), "The rate in bits of IP packets, without link headers."),
    PACKETS("packets", ConfigType.RATE, "off", List.of(), "The rate in packets, in the place of rate."),
    BURST(
            "burst",
            ConfigType.BYTES,
            "64KiB",
            List.of(),
            "How many bytes may pass at once after a pause. With packets: a tenth of a second's, at least 64."),
    BUCKETS(
            "buckets",
            ConfigType.NUMBER,
            "65536",
            List.of(),
            "How many sources, destinations or flows have a rate of their own at the same time, rounded down to a power of two, at"
                    + " 16 bytes each; more than that share one rate.");

    private final String key;
    private final ConfigType type;
    private final @Nullable String defaultText;
    private final List<String> choices;
    private final String text;

    LimitKey(String key, ConfigType type, @Nullable String defaultText, List<String> choices, String text) {
        this.key = key;
        this.type = type;
        this.defaultText = defaultText;
        this.choices = choices;
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
        return choices;
    }

    @Override
    public long least() {
        return this == BUCKETS ? BucketTable.WAYS : 0;
    }

    @Override
    public long most() {
        return this == BUCKETS ? 1 << 24 : Long.MAX_VALUE;
    }

    @Override
    public String text() {
        return text;
    }
}
