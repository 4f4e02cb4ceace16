// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip4Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.FibView;
import io.culvert.spi.NextHop;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.Icmp4View;
import io.culvert.wire.Ip4View;

/**
 * Decides where an IPv4 packet goes.
 *
 * <p>In: packets that {@code ip4-input} has let in, and the router's own, whose window starts at the IPv4 header. Out:
 * {@code FORWARD} for transit and {@code OUTPUT} for what the router or its kernel originates, with transmit interface
 * and next hop set; {@code LOCAL} for the router itself; {@code ERROR} for what its sender should be told about. Bytes
 * are not changed.
 *
 * <p>Among equal routes the flow hash chooses. Never forwarded: broadcasts, limited or directed at a connected network
 * (RFC 2644), multicast, which has no routing here, link-local addresses (RFC 3927 section 7), and unicast that came in
 * as a link-layer broadcast (RFC 1812 section 5.3.4). Broadcasts on the network they came from and multicast in
 * 224.0.0.0/24 are for the router.
 */
public final class Ip4LookupStage implements PacketStage {
    enum Out implements OutPort {
        FORWARD(Target.arc(Arc.IP4_FORWARD)),
        OUTPUT(Target.arc(Arc.IP4_OUTPUT)),
        LOCAL(Target.arc(Arc.IP4_LOCAL)),
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
        NO_ROUTE("The router originated a packet for an address that no route holds, or that is refused."),
        BLACKHOLE("The route to the destination says to drop in silence."),
        LINK_BROADCAST("A packet for one host came as a link-layer broadcast or multicast."),
        LIMITED_BROADCAST("The router's kernel sent to 255.255.255.255, which names no interface."),
        DIRECTED_BROADCAST("The packet was for the broadcast address of a network other than the one it came from."),
        MULTICAST("The packet was for a multicast group, and multicast is not routed."),
        LINK_LOCAL("A link-local address, 169.254.0.0/16, may not be forwarded.");

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
        NO_ROUTE("Packets in transit for an address that no route holds; their senders are told."),
        UNREACHABLE("Packets refused by a route with action unreachable; their senders are told."),
        PROHIBITED("Packets refused by a route with action prohibit; their senders are told.");

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
                    "ip4-lookup", "Finds the route of IPv4 packets and whether they are for the router itself.")
            .spec("RFC 1812 5.2.4.3", "RFC 1812 5.3.4", "RFC 1812 5.3.5", "RFC 2644", "RFC 3927 7", "RFC 8950")
            .arc(Arc.IP4_UNICAST)
            .terminal()
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new Ip4LookupStage());

    private static final int LIMITED_BROADCAST = 0xffff_ffff;
    /** 224.0.0.0/24, the Local Network Control Block (RFC 5771 section 4). */
    private static final int LOCAL_CONTROL = 0xe00000;

    private final Ip4View ip = new Ip4View();
    private final FibEntry[] entries = new FibEntry[PacketVector.MAX_CAPACITY];

    private Ip4LookupStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        FibView fib = context.fib();
        RouterInterface delivery = context.interfaces().localDelivery();
        int kernelSide = delivery == null ? InterfaceId.NONE : delivery.id();
        // Nothing here waits for another lookup: among many routes their cache misses wait together.
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            ip.wrap(packet, packet.start());
            entries[i] = fib.lookup4(packet.vrf(), ip.destination());
        }
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            FibEntry entry = entries[i];
            ip.wrap(packet, packet.start());
            int destination = ip.destination();
            boolean own = packet.generated() || packet.receiveInterface() == kernelSide;
            if (Ip4Address.isMulticast(destination)) {
                multicast(packet, entry, destination, own, context);
            } else if (destination == LIMITED_BROADCAST) {
                if (own) {
                    context.drop(packet, Drop.LIMITED_BROADCAST);
                } else {
                    context.send(packet, Out.LOCAL);
                }
            } else if (packet.linkBroadcast() && !own) {
                broadcastFrame(packet, entry, context);
            } else {
                unicast(packet, entry, destination, own, context);
            }
        }
    }

    private static void multicast(PacketBuffer packet, FibEntry entry, int group, boolean own, StageContext context) {
        if (own) {
            // Which interface a daemon behind the TAP meant is not told; a route for the group may.
            if (entry.action() == FibAction.FORWARD && entry.prefixLength() >= 4) {
                output(packet, entry.select(packet.flowHash()), group);
                context.send(packet, Out.OUTPUT);
                return;
            }
        } else if (group >>> 8 == LOCAL_CONTROL) {
            context.send(packet, Out.LOCAL);
            return;
        }
        context.drop(packet, Drop.MULTICAST);
    }

    /** A frame to all stations may hold a broadcast of its network, but nothing to be forwarded. */
    private static void broadcastFrame(PacketBuffer packet, FibEntry entry, StageContext context) {
        if (entry.action() == FibAction.BROADCAST) {
            broadcast(packet, entry, context);
        } else {
            context.drop(packet, Drop.LINK_BROADCAST);
        }
    }

    private static void broadcast(PacketBuffer packet, FibEntry entry, StageContext context) {
        if (entry.nextHop(0).interfaceId() == packet.receiveInterface()) {
            context.send(packet, Out.LOCAL);
        } else {
            context.drop(packet, Drop.DIRECTED_BROADCAST);
        }
    }

    private void unicast(PacketBuffer packet, FibEntry entry, int destination, boolean own, StageContext context) {
        switch (entry.action()) {
            case FORWARD -> {
                if (own) {
                    output(packet, entry.select(packet.flowHash()), destination);
                    context.send(packet, Out.OUTPUT);
                } else if (Ip4Address.isLinkLocal(destination) || Ip4Address.isLinkLocal(ip.source())) {
                    context.drop(packet, Drop.LINK_LOCAL);
                } else {
                    output(packet, entry.select(packet.flowHash()), destination);
                    context.send(packet, Out.FORWARD);
                }
            }
            case LOCAL -> context.send(packet, Out.LOCAL);
            case BROADCAST -> {
                if (own) {
                    output(packet, entry.nextHop(0), destination);
                    context.send(packet, Out.OUTPUT);
                } else {
                    broadcast(packet, entry, context);
                }
            }
            case NO_ROUTE -> refuse(packet, Icmp4View.NET_UNREACHABLE, Count.NO_ROUTE, context);
            case UNREACHABLE -> refuse(packet, Icmp4View.HOST_UNREACHABLE, Count.UNREACHABLE, context);
            case PROHIBIT -> refuse(packet, Icmp4View.COMMUNICATION_PROHIBITED, Count.PROHIBITED, context);
            case BLACKHOLE -> context.drop(packet, Drop.BLACKHOLE);
        }
    }

    private static void output(PacketBuffer packet, NextHop hop, int destination) {
        packet.setTransmitInterface(hop.interfaceId());
        if (hop.onLink()) {
            packet.setNextHop4(destination);
        } else if (hop.gatewayIs6()) {
            packet.setNextHop6(hop.gateway6High(), hop.gateway6Low());
        } else {
            packet.setNextHop4(hop.gateway4());
        }
    }

    /** The kernel is told like any other sender; the router itself has nobody to tell. */
    private static void refuse(PacketBuffer packet, int code, Count count, StageContext context) {
        if (packet.generated()) {
            context.drop(packet, Drop.NO_ROUTE);
            return;
        }
        context.count(count, 1);
        packet.setIcmpError(Icmp4View.DESTINATION_UNREACHABLE, code, 0);
        context.send(packet, Out.ERROR);
    }
}
