// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.match;

import io.culvert.packet.PacketBuffer;
import io.culvert.wire.TcpView;
import io.culvert.wire.UdpView;

/** What a superpacket amounts to on the wire, where it goes as several segments with headers each. */
public final class Segments {
    private static final int TCP_DATA_OFFSET = 12;

    private Segments() {}

    /** How many packets it is on the wire: 1 unless it is a superpacket. */
    public static int count(PacketBuffer packet, IpFields fields) {
        if (packet.gso() == PacketBuffer.Gso.NONE || packet.gsoSize() <= 0) {
            return 1;
        }
        int payload = packet.end() - payloadOffset(packet, fields);
        return Math.max(1, (payload + packet.gsoSize() - 1) / packet.gsoSize());
    }

    /**
     * Bytes of all its IP packets on the wire, headers included.
     *
     * @param at position of its IP header
     */
    public static int bytes(PacketBuffer packet, int at, IpFields fields) {
        int headers = payloadOffset(packet, fields) - at;
        return packet.end() - at + (count(packet, fields) - 1) * headers;
    }

    /**
     * Bytes of its largest IP packet on the wire.
     *
     * @param at position of its IP header
     */
    public static int largest(PacketBuffer packet, int at, IpFields fields) {
        int whole = packet.end() - at;
        return count(packet, fields) == 1
                ? whole
                : Math.min(whole, payloadOffset(packet, fields) - at + packet.gsoSize());
    }

    /** Where the payload starts that is cut; inside a tunnel behind the inner headers, as the open checksum tells. */
    private static int payloadOffset(PacketBuffer packet, IpFields fields) {
        int transport =
                packet.checksum() == PacketBuffer.Checksum.PARTIAL ? packet.checksumStart() : fields.transportOffset();
        int dataOffset = transport + TCP_DATA_OFFSET;
        int header = packet.gso() == PacketBuffer.Gso.UDP || dataOffset >= packet.end()
                ? UdpView.HEADER_BYTES
                : Math.max(TcpView.HEADER_BYTES, (packet.bytes().get(dataOffset) & 0xf0) >>> 2);
        return Math.min(packet.end(), transport + header);
    }
}
