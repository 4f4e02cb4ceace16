// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class BucketTableTest {
    private static final long BURST = 1000;
    private static final long MOST = 2 * BURST;

    private final BucketTable one = BucketTable.numbered(1);

    private boolean take(long now, long cost) {
        return one.take(0, now, cost, BURST, MOST);
    }

    /** Monotonic time may be anything, and wraps. */
    @ParameterizedTest
    @ValueSource(longs = {1L << 40, -5_000_000_000L, Long.MAX_VALUE - 150, Long.MIN_VALUE + 5})
    void letsABurstPassAndThenTheRate(long start) {
        for (int i = 0; i < 10; i++) {
            assertThat(take(start, 100)).isTrue();
        }
        assertThat(take(start, 1)).isFalse();
        assertThat(take(start + 99, 100)).isFalse();
        assertThat(take(start + 100, 100)).isTrue();
        assertThat(take(start + 100, 1)).isFalse();
        assertThat(take(start + 5000, 1000)).isTrue();
        assertThat(take(start + 5000, 1)).isFalse();
    }

    @Test
    void whatCostsMoreThanABurstPassesAFullBucketAndLeavesDebt() {
        assertThat(take(5000, 1500)).isTrue();
        assertThat(take(5500, 1)).isFalse();
        assertThat(take(6500, 1001)).isTrue();
        assertThat(take(6500, 1)).isFalse();
        assertThat(take(6502, 1)).isTrue();
    }

    @Test
    void keepsTheBucketOfAKeyWhileItIsNotFull() {
        BucketTable table = BucketTable.hashed(64);
        int bucket = table.find(table.mix(0, 7), 1, MOST);
        assertThat(table.take(bucket, 1, 500, BURST, MOST)).isTrue();
        for (int other = 100; other < 1000; other++) {
            int taken = table.find(table.mix(0, other), 1, MOST);
            assertThat(taken).isNotEqualTo(bucket);
            table.take(taken, 1, 500, BURST, MOST);
        }
        assertThat(table.find(table.mix(0, 7), 1, MOST)).isEqualTo(bucket);
    }

    @Test
    void whatFindsNoRoomSharesOneBucketUntilOthersAreFullAgain() {
        BucketTable table = BucketTable.hashed(BucketTable.WAYS);
        for (int i = 0; i < BucketTable.WAYS; i++) {
            int bucket = table.find(table.mix(0, i), 1, MOST);
            assertThat(bucket).isLessThan(table.shared());
            table.take(bucket, 1, 500, BURST, MOST);
        }
        assertThat(table.find(table.mix(0, 100), 1, MOST)).isEqualTo(table.shared());
        assertThat(table.find(table.mix(0, 101), 1, MOST)).isEqualTo(table.shared());
        assertThat(table.find(table.mix(0, 100), 600, MOST)).isLessThan(table.shared());
    }

    @Test
    void spreadsKeysSoThatFewOfAHalfFullTableFindNoRoom() {
        long seed = new SplittableRandom().nextLong();
        SplittableRandom random = new SplittableRandom(seed);
        BucketTable table = BucketTable.hashed(4096);
        int shared = 0;
        for (int i = 0; i < 2048; i++) {
            int bucket = table.find(table.mix(random.nextInt(3), random.nextInt()), 1, MOST);
            shared += bucket == table.shared() ? 1 : 0;
            table.take(bucket, 1, 500, BURST, MOST);
        }
        // With 4 of 8 slots in use on average, a set of 50 has more than 8 that want one: some 20 keys in all.
        assertThat(shared).as("seed %d", seed).isLessThan(120);
    }

    /** Two lanes, one bucket: together they get what one alone would. */
    @Test
    void holdsOverThreads() throws InterruptedException {
        AtomicLong passed = new AtomicLong();
        AtomicLong clock = new AtomicLong(1);
        CountDownLatch begin = new CountDownLatch(1);
        List<Thread> lanes = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Thread lane = new Thread(() -> {
                try {
                    begin.await();
                } catch (InterruptedException e) {
                    return;
                }
                for (int n = 0; n < 50_000; n++) {
                    if (take(clock.addAndGet(1), 4)) {
                        passed.incrementAndGet();
                    }
                }
            });
            lane.start();
            lanes.add(lane);
        }
        begin.countDown();
        for (Thread lane : lanes) {
            lane.join();
        }
        // 100 000 ticks at 4 each, and a burst.
        assertThat(passed.get()).isBetween(20_000L, 25_250L);
    }
}
