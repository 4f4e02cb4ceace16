// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.InterfaceId;
import io.culvert.net.Ip6Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.FibEntry;
import io.culvert.spi.FibView;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.Ip6Batch;
import io.culvert.spi.NextHop;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.Icmp6View;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.NeighborDiscoveryView;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decides where an IPv6 packet goes: onwards, to the router itself, or back as an error.
 *
 * <p>In: checked IPv6 packets, and the router's own, made or sent by its kernel. Out: {@code FORWARD} and {@code OUTPUT}
 * with transmit interface and next hop set, by longest prefix and flow hash; {@code LOCAL} for own addresses and groups;
 * {@code ERROR} with the ICMPv6 error set. The router's own packets are never answered with an error when the router made
 * them; they are dropped by name. Writes no byte.
 *
 * <p>Link-local addresses belong to one link, so no route is asked: to a neighbor a packet goes only from the router
 * itself, out of the interface it was given, or where the packet came in that it answers, or, from the kernel, which
 * sees one link only, out of the interface whose address it has as its source. Nothing with such an address at either end
 * is forwarded (RFC 4291 section 2.5.6, RFC 4007 section 9). Multicast is not forwarded: there is no multicast routing.
 */
public final class Ip6LookupStage implements PacketStage {
    enum Out implements OutPort {
        FORWARD(Target.arc(Arc.IP6_FORWARD)),
        OUTPUT(Target.arc(Arc.IP6_OUTPUT)),
        LOCAL(Target.arc(Arc.IP6_LOCAL)),
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
        BLACKHOLE("The route says to drop what goes there in silence."),
        NO_ROUTE("The router itself sent to an address that no route holds."),
        UNREACHABLE("The router itself sent to an address whose route says unreachable."),
        PROHIBITED("The router itself sent to an address whose route says prohibit."),
        BEYOND_SCOPE("The router itself sent from a link-local address to another link."),
        LINK_BROADCAST("A packet for another node came as a link-layer broadcast or multicast."),
        LINK_LOCAL_DESTINATION("The destination is a link-local address, and not the router's on that link."),
        MULTICAST_NOT_JOINED("The destination is a multicast group that the router is not in.");

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
        NO_ROUTE("Packets in transit for an address that no route holds."),
        UNREACHABLE("Packets in transit for an address whose route says unreachable."),
        PROHIBITED("Packets in transit for an address whose route says prohibit."),
        BEYOND_SCOPE("Packets from a link-local address that would have left their link.");

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
                    "ip6-lookup", "Finds the route of IPv6 packets by longest prefix match.")
            .spec("RFC 8200 3", "RFC 4291 2.5.6", "RFC 4007 9", "RFC 4443 3.1")
            .arc(Arc.IP6_UNICAST)
            .after("ip6-input")
            .terminal()
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new Ip6LookupStage());

    private static final long ALL_ROUTERS_SITE_HIGH = 0xff05_0000_0000_0000L;
    private static final int LINK_SCOPE = 2;
    private static final long SOLICITED_NODE_LOW = Ip6Address.solicitedNodeLow(0);
    private static final int SOLICITED_NODE_SUFFIX_BITS = 24;

    /** So many packets are sooner looked up one by one. */
    private static final int FEW = 2;

    private final Ip6View ip = new Ip6View();
    private final Ip6Batch batch = new Ip6Batch(PacketVector.MAX_CAPACITY);

    Ip6LookupStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        InterfaceTable interfaces = context.interfaces();
        if (packets.size() > FEW && haveOneVrf(packets)) {
            lookUpTogether(packets, context.fib());
            for (int i = 0; i < packets.size(); i++) {
                decide(packets.get(i), batch.answer(i), interfaces, context);
            }
        } else {
            for (int i = 0; i < packets.size(); i++) {
                decide(packets.get(i), null, interfaces, context);
            }
        }
    }

    private static boolean haveOneVrf(PacketVector packets) {
        int vrf = packets.get(0).vrf();
        for (int i = 1; i < packets.size(); i++) {
            if (packets.get(i).vrf() != vrf) {
                return false;
            }
        }
        return true;
    }

    /** Also what needs no route: that is rare, and harms nobody. */
    private void lookUpTogether(PacketVector packets, FibView fib) {
        batch.clear();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            ip.wrap(packet, packet.l3Offset());
            batch.add(ip.destinationHigh(), ip.destinationLow());
        }
        fib.lookup6(packets.get(0).vrf(), batch);
    }

    /** @param found what the table says of the destination, if it has been asked already */
    private void decide(
            PacketBuffer packet, @Nullable FibEntry found, InterfaceTable interfaces, StageContext context) {
        ip.wrap(packet, packet.l3Offset());
        long high = ip.destinationHigh();
        if (Ip6Address.isMulticast(high)) {
            multicast(packet, interfaces, context);
        } else if (Ip6Address.isLinkLocal(high)) {
            linkLocal(packet, interfaces, context);
        } else {
            FibEntry entry = found != null ? found : context.fib().lookup6(packet.vrf(), high, ip.destinationLow());
            unicast(packet, entry, isFromRouter(packet, interfaces), context);
        }
    }

    /** Whether the packet is one that the router, or the kernel behind it, sends, not one in transit. */
    private static boolean isFromRouter(PacketBuffer packet, InterfaceTable interfaces) {
        return packet.generated() || isFromKernel(packet, interfaces);
    }

    private static boolean isFromKernel(PacketBuffer packet, InterfaceTable interfaces) {
        int receivedOn = packet.receiveInterface();
        return receivedOn != InterfaceId.NONE
                && interfaces.get(receivedOn).role() == RouterInterface.Role.LOCAL_DELIVERY;
    }

    private void unicast(PacketBuffer packet, FibEntry entry, boolean fromRouter, StageContext context) {
        switch (entry.action()) {
            case FORWARD -> forward(packet, entry.select(packet.flowHash()), fromRouter, context);
            case LOCAL -> context.send(packet, Out.LOCAL);
            case BLACKHOLE -> context.drop(packet, Drop.BLACKHOLE);
            case UNREACHABLE ->
                refuse(packet, Icmp6View.ADDRESS_UNREACHABLE, Count.UNREACHABLE, Drop.UNREACHABLE, context);
            case PROHIBIT -> refuse(packet, Icmp6View.PROHIBITED, Count.PROHIBITED, Drop.PROHIBITED, context);
            // IPv6 has no broadcast, so no such entry is made for it.
            case NO_ROUTE, BROADCAST -> refuse(packet, Icmp6View.NO_ROUTE, Count.NO_ROUTE, Drop.NO_ROUTE, context);
        }
    }

    private void forward(PacketBuffer packet, NextHop hop, boolean fromRouter, StageContext context) {
        boolean leavesItsLink = !packet.generated() || hop.interfaceId() != packet.receiveInterface();
        if (Ip6Address.isLinkLocal(ip.sourceHigh()) && leavesItsLink) {
            refuse(packet, Icmp6View.BEYOND_SCOPE, Count.BEYOND_SCOPE, Drop.BEYOND_SCOPE, context);
            return;
        }
        if (packet.linkBroadcast() && !fromRouter) {
            context.drop(packet, Drop.LINK_BROADCAST);
            return;
        }
        packet.setTransmitInterface(hop.interfaceId());
        if (hop.onLink()) {
            packet.setNextHop6(ip.destinationHigh(), ip.destinationLow());
        } else {
            packet.setNextHop6(hop.gateway6High(), hop.gateway6Low());
        }
        context.send(packet, fromRouter ? Out.OUTPUT : Out.FORWARD);
    }

    private static void refuse(PacketBuffer packet, int code, Count count, Drop reason, StageContext context) {
        if (packet.generated()) {
            context.drop(packet, reason);
        } else {
            context.count(count, 1);
            packet.setIcmpError(Icmp6View.DESTINATION_UNREACHABLE, code, 0);
            context.send(packet, Out.ERROR);
        }
    }

    private void linkLocal(PacketBuffer packet, InterfaceTable interfaces, StageContext context) {
        int outOf;
        if (packet.generated()) {
            outOf = packet.transmitInterface() != InterfaceId.NONE
                    ? packet.transmitInterface()
                    : packet.receiveInterface();
        } else if (isFromKernel(packet, interfaces)) {
            outOf = interfaceWithAddress(interfaces, packet.vrf(), ip.sourceHigh(), ip.sourceLow());
        } else {
            boolean own = interfaces.get(packet.receiveInterface()).owns6(ip.destinationHigh(), ip.destinationLow());
            if (own) {
                context.send(packet, Out.LOCAL);
            } else {
                context.drop(packet, Drop.LINK_LOCAL_DESTINATION);
            }
            return;
        }
        if (outOf == InterfaceId.NONE) {
            context.drop(packet, Drop.LINK_LOCAL_DESTINATION);
            return;
        }
        sendOut(packet, outOf, context);
    }

    private static int interfaceWithAddress(InterfaceTable interfaces, int vrf, long high, long low) {
        for (int id = 0; id < interfaces.size(); id++) {
            RouterInterface candidate = interfaces.get(id);
            if (candidate.vrf() == vrf
                    && candidate.role() != RouterInterface.Role.LOCAL_DELIVERY
                    && candidate.owns6(high, low)) {
                return id;
            }
        }
        return InterfaceId.NONE;
    }

    private void multicast(PacketBuffer packet, InterfaceTable interfaces, StageContext context) {
        if (packet.generated() && packet.transmitInterface() != InterfaceId.NONE) {
            sendOut(packet, packet.transmitInterface(), context);
            return;
        }
        int receivedOn = packet.receiveInterface();
        if (receivedOn != InterfaceId.NONE && isJoined(interfaces.get(receivedOn), interfaces)) {
            context.send(packet, Out.LOCAL);
        } else {
            context.drop(packet, Drop.MULTICAST_NOT_JOINED);
        }
    }

    private void sendOut(PacketBuffer packet, int interfaceId, StageContext context) {
        packet.setTransmitInterface(interfaceId);
        packet.setNextHop6(ip.destinationHigh(), ip.destinationLow());
        context.send(packet, Out.OUTPUT);
    }

    private boolean isJoined(RouterInterface receivedOn, InterfaceTable interfaces) {
        long high = ip.destinationHigh();
        long low = ip.destinationLow();
        if (high == Ip6Address.ALL_NODES.high()
                && (low == Ip6Address.ALL_NODES.low() || low == Ip6Address.ALL_ROUTERS.low())) {
            return true;
        }
        if (high == ALL_ROUTERS_SITE_HIGH && low == Ip6Address.ALL_ROUTERS.low()) {
            return true;
        }
        if (high == Ip6Address.SOLICITED_NODE_HIGH
                && low >>> SOLICITED_NODE_SUFFIX_BITS == SOLICITED_NODE_LOW >>> SOLICITED_NODE_SUFFIX_BITS) {
            return ownsSolicitedNode(receivedOn, low) || mayBeNeighborDiscovery();
        }
        // Routing and naming daemons behind the TAP have groups of their own on the link.
        return (high >>> 48 & 0xf) == LINK_SCOPE
                && interfaces.localDelivery() != null
                && receivedOn.role() != RouterInterface.Role.LOCAL_DELIVERY;
    }

    /** An address that is still tentative is in no table here, yet probes for it must be seen (RFC 4862 section 5.4.3). */
    private boolean mayBeNeighborDiscovery() {
        return ip.nextHeader() == IpProtocol.ICMP6 && ip.hopLimit() == NeighborDiscoveryView.HOP_LIMIT;
    }

    private static boolean ownsSolicitedNode(RouterInterface receivedOn, long groupLow) {
        Ip6Address linkLocal = receivedOn.linkLocal();
        if (linkLocal != null && Ip6Address.solicitedNodeLow(linkLocal.low()) == groupLow) {
            return true;
        }
        List<InterfaceAddress> addresses = receivedOn.addresses();
        for (int i = 0; i < addresses.size(); i++) {
            if (addresses.get(i).address() instanceof Ip6Address own
                    && Ip6Address.solicitedNodeLow(own.low()) == groupLow) {
                return true;
            }
        }
        return false;
    }
}
