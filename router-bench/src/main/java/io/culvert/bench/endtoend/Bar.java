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
 * @param values of how many measurements the value is the median, or the ratio or difference of medians; the fewer of two
 * @param valuesNeeded fewer give no verdict
 * @param cause why it is missed, where it is: what profiles show, and what the measurement tells itself
 */
record Bar(
        String what,
        String unit,
        double bar,
        double reach,
        boolean atLeast,
        Optional<Double> value,
        int values,
        int valuesNeeded,
        String cause) {
    /** The scenario of figures that are about a process and not about a pair of interfaces. */
    static final String PROCESS = "process";

    /** The scenario of figures of the forwarding tables by themselves. */
    static final String TABLES = "tables";

    private static final String CULVERT = Subject.CULVERT.id();
    private static final String MILLION = Subject.CULVERT_MILLION.id();

    /** One value may be an accident. */
    private static final int REPEATED = 2;

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
            for (Quantity quantity : List.of(Quantity.TCP_1, Quantity.UDP_18, Quantity.UDP_18_SPREAD)) {
                bars.add(million(results, pair, quantity, MILLION, CULVERT, ": a million routes / two"));
            }
        }
        for (Pair pair : List.of(Pair.TUN_TUN, Pair.PACKET_PACKET)) {
            bars.add(million(results, pair, Quantity.RTT_IDLE_MEDIAN, CULVERT, MILLION, ": two routes / a million"));
        }
        // A minute of load, and some million packets, are not one value by accident.
        bars.add(atMost(results, PROCESS, Quantity.ALLOCATED, 1, 0, 1));
        bars.add(atMost(results, PROCESS, Quantity.LONGEST_PAUSE, 5, 0, 1));
        bars.add(atMost(results, TABLES, Quantity.LOOKUP_IP4, 20, 8, REPEATED));
        bars.add(atMost(results, TABLES, Quantity.LOOKUP_IP6_VECTOR, 80, 30, REPEATED));
        bars.add(atMost(results, TABLES, Quantity.LOOKUP_IP6, 80, 30, REPEATED));
        bars.add(perSecond(results, Quantity.ROUTE_CHANGES, 500, 2000));
        // The heap after a collection is the same each time.
        bars.add(atMost(results, TABLES, Quantity.TABLE_MEMORY, 200, 100, 1));
        bars.add(atMost(results, PROCESS, Quantity.START, 1500, 700, REPEATED));
        bars.add(atMost(results, PROCESS, Quantity.IDLE_MEMORY, 250, 150, REPEATED));
        bars.add(atMost(results, PROCESS, Quantity.IDLE_CPU, 1, 0.2, REPEATED));
        return bars;
    }

    private static Bar ratio(
            Results results, Pair pair, Quantity quantity, Subject yardstick, double bar, double reach) {
        Figure ours = new Figure(pair.id(), quantity, CULVERT);
        Figure theirs = new Figure(pair.id(), quantity, yardstick.id());
        return new Bar(
                quantity.text() + ", " + pair.id() + " / " + yardstick.id()
                        + (yardstick == Subject.KERNEL ? " over veth" : ""),
                "",
                bar,
                reach,
                true,
                results.ratio(ours, theirs),
                fewer(results, ours, theirs),
                REPEATED,
                (yardstick == Subject.CUSO ? LIKE_CUSO : "") + overlap(results, ours, theirs));
    }

    private static Bar million(
            Results results, Pair pair, Quantity quantity, String over, String under, String relation) {
        Figure one = new Figure(pair.id(), quantity, over);
        Figure other = new Figure(pair.id(), quantity, under);
        return new Bar(
                quantity.text() + ", " + pair.id() + relation,
                "",
                0.97,
                1.0,
                true,
                results.ratio(one, other),
                fewer(results, one, other),
                REPEATED,
                (quantity == Quantity.UDP_18_SPREAD ? COLD_ENTRIES : ONE_DESTINATION) + overlap(results, one, other));
    }

    private static Bar added(Results results, Quantity quantity, double bar, double reach) {
        String pair = Pair.TUN_TUN.id();
        Figure ours = new Figure(pair, quantity, CULVERT);
        Figure theirs = new Figure(pair, quantity, Subject.CFWD.id());
        Optional<Double> value =
                results.find(ours).flatMap(mine -> results.find(theirs).map(limit -> mine.median() - limit.median()));
        return new Bar(
                quantity.text() + ", " + pair + ": added over cfwd",
                quantity.unit(),
                bar,
                reach,
                false,
                value,
                fewer(results, ours, theirs),
                REPEATED,
                COLD_LANE + overlap(results, ours, theirs));
    }

    private static Bar atMost(
            Results results, String scenario, Quantity quantity, double bar, double reach, int valuesNeeded) {
        Optional<Series> series = results.find(new Figure(scenario, quantity, CULVERT));
        return new Bar(
                quantity.text(),
                quantity.unit(),
                bar,
                reach,
                false,
                series.map(values -> quantity == Quantity.LONGEST_PAUSE ? values.most() : values.median()),
                series.map(values -> values.values().size()).orElse(0),
                valuesNeeded,
                results.remark(quantity).orElse("") + cause(quantity));
    }

    private static Bar perSecond(Results results, Quantity quantity, double bar, double reach) {
        Bar bound = atMost(results, TABLES, quantity, bar, reach, REPEATED);
        return new Bar(
                bound.what, bound.unit, bar, reach, true, bound.value, bound.values, bound.valuesNeeded, bound.cause);
    }

    private static int fewer(Results results, Figure one, Figure other) {
        return Math.min(
                results.find(one).map(series -> series.values().size()).orElse(0),
                results.find(other).map(series -> series.values().size()).orElse(0));
    }

    /** A sentence, where the rounds of two figures are not apart. */
    private static String overlap(Results results, Figure one, Figure other) {
        Optional<Series> first = results.find(one);
        Optional<Series> second = results.find(other);
        if (first.isEmpty() || second.isEmpty()) {
            return "";
        }
        boolean apart = first.get().least() > second.get().most()
                || second.get().least() > first.get().most();
        return apart
                ? ""
                : " The rounds of both overlap, %s of %s with %s of %s: this run can't tell them apart for sure."
                        .formatted(range(one, first.get()), one.subject(), range(other, second.get()), other.subject());
    }

    private static String range(Figure figure, Series series) {
        return figure.quantity().written(series.least()) + " to "
                + figure.quantity().written(series.most());
    }

    // ---- causes, as profiles show them

    private static final String LIKE_CUSO =
            "Both read a tun packet by packet, as the kernel has no call to read several, and merge before they write."
                    + " Between the two cuso does nothing but compare addresses; a router's checks, lookup, counters and"
                    + " the graph of stages come on top, and take the core away from the reads.";
    private static final String COLD_LANE =
            "A trace of system calls shows the time between the end of epoll_wait and the write: a lane that has slept"
                    + " finds the processor's caches cold, and has more code and tables to fetch than the C loop"
                    + " ([ADR 6](adr/0006-a-lane-waits-for-its-own-descriptors.md)).";
    private static final String COLD_ENTRIES = "Each packet's lookup reads a part of the tables that no cache holds"
            + " ([ADR 4](adr/0004-forwarding-tables.md)).";
    private static final String ONE_DESTINATION =
            "All packets have one destination, whose entries stay in the caches with either table.";

    private static String cause(Quantity quantity) {
        return switch (quantity) {
            case LONGEST_PAUSE -> " A pause counts from the request until all threads go on.";
            case LOOKUP_IP4 ->
                "Nearly every lookup reads one slot of a first array of 64 MiB, which no cache holds"
                        + " ([ADR 4](adr/0004-forwarding-tables.md)): what it takes depends on how many such reads the processor overlaps.";
            case LOOKUP_IP6, LOOKUP_IP6_VECTOR ->
                "A lookup reads several nodes, each likely in no cache, one after the other; one by one the processor overlaps"
                        + " few of them, and in vectors the reads of a level wait together ([ADR 4](adr/0004-forwarding-tables.md)).";
            case ROUTE_CHANGES ->
                "A change finds its prefix in the writer's book and builds a new node below the first array, both likely in"
                        + " no cache ([ADR 4](adr/0004-forwarding-tables.md)), while the reader uses the memory too.";
            case TABLE_MEMORY ->
                "Much of it are the first arrays, of 24 bits for IPv4 ([ADR 4](adr/0004-forwarding-tables.md)).";
            case START, IDLE_MEMORY ->
                "It is mostly the JVM's and the libraries' ([ADR 8](adr/0008-start-and-footprint.md)).";
            case IDLE_CPU ->
                "What runs at rest are timers, those of Akka's scheduler first"
                        + " ([ADR 8](adr/0008-start-and-footprint.md)).";
            default -> "";
        };
    }

    // ---- verdicts

    /** Whether there are measurements enough to tell whether the bar was reached. */
    boolean judged() {
        return value.isPresent() && values >= valuesNeeded;
    }

    /** Whether the bar was reached; false where nothing was measured, or too little to tell. */
    boolean met() {
        return judged() && reaches(value.orElseThrow(), bar);
    }

    /** Whether the bar was judged and not reached. */
    boolean missed() {
        return judged() && !met();
    }

    private boolean reaches(double measured, double target) {
        return atLeast ? measured >= target : measured <= target;
    }

    /** In a word or two. */
    String verdict() {
        if (value.isEmpty()) {
            return "not measured";
        }
        if (!judged()) {
            return "no verdict";
        }
        return missed() ? "missed" : reaches(value.get(), reach) ? "met, the reach too" : "met";
    }

    /** The bars as rows for people. */
    static Table table(List<Bar> bars) {
        return new Table(
                List.of("what", "measured", "bar", "reach for", "values", "verdict"),
                bars.stream()
                        .map(bar -> List.of(
                                bar.what,
                                bar.value.map(bar::written).orElse("–"),
                                (bar.atLeast ? "≥ " : "≤ ") + bar.written(bar.bar),
                                bar.written(bar.reach),
                                bar.values == 0 ? "–" : Integer.toString(bar.values),
                                bar.verdict()))
                        .toList());
    }

    /** By how much it is missed, and why. */
    String shortfall() {
        double measured = value.orElseThrow();
        return "%s: %s instead of %s, %.0f %% %s. %s"
                .formatted(
                        what,
                        written(measured),
                        written(bar),
                        100 * Math.abs(measured - bar) / bar,
                        atLeast ? "too little" : "too much",
                        cause.isBlank() ? "No cause is known." : cause.strip());
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
