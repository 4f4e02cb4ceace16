// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import io.culvert.net.Ip6Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.DropReason;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.FlowHash;
import io.culvert.wire.Ip6ExtensionChain;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.NeighborDiscoveryView;
import org.jspecify.annotations.Nullable;

/**
 * Checks the header of every IPv6 packet that comes in, and finds what the other stages need of it.
 *
 * <p>In: a packet whose window starts at its IPv6 header, receive interface and VRF set. Out: the same, link padding cut
 * off, with flow hash and, where the extension chain could be read to its end, transport offset. A chain that cannot be
 * read is no reason to drop here: it is for the destination to judge (RFC 8200 section 4). Writes no byte.
 *
 * <p>A packet with one of the router's own addresses as its source is forged, but for what the kernel sends through the
 * local-delivery TAP, and for Neighbor Discovery, by which another node with the same address makes itself known.
 */
public final class Ip6InputStage implements PacketStage {
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

    enum Drop implements DropReason {
        TOO_SHORT("The packet ends before its IPv6 header does."),
        BAD_VERSION("The version field does not say 6."),
        BAD_LENGTH("The payload length is more than the packet holds."),
        JUMBOGRAM("The length is in a jumbo payload option, which the router does not read."),
        MARTIAN_SOURCE(
                "The source is a multicast, loopback or IPv4-mapped address, or none where only multicast may have none."),
        OWN_SOURCE(
                "The source is one of the router's own addresses: the packet is forged or has come round in a loop."),
        MARTIAN_DESTINATION(
                "The destination is the loopback or unspecified address, or multicast that leaves no node.");

        private final String text;

        Drop(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    public static final StageDescriptor DESCRIPTOR = StageDescriptor.named(
                    "ip6-input", "Checks IPv6 headers and addresses, trims padding and computes the flow hash.")
            .spec("RFC 8200 3", "RFC 8200 4", "RFC 4291 2.5.2", "RFC 4291 2.5.3", "RFC 4291 2.7")
            .arc(Arc.IP6_UNICAST)
            .outputs(Out.values())
            .drops(Drop.values())
            .factory(setup -> new Ip6InputStage());

    /** ::ffff:0:0/96, which no packet on a wire has (RFC 4291 section 2.5.5.2). */
    private static final long IP4_MAPPED = 0xffffL;

    private final Ip6View ip = new Ip6View();
    private final Ip6ExtensionChain chain = new Ip6ExtensionChain();

    private InterfaceTable knownInterfaces = InterfaceTable.EMPTY;
    /** One bit for the hash of each own address: what it rules out, nearly everything, need not be searched for. */
    private long ownAddressFilter;

    Ip6InputStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        InterfaceTable interfaces = context.interfaces();
        if (interfaces != knownInterfaces) {
            learnOwnAddresses(interfaces);
        }
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            Drop fault = judge(packet, interfaces.get(packet.receiveInterface()));
            if (fault == null) {
                context.send(packet, Out.NEXT);
            } else {
                context.drop(packet, fault);
            }
        }
    }

    /** What is wrong with a packet, or null. */
    private @Nullable Drop judge(PacketBuffer packet, RouterInterface receivedOn) {
        ip.wrap(packet, packet.l3Offset());
        switch (ip.check()) {
            case OK -> {}
            case BAD_VERSION -> {
                return Drop.BAD_VERSION;
            }
            case BAD_TOTAL_LENGTH -> {
                return Drop.BAD_LENGTH;
            }
            default -> {
                return Drop.TOO_SHORT;
            }
        }
        if (ip.payloadLength() == 0 && ip.nextHeader() == IpProtocol.HOP_BY_HOP) {
            return Drop.JUMBOGRAM; // RFC 2675 section 2; cut to its length field it would be another packet
        }
        packet.setEnd(ip.end());
        if (isMartianDestination(ip.destinationHigh(), ip.destinationLow())) {
            return Drop.MARTIAN_DESTINATION;
        }
        if (isMartianSource(ip.sourceHigh(), ip.sourceLow())) {
            return Drop.MARTIAN_SOURCE;
        }
        Ip6ExtensionChain.Outcome outcome = chain.walk(ip);
        if (isForged(receivedOn)) {
            return Drop.OWN_SOURCE;
        }
        packet.setL4Offset(outcome == Ip6ExtensionChain.Outcome.COMPLETE ? chain.upperOffset() : PacketBuffer.UNKNOWN);
        packet.setFlowHash(FlowHash.ip6(ip, chain));
        return null;
    }

    private static boolean isMartianDestination(long high, long low) {
        if (Ip6Address.isMulticast(high)) {
            // Scopes 0 and 1 never leave the node that sent them (RFC 4291 section 2.7).
            return (high >>> 48 & 0xf) <= 1;
        }
        return high == 0 && (low == 0 || low == 1);
    }

    private boolean isMartianSource(long high, long low) {
        if (Ip6Address.isUnspecified(high, low)) {
            // Only a node without an address sends this, to its own link (RFC 4291 section 2.5.2).
            return !Ip6Address.isMulticast(ip.destinationHigh());
        }
        return Ip6Address.isMulticast(high) || (high == 0 && (low == 1 || low >>> 32 == IP4_MAPPED));
    }

    private boolean isForged(RouterInterface receivedOn) {
        return receivedOn.role() != RouterInterface.Role.LOCAL_DELIVERY
                && isOwn(receivedOn, ip.sourceHigh(), ip.sourceLow())
                && !mayBeNeighborDiscovery();
    }

    private boolean mayBeNeighborDiscovery() {
        return chain.upperProtocol() == IpProtocol.ICMP6
                && ip.hopLimit() == NeighborDiscoveryView.HOP_LIMIT
                && Ip6Address.isMulticast(ip.destinationHigh());
    }

    private boolean isOwn(RouterInterface receivedOn, long high, long low) {
        if (Ip6Address.isLinkLocal(high)) {
            // The same link-local address on another link is somebody else's.
            return receivedOn.owns6(high, low);
        }
        if ((ownAddressFilter & filterBit(high, low)) == 0) {
            return false;
        }
        for (int id = 0; id < knownInterfaces.size(); id++) {
            RouterInterface candidate = knownInterfaces.get(id);
            if (candidate.vrf() == receivedOn.vrf() && candidate.owns6(high, low)) {
                return true;
            }
        }
        return false;
    }

    private void learnOwnAddresses(InterfaceTable interfaces) {
        knownInterfaces = interfaces;
        ownAddressFilter = 0;
        for (int id = 0; id < interfaces.size(); id++) {
            var addresses = interfaces.get(id).addresses();
            for (int i = 0; i < addresses.size(); i++) {
                if (addresses.get(i).address() instanceof Ip6Address own) {
                    ownAddressFilter |= filterBit(own.high(), own.low());
                }
            }
        }
    }

    private static long filterBit(long high, long low) {
        return 1L << ((high ^ low) * 0x9e37_79b9_7f4a_7c15L >>> 58);
    }
}
