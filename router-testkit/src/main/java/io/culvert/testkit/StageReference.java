// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import io.culvert.config.KeyTable;
import io.culvert.spi.Arc;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.InterfaceKind;
import io.culvert.spi.OutPort;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Reference pages in Markdown, from what stages and kinds of interfaces declare. A plugin's page is as good as the router's
 * own when it is made by this, and a test compares:
 *
 * <pre>{@code
 * String page = new StageReference().heading("My plugin").stage(MyStage.DESCRIPTOR, "plugins.my").page();
 * }</pre>
 */
public final class StageReference {
    private final StringBuilder page = new StringBuilder();

    /** A heading of the first rank, or the second behind others. */
    public StageReference heading(String text) {
        page.append(page.length() == 0 ? "# " : "\n## ").append(text).append("\n");
        return this;
    }

    /** A paragraph. */
    public StageReference text(String text) {
        page.append('\n').append(text.strip()).append('\n');
        return this;
    }

    /**
     * All that operators and authors of other stages need to know of a stage.
     *
     * @param section where its settings stand under {@code router}: {@code icmp}, {@code plugins.mss-clamp}
     */
    public StageReference stage(StageDescriptor stage, String section) {
        page.append("\n### `").append(stage.id()).append("`\n\n").append(stage.job());
        page.append("\n\n- Runs ").append(place(stage)).append(".\n");
        if (!stage.specs().isEmpty() && !stage.specs().equals(List.of("local"))) {
            page.append("- Implements ")
                    .append(String.join(", ", stage.specs()))
                    .append(".\n");
        }
        if (!stage.outputs().isEmpty()) {
            page.append("- Sends packets ")
                    .append(stage.outputs().stream().map(StageReference::output).collect(Collectors.joining(", ")))
                    .append(".\n");
        }
        keys(stage.keys(), "router." + section);
        drops(stage.drops());
        counters(stage.counters());
        return this;
    }

    /** All that operators need to know of a kind of interfaces. */
    public StageReference interfaceKind(InterfaceKind kind) {
        page.append("\n### `type = ").append(kind.type()).append("`\n\n").append(kind.text());
        page.append("\n\n- Carries ")
                .append(kind.link().name().equals("ETHERNET") ? "Ethernet frames" : "bare IP packets")
                .append(".\n");
        keys(kind.keys(), "router.interfaces.NAME");
        drops(kind.drops());
        counters(kind.counters());
        return this;
    }

    /** The page so far. */
    public String page() {
        return page.toString();
    }

    private static String place(StageDescriptor stage) {
        Arc arc = stage.arc();
        if (arc == null) {
            return "where another stage sends packets to it by its name";
        }
        List<String> order = new ArrayList<>();
        if (stage.terminal()) {
            order.add("behind all others");
        }
        if (!stage.after().isEmpty()) {
            order.add("after " + names(stage.after()));
        }
        if (!stage.before().isEmpty()) {
            order.add("before " + names(stage.before()));
        }
        return "on arc `" + arc.id() + "`" + (order.isEmpty() ? "" : ", " + String.join(", ", order));
    }

    private static String names(List<String> ids) {
        return ids.stream().map(id -> "`" + id + "`").collect(Collectors.joining(", "));
    }

    private static String output(OutPort port) {
        String name = "`" + port.name().toLowerCase(Locale.ROOT).replace('_', '-') + "` to ";
        Target target = port.target();
        if (target instanceof Target.ArcStart start) {
            return name + "arc `" + start.arc().id() + "`";
        } else if (target instanceof Target.StageById stage) {
            return name + "stage `" + stage.id() + "`";
        } else if (target instanceof Target.Recirculate back) {
            return name + "stage `" + back.id() + "` again";
        }
        return name + "the next stage";
    }

    private void keys(List<? extends ConfigKey> keys, String path) {
        if (keys.isEmpty()) {
            return;
        }
        page.append("\nSettings, in `").append(path).append("`:\n\n").append(KeyTable.of(keys));
        for (ConfigKey key : keys) {
            if (key.type() == ConfigType.SECTIONS) {
                keys(key.keys(), path + "." + key.key());
            }
        }
    }

    /** A table of drop reasons. */
    public StageReference drops(List<? extends DropReason> reasons) {
        if (!reasons.isEmpty()) {
            page.append("\n| drops for | when |\n|---|---|\n");
            reasons.forEach(reason -> row(reason.id(), reason.text()));
        }
        return this;
    }

    /** A table of counters. */
    public StageReference counters(List<? extends CounterId> counters) {
        if (!counters.isEmpty()) {
            page.append("\n| counts | what |\n|---|---|\n");
            counters.forEach(counter -> row(counter.id(), counter.text()));
        }
        return this;
    }

    private void row(String id, String text) {
        page.append("| `").append(id).append("` | ").append(KeyTable.cell(text)).append(" |\n");
    }
}
