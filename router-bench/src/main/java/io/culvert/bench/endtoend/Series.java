// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.util.Arrays;
import java.util.List;

/** The values that one figure had in the rounds of a run; not empty. */
record Series(List<Double> values) {
    Series {
        if (values.isEmpty()) {
            throw new IllegalArgumentException("no values");
        }
        values = List.copyOf(values);
    }

    double median() {
        return percentile(50);
    }

    double least() {
        return values.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
    }

    double most() {
        return values.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
    }

    /**
     * The value below which the given share of the values lies; between two values it is interpolated.
     *
     * @param percent from 0 to 100
     */
    double percentile(double percent) {
        double[] sorted =
                values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        double position = percent / 100 * (sorted.length - 1);
        int below = (int) Math.floor(position);
        int above = (int) Math.ceil(position);
        return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }

    static Series of(double... values) {
        return new Series(Arrays.stream(values).boxed().toList());
    }
}
