// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import akka.actor.AbstractScheduler;
import akka.actor.Cancellable;
import akka.event.LoggingAdapter;
import com.typesafe.config.Config;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import scala.concurrent.ExecutionContext;
import scala.concurrent.duration.FiniteDuration;

/**
 * The time of an actor system as a test steers it: stands still, and whatever waits for a moment waits, until the test moves
 * it on. Akka makes it, by its name in the configuration. Any thread.
 */
public final class SteeredScheduler extends AbstractScheduler {
    private static final long FIRST_NANOS = 1_000_000_000L;
    private static final long PATIENCE_SECONDS = 10;

    private final PriorityQueue<Task> tasks = new PriorityQueue<>(
            Comparator.comparingLong((Task task) -> task.at).thenComparingLong(task -> task.number));

    private long now = FIRST_NANOS;
    private long numbered;

    /** As Akka wants it. */
    public SteeredScheduler(Config config, LoggingAdapter log, ThreadFactory threads) {}

    private final class Task implements Cancellable {
        private final long number;
        private final long everyNanos;
        private final Runnable run;
        private final ExecutionContext executor;
        private long at;
        private boolean cancelled;

        Task(long number, long at, long everyNanos, Runnable run, ExecutionContext executor) {
            this.number = number;
            this.at = at;
            this.everyNanos = everyNanos;
            this.run = run;
            this.executor = executor;
        }

        @Override
        public boolean cancel() {
            synchronized (SteeredScheduler.this) {
                boolean first = !cancelled;
                cancelled = true;
                tasks.remove(this);
                return first;
            }
        }

        @Override
        public boolean isCancelled() {
            synchronized (SteeredScheduler.this) {
                return cancelled;
            }
        }
    }

    /** Monotonic nanoseconds of this time. */
    public synchronized long nanos() {
        return now;
    }

    /**
     * Moves on to the next moment for which something waits, or as far as {@code until} when there is none before.
     *
     * @return when something was due: it has been done, or has been handed to whom it concerns
     */
    boolean step(long until) {
        Task due;
        synchronized (this) {
            due = tasks.peek();
            if (due == null || due.at > until) {
                now = Math.max(now, until);
                return false;
            }
            tasks.remove();
            now = Math.max(now, due.at);
            if (due.everyNanos > 0) {
                due.at += due.everyNanos;
                tasks.add(due);
            } else {
                due.cancelled = true;
            }
        }
        CountDownLatch done = new CountDownLatch(1);
        due.executor.execute(() -> {
            try {
                due.run.run();
            } finally {
                done.countDown();
            }
        });
        try {
            if (!done.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                throw new AssertionError("what was due did not end within " + PATIENCE_SECONDS + " s: " + due.run);
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        return true;
    }

    /** When the next thing is due, or null. */
    synchronized @Nullable Long next() {
        Task due = tasks.peek();
        return due == null ? null : due.at;
    }

    private synchronized Cancellable add(long delayNanos, long everyNanos, Runnable run, ExecutionContext executor) {
        Task task = new Task(numbered++, now + Math.max(0, delayNanos), everyNanos, run, executor);
        tasks.add(task);
        return task;
    }

    @Override
    @Deprecated
    public Cancellable schedule(
            FiniteDuration initialDelay, FiniteDuration interval, Runnable runnable, ExecutionContext executor) {
        return add(initialDelay.toNanos(), interval.toNanos(), runnable, executor);
    }

    @Override
    public Cancellable scheduleOnce(FiniteDuration delay, Runnable runnable, ExecutionContext executor) {
        return add(delay.toNanos(), 0, runnable, executor);
    }

    @Override
    public double maxFrequency() {
        return TimeUnit.SECONDS.toNanos(1);
    }
}
