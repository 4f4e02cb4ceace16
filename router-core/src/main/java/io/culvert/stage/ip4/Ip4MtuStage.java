// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp4View;
import io.culvert.wire.InternetChecksum;
import io.culvert.wire.Ip4Options;
import io.culvert.wire.Ip4View;
import io.culvert.wire.TcpView;
import io.culvert.wire.UdpView;

/**
 * Makes IPv4 packets fit the MTU of the interface they leave by.
 *
 * <p>In: IPv4 packets with their transmit interface set. Out: {@code NEXT}, each packet whole or as fragments in order, the
 * first in the packet's own buffer; {@code ERROR}, unchanged, for one that is too big and must not be fragmented, with the
 * interface's MTU to be told (RFC 1191 section 4). The router's own packets are fragmented even so.
 *
 * <p>A fragment may be fragmented again; options that say so are copied into every fragment (RFC 791 section 3.2). Before
 * that an unfinished transport checksum is finished, since no device could do it afterwards.
 *
 * <p>A superpacket is as big as its segments will be. When those do not fit and may be fragmented, TCP is given smaller
 * segments, and UDP is cut into its datagrams, each of which is fragmented.
 */
public final class Ip4MtuStage implements PacketStage {
    enum Out implements OutPort {
        NEXT(Target.next()),
        ERROR(Target.stage("icmp4-error"));

        private final Target target;

        Out(Target target) {
            this.target = target;
        }

        @Override
        public Target target() {
            return target;
        }
    }

    enum Drop implements DropReason {
        NO_INTERFACE("The interface that the route leads to is gone."),
        MTU_TOO_SMALL("The interface's MTU has no room for a fragment with this packet's options."),
        TOO_MANY_FRAGMENTS("The packet would have become more fragments than the router makes of one."),
        NO_BUFFER("The buffer pool ran out while the packet was fragmented; its other parts were dropped, too."),
        BAD_OFFLOAD("What the sender's device said about checksum or segments did not fit the packet.");

        private final String text;

        Drop(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    enum Count implements CounterId {
        TOO_BIG("Packets that were too big and must not be fragmented; their senders are told."),
        FRAGMENTED("Packets that were fragmented."),
        FRAGMENTS("Fragments that they became.");

        private final String text;

        Count(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    public static final StageDescriptor DESCRIPTOR = StageDescriptor.named(
                    "ip4-mtu", "Fragments IPv4 packets that are too big for their interface, or tells the sender.")
            .spec("RFC 791 3.2", "RFC 1812 4.2.2.7", "RFC 1191 4", "RFC 6864 4")
            .arc(Arc.IP4_OUTPUT)
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new Ip4MtuStage());

    /** Enough for 64 KiB over the 576 bytes that every host accepts, with the most options. */
    private static final int MAX_FRAGMENTS = 128;

    private final Ip4View ip = new Ip4View();
    private final Ip4View later = new Ip4View();
    private final Ip4Options options = new Ip4Options();
    private final TcpView tcp = new TcpView();
    private final UdpView udp = new UdpView();
    private final PacketBuffer[] fragments = new PacketBuffer[MAX_FRAGMENTS];

    private Ip4MtuStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        InterfaceTable interfaces = context.interfaces();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            int out = packet.transmitInterface();
            if (out < 0 || out >= interfaces.size()) {
                context.drop(packet, Drop.NO_INTERFACE);
                continue;
            }
            int mtu = interfaces.get(out).mtu();
            if (packet.length() <= mtu) {
                context.send(packet, Out.NEXT);
            } else {
                fit(packet, mtu, context);
            }
        }
    }

