// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.Ip4Prefix;
import java.util.Arrays;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The writer's book of IPv4 prefixes: an open-addressed hash table with linear probing, 12 bytes a slot, at most four of
 * five in use. Not thread-safe; lanes never see it.
 *
 * @param <V> what is written down for a prefix
 */
final class Ip4Book<V> {
    private static final int SMALLEST = 8;

    private final int[] countOfLength = new int[33];
    /** 33 bits each: the prefix's bits, then a 1, then zeros; 0 for a free slot. */
    private long[] keys = {};

    private Object[] values = {};
    private int size;

    int size() {
        return size;
    }

    @Nullable
    V get(int address, int length) {
        if (countOfLength[length] == 0) {
            return null;
        }
        int slot = find(key(address, length));
        return keys[slot] == 0 ? null : value(slot);
    }

    /** Writes down a value; the one that stood there before, or null. */
    @Nullable
    V put(int address, int length, V value) {
        if (size >= keys.length / 5 * 4) {
            resize(Math.max(SMALLEST, keys.length + (keys.length >> 1)));
        }
        long key = key(address, length);
        int slot = find(key);
        V old = keys[slot] == 0 ? null : value(slot);
        if (old == null) {
            keys[slot] = key;
            size++;
            countOfLength[length]++;
        }
        values[slot] = value;
        return old;
    }

    @Nullable
    V remove(int address, int length) {
        if (countOfLength[length] == 0) {
            return null;
        }
        int slot = find(key(address, length));
        if (keys[slot] == 0) {
            return null;
        }
        V old = value(slot);
        size--;
        countOfLength[length]--;
        free(slot);
        if (size < keys.length / 4 && keys.length > SMALLEST) {
            resize(Math.max(SMALLEST, keys.length / 2));
        }
        return old;
    }

    void clear() {
        Arrays.fill(countOfLength, 0);
        keys = new long[0];
        values = new Object[0];
        size = 0;
    }

    /** Shows every prefix once, in no order. The book must not change meanwhile. */
    void forEach(BiConsumer<Ip4Prefix, V> visitor) {
        for (int slot = 0; slot < keys.length; slot++) {
            if (keys[slot] != 0) {
                int length = 32 - Long.numberOfTrailingZeros(keys[slot]);
                int address = (int) (keys[slot] >>> 1) & Ip4Prefix.mask(length);
                visitor.accept(new Ip4Prefix(address, length), value(slot));
            }
        }
    }

    @SuppressWarnings("unchecked") // only put writes values, and only a V
    private V value(int slot) {
        return (V) values[slot];
    }

    private static long key(int address, int length) {
        return (address & 0xffff_ffffL) << 1 | 1L << (32 - length);
    }

    private int home(long key) {
        long mixed = key * 0x9e37_79b9_7f4a_7c15L >>> 32;
        return (int) (mixed * keys.length >>> 32);
    }

    /** The slot of a key, or the free one where it belongs. */
    private int find(long key) {
        int slot = home(key);
        while (keys[slot] != key && keys[slot] != 0) {
            slot = next(slot);
        }
        return slot;
    }

    private int next(int slot) {
        return slot + 1 == keys.length ? 0 : slot + 1;
    }

    /** Empties a slot and moves up those behind it that a search would miss otherwise. */
    private void free(int hole) {
        int at = next(hole);
        while (keys[at] != 0) {
            int home = home(keys[at]);
            boolean reachable = hole < at ? hole < home && home <= at : hole < home || home <= at;
            if (!reachable) {
                keys[hole] = keys[at];
                values[hole] = values[at];
                hole = at;
            }
            at = next(at);
        }
        keys[hole] = 0;
        values[hole] = null;
    }

    private void resize(int capacity) {
        long[] oldKeys = keys;
        Object[] oldValues = values;
        keys = new long[capacity];
        values = new Object[capacity];
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldKeys[i] != 0) {
                int slot = find(oldKeys[i]);
                keys[slot] = oldKeys[i];
                values[slot] = oldValues[i];
            }
        }
    }
}
