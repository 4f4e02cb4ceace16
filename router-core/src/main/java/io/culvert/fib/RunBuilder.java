// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import java.util.Arrays;

/** Writes the answers of a node's 64 slots as runs: equal neighbors become one. */
final class RunBuilder {
    private final Object[] answers;

    private long starts;
    private int count;

    /** @param most how many runs may be added */
    RunBuilder(int most) {
        answers = new Object[most];
    }

    /** Where a run ends: at the first of the starts behind it. */
    static int end(long startsBehind) {
        return startsBehind == 0 ? Long.SIZE : Long.numberOfTrailingZeros(startsBehind);
    }

    /** The answer from a slot on, which is behind those added before. */
    void add(int from, Object answer) {
        if (count == 0 || answers[count - 1] != answer) {
            answers[count++] = answer;
            starts |= from == 0 ? 0 : 1L << from;
        }
    }

    long starts() {
        return starts;
    }

    Object[] answers() {
        return count == answers.length ? answers : Arrays.copyOf(answers, count);
    }
}
