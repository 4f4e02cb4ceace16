// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StageBreakerTest {
    private static final long SECOND = 1_000_000_000L;

    private final StageBreaker breaker = new StageBreaker();

    private void failTimes(int times, long now) {
        for (int i = 0; i < times; i++) {
            breaker.failed(now);
        }
    }

    @Test
    void staysClosedBelowTheLimit() {
        failTimes(StageBreaker.FAULTS_TO_OPEN - 1, 0);
        assertThat(breaker.isOpen()).isFalse();
    }

    @Test
    void opensAfterSoManyFaultsInARow() {
        failTimes(StageBreaker.FAULTS_TO_OPEN, 0);
        assertThat(breaker.isOpen()).isTrue();
        assertThat(breaker.mayTry(SECOND - 1)).isFalse();
        assertThat(breaker.mayTry(SECOND)).isTrue();
    }

    @Test
    void successBetweenFaultsStartsTheCountAnew() {
        failTimes(StageBreaker.FAULTS_TO_OPEN - 1, 0);
        breaker.succeeded();
        failTimes(StageBreaker.FAULTS_TO_OPEN - 1, 0);
        assertThat(breaker.isOpen()).isFalse();
    }

    @Test
    void waitsTwiceAsLongAfterEachFailedTryUpToALimit() {
        failTimes(StageBreaker.FAULTS_TO_OPEN, 0);
        long now = 0;
        for (long wait : new long[] {1, 2, 4, 8, 16, 32, 60, 60}) {
            assertThat(breaker.mayTry(now + wait * SECOND - 1))
                    .as("a try before %d s", wait)
                    .isFalse();
            now += wait * SECOND;
            assertThat(breaker.mayTry(now)).as("a try after %d s", wait).isTrue();
            breaker.failed(now);
        }
    }

    @Test
    void closesWithOneSuccessAndForgetsTheBackOff() {
        failTimes(StageBreaker.FAULTS_TO_OPEN + 3, 0);
        breaker.succeeded();
        assertThat(breaker.isOpen()).isFalse();
        failTimes(StageBreaker.FAULTS_TO_OPEN, 0);
        assertThat(breaker.mayTry(SECOND)).isTrue();
    }

    @Test
    void worksWhileTheClockIsNegativeOrWrapsAround() {
        long now = Long.MAX_VALUE - SECOND / 2;
        failTimes(StageBreaker.FAULTS_TO_OPEN, now);
        assertThat(breaker.mayTry(now + SECOND / 2)).isFalse();
        assertThat(breaker.mayTry(now + SECOND)).isTrue();
    }
}
