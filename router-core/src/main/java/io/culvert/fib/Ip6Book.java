// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.Ip6Prefix;
import java.util.Arrays;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The writer's book of IPv6 prefixes: like {@link Ip4Book}, 21 bytes a slot.
 *
 * @param <V> what is written down for a prefix
 */
final class Ip6Book<V> {
    private static final int SMALLEST = 8;

    private final int[] countOfLength = new int[129];
    /** High and low half of slot i at 2i and 2i + 1. */
    private long[] addresses = {};

    private byte[] lengths = {};
    /** Null for a free slot. */
    private @Nullable Object[] values = {};

    private int size;

    int size() {
        return size;
    }

    @Nullable
    V get(long high, long low, int length) {
        return countOfLength[length] == 0 ? null : value(find(high, low, length));
    }

    /** Writes down a value; the one that stood there before, or null. */
    @Nullable
    V put(long high, long low, int length, V value) {
        if (size >= values.length / 5 * 4) {
            resize(Math.max(SMALLEST, values.length + (values.length >> 1)));
        }
        int slot = find(high, low, length);
        V old = value(slot);
        if (old == null) {
            addresses[2 * slot] = high;
            addresses[2 * slot + 1] = low;
            lengths[slot] = (byte) length;
            size++;
            countOfLength[length]++;
        }
        values[slot] = value;
        return old;
    }

    @Nullable
    V remove(long high, long low, int length) {
        if (countOfLength[length] == 0) {
            return null;
        }
        int slot = find(high, low, length);
        V old = value(slot);
        if (old == null) {
            return null;
        }
        size--;
        countOfLength[length]--;
        free(slot);
        if (size < values.length / 4 && values.length > SMALLEST) {
            resize(Math.max(SMALLEST, values.length / 2));
        }
        return old;
    }

    void clear() {
        Arrays.fill(countOfLength, 0);
        addresses = new long[0];
        lengths = new byte[0];
        values = new Object[0];
        size = 0;
    }

    /** Shows every prefix once, in no order. The book must not change meanwhile. */
    void forEach(BiConsumer<Ip6Prefix, V> visitor) {
        for (int slot = 0; slot < values.length; slot++) {
            V value = value(slot);
            if (value != null) {
                visitor.accept(
                        new Ip6Prefix(addresses[2 * slot], addresses[2 * slot + 1], lengths[slot] & 0xff), value);
            }
        }
    }

    @SuppressWarnings("unchecked") // only put writes values, and only a V
    private @Nullable V value(int slot) {
        return (V) values[slot];
    }

    private int home(long high, long low, int length) {
        long mixed = (high ^ Long.rotateLeft(low, 23) ^ length) * 0x9e37_79b9_7f4a_7c15L;
        mixed = (mixed ^ mixed >>> 32) * 0xd6e8_feb8_6659_fd93L >>> 32;
        return (int) (mixed * values.length >>> 32);
    }

    /** The slot of a prefix, or the free one where it belongs. */
    private int find(long high, long low, int length) {
        int slot = home(high, low, length);
        while (values[slot] != null
                && (addresses[2 * slot] != high
                        || addresses[2 * slot + 1] != low
                        || (lengths[slot] & 0xff) != length)) {
            slot = next(slot);
        }
        return slot;
    }

    private int next(int slot) {
        return slot + 1 == values.length ? 0 : slot + 1;
    }

    /** Empties a slot and moves up those behind it that a search would miss otherwise. */
    private void free(int hole) {
        int at = next(hole);
        while (values[at] != null) {
            int home = home(addresses[2 * at], addresses[2 * at + 1], lengths[at] & 0xff);
            boolean reachable = hole < at ? hole < home && home <= at : hole < home || home <= at;
            if (!reachable) {
                addresses[2 * hole] = addresses[2 * at];
                addresses[2 * hole + 1] = addresses[2 * at + 1];
                lengths[hole] = lengths[at];
                values[hole] = values[at];
                hole = at;
            }
            at = next(at);
        }
        values[hole] = null;
    }

    private void resize(int capacity) {
        long[] oldAddresses = addresses;
        byte[] oldLengths = lengths;
        Object[] oldValues = values;
        addresses = new long[2 * capacity];
        lengths = new byte[capacity];
        values = new Object[capacity];
        for (int i = 0; i < oldValues.length; i++) {
            if (oldValues[i] != null) {
                long high = oldAddresses[2 * i];
                long low = oldAddresses[2 * i + 1];
                int slot = find(high, low, oldLengths[i] & 0xff);
                addresses[2 * slot] = high;
                addresses[2 * slot + 1] = low;
                lengths[slot] = oldLengths[i];
                values[slot] = oldValues[i];
            }
        }
    }
}
