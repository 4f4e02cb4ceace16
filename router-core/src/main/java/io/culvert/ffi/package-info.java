// SPDX-License-Identifier: Apache-2.0
/**
 * The router's only door to the kernel: system calls, ioctls, netlink and the layouts of the structures they take.
 *
 * <p>The package knows nothing of packets, interfaces or actors. It hands out file descriptors and takes native
 * addresses. What runs per packet ({@link io.culvert.ffi.Syscalls}, {@link io.culvert.ffi.MessageVector},
 * {@link io.culvert.ffi.Epoll}, {@link io.culvert.ffi.EventFd}, {@link io.culvert.ffi.VirtioNetHeader}) allocates nothing
 * and reports failure as a negative errno; what sets things up throws {@link io.culvert.ffi.NativeException} with words.
 *
 * <p>Structures are those of 64-bit little-endian Linux (x86-64, aarch64). Every size, offset and number in this package
 * that comes from a C header is compared with the C compiler's answer by {@code KernelLayoutTest}.
 */
@NullMarked
package io.culvert.ffi;

import org.jspecify.annotations.NullMarked;
