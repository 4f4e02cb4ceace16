// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import java.util.Arrays;

/**
 * The packets that a stage has deferred, by the moment at which they are due: a hashed timer wheel. Putting in and taking
 * out cost the same however many there are, and allocate nothing. Moments are ticks of {@link #TICK_NANOS}; packets of one
 * tick come out in the order they went in. Confined to the lane's thread.
 *
 * <p>A bucket holds the ticks that are a turn of the wheel apart, as a list through the packets' places in their pool.
 */
final class TimerWheel {
    /** The answer for a wheel that is empty. */
    static final long NEVER = Long.MAX_VALUE;

    private static final int TICK_SHIFT = 16;

    /** 65.5 µs: a packet is at most so late. */
    static final long TICK_NANOS = 1L << TICK_SHIFT;

    /** A turn of 67 ms: what is due later is passed by once in each turn. */
    private static final int BUCKETS = 1024;

    private static final int NONE = -1;

    private final PacketBuffer[] packets;
    private final long[] ticks;
    private final int[] next;
    private final int[] heads = new int[BUCKETS];
    private final int[] tails = new int[BUCKETS];
    private int size;
    private long earliest = NEVER;

    /** @param capacity of the pool that the packets come from */
    TimerWheel(int capacity) {
        packets = new PacketBuffer[capacity];
        ticks = new long[capacity];
        next = new int[capacity];
        Arrays.fill(heads, NONE);
    }

    boolean isEmpty() {
        return size == 0;
    }

    /** When the next packet can be had, in nanoseconds, or {@link #NEVER}. */
    long earliest() {
        return earliest == NEVER ? NEVER : earliest << TICK_SHIFT;
    }

    /** Takes a packet in until a moment; it comes out no earlier. */
    void add(PacketBuffer packet, long dueNanos) {
        long tick =
                (dueNanos >> TICK_SHIFT) + 1; // later than now, so that whoever puts back what is due comes to an end
        int slot = packet.slot();
        packets[slot] = packet;
        ticks[slot] = tick;
        next[slot] = NONE;
        int bucket = bucket(tick);
        if (heads[bucket] == NONE) {
            heads[bucket] = slot;
        } else {
            next[tails[bucket]] = slot;
        }
        tails[bucket] = slot;
        size++;
        if (tick < earliest) {
            earliest = tick;
        }
    }

    /** Moves packets that are due into a vector, the earliest first, as many as it holds. */
    void takeDue(long nowNanos, PacketVector into) {
        long now = nowNanos >> TICK_SHIFT;
        while (earliest <= now && !into.isFull()) {
            take(earliest, into);
            earliest = firstFrom(earliest);
        }
    }

    @SuppressWarnings("NullAway") // places that are in no bucket are never read
    private void take(long tick, PacketVector into) {
        int bucket = bucket(tick);
        int before = NONE;
        int slot = heads[bucket];
        while (slot != NONE && !into.isFull()) {
            int after = next[slot];
            if (ticks[slot] != tick) {
                before = slot;
            } else {
                if (before == NONE) {
                    heads[bucket] = after;
                } else {
                    next[before] = after;
                }
                if (tails[bucket] == slot) {
                    tails[bucket] = before;
                }
                into.add(packets[slot]);
                packets[slot] = null;
                size--;
            }
            slot = after;
        }
    }

    /** The first tick from one on that has packets, which none before has. */
    private long firstFrom(long tick) {
        if (size == 0) {
            return NEVER;
        }
        long first = NEVER;
        for (int ahead = 0; ahead < BUCKETS; ahead++) {
            for (int slot = heads[bucket(tick + ahead)]; slot != NONE; slot = next[slot]) {
                if (ticks[slot] == tick + ahead) {
                    return tick + ahead;
                }
                first = Math.min(first, ticks[slot]);
            }
        }
        return first;
    }

    private static int bucket(long tick) {
        return (int) tick & BUCKETS - 1;
    }
}