    private void fit(PacketBuffer packet, int mtu, StageContext context) {
        ip.wrap(packet, packet.start());
        int headers = 0;
        if (packet.gso() != PacketBuffer.Gso.NONE) {
            headers = headersOfSegments(packet);
            if (headers == 0 || packet.gsoSize() == 0) {
                context.drop(packet, Drop.BAD_OFFLOAD);
                return;
            }
            if (headers + packet.gsoSize() <= mtu) {
                context.send(packet, Out.NEXT);
                return;
            }
        }
        if (ip.dontFragment() && !packet.generated()) {
            context.count(Count.TOO_BIG, 1);
            packet.setIcmpError(
                    Icmp4View.DESTINATION_UNREACHABLE, Icmp4View.FRAGMENTATION_NEEDED, Icmp4View.mtuValue(mtu));
            context.send(packet, Out.ERROR);
        } else if (packet.gso() == PacketBuffer.Gso.NONE) {
            fragment(packet, mtu, context);
        } else if (packet.gso() == PacketBuffer.Gso.UDP && isTunneled(packet)) {
            context.drop(
                    packet, Drop.BAD_OFFLOAD); // its datagrams are another's, and too big for the tunnel's own path
        } else if (packet.gso() == PacketBuffer.Gso.UDP) {
            fragmentDatagrams(packet, mtu, context);
        } else if (headers >= mtu) {
            context.drop(packet, Drop.MTU_TOO_SMALL);
        } else {
            packet.setGso(packet.gso(), mtu - headers, packet.gsoEcn());
            context.send(packet, Out.NEXT);
        }
    }

    /** Bytes of IPv4 and transport header that each segment of a superpacket will have; 0 when there are none such. */
    private int headersOfSegments(PacketBuffer packet) {
        if (isTunneled(packet)) {
            int inner = packet.checksumStart();
            return packet.gso() == PacketBuffer.Gso.UDP
                    ? inner + UdpView.HEADER_BYTES - ip.offset()
                    : tcp.wrap(packet, inner).check() == HeaderCheck.OK ? tcp.payloadOffset() - ip.offset() : 0;
        }
        int transport = ip.payloadOffset();
        return switch (packet.gso()) {
            case TCP4 -> tcp.wrap(packet, transport).check() == HeaderCheck.OK ? tcp.payloadOffset() - ip.offset() : 0;
            case UDP -> udp.wrap(packet, transport).check() == HeaderCheck.OK ? udp.payloadOffset() - ip.offset() : 0;
            case NONE, TCP6 -> 0;
        };
    }

    /** Whether it is a superpacket inside a tunnel of its sender's, whose open checksum lies further in. */
    private boolean isTunneled(PacketBuffer packet) {
        return packet.checksum() == PacketBuffer.Checksum.PARTIAL && packet.checksumStart() > ip.payloadOffset();
    }

    private void fragment(PacketBuffer packet, int mtu, StageContext context) {
        if (packet.checksum() == PacketBuffer.Checksum.PARTIAL && !InternetChecksum.finishPartial(packet)) {
            context.drop(packet, Drop.BAD_OFFLOAD);
            return;
        }
        ip.wrap(packet, packet.start());
        int firstHeader = ip.headerBytes();
        int firstData = mtu - firstHeader & ~7;
        int laterHeader = Ip4View.HEADER_BYTES + copiedOptionsLength();
        int laterData = mtu - laterHeader & ~7;
        if (firstData <= 0) {
            context.drop(packet, Drop.MTU_TOO_SMALL);
            return;
        }
        int payload = ip.payloadLength();
        int laterCount = (payload - firstData + laterData - 1) / laterData;
        if (laterCount >= MAX_FRAGMENTS) {
            context.drop(packet, Drop.TOO_MANY_FRAGMENTS);
            return;
        }
        for (int k = 0; k < laterCount; k++) {
            PacketBuffer fragment = context.originate();
            if (fragment == null) {
                for (int made = 0; made < k; made++) {
                    context.drop(fragments[made], Drop.NO_BUFFER);
                }
                context.drop(packet, Drop.NO_BUFFER);
                return;
            }
            fragments[k] = fragment;
            int from = firstData + k * laterData;
            fillLater(fragment, packet, laterHeader, from, Math.min(laterData, payload - from));
        }
        packet.setEnd(packet.start() + firstHeader + firstData);
        packet.clearOffloads();
        ip.setTotalLength(packet.length());
        ip.setFragment(false, true, ip.fragmentOffset());
        ip.updateChecksum();
        context.count(Count.FRAGMENTED, 1);
        context.count(Count.FRAGMENTS, laterCount + 1);
        context.send(packet, Out.NEXT);
        for (int k = 0; k < laterCount; k++) {
            context.send(fragments[k], Out.NEXT);
        }
    }

