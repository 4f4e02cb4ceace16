// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** All that a run measured, in the order in which it was first measured. Used by one thread. */
final class Results {
    private final Map<Figure, List<Double>> values = new LinkedHashMap<>();

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
}
