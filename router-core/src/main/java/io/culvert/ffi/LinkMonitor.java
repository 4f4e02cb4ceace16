// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static io.culvert.ffi.NetlinkMessage.NLMSGHDR_BYTES;
import static io.culvert.ffi.NetlinkMessage.NLMSG_TYPE;
import static io.culvert.ffi.NetlinkMessage.NLM_F_DUMP;

import java.io.Closeable;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Tells which network devices come, change and go in the namespace of the thread that opened it.
 *
 * <p>Devices that are there at the start are known and not reported until they change. Should the kernel lose
 * notifications because nobody read them, the difference to what was known is reported instead, so that no appearance or
 * disappearance is missed, and every other device as one that may have changed. A device that moves to another namespace
 * vanishes here.
 *
 * <p>One thread calls {@link #next}; any thread may {@link #close}, which ends a wait. Source: rtnetlink(7), group
 * RTMGRP_LINK.
 */
public final class LinkMonitor implements Closeable {
    static final int RTMGRP_LINK = 1;
    static final int AF_UNSPEC = 0;

    private static final int RECEIVE_BUFFER_BYTES = 1 << 20;
    private static final int POLLFD_BYTES = 8;
    private static final int POLLFD_EVENTS = 4;
    private static final int POLLFD_REVENTS = 6;
    private static final String WATCH = "watch devices";

    /** What happened to a device. */
    public enum Change {
        APPEARED,
        CHANGED,
        /** Notifications were lost: it is as it was known, but may have been otherwise meanwhile. */
        PERHAPS_CHANGED,
        VANISHED
    }

    /**
     * One notification.
     *
     * @param change what happened
     * @param link the device as it is now, or as it was last if it vanished
     */
    public record Event(Change change, KernelLink link) {}

    /** For looking at everything; on the other socket the answer would mix with notifications. */
    private final NetlinkSocket requests;

    private final NetlinkSocket notifications;
    private final EventFd wakeUp;
    private final Map<Integer, KernelLink> known = new HashMap<>();
    private final Queue<Event> pending = new ArrayDeque<>();
    private final ByteBuffer pollfds = Syscalls.nativeStruct(2 * POLLFD_BYTES);
    private final long pollfdsAddress = NativeMemory.address(pollfds);
    private final AtomicBoolean closed = new AtomicBoolean();

    private LinkMonitor(NetlinkSocket requests, NetlinkSocket notifications, EventFd wakeUp) {
        this.requests = requests;
        this.notifications = notifications;
        this.wakeUp = wakeUp;
        pollfds.putInt(0, notifications.fd()).putShort(POLLFD_EVENTS, (short) Syscalls.POLLIN);
        pollfds.putInt(POLLFD_BYTES, wakeUp.fd()).putShort(POLLFD_BYTES + POLLFD_EVENTS, (short) Syscalls.POLLIN);
    }

    /** Starts to watch the network namespace of the calling thread. */
    public static LinkMonitor open() throws NativeException {
        List<Closeable> opened = new ArrayList<>();
        try {
            NetlinkSocket notifications = NetlinkSocket.open(RTMGRP_LINK);
            opened.add(notifications);
            // best effort: what a larger buffer does not hold either is made up for by looking again
            Syscalls.setsockopt(notifications.fd(), Syscalls.SOL_SOCKET, Syscalls.SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES);
            NetlinkSocket requests = NetlinkSocket.open(0);
            opened.add(requests);
            EventFd wakeUp = EventFd.create();
            opened.add(wakeUp);
            LinkMonitor monitor = new LinkMonitor(requests, notifications, wakeUp);
            monitor.lookAtAll(false);
            monitor.pending.clear();
            return monitor;
        } catch (NativeException e) {
            for (Closeable closeable : opened) {
                try {
                    closeable.close();
                } catch (IOException suppressed) {
                    e.addSuppressed(suppressed);
                }
            }
            throw e;
        }
    }

    /** Is readable when there are notifications: to wait for them together with others. {@link #next} reads them. */
    public int fd() {
        return notifications.fd();
    }

    /**
     * The next event, in the order in which things happened.
     *
     * @param timeoutMs milliseconds to wait for one; negative waits for ever
     * @return null if none came in time, or the monitor was closed
     */
    public synchronized @Nullable Event next(int timeoutMs) throws NativeException {
        long deadline = System.nanoTime() + timeoutMs * 1_000_000L;
        while (!closed.get()) {
            Event event = pending.poll();
            if (event != null) {
                return event;
            }
            int remainingMs = timeoutMs < 0 ? -1 : (int) Math.max(0, (deadline - System.nanoTime()) / 1_000_000);
            int ready = NativeException.check(poll(remainingMs), "poll", WATCH);
            if (ready == 0) {
                return null;
            }
            if (pollfds.getShort(POLLFD_REVENTS) != 0) {
                receive();
            }
        }
        return null;
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            wakeUp.signal();
            synchronized (this) {
                requests.close();
                notifications.close();
                wakeUp.close();
            }
        }
    }

    private int poll(int timeoutMs) {
        try {
            return Syscalls.poll(pollfdsAddress, 2, timeoutMs);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    private void receive() throws NativeException {
        List<ByteBuffer> messages;
        try {
            messages = notifications.receive(Syscalls.MSG_DONTWAIT, "recvfrom(AF_NETLINK)", WATCH);
        } catch (NativeException e) {
            if (e.errno() != Errno.ENOBUFS) {
                throw e;
            }
            forgetNotifications();
            lookAtAll(true);
            return;
        }
        for (ByteBuffer message : messages) {
            int type = message.getShort(NLMSG_TYPE) & 0xffff;
            // a bridge tells of its ports, in its own family, by messages that look like those of devices
            boolean device = (message.get(NLMSGHDR_BYTES + Rtnetlink.IFI_FAMILY) & 0xff) == AF_UNSPEC;
            if (device && type == Rtnetlink.RTM_NEWLINK) {
                present(Rtnetlink.linkFrom(message), false);
            } else if (device && type == Rtnetlink.RTM_DELLINK) {
                KernelLink link = Rtnetlink.linkFrom(message);
                known.remove(link.index());
                pending.add(new Event(Change.VANISHED, link));
            }
        }
    }

    /** What is queued is from before the loss, and would tell of devices that are long gone. */
    private void forgetNotifications() throws NativeException {
        while (true) {
            try {
                notifications.receive(Syscalls.MSG_DONTWAIT, "recvfrom(AF_NETLINK)", WATCH);
            } catch (NativeException e) {
                if (e.errno() == Errno.EAGAIN) {
                    return;
                }
                if (e.errno() != Errno.ENOBUFS) {
                    throw e;
                }
            }
        }
    }

    /** Looks at all devices and reports how they differ from what is known. */
    private void lookAtAll(boolean lost) throws NativeException {
        List<KernelLink> links = Rtnetlink.linksFrom(
                requests.dump(() -> Rtnetlink.link(Rtnetlink.RTM_GETLINK, NLM_F_DUMP, 0), "RTM_GETLINK", WATCH));
        Map<Integer, KernelLink> gone = new HashMap<>(known);
        for (KernelLink link : links) {
            gone.remove(link.index());
            present(link, lost);
        }
        for (KernelLink link : gone.values()) {
            known.remove(link.index());
            pending.add(new Event(Change.VANISHED, link));
        }
    }

    /** The kernel also notifies of what is not in a {@link KernelLink}: that is no change here. */
    private void present(KernelLink link, boolean lost) {
        KernelLink before = known.put(link.index(), link);
        if (before == null) {
            pending.add(new Event(Change.APPEARED, link));
        } else if (!before.sameSettings(link)) {
            pending.add(new Event(Change.CHANGED, link));
        } else if (lost) {
            pending.add(new Event(Change.PERHAPS_CHANGED, link));
        }
    }
}
