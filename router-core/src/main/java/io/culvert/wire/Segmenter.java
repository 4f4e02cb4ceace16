// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * Cuts a superpacket into what a device without segmentation offload can send: TCP segments or UDP datagrams of at most
 * {@link PacketBuffer#gsoSize()} payload bytes, each behind its own copy of all headers (virtio 1.2 section 5.1.6.2).
 *
 * <p>Per segment: IPv4 total length, identification (one more each time, so that no two that may be fragmented share one,
 * RFC 6864) and header checksum, or IPv6 payload length; TCP sequence number; FIN and PSH in the last one only
 * and CWR in the first one only (RFC 3168 section 6.1.2: it answers one ECE); UDP length; transport checksum. IPv4 options
 * and IPv6 extension headers are repeated in each.
 *
 * <p>A superpacket inside a tunnel of its sender's (VXLAN or Geneve, GRE, IP in IP), which a packet socket on a veth gets,
 * is cut by its inner headers: each segment repeats the tunnel's, outer lengths, identification and checksums put right.
 *
 * <p>The last segment stays in the superpacket's own buffer, its headers moved up to it, so that nothing more than the
 * other segments takes a buffer. Use: {@link #begin}, then {@link #write} for each index below {@link #count} - 1 in any
 * order, then {@link #finish}. Reusable; allocates nothing.
 *
 * @since 0.1
 */
public final class Segmenter {
    /** Versions and fields of IP, and protocols that carry packets (IANA protocol numbers; RFC 2784 and RFC 2890 for GRE). */
    private static final int IP4 = 4;

    private static final int IP6_NEXT_HEADER = 6;
    private static final int IP_IN_IP = 4;
    private static final int IP6_IN_IP = 41;
    private static final int GRE = 47;
    private static final int GRE_CHECKSUM_OR_SEQUENCE = 0x90;

    private static final int FIRST_ONLY = TcpView.CWR;
    private static final int LAST_ONLY = TcpView.FIN | TcpView.PSH;

    private final Ip4View ip4 = new Ip4View();
    private final Ip6View ip6 = new Ip6View();
    private final Ip6ExtensionChain extensions = new Ip6ExtensionChain();
    private final TcpView tcp = new TcpView();
    private final UdpView udp = new UdpView();

    @SuppressWarnings("NullAway.Init") // set by begin before anything else is called
    private PacketBuffer superpacket;

    private final Ip4View outerIp4 = new Ip4View();
    private final Ip6View outerIp6 = new Ip6View();
    private final UdpView outerUdp = new UdpView();

    private boolean leaveChecksumToDevice;
    /** From the packet's IP header to the one in front of the transport header; 0 without a tunnel. */
    private int innerIp;

    private boolean outerIsIp4;
    private boolean outerIsUdp;
    private boolean outerHasChecksum;
    /** From the packet's IP header to the tunnel's. */
    private int outerTransport;

    private int outerIdentification;
    private boolean overIp4;
    private boolean isTcp;
    private int transportOffset;
    private int payloadOffset;
    private int payloadEnd;
    private int segmentBytes;
    private int count;

    private int identification;
    private long sequence;
    private int flags;
    private boolean withoutChecksum;
    /** The unfolded sum of the pseudo header, without the length in it. */
    private long pseudoHeader;

    /**
     * Reads the headers of a superpacket. Link padding is cut off.
     *
     * @param deviceFinishesChecksums whether segments may leave with a partial checksum
     * @return false when it is not what its offload state says, and can't be cut
     */
    public boolean begin(PacketBuffer packet, boolean deviceFinishesChecksums) {
        superpacket = packet;
        leaveChecksumToDevice = deviceFinishesChecksums;
        isTcp = packet.gso() != PacketBuffer.Gso.UDP;
        int protocol = isTcp ? IpProtocol.TCP : IpProtocol.UDP;
        if (packet.gsoSize() <= 0) {
            return false;
        }
        innerIp = 0;
        if (isTunneled(packet)) {
            leaveChecksumToDevice = false;
            if (!readTunnel(packet, protocol)) {
                return false;
            }
        } else if (!readNetworkHeader(packet, protocol)) {
            return false;
        }
        packet.setEnd(payloadEnd);
        int checksumOffset;
        int written;
        if (isTcp) {
            if (tcp.wrap(packet, transportOffset).check() != HeaderCheck.OK) {
                return false;
            }
            payloadOffset = tcp.payloadOffset();
            sequence = tcp.sequence();
            flags = tcp.flags();
            checksumOffset = TcpView.CHECKSUM_OFFSET;
            written = tcp.checksum();
        } else {
            if (payloadEnd - transportOffset < UdpView.HEADER_BYTES) {
                return false;
            }
            udp.wrap(packet, transportOffset);
            payloadOffset = udp.payloadOffset();
            checksumOffset = UdpView.CHECKSUM_OFFSET;
            written = udp.checksum();
        }
        boolean partial = packet.checksum() == PacketBuffer.Checksum.PARTIAL
                && packet.checksumStart() == transportOffset
                && packet.checksumOffset() == checksumOffset;
        withoutChecksum = !isTcp && overIp4 && !partial && written == 0;
        if (partial) {
            // The sender's own sum, less its length: behind a routing header the sender alone knows the destination
            // that
            // was summed (RFC 8200 section 8.1).
            pseudoHeader = written + (~(payloadEnd - transportOffset) & 0xffffL);
        } else {
            pseudoHeader = overIp4
                    ? InternetChecksum.pseudoHeader4(ip4.source(), ip4.destination(), protocol, 0)
                    : ip6.pseudoHeader(protocol, 0);
        }
        segmentBytes = packet.gsoSize();
        count = Math.max(1, (payloadEnd - payloadOffset + segmentBytes - 1) / segmentBytes);
        return true;
    }

    /** Finds the transport header and the payload's end; false unless the protocol is there, whole. */
    private boolean readNetworkHeader(PacketBuffer packet, int protocol) {
        int offset = packet.l3Offset();
        if (offset < packet.start()) {
            return false;
        }
        if (packet.gso() != PacketBuffer.Gso.TCP6 && ip4.wrap(packet, offset).check() == HeaderCheck.OK) {
            overIp4 = true;
            transportOffset = ip4.payloadOffset();
            payloadEnd = ip4.end();
            identification = ip4.identification();
            return ip4.protocol() == protocol && !ip4.isFragment();
        }
        if (packet.gso() != PacketBuffer.Gso.TCP4 && ip6.wrap(packet, offset).check() == HeaderCheck.OK) {
            overIp4 = false;
            boolean whole = extensions.walk(ip6) == Ip6ExtensionChain.Outcome.COMPLETE
                    && extensions.fragmentHeaderOffset() == PacketBuffer.UNKNOWN;
            transportOffset = extensions.upperOffset();
            payloadEnd = ip6.end();
            return whole && extensions.upperProtocol() == protocol;
        }
        return false;
    }

    /**
     * Whether a superpacket's segments are inside a tunnel: whether the checksum that is open is not that of the transport
     * header behind the IP header. No device is given such a packet, since a virtio header tells of one pair of headers.
     */
    public static boolean isTunneled(PacketBuffer packet) {
        int offset = packet.l3Offset();
        if (packet.checksum() != PacketBuffer.Checksum.PARTIAL
                || offset < packet.start()
                || packet.end() - offset < Ip6View.HEADER_BYTES) {
            return false;
        }
        int first = packet.bytes().get(offset) & 0xff;
        if (first >>> 4 == IP4) {
            return packet.checksumStart() > offset + ((first & 0xf) << 2);
        }
        int next = packet.bytes().get(offset + IP6_NEXT_HEADER) & 0xff;
        return packet.checksumStart() > offset + Ip6View.HEADER_BYTES && (next == IpProtocol.UDP || isTunnel(next));
    }

    private static boolean isTunnel(int protocol) {
        return protocol == IP_IN_IP || protocol == IP6_IN_IP || protocol == GRE;
    }

    /** Finds the headers outside and inside of a tunnel; false unless they fit together. */
    private boolean readTunnel(PacketBuffer packet, int protocol) {
        int offset = packet.l3Offset();
        int tunnel;
        if (outerIp4.wrap(packet, offset).check() == HeaderCheck.OK && !outerIp4.isFragment()) {
            outerIsIp4 = true;
            outerTransport = outerIp4.payloadOffset() - offset;
            outerIdentification = outerIp4.identification();
            payloadEnd = outerIp4.end();
            tunnel = outerIp4.protocol();
        } else if (outerIp6.wrap(packet, offset).check() == HeaderCheck.OK) {
            outerIsIp4 = false;
            outerTransport = Ip6View.HEADER_BYTES;
            payloadEnd = outerIp6.end();
            tunnel = packet.bytes().get(offset + IP6_NEXT_HEADER) & 0xff;
        } else {
            return false;
        }
        outerIsUdp = tunnel == IpProtocol.UDP;
        int tunnelOffset = offset + outerTransport;
        transportOffset = packet.checksumStart();
        if (transportOffset >= payloadEnd || tunnelOffset + UdpView.HEADER_BYTES > transportOffset) {
            return false;
        }
        if (outerIsUdp) {
            outerHasChecksum = outerUdp.wrap(packet, tunnelOffset).checksum() != 0;
        } else if (!isTunnel(tunnel)
                || (tunnel == GRE && (packet.bytes().get(tunnelOffset) & GRE_CHECKSUM_OR_SEQUENCE) != 0)) {
            return false;
        }
        return readInnerHeader(packet, protocol, tunnelOffset);
    }

    /** The IP header right in front of the transport header, which must say the same about protocol and length. */
    private boolean readInnerHeader(PacketBuffer packet, int protocol, int tunnelOffset) {
        int inner6 = transportOffset - Ip6View.HEADER_BYTES;
        if (packet.gso() != PacketBuffer.Gso.TCP4
                && inner6 >= tunnelOffset
                && ip6.wrap(packet, inner6).check() == HeaderCheck.OK
                && ip6.end() == payloadEnd
                && (packet.bytes().get(inner6 + IP6_NEXT_HEADER) & 0xff) == protocol) {
            overIp4 = false;
            innerIp = inner6 - packet.l3Offset();
            return true;
        }
        int inner4 = transportOffset - Ip4View.HEADER_BYTES;
        if (packet.gso() != PacketBuffer.Gso.TCP6
                && inner4 >= tunnelOffset
                && ip4.wrap(packet, inner4).check() == HeaderCheck.OK
                && ip4.payloadOffset() == transportOffset
                && ip4.end() == payloadEnd
                && ip4.protocol() == protocol
                && !ip4.isFragment()) {
            overIp4 = true;
            identification = ip4.identification();
            innerIp = inner4 - packet.l3Offset();
            return true;
        }
        return false;
    }

    /** How many segments there are, at least 1. */
    public int count() {
        return count;
    }

    /** Makes a segment other than the last, in an empty packet of the same pool. */
    public void write(int index, PacketBuffer segment) {
        int start = superpacket.start();
        int headerBytes = payloadOffset - start;
        segment.setWindow(start, headerBytes + segmentBytes);
        segment.copyFrom(superpacket, start, start, headerBytes);
        segment.copyFrom(superpacket, payloadOffset + index * segmentBytes, payloadOffset, segmentBytes);
        segment.copyRoutingFrom(superpacket);
        segment.setL2Offset(superpacket.l2Offset());
        segment.setL3Offset(superpacket.l3Offset());
        complete(segment, transportOffset, index, segmentBytes);
    }

    /** Makes the superpacket the last segment. */
    public void finish() {
        PacketBuffer segment = superpacket;
        int start = segment.start();
        int index = count - 1;
        int shift = index * segmentBytes;
        segment.copyFrom(segment, start, start + shift, payloadOffset - start);
        segment.trimFront(shift);
        if (segment.l2Offset() != PacketBuffer.UNKNOWN) {
            segment.setL2Offset(segment.l2Offset() + shift);
        }
        segment.setL3Offset(segment.l3Offset() + shift);
        complete(segment, transportOffset + shift, index, payloadEnd - payloadOffset - shift);
    }

    /** Writes what differs from segment to segment. */
    private void complete(PacketBuffer segment, int transport, int index, int payloadBytes) {
        completeTransport(segment, transport, index, payloadBytes);
        if (innerIp != 0) {
            segment.setL4Offset(segment.l3Offset() + outerTransport);
            completeTunnel(segment, index);
        }
    }

    /** Writes what differs in the headers of a tunnel, when all behind them is done. */
    private void completeTunnel(PacketBuffer segment, int index) {
        int offset = segment.l3Offset();
        int bytes = segment.end() - offset - outerTransport;
        if (outerIsIp4) {
            outerIp4.wrap(segment, offset);
            outerIp4.setTotalLength(segment.end() - offset);
            outerIp4.setIdentification(outerIdentification + index);
            outerIp4.updateChecksum();
        } else {
            outerIp6.wrap(segment, offset);
            outerIp6.setPayloadLength(bytes);
        }
        if (outerIsUdp) {
            outerUdp.wrap(segment, offset + outerTransport);
            outerUdp.setLength(bytes);
            if (outerHasChecksum) {
                outerUdp.updateChecksum(
                        outerIsIp4
                                ? InternetChecksum.pseudoHeader4(
                                        outerIp4.source(), outerIp4.destination(), IpProtocol.UDP, bytes)
                                : outerIp6.pseudoHeader(IpProtocol.UDP, bytes));
            }
        }
    }

    private void completeTransport(PacketBuffer segment, int transport, int index, int payloadBytes) {
        int transportBytes = payloadOffset - transportOffset + payloadBytes;
        segment.setL4Offset(transport);
        segment.clearOffloads();
        if (overIp4) {
            ip4.wrap(segment, segment.l3Offset() + innerIp);
            ip4.setTotalLength(transport - ip4.offset() + transportBytes);
            ip4.setIdentification(identification + index);
            ip4.updateChecksum();
        } else {
            ip6.wrap(segment, segment.l3Offset() + innerIp);
            ip6.setPayloadLength(transport - ip6.payloadOffset() + transportBytes);
        }
        long sum = pseudoHeader + transportBytes;
        if (isTcp) {
            tcp.wrap(segment, transport);
            tcp.setSequence(sequence + (long) index * segmentBytes);
            int keep = (index == 0 ? 0xff : ~FIRST_ONLY) & (index == count - 1 ? 0xff : ~LAST_ONLY);
            tcp.setFlags(flags & keep);
            if (leaveChecksumToDevice) {
                tcp.setChecksum(InternetChecksum.fold(sum));
                segment.setPartialChecksum(transport, TcpView.CHECKSUM_OFFSET);
            } else {
                tcp.updateChecksum(sum);
                segment.setChecksum(PacketBuffer.Checksum.VALID);
            }
            return;
        }
        udp.wrap(segment, transport);
        udp.setLength(transportBytes);
        if (withoutChecksum) {
            udp.setChecksum(0);
        } else if (leaveChecksumToDevice) {
            udp.setChecksum(InternetChecksum.fold(sum));
            segment.setPartialChecksum(transport, UdpView.CHECKSUM_OFFSET);
        } else {
            udp.updateChecksum(sum);
            segment.setChecksum(PacketBuffer.Checksum.VALID);
        }
    }
}
