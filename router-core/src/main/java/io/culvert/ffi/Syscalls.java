// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static io.culvert.ffi.Errno.EINTR;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import jnr.ffi.LastError;

/**
 * System calls, each as one static method without allocation.
 *
 * <p>In: file descriptors, numbers, and native addresses from {@link NativeMemory#address}; the memory must stay reachable
 * until the call returns. Out: the call's result if it is not negative, otherwise the <em>negated</em> errno, so that
 * {@code result == -Errno.EAGAIN} is the whole check. Results fit an int: one call moves at most 0x7ffff000 bytes, see
 * read(2).
 *
 * <p>A call that a signal interrupted before it did anything is repeated here, except {@link #close}. Any thread may call
 * any method; most calls block unless the descriptor is nonblocking.
 *
 * <p>Source of numbers: section 2 man pages, {@code fcntl.h}, {@code sys/socket.h}, {@code poll.h}.
 */
public final class Syscalls {
    /** {@link #open}: access mode and flags, open(2). */
    public static final int O_RDONLY = 0;

    public static final int O_WRONLY = 1;
    public static final int O_RDWR = 2;
    public static final int O_CREAT = 0x40;
    public static final int O_EXCL = 0x80;
    public static final int O_NONBLOCK = 0x800;
    public static final int O_CLOEXEC = 0x80000;

    /** {@link #fcntl} commands, fcntl(2). */
    public static final int F_GETFL = 3;

    public static final int F_SETFL = 4;

    /** {@link #poll} events, poll(2). */
    public static final int POLLIN = 0x1;

    public static final int POLLOUT = 0x4;
    public static final int POLLERR = 0x8;
    public static final int POLLHUP = 0x10;
    public static final int POLLNVAL = 0x20;

    /** {@link #socket} families and types, socket(2). */
    public static final int AF_UNIX = 1;

    public static final int AF_INET = 2;
    public static final int AF_INET6 = 10;
    public static final int AF_NETLINK = 16;
    public static final int AF_PACKET = 17;
    public static final int SOCK_STREAM = 1;
    public static final int SOCK_DGRAM = 2;
    public static final int SOCK_RAW = 3;
    public static final int SOCK_NONBLOCK = 0x800;
    public static final int SOCK_CLOEXEC = 0x80000;

    /** Flags of {@link #recvfrom}, {@link #sendto}, {@link #recvmmsg}, {@link #sendmmsg}, recv(2) and send(2). */
    public static final int MSG_PEEK = 0x2;

    public static final int MSG_TRUNC = 0x20;
    public static final int MSG_DONTWAIT = 0x40;
    public static final int MSG_NOSIGNAL = 0x4000;

    /** {@link #setsockopt} level and options of any socket, socket(7). */
    public static final int SOL_SOCKET = 1;

    public static final int SO_SNDBUF = 7;
    public static final int SO_RCVBUF = 8;
    public static final int SO_ATTACH_FILTER = 26;
    public static final int SO_SNDBUFFORCE = 32;
    public static final int SO_RCVBUFFORCE = 33;

    /** {@link #eventfd} flags, eventfd(2). */
    public static final int EFD_CLOEXEC = 0x80000;

    public static final int EFD_NONBLOCK = 0x800;

    /** {@link #setns} and {@link #unshare}: the network namespace, namespaces(7). */
    public static final int CLONE_NEWNET = 0x40000000;

    /** {@link #mount} and {@link #umount2}, mount(2), umount(2). */
    static final int MS_BIND = 0x1000;

    static final int MS_REC = 0x4000;
    static final int MS_SHARED = 0x100000;
    static final int MNT_DETACH = 0x2;

    /** {@link #mmapAnonymous}: protection and flags, mmap(2). */
    private static final int PROT_READ = 0x1;

    private static final int PROT_WRITE = 0x2;
    private static final int MAP_PRIVATE = 0x2;
    private static final int MAP_ANONYMOUS = 0x20;
    private static final int MAP_NORESERVE = 0x4000;

    private static final LibC.Functions C = LibC.FUNCTIONS;

    private Syscalls() {}

    /** read(2) of up to {@code bytes} bytes. */
    public static int read(int fd, long address, int bytes) {
        int result;
        do {
            result = result(C.read(fd, address, bytes));
        } while (result == -EINTR);
        return result;
    }

    /** write(2) of up to {@code bytes} bytes. */
    public static int write(int fd, long address, int bytes) {
        int result;
        do {
            result = result(C.write(fd, address, bytes));
        } while (result == -EINTR);
        return result;
    }

    /** readv(2) into {@code count} iovecs. */
    public static int readv(int fd, long iovecs, int count) {
        int result;
        do {
            result = result(C.readv(fd, iovecs, count));
        } while (result == -EINTR);
        return result;
    }

    /** writev(2) of {@code count} iovecs. */
    public static int writev(int fd, long iovecs, int count) {
        int result;
        do {
            result = result(C.writev(fd, iovecs, count));
        } while (result == -EINTR);
        return result;
    }

