// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.config.InterfaceConfig;
import io.culvert.ffi.Errno;
import io.culvert.ffi.KernelLink;
import io.culvert.ffi.KernelRoute;
import io.culvert.ffi.NativeException;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.ffi.Rtnetlink;
import io.culvert.ffi.TunDevice;
import io.culvert.ffi.VirtioNetHeader;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.Device;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.TransmitQueue;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens tun and tap devices: makes the device or attaches to it, sets up the kernel's end, and makes its queues. Blocks, so
 * it runs where that is allowed.
 */
final class TunOpener {
    private static final Logger LOG = LoggerFactory.getLogger(TunOpener.class);

    /** Offload bits that tell a kernel which cuts UDP superpackets (Linux 6.2). */
    private static final int USO = TunDevice.TUN_F_USO4 | TunDevice.TUN_F_USO6;

    private final int interfaceId;
    private final InterfaceConfig config;
    private final InterfaceConfig.VirtualDevice virtual;
    private final boolean ethernet;
    private final long mac;
    private final List<EventLoop> loops;
    private final KernelOffloads kernelOffloads;
    private final LinkNotifications notifications;

    /** @param mac the router's own MAC address, or 0 for a tun */
    TunOpener(KernelSetup setup, InterfaceConfig config, InterfaceConfig.VirtualDevice virtual, long mac) {
        this.interfaceId = setup.interfaceId();
        this.config = config;
        this.virtual = virtual;
        this.ethernet = config.link() == RouterInterface.Link.ETHERNET;
        this.mac = mac;
        this.loops = setup.loops();
        this.kernelOffloads = setup.kernelOffloads();
        this.notifications = setup.notifications();
        if (virtual.vnetHeader() != InterfaceConfig.VnetHeader.OFF) {
            kernelOffloads.start(kind());
        }
    }

    private OffloadKind kind() {
        return ethernet ? OffloadKind.TAP : OffloadKind.TUN;
    }

    /**
     * Opens the device in the network namespace that its configuration names.
     *
     * @throws IOException with words on what is missing; nothing is left behind
     */
    Device open() throws IOException {
        String netns = virtual.netns();
        return netns == null ? openHere() : NetworkNamespace.call(netns, this::openHere);
    }

    private Device openHere() throws IOException {
        TunDevice.Builder builder = TunDevice.builder(
                        ethernet ? TunDevice.Kind.TAP : TunDevice.Kind.TUN, virtual.device())
                .packetInformation(virtual.packetInfo())
                .vnetHeader(vnetHeaderBytes())
                .offloads(wantedOffloads())
                .queues(virtual.queues().orElse(loops.size()));
        try (Rtnetlink netlink = Rtnetlink.open()) {
            if (virtual.attach() && netlink.link(virtual.device()).isEmpty()) {
                throw new NativeException("attach", Errno.ENODEV, "no device " + virtual.device() + " exists");
            }
            if (virtual.persistent()) {
                builder.persistent();
            }
            String owner = virtual.owner();
            if (owner != null) {
                builder.owner(Accounts.userId(owner));
            }
            String group = virtual.group();
            if (group != null) {
                builder.group(Accounts.groupId(group));
            }
            TunDevice device = builder.open();
            List<EventLoop.Watch> watches = new ArrayList<>();
            try {
                return describe(device, netlink, watches);
            } catch (IOException | RuntimeException failed) {
                watches.forEach(EventLoop.Watch::close);
                device.close();
                throw failed;
            }
        }
    }

    /** The device as the kernel has it; somebody may have deleted it since it was opened. */
    private KernelLink present(Optional<KernelLink> link) throws NativeException {
        return link.orElseThrow(
                () -> new NativeException("open", Errno.ENODEV, virtual.device() + " was deleted while it was set up"));
    }

    private int vnetHeaderBytes() {
        return switch (virtual.vnetHeader()) {
            case OFF -> 0;
            case AUTO, BYTES_10 -> VirtioNetHeader.BYTES;
            case BYTES_12 -> VirtioNetHeader.BYTES_WITH_NUM_BUFFERS;
        };
    }

    /** What may come out of the device, and so what is asked of it in return. */
    private int wantedOffloads() {
        return config.gso() ? TunDevice.ALL_OFFLOADS : TunDevice.TUN_F_CSUM;
    }

