// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import io.culvert.net.InterfaceId;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.FibAction;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp4View;
import io.culvert.wire.InternetChecksum;
import io.culvert.wire.Ip4View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.TcpView;
import io.culvert.wire.UdpView;

/**
 * Refuses what asks for a service, as a host without any does.
 *
 * <p>In: whole, checked IPv4 packets for the router that nobody else takes. Out: {@code ERROR}, unchanged, for UDP (port
 * unreachable) and for protocols other than TCP (protocol unreachable); {@code RESET} for TCP, with the answer written
 * into the segment's buffer. A reset is consumed. What was not sent to one of the router's own addresses alone is dropped
 * (RFC 1122 sections 3.2.2 and 4.2.3.10).
 */
public final class Ip4RefuseStage implements PacketStage {
    enum Out implements OutPort {
        ERROR(Target.stage("icmp4-error")),
        RESET(Target.recirculate("ip4-lookup"));

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
        NOT_UNICAST("A broadcast or multicast came that nobody here listens to."),
        TOO_SHORT("The packet ended before its UDP or TCP header did."),
        BAD_CHECKSUM("The UDP or TCP checksum did not agree with the packet.");

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
        PORT_UNREACHABLE("UDP datagrams for the router, refused."),
        RESETS("TCP segments for the router, answered with a reset."),
        PROTOCOL_UNREACHABLE("Packets for the router of a protocol that it does not speak, refused.");

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
                    "ip4-refuse", "Refuses TCP, UDP and unknown protocols for the router itself over IPv4.")
            .spec("RFC 1122 3.2.2.1", "RFC 1122 4.2.3.10", "RFC 1812 5.2.7.1", "RFC 9293 3.10.7.1")
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new Ip4RefuseStage());

    private static final int TTL = 64;

    private final Ip4View ip = new Ip4View();
    private final UdpView udp = new UdpView();
    private final TcpView tcp = new TcpView();

    private Ip4RefuseStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            ip.wrap(packet, packet.start());
            if (packet.linkBroadcast()
                    || context.fib().lookup4(packet.vrf(), ip.destination()).action() != FibAction.LOCAL) {
                context.drop(packet, Drop.NOT_UNICAST);
            } else if (ip.protocol() == IpProtocol.UDP) {
                refuseUdp(packet, context);
            } else if (ip.protocol() == IpProtocol.TCP) {
                refuseTcp(packet, context);
            } else {
                context.count(Count.PROTOCOL_UNREACHABLE, 1);
                packet.setIcmpError(Icmp4View.DESTINATION_UNREACHABLE, Icmp4View.PROTOCOL_UNREACHABLE, 0);
                context.send(packet, Out.ERROR);
            }
        }
    }

    private void refuseUdp(PacketBuffer packet, StageContext context) {
        if (udp.wrap(packet, ip.payloadOffset()).check() != HeaderCheck.OK) {
            context.drop(packet, Drop.TOO_SHORT);
        } else if (packet.checksum() == PacketBuffer.Checksum.UNVERIFIED
                && !udp.checksumHolds(pseudoHeader(IpProtocol.UDP, udp.length()), false)) {
            context.drop(packet, Drop.BAD_CHECKSUM);
        } else {
            context.count(Count.PORT_UNREACHABLE, 1);
            packet.setIcmpError(Icmp4View.DESTINATION_UNREACHABLE, Icmp4View.PORT_UNREACHABLE, 0);
            context.send(packet, Out.ERROR);
        }
    }

    private void refuseTcp(PacketBuffer packet, StageContext context) {
        if (tcp.wrap(packet, ip.payloadOffset()).check() != HeaderCheck.OK) {
            context.drop(packet, Drop.TOO_SHORT);
        } else if (packet.checksum() == PacketBuffer.Checksum.UNVERIFIED
                && !tcp.checksumHolds(pseudoHeader(IpProtocol.TCP, ip.payloadLength()))) {
            context.drop(packet, Drop.BAD_CHECKSUM);
        } else if (tcp.hasFlag(TcpView.RST)) {
            context.consume(packet);
        } else {
            writeReset(packet);
            context.reuse(packet);
            context.count(Count.RESETS, 1);
            context.send(packet, Out.RESET);
        }
    }

    private long pseudoHeader(int protocol, int length) {
        return InternetChecksum.pseudoHeader4(ip.source(), ip.destination(), protocol, length);
    }

    /** Writes the answer over the segment: RFC 9293 section 3.10.7.1, "if the state is CLOSED". */
    private void writeReset(PacketBuffer packet) {
        int data = packet.end() - tcp.payloadOffset();
        // SYN and FIN take a place in the sequence each.
        int length = data + (tcp.hasFlag(TcpView.SYN) ? 1 : 0) + (tcp.hasFlag(TcpView.FIN) ? 1 : 0);
        boolean acknowledges = tcp.hasFlag(TcpView.ACK);
        long sequence = acknowledges ? tcp.acknowledgment() : 0;
        long acknowledgment = acknowledges ? 0 : tcp.sequence() + length;
        int flags = acknowledges ? TcpView.RST : TcpView.RST | TcpView.ACK;
        int here = tcp.destinationPort();
        int there = tcp.sourcePort();
        int from = ip.destination();
        int to = ip.source();
        int start = packet.start();
        packet.setWindow(start, Ip4View.HEADER_BYTES + TcpView.HEADER_BYTES);
        packet.clearOffloads();
        packet.setL2Offset(PacketBuffer.UNKNOWN);
        packet.setL4Offset(start + Ip4View.HEADER_BYTES);
        packet.setReceiveInterface(InterfaceId.NONE);
        // It is never fragmented, so it needs no number (RFC 6864 section 4.1).
        ip.encode(0, packet.length(), 0, true, TTL, IpProtocol.TCP, from, to);
        tcp.wrap(packet, packet.l4Offset())
                .encode(here, there, sequence, acknowledgment, TcpView.HEADER_BYTES, flags, 0)
                .updateChecksum(ip.pseudoHeader());
    }
}
