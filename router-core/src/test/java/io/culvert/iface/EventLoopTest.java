// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.ffi.EventFd;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The descriptors are eventfds, which the test makes readable. */
@Timeout(30)
class EventLoopTest {
    private final AtomicReference<Throwable> uncaught = new AtomicReference<>();
    private EventLoop loop;
    private EventLoop.Tasks tasks;
    private EventFd readable;
    private EventLoop.Watch watch;
    private Thread thread;

    @BeforeEach
    void start() throws Exception {
        loop = new EventLoop();
        tasks = loop.start(this::thread);
        readable = EventFd.create();
        watch = loop.watch(readable.fd());
    }

    private Thread thread(Runnable run) {
        thread = new Thread(run, "loop-under-test");
        thread.setDaemon(true);
        thread.setUncaughtExceptionHandler((failed, failure) -> uncaught.set(failure));
        return thread;
    }

    @AfterEach
    void stop() throws Exception {
        watch.close();
        readable.close();
        tasks.shutdown();
        assertThat(tasks.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
        loop.close();
    }

    @Test
    void runsTasksOfOtherThreadsInOrderOnOneThread() throws Exception {
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        for (int i = 0; i < 1000; i++) {
            int number = i;
            tasks.execute(() -> order.add(Thread.currentThread() == thread ? number : -1));
        }
        tasks.submit(() -> {}).get();
        assertThat(order).hasSize(1000).isSorted().doesNotContain(-1);
    }

    @Test
    void wakesFromItsSleepForEachTaskThatComesSingly() throws Exception {
        for (int i = 0; i < 2000; i++) {
            assertThat(tasks.submit(() -> Thread.currentThread() == thread).get())
                    .isTrue();
        }
    }

    @Test
    void callsBackOnceOnItsThreadWhenADescriptorBecomesReadable() throws Exception {
        AtomicInteger calls = new AtomicInteger();
        CompletableFuture<Thread> first = new CompletableFuture<>();
        watch.arm(() -> {
            calls.incrementAndGet();
            first.complete(Thread.currentThread());
        });
        readable.signal();
        assertThat(first.get()).isSameAs(thread);

        // It is still readable, but nobody has armed it again.
        tasks.submit(() -> {}).get();
        CompletableFuture<Void> second = new CompletableFuture<>();
        assertThat(calls).hasValue(1);
        watch.arm(() -> second.complete(null));
        second.get();
        assertThat(calls).hasValue(1);
    }

    @Test
    void looksAtDescriptorsBetweenTwoTasksOfALaneThatIsNeverIdle() throws Exception {
        AtomicBoolean stop = new AtomicBoolean();
        CountDownLatch busy = new CountDownLatch(100);
        tasks.execute(new Runnable() {
            @Override
            public void run() {
                busy.countDown();
                if (!stop.get()) {
                    tasks.execute(this);
                }
            }
        });
        busy.await();
        CompletableFuture<Void> fired = new CompletableFuture<>();
        watch.arm(() -> fired.complete(null));
        readable.signal();
        fired.get();
        // Nor do its own tasks keep those of others waiting.
        tasks.submit(() -> {}).get();
        stop.set(true);
    }

    @Test
    void runsWhatACallbackGivesItWithoutFurtherEvents() throws Exception {
        CompletableFuture<Thread> ran = new CompletableFuture<>();
        watch.arm(() -> tasks.execute(() -> ran.complete(Thread.currentThread())));
        readable.signal();
        assertThat(ran.get()).isSameAs(thread);
    }

    @Test
    void callsBackAtOnceWhenTheDescriptorIsGone() throws Exception {
        EventFd gone = EventFd.create();
        EventLoop.Watch watchOfGone = loop.watch(gone.fd());
        gone.close();
        CompletableFuture<Void> fired = new CompletableFuture<>();
        watchOfGone.arm(() -> fired.complete(null));
        assertThat(fired).isDone();
        watchOfGone.close();
    }

    @Test
    void callsNobodyBackAfterTheWatchWasClosed() throws Exception {
        EventFd other = EventFd.create();
        EventLoop.Watch closed = loop.watch(other.fd());
        AtomicBoolean called = new AtomicBoolean();
        closed.arm(() -> called.set(true));
        closed.close();
        other.signal();
        CompletableFuture<Void> fired = new CompletableFuture<>();
        watch.arm(() -> fired.complete(null));
        readable.signal();
        fired.get();
        assertThat(called).isFalse();
        other.close();
    }

    @Test
    void aTaskWaitsInItsPlaceAndGoesOnWhenItHasBeenCalledBack() throws Exception {
        AtomicInteger calls = new AtomicInteger();
        AtomicInteger waits = new AtomicInteger();
        CompletableFuture<Void> done = new CompletableFuture<>();
        tasks.execute(() -> {
            while (calls.get() < 1000) {
                watch.arm(() -> {
                    readable.drain();
                    calls.incrementAndGet();
                });
                if (!tasks.awaitCallbacks(() -> false)) {
                    done.completeExceptionally(new AssertionError("nobody else wanted the thread"));
                    return;
                }
                waits.incrementAndGet();
            }
            done.complete(null);
        });
        for (int i = 1; i <= 1000; i++) {
            readable.signal();
            int expected = i;
            while (calls.get() < expected && !done.isDone()) {
                Thread.onSpinWait();
            }
        }
        done.get();
        assertThat(waits).hasValue(1000);
    }

    @Test
    void aTaskThatWaitsIsToEndWhenThereIsAnother() throws Exception {
        for (int i = 0; i < 1000; i++) {
            CountDownLatch waiting = new CountDownLatch(1);
            CompletableFuture<Boolean> alone = new CompletableFuture<>();
            tasks.execute(() -> {
                waiting.countDown();
                alone.complete(tasks.awaitCallbacks(() -> false));
            });
            waiting.await();
            tasks.submit(() -> {}).get();
            assertThat(alone).isCompletedWithValue(false);
        }
    }

    @Test
    void aTaskThatWaitsIsToEndWhenTheThreadHasOtherWork() throws Exception {
        AtomicBoolean others = new AtomicBoolean(true);
        assertThat(tasks.submit(() -> tasks.awaitCallbacks(others::get)).get())
                .as("work that was there before")
                .isFalse();
        for (int i = 0; i < 1000; i++) {
            others.set(false);
            CountDownLatch waiting = new CountDownLatch(1);
            Future<Boolean> alone = tasks.submit(() -> {
                waiting.countDown();
                return tasks.awaitCallbacks(others::get);
            });
            waiting.await();
            others.set(true);
            tasks.rouse();
            assertThat(alone.get()).as("work that came while it waited").isFalse();
        }
    }

    @Test
    void aTaskThatWaitsIsToEndWhenTheLoopIsShutDown() throws Exception {
        Future<Boolean> alone = tasks.submit(() -> tasks.awaitCallbacks(() -> false));
        tasks.shutdown();
        assertThat(alone.get()).isFalse();
        assertThat(tasks.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void goesOnAfterATaskThatThrows() throws Exception {
        IllegalStateException failure = new IllegalStateException("on purpose");
        tasks.execute(() -> {
            throw failure;
        });
        assertThat(tasks.submit(() -> 42).get()).isEqualTo(42);
        assertThat(uncaught).hasValue(failure);
    }

    @Test
    void usesNoCpuWhileIdle() throws Exception {
        tasks.submit(() -> {}).get();
        AtomicBoolean called = new AtomicBoolean();
        watch.arm(() -> called.set(true));
        long before = cpuNanos();
        // An absence has nothing to wait for but time.
        TimeUnit.MILLISECONDS.sleep(300);
        assertThat(cpuNanos() - before).isLessThan(3_000_000);
        assertThat(called).isFalse();
    }

    private long cpuNanos() {
        return java.lang.management.ManagementFactory.getThreadMXBean().getThreadCpuTime(thread.getId());
    }

    @Test
    void finishesWhatWaitsWhenShutDownAndCanBeStartedAgain() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        AtomicInteger ran = new AtomicInteger();
        tasks.execute(() -> {
            try {
                go.await();
            } catch (InterruptedException interrupted) {
                throw new IllegalStateException(interrupted);
            }
            tasks.execute(ran::incrementAndGet);
        });
        tasks.execute(ran::incrementAndGet);
        tasks.shutdown();
        go.countDown();
        assertThat(tasks.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
        assertThat(ran).hasValue(2);
        assertThat(thread.isAlive() && !tasks.isTerminated()).isFalse();
        assertThatThrownBy(() -> tasks.execute(() -> {})).isInstanceOf(RejectedExecutionException.class);

        tasks = loop.start(this::thread);
        CompletableFuture<Thread> fired = new CompletableFuture<>();
        watch.arm(() -> fired.complete(Thread.currentThread()));
        readable.signal();
        assertThat(fired.get()).isSameAs(thread);
    }
}
