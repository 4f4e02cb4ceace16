// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.VirtioNetHeader;
import io.culvert.packet.PacketBuffer;
import java.nio.ByteBuffer;

/** Translates between a packet's offload state and the virtio header in front of it (virtio 1.2 section 5.1.6). */
final class VirtioOffload {
    /** Bytes of a UDP header, and the place of TCP's data offset, from which its length follows (RFC 768, RFC 9293 3.1). */
    private static final int UDP_HEADER_BYTES = 8;

    private static final int TCP_DATA_OFFSET = 12;

    private VirtioOffload() {}

    /** Sets the offload state of a received packet, whose window is set, from the header at {@code header}. */
    static void read(PacketBuffer packet, int header) {
        ByteBuffer bytes = packet.bytes();
        int flags = VirtioNetHeader.flags(bytes, header);
        if ((flags & VirtioNetHeader.VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0) {
            int start = packet.start() + VirtioNetHeader.checksumStart(bytes, header);
            int offset = VirtioNetHeader.checksumOffset(bytes, header);
            if (start + offset + 2 <= packet.end()) {
                packet.setPartialChecksum(start, offset);
            }
        } else if ((flags & VirtioNetHeader.VIRTIO_NET_HDR_F_DATA_VALID) != 0) {
            packet.setChecksum(PacketBuffer.Checksum.VALID);
        }
        int type = VirtioNetHeader.gsoType(bytes, header);
        if (type != VirtioNetHeader.VIRTIO_NET_HDR_GSO_NONE) {
            boolean ecn = (type & VirtioNetHeader.VIRTIO_NET_HDR_GSO_ECN) != 0;
            PacketBuffer.Gso gso = switch (type & ~VirtioNetHeader.VIRTIO_NET_HDR_GSO_ECN) {
                case VirtioNetHeader.VIRTIO_NET_HDR_GSO_TCPV4 -> PacketBuffer.Gso.TCP4;
                case VirtioNetHeader.VIRTIO_NET_HDR_GSO_TCPV6 -> PacketBuffer.Gso.TCP6;
                case VirtioNetHeader.VIRTIO_NET_HDR_GSO_UDP_L4 -> PacketBuffer.Gso.UDP;
                default -> PacketBuffer.Gso.NONE;
            };
            packet.setGso(gso, VirtioNetHeader.gsoSize(bytes, header), ecn);
        }
    }

    /** Writes the header of {@code headerBytes} at {@code header} that asks the device for what the packet leaves open. */
    static void write(PacketBuffer packet, int header, int headerBytes) {
        ByteBuffer bytes = packet.bytes();
        VirtioNetHeader.clear(bytes, header, headerBytes);
        if (packet.checksum() != PacketBuffer.Checksum.PARTIAL) {
            return;
        }
        int checksumStart = packet.checksumStart() - packet.start();
        int type = VirtioNetHeader.VIRTIO_NET_HDR_GSO_NONE;
        int headers = 0;
        switch (packet.gso()) {
            case NONE -> {}
            case TCP4, TCP6 -> {
                type = packet.gso() == PacketBuffer.Gso.TCP4
                        ? VirtioNetHeader.VIRTIO_NET_HDR_GSO_TCPV4
                        : VirtioNetHeader.VIRTIO_NET_HDR_GSO_TCPV6;
                int dataOffset = (bytes.get(packet.checksumStart() + TCP_DATA_OFFSET) & 0xf0) >>> 2;
                headers = checksumStart + dataOffset;
                if (packet.gsoEcn()) {
                    type |= VirtioNetHeader.VIRTIO_NET_HDR_GSO_ECN;
                }
            }
            case UDP -> {
                type = VirtioNetHeader.VIRTIO_NET_HDR_GSO_UDP_L4;
                headers = checksumStart + UDP_HEADER_BYTES;
            }
        }
        VirtioNetHeader.write(
                bytes,
                header,
                VirtioNetHeader.VIRTIO_NET_HDR_F_NEEDS_CSUM,
                type,
                headers,
                packet.gso() == PacketBuffer.Gso.NONE ? 0 : packet.gsoSize(),
                checksumStart,
                packet.checksumOffset());
    }
}
