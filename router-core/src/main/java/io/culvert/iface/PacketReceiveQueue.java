// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.Errno;
import io.culvert.ffi.MessageVector;
import io.culvert.ffi.NativeException;
import io.culvert.ffi.PacketSocket;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.ReceiveQueue;
import java.io.IOException;

/**
 * Reads one packet socket by recvmmsg. How many buffers it offers follows what it found last time, so that neither a lone
 * packet pays for a full vector nor a burst for many calls.
 *
 * <p>What is shorter than a link header is handed on all the same, so that it is counted and dropped by name. A VLAN tag that
 * the kernel took out of a frame is put back. Superpackets and unfilled checksums of senders on this host
 * are known as such by the virtio header.
 */
final class PacketReceiveQueue implements ReceiveQueue {
    private static final int FEWEST = 4;
    private static final int VECTOR_BYTES = 256 * 1024;
    private static final int TAG_BYTES = 4;
    private static final int MAC_ADDRESSES_BYTES = 12;

    private final int interfaceId;
    private final String device;
    private final PacketSocket socket;
    private final int queue;
    private final EventLoop.Watch watch;
    private final MessageVector messages = new MessageVector(PacketVector.MAX_CAPACITY, 1, true);
    private final PacketBuffer[] offered = new PacketBuffer[PacketVector.MAX_CAPACITY];
    private int offer = FEWEST;

    PacketReceiveQueue(int interfaceId, String device, PacketSocket socket, int queue, EventLoop.Watch watch) {
        this.interfaceId = interfaceId;
        this.device = device;
        this.socket = socket;
        this.queue = queue;
        this.watch = watch;
    }

    @Override
    public int interfaceId() {
        return interfaceId;
    }

    @Override
    public int receive(PacketVector into, BufferPool pool) throws IOException {
        int headerBytes = socket.vnetHeaderBytes();
        int from = PacketBuffer.HEADROOM - headerBytes;
        int room = Math.min(offer, into.capacity() - into.size());
        int buffers = 0;
        while (buffers < room) {
            PacketBuffer packet = pool.take();
            if (packet == null) {
                break;
            }
            messages.set(buffers, packet.address() + from, packet.capacity() - from);
            offered[buffers++] = packet;
        }
        int received = buffers == 0 ? 0 : messages.receive(socket.fd(queue), buffers);
        for (int i = Math.max(received, 0); i < buffers; i++) {
            pool.release(offered[i]);
        }
        if (received < 0) {
            if (received == -Errno.EAGAIN) {
                return 0;
            }
            throw new NativeException("recvmmsg", -received, device);
        }
        long bytes = 0;
        for (int i = 0; i < received; i++) {
            PacketBuffer packet = offered[i];
            int length = Math.max(0, messages.length(i) - headerBytes);
            packet.setWindow(PacketBuffer.HEADROOM, length);
            packet.setReceiveInterface(interfaceId);
            packet.setReceiveQueue(queue);
            VirtioOffload.read(packet, from);
            int tag = messages.vlanTag(i);
            if (tag != MessageVector.NO_VLAN_TAG && length >= MAC_ADDRESSES_BYTES) {
                putBack(packet, tag);
            }
            packet.setL2Offset(packet.start());
            into.add(packet);
            bytes += length;
        }
        adapt(received, bytes);
        return received;
    }

    /** Offers twice as many when all were used, fewer when most were not, and never more bytes than the cache holds. */
    private void adapt(int received, long bytes) {
        if (received == offer) {
            int affordable = (int) Math.max(FEWEST, VECTOR_BYTES / Math.max(1, bytes / received));
            offer = Math.min(Math.min(2 * offer, PacketVector.MAX_CAPACITY), affordable);
        } else if (received < offer / 4) {
            offer = Math.max(FEWEST, offer / 2);
        }
    }

    /** Moves the two MAC addresses forward and sets the tag behind them (IEEE 802.1Q section 9). */
    private static void putBack(PacketBuffer packet, int tag) {
        packet.prepend(TAG_BYTES);
        int start = packet.start();
        packet.bytes().putLong(start, packet.bytes().getLong(start + TAG_BYTES));
        packet.bytes().putInt(start + 8, packet.bytes().getInt(start + TAG_BYTES + 8));
        packet.bytes().putInt(start + MAC_ADDRESSES_BYTES, tag);
    }

    @Override
    public void arm(Runnable wake) {
        watch.arm(wake);
    }
}
