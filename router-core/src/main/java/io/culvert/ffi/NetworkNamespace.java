// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * Named network namespaces as ip-netns(8) keeps them in {@code /run/netns}, and work done inside one.
 *
 * <p>A thread that entered a namespace hands it on to the threads it starts, so the work runs on a fresh platform thread
 * that dies with it. Descriptors opened inside (tun devices, sockets) keep belonging to that namespace and are used from
 * any thread afterwards. The work must not start threads, executors or processes that outlive it.
 *
 * <p>A name with a slash is a path to a namespace, such as {@code /proc/4711/ns/net}. Entering needs CAP_SYS_ADMIN.
 * Source: setns(2), network_namespaces(7).
 */
public final class NetworkNamespace {
    private static final Path DIRECTORY = Path.of("/run/netns");

    private NetworkNamespace() {}

    /** Whether there is a namespace of that name. */
    public static boolean exists(String name) {
        return Files.exists(path(name));
    }

    /**
     * Makes a named namespace, as {@code ip netns add} does: bind-mounted under {@code /run/netns}, its loopback device
     * down.
     *
     * @throws NativeException if there is one of that name, or CAP_SYS_ADMIN is missing
     */
    public static void create(String name) throws IOException {
        Path path = path(name);
        Files.createDirectories(DIRECTORY);
        shareDirectory();
        int fd = Syscalls.open(
                path.toString(), Syscalls.O_RDONLY | Syscalls.O_CREAT | Syscalls.O_EXCL | Syscalls.O_CLOEXEC);
        if (fd == -Errno.EEXIST) {
            throw new NativeException("open", Errno.EEXIST, "a network namespace \"" + name + "\" exists already");
        }
        NativeException.check(fd, "open", path.toString());
        Syscalls.close(fd);
        try {
            onFreshThread(name, () -> {
                NativeException.check(
                        Syscalls.unshare(Syscalls.CLONE_NEWNET),
                        "unshare(CLONE_NEWNET)",
                        "making network namespace \"" + name + "\" needs CAP_SYS_ADMIN");
                return NativeException.check(
                        Syscalls.mount("/proc/thread-self/ns/net", path.toString(), Syscalls.MS_BIND),
                        "mount",
                        path.toString());
            });
        } catch (IOException e) {
            Files.deleteIfExists(path);
            throw e;
        }
    }

    /**
     * Removes the name of a namespace, as {@code ip netns delete} does. The namespace itself goes with its last process,
     * socket and device descriptor.
     */
    public static void delete(String name) throws IOException {
        Path path = path(name);
        int unmounted = Syscalls.umount2(path.toString(), Syscalls.MNT_DETACH);
        // EINVAL: an entry without a mount, left behind by a crash
        if (unmounted != -Errno.EINVAL) {
            NativeException.check(unmounted, "umount2", "network namespace \"" + name + "\"");
        }
        Files.delete(path);
    }

    /**
     * Runs work inside a namespace and waits for it, also when the calling thread is interrupted meanwhile.
     *
     * @return what the work returned
     * @throws NativeException if the namespace does not exist or may not be entered
     * @throws IOException what the work threw; unchecked exceptions of the work come through unchanged as well
     */
    public static <T> T call(String name, Callable<T> work) throws IOException {
        int fd = open(name);
        try {
            return callInside(name, fd, work);
        } finally {
            Syscalls.close(fd);
        }
    }

    /**
     * Runs work inside a new namespace that has no name, and goes when the work is done and nothing opened in it is left.
     *
     * @return what the work returned
     * @throws NativeException if CAP_SYS_ADMIN is missing
     * @throws IOException what the work threw; unchecked exceptions of the work come through unchanged as well
     */
    public static <T> T callInNew(Callable<T> work) throws IOException {
        return onFreshThread("new", () -> {
            NativeException.check(
                    Syscalls.unshare(Syscalls.CLONE_NEWNET),
                    "unshare(CLONE_NEWNET)",
                    "making a network namespace needs CAP_SYS_ADMIN");
            return work.call();
        });
    }

    /**
     * Opens a namespace, for setns(2) or to move a device there.
     *
     * @return a descriptor that the caller closes
     */
    public static int open(String name) throws NativeException {
        Path path = path(name);
        int fd = Syscalls.open(path.toString(), Syscalls.O_RDONLY | Syscalls.O_CLOEXEC);
        if (fd == -Errno.ENOENT) {
            throw new NativeException(
                    "open", Errno.ENOENT, "no network namespace \"" + name + "\" (" + path + " does not exist)");
        }
        return NativeException.check(fd, "open", path.toString());
    }

    /** A mount that is not shared would live on, unmounted here, in the mount namespaces of other processes. */
    private static void shareDirectory() throws NativeException {
        String directory = DIRECTORY.toString();
        int shared = Syscalls.mount("none", directory, Syscalls.MS_SHARED | Syscalls.MS_REC);
        if (shared == -Errno.EINVAL) {
            NativeException.check(
                    Syscalls.mount(directory, directory, Syscalls.MS_BIND | Syscalls.MS_REC), "mount", directory);
            shared = Syscalls.mount("none", directory, Syscalls.MS_SHARED | Syscalls.MS_REC);
        }
        NativeException.check(shared, "mount", directory + ": making network namespaces needs CAP_SYS_ADMIN");
    }

    private static <T> T callInside(String name, int fd, Callable<T> work) throws IOException {
        return onFreshThread(name, () -> {
            int entered = Syscalls.setns(fd, Syscalls.CLONE_NEWNET);
            if (entered == -Errno.EPERM) {
                throw new NativeException(
                        "setns", Errno.EPERM, "entering network namespace \"" + name + "\" needs CAP_SYS_ADMIN");
            }
            NativeException.check(entered, "setns", "network namespace \"" + name + "\"");
            return work.call();
        });
    }

    private static <T> T onFreshThread(String name, Callable<T> work) throws IOException {
        FutureTask<T> task = new FutureTask<>(work);
        Thread thread = new Thread(task, "netns-" + name);
        thread.setDaemon(true);
        thread.start();
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    throw rethrown(name, e);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static IOException rethrown(String name, ExecutionException failure) {
        Throwable cause = failure.getCause();
        if (cause instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        if (cause instanceof Error error) {
            throw error;
        }
        return cause instanceof IOException io
                ? io
                : new IOException("in network namespace \"" + name + "\": " + cause, failure);
    }

    private static Path path(String name) {
        return name.indexOf('/') >= 0 ? Path.of(name) : DIRECTORY.resolve(name);
    }
}