    /** recvmmsg(2) of up to {@code count} messages, without a timeout. Returns how many were received. */
    public static int recvmmsg(int fd, long mmsghdrs, int count, int flags) {
        int result;
        do {
            result = result(C.recvmmsg(fd, mmsghdrs, count, flags, 0L));
        } while (result == -EINTR);
        return result;
    }

    /** sendmmsg(2) of up to {@code count} messages. Returns how many were sent: if fewer, the next call tells why. */
    public static int sendmmsg(int fd, long mmsghdrs, int count, int flags) {
        int result;
        do {
            result = result(C.sendmmsg(fd, mmsghdrs, count, flags));
        } while (result == -EINTR);
        return result;
    }

    /** recvfrom(2); {@code sockaddr} and the address of its length must both be 0, see {@link LibC.Functions}. */
    public static int recvfrom(int fd, long address, int bytes, int flags, long sockaddr, long sockaddrBytesAddress) {
        int result;
        do {
            result = result(C.recvfrom(fd, address, bytes, flags, sockaddr, sockaddrBytesAddress));
        } while (result == -EINTR);
        return result;
    }

    /** sendto(2); {@code sockaddr} and its length must both be 0, see {@link LibC.Functions}. */
    public static int sendto(int fd, long address, int bytes, int flags, long sockaddr, int sockaddrBytes) {
        int result;
        do {
            result = result(C.sendto(fd, address, bytes, flags, sockaddr, sockaddrBytes));
        } while (result == -EINTR);
        return result;
    }

    /**
     * poll(2) on {@code count} pollfds of 8 bytes: int fd, short events, short revents.
     *
     * @param timeoutMs milliseconds; 0 returns at once, negative waits for ever. A signal does not shorten the wait.
     * @return how many have events, 0 at the timeout
     */
    public static int poll(long pollfds, int count, int timeoutMs) {
        if (timeoutMs <= 0) {
            int result;
            do {
                result = result(C.poll(pollfds, count, timeoutMs));
            } while (result == -EINTR);
            return result;
        }
        long deadline = System.nanoTime() + timeoutMs * 1_000_000L;
        int remainingMs = timeoutMs;
        while (true) {
            int result = result(C.poll(pollfds, count, remainingMs));
            if (result != -EINTR) {
                return result;
            }
            remainingMs = millisUntil(deadline);
        }
    }

    /** epoll_create1(2). */
    public static int epollCreate1(int flags) {
        return result(C.epollCreate1(flags));
    }

    /** epoll_ctl(2); the layout of {@code event} depends on the machine, see {@link Epoll}. */
    public static int epollCtl(int epoll, int operation, int fd, long event) {
        return result(C.epollCtl(epoll, operation, fd, event));
    }

    /**
     * epoll_wait(2).
     *
     * @param timeoutMs milliseconds; 0 returns at once, negative waits for ever. A signal does not shorten the wait.
     * @return how many events were written, 0 at the timeout
     */
    public static int epollWait(int epoll, long events, int maxEvents, int timeoutMs) {
        if (timeoutMs <= 0) {
            int result;
            do {
                result = result(C.epollWait(epoll, events, maxEvents, timeoutMs));
            } while (result == -EINTR);
            return result;
        }
        long deadline = System.nanoTime() + timeoutMs * 1_000_000L;
        int remainingMs = timeoutMs;
        while (true) {
            int result = result(C.epollWait(epoll, events, maxEvents, remainingMs));
            if (result != -EINTR) {
                return result;
            }
            remainingMs = millisUntil(deadline);
        }
    }

    /** eventfd(2). */
    public static int eventfd(int initial, int flags) {
        return result(C.eventfd(initial, flags));
    }

    /** open(2) of a path, which is copied per call: not for the fast path. New files get mode 0600. */
    public static int open(String path, int flags) {
        ByteBuffer nativePath = cString(path);
        try {
            int result;
            do {
                result = result(C.open(NativeMemory.address(nativePath), flags, 0600));
            } while (result == -EINTR);
            return result;
        } finally {
            Reference.reachabilityFence(nativePath);
        }
    }

    /** close(2). Never repeated: Linux has released the descriptor even when it reports EINTR. */
    public static int close(int fd) {
        return result(C.close(fd));
    }

    /** ioctl(2) whose argument is a number, or a native address that the caller keeps alive. */
    public static int ioctl(int fd, long request, long argument) {
        int result;
        do {
            result = result(C.ioctl(fd, request, argument));
        } while (result == -EINTR);
        return result;
    }

    /** ioctl(2) whose argument points to a direct buffer's index 0. Not for the fast path. */
    public static int ioctl(int fd, long request, ByteBuffer argument) {
        try {
            return ioctl(fd, request, NativeMemory.address(argument));
        } finally {
            Reference.reachabilityFence(argument);
        }
    }

    /** fcntl(2). */
    public static int fcntl(int fd, int command, long argument) {
        return result(C.fcntl(fd, command, argument));
    }

    /** socket(2). */
    public static int socket(int domain, int type, int protocol) {
        return result(C.socket(domain, type, protocol));
    }

