// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.offload;

import io.culvert.net.InterfaceId;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.InternetChecksum;
import io.culvert.wire.Ip4View;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.TcpView;
import io.culvert.wire.UdpView;
import java.nio.ByteBuffer;

/**
 * Puts small packets of a flow together to one superpacket where the transmit interface's device can take it apart again:
 * one system call, and one way through the kernel, for many packets. What the device then makes of it is what came, byte
 * for byte, but for the IPv4 identification of packets that must not be fragmented, which means nothing (RFC 6864 section
 * 4.1).
 *
 * <p>In: packets complete for the wire, link header included, transmit interface and L3 offset set. Out: {@code NEXT}; a
 * superpacket takes the place of its first packet, which becomes the head of a chain, and nothing is copied. Only packets
 * of one vector are put together, so none ever waits for another. It acts where the interface's {@code gro} is on and its
 * device computes checksums and cuts the protocol: UDP, TCP over IPv4, TCP over IPv6.
 *
 * <p>The order within a flow never changes. A packet of the flow that can't be added closes what is open for the flow; one
 * that can't be judged (fragments, IPv4 options, IPv6 extension headers, other protocols, lengths that disagree) may belong
 * to any flow and closes everything.
 *
 * <p>Packets are put together when they agree in interface, link header, addresses, ports, TTL, traffic class with ECN, DF
 * and flow label, and
 * <ul>
 *   <li>without DF, the IPv4 identification goes up by one from each to the next: so a device numbers its segments;
 *   <li>UDP: the payload is as long as the first one's, or shorter, which ends the superpacket; there is a checksum;
 *   <li>TCP: sequence numbers follow each other, all other fields and the options are the same, flags are ACK and perhaps
 *       ECE; PSH or FIN and a shorter payload end the superpacket (RFC 9293 section 3.1, RFC 3168 section 6.1);
 *   <li>there is payload, at most 65535 bytes in all with the link header, which any kernel cuts, and at most {@link
 *       PacketBuffer#MAX_CHAIN} packets;
 *   <li>the transport checksum holds: that of the superpacket is computed anew, and must not make a damaged packet whole. A
 *       sum that nobody has verified is verified here, when there is something to put the packet together with.
 * </ul>
 *
 * <p>Writes lengths, IPv4 and transport checksum, PSH and FIN, and the offload state of heads. State: none beyond a vector.
 */
public final class CoalesceStage implements PacketStage {
    enum Out implements OutPort {
        NEXT(Target.next());

        private final Target target;

        Out(Target target) {
            this.target = target;
        }

        @Override
        public Target target() {
            return target;
        }
    }

    enum Count implements CounterId {
        UDP_SUPERPACKETS("UDP superpackets put together."),
        UDP_PACKETS("Packets that UDP superpackets were put together from."),
        TCP_SUPERPACKETS("TCP superpackets put together."),
        TCP_PACKETS("Packets that TCP superpackets were put together from.");

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
                    "device-coalesce", "Puts small packets of a flow together where the device can take them apart.")
            .spec("virtio 1.2 5.1.6.2", "RFC 768", "RFC 9293 3.1", "RFC 6864 4.1", "RFC 3168 5.3")
            .arc(Arc.DEVICE_OUTPUT)
            .after("device-offload")
            .before("device-transmit")
            .outputs(Out.values())
            .counters(Count.values())
            .factory(setup -> new CoalesceStage());

    private static final int MAX_BYTES = 65535;
    private static final int IP4_HEADER_BYTES = 20;

    /** What an interface's device takes apart. */
    private static final int UDP = 1;

    private static final int TCP4 = 2;
    private static final int TCP6 = 4;

    /** The first eight bytes of an IPv4 header: version, header length, TOS; total length; identification; fragment. */
    private static final long IP4_TRAITS = 0xffff_0000_0000_ffffL;

    private static final int IP4_WITHOUT_OPTIONS = 0x45;
    private static final long IP4_DF = 0x4000;
    private static final long IP4_NOT_DF = 0xbfff;

    /** The second eight: TTL; protocol; checksum; source. */
    private static final long IP4_PROTOCOL_AND_SOURCE = 0x00ff_0000_ffff_ffffL;

    /** The first eight bytes of an IPv6 header but for the payload length. */
    private static final long IP6_TRAITS = 0xffff_ffff_0000_ffffL;

    /** Eight bytes of a TCP header from the acknowledgment on: it; data offset, reserved, flags; window. */
    private static final int TCP_SEQUENCE = 4;

