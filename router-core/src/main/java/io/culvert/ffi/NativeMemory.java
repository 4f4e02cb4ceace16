// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import com.kenai.jffi.MemoryIO;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * Memory that the kernel reads and writes: direct byte buffers and their native addresses.
 *
 * <p>System calls take addresses as {@code long}. An address is valid for as long as the buffer, or a slice or duplicate
 * of it, is strongly reachable: whoever keeps an address keeps the buffer in a field beside it.
 */
public final class NativeMemory {
    /** Page size that {@link #allocate} aligns to, in bytes. */
    public static final int PAGE_BYTES = 4096;

    private static final Runtime RUNTIME = Runtime.getSystemRuntime();

    private static final Cleaner CLEANER = Cleaner.create();

    private NativeMemory() {}

    /**
     * Allocates zeroed, page-aligned memory outside the Java heap, freed when the last buffer over it is unreachable.
     *
     * @param bytes capacity of the buffer returned
     * @return a direct buffer in native byte order, as kernel structures need it. (A slice of it starts in big-endian
     *     order, as all new buffers of Java do.)
     */
    public static ByteBuffer allocate(int bytes) {
        int pages = Math.addExact(bytes, PAGE_BYTES - 1) / PAGE_BYTES;
        ByteBuffer aligned = ByteBuffer.allocateDirect(Math.multiplyExact(pages + 1, PAGE_BYTES))
                .alignedSlice(PAGE_BYTES);
        return aligned.slice(0, bytes).order(ByteOrder.nativeOrder());
    }

    /**
     * Maps zeroed, page-aligned memory outside the Java heap, freed when the last buffer over it is unreachable. Unlike
     * {@link #allocate}, which writes the zeros, a page of it takes no memory before it is first touched: for large pools
     * of which little is in use at most times. The JVM's limit on direct memory does not count it.
     *
     * @param bytes capacity of the buffer returned
     * @return a direct buffer in native byte order
     * @throws NativeException if the kernel refuses, as where the process's address space is limited
     */
    public static ByteBuffer map(int bytes) throws NativeException {
        long mapped = Math.max(1, bytes);
        long address = Syscalls.mmapAnonymous(mapped);
        if (address < 0) {
            throw new NativeException("mmap", (int) -address, bytes + " bytes for packets; see ulimit -v");
        }
        ByteBuffer buffer = MemoryIO.getInstance().newDirectByteBuffer(address, bytes);
        // Slices and duplicates refer to the buffer that they were made of, so this is behind the last of them.
        CLEANER.register(buffer, () -> Syscalls.munmap(address, mapped));
        return buffer.order(ByteOrder.nativeOrder());
    }

    /**
     * How much of a page-aligned buffer takes memory, in bytes; 0 when the kernel does not tell. Costs a system call and a
     * byte for each page.
     *
     * @throws IllegalArgumentException if the buffer is not aligned
     */
    public static long residentBytes(ByteBuffer buffer) {
        int pages = Math.addExact(buffer.capacity(), PAGE_BYTES - 1) / PAGE_BYTES;
        ByteBuffer states = ByteBuffer.allocateDirect(pages);
        long address = address(buffer);
        if (address % PAGE_BYTES != 0) {
            throw new IllegalArgumentException(
                    "not at the beginning of a page: address 0x" + Long.toHexString(address));
        }
        try {
            if (Syscalls.mincore(address, buffer.capacity(), address(states)) < 0) {
                return 0;
            }
        } finally {
            Reference.reachabilityFence(states);
            Reference.reachabilityFence(buffer);
        }
        long resident = 0;
        for (int page = 0; page < pages; page++) {
            resident += states.get(page) & 1;
        }
        return resident * PAGE_BYTES;
    }

    /**
     * The native address of a direct buffer's index 0, whatever its position. Costs a native call and garbage: ask once
     * and keep it.
     *
     * @throws IllegalArgumentException if the buffer lives on the Java heap
     */
    public static long address(ByteBuffer buffer) {
        if (!buffer.isDirect()) {
            throw new IllegalArgumentException("the kernel can only use direct buffers, this one is on the Java heap");
        }
        // position 0: what a wrapped buffer's position means differs between jnr-ffi's providers (jnr-ffi issue 177)
        return Pointer.wrap(RUNTIME, buffer.duplicate().clear()).address();
    }
}