    /** bind(2) to the address structure that fills a direct buffer's capacity. */
    public static int bind(int fd, ByteBuffer sockaddr) {
        try {
            return result(C.bind(fd, NativeMemory.address(sockaddr), sockaddr.capacity()));
        } finally {
            Reference.reachabilityFence(sockaddr);
        }
    }

    /** connect(2) to the address structure that fills a direct buffer's capacity. */
    public static int connect(int fd, ByteBuffer sockaddr) {
        try {
            return result(C.connect(fd, NativeMemory.address(sockaddr), sockaddr.capacity()));
        } finally {
            Reference.reachabilityFence(sockaddr);
        }
    }

    /** getsockname(2) into a direct buffer, which must be large enough for the socket's family. */
    static int getsockname(int fd, ByteBuffer sockaddr) {
        ByteBuffer length = nativeStruct(Integer.BYTES).putInt(0, sockaddr.capacity());
        try {
            return result(C.getsockname(fd, NativeMemory.address(sockaddr), NativeMemory.address(length)));
        } finally {
            Reference.reachabilityFence(sockaddr);
            Reference.reachabilityFence(length);
        }
    }

    /** setsockopt(2) of an int option. Not for the fast path. */
    public static int setsockopt(int fd, int level, int option, int value) {
        return setsockopt(fd, level, option, nativeStruct(Integer.BYTES).putInt(0, value));
    }

    /** setsockopt(2) of a structure that fills a direct buffer's capacity. Not for the fast path. */
    public static int setsockopt(int fd, int level, int option, ByteBuffer value) {
        try {
            return result(C.setsockopt(fd, level, option, NativeMemory.address(value), value.capacity()));
        } finally {
            Reference.reachabilityFence(value);
        }
    }

    /**
     * getsockopt(2) into a direct buffer. Not for the fast path.
     *
     * @return the number of bytes that the kernel wrote, or the negated errno
     */
    public static int getsockopt(int fd, int level, int option, ByteBuffer value) {
        ByteBuffer length = nativeStruct(Integer.BYTES).putInt(0, value.capacity());
        try {
            int result =
                    result(C.getsockopt(fd, level, option, NativeMemory.address(value), NativeMemory.address(length)));
            return result < 0 ? result : length.getInt(0);
        } finally {
            Reference.reachabilityFence(value);
        }
    }

    /** setns(2): moves the calling thread, and only it, to another namespace. */
    public static int setns(int fd, int type) {
        return result(C.setns(fd, type));
    }

    /** unshare(2): gives the calling thread, and only it, a namespace of its own. */
    public static int unshare(int flags) {
        return result(C.unshare(flags));
    }

    /** mount(2) without file system type and data, for bind mounts and propagation. */
    static int mount(String source, String target, int flags) {
        ByteBuffer nativeSource = cString(source);
        ByteBuffer nativeTarget = cString(target);
        try {
            return result(
                    C.mount(NativeMemory.address(nativeSource), NativeMemory.address(nativeTarget), 0L, flags, 0L));
        } finally {
            Reference.reachabilityFence(nativeSource);
            Reference.reachabilityFence(nativeTarget);
        }
    }

    /** umount2(2). */
    static int umount2(String target, int flags) {
        ByteBuffer nativeTarget = cString(target);
        try {
            return result(C.umount2(NativeMemory.address(nativeTarget), flags));
        } finally {
            Reference.reachabilityFence(nativeTarget);
        }
    }

    /**
     * if_nametoindex(3): the index of a network device in the namespace of the calling thread.
     *
     * @return the index, which is positive, or the negated errno: ENODEV if there is no such device
     */
    public static int ifNameToIndex(String name) {
        ByteBuffer nativeName = cString(name);
        try {
            int index = C.ifNameToIndex(NativeMemory.address(nativeName));
            return index != 0 ? index : -LastError.getLastError(LibC.RUNTIME);
        } finally {
            Reference.reachabilityFence(nativeName);
        }
    }

    /**
     * mmap(2) of memory of nobody's file, for reading and writing, without a promise of swap space for all of it.
     *
     * @return the address, or the negated errno: addresses are positive on the systems supported
     */
    static long mmapAnonymous(long bytes) {
        long address = C.mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return address >= 0 ? address : -LastError.getLastError(LibC.RUNTIME);
    }

    /** munmap(2). Whoever touches the memory afterwards crashes the process. */
    static int munmap(long address, long bytes) {
        return result(C.munmap(address, bytes));
    }

    /** mincore(2): writes a byte for each page, whose lowest bit says whether it takes memory. */
    static int mincore(long address, long bytes, long pageStates) {
        return result(C.mincore(address, bytes, pageStates));
    }

    /** Zeroed memory in native byte order for one structure of a set-up call. */
    static ByteBuffer nativeStruct(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    private static ByteBuffer cString(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocateDirect(bytes.length + 1).put(bytes);
    }

    private static int result(long returned) {
        return returned >= 0 ? (int) returned : -LastError.getLastError(LibC.RUNTIME);
    }

    private static int millisUntil(long deadline) {
        long nanos = deadline - System.nanoTime();
        return nanos <= 0 ? 0 : (int) ((nanos + 999_999) / 1_000_000);
    }
}
