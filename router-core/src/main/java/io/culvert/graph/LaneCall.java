// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import akka.stream.stage.AsyncCallback;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Has a stage of a running graph called on the lane's thread: once for all requests since the last time. Any thread.
 *
 * <p>A call that the lane's own thread makes waits where no mailbox shows it, until the stage at hand has returned. So calls
 * are counted: {@link LaneSource} does not wait for devices while one is under way.
 */
final class LaneCall implements Runnable {
    private final AtomicInteger underWay;
    private final AsyncCallback<LaneCall> callback;
    private final AtomicBoolean requested = new AtomicBoolean();

    /**
     * @param underWay the graph's calls
     * @param callback tells the call that it has {@link #arrived}, first of all
     */
    LaneCall(AtomicInteger underWay, AsyncCallback<LaneCall> callback) {
        this.underWay = underWay;
        this.callback = callback;
    }

    @Override
    public void run() {
        if (requested.compareAndSet(false, true)) {
            underWay.incrementAndGet();
            callback.invoke(this);
        }
    }

    /** From now on requests are for the next call. */
    void arrived() {
        requested.set(false);
        underWay.decrementAndGet();
    }
}
