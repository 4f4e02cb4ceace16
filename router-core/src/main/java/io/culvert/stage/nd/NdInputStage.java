// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.nd;

import io.culvert.net.Ip6Address;
import io.culvert.net.MacAddress;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.NeighborSignals;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.wire.EtherType;
import io.culvert.wire.EthernetView;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Ip6ExtensionChain;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.NdOptions;
import io.culvert.wire.NeighborDiscoveryView;
import org.jspecify.annotations.Nullable;

/**
 * Reads Neighbor Discovery: answers solicitations for the router's own addresses, and tells the slow path what the others
 * say.
 *
 * <p>In: Neighbor Discovery messages, transport offset set, that came in by Ethernet, their link header still in front.
 * Out: advertisements, made in the same buffer, complete with link header, for the interface the question came by. All
 * else ends here. A message that fails any test of RFC 4861, or came in fragments (RFC 6980), is dropped by name.
 *
 * <p>A solicitation from nowhere is a node that probes whether an address is free (RFC 4862 section 5.4.3): it is told when
 * the address is the router's, and the slow path is told always, which knows the addresses that the router itself is still
 * probing for. An advertisement of an own address is a conflict. Router advertisements and redirects are for hosts
 * (RFC 4861 sections 6.2.7 and 8.2) and change nothing here.
 */
public final class NdInputStage implements PacketStage {
    enum Out implements OutPort {
        ANSWER(Target.arc(Arc.DEVICE_OUTPUT));

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
        NOT_ON_ETHERNET("The link has no link-layer addresses, hence no neighbors to discover."),
        FRAGMENTED("The message came with a Fragment header, which RFC 6980 forbids."),
        TOO_SHORT("The message ends before its fixed part does."),
        BAD_TYPE("The ICMPv6 type is not one of Neighbor Discovery."),
        BAD_HOP_LIMIT("The hop limit is not 255: the message has passed a router, or pretends to be from this link."),
        BAD_CHECKSUM("The ICMPv6 checksum is wrong."),
        BAD_CODE("The ICMPv6 code is not 0."),
        BAD_ADDRESS("The source, destination or target address is not one that such a message may have."),
        BAD_OPTION("An option is malformed or must not be in such a message."),
        GROUP_LINK_ADDRESS("An option gives a multicast address as a node's link-layer address."),
        OWN_FRAME("The router's own message came back to it: the link has a loop.");

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
        SOLICITATIONS_ANSWERED("Neighbor solicitations for own addresses, answered."),
        SOLICITATIONS_FOR_OTHERS("Neighbor solicitations for addresses that are not the router's."),
        ADVERTISEMENTS("Neighbor advertisements received."),
        CONFLICTS("Advertisements of, and probes for, an address that is the router's."),
        ROUTER_SOLICITATIONS("Router solicitations received."),
        FOR_HOSTS("Router advertisements and redirects received, which a router does not follow.");

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
                    "nd-input", "Answers neighbor solicitations and reads the other Neighbor Discovery messages.")
            .spec("RFC 4861 6.1", "RFC 4861 7.1", "RFC 4861 7.2.3", "RFC 4861 7.2.4", "RFC 4862 5.4", "RFC 6980")
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(NdInputStage::new);

    private static final int ANSWER_BYTES =
            NeighborDiscoveryView.NEIGHBOR_ADVERTISEMENT_BYTES + NdOptions.LINK_LAYER_BYTES;

    private final NeighborSignals signals;
    private final EthernetView ethernet = new EthernetView();
    private final Ip6View ip = new Ip6View();
    private final Ip6ExtensionChain chain = new Ip6ExtensionChain();
    private final NeighborDiscoveryView message = new NeighborDiscoveryView();
    private final NdOptions option = new NdOptions();

