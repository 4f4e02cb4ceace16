// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** All that a run measured, in the order in which it was first measured. Used by one thread. */
final class Results {
    private final Map<Figure, List<Double>> values = new LinkedHashMap<>();
    private final Map<Quantity, String> remarks = new EnumMap<>(Quantity.class);
    private final List<String> failures = new ArrayList<>();

    void add(Figure figure, double value) {
        values.computeIfAbsent(figure, unused -> new ArrayList<>()).add(value);
    }

    Optional<Series> find(Figure figure) {
        return Optional.ofNullable(values.get(figure)).map(Series::new);
    }

    Set<Figure> figures() {
        return values.keySet();
    }

    /** The median of one figure over that of another, if there are both. */
    Optional<Double> ratio(Figure figure, Figure yardstick) {
        return find(figure).flatMap(ours -> find(yardstick).map(theirs -> ours.median() / theirs.median()));
    }

    /** Keeps what the measurement itself tells of where its value comes from. */
    void remark(Quantity quantity, String sentence) {
        remarks.put(quantity, sentence);
    }

    Optional<String> remark(Quantity quantity) {
        return Optional.ofNullable(remarks.get(quantity));
    }

    /** Keeps that something could not be measured. */
    void fail(String sentence) {
        failures.add(sentence);
    }

    List<String> failures() {
        return Collections.unmodifiableList(failures);
    }
}
