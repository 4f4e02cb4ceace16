// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.KernelLink;
import io.culvert.ffi.LinkMonitor;
import io.culvert.ffi.NativeException;
import io.culvert.ffi.PacketSocket;
import io.culvert.ffi.Rtnetlink;
import io.culvert.spi.Device;
import java.io.Closeable;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Looks at a device by netlink, in the network namespace of the thread that made the probe, for what reading and writing
 * does not tell: whether an operator set it down, whether the far end is there, and what its full queue lost. When to look
 * is told by notifications of that namespace, where they can be had.
 *
 * <p>A tun or tap that is not there any more may have been moved to another namespace, where it works on: of these, only a
 * failing descriptor tells that they are gone.
 */
final class DeviceProbe implements Device.Probe, LinkNotifications.Listener, Closeable {
    private final Rtnetlink netlink;
    private final int index;

    /** The sockets on the device, which count what they lost; null on a tun or tap, where the kernel's device counts. */
    private final @Nullable PacketSocket socket;

    /** What the device had lost before. */
    private final long lostBefore;

    private final KernelEnd kernelEnd;
    private final LinkNotifications.@Nullable Subscription subscription;
    private final AtomicBoolean wentDown = new AtomicBoolean();
    private final AtomicBoolean told = new AtomicBoolean();
    private volatile Runnable changed = () -> {};
    private long missed;

    /** Puts in place what the kernel forgets of a device that is set down: routes, and addresses of IPv6. */
    @FunctionalInterface
    interface KernelEnd {
        void setUp(Rtnetlink netlink, int index) throws IOException;
    }

    private DeviceProbe(
            Rtnetlink netlink,
            LinkNotifications notifications,
            KernelLink link,
            @Nullable PacketSocket socket,
            KernelEnd kernelEnd) {
        this.netlink = netlink;
        this.index = link.index();
        this.socket = socket;
        this.kernelEnd = kernelEnd;
        this.lostBefore = link.statistics().transmitDropped();
        this.subscription = notifications.subscribe(index, this);
    }

    /** @param kernelEnd is asked when the device is up again */
    static DeviceProbe ofTun(LinkNotifications notifications, KernelLink link, KernelEnd kernelEnd)
            throws NativeException {
        return new DeviceProbe(Rtnetlink.open(), notifications, link, null, kernelEnd);
    }

    /** @param socket stays its owner's */
    static DeviceProbe ofPacket(LinkNotifications notifications, KernelLink link, PacketSocket socket)
            throws NativeException {
        return new DeviceProbe(Rtnetlink.open(), notifications, link, socket, (netlink, index) -> {});
    }

    @Override
    public Device.Status look() throws IOException {
        told.set(false);
        Optional<KernelLink> found = netlink.link(index);
        if (found.isPresent() && !found.get().isUp()) {
            wentDown.set(true);
        } else if (found.isPresent() && wentDown.getAndSet(false)) {
            setUpKernelEnd();
        }
        if (socket != null) {
            for (int queue = 0; queue < socket.queues(); queue++) {
                missed += socket.statistics(queue).dropped();
            }
        } else if (found.isPresent()) {
            missed = found.get().statistics().transmitDropped() - lostBefore;
        }
        return new Device.Status(found.map(DeviceProbe::state).orElse(absent()), missed);
    }

    private void setUpKernelEnd() throws IOException {
        try {
            kernelEnd.setUp(netlink, index);
        } catch (IOException notNow) {
            wentDown.set(true);
            throw notNow;
        }
    }

    @Override
    public boolean onChange(Runnable changed) {
        this.changed = changed;
        told.set(false); // so that an end of the subscription that comes behind the next line is told
        return subscription != null && subscription.lasts();
    }

    @Override
    public void linkChanged(LinkMonitor.Event event) {
        boolean up = event.link().isUp();
        switch (event.change()) {
            case APPEARED, CHANGED -> {
                if (!up) { // even if it is up again when somebody looks
                    wentDown.set(true);
                }
            }
            case PERHAPS_CHANGED -> wentDown.set(true);
            case VANISHED -> {}
        }
        tellOnce();
    }

    @Override
    public void notificationsEnded() {
        tellOnce();
    }

    /** A device that changes often is looked at as often as that can be done, and no backlog builds up. */
    private void tellOnce() {
        if (told.compareAndSet(false, true)) {
            changed.run();
        }
    }

    private Device.State absent() {
        return socket == null ? Device.State.USABLE : Device.State.GONE;
    }

    private static Device.State state(KernelLink link) {
        if (!link.isUp()) {
            return Device.State.SET_DOWN;
        }
        return link.hasCarrier() ? Device.State.USABLE : Device.State.NO_CARRIER;
    }

    @Override
    public void close() {
        if (subscription != null) {
            subscription.close();
        }
        netlink.close();
    }
}
