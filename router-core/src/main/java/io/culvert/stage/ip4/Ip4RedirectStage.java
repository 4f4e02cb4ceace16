// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
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
import io.culvert.wire.Icmp4View;
import io.culvert.wire.Ip4View;

/**
 * Tells a host on the link that there is a better first hop than this router.
 *
 * <p>In: IPv4 packets in transit with their route decided. Out: {@code NEXT} for every one, unchanged; {@code REDIRECT} for
 * a copy of the head of one that leaves by the interface it came in on, when that is an Ethernet interface with redirects
 * switched on, and source and next hop are both in one network there (RFC 1812 section 5.2.7.2). Always a redirect for a
 * host: its mask is not known to the receiver.
 */
public final class Ip4RedirectStage implements PacketStage {
    enum Out implements OutPort {
        NEXT(Target.next()),
        REDIRECT(Target.stage("icmp4-error"));

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
        REDIRECTED("Packets that left by the interface they came in on, whose senders are told of the better way.");

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
                    "ip4-redirect", "Tells hosts on the link of a better first hop for IPv4, where switched on.")
            .spec("RFC 792", "RFC 1812 5.2.7.2")
            .arc(Arc.IP4_FORWARD)
            .after("ip4-ttl")
            .outputs(Out.values())
            .counters(Count.values())
            .factory(setup -> new Ip4RedirectStage());

    /** As much as an ICMP error quotes (RFC 1812 section 4.3.2.3). */
    private static final int HEAD_BYTES = 576 - Ip4View.HEADER_BYTES - Icmp4View.HEADER_BYTES;

    private final Ip4View ip = new Ip4View();

    private Ip4RedirectStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        InterfaceTable interfaces = context.interfaces();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            if (packet.receiveInterface() == packet.transmitInterface() && deserves(packet, interfaces)) {
                redirect(packet, context);
            }
            context.send(packet, Out.NEXT);
        }
    }

    private boolean deserves(PacketBuffer packet, InterfaceTable interfaces) {
        int id = packet.receiveInterface();
        if (id < 0 || id >= interfaces.size()) {
            return false;
        }
        RouterInterface link = interfaces.get(id);
        if (!link.redirects() || link.link() != RouterInterface.Link.ETHERNET || packet.nextHopIs6()) {
            return false;
        }
        int source = ip.wrap(packet, packet.start()).source();
        for (int i = 0; i < link.addresses().size(); i++) {
            InterfaceAddress own = link.addresses().get(i);
            if (own.address() instanceof Ip4Address ip4) {
                int mask = Ip4Prefix.mask(own.prefixLength());
                if (((ip4.value() ^ source) & mask) == 0 && ((ip4.value() ^ packet.nextHop4()) & mask) == 0) {
                    return true;
                }
            }
        }
        return false;
    }

    private static void redirect(PacketBuffer packet, StageContext context) {
        PacketBuffer head = context.originate();
        if (head == null) {
            return; // the packet itself needs no other buffer, and is told about with the next one
        }
        int length = Math.min(packet.length(), HEAD_BYTES);
        head.copyRoutingFrom(packet);
        head.setWindow(PacketBuffer.HEADROOM, length);
        head.copyFrom(packet, packet.start(), head.start(), length);
        head.setL3Offset(head.start());
        head.setIcmpError(Icmp4View.REDIRECT, Icmp4View.REDIRECT_HOST, packet.nextHop4());
        context.count(Count.REDIRECTED, 1);
        context.send(head, Out.REDIRECT);
    }
}
