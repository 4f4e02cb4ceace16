// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes {@code docs/reference/configuration.md} from the keys that the configuration is checked against. */
public final class ConfigReference {
    private static final String INTERFACES = "interfaces";

    private final StringBuilder page = new StringBuilder();

    private final RouterSection router;

    private ConfigReference(RouterSection router) {
        this.router = router;
    }

    /** The whole page. */
    public static String render(Catalog catalog) {
        ConfigReference reference = new ConfigReference(new RouterSection(catalog));
        reference.page.append("""
                # Configuration reference

                This page is made from the source: `mvn -pl router-core test -Dtest=ConfigReferenceTest -Dgolden.update`.

                A configuration is a [HOCON](https://github.com/lightbend/config/blob/main/HOCON.md) file with the root
                `router`, and perhaps `akka` for overrides of the settings of Akka itself. Neither the environment nor system
                properties are mixed in. `culvert check FILE` reports every mistake at once, as
                `file:line: what is wrong, what was expected`, and ends with exit code 78 if there is one. An unknown key is a
                mistake.
                """);
        reference.section("router", reference.router.section());
        return reference.page.toString();
    }

    private void section(String path, Section section) {
        heading("`" + path + "`");
        page.append(section.text()).append('\n');
        table(section.keys());
        for (Key<?> key : section.keys()) {
            if (key.name().equals(INTERFACES)) {
                interfaces(path + "." + INTERFACES + ".NAME");
            } else if (key.type().inner() != null) {
                section(path + "." + key.name(), key.type().inner());
            }
        }
    }

    private void interfaces(String path) {
        Map<String, Section> sections = router.interfaces().sections();
        heading("`" + path + "`");
        page.append("""
                An interface. Its name has letters, digits, `-` and `_`, at most 31. The order in the file is the order in
                `culvert show interfaces`. What it may have depends on its `type`.
                """);
        sections.forEach((type, section) -> {
            heading("`" + path + "` with `type = " + type + "`");
            page.append(section.text()).append('\n');
            table(section.keys());
        });
        Map<Section, List<String>> kinds = new LinkedHashMap<>();
        Map<Section, String> names = new LinkedHashMap<>();
        sections.forEach((type, section) -> {
            for (Key<?> key : section.keys()) {
                Section inner = key.type().inner();
                if (inner != null) {
                    names.put(inner, key.name());
                    kinds.computeIfAbsent(inner, first -> new ArrayList<>()).add(type);
                }
            }
        });
        names.forEach((inner, name) -> {
            heading("`" + path + "." + name + "` of a " + Suggestion.oneOf(kinds.get(inner)));
            page.append(inner.text()).append('\n');
            table(inner.keys());
        });
    }

    private void heading(String text) {
        page.append("\n## ").append(text).append("\n\n");
    }

    private void table(List<Key<?>> keys) {
        page.append('\n').append(KeyTable.ofKeys(keys));
    }
}
