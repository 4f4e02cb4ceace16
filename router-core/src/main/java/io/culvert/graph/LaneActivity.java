// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What a lane's thread is at: which stage, and since which call. The lane's thread says so with two writes for each
 * vector and stage, which cost nothing; {@link StageWatch} looks from time to time.
 *
 * <p>A call that takes long is <em>claimed</em> by the watch, a good while before it is interrupted. So the lane's thread,
 * when it leaves a call, need not wait to be sure of seeing the claim; only then do both meet at the lock, and an
 * interrupt that was meant for the call is gone before any other code runs.
 */
final class LaneActivity {
    /** How a call ended. */
    enum Ending {
        IN_TIME,
        LATE,
        INTERRUPTED
    }

    /** What {@link #at} answers between two calls. */
    static final long NOTHING = 0;

    private static final int STAGE_BITS = 24;
    private static final long MAKING = 1 << STAGE_BITS - 1;
    private static final VarHandle AT;
    private static final VarHandle CLAIMED;

    static {
        try {
            AT = MethodHandles.lookup().findVarHandle(LaneActivity.class, "at", long.class);
            CLAIMED = MethodHandles.lookup().findVarHandle(LaneActivity.class, "claimed", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @SuppressWarnings("unused") // by AT
    private long at;

    @SuppressWarnings("unused") // by CLAIMED
    private long claimed;

    private long calls;
    private long call;
    private boolean interrupted;
    private volatile @Nullable Thread thread;
    private final Map<Integer, String> stages = new ConcurrentHashMap<>();

    // --- the lane's thread

    void start(int stage, String id) {
        stages.put(stage, id);
        thread = Thread.currentThread();
    }

    void stop(int stage) {
        stages.remove(stage);
    }

    void enter(int stage) {
        call = ++calls << STAGE_BITS | stage + 1;
        AT.setOpaque(this, call);
    }

    /** The stage is being made, for which a JVM may have to load classes. */
    void enterMaking(int stage) {
        call = ++calls << STAGE_BITS | MAKING | stage + 1;
        AT.setOpaque(this, call);
    }

    Ending leave() {
        AT.setOpaque(this, NOTHING);
        return (long) CLAIMED.getOpaque(this) == NOTHING ? Ending.IN_TIME : settle();
    }

    private synchronized Ending settle() {
        boolean mine = (long) CLAIMED.getOpaque(this) == call; // else it came as the call before this one ended
        boolean hit = interrupted;
        CLAIMED.setOpaque(this, NOTHING);
        interrupted = false;
        if (hit) {
            Thread.interrupted();
        }
        return !mine ? Ending.IN_TIME : hit ? Ending.INTERRUPTED : Ending.LATE;
    }

    // --- the watch

    /** The call at hand, or {@link #NOTHING}. */
    long at() {
        return (long) AT.getOpaque(this);
    }

    static boolean isMaking(long call) {
        return (call & MAKING) != 0;
    }

    /** The stage of a call. */
    String stageOf(long call) {
        return stages.getOrDefault((int) (call & MAKING - 1) - 1, "that has stopped meanwhile");
    }

    @Nullable
    Thread thread() {
        return thread;
    }

    /** Has the lane's thread take notice when the call ends. */
    synchronized void claim(long call) {
        CLAIMED.setOpaque(this, call);
    }

    /** Interrupts a call that was claimed, some time ago, unless it has ended. */
    synchronized boolean interrupt(long call) {
        Thread running = thread;
        if (running == null || (long) CLAIMED.getOpaque(this) != call || at() != call) {
            return false;
        }
        interrupted = true;
        running.interrupt();
        return true;
    }
}
