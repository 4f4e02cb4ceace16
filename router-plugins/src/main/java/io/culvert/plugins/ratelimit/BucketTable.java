// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.ratelimit;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The token buckets of one limit, shared by all lanes without locks, in memory that is taken once: 16 bytes a bucket.
 *
 * <p>All of a bucket's state is the moment at which it will be full again (the generic cell rate algorithm, ITU-T I.371
 * annex A). So a bucket that is full is like one that was never used: its slot can be given to another key, and none
 * expires.
 *
 * <p>A key is a hash of 64 bits, made with a number that nobody outside knows: that two keys are the same is as
 * unlikely as it gets, and nobody can arrange it. It is looked for in eight slots. When all of them are in use, the key
 * shares one bucket with all the others that found no room: what it may send then is less than its limit, never more.
 *
 * <p>Lanes that come for a new key at one moment may give it a slot each; one of the two is then never found again and
 * becomes free by itself. Time is counted in ticks of 1/1024 ns, so that a byte at 100 Gbit/s is still 82 of them.
 */
final class BucketTable {
    /** Ticks in a nanosecond. */
    static final long TICKS = 1024;

    static final int WAYS = 8;

    private static final long EMPTY = 0;
    private static final long UNUSED = 0;
    private static final long HOUR = 3600 * 1_000_000_000L * TICKS;
    private static final long GOLDEN = 0x9e37_79b9_7f4a_7c15L;

    private final AtomicLongArray keys;
    private final AtomicLongArray fullAt;
    private final int sets;
    private final long secret;

    private BucketTable(int buckets, int sets) {
        this.sets = sets;
        keys = new AtomicLongArray(sets * WAYS);
        fullAt = new AtomicLongArray(buckets);
        secret = ThreadLocalRandom.current().nextLong();
    }

    /** A table whose buckets are numbered from 0. */
    static BucketTable numbered(int buckets) {
        return new BucketTable(buckets, 0);
    }

    /** A table whose buckets are found by key, and one more for those that find no room. */
    static BucketTable hashed(int buckets) {
        int sets = Integer.highestOneBit(Math.max(1, buckets / WAYS));
        return new BucketTable(sets * WAYS + 1, sets);
    }

    /** The bucket that is shared by all keys which find no room. */
    int shared() {
        return fullAt.length() - 1;
    }

    /** Mixes another part into a key; begin with 0. */
    long mix(long key, long part) {
        // The finalizer of SplitMix64, over a sum that the secret makes unpredictable.
        long mixed = (key ^ part ^ secret) * GOLDEN;
        mixed = (mixed ^ (mixed >>> 30)) * 0xbf58_476d_1ce4_e5b9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94d0_49bb_1331_11ebL;
        return mixed ^ (mixed >>> 31);
    }

    /**
     * The bucket of a key, which it has from now on if it had none.
     *
     * @param most the most ticks that a bucket can be away from being full
     */
    int find(long keyOrZero, long now, long most) {
        long key = keyOrZero == EMPTY ? GOLDEN : keyOrZero;
        int first = ((int) key & (sets - 1)) * WAYS;
        int free = -1;
        long freeKey = EMPTY;
        for (int slot = first; slot < first + WAYS; slot++) {
            long other = keys.get(slot);
            if (other == key) {
                return slot;
            }
            if (free < 0 && (other == EMPTY || untilFull(fullAt.get(slot), now, most) == 0)) {
                free = slot;
                freeKey = other;
            }
        }
        if (free < 0) {
            return shared();
        }
        return keys.compareAndSet(free, freeKey, key) || keys.get(free) == key ? free : shared();
    }

    /**
     * Takes from a bucket. A packet that costs more than the bucket holds passes when it is full, and leaves it in
     * debt.
     *
     * @param cost the ticks in which the rate makes up for the packet
     * @param burst the ticks in which an empty bucket fills
     * @param most the most ticks that a bucket can be away from being full
     * @return false, with nothing taken, when there is not enough
     */
    boolean take(int bucket, long now, long cost, long burst, long most) {
        while (true) {
            long before = fullAt.get(bucket);
            long missing = untilFull(before, now, most);
            if (missing + Math.min(cost, burst) > burst) {
                return false;
            }
            if (fullAt.compareAndSet(bucket, before, now + missing + cost)) {
                return true;
            }
        }
    }

    /**
     * Ticks until a bucket is full. What lies further ahead than any bucket can be, even for a lane whose time is an
     * hour old, is a moment from before the clock went round, as it does in 208 days.
     */
    private static long untilFull(long fullAt, long now, long most) {
        long ticks = fullAt - now;
        return fullAt == UNUSED || ticks < 0 || ticks - most > HOUR ? 0 : ticks;
    }
}
