// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

/**
 * Keeps a stage that fails again and again from failing on every vector. It opens after {@link #FAULTS_TO_OPEN} faults in
 * a row, or at once after one that shows the stage to be of no use; while open, one vector is let through to try whenever
 * the back-off has passed, which doubles with each failed try. One success closes it. Confined to the lane's thread.
 */
final class StageBreaker {
    static final int NO_BYPASS = -1;
    static final int FAULTS_TO_OPEN = 5;
    static final long FIRST_BACKOFF_NANOS = 1_000_000_000L;
    static final long LONGEST_BACKOFF_NANOS = 60_000_000_000L;

    private int faultsInARow;
    private long backoffNanos = FIRST_BACKOFF_NANOS;
    private long retryAt;

    boolean isOpen() {
        return faultsInARow >= FAULTS_TO_OPEN;
    }

    /** While open: whether it is time to try one vector. */
    boolean mayTry(long now) {
        return now - retryAt >= 0;
    }

    void succeeded() {
        faultsInARow = 0;
        backoffNanos = FIRST_BACKOFF_NANOS;
    }

    /** A fault after which there is no going on. */
    void broken(long now) {
        faultsInARow = Math.max(faultsInARow, FAULTS_TO_OPEN - 1);
        failed(now);
    }

    void failed(long now) {
        faultsInARow++;
        if (isOpen()) {
            retryAt = now + backoffNanos;
            backoffNanos = Math.min(2 * backoffNanos, LONGEST_BACKOFF_NANOS);
        }
    }
}
