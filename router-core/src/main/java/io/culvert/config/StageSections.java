// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import io.culvert.spi.StageDescriptor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Makes sections of the schema from what stages declare. */
final class StageSections {
    private StageSections() {}

    /**
     * The sections of these stages, by name.
     *
     * @throws IllegalArgumentException telling what is wrong with a declaration
     */
    static Map<String, Section> of(Collection<StageDescriptor> stages) {
        Map<String, List<StageDescriptor>> bySection = new TreeMap<>();
        for (StageDescriptor stage : stages) {
            bySection
                    .computeIfAbsent(stage.section(), name -> new ArrayList<>())
                    .add(stage);
        }
        Map<String, Section> sections = new LinkedHashMap<>();
        bySection.forEach((name, readers) -> sections.put(name, section(name, readers)));
        return sections;
    }

    /**
     * One section.
     *
     * @throws IllegalArgumentException when two stages declare a key differently, or a default is not of the key's type
     */
    static Section section(String name, List<StageDescriptor> readers) {
        Map<String, Key<?>> keys = new LinkedHashMap<>();
        for (StageDescriptor stage : readers) {
            for (Key<?> key : DeclaredKeys.of(stage.keys())) {
                Key<?> other = keys.putIfAbsent(key.name(), key);
                // Versions of one stage for IPv4 and IPv6 may share a key, but must mean the same.
                if (other != null && !other.isSameAs(key)) {
                    throw new IllegalArgumentException(
                            "stages " + readers + " declare " + name + "." + key.name() + " differently");
                }
            }
        }
        String text = readers.size() == 1
                ? "Settings of stage " + readers.get(0).id() + "."
                : "Settings of the stages "
                        + Suggestion.oneOf(readers.stream()
                                        .map(StageDescriptor::id)
                                        .toList())
                                .replace(" or ", " and ") + ".";
        return new Section(text, List.copyOf(keys.values()));
    }
}