    /** Makes the fragment that holds {@code length} bytes of the payload from {@code from} on. */
    private void fillLater(PacketBuffer fragment, PacketBuffer whole, int headerBytes, int from, int length) {
        int start = PacketBuffer.HEADROOM;
        fragment.copyRoutingFrom(whole);
        fragment.setWindow(start, headerBytes + length);
        fragment.setL3Offset(start);
        fragment.copyFrom(whole, ip.offset(), start, Ip4View.HEADER_BYTES);
        copyOptions(whole, fragment, start + Ip4View.HEADER_BYTES, start + headerBytes);
        fragment.copyFrom(whole, ip.payloadOffset() + from, start + headerBytes, length);
        boolean last = from + length == ip.payloadLength();
        later.wrap(fragment, start);
        later.setHeaderBytes(headerBytes);
        later.setTotalLength(headerBytes + length);
        later.setFragment(false, !last || ip.moreFragments(), ip.fragmentOffset() + from);
        later.updateChecksum();
    }

    /** Bytes of the options that every fragment carries, in whole words. */
    private int copiedOptionsLength() {
        int length = 0;
        options.wrap(ip);
        while (options.next()) {
            length += options.copied() ? options.length() : 0;
        }
        return length + 3 & ~3;
    }

    private void copyOptions(PacketBuffer from, PacketBuffer to, int position, int end) {
        int at = position;
        options.wrap(ip);
        while (options.next()) {
            if (options.copied()) {
                to.copyFrom(from, options.offset(), at, options.length());
                at += options.length();
            }
        }
        while (at < end) {
            to.bytes().put(at++, (byte) Ip4Options.END);
        }
    }

    /** Cuts a UDP superpacket into its datagrams and fragments each; the last one stays in the packet's own buffer. */
    private void fragmentDatagrams(PacketBuffer packet, int mtu, StageContext context) {
        int headers = headersOfSegments(packet);
        int size = packet.gsoSize();
        int from = packet.start() + headers;
        int identification = ip.identification();
        while (packet.end() - from > size) {
            PacketBuffer datagram = context.originate();
            if (datagram == null) {
                context.drop(packet, Drop.NO_BUFFER);
                return;
            }
            datagram.copyRoutingFrom(packet);
            datagram.setWindow(PacketBuffer.HEADROOM, headers + size);
            datagram.copyFrom(packet, packet.start(), datagram.start(), headers);
            datagram.copyFrom(packet, from, datagram.start() + headers, size);
            finishDatagram(datagram, identification++);
            fragment(datagram, mtu, context);
            from += size;
        }
        int rest = packet.end() - from;
        packet.copyFrom(packet, from, packet.start() + headers, rest);
        packet.setEnd(packet.start() + headers + rest);
        packet.clearOffloads();
        finishDatagram(packet, identification);
        if (packet.length() <= mtu) {
            context.send(packet, Out.NEXT);
        } else {
            fragment(packet, mtu, context);
        }
    }

    private void finishDatagram(PacketBuffer datagram, int identification) {
        later.wrap(datagram, datagram.start());
        later.setTotalLength(datagram.length());
        later.setIdentification(identification);
        later.updateChecksum();
        datagram.setL3Offset(datagram.start());
        datagram.setL4Offset(later.payloadOffset());
        udp.wrap(datagram, later.payloadOffset());
        udp.setLength(later.payloadLength());
        udp.updateChecksum(later.pseudoHeader());
    }
}
