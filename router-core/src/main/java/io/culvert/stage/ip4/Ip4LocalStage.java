// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

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
import io.culvert.wire.Icmp4View;
import io.culvert.wire.Ip4View;
import io.culvert.wire.IpProtocol;

/**
 * Hands IPv4 packets for the router itself to whoever answers them.
 *
 * <p>In: checked IPv4 packets for own addresses, broadcasts and link-local multicast. With a local-delivery TAP, out:
 * {@code DELIVER} for all of them. Without: {@code ECHO} for ICMP echo requests; {@code REFUSE} for what is not ICMP;
 * other ICMP is consumed, since the router has no connections that an error or a reply could be about. Bytes are not
 * changed.
 */
public final class Ip4LocalStage implements PacketStage {
    enum Out implements OutPort {
        DELIVER(Target.stage("local-delivery")),
        ECHO(Target.stage("icmp4-echo")),
        REFUSE(Target.stage("ip4-refuse"));

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
        FRAGMENT("A fragment that was not put together came for the router itself."),
        ICMP_TOO_SHORT("An ICMP message for the router ended before its header did.");

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
        ICMP_IGNORED("ICMP messages for the router, other than echo requests, that it has no use for.");

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
                    "ip4-local", "Gives IPv4 packets for the router to the kernel, or to the stages that answer.")
            .spec("RFC 1812 5.2.3", "RFC 1122 3.2.2")
            .arc(Arc.IP4_LOCAL)
            .terminal()
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new Ip4LocalStage());

    private final Ip4View ip = new Ip4View();
    private final Icmp4View icmp = new Icmp4View();

    private Ip4LocalStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        RouterInterface delivery = context.interfaces().localDelivery();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            if (delivery == null) {
                answer(packet, context);
            } else if (!packet.generated() && packet.receiveInterface() == delivery.id()) {
                context.drop(packet, Drop.FROM_KERNEL);
            } else {
                context.send(packet, Out.DELIVER);
            }
        }
    }

    private void answer(PacketBuffer packet, StageContext context) {
        ip.wrap(packet, packet.start());
        if (ip.isFragment()) {
            context.drop(packet, Drop.FRAGMENT);
        } else if (ip.protocol() != IpProtocol.ICMP) {
            context.send(packet, Out.REFUSE);
        } else if (ip.payloadLength() < Icmp4View.HEADER_BYTES) {
            context.drop(packet, Drop.ICMP_TOO_SHORT);
        } else if (icmp.wrap(packet, ip.payloadOffset()).type() == Icmp4View.ECHO_REQUEST) {
            context.send(packet, Out.ECHO);
        } else {
            context.count(Count.ICMP_IGNORED, 1);
            context.consume(packet);
        }
    }
}
