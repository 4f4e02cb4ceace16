// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.packet.PacketBuffer;
import java.nio.ByteBuffer;

/**
 * Finds the transport checksum of a frame that the kernel says is unfilled without saying where: a packet socket without
 * virtio headers tells no more.
 *
 * <p>Only senders on this host leave checksums unfilled, and only those of TCP and UDP right behind the IP header (IPv6
 * extension headers and tags included as far as they go); anything else is left alone.
 *
 * <p>A TCP packet larger than the device's MTU never was on a wire: it is a superpacket, to be cut into segments that fit.
 * Their size is not told either; the largest that the device takes is what its sender uses, unless it knows of a narrower
 * path.
 */
final class UnfilledChecksum {
    private static final int MAC_ADDRESSES_BYTES = 12;
    private static final int TAG_BYTES = 4;
    private static final int ETHER_TYPE_BYTES = 2;
    private static final int TPID_8021Q = 0x8100;
    private static final int TPID_8021AD = 0x88a8;
    private static final int ETH_P_IP = 0x0800;
    private static final int ETH_P_IPV6 = 0x86dd;
    private static final int IP4_PROTOCOL = 9;
    private static final int IP6_NEXT_HEADER = 6;
    private static final int IP6_HEADER_BYTES = 40;
    private static final int TCP = 6;
    private static final int TCP_CHECKSUM = 16;
    private static final int TCP_DATA_OFFSET = 12;
    private static final int TCP_FLAGS = 13;
    private static final int TCP_CWR = 0x80;
    private static final int UDP = 17;
    private static final int UDP_CHECKSUM = 6;

    private UnfilledChecksum() {}

    /**
     * Marks the packet's checksum as partial where it is found, and a superpacket as such.
     *
     * @param mtu of the device in bytes
     */
    static void locate(PacketBuffer frame, int mtu) {
        ByteBuffer bytes = frame.bytes();
        int at = frame.start() + MAC_ADDRESSES_BYTES;
        int type = at + ETHER_TYPE_BYTES <= frame.end() ? bytes.getShort(at) & 0xffff : 0;
        while ((type == TPID_8021Q || type == TPID_8021AD) && at + TAG_BYTES + ETHER_TYPE_BYTES <= frame.end()) {
            at += TAG_BYTES;
            type = bytes.getShort(at) & 0xffff;
        }
        int ip = at + ETHER_TYPE_BYTES;
        int transport;
        int protocol;
        if (type == ETH_P_IP && ip + 20 <= frame.end()) {
            transport = ip + ((bytes.get(ip) & 0xf) << 2);
            protocol = bytes.get(ip + IP4_PROTOCOL) & 0xff;
        } else if (type == ETH_P_IPV6 && ip + IP6_HEADER_BYTES <= frame.end()) {
            transport = ip + IP6_HEADER_BYTES;
            protocol = bytes.get(ip + IP6_NEXT_HEADER) & 0xff;
        } else {
            return;
        }
        int offset = protocol == TCP ? TCP_CHECKSUM : protocol == UDP ? UDP_CHECKSUM : -1;
        if (offset >= 0 && transport + offset + 2 <= frame.end()) {
            frame.setPartialChecksum(transport, offset);
            if (protocol == TCP && frame.end() - ip > mtu) {
                int headers = transport - ip + ((bytes.get(transport + TCP_DATA_OFFSET) & 0xf0) >>> 2);
                boolean ecn = (bytes.get(transport + TCP_FLAGS) & TCP_CWR) != 0;
                if (headers < mtu) {
                    frame.setGso(type == ETH_P_IP ? PacketBuffer.Gso.TCP4 : PacketBuffer.Gso.TCP6, mtu - headers, ecn);
                }
            }
        }
    }
}
