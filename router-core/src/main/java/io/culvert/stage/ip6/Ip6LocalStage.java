// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip6Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.Icmp6View;
import io.culvert.wire.Ip6ExtensionChain;
import io.culvert.wire.Ip6OptionsView;
import io.culvert.wire.Ip6RoutingView;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.NeighborDiscoveryView;

/**
 * Hands IPv6 packets for the router itself to whoever answers them.
 *
 * <p>In: packets for own addresses and groups. Out: Neighbor Discovery always to {@code nd-input}, which keeps the router's
 * own tables. The rest goes to the kernel as it is where there is a local-delivery TAP, unless it is for a link-local
 * address; else the router is the host: options and routing headers are obeyed as RFC 8200 section 4 asks of a destination, echo requests go to {@code
 * icmp6-echo}, what asks for a service to {@code ip6-refuse}, and other ICMPv6 ends here. Writes no byte.
 *
 * <p>No option but padding and Router Alert is known, and no routing type (RFC 5095).
 */
public final class Ip6LocalStage implements PacketStage {
    enum Out implements OutPort {
        DELIVER(Target.stage("local-delivery")),
        NEIGHBOR_DISCOVERY(Target.stage("nd-input")),
        ECHO(Target.stage("icmp6-echo")),
        REFUSE(Target.stage("ip6-refuse")),
        ERROR(Target.stage("icmp6-error"));

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
        FROM_KERNEL("The kernel sent it for an address of the router, which would send it straight back."),
        BAD_HEADER_CHAIN("The extension headers do not fit into the packet, or are too many to be read."),
        FRAGMENT("A part of a packet reached the router without the rest."),
        UNKNOWN_OPTION("An option that the router does not know asks nodes like it to drop the packet."),
        BAD_OPTION("An option runs over the end of its extension header."),
        TOO_SHORT("An ICMPv6 message ends before its header does.");

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
        ICMP_CONSUMED("ICMPv6 messages for the router that ask for no answer, such as errors and echo replies."),
        AUTHENTICATION_REFUSED("Packets for the router with an Authentication header, which it can't verify."),
        OPTION_REFUSED("Packets for the router with an unknown option that asks for an error."),
        ROUTE_REFUSED("Packets for the router that ask it to route them on by a routing header.");

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
                    "ip6-local", "Hands IPv6 packets for the router itself to the kernel or to the stages that answer.")
            .spec("RFC 8200 4", "RFC 8200 4.1", "RFC 8200 4.2", "RFC 8200 4.4", "RFC 5095", "RFC 4443 2.4", "RFC 2711")
            .arc(Arc.IP6_LOCAL)
            .after("ip6-reassembly", "ip6-local-police")
            .terminal()
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new Ip6LocalStage());

    private final Ip6View ip = new Ip6View();
    private final Ip6ExtensionChain chain = new Ip6ExtensionChain();
    private final Ip6OptionsView options = new Ip6OptionsView();
    private final Ip6RoutingView routing = new Ip6RoutingView();
    private final Icmp6View icmp = new Icmp6View();

    Ip6LocalStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        RouterInterface delivery = context.interfaces().localDelivery();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            ip.wrap(packet, packet.l3Offset());
            Ip6ExtensionChain.Outcome outcome = chain.walk(ip);
            if (outcome == Ip6ExtensionChain.Outcome.COMPLETE && isNeighborDiscovery(packet)) {
                packet.setL4Offset(chain.upperOffset());
                context.send(packet, Out.NEIGHBOR_DISCOVERY);
            } else if (delivery == null || Ip6Address.isLinkLocal(ip.destinationHigh())) {
                // The kernel has no link-local address: each means something on one of the router's links alone.
                answer(packet, outcome, context);
            } else if (!packet.generated() && packet.receiveInterface() == delivery.id()) {
                context.drop(packet, Drop.FROM_KERNEL);
            } else {
                context.send(packet, Out.DELIVER);
            }
        }
    }

    private boolean isNeighborDiscovery(PacketBuffer packet) {
        // What the router made itself has no business there, and came in on no interface.
        return chain.upperProtocol() == IpProtocol.ICMP6
                && packet.receiveInterface() != InterfaceId.NONE
                && chain.upperOffset() < packet.end()
                && NeighborDiscoveryView.isNeighborDiscovery(
                        icmp.wrap(packet, chain.upperOffset()).type());
    }

    private void answer(PacketBuffer packet, Ip6ExtensionChain.Outcome outcome, StageContext context) {
        switch (outcome) {
            case COMPLETE -> {
                if (chain.isFragment()) {
                    context.drop(packet, Drop.FRAGMENT);
                } else if (headersLetItPass(packet, context)) {
                    packet.setL4Offset(chain.upperOffset());
                    upper(packet, context);
                }
            }
            case LATER_FRAGMENT -> context.drop(packet, Drop.FRAGMENT);
            case TRUNCATED, TOO_MANY_HEADERS, MALFORMED -> context.drop(packet, Drop.BAD_HEADER_CHAIN);
        }
    }

    /** Obeys options and routing headers; false when that has decided the packet. */
    private boolean headersLetItPass(PacketBuffer packet, StageContext context) {
        for (int i = 0; i < chain.count(); i++) {
            boolean pass = switch (chain.type(i)) {
                case IpProtocol.HOP_BY_HOP, IpProtocol.DESTINATION_OPTIONS ->
                    optionsLetItPass(packet, chain.offset(i), context);
                case IpProtocol.ROUTING -> routingLetsItPass(packet, chain.offset(i), context);
                case IpProtocol.AUTHENTICATION -> refuseAuthentication(packet, i, context);
                default -> true;
            };
            if (!pass) {
                return false;
            }
        }
        return true;
    }

    private boolean optionsLetItPass(PacketBuffer packet, int offset, StageContext context) {
        options.wrap(packet, offset);
        while (options.next()) {
            if (options.isRouterAlert()) {
                continue;
            }
            switch (options.action()) {
                case Ip6OptionsView.SKIP -> {
                    continue;
                }
                case Ip6OptionsView.DISCARD_AND_REPORT -> reportOption(packet, context);
                case Ip6OptionsView.DISCARD_AND_REPORT_UNICAST -> {
                    if (Ip6Address.isMulticast(ip.destinationHigh())) {
                        context.drop(packet, Drop.UNKNOWN_OPTION);
                    } else {
                        reportOption(packet, context);
                    }
                }
                default -> context.drop(packet, Drop.UNKNOWN_OPTION);
            }
            return false;
        }
        if (options.malformed()) {
            context.drop(packet, Drop.BAD_OPTION);
            return false;
        }
        return true;
    }

    private void reportOption(PacketBuffer packet, StageContext context) {
        context.count(Count.OPTION_REFUSED, 1);
        problem(packet, Icmp6View.UNRECOGNIZED_OPTION, options.optionOffset(), context);
    }

    private boolean routingLetsItPass(PacketBuffer packet, int offset, StageContext context) {
        if (routing.wrap(packet, offset).segmentsLeft() == 0) {
            return true;
        }
        context.count(Count.ROUTE_REFUSED, 1);
        problem(packet, Icmp6View.ERRONEOUS_HEADER_FIELD, routing.typeOffset(), context);
        return false;
    }

    /** What nobody here can verify must not pass as verified; the header is one that this node does not know. */
    private boolean refuseAuthentication(PacketBuffer packet, int index, StageContext context) {
        context.count(Count.AUTHENTICATION_REFUSED, 1);
        int namedAt = index == 0 ? ip.nextHeaderOffset() : chain.offset(index - 1);
        problem(packet, Icmp6View.UNRECOGNIZED_NEXT_HEADER, namedAt, context);
        return false;
    }

    private static void problem(PacketBuffer packet, int code, int position, StageContext context) {
        packet.setIcmpError(Icmp6View.PARAMETER_PROBLEM, code, position - packet.l3Offset());
        context.send(packet, Out.ERROR);
    }

    private void upper(PacketBuffer packet, StageContext context) {
        int protocol = chain.upperProtocol();
        if (protocol == IpProtocol.NO_NEXT_HEADER) {
            context.consume(packet);
        } else if (protocol != IpProtocol.ICMP6) {
            context.send(packet, Out.REFUSE);
        } else if (packet.end() - chain.upperOffset() < Icmp6View.HEADER_BYTES) {
            context.drop(packet, Drop.TOO_SHORT);
        } else if (icmp.wrap(packet, chain.upperOffset()).type() == Icmp6View.ECHO_REQUEST) {
            context.send(packet, Out.ECHO);
        } else {
            context.count(Count.ICMP_CONSUMED, 1);
            context.consume(packet);
        }
    }
}