    private static final int TCP_ACKNOWLEDGMENT = 8;
    private static final int TCP_URGENT_POINTER = 18;
    private static final int TCP_FLAGS = 13;
    private static final int TCP_FLAGS_SHIFT = 16;
    private static final int TCP_DATA_OFFSET_SHIFT = 28;
    private static final int TCP_ENDING = TcpView.PSH | TcpView.FIN;
    private static final int TCP_MERGED = TcpView.ACK | TcpView.ECE | TCP_ENDING;

    private static final int SLOT_BITS = 6;
    private static final long SPREAD = 0x9e37_79b9_7f4a_7c15L;

    /** What is open for a flow: a packet that others may be put behind. */
    private static final class Open {
        /** Equal to the stage's while it is open. */
        long epoch;

        @SuppressWarnings("NullAway.Init") // read while open alone
        PacketBuffer head;

        int transmitInterface;
        long flowA;
        long flowB;
        long flowC;
        long flowD;
        long flowE;
        long traits;
        /** The identification that the next packet must have, or -1. */
        int nextIdentification;
        /** Payload bytes of the head. */
        int segmentBytes;
        /** Bytes from the link header on. */
        int bytes;
        /** The unfolded sum of the pseudo header, without the length in it. */
        long pseudoHeader;

        int transport;
        int nextSequence;
        long tcpTraits;
        boolean verified;
    }

    private final Open[] slots = new Open[1 << SLOT_BITS];
    private long epoch;
    private boolean anyOpen;

    /** The packet at hand: what it is, and what it must agree in. */
    private int ip;

    private int transport;
    private int protocol;
    private long flowA;
    private long flowB;
    private long flowC;
    private long flowD;
    private long flowE;
    private long traits;
    private int identification;

    private final Ip4View ip4View = new Ip4View();
    private final Ip6View ip6View = new Ip6View();
    private final UdpView udpView = new UdpView();
    private final TcpView tcpView = new TcpView();

    private CoalesceStage() {
        for (int i = 0; i < slots.length; i++) {
            slots[i] = new Open();
        }
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        int size = packets.size();
        boolean merged = false;
        if (size > 1) {
            InterfaceTable interfaces = context.interfaces();
            closeAll();
            int interfaceId = InterfaceId.NONE;
            int kinds = 0;
            for (int i = 0; i < size; i++) {
                PacketBuffer packet = packets.get(i);
                if (packet.transmitInterface() != interfaceId) {
                    interfaceId = packet.transmitInterface();
                    kinds = kinds(interfaceId, interfaces);
                }
                if (kinds != 0) {
                    merged |= take(packet, kinds, context);
                }
            }
        }
        if (!merged) {
            context.sendAll(packets, Out.NEXT);
            return;
        }
        for (int i = 0; i < size; i++) {
            PacketBuffer packet = packets.get(i);
            if (packet.state() != PacketBuffer.State.CHAINED) {
                if (packet.chainCount() != 1) {
                    finish(packet, context);
                }
                context.send(packet, Out.NEXT);
            }
        }
    }

    /** What may be put together for an interface; nothing for a packet without one, which transmission will refuse. */
    private static int kinds(int interfaceId, InterfaceTable interfaces) {
        if (interfaceId < 0 || interfaceId >= interfaces.size()) {
            return 0;
        }
        RouterInterface iface = interfaces.get(interfaceId);
        RouterInterface.Offloads offloads = iface.offloads();
        if (!iface.gro() || !offloads.checksum()) {
            return 0;
        }
        return (offloads.udp() ? UDP : 0) | (offloads.tcp4() ? TCP4 : 0) | (offloads.tcp6() ? TCP6 : 0);
    }

    private void closeAll() {
        epoch++;
        anyOpen = false;
    }

    /** Puts the packet behind an open one, or opens it for those to come; true when it is behind another now. */
    private boolean take(PacketBuffer packet, int kinds, StageContext context) {
        if (packet.gso() != PacketBuffer.Gso.NONE && !anyOpen) {
            return false;
        }
        if (!readNetworkHeader(packet)) {
            closeAll();
            return false;
        }
        if (protocol == IpProtocol.UDP) {
            return (kinds & UDP) != 0 && takeUdp(packet, context);
        }
        return (kinds & (flowE == 0 ? TCP4 : TCP6)) != 0 && takeTcp(packet, context);
    }

