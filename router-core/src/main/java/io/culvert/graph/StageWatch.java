// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import java.io.Closeable;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Looks at what the lanes of a router are at, by a thread of its own, as no lane can tell while one of its stages has its
 * thread: names stages that are over their time budget, interrupts those that are at {@value #BUDGETS_TO_INTERRUPT} times
 * of it, and names stages that fill the heap.
 *
 * <p>The lanes pay nothing for it. A call is timed by looks, so what is told of it is right to two of them; a pause of
 * the whole process is not held against a stage.
 */
public final class StageWatch implements Closeable {
    static final int BUDGETS_TO_INTERRUPT = 10;

    /** What making a stage may take, in which classes are loaded, on a machine that is busy starting. */
    private static final int BUDGETS_TO_MAKE = 5;

    private static final long LOOK_NANOS = 50_000_000L;

    /** What a lane may allocate for seconds on end; Akka takes less than a hundredth of it under full load. */
    private static final long BYTES_PER_SECOND = 256L << 20;

    /** Looks at a lane that allocates more, until the stage is named at which most of them found it. */
    private static final int LOOKS_TO_BLAME = 40;

    private final List<Watched> watched = new ArrayList<>();
    private final long budgetNanos;
    private final long lookNanos;
    private final com.sun.management.@Nullable ThreadMXBean allocations;
    private final Thread thread;
    private volatile boolean closed;

    /**
     * Starts to watch.
     *
     * @param lanes which tell their own {@link Lane.FaultListener}, on the watch's thread
     * @param budget the time that a stage may take for one vector
     */
    public StageWatch(List<Lane> lanes, Duration budget) {
        lanes.forEach(lane -> watched.add(new Watched(lane)));
        budgetNanos = budget.toNanos();
        lookNanos = Math.min(LOOK_NANOS, budgetNanos / 2);
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        allocations = threads instanceof com.sun.management.ThreadMXBean counting
                        && counting.isThreadAllocatedMemorySupported()
                        && counting.isThreadAllocatedMemoryEnabled()
                ? counting
                : null;
        thread = new Thread(this::run, "culvert-stage-watch");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }

    private void run() {
        long last = System.nanoTime();
        while (!closed) {
            LockSupport.parkNanos(lookNanos);
            long now = System.nanoTime();
            // Whoever was not here to look can't say what the lanes did meanwhile.
            long passed = Math.min(now - last, 2 * lookNanos);
            last = now;
            for (Watched lane : watched) {
                lane.look(passed);
            }
        }
    }

    private final class Watched {
        private final Lane lane;
        private final LaneActivity activity;
        private long call = LaneActivity.NOTHING;
        private long nanos;
        private Overrun.@Nullable Step step;
        private long allocated;
        private int blamed;
        private final Map<String, Integer> blame = new HashMap<>();

        Watched(Lane lane) {
            this.lane = lane;
            activity = lane.activity();
        }

        void look(long passed) {
            long at = activity.at();
            lookAtHeap(at, passed);
            if (at == LaneActivity.NOTHING || at != call) {
                call = at;
                nanos = 0;
                step = null;
                return;
            }
            nanos += passed;
            long budget = LaneActivity.isMaking(at) ? BUDGETS_TO_MAKE * budgetNanos : budgetNanos;
            if (step == null && nanos >= budget) {
                activity.claim(at);
                tell(Overrun.Step.LATE);
            } else if (step == Overrun.Step.LATE && nanos >= BUDGETS_TO_INTERRUPT * budget) {
                List<StackTraceElement> where = where();
                if (activity.interrupt(at)) {
                    tell(Overrun.Step.INTERRUPTED, where);
                }
            } else if (step == Overrun.Step.INTERRUPTED && nanos >= 2 * BUDGETS_TO_INTERRUPT * budget) {
                tell(Overrun.Step.STUCK);
            }
        }

        private void tell(Overrun.Step reached) {
            tell(reached, where());
        }

        private void tell(Overrun.Step reached, List<StackTraceElement> where) {
            step = reached;
            lane.environment()
                    .faults()
                    .stageOverruns(
                            lane.number(),
                            activity.stageOf(call),
                            new Overrun(Duration.ofNanos(nanos), reached, activity.at() == call ? where : List.of()));
        }

        /** What the thread has called out of the graph. */
        private List<StackTraceElement> where() {
            Thread running = activity.thread();
            return running == null
                    ? List.of()
                    : Arrays.stream(running.getStackTrace())
                            .takeWhile(frame -> !frame.getClassName().equals(StageRunner.class.getName()))
                            .toList();
        }

        private void lookAtHeap(long at, long passed) {
            Thread running = activity.thread();
            if (allocations == null || running == null) {
                return;
            }
            long before = allocated;
            allocated = allocations.getThreadAllocatedBytes(running.getId());
            long bytes = allocated - before;
            if (before <= 0 || bytes < BYTES_PER_SECOND / 1000 * passed / 1_000_000) {
                blamed = 0;
                blame.clear();
                return;
            }
            if (at != LaneActivity.NOTHING) {
                blame.merge(activity.stageOf(at), 1, Integer::sum);
            }
            if (++blamed == LOOKS_TO_BLAME) {
                blame.forEach((stage, looks) -> {
                    if (looks > LOOKS_TO_BLAME / 2) {
                        lane.environment()
                                .faults()
                                .stageAllocates(lane.number(), stage, bytes * 1_000_000 / Math.max(1, passed / 1000));
                    }
                });
                blamed = 0;
                blame.clear();
            }
        }
    }
}
