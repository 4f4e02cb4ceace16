// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/**
 * The iovecs of writev(2), laid out once in native memory: one write of what lies in many places.
 *
 * <p>In: addresses and lengths of the caller's buffers, which the caller keeps reachable. One thread; nothing is allocated
 * after construction.
 *
 * <pre>
 *  iovec (16 bytes, 64-bit Linux)
 *  0         8         16
 *  +---------+---------+
 *  | base    | len     |
 *  +---------+---------+
 * </pre>
 *
 * <p>Source: writev(2); the kernel takes at most 1024 pieces (IOV_MAX).
 */
public final class GatherWrite {
    private static final int IOV_MAX = 1024;

    private final ByteBuffer memory;
    private final long address;
    private final int capacity;
    private int count;

    /** @param capacity the most pieces of a write */
    public GatherWrite(int capacity) {
        if (capacity < 1 || capacity > IOV_MAX) {
            throw new IllegalArgumentException("a write has 1 to " + IOV_MAX + " pieces, not " + capacity);
        }
        this.capacity = capacity;
        memory = NativeMemory.allocate(capacity * MessageVector.IOVEC_BYTES);
        address = NativeMemory.address(memory);
    }

    /**
     * Adds a piece behind those added since the last write.
     *
     * @throws IndexOutOfBoundsException when there is no room for one more
     */
    public void add(long pieceAddress, int bytes) {
        if (count == capacity) {
            throw new IndexOutOfBoundsException(count);
        }
        int iovec = count * MessageVector.IOVEC_BYTES;
        memory.putLong(iovec + MessageVector.IOV_BASE, pieceAddress);
        memory.putLong(iovec + MessageVector.IOV_LEN, bytes);
        count++;
    }

    /**
     * Writes all pieces at once, and forgets them.
     *
     * @return the number of bytes written, or the negated errno
     */
    public int write(int fd) {
        int pieces = count;
        count = 0;
        try {
            return Syscalls.writev(fd, address, pieces);
        } finally {
            Reference.reachabilityFence(this);
        }
    }
}
