// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.iface.EventLoop;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * When the stages of a lane want to be called: the one alarm of the lane's loop, set to the earliest of them. Moments are
 * by the router's clock, so that a test that owns the clock owns the timers. Confined to the lane's thread.
 *
 * <p>A lane that waits for its devices waits no longer than to the alarm; a busy one looks with each vector. Either way
 * the stage is called by its {@link LaneCall}, as {@link LaneSource} has to know what is on its way before it waits.
 */
final class LaneTimers implements EventLoop.Alarm {
    static final long NEVER = Long.MAX_VALUE;

    /** A stage that wants to be called. */
    static final class Timer {
        private final LaneCall call;
        private long at = NEVER;

        private Timer(LaneCall call) {
            this.call = call;
        }
    }

    private final LongSupplier clock;
    private final List<Timer> timers = new ArrayList<>();
    private long earliest = NEVER;
    private Runnable afterwards = () -> {};

    LaneTimers(LongSupplier clock) {
        this.clock = clock;
    }

    /** What is to be run whenever stages have been called. */
    void afterwards(Runnable afterwards) {
        this.afterwards = afterwards;
    }

    Timer add(LaneCall call) {
        Timer timer = new Timer(call);
        timers.add(timer);
        return timer;
    }

    void remove(Timer timer) {
        timers.remove(timer);
    }

    /** Has the stage called at a moment, or at an earlier one that it has asked for and not been called for yet. */
    void set(Timer timer, long at) {
        timer.at = Math.min(timer.at, at);
        earliest = Math.min(earliest, at);
    }

    /** Calls the stages that are due. */
    void callDue(long now) {
        if (now < earliest) {
            return;
        }
        long next = NEVER;
        boolean called = false;
        for (int i = 0; i < timers.size(); i++) {
            Timer timer = timers.get(i);
            if (timer.at <= now) {
                timer.at = NEVER;
                timer.call.run();
                called = true;
            } else {
                next = Math.min(next, timer.at);
            }
        }
        earliest = next;
        if (called) {
            afterwards.run();
        }
    }

    @Override
    public long remainingNanos() {
        return earliest == NEVER ? NEVER : earliest - clock.getAsLong();
    }

    @Override
    public void ring() {
        callDue(clock.getAsLong());
    }
}
