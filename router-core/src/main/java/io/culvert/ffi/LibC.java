// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.nio.ByteOrder;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.Variadic;

/** The C library's functions as jnr-ffi binds them. Only {@link Syscalls} calls them. */
final class LibC {
    static final Functions FUNCTIONS;
    static final Runtime RUNTIME;

    static {
        String arch = System.getProperty("os.arch", "unknown");
        boolean supported = arch.equals("amd64") || arch.equals("x86_64") || arch.equals("aarch64");
        if (!supported || ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            throw new UnsupportedOperationException(
                    "Culvert knows the kernel's structures on x86-64 and aarch64 (little-endian) only, this is "
                            + arch);
        }
        FUNCTIONS = LibraryLoader.create(Functions.class)
                .map("epollCreate1", "epoll_create1")
                .map("epollCtl", "epoll_ctl")
                .map("epollWait", "epoll_wait")
                .map("ifNameToIndex", "if_nametoindex")
                .load("c");
        RUNTIME = Runtime.getRuntime(FUNCTIONS);
    }

    private LibC() {}

    /**
     * Signatures use {@code int} and {@code long} alone: a Java long is a C long, size_t, ssize_t or pointer on the 64-bit
     * systems that are supported, and nothing is converted or allocated per call. Public since jnr-ffi implements the
     * interface by a class in another package.
     *
     * <p>The machine code that jnr-ffi 2.3.4 makes for x86-64 passes junk in place of a sixth argument. Declared as variadic,
     * a function gets none of that code, and is slower and allocates; registers are the same on both machines. Only where
     * the fifth argument is a null address do recvfrom and sendto not look at their sixth.
     */
    public interface Functions {
        long read(int fd, long buffer, long bytes);

        long write(int fd, long buffer, long bytes);

        long readv(int fd, long iovecs, int count);

        long writev(int fd, long iovecs, int count);

        int recvmmsg(int fd, long messages, int count, int flags, long timeout);

        int sendmmsg(int fd, long messages, int count, int flags);

        long recvfrom(int fd, long buffer, long bytes, int flags, long address, long addressLength);

        long sendto(int fd, long buffer, long bytes, int flags, long address, int addressLength);

        int poll(long pollfds, long count, int timeoutMs);

        int epollCreate1(int flags);

        int epollCtl(int epoll, int operation, int fd, long event);

        int epollWait(int epoll, long events, int maxEvents, int timeoutMs);

        int eventfd(int initial, int flags);

        @Variadic(fixedCount = 2)
        int open(long path, int flags, int mode);

        int close(int fd);

        @Variadic(fixedCount = 2)
        int ioctl(int fd, long request, long argument);

        @Variadic(fixedCount = 2)
        int fcntl(int fd, int command, long argument);

        int socket(int domain, int type, int protocol);

        int bind(int fd, long address, int addressLength);

        int connect(int fd, long address, int addressLength);

        int getsockname(int fd, long address, long addressLength);

        int setsockopt(int fd, int level, int option, long value, int valueLength);

        int getsockopt(int fd, int level, int option, long value, long valueLength);

        int setns(int fd, int type);

        int unshare(int flags);

        int mount(long source, long target, long type, long flags, long data);

        int umount2(long target, int flags);

        int ifNameToIndex(long name);

        @Variadic(fixedCount = 6)
        long mmap(long address, long bytes, int protection, int flags, int fd, long offset);

        int munmap(long address, long bytes);

        int mincore(long address, long bytes, long pageStates);
    }
}
