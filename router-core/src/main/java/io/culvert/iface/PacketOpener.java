// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.config.InterfaceConfig;
import io.culvert.ffi.Errno;
import io.culvert.ffi.KernelAddress;
import io.culvert.ffi.KernelLink;
import io.culvert.ffi.NativeException;
import io.culvert.ffi.PacketSocket;
import io.culvert.ffi.Rtnetlink;
import io.culvert.net.MacAddress;
import io.culvert.spi.Device;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.TransmitQueue;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens packet sockets on a network device of the router's own namespace. Blocks, so it runs where that is allowed. */
final class PacketOpener {
    private static final Logger LOG = LoggerFactory.getLogger(PacketOpener.class);
    private static final int SOCKET_BUFFER_BYTES = 16 << 20;

    /** The first kernel whose virtio headers can ask for UDP superpackets to be cut. */
    private static final int USO_MAJOR = 6;

    private static final int USO_MINOR = 2;

    private final int interfaceId;
    private final InterfaceConfig.Packet config;
    private final List<EventLoop> loops;
    private final KernelOffloads kernelOffloads;
    private final LinkNotifications notifications;
    private boolean warned;

    PacketOpener(KernelSetup setup, InterfaceConfig.Packet config) {
        this.interfaceId = setup.interfaceId();
        this.config = config;
        this.loops = setup.loops();
        this.kernelOffloads = setup.kernelOffloads();
        this.notifications = setup.notifications();
        if (offloading()) {
            kernelOffloads.start(OffloadKind.PACKET);
        }
    }

    /**
     * Opens the sockets; the device is brought up if it is down.
     *
     * @throws IOException with words on what is missing; nothing is left behind
     */
    Device open() throws IOException {
        try (Rtnetlink netlink = Rtnetlink.open()) {
            KernelLink link = netlink.link(config.device())
                    .orElseThrow(
                            () -> new NativeException("open", Errno.ENODEV, "no network device " + config.device()));
            if (!link.isUp()) {
                netlink.setUp(link.index(), true);
            }
            if (config.mtu().isPresent() && config.mtu().getAsInt() > link.mtu()) {
                netlink.setMtu(link.index(), config.mtu().getAsInt());
            }
            warnOfKernelAddresses(link, netlink);
            PacketSocket socket = PacketSocket.builder(link.index())
                    .queues(config.queues().orElse(loops.size()))
                    // Always: senders on this host leave checksums and segmentation to the device, whatever is wanted
                    // here, and only this header tells where and how.
                    .vnetHeader(true)
                    .promiscuous(config.promiscuous())
                    .allMulticast(true)
                    // Past the qdisc the kernel drops a superpacket that the device can't cut by itself.
                    .bypassQdisc(!offloading())
                    .receiveBuffer(SOCKET_BUFFER_BYTES)
                    .sendBuffer(SOCKET_BUFFER_BYTES)
                    .open();
            List<EventLoop.Watch> watches = new ArrayList<>();
            try {
                return describe(socket, link, watches);
            } catch (IOException | RuntimeException failed) {
                watches.forEach(EventLoop.Watch::close);
                socket.close();
                throw failed;
            }
        }
    }

    /** With a MAC address of its own the router gets nothing of what is for the kernel. */
    private void warnOfKernelAddresses(KernelLink link, Rtnetlink netlink) throws NativeException {
        if (warned || config.mac() != null) {
            return;
        }
        List<String> shared = netlink.addresses(link.index()).stream()
                .map(KernelAddress::address)
                .filter(address -> !address.isLinkLocalAddress())
                .map(InetAddress::getHostAddress)
                .toList();
        if (!shared.isEmpty()) {
            warned = true;
            LOG.warn(
                    "{}: the kernel has {} on {}: whoever speaks to it gets ICMP errors from the router as well; give the"
                            + " interface a mac of its own, or use another device",
                    config.name(),
                    String.join(", ", shared),
                    link.name());
        }
    }

    private Device describe(PacketSocket socket, KernelLink link, List<EventLoop.Watch> watches) throws IOException {
        long mac = link.mac();
        MacAddress configured = config.mac();
        if (configured != null) {
            mac = configured.value();
            socket.acceptUnicast(mac);
        }
        List<ReceiveQueue> receive = new ArrayList<>();
        List<TransmitQueue> transmit = new ArrayList<>();
        for (int queue = 0; queue < socket.queues(); queue++) {
            EventLoop.Watch watch = loops.get(queue % loops.size()).watch(socket.fd(queue));
            watches.add(watch);
            receive.add(new PacketReceiveQueue(interfaceId, link.name(), socket, queue, watch));
        }
        for (int lane = 0; lane < loops.size(); lane++) {
            transmit.add(new PacketTransmitQueue(interfaceId, socket, lane % socket.queues()));
        }
        DeviceProbe probe = DeviceProbe.ofPacket(notifications, link, socket);
        return new Device(
                link.name(),
                RouterInterface.Link.ETHERNET,
                config.mtu().orElse(link.mtu()),
                mac,
                0,
                offloads(),
                receive,
                transmit,
                probe,
                () -> {
                    probe.close();
                    watches.forEach(EventLoop.Watch::close);
                    socket.close();
                });
    }

    private boolean offloading() {
        return config.vnetHeader() != InterfaceConfig.VnetHeader.OFF;
    }

    /** What the kernel finishes of what is sent. Superpackets may be received even where none are sent. */
    private RouterInterface.Offloads offloads() {
        if (!offloading()) {
            return RouterInterface.Offloads.NONE;
        }
        boolean gso = config.gso();
        return kernelOffloads.trusted(
                OffloadKind.PACKET, new RouterInterface.Offloads(true, gso, gso, gso && kernelCutsUdp()));
    }

    private static boolean kernelCutsUdp() {
        String[] version = System.getProperty("os.version", "0.0").split("[.-]", -1);
        int major = Integer.parseInt(version[0]);
        int minor = Integer.parseInt(version[1]);
        return major > USO_MAJOR || (major == USO_MAJOR && minor >= USO_MINOR);
    }
}
