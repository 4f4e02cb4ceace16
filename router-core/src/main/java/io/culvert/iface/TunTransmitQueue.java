// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.Errno;
import io.culvert.ffi.GatherWrite;
import io.culvert.ffi.Syscalls;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.TransmitQueue;

/**
 * Writes one queue of a tun or tap device: one write a packet, its device headers in the headroom in front of it. A chain
 * is one write as well.
 */
final class TunTransmitQueue implements TransmitQueue {
    /** EtherTypes for the packet information of a tun (linux/if_tun.h, struct tun_pi). */
    private static final int ETH_P_IP = 0x0800;

    private static final int ETH_P_IPV6 = 0x86dd;
    private static final int ETHER_TYPE_OFFSET = 12;

    private final int interfaceId;
    private final int fd;
    private final boolean ethernet;
    private final int packetInformationBytes;
    private final int vnetHeaderBytes;
    private final GatherWrite gather = new GatherWrite(PacketBuffer.MAX_CHAIN);
    private Refusal refusal = Refusal.DEVICE_ERROR;

    TunTransmitQueue(int interfaceId, int fd, boolean ethernet, int packetInformationBytes, int vnetHeaderBytes) {
        this.interfaceId = interfaceId;
        this.fd = fd;
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
            long address = packet.address() + start - headerBytes;
            int length = packet.length() + headerBytes;
            PacketBuffer follower = packet.nextInChain();
            int written = follower == null ? Syscalls.write(fd, address, length) : write(address, length, follower);
            if (written < 0) {
                refusal = refusalOf(-written);
                return sent;
            }
            sent++;
        }
        return sent;
    }

    private int write(long headAddress, int headLength, PacketBuffer firstFollower) {
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