    /** False unless it is whole UDP or TCP right behind an IP header that is sound. */
    private boolean readNetworkHeader(PacketBuffer packet) {
        ip = packet.l3Offset();
        int bytesOfIp = packet.end() - ip;
        if (ip < packet.start() || bytesOfIp < IP4_HEADER_BYTES + UdpView.HEADER_BYTES) {
            return false;
        }
        ByteBuffer bytes = packet.bytes();
        long first = bytes.getLong(ip);
        if (first >>> 56 == IP4_WITHOUT_OPTIONS) {
            long second = bytes.getLong(ip + 8);
            int destination = bytes.getInt(ip + 16);
            protocol = (int) (second >>> 48) & 0xff;
            transport = ip + IP4_HEADER_BYTES;
            flowA = second & IP4_PROTOCOL_AND_SOURCE;
            flowB = (long) destination << 32 | (bytes.getInt(transport) & 0xffff_ffffL);
            flowC = 0;
            flowD = 0;
            flowE = 0;
            traits = (first & IP4_TRAITS) | second >>> 56 << 16;
            identification = (first & IP4_DF) != 0 ? -1 : (int) (first >>> 16) & 0xffff;
            return (first & IP4_NOT_DF) == 0
                    && ((int) (first >>> 32) & 0xffff) == bytesOfIp
                    && (protocol == IpProtocol.UDP || protocol == IpProtocol.TCP)
                    && InternetChecksum.fold(halves(first) + halves(second) + (destination & 0xffff_ffffL)) == 0xffff;
        }
        if (first >>> 60 != 6 || bytesOfIp < Ip6View.HEADER_BYTES + UdpView.HEADER_BYTES) {
            return false;
        }
        protocol = (int) (first >>> 8) & 0xff;
        transport = ip + Ip6View.HEADER_BYTES;
        flowA = bytes.getLong(ip + 8);
        flowB = bytes.getLong(ip + 16);
        flowC = bytes.getLong(ip + 24);
        flowD = bytes.getLong(ip + 32);
        flowE = (long) protocol << 32 | (bytes.getInt(transport) & 0xffff_ffffL);
        traits = first & IP6_TRAITS;
        identification = -1;
        return ((int) (first >>> 16) & 0xffff) == bytesOfIp - Ip6View.HEADER_BYTES
                && (protocol == IpProtocol.UDP || protocol == IpProtocol.TCP);
    }

    private static long halves(long value) {
        return (value >>> 32) + (value & 0xffff_ffffL);
    }

    /**
     * Where the flow of the packet at hand is, if it is open; else where it may be opened, though another may be open there.
     * Each flow has two places, so that two flows that want the same one are both put together.
     */
    private Open slot() {
        long mixed = (flowA ^ flowC) * SPREAD + (flowB ^ Long.rotateLeft(flowD, 32) ^ flowE);
        mixed ^= mixed >>> 32; // where addresses are: upper bits alone would not move the lower ones
        int index = (int) (mixed * SPREAD >>> (64 - SLOT_BITS));
        Open first = slots[index];
        if (isOpen(first)) {
            return first;
        }
        Open second = slots[index ^ 1];
        return isOpen(second) || (first.epoch == epoch && second.epoch != epoch) ? second : first;
    }

    private boolean isOpen(Open slot) {
        return slot.epoch == epoch
                && slot.flowB == flowB
                && slot.flowA == flowA
                && slot.flowE == flowE
                && slot.flowC == flowC
                && slot.flowD == flowD;
    }

    private boolean takeUdp(PacketBuffer packet, StageContext context) {
        Open slot = slot();
        boolean isOpen = isOpen(slot);
        int transportBytes = packet.end() - transport;
        int payloadBytes = transportBytes - UdpView.HEADER_BYTES;
        int lengthAndChecksum = packet.bytes().getInt(transport + 4);
        if (payloadBytes == 0
                || lengthAndChecksum >>> 16 != transportBytes
                || (lengthAndChecksum & 0xffff) == 0
                || !checksumIsAt(UdpView.CHECKSUM_OFFSET, packet)) {
            if (isOpen) {
                close(slot);
            }
            return false;
        }
        if (isOpen && fits(slot, packet, payloadBytes) && holds(slot, packet, UdpView.CHECKSUM_OFFSET)) {
            append(slot, packet, UdpView.HEADER_BYTES, payloadBytes, context);
            if (payloadBytes != slot.segmentBytes) {
                close(slot);
            }
            return true;
        }
        open(slot, packet, payloadBytes);
        return false;
    }

