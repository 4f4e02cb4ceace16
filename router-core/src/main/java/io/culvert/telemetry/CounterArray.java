// SPDX-License-Identifier: Apache-2.0
package io.culvert.telemetry;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A row of counters with one writing thread and any number of readers, who see every value whole and none go backwards,
 * but may see it a moment late.
 */
public final class CounterArray {
    private static final VarHandle VALUES = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] values;

    public CounterArray(int size) {
        values = new long[size];
    }

    /** Adds on the writing thread. */
    public void add(int index, long amount) {
        VALUES.setOpaque(values, index, values[index] + amount);
    }

    public long get(int index) {
        return (long) VALUES.getOpaque(values, index);
    }

    public int size() {
        return values.length;
    }
}
