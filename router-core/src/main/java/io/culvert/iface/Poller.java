// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.Epoll;
import io.culvert.ffi.Errno;
import io.culvert.ffi.EventFd;
import io.culvert.ffi.NativeException;
import java.io.Closeable;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The one thread that waits for descriptors on behalf of all lanes: a queue that has run dry arms its {@link Watch} and is
 * called back once when something can be read. Busy queues never touch it.
 */
public final class Poller implements Closeable {
    private static final int MAX_WATCHES = 4096;
    private static final int EVENTS_PER_WAIT = 64;
    private static final long STOP = -1;

    private final Epoll epoll;
    private final EventFd stop;
    private final Thread thread;
    private final AtomicReferenceArray<@Nullable Watch> watches = new AtomicReferenceArray<>(MAX_WATCHES);

    /** Starts the thread. */
    public Poller() throws NativeException {
        epoll = Epoll.create(EVENTS_PER_WAIT);
        stop = EventFd.create();
        epoll.add(stop.fd(), Epoll.EPOLLIN, STOP);
        thread = new Thread(this::run, "culvert-poller");
        thread.setDaemon(true);
        thread.start();
    }

    /** One descriptor. Its methods belong to its owner; the callback runs on the poller's thread. */
    public final class Watch implements Closeable {
        private final int fd;
        private final int slot;
        private volatile @Nullable Runnable wake;

        private Watch(int fd, int slot) {
            this.fd = fd;
            this.slot = slot;
        }

        /** Calls back once when the descriptor is readable or in error, which may be at once. */
        public void arm(Runnable callback) {
            wake = callback;
            try {
                epoll.modify(fd, Epoll.EPOLLIN | Epoll.EPOLLONESHOT, slot);
            } catch (NativeException closed) {
                // The descriptor is gone: have its owner read it, and so learn why.
                fire();
            }
        }

        private void fire() {
            Runnable callback = wake;
            wake = null;
            if (callback != null) {
                callback.run();
            }
        }

        /** Must be called before the descriptor is closed. */
        @Override
        public void close() {
            wake = null;
            try {
                epoll.remove(fd);
            } catch (NativeException alreadyGone) {
                // nothing is left to watch, which is what was wanted
            }
            watches.set(slot, null);
        }
    }

    /** Registers a descriptor, not armed yet. */
    public synchronized Watch watch(int fd) throws NativeException {
        for (int slot = 0; slot < MAX_WATCHES; slot++) {
            if (watches.get(slot) == null) {
                Watch watch = new Watch(fd, slot);
                watches.set(slot, watch);
                epoll.add(fd, Epoll.EPOLLONESHOT, slot);
                return watch;
            }
        }
        throw new NativeException("epoll_ctl", Errno.ENOSPC, "more than " + MAX_WATCHES + " queues");
    }

    private void run() {
        while (true) {
            int ready = epoll.await(-1);
            for (int i = 0; i < ready; i++) {
                long slot = epoll.data(i);
                if (slot == STOP) {
                    epoll.close();
                    return;
                }
                Watch watch = watches.get((int) slot);
                if (watch != null) {
                    watch.fire();
                }
            }
        }
    }

    /** Ends the thread. */
    @Override
    public void close() {
        stop.signal();
        try {
            thread.join();
            stop.close();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
