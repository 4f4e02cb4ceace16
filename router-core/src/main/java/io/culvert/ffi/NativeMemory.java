// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

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
