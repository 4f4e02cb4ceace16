// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import io.culvert.spi.ConfigKey;
import java.util.List;

/** Keys as a table in Markdown: for reference pages, of the router and of plugins. */
public final class KeyTable {
    private KeyTable() {}

    /** Of keys that a stage or a kind of interfaces declares. */
    public static String of(List<? extends ConfigKey> keys) {
        return ofKeys(DeclaredKeys.of(keys));
    }

    static String ofKeys(List<Key<?>> keys) {
        StringBuilder table = new StringBuilder("| key | takes | without it | meaning |\n|---|---|---|---|\n");
        for (Key<?> key : keys) {
            table.append("| `")
                    .append(key.name())
                    .append("` | ")
                    .append(cell(key.type().expected()))
                    .append(" | ")
                    .append(key.fallback() == null ? cell(key.without()) : "`" + key.without() + "`")
                    .append(" | ")
                    .append(cell(key.text()))
                    .append(" |\n");
        }
        return table.toString();
    }

    /** A text as it stands in a table. */
    public static String cell(String text) {
        return text.replace("|", "\\|");
    }
}