    private boolean takeTcp(PacketBuffer packet, StageContext context) {
        Open slot = slot();
        boolean isOpen = isOpen(slot);
        int transportBytes = packet.end() - transport;
        ByteBuffer bytes = packet.bytes();
        if (transportBytes > TcpView.HEADER_BYTES && checksumIsAt(TcpView.CHECKSUM_OFFSET, packet)) {
            long fields = bytes.getLong(transport + TCP_ACKNOWLEDGMENT);
            int flags = (int) (fields >>> TCP_FLAGS_SHIFT) & 0xff;
            int headerBytes = ((int) (fields >>> TCP_DATA_OFFSET_SHIFT) & 0xf) << 2;
            int payloadBytes = transportBytes - headerBytes;
            if (headerBytes >= TcpView.HEADER_BYTES
                    && payloadBytes > 0
                    && (flags & TcpView.ACK) != 0
                    && (flags & ~TCP_MERGED) == 0) {
                long tcpTraits = fields & ~((long) TCP_ENDING << TCP_FLAGS_SHIFT);
                int sequence = bytes.getInt(transport + TCP_SEQUENCE);
                if (isOpen
                        && slot.tcpTraits == tcpTraits
                        && slot.nextSequence == sequence
                        && fits(slot, packet, payloadBytes)
                        && sameOptions(slot, packet, headerBytes)
                        && holds(slot, packet, TcpView.CHECKSUM_OFFSET)) {
                    append(slot, packet, headerBytes, payloadBytes, context);
                    slot.nextSequence += payloadBytes;
                    if ((flags & TCP_ENDING) != 0) {
                        ByteBuffer ofHead = slot.head.bytes();
                        int at = slot.transport + TCP_FLAGS;
                        ofHead.put(at, (byte) (ofHead.get(at) | (flags & TCP_ENDING)));
                        close(slot);
                    } else if (payloadBytes != slot.segmentBytes) {
                        close(slot);
                    }
                    return true;
                }
                if ((flags & TCP_ENDING) == 0) {
                    open(slot, packet, payloadBytes);
                    slot.tcpTraits = tcpTraits;
                    slot.nextSequence = sequence + payloadBytes;
                    return false;
                }
            }
        }
        if (isOpen) {
            close(slot);
        }
        return false;
    }

    /** Whether the packet is no superpacket, and its checksum, if it is unfinished, is the one of its transport header. */
    private boolean checksumIsAt(int offset, PacketBuffer packet) {
        return packet.gso() == PacketBuffer.Gso.NONE
                && (packet.checksum() != PacketBuffer.Checksum.PARTIAL
                        || (packet.checksumStart() == transport && packet.checksumOffset() == offset));
    }

    /** Whether all but the transport's own fields allows the packet behind the open one of its flow. */
    private boolean fits(Open slot, PacketBuffer packet, int payloadBytes) {
        return slot.traits == traits
                && slot.nextIdentification == identification
                && payloadBytes <= slot.segmentBytes
                && slot.bytes + payloadBytes <= MAX_BYTES
                && slot.transmitInterface == packet.transmitInterface()
                && slot.head.chainCount() < PacketBuffer.MAX_CHAIN
                && sameLinkHeader(slot.head, packet);
    }

    private static boolean sameLinkHeader(PacketBuffer head, PacketBuffer packet) {
        int length = packet.l3Offset() - packet.start();
        if (length != head.l3Offset() - head.start()) {
            return false;
        }
        if (length == 0) {
            return true;
        }
        // With and without tags it is 14, 18 or 22 bytes long: the last eight overlap those before.
        if (length < 8 || length > 24) {
            return false;
        }
        ByteBuffer a = head.bytes();
        ByteBuffer b = packet.bytes();
        return a.getLong(head.start()) == b.getLong(packet.start())
                && a.getLong(head.l3Offset() - 8) == b.getLong(packet.l3Offset() - 8)
                && (length <= 16 || a.getLong(head.start() + 8) == b.getLong(packet.start() + 8));
    }

    private boolean sameOptions(Open slot, PacketBuffer packet, int headerBytes) {
        ByteBuffer a = slot.head.bytes();
        ByteBuffer b = packet.bytes();
        if (a.getShort(slot.transport + TCP_URGENT_POINTER) != b.getShort(transport + TCP_URGENT_POINTER)) {
            return false;
        }
        for (int at = TcpView.HEADER_BYTES; at < headerBytes; at += 4) {
            if (a.getInt(slot.transport + at) != b.getInt(transport + at)) {
                return false;
            }
        }
        return true;
    }

