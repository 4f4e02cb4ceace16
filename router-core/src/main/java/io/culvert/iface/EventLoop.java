// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.Epoll;
import io.culvert.ffi.Errno;
import io.culvert.ffi.EventFd;
import io.culvert.ffi.NativeException;
import java.io.Closeable;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Where one lane lives: a thread that runs the lane's tasks and, when there are none, waits in {@code epoll_wait} for the
 * lane's own descriptors. A packet that arrives at an idle lane so wakes the very thread that will forward it.
 *
 * <p>A queue that has run dry arms its {@link Watch} and is called back once, on this thread, when something can be read.
 * Queues that are busy never touch epoll; while the lane has tasks, armed ones are looked at between two of them, without
 * waiting. A task that has come to its end waits itself, by {@link Tasks#awaitCallbacks}, and goes on without a way through
 * queues. Tasks that the lane gives itself neither allocate nor signal. Nobody waits past the loop's {@link Alarm}.
 */
public final class EventLoop implements Closeable {
    private static final int MAX_WATCHES = 4096;
    private static final int EVENTS_PER_WAIT = 64;
    private static final long TASKS_WAIT = -1;
    private static final int FOREVER = -1;
    private static final long MILLISECOND_NANOS = 1_000_000L;

    /** The moment at which the loop's thread is wanted whether or not a descriptor is ready. The loop's thread asks. */
    public interface Alarm {
        /** Nanoseconds until then, 0 and less when it is past, {@link Long#MAX_VALUE} for never. */
        long remainingNanos();

        /** Called when it is past, again and again until another moment is set. */
        void ring();
    }

    private static final Alarm NO_ALARM = new Alarm() {
        @Override
        public long remainingNanos() {
            return Long.MAX_VALUE;
        }

        @Override
        public void ring() {}
    };

    private final Epoll epoll;
    private final EventFd wake;
    private final AtomicReferenceArray<@Nullable Watch> watches = new AtomicReferenceArray<>(MAX_WATCHES);
    private final AtomicInteger armed = new AtomicInteger();
    private int runners;
    private @Nullable Runner last;
    private boolean closed;
    private volatile Alarm alarm = NO_ALARM;

    /** A loop without a thread: {@link #start} gives it one. */
    public EventLoop() throws NativeException {
        epoll = Epoll.create(EVENTS_PER_WAIT);
        wake = EventFd.create();
        epoll.add(wake.fd(), Epoll.EPOLLIN, TASKS_WAIT);
    }

    /** Sets the loop's alarm, before it has a thread. */
    public void alarm(Alarm alarm) {
        this.alarm = alarm;
    }

    /** One descriptor. Its methods belong to its owner; the callback runs on the loop's thread. */
    public final class Watch implements Closeable {
        private final int fd;
        private final int slot;
        /** Of a watch that is armed. */
        private final AtomicReference<@Nullable Runnable> callback = new AtomicReference<>();

        private Watch(int fd, int slot) {
            this.fd = fd;
            this.slot = slot;
        }

        /** Calls back once when the descriptor is readable or in error, which may be at once. */
        public void arm(Runnable whenReadable) {
            if (callback.getAndSet(whenReadable) == null) {
                armed.incrementAndGet();
            }
            try {
                epoll.modify(fd, Epoll.EPOLLIN | Epoll.EPOLLONESHOT, slot);
            } catch (NativeException gone) {
                // The descriptor is gone: have its owner read it, and so learn why.
                fire();
            }
        }

        private void fire() {
            Runnable whenReadable = disarm();
            if (whenReadable != null) {
                whenReadable.run();
            }
        }

        private @Nullable Runnable disarm() {
            Runnable whenReadable = callback.getAndSet(null);
            if (whenReadable != null) {
                armed.decrementAndGet();
            }
            return whenReadable;
        }

        /** Must be called before the descriptor is closed. */
        @Override
        public void close() {
            disarm();
            try {
                epoll.remove(fd);
            } catch (NativeException alreadyGone) {
                // nothing is left to watch, which is what was wanted
            }
            watches.set(slot, null);
        }
    }

    /** Registers a descriptor, not armed yet. Any thread. */
    public synchronized Watch watch(int fd) throws NativeException {
        for (int slot = 0; slot < MAX_WATCHES; slot++) {
            if (watches.get(slot) == null) {
                epoll.add(fd, Epoll.EPOLLONESHOT, slot); // fails for some, which take no slot then
                Watch watch = new Watch(fd, slot);
                watches.set(slot, watch);
                return watch;
            }
        }
        throw new NativeException("epoll_ctl", Errno.ENOSPC, "more than " + MAX_WATCHES + " queues");
    }

    /** The tasks of a loop that has a thread. */
    public interface Tasks extends ExecutorService {
        /**
         * For a task that has nothing left to do but to wait for descriptors, on the loop's thread: waits in its place until
         * callbacks have run.
         *
         * @param othersWait whether the thread has other work that the loop does not know of; it is announced by {@link #rouse}
         * @return false when there is other work: the task is to end
         */
        boolean awaitCallbacks(BooleanSupplier othersWait);

        /** Has a waiting thread look for work again. Any thread. */
        void rouse();
    }

    /**
     * Gives the loop a thread, and answers with what takes its tasks; its shutdown ends the thread. One at a time: a loop
     * that has been shut down can be started again.
     */
    public Tasks start(ThreadFactory threads) {
        Runner runner;
        synchronized (this) {
            if (closed) {
                throw new RejectedExecutionException("the event loop is closed");
            }
            runner = new Runner(last);
            last = runner;
            runners++;
        }
        runner.thread = threads.newThread(runner);
        runner.thread.start();
        return runner;
    }

    private synchronized void runnerEnded() {
        runners--;
        if (closed && runners == 0) {
            release();
        }
    }

    /** The descriptors are closed as soon as no thread waits for them any more. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            if (runners == 0) {
                release();
            }
        }
    }

    private void release() {
        epoll.close();
        wake.close();
    }

    private final class Runner extends AbstractExecutorService implements Tasks, Runnable {
        private final Queue<Runnable> fromOthers = new ConcurrentLinkedQueue<>();
        private final ArrayDeque<Runnable> own = new ArrayDeque<>();
        private final AtomicBoolean asleep = new AtomicBoolean();
        private final CountDownLatch ended = new CountDownLatch(1);
        private volatile boolean shutdown;
        private volatile boolean finished;
        /** Until it has ended: it knows its own, and so on back to the first. */
        private @Nullable Runner predecessor;

        private @Nullable Thread thread;

        Runner(@Nullable Runner predecessor) {
            this.predecessor = predecessor;
        }

        @Override
        public void execute(Runnable task) {
            if (Thread.currentThread() == thread) {
                own.addLast(task);
                return;
            }
            if (shutdown) {
                throw new RejectedExecutionException("the event loop has been shut down");
            }
            fromOthers.add(task);
            rouse();
            if (finished && fromOthers.remove(task)) { // the thread had its last look before this task came
                throw new RejectedExecutionException("the event loop has been shut down");
            }
        }

        @Override
        public void rouse() {
            if (asleep.compareAndSet(true, false)) {
                wake.signal();
            }
        }

        @Override
        public void run() {
            try {
                awaitPredecessor();
                boolean othersFirst = false;
                while (true) {
                    Runnable task = othersFirst ? fromOthers.poll() : own.pollFirst();
                    if (task == null) {
                        task = othersFirst ? own.pollFirst() : fromOthers.poll();
                    }
                    othersFirst = !othersFirst;
                    if (task != null) {
                        run(task);
                        if (armed.get() != 0) {
                            takeEvents(0);
                        }
                    } else if (shutdown) {
                        return;
                    } else {
                        sleep();
                    }
                }
            } finally {
                finished = true;
                Runnable late;
                while ((late = fromOthers.poll()) != null || (late = own.pollFirst()) != null) {
                    run(late);
                }
                ended.countDown();
                runnerEnded();
            }
        }

        /** One that has been shut down may still be on its way out, and two can't take one loop's events. */
        private void awaitPredecessor() {
            Runner before = predecessor;
            boolean interrupted = false;
            while (before != null) {
                try {
                    before.ended.await();
                    before = null;
                } catch (InterruptedException again) {
                    interrupted = true;
                }
            }
            predecessor = null;
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }

        private void run(Runnable task) {
            try {
                task.run();
            } catch (RuntimeException | Error failure) {
                // As a pool's thread would have it, but the lane goes on: its other tasks are not at fault.
                Thread current = Thread.currentThread();
                current.getUncaughtExceptionHandler().uncaughtException(current, failure);
            }
        }

        /** Waits until there is an event or a task; whoever brings a task after the look at the queue signals. */
        private void sleep() {
            asleep.set(true);
            takeEvents(fromOthers.isEmpty() && !shutdown ? FOREVER : 0);
        }

        @Override
        public boolean awaitCallbacks(BooleanSupplier othersWait) {
            asleep.set(true);
            boolean alone = own.isEmpty() && fromOthers.isEmpty() && !shutdown && !othersWait.getAsBoolean();
            alone &= takeEvents(alone ? FOREVER : 0);
            return alone;
        }

        /** Calls back those whose descriptors are ready; false when somebody brought a task meanwhile. */
        private boolean takeEvents(int timeoutMs) {
            boolean alone = true;
            int ready = epoll.await(timeoutMs == FOREVER ? untilAlarm() : timeoutMs);
            asleep.set(false);
            for (int i = 0; i < ready; i++) {
                long slot = epoll.data(i);
                if (slot == TASKS_WAIT) {
                    wake.drain();
                    alone = false;
                    continue;
                }
                Watch watch = watches.get((int) slot);
                if (watch != null) {
                    watch.fire();
                }
            }
            if (alarm.remainingNanos() <= 0) {
                alarm.ring();
            }
            return alone;
        }

        /** Milliseconds, rounded up: whoever comes too early has to wait again. */
        private int untilAlarm() {
            long nanos = alarm.remainingNanos();
            if (nanos == Long.MAX_VALUE) {
                return FOREVER;
            }
            long whole = nanos <= 0 ? 0 : (nanos - 1) / MILLISECOND_NANOS + 1;
            return (int) Math.min(whole, Integer.MAX_VALUE);
        }

        @Override
        public void shutdown() {
            shutdown = true;
            rouse();
        }

        /** As {@link #shutdown}: what waits is run, for a lane that is told to end has buffers to give back. */
        @Override
        public List<Runnable> shutdownNow() {
            shutdown();
            return List.of();
        }

        @Override
        public boolean isShutdown() {
            return shutdown;
        }

        @Override
        public boolean isTerminated() {
            return ended.getCount() == 0;
        }

        @Override
        public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
            return ended.await(timeout, unit);
        }
    }
}
