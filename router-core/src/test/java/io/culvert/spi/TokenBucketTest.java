// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.testkit.StageHarness;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class TokenBucketTest {
    private static final long MILLI = 1_000_000;
    private static final long SECOND = 1000 * MILLI;

    @Test
    void givesABurstOfATenthOfASecondAndThenTheRate() {
        TokenBucket bucket = new TokenBucket(1000);

        assertThat(take(bucket, 5 * SECOND, 200)).isEqualTo(100);
        assertThat(take(bucket, 5 * SECOND + MILLI - 1, 10)).isZero();
        assertThat(take(bucket, 5 * SECOND + MILLI, 10)).isEqualTo(1);
        assertThat(take(bucket, 5 * SECOND + 11 * MILLI, 100)).isEqualTo(10);
    }

    @Test
    void doesNotSaveUpMoreThanABurst() {
        TokenBucket bucket = new TokenBucket(1000);
        take(bucket, 0, 100);

        assertThat(take(bucket, 3600 * SECOND, 1000)).isEqualTo(100);
    }

    @Test
    void allowsOneAtATimeWhenTheRateIsLow() {
        TokenBucket bucket = new TokenBucket(2);

        assertThat(take(bucket, 0, 5)).isEqualTo(1);
        assertThat(take(bucket, SECOND / 2 - 1, 5)).isZero();
        assertThat(take(bucket, SECOND / 2, 5)).isEqualTo(1);
    }

    @Test
    void keepsTheRateOverALongTime() {
        TokenBucket bucket = new TokenBucket(300);
        int taken = 0;
        for (long now = 0; now < 10 * SECOND; now += MILLI) {
            taken += take(bucket, now, 2);
        }

        assertThat(taken).isBetween(3000, 3031);
    }

    @Test
    void worksWhereverMonotonicTimeStarts() {
        assertThat(take(new TokenBucket(1000), Long.MIN_VALUE + 1, 200)).isEqualTo(100);
        assertThat(take(new TokenBucket(1000), -5, 200)).isEqualTo(100);
        TokenBucket overflowing = new TokenBucket(1000);
        assertThat(take(overflowing, Long.MAX_VALUE, 200)).isEqualTo(100);
        assertThat(take(overflowing, Long.MAX_VALUE + 2 * MILLI, 200)).isEqualTo(2);
    }

    @Test
    void neverRefusesWithoutALimitAndAlwaysRefusesAtZero() {
        assertThat(take(new TokenBucket(Settings.UNLIMITED), 0, 100_000)).isEqualTo(100_000);
        assertThat(take(new TokenBucket(0), 0, 10)).isZero();
        assertThatThrownBy(() -> new TokenBucket(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void neverGivesMoreThanItHasToThreadsAtOnce() throws InterruptedException {
        TokenBucket bucket = new TokenBucket(100_000);
        AtomicInteger taken = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            threads.add(new Thread(() -> taken.addAndGet(take(bucket, 0, 10_000))));
        }
        for (Thread thread : threads) {
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }

        assertThat(taken).hasValue(10_000);
    }

    @Test
    void isOneForAllThatGiveTheSameNameAndRate() {
        StageHarness setup = StageHarness.of(
                StageDescriptor.named("limited", "A stage of the test.").factory(made -> {
                    throw new IllegalStateException("not meant to run");
                }));
        TokenBucket bucket = TokenBucket.shared(setup, "icmp.rate-limit", 100);

        assertThat(TokenBucket.shared(setup, "icmp.rate-limit", 100)).isSameAs(bucket);
        assertThat(TokenBucket.shared(setup, "arp.rate-limit", 100)).isNotSameAs(bucket);
        TokenBucket changed = TokenBucket.shared(setup, "icmp.rate-limit", 10);
        assertThat(take(bucket, 0, 100)).isEqualTo(10);
        assertThat(take(changed, 0, 100)).isEqualTo(1);
    }

    private static int take(TokenBucket bucket, long now, int attempts) {
        int taken = 0;
        for (int i = 0; i < attempts; i++) {
            taken += bucket.tryTake(now) ? 1 : 0;
        }
        return taken;
    }
}