    /** What the device finishes by itself: what the kernel has granted, as far as it does it right. */
    private RouterInterface.Offloads offloads(TunDevice device) {
        if (device.vnetHeaderBytes() == 0) {
            return RouterInterface.Offloads.NONE;
        }
        int granted = device.offloads();
        if (granted != wantedOffloads()) {
            LOG.info(
                    "{}: the kernel does not know offloads 0x{} (TUNSETOFFLOAD): they are off",
                    device.name(),
                    Integer.toHexString(wantedOffloads() & ~granted));
        }
        boolean gso = config.gso();
        return kernelOffloads.trusted(
                kind(), new RouterInterface.Offloads(true, gso, gso, gso && (granted & USO) == USO));
    }

    private Device describe(TunDevice device, Rtnetlink netlink, List<EventLoop.Watch> watches) throws IOException {
        int index = present(netlink.link(device.name())).index();
        if (config.mtu().isPresent()) {
            netlink.setMtu(index, config.mtu().getAsInt());
        }
        if (virtual.txQueueLength().isPresent()) {
            netlink.setTransmitQueueLength(index, virtual.txQueueLength().getAsInt());
        }
        if (virtual.kernel().mac() != null) {
            netlink.setMac(index, virtual.kernel().mac().value());
        }
        netlink.setUp(index, true);
        setUpKernelEnd(netlink, index);

        KernelLink link = present(netlink.link(index));
        List<ReceiveQueue> receive = new ArrayList<>();
        List<TransmitQueue> transmit = new ArrayList<>();
        for (int queue = 0; queue < device.queues(); queue++) {
            EventLoop.Watch watch = loops.get(queue % loops.size()).watch(device.fd(queue));
            watches.add(watch);
            receive.add(new TunReceiveQueue(
                    interfaceId,
                    device.name(),
                    queue,
                    device.fd(queue),
                    watch,
                    ethernet,
                    device.packetInformationBytes(),
                    device.vnetHeaderBytes()));
        }
        for (int lane = 0; lane < loops.size(); lane++) {
            transmit.add(new TunTransmitQueue(
                    interfaceId,
                    queuesOf(lane, device),
                    loops.size(),
                    ethernet,
                    device.packetInformationBytes(),
                    device.vnetHeaderBytes()));
        }
        DeviceProbe probe = DeviceProbe.ofTun(notifications, link, this::setUpKernelEnd);
        return new Device(
                device.name(),
                ethernet ? RouterInterface.Link.ETHERNET : RouterInterface.Link.POINT_TO_POINT,
                config.mtu().orElse(link.mtu()),
                mac,
                ethernet ? link.mac() : 0,
                offloads(device),
                receive,
                transmit,
                probe,
                () -> {
                    probe.close();
                    watches.forEach(EventLoop.Watch::close);
                    device.close();
                });
    }

    /** Descriptors of the queues that a lane reads; one of another lane's when there are too few. */
    private int[] queuesOf(int lane, TunDevice device) {
        if (lane >= device.queues()) {
            return new int[] {device.fd(lane % device.queues())};
        }
        return IntStream.iterate(lane, queue -> queue < device.queues(), queue -> queue + loops.size())
                .map(device::fd)
                .toArray();
    }

    private void setUpKernelEnd(Rtnetlink netlink, int index) throws IOException {
        addKernelAddresses(netlink, index);
        addKernelRoutes(netlink, index);
    }

    private void addKernelAddresses(Rtnetlink netlink, int index) throws IOException {
        for (InterfaceAddress address : virtual.kernel().addresses()) {
            try {
                netlink.addAddress(index, address.address().toInetAddress(), address.prefixLength(), true);
            } catch (NativeException refused) {
                if (refused.errno() != Errno.EEXIST) { // an attached or persistent device may have it already
                    throw refused;
                }
            }
        }
    }

    private void addKernelRoutes(Rtnetlink netlink, int index) throws IOException {
        for (InterfaceConfig.KernelRoute route : virtual.kernel().routes()) {
            IpPrefix prefix = route.prefix();
            KernelRoute wanted = KernelRoute.to(prefix.first().toInetAddress(), prefix.length())
                    .out(index);
            IpAddress via = route.via();
            if (via == null && ethernet) {
                via = ownAddress(prefix);
            }
            netlink.replaceRoute(via == null ? wanted : wanted.via(via.toInetAddress()));
        }
    }

    /** The router's first address of a prefix's family, which is a tap's natural gateway. */
    private @Nullable IpAddress ownAddress(IpPrefix prefix) {
        for (InterfaceAddress address : config.addresses()) {
            if (address.address().bits() == prefix.first().bits()) {
                return address.address();
            }
        }
        return null;
    }
}
