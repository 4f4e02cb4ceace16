// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.l2;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip4Address;
import io.culvert.net.MacAddress;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.NeighborSignals;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.wire.ArpView;
import io.culvert.wire.EtherType;
import io.culvert.wire.EthernetView;
import io.culvert.wire.HeaderCheck;

/**
 * Answers ARP requests for the addresses of the interface they came in on, in place, and tells the neighbor table what it
 * hears.
 *
 * <p>In: ARP packets, the window starting at the ARP header, link padding allowed. Out: replies, complete frames for the
 * interface that the request came from; everything else ends here. The neighbor table is told of a request only when it
 * has another mapping, or none, for the sender, and of every reply, as a reply is what confirms a neighbor that is being
 * probed. Only what is addressed to the router may bring a new neighbor in (RFC 826, "packet reception"); the rest updates
 * those that are known. A station that claims an own address is reported, and nothing is learned from it (RFC 5227 section
 * 2.4). Proxy ARP is not done. State: none.
 */
public final class ArpInputStage implements PacketStage {
    enum Out implements OutPort {
        REPLY(Target.arc(Arc.DEVICE_OUTPUT));

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
        TOO_SHORT("The ARP packet ends early."),
        NOT_IP4_OVER_ETHERNET("The ARP packet is not about IPv4 addresses on Ethernet."),
        OPERATION_UNKNOWN("The ARP packet is neither a request nor a reply."),
        SENDER_INVALID("The ARP packet's sender has a MAC or IPv4 address that no single station can have.");

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
        ANSWERED("Requests for an own address answered, probes included, in packets."),
        CONFLICTS("Packets in which another station claimed an own address.");

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
                    "arp-input", "Answers ARP requests for own addresses and learns from the rest.")
            .spec("RFC 826", "RFC 5227 2.1.1", "RFC 5227 2.4")
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(ArpInputStage::new);

    private final NeighborSignals signals;
    private final ArpView arp = new ArpView();
    private final EthernetView ethernet = new EthernetView();

    private ArpInputStage(StageSetup setup) {
        signals = setup.neighborSignals();
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        InterfaceTable interfaces = context.interfaces();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            receive(packet, interfaces.get(packet.receiveInterface()), context);
        }
    }

    private void receive(PacketBuffer packet, RouterInterface on, StageContext context) {
        HeaderCheck check = arp.wrap(packet, packet.l3Offset()).check();
        if (check != HeaderCheck.OK) {
            context.drop(packet, check == HeaderCheck.TOO_SHORT ? Drop.TOO_SHORT : Drop.NOT_IP4_OVER_ETHERNET);
            return;
        }
        int operation = arp.operation();
        if (operation != ArpView.REQUEST && operation != ArpView.REPLY) {
            context.drop(packet, Drop.OPERATION_UNKNOWN);
            return;
        }
        long senderMac = arp.senderMac();
        int senderIp = arp.senderIp();
        if (senderMac == on.mac()) {
            // Our own, brought back by a loop in the network below.
            context.consume(packet);
            return;
        }
        boolean probe = senderIp == 0;
        if (senderMac == 0 || MacAddress.isGroup(senderMac) || (!probe && !canBeStation(senderIp))) {
            context.drop(packet, Drop.SENDER_INVALID);
            return;
        }
        if (!probe && on.owns4(senderIp)) {
            context.count(Count.CONFLICTS, 1);
            signals.conflict4(on.id(), senderIp, senderMac);
            context.consume(packet);
            return;
        }
        boolean reply = operation == ArpView.REPLY;
        boolean toUs = on.owns4(arp.targetIp());
        if (!probe && (reply || context.neighbors().lookup4(on.id(), senderIp) != senderMac)) {
            signals.arp(on.id(), senderIp, senderMac, reply, toUs);
        }
        if (toUs && !reply) {
            answer(packet, on, senderMac, senderIp, context);
        } else {
            context.consume(packet);
        }
    }

    /** Whether one station may use an address (RFC 1122 section 3.2.1.3): not 0/8, 127/8, multicast, class E, broadcast. */
    private static boolean canBeStation(int address) {
        return address >>> 24 != 0 && !Ip4Address.isLoopback(address) && address >>> 28 < 0xe;
    }

    /** Turns a request into its reply, in the same buffer. */
    private void answer(PacketBuffer packet, RouterInterface on, long senderMac, int senderIp, StageContext context) {
        int ownIp = arp.targetIp();
        context.count(Count.ANSWERED, 1);
        context.reuse(packet);
        arp.encode(ArpView.REPLY, on.mac(), ownIp, senderMac, senderIp);
        packet.setWindow(arp.offset(), ArpView.PACKET_BYTES);
        packet.prepend(EthernetView.HEADER_BYTES);
        ethernet.wrap(packet, packet.start()).encode(senderMac, on.mac(), EtherType.ARP);
        packet.setL2Offset(packet.start());
        packet.clearOffloads();
        packet.setLinkBroadcast(false);
        packet.setReceiveInterface(InterfaceId.NONE);
        packet.setTransmitInterface(on.id());
        context.send(packet, Out.REPLY);
    }
}
