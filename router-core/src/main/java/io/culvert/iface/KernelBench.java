// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.Errno;
import io.culvert.ffi.KernelLink;
import io.culvert.ffi.KernelRoute;
import io.culvert.ffi.NativeException;
import io.culvert.ffi.NativeMemory;
import io.culvert.ffi.PacketSocket;
import io.culvert.ffi.Rtnetlink;
import io.culvert.ffi.Syscalls;
import io.culvert.ffi.Sysctl;
import io.culvert.ffi.TunDevice;
import io.culvert.ffi.VirtioNetHeader;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.TransmitQueue;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A way through this kernel: from a device of one kind, with a virtio header, to one that has no offloads, so that the
 * kernel must finish in software what it was given. To be opened inside a network namespace that is nobody else's.
 *
 * <p>What is written to a tun or tap the kernel forwards to a plain tun; what a packet socket sends goes out of a plain tap.
 */
final class KernelBench implements OffloadTest.Bench, Closeable {
    private static final String ENTRY = "entry";
    private static final String EXIT = "exit";
    private static final int ETHERNET_BYTES = 14;
    private static final int LARGEST_FRAME = 4096;

    /** struct pollfd: descriptor, events asked for, events seen. */
    private static final int POLLFD_BYTES = 8;

    private static final int POLLFD_EVENTS = 4;

    private final OffloadKind kind;
    private final TunDevice exit;
    private final TransmitQueue queue;
    private final Closeable entry;
    private final long destinationMac;
    private final PacketVector one = new PacketVector(1);
    private final ByteBuffer memory = NativeMemory.allocate(LARGEST_FRAME);
    private final long memoryAddress = NativeMemory.address(memory);
    private final ByteBuffer pollfd = NativeMemory.allocate(POLLFD_BYTES);

    private KernelBench(OffloadKind kind, TunDevice exit, TransmitQueue queue, Closeable entry, long destinationMac) {
        this.kind = kind;
        this.exit = exit;
        this.queue = queue;
        this.entry = entry;
        this.destinationMac = destinationMac;
        pollfd.putInt(0, exit.fd(0)).putShort(POLLFD_EVENTS, (short) Syscalls.POLLIN);
    }

    /** @throws IOException with words on what is missing; nothing is left behind */
    static KernelBench open(OffloadKind kind) throws IOException {
        TunDevice.Kind exitKind = kind == OffloadKind.PACKET ? TunDevice.Kind.TAP : TunDevice.Kind.TUN;
        TunDevice exit = TunDevice.builder(exitKind, EXIT).open();
        try (Rtnetlink netlink = Rtnetlink.open()) {
            int exitIndex = setUp(netlink, EXIT).index();
            return kind == OffloadKind.PACKET ? ofPacket(exit, exitIndex) : ofTun(kind, exit, exitIndex, netlink);
        } catch (IOException | RuntimeException failed) {
            exit.close();
            throw failed;
        }
    }

    private static KernelBench ofPacket(TunDevice exit, int exitIndex) throws IOException {
        PacketSocket socket = PacketSocket.builder(exitIndex).vnetHeader(true).open();
        return new KernelBench(OffloadKind.PACKET, exit, new PacketTransmitQueue(0, socket, 0), socket, -1L);
    }

    private static KernelBench ofTun(OffloadKind kind, TunDevice exit, int exitIndex, Rtnetlink netlink)
            throws IOException {
        boolean ethernet = kind == OffloadKind.TAP;
        TunDevice entry = TunDevice.builder(ethernet ? TunDevice.Kind.TAP : TunDevice.Kind.TUN, ENTRY)
                .vnetHeader(VirtioNetHeader.BYTES)
                .open();
        try {
            KernelLink link = setUp(netlink, ENTRY);
            Sysctl.write("net/ipv4/ip_forward", "1");
            route(netlink, "198.19.0.0", 16, exitIndex);
            route(netlink, "198.18.0.0", 16, link.index()); // for a filter of reverse paths, should there be one
            if (Sysctl.exists("net/ipv6/conf/all/forwarding")) {
                Sysctl.write("net/ipv6/conf/all/forwarding", "1");
                route(netlink, "2001:db8:13::", 48, exitIndex);
            }
            TransmitQueue queue =
                    new TunTransmitQueue(0, new int[] {entry.fd(0)}, 1, ethernet, 0, entry.vnetHeaderBytes());
            return new KernelBench(kind, exit, queue, entry, link.mac());
        } catch (IOException | RuntimeException failed) {
            entry.close();
            throw failed;
        }
    }

    private static KernelLink setUp(Rtnetlink netlink, String device) throws IOException {
        KernelLink link = netlink.link(device).orElseThrow(() -> new NativeException("open", Errno.ENODEV, device));
        netlink.setUp(link.index(), true);
        return link;
    }

    private static void route(Rtnetlink netlink, String prefix, int length, int index) throws IOException {
        netlink.replaceRoute(
                KernelRoute.to(InetAddress.getByName(prefix), length).out(index));
    }

    @Override
    public boolean ethernet() {
        return kind != OffloadKind.TUN;
    }

    @Override
    public long destinationMac() {
        return destinationMac;
    }

    @Override
    public boolean send(PacketBuffer packet) {
        one.add(packet);
        boolean taken = queue.transmit(one, 0) == 1;
        one.clear();
        return taken;
    }

    @Override
    public byte @Nullable [] receive(int timeoutMs) throws IOException {
        int read = Syscalls.read(exit.fd(0), memoryAddress, LARGEST_FRAME);
        if (read == -Errno.EAGAIN) {
            Syscalls.poll(NativeMemory.address(pollfd), 1, timeoutMs);
            read = Syscalls.read(exit.fd(0), memoryAddress, LARGEST_FRAME);
        }
        if (read == -Errno.EAGAIN) {
            return null;
        }
        if (read < 0) {
            throw new NativeException("read", -read, EXIT);
        }
        int skip = exit.kind() == TunDevice.Kind.TAP ? Math.min(ETHERNET_BYTES, read) : 0;
        byte[] packet = new byte[read - skip];
        memory.get(skip, packet);
        return packet;
    }

    @Override
    public void close() {
        try {
            entry.close();
        } catch (IOException none) {
            throw new AssertionError(none); // neither a device nor a socket throws it
        } finally {
            exit.close();
        }
    }
}
