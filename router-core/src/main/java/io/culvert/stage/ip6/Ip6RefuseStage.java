// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip6Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp6View;
import io.culvert.wire.Ip6ExtensionChain;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.TcpView;
import io.culvert.wire.UdpView;

/**
 * Refuses what asks the router for a service over IPv6, as a host without services would.
 *
 * <p>In: whole packets for the router, transport offset set. Out: UDP to the error stage as port unreachable (RFC 4443
 * section 3.1); TCP turned into a reset (RFC 9293 section 3.10.7.1) and recirculated to the lookup; any other protocol to
 * the error stage as an unrecognized next header (RFC 8200 section 4). Nothing that was sent to a group is answered, nor
 * what is damaged. Reuses the buffer for the reset.
 */
public final class Ip6RefuseStage implements PacketStage {
    enum Out implements OutPort {
        ERROR(Target.stage("icmp6-error")),
        RESET(Target.recirculate("ip6-lookup"));

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
        MULTICAST("It was sent to a group, and nobody here listens."),
        TOO_SHORT("The UDP or TCP header does not fit into the packet."),
        BAD_CHECKSUM("The UDP or TCP checksum is wrong, or missing.");

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
        UNKNOWN_PROTOCOL("Packets for the router of a protocol that it does not speak, refused.");

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
                    "ip6-refuse", "Refuses TCP, UDP and unknown protocols for the router itself over IPv6.")
            .spec("RFC 4443 3.1", "RFC 4443 3.4", "RFC 8200 4", "RFC 9293 3.10.7.1")
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new Ip6RefuseStage());

    private static final int HOP_LIMIT = 64;

    private final Ip6View ip = new Ip6View();
    private final Ip6ExtensionChain chain = new Ip6ExtensionChain();
    private final UdpView udp = new UdpView();
    private final TcpView tcp = new TcpView();

    Ip6RefuseStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            ip.wrap(packet, packet.l3Offset());
            chain.walk(ip);
            if (Ip6Address.isMulticast(ip.destinationHigh()) || packet.linkBroadcast()) {
                context.drop(packet, Drop.MULTICAST);
            } else if (chain.upperProtocol() == IpProtocol.UDP) {
                refuseUdp(packet, context);
            } else if (chain.upperProtocol() == IpProtocol.TCP) {
                refuseTcp(packet, context);
            } else {
                context.count(Count.UNKNOWN_PROTOCOL, 1);
                packet.setIcmpError(
                        Icmp6View.PARAMETER_PROBLEM,
                        Icmp6View.UNRECOGNIZED_NEXT_HEADER,
                        chain.nextHeaderOffset() - packet.l3Offset());
                context.send(packet, Out.ERROR);
            }
        }
    }

    private void refuseUdp(PacketBuffer packet, StageContext context) {
        udp.wrap(packet, chain.upperOffset());
        if (udp.check() != HeaderCheck.OK) {
            context.drop(packet, Drop.TOO_SHORT);
        } else if (packet.checksum() == PacketBuffer.Checksum.UNVERIFIED
                && !udp.checksumHolds(ip.pseudoHeader(IpProtocol.UDP, udp.length()), true)) {
            context.drop(packet, Drop.BAD_CHECKSUM);
        } else {
            context.count(Count.PORT_UNREACHABLE, 1);
            packet.setIcmpError(Icmp6View.DESTINATION_UNREACHABLE, Icmp6View.PORT_UNREACHABLE, 0);
            context.send(packet, Out.ERROR);
        }
    }

    private void refuseTcp(PacketBuffer packet, StageContext context) {
        tcp.wrap(packet, chain.upperOffset());
        int segmentBytes = packet.end() - chain.upperOffset();
        if (tcp.check() != HeaderCheck.OK) {
            context.drop(packet, Drop.TOO_SHORT);
        } else if (packet.checksum() == PacketBuffer.Checksum.UNVERIFIED
                && !tcp.checksumHolds(ip.pseudoHeader(IpProtocol.TCP, segmentBytes))) {
            context.drop(packet, Drop.BAD_CHECKSUM);
        } else if (tcp.hasFlag(TcpView.RST)) {
            context.consume(packet);
        } else {
            reset(packet, segmentBytes - tcp.headerBytes());
            context.reuse(packet);
            context.count(Count.RESETS, 1);
            context.send(packet, Out.RESET);
        }
    }

    /** Writes the answer over the segment: RFC 9293 section 3.10.7.1, "if the state is CLOSED". */
    private void reset(PacketBuffer packet, int payloadBytes) {
        boolean acknowledges = tcp.hasFlag(TcpView.ACK);
        // SYN and FIN take a place in the sequence each.
        int length = payloadBytes + (tcp.hasFlag(TcpView.SYN) ? 1 : 0) + (tcp.hasFlag(TcpView.FIN) ? 1 : 0);
        long sequence = acknowledges ? tcp.acknowledgment() : 0;
        long acknowledgment = acknowledges ? 0 : tcp.sequence() + length;
        int sourcePort = tcp.destinationPort();
        int destinationPort = tcp.sourcePort();
        int flags = acknowledges ? TcpView.RST : TcpView.RST | TcpView.ACK;
        long fromHigh = ip.destinationHigh();
        long fromLow = ip.destinationLow();
        long toHigh = ip.sourceHigh();
        long toLow = ip.sourceLow();
        int at = packet.l3Offset();
        packet.setWindow(at, Ip6View.HEADER_BYTES + TcpView.HEADER_BYTES);
        ip.wrap(packet, at)
                .encode(0, 0, TcpView.HEADER_BYTES, IpProtocol.TCP, HOP_LIMIT, fromHigh, fromLow, toHigh, toLow);
        tcp.wrap(packet, at + Ip6View.HEADER_BYTES)
                .encode(sourcePort, destinationPort, sequence, acknowledgment, TcpView.HEADER_BYTES, flags, 0)
                .updateChecksum(ip.pseudoHeader(IpProtocol.TCP, TcpView.HEADER_BYTES));
        packet.clearOffloads();
        packet.setL2Offset(PacketBuffer.UNKNOWN);
        packet.setL4Offset(at + Ip6View.HEADER_BYTES);
        packet.setTransmitInterface(InterfaceId.NONE);
    }
}
