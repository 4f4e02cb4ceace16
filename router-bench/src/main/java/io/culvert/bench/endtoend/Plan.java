// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a run does.
 *
 * @param quick the essential alone, in a minute
 * @param only a part of what scenarios are called, or null for all
 * @param rounds how often everything that has a bar is measured; the rest at most {@link #MOST_OTHER_ROUNDS} times, and
 *     in a quick run but once
 * @param seconds that one measurement lasts; half of it for throughput that has no bar
 */
record Plan(boolean quick, @Nullable String only, int rounds, int seconds) {
    static final int MOST_OTHER_ROUNDS = 3;

    static Plan quick(@Nullable String only) {
        return new Plan(true, only, 3, 1);
    }

    static Plan full(@Nullable String only) {
        return new Plan(false, only, 5, 2);
    }

    Plan withRounds(int other) {
        return new Plan(quick, only, other, seconds);
    }

    Plan withSeconds(int other) {
        return new Plan(quick, only, rounds, other);
    }

    /** Who is measured between the interfaces of a pair. */
    List<Subject> subjects(Pair pair) {
        if (!quick) {
            return pair.subjects();
        }
        return switch (pair) {
            case TUN_TUN -> List.of(Subject.CFWD, Subject.CUSO, Subject.KERNEL, Subject.CULVERT);
            case PACKET_PACKET -> List.of(Subject.PFWD, Subject.CULVERT);
            case TAP_TAP, TUN_PACKET -> List.of();
        };
    }

    /** What is measured there. */
    List<Measure> measures(Pair pair) {
        return List.of(Measure.values()).stream()
                .filter(measure -> measure.appliesTo(pair))
                .filter(measure -> !quick || isEssential(pair, measure))
                .filter(measure -> wants(pair.id() + "/" + measure.id()))
                .toList();
    }

    private static boolean isEssential(Pair pair, Measure measure) {
        return measure == Measure.TCP_1
                || (pair == Pair.TUN_TUN && (measure == Measure.UDP_18 || measure == Measure.RTT_IDLE));
    }

    /** In how many rounds it is measured. */
    int rounds(Pair pair, Measure measure) {
        if (quick && (pair != Pair.TUN_TUN || measure == Measure.RTT_IDLE)) {
            return 1;
        }
        return measure.barred() ? rounds : Math.min(rounds, MOST_OTHER_ROUNDS);
    }

    /** How many routers are started to see how long that takes. */
    int starts() {
        return quick ? 1 : rounds;
    }

    /** How many routers are left alone to see what they hold and use. */
    int rests() {
        return quick ? 1 : Math.min(rounds, MOST_OTHER_ROUNDS);
    }

    /** How long a measurement of throughput lasts. */
    int seconds(Measure measure) {
        return measure.barred() ? seconds : (seconds + 1) / 2;
    }

    /** How long a JVM gets each kind of traffic before it is measured. */
    int warmUpSeconds() {
        return quick ? 1 : 4;
    }

    /** How long a router rests before its memory is measured, and again while its processor time is. */
    Duration idle() {
        return Duration.ofSeconds(quick ? 2 : 10);
    }

    /** Whether a scenario of that name is part of the run. */
    boolean wants(String scenario) {
        String part = only;
        return part == null || scenario.contains(part);
    }
}
