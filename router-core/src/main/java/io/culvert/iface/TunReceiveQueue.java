// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.Errno;
import io.culvert.ffi.NativeException;
import io.culvert.ffi.Syscalls;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.ReceiveQueue;
import java.io.IOException;

/**
 * Reads one queue of a tun or tap device. A read gives one packet, so a vector is as many reads as find something.
 *
 * <p>The headers that the device puts in front land in the packet's headroom, the packet itself where it stays. One of which
 * there is no more than these goes on empty, so that it is counted and dropped by name.
 */
final class TunReceiveQueue implements ReceiveQueue {
    /** Bytes after which a vector is closed, so that superpackets are forwarded while they are in the cache. */
    private static final int VECTOR_BYTES = 256 * 1024;

    private final int interfaceId;
    private final String device;
    private final int queue;
    private final int fd;
    private final EventLoop.Watch watch;
    private final boolean ethernet;
    private final int packetInformationBytes;
    private final int vnetHeaderBytes;

    /** How many packets to read, so that a lone one is forwarded before the read that finds no more. */
    private int offer = 1;

    TunReceiveQueue(
            int interfaceId,
            String device,
            int queue,
            int fd,
            EventLoop.Watch watch,
            boolean ethernet,
            int packetInformationBytes,
            int vnetHeaderBytes) {
        this.interfaceId = interfaceId;
        this.device = device;
        this.queue = queue;
        this.fd = fd;
        this.watch = watch;
        this.ethernet = ethernet;
        this.packetInformationBytes = packetInformationBytes;
        this.vnetHeaderBytes = vnetHeaderBytes;
    }

    @Override
    public int interfaceId() {
        return interfaceId;
    }

    @Override
    public int receive(PacketVector into, BufferPool pool) throws IOException {
        int headerBytes = packetInformationBytes + vnetHeaderBytes;
        int received = 0;
        int bytes = 0;
        int room = Math.min(offer, into.capacity() - into.size());
        for (int reads = 0; reads < room && bytes < VECTOR_BYTES; reads++) {
            PacketBuffer packet = pool.take();
            if (packet == null) {
                return received;
            }
            int from = PacketBuffer.HEADROOM - headerBytes;
            int read = Syscalls.read(fd, packet.address() + from, packet.capacity() - from);
            if (read < 0) {
                pool.release(packet);
                if (read == -Errno.EAGAIN) {
                    offer = Math.max(1, received);
                    return received;
                }
                if (received != 0) {
                    return received; // the next read tells again
                }
                throw new NativeException("read", -read, device);
            }
            packet.setWindow(PacketBuffer.HEADROOM, Math.max(0, read - headerBytes));
            packet.setReceiveInterface(interfaceId);
            packet.setReceiveQueue(queue);
            if (ethernet) {
                packet.setL2Offset(packet.start());
            } else {
                packet.setL3Offset(packet.start());
            }
            if (vnetHeaderBytes != 0 && read > headerBytes) {
                VirtioOffload.read(packet, PacketBuffer.HEADROOM - vnetHeaderBytes);
            }
            into.add(packet);
            received++;
            bytes += read;
        }
        offer = Math.min(2 * offer, PacketVector.MAX_CAPACITY);
        return received;
    }

    @Override
    public void arm(Runnable wake) {
        watch.arm(wake);
    }
}
