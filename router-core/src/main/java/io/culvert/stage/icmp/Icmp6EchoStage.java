// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.icmp;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip6Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp6View;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;

/**
 * Answers ICMPv6 echo requests for the router itself.
 *
 * <p>In: echo requests, whole, transport offset set. Out: the reply, made in the same buffer, recirculated to the lookup.
 * Identifier, sequence number and data stay as they are (RFC 4443 section 4.2); extension headers are left out. The source
 * is the address that was asked; for a group it is the receiving interface's, link-local for a link-local asker.
 */
public final class Icmp6EchoStage implements PacketStage {
    enum Out implements OutPort {
        REPLY(Target.recirculate("ip6-lookup"));

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
        BAD_CHECKSUM("The ICMPv6 checksum is wrong."),
        BAD_CODE("The code of the echo request is not 0, its only one."),
        NO_SOURCE("The asker gave no address to answer to."),
        NO_ADDRESS("The interface asked by its group has no address to answer from.");

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
        REPLIES("Echo requests answered.");

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
                    "icmp6-echo", "Answers ICMPv6 echo requests for the router itself.")
            .spec("RFC 4443 4.1", "RFC 4443 4.2")
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new Icmp6EchoStage());

    private static final int HOP_LIMIT = 64;

    private final Ip6View ip = new Ip6View();
    private final Icmp6View icmp = new Icmp6View();

    Icmp6EchoStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        for (int i = 0; i < packets.size(); i++) {
            answer(packets.get(i), context);
        }
    }

    private void answer(PacketBuffer packet, StageContext context) {
        ip.wrap(packet, packet.l3Offset());
        icmp.wrap(packet, packet.l4Offset());
        if (icmp.check(ip) != HeaderCheck.OK) {
            context.drop(packet, Drop.BAD_CHECKSUM);
            return;
        }
        if (icmp.code() != 0) {
            context.drop(packet, Drop.BAD_CODE);
            return;
        }
        long toHigh = ip.sourceHigh();
        long toLow = ip.sourceLow();
        if (Ip6Address.isUnspecified(toHigh, toLow)) {
            context.drop(packet, Drop.NO_SOURCE);
            return;
        }
        long fromHigh = ip.destinationHigh();
        long fromLow = ip.destinationLow();
        if (Ip6Address.isMulticast(fromHigh)) {
            RouterInterface asked = context.interfaces().get(packet.receiveInterface());
            Ip6Address own = Ip6Address.isLinkLocal(toHigh) ? asked.linkLocal() : asked.firstAddress6();
            if (own == null) {
                context.drop(packet, Drop.NO_ADDRESS);
                return;
            }
            fromHigh = own.high();
            fromLow = own.low();
        }
        reply(packet, ip.trafficClass(), fromHigh, fromLow, toHigh, toLow);
        context.reuse(packet);
        context.count(Count.REPLIES, 1);
        context.send(packet, Out.REPLY);
    }

    private void reply(PacketBuffer packet, int trafficClass, long fromHigh, long fromLow, long toHigh, long toLow) {
        int at = packet.l4Offset() - Ip6View.HEADER_BYTES;
        int bytes = packet.end() - packet.l4Offset();
        packet.trimFront(at - packet.start());
        packet.clearOffloads();
        packet.setL2Offset(PacketBuffer.UNKNOWN);
        packet.setL3Offset(at);
        packet.setLinkBroadcast(false);
        packet.setTransmitInterface(InterfaceId.NONE);
        // The asker's DSCP serves its flow both ways; congestion was experienced on the way here only.
        int dscpAlone = trafficClass & ~3;
        ip.wrap(packet, at).encode(dscpAlone, 0, bytes, IpProtocol.ICMP6, HOP_LIMIT, fromHigh, fromLow, toHigh, toLow);
        icmp.rewriteType(Icmp6View.ECHO_REPLY);
        icmp.updateChecksum(ip);
    }
}
