// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** The medians of one pair of interfaces beside each other, with their spread, and what Culvert's are of the others'. */
final class PairTable {
    private PairTable() {}

    /** Makes the table; empty if nothing was measured there. */
    static Optional<Table> of(Results results, Pair pair) {
        List<Subject> subjects = pair.subjects().stream()
                .filter(subject -> results.figures().stream()
                        .anyMatch(figure -> figure.scenario().equals(pair.id())
                                && figure.subject().equals(subject.id())))
                .toList();
        Set<Quantity> quantities = results.figures().stream()
                .filter(figure -> figure.scenario().equals(pair.id()))
                .map(Figure::quantity)
                .collect(Collectors.toCollection(() -> EnumSet.noneOf(Quantity.class)));
        if (quantities.isEmpty()) {
            return Optional.empty();
        }
        List<Subject> others = subjects.contains(Subject.CULVERT)
                ? subjects.stream()
                        .filter(subject -> subject.kind() != Subject.Kind.CULVERT)
                        .toList()
                : List.of();
        List<String> header = new ArrayList<>();
        header.add(pair.id());
        subjects.forEach(subject -> header.add(subject.id()));
        others.forEach(other -> header.add("culvert/" + other.id()));
        List<List<String>> rows = new ArrayList<>();
        for (Quantity quantity : quantities) {
            List<String> row = new ArrayList<>();
            row.add(quantity.text() + ", " + quantity.unit());
            for (Subject subject : subjects) {
                row.add(results.find(new Figure(pair.id(), quantity, subject.id()))
                        .map(series -> cell(quantity, series))
                        .orElse(""));
            }
            for (Subject other : others) {
                row.add(results.ratio(
                                new Figure(pair.id(), quantity, Subject.CULVERT.id()),
                                new Figure(pair.id(), quantity, other.id()))
                        .map("%.2f"::formatted)
                        .orElse(""));
            }
            rows.add(row);
        }
        return Optional.of(new Table(header, rows));
    }

    /** The median, and from which to which the values reach. */
    static String cell(Quantity quantity, Series series) {
        String median = quantity.written(series.median());
        return series.values().size() == 1
                ? median
                : median + " (" + quantity.written(series.least()) + "–" + quantity.written(series.most()) + ")";
    }
}
