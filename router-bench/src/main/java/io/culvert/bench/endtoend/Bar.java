// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Something that must be reached.
 *
 * @param what it is about
 * @param unit empty for a ratio or a number
 * @param bar what must be reached
 * @param reach what would be better still
 * @param atLeast whether more is better
 * @param value empty where the run did not measure it
 */
record Bar(String what, String unit, double bar, double reach, boolean atLeast, Optional<Double> value) {
    /** The scenario of figures that are about a process and not about a pair of interfaces. */
    static final String PROCESS = "process";

    private static final String CULVERT = Subject.CULVERT.id();
    private static final String MILLION = Subject.CULVERT_MILLION.id();

    /** All bars, with what a run measured. */
    static List<Bar> of(Results results) {
        List<Bar> bars = new ArrayList<>();
        bars.add(ratio(results, Pair.TUN_TUN, Quantity.TCP_1, Subject.CFWD, 0.95, 1.05));
        bars.add(ratio(results, Pair.PACKET_PACKET, Quantity.TCP_1, Subject.PFWD, 0.95, 1.1));
        bars.add(ratio(results, Pair.TUN_TUN, Quantity.TCP_1, Subject.KERNEL, 0.75, 1.0));
        bars.add(ratio(results, Pair.TUN_TUN, Quantity.UDP_18, Subject.CFWD, 1.5, 1.9));
        bars.add(ratio(results, Pair.TUN_TUN, Quantity.UDP_18, Subject.CUSO, 0.9, 1.0));
        bars.add(ratio(results, Pair.PACKET_PACKET, Quantity.UDP_18, Subject.PMM, 1.0, 1.8));
        bars.add(added(results, Quantity.RTT_IDLE_MEDIAN, 15, 5));
        bars.add(added(results, Quantity.RTT_IDLE_P99, 100, 50));
        for (Pair pair : List.of(Pair.TUN_TUN, Pair.PACKET_PACKET)) {
            for (Quantity quantity : List.of(Quantity.TCP_1, Quantity.UDP_18)) {
                bars.add(atLeast(
                        quantity.text() + ", " + pair.id() + ": a million routes / two",
                        0.97,
                        1.0,
                        results.ratio(
                                new Figure(pair.id(), quantity, MILLION), new Figure(pair.id(), quantity, CULVERT))));
            }
        }
        for (Pair pair : List.of(Pair.TUN_TUN, Pair.PACKET_PACKET)) {
            bars.add(atLeast(
                    Quantity.RTT_IDLE_MEDIAN.text() + ", " + pair.id() + ": two routes / a million",
                    0.97,
                    1.0,
                    results.ratio(
                            new Figure(pair.id(), Quantity.RTT_IDLE_MEDIAN, CULVERT),
                            new Figure(pair.id(), Quantity.RTT_IDLE_MEDIAN, MILLION))));
        }
        bars.add(atMost(results, Quantity.ALLOCATED, 1, 0));
        bars.add(atMost(results, Quantity.LONGEST_PAUSE, 5, 0));
        bars.add(atMost(results, Quantity.START, 1500, 700));
        bars.add(atMost(results, Quantity.IDLE_MEMORY, 250, 150));
        bars.add(atMost(results, Quantity.IDLE_CPU, 1, 0.2));
        return bars;
    }

    private static Bar ratio(
            Results results, Pair pair, Quantity quantity, Subject yardstick, double bar, double reach) {
        return atLeast(
                quantity.text() + ", " + pair.id() + " / " + yardstick.id()
                        + (yardstick == Subject.KERNEL ? " over veth" : ""),
                bar,
                reach,
                results.ratio(
                        new Figure(pair.id(), quantity, CULVERT), new Figure(pair.id(), quantity, yardstick.id())));
    }

    private static Bar atLeast(String what, double bar, double reach, Optional<Double> value) {
        return new Bar(what, "", bar, reach, true, value);
    }

    private static Bar added(Results results, Quantity quantity, double bar, double reach) {
        String pair = Pair.TUN_TUN.id();
        Optional<Double> value = results.find(new Figure(pair, quantity, CULVERT))
                .flatMap(ours -> results.find(new Figure(pair, quantity, Subject.CFWD.id()))
                        .map(theirs -> ours.median() - theirs.median()));
        return new Bar(quantity.text() + ", " + pair + ": added over cfwd", quantity.unit(), bar, reach, false, value);
    }

    private static Bar atMost(Results results, Quantity quantity, double bar, double reach) {
        Optional<Double> value = results.find(new Figure(PROCESS, quantity, CULVERT))
                .map(series -> quantity == Quantity.LONGEST_PAUSE ? series.most() : series.median());
        return new Bar(quantity.text(), quantity.unit(), bar, reach, false, value);
    }

    /** Whether the bar was reached; false where nothing was measured. */
    boolean met() {
        return value.isPresent() && reaches(value.get(), bar);
    }

    private boolean reaches(double measured, double target) {
        return atLeast ? measured >= target : measured <= target;
    }

    /** In a word or two. */
    String verdict() {
        if (value.isEmpty()) {
            return "not measured";
        }
        return !met() ? "missed" : reaches(value.get(), reach) ? "met, the reach too" : "met";
    }

    /** The bars as rows for people. */
    static Table table(List<Bar> bars) {
        return new Table(
                List.of("what", "measured", "bar", "reach for", ""),
                bars.stream()
                        .map(bar -> List.of(
                                bar.what,
                                bar.value.map(bar::written).orElse("–"),
                                (bar.atLeast ? "≥ " : "≤ ") + bar.written(bar.bar),
                                bar.written(bar.reach),
                                bar.verdict()))
                        .toList());
    }

    private String written(double number) {
        String digits = unit.isEmpty()
                ? String.format(Locale.ROOT, "%.2f", number)
                : number == Math.rint(number)
                        ? String.format(Locale.ROOT, "%.0f", number)
                        : String.format(Locale.ROOT, Math.abs(number) >= 10 ? "%.0f" : "%.2f", number);
        return unit.isEmpty() ? digits : digits + " " + unit;
    }
}
