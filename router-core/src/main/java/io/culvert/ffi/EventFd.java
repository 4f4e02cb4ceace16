// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.io.Closeable;
import java.nio.ByteBuffer;

/**
 * An eventfd: a descriptor that one thread makes readable so that another wakes from its poll or epoll.
 *
 * <p>Any thread may {@link #signal}; signals before the next {@link #drain} add up to one wake-up. Nothing is allocated by
 * either. The owner closes it when nobody can signal any more. Source: eventfd(2).
 */
public final class EventFd implements Closeable {
    private static final ByteBuffer ONE = Syscalls.nativeStruct(Long.BYTES).putLong(0, 1L);
    private static final long ONE_ADDRESS = NativeMemory.address(ONE);

    /** Where reads go; never looked at, so that threads may share it. */
    private static final ByteBuffer SINK = Syscalls.nativeStruct(Long.BYTES);

    private static final long SINK_ADDRESS = NativeMemory.address(SINK);

    private final int fd;
    private boolean closed;

    private EventFd(int fd) {
        this.fd = fd;
    }

    /** Creates one that is not signalled. */
    public static EventFd create() throws NativeException {
        int fd = Syscalls.eventfd(0, Syscalls.EFD_CLOEXEC | Syscalls.EFD_NONBLOCK);
        return new EventFd(NativeException.check(fd, "eventfd", ""));
    }

    /** The descriptor, to be watched for reading. */
    public int fd() {
        return fd;
    }

    /** Makes the descriptor readable. */
    public void signal() {
        // the only failure of an open eventfd is a full counter, and then it is readable already
        Syscalls.write(fd, ONE_ADDRESS, Long.BYTES);
    }

    /** Makes the descriptor unreadable again. Returns whether it had been signalled. */
    public boolean drain() {
        return Syscalls.read(fd, SINK_ADDRESS, Long.BYTES) == Long.BYTES;
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Syscalls.close(fd);
        }
    }
}
