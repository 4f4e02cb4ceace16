// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.io.Closeable;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/**
 * One epoll instance and room for the events of one wait.
 *
 * <p>Descriptors may be added, changed and removed by any thread, also while another one waits. {@link #await} and the
 * getters belong to one thread and allocate nothing. {@link #close} does not wake a waiting thread: use an
 * {@link EventFd} for that, and close when the waiter has gone.
 *
 * <p>{@code struct epoll_event} is packed on x86-64 (12 bytes, data at 4) and not elsewhere (16 bytes, data at 8), see
 * {@code linux/eventpoll.h}. Source: epoll(7).
 */
public final class Epoll implements Closeable {
    public static final int EPOLLIN = 0x1;
    public static final int EPOLLOUT = 0x4;
    public static final int EPOLLERR = 0x8;
    public static final int EPOLLHUP = 0x10;
    public static final int EPOLLRDHUP = 0x2000;

    /** Wakes one of several instances that watch the same descriptor. */
    public static final int EPOLLEXCLUSIVE = 1 << 28;

    /** Reports once, until {@link #modify} arms it again. */
    public static final int EPOLLONESHOT = 1 << 30;

    /** Reports when something new arrives, not as long as something is there. */
    public static final int EPOLLET = 1 << 31;

    static final int EPOLL_CLOEXEC = 0x80000;
    static final int EPOLL_CTL_ADD = 1;
    static final int EPOLL_CTL_DEL = 2;
    static final int EPOLL_CTL_MOD = 3;

    private static final boolean PACKED = !"aarch64".equals(System.getProperty("os.arch"));
    static final int EVENT_BYTES = PACKED ? 12 : 16;
    static final int EVENT_EVENTS = 0;
    static final int EVENT_DATA = PACKED ? 4 : 8;

    private final int fd;
    private final int maxEvents;
    private final ByteBuffer events;
    private final long eventsAddress;
    private final ByteBuffer change = Syscalls.nativeStruct(EVENT_BYTES);
    private final long changeAddress = NativeMemory.address(change);
    private boolean closed;

    private Epoll(int fd, int maxEvents) {
        this.fd = fd;
        this.maxEvents = maxEvents;
        events = Syscalls.nativeStruct(maxEvents * EVENT_BYTES);
        eventsAddress = NativeMemory.address(events);
    }

    /** Creates an instance that reports up to {@code maxEvents} descriptors per wait. */
    public static Epoll create(int maxEvents) throws NativeException {
        if (maxEvents < 1) {
            throw new IllegalArgumentException("maxEvents must be positive");
        }
        return new Epoll(NativeException.check(Syscalls.epollCreate1(EPOLL_CLOEXEC), "epoll_create1", ""), maxEvents);
    }

    /**
     * Watches a descriptor.
     *
     * @param events bits {@code EPOLL*}; errors and hang-ups are always reported
     * @param data what {@link #data} says about it
     */
    public void add(int watched, int events, long data) throws NativeException {
        control(EPOLL_CTL_ADD, watched, events, data);
    }

    /** Changes what is watched of a descriptor. */
    public void modify(int watched, int events, long data) throws NativeException {
        control(EPOLL_CTL_MOD, watched, events, data);
    }

    /** Watches a descriptor no longer. Closing the descriptor has the same effect if nobody else has it open. */
    public void remove(int watched) throws NativeException {
        control(EPOLL_CTL_DEL, watched, 0, 0);
    }

    /**
     * Waits until a descriptor has something to report.
     *
     * @param timeoutMs milliseconds; 0 looks only, negative waits for ever
     * @return how many have, to be asked by index; 0 at the timeout; or a negated errno
     */
    public int await(int timeoutMs) {
        try {
            return Syscalls.epollWait(fd, eventsAddress, maxEvents, timeoutMs);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** What the {@code index}-th descriptor of the last wait reports, bits {@code EPOLL*}. */
    public int events(int index) {
        return events.getInt(index * EVENT_BYTES + EVENT_EVENTS);
    }

    /** The data that was given with the {@code index}-th descriptor of the last wait. */
    public long data(int index) {
        return events.getLong(index * EVENT_BYTES + EVENT_DATA);
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Syscalls.close(fd);
        }
    }

    private synchronized void control(int operation, int watched, int events, long data) throws NativeException {
        if (closed) {
            throw new NativeException("epoll_ctl", Errno.EBADF, "this epoll instance is closed");
        }
        change.putInt(EVENT_EVENTS, events).putLong(EVENT_DATA, data);
        int result = Syscalls.epollCtl(fd, operation, watched, changeAddress);
        if (result < 0) { // no text is made for those that succeed: lanes come here often
            throw new NativeException("epoll_ctl", -result, "descriptor " + watched);
        }
    }
}
