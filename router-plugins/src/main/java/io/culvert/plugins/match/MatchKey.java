// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.match;

import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;

/** The keys of a rule that say which packets it is about; {@link PacketMatch} reads them. */
public enum MatchKey implements ConfigKey {
    FROM("from", ConfigType.PREFIXES, "[]", "Only packets with a source in one of these prefixes; empty: any."),
    TO("to", ConfigType.PREFIXES, "[]", "Only packets with a destination in one of these prefixes; empty: any."),
    PROTOCOL(
            "protocol",
            ConfigType.TEXT,
            "any",
            "Only packets of this protocol: tcp, udp, sctp, icmp (of either family), gre, esp, a number from 0 to 255, or any."),
    FROM_PORTS(
            "from-ports",
            ConfigType.TEXT,
            "",
            "Only packets with one of these source ports, such as \"53, 5000-5999\"; empty: any. A later fragment has none."),
    TO_PORTS(
            "to-ports",
            ConfigType.TEXT,
            "",
            "Only packets with one of these destination ports; empty: any. A later fragment has none.");

    private final String key;
    private final ConfigType type;
    private final String defaultText;
    private final String text;

    MatchKey(String key, ConfigType type, String defaultText, String text) {
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
    public String defaultText() {
        return defaultText;
    }

    @Override
    public String text() {
        return text;
    }
}