    NdInputStage(StageSetup setup) {
        signals = setup.neighborSignals();
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            RouterInterface on = context.interfaces().get(packet.receiveInterface());
            Drop fault = judge(packet, on);
            if (fault != null) {
                context.drop(packet, fault);
            } else {
                read(packet, on, context);
            }
        }
    }

    private @Nullable Drop judge(PacketBuffer packet, RouterInterface on) {
        if (on.link() != RouterInterface.Link.ETHERNET || packet.l2Offset() == PacketBuffer.UNKNOWN) {
            return Drop.NOT_ON_ETHERNET;
        }
        chain.walk(ip.wrap(packet, packet.l3Offset()));
        if (chain.fragmentHeaderOffset() != PacketBuffer.UNKNOWN) {
            return Drop.FRAGMENTED;
        }
        Drop fault = faultOf(message.wrap(packet, packet.l4Offset()).check(ip));
        if (fault != null) {
            return fault;
        }
        return ethernet.wrap(packet, packet.l2Offset()).source() == on.mac() ? Drop.OWN_FRAME : null;
    }

    private static @Nullable Drop faultOf(HeaderCheck check) {
        return switch (check) {
            case OK -> null;
            case TOO_SHORT, BAD_VERSION, BAD_HEADER_LENGTH, BAD_TOTAL_LENGTH -> Drop.TOO_SHORT;
            case BAD_TYPE -> Drop.BAD_TYPE;
            case BAD_HOP_LIMIT -> Drop.BAD_HOP_LIMIT;
            case BAD_CHECKSUM -> Drop.BAD_CHECKSUM;
            case BAD_CODE -> Drop.BAD_CODE;
            case BAD_ADDRESS -> Drop.BAD_ADDRESS;
            case BAD_OPTION -> Drop.BAD_OPTION;
        };
    }

    private void read(PacketBuffer packet, RouterInterface on, StageContext context) {
        int type = message.type();
        long mac = message.linkLayerAddress(
                type == NeighborDiscoveryView.NEIGHBOR_ADVERTISEMENT
                        ? NdOptions.TARGET_LINK_LAYER
                        : NdOptions.SOURCE_LINK_LAYER);
        if (mac != NeighborDiscoveryView.NO_ADDRESS && isNoStation(mac)) {
            context.drop(packet, Drop.GROUP_LINK_ADDRESS);
            return;
        }
        switch (type) {
            case NeighborDiscoveryView.NEIGHBOR_SOLICITATION -> solicitation(packet, on, mac, context);
            case NeighborDiscoveryView.NEIGHBOR_ADVERTISEMENT -> {
                advertisement(on, mac, context);
                context.consume(packet);
            }
            case NeighborDiscoveryView.ROUTER_SOLICITATION -> {
                context.count(Count.ROUTER_SOLICITATIONS, 1);
                signals.routerSolicitation(on.id(), ip.sourceHigh(), ip.sourceLow(), mac);
                context.consume(packet);
            }
            default -> {
                context.count(Count.FOR_HOSTS, 1);
                context.consume(packet);
            }
        }
    }

    private void advertisement(RouterInterface on, long mac, StageContext context) {
        long high = message.targetHigh();
        long low = message.targetLow();
        context.count(Count.ADVERTISEMENTS, 1);
        if (on.owns6(high, low)) {
            context.count(Count.CONFLICTS, 1);
            signals.conflict6(on.id(), high, low);
        } else {
            signals.advertisement(on.id(), high, low, mac, message.router(), message.solicited(), message.override());
        }
    }

    private void solicitation(PacketBuffer packet, RouterInterface on, long mac, StageContext context) {
        long high = message.targetHigh();
        long low = message.targetLow();
        boolean own = on.owns6(high, low);
        boolean probe = Ip6Address.isUnspecified(ip.sourceHigh(), ip.sourceLow());
        if (probe) {
            if (own) {
                context.count(Count.CONFLICTS, 1);
            }
            signals.conflict6(on.id(), high, low);
        }
        if (!own) {
            context.count(Count.SOLICITATIONS_FOR_OTHERS, 1);
            context.consume(packet);
            return;
        }
        // A frame from here to there is about to leave, so it is right that the lookup marks the entry as used.
        if (!probe
                && mac != NeighborDiscoveryView.NO_ADDRESS
                && context.neighbors().lookup6(on.id(), ip.sourceHigh(), ip.sourceLow()) != mac) {
            signals.solicitation(on.id(), ip.sourceHigh(), ip.sourceLow(), mac);
        }
        answer(packet, on, probe, mac, high, low);
        context.reuse(packet);
        context.count(Count.SOLICITATIONS_ANSWERED, 1);
        context.send(packet, Out.ANSWER);
    }

    /** Writes the advertisement over the solicitation (RFC 4861 section 7.2.4). */
    private void answer(PacketBuffer packet, RouterInterface on, boolean probe, long mac, long high, long low) {
        long toHigh = probe ? Ip6Address.ALL_NODES.high() : ip.sourceHigh();
        long toLow = probe ? Ip6Address.ALL_NODES.low() : ip.sourceLow();
        long toMac;
        if (probe) {
            toMac = MacAddress.ofIp6Multicast(toLow);
        } else if (mac != NeighborDiscoveryView.NO_ADDRESS) {
            toMac = mac;
        } else {
            // A solicitation to one node only may leave the option out; the frame names its sender all the same.
            toMac = ethernet.source();
        }
        int at = packet.l3Offset();
        int frameAt = at - EthernetView.HEADER_BYTES;
        packet.setWindow(frameAt, EthernetView.HEADER_BYTES + Ip6View.HEADER_BYTES + ANSWER_BYTES);
        packet.clearOffloads();
        packet.setL2Offset(frameAt);
        packet.setL4Offset(at + Ip6View.HEADER_BYTES);
        packet.setLinkBroadcast(false);
        packet.setTransmitInterface(on.id());
        ethernet.wrap(packet, frameAt).encode(toMac, on.mac(), EtherType.IP6);
        ip.wrap(packet, at)
                .encode(
                        0,
                        0,
                        ANSWER_BYTES,
                        IpProtocol.ICMP6,
                        NeighborDiscoveryView.HOP_LIMIT,
                        high,
                        low,
                        toHigh,
                        toLow);
        message.wrap(packet, packet.l4Offset()).encodeNeighborAdvertisement(true, !probe, true, high, low);
        option.wrap(packet, message.optionsOffset()).encodeLinkLayer(NdOptions.TARGET_LINK_LAYER, on.mac());
        message.updateChecksum(ip);
    }

    private static boolean isNoStation(long mac) {
        return mac == 0 || MacAddress.isGroup(mac);
    }
}