    /** Whether the checksums of both are right, the open one's asked once. */
    private boolean holds(Open slot, PacketBuffer packet, int checksumOffset) {
        if (!slot.verified) {
            if (!checksumHolds(slot.head, slot.transport, checksumOffset, slot.pseudoHeader)) {
                return false;
            }
            slot.verified = true;
        }
        return checksumHolds(packet, transport, checksumOffset, slot.pseudoHeader);
    }

    private static boolean checksumHolds(PacketBuffer packet, int transport, int checksumOffset, long pseudoHeader) {
        int transportBytes = packet.end() - transport;
        long sum = pseudoHeader + transportBytes;
        return switch (packet.checksum()) {
            case VALID -> true;
            case PARTIAL ->
                InternetChecksum.fold(sum) == (packet.bytes().getShort(transport + checksumOffset) & 0xffff);
            case UNVERIFIED -> InternetChecksum.verify(packet, transport, transportBytes, sum);
        };
    }

    private void append(Open slot, PacketBuffer packet, int headerBytes, int payloadBytes, StageContext context) {
        packet.trimFront(transport + headerBytes - packet.start());
        context.chain(slot.head, packet);
        slot.bytes += payloadBytes;
        if (identification >= 0) {
            slot.nextIdentification = identification + 1 & 0xffff;
        }
    }

    private void open(Open slot, PacketBuffer packet, int payloadBytes) {
        slot.epoch = epoch;
        slot.head = packet;
        slot.transmitInterface = packet.transmitInterface();
        slot.flowA = flowA;
        slot.flowB = flowB;
        slot.flowC = flowC;
        slot.flowD = flowD;
        slot.flowE = flowE;
        slot.traits = traits;
        slot.nextIdentification = identification < 0 ? -1 : identification + 1 & 0xffff;
        slot.segmentBytes = payloadBytes;
        slot.bytes = packet.length();
        slot.transport = transport;
        slot.verified = false;
        slot.pseudoHeader = flowE == 0
                ? InternetChecksum.pseudoHeader4((int) flowA, (int) (flowB >>> 32), protocol, 0)
                : InternetChecksum.pseudoHeader6(flowA, flowB, flowC, flowD, protocol, 0);
        anyOpen = true;
    }

    private static void close(Open slot) {
        slot.epoch = 0;
    }

    /** Makes the head of a chain a superpacket. */
    private void finish(PacketBuffer head, StageContext context) {
        int network = head.l3Offset();
        int total = head.chainBytes() - (network - head.start());
        int transportAt;
        int transportProtocol;
        long pseudoHeader;
        boolean overIp4 = head.bytes().get(network) == IP4_WITHOUT_OPTIONS;
        if (overIp4) {
            ip4View.wrap(head, network);
            ip4View.setTotalLength(total);
            ip4View.updateChecksum();
            transportAt = network + IP4_HEADER_BYTES;
            transportProtocol = ip4View.protocol();
            pseudoHeader = InternetChecksum.pseudoHeader4(
                    ip4View.source(), ip4View.destination(), transportProtocol, total - IP4_HEADER_BYTES);
        } else {
            ip6View.wrap(head, network);
            ip6View.setPayloadLength(total - Ip6View.HEADER_BYTES);
            transportAt = network + Ip6View.HEADER_BYTES;
            transportProtocol = ip6View.nextHeader();
            pseudoHeader = ip6View.pseudoHeader(transportProtocol, total - Ip6View.HEADER_BYTES);
        }
        int checksum = InternetChecksum.fold(pseudoHeader);
        int packets = head.chainCount();
        if (transportProtocol == IpProtocol.UDP) {
            udpView.wrap(head, transportAt);
            udpView.setLength(network + total - transportAt);
            udpView.setChecksum(checksum);
            head.setPartialChecksum(transportAt, UdpView.CHECKSUM_OFFSET);
            head.setGso(PacketBuffer.Gso.UDP, head.end() - udpView.payloadOffset(), false);
            context.count(Count.UDP_SUPERPACKETS, 1);
            context.count(Count.UDP_PACKETS, packets);
        } else {
            tcpView.wrap(head, transportAt);
            tcpView.setChecksum(checksum);
            head.setPartialChecksum(transportAt, TcpView.CHECKSUM_OFFSET);
            PacketBuffer.Gso gso = overIp4 ? PacketBuffer.Gso.TCP4 : PacketBuffer.Gso.TCP6;
            head.setGso(gso, head.end() - tcpView.payloadOffset(), false);
            context.count(Count.TCP_SUPERPACKETS, 1);
            context.count(Count.TCP_PACKETS, packets);
        }
    }
}
