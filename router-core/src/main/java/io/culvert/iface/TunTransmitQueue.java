// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.Errno;
import io.culvert.ffi.GatherWrite;
import io.culvert.ffi.Syscalls;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.TransmitQueue;

/**
 * Writes those queues of a tun or tap device that its lane reads: one write a packet, its device headers in the headroom in
 * front of it. A chain is one write as well.
 *
 * <p>The kernel sends a flow to the queue that the flow's other direction was written to last. So that it stays in the queue
 * that the kernel chose by hash at first, and is not out of order when it moves, a packet that was read from some queue is
 * written to the same one, where there are as many.
 */
final class TunTransmitQueue implements TransmitQueue {
    /** EtherTypes for the packet information of a tun (linux/if_tun.h, struct tun_pi). */
    private static final int ETH_P_IP = 0x0800;

    private static final int ETH_P_IPV6 = 0x86dd;
    private static final int ETHER_TYPE_OFFSET = 12;

    private final int interfaceId;
    private final int[] fds;
    private final int lanes;
    private final boolean ethernet;
    private final int packetInformationBytes;
    private final int vnetHeaderBytes;
    private final GatherWrite gather = new GatherWrite(PacketBuffer.MAX_CHAIN);
    private Refusal refusal = Refusal.DEVICE_ERROR;

    /**
     * @param fds of the lane's queues: one of every {@code lanes}
     * @param lanes among which the queues are dealt out
     */
    TunTransmitQueue(
            int interfaceId, int[] fds, int lanes, boolean ethernet, int packetInformationBytes, int vnetHeaderBytes) {
        this.interfaceId = interfaceId;
        this.fds = fds;
        this.lanes = lanes;
        this.ethernet = ethernet;
        this.packetInformationBytes = packetInformationBytes;
        this.vnetHeaderBytes = vnetHeaderBytes;
    }

    @Override
    public int interfaceId() {
        return interfaceId;
    }

    @Override
    public int transmit(PacketVector packets, int from) {
        int headerBytes = packetInformationBytes + vnetHeaderBytes;
        int sent = 0;
        while (from + sent < packets.size()) {
            PacketBuffer packet = packets.get(from + sent);
            int start = packet.start();
            if (vnetHeaderBytes != 0) {
                VirtioOffload.write(packet, start - vnetHeaderBytes, vnetHeaderBytes);
            }
            if (packetInformationBytes != 0) {
                packet.bytes().putInt(start - headerBytes, etherType(packet));
            }
            int fd = fds.length == 1 ? fds[0] : fds[packet.receiveQueue() / lanes % fds.length];
            long address = packet.address() + start - headerBytes;
            int length = packet.length() + headerBytes;
            PacketBuffer follower = packet.nextInChain();
            int written = follower == null ? Syscalls.write(fd, address, length) : write(fd, address, length, follower);
            if (written < 0) {
                refusal = refusalOf(-written);
                return sent;
            }
            sent++;
        }
        return sent;
    }

    private int write(int fd, long headAddress, int headLength, PacketBuffer firstFollower) {
        gather.add(headAddress, headLength);
        PacketBuffer follower = firstFollower;
        while (follower != null) {
            gather.add(follower.address() + follower.start(), follower.length());
            follower = follower.nextInChain();
        }
        return gather.write(fd);
    }

    private int etherType(PacketBuffer packet) {
        if (ethernet) {
            return packet.bytes().getShort(packet.start() + ETHER_TYPE_OFFSET) & 0xffff;
        }
        return (packet.bytes().get(packet.start()) & 0xf0) == 0x60 ? ETH_P_IPV6 : ETH_P_IP;
    }

    /** What an error of a write or send to a device means for the packet. */
    static Refusal refusalOf(int errno) {
        return switch (errno) {
            case Errno.EAGAIN, Errno.ENOBUFS, Errno.ENOMEM -> Refusal.QUEUE_FULL;
            case Errno.EIO, Errno.ENETDOWN, Errno.ENXIO, Errno.ENODEV, Errno.EBADFD, Errno.EBADF ->
                Refusal.INTERFACE_DOWN;
            case Errno.EMSGSIZE -> Refusal.PACKET_TOO_BIG;
            default -> Refusal.DEVICE_ERROR;
        };
    }

    @Override
    public Refusal refusal() {
        return refusal;
    }
}
