// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.Icmp4View;
import io.culvert.wire.Ip4View;

/**
 * Takes one off the TTL of IPv4 packets in transit and repairs the header checksum.
 *
 * <p>In: checked IPv4 packets for somebody else; it stands on the forward arc because a router must not look at the TTL
 * of what is addressed to itself (RFC 1812 section 4.2.2.9). Out: {@code NEXT}; {@code ERROR}, unchanged, when the TTL
 * was 0 or 1.
 */
public final class Ip4TtlStage implements PacketStage {
    enum Out implements OutPort {
        NEXT(Target.next()),
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

    enum Count implements CounterId {
        TTL_EXPIRED("Packets whose TTL was 0 or 1 on arrival; their senders are told.");

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
                    "ip4-ttl", "Decrements the TTL of forwarded IPv4 packets.")
            .spec("RFC 1812 5.3.1", "RFC 1624 3")
            .arc(Arc.IP4_FORWARD)
            .outputs(Out.values())
            .counters(Count.values())
            .factory(setup -> new Ip4TtlStage());

    private final Ip4View ip = new Ip4View();

    private Ip4TtlStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            ip.wrap(packet, packet.start());
            if (ip.ttl() > 1) {
                ip.decrementTtl();
                context.send(packet, Out.NEXT);
            } else {
                context.count(Count.TTL_EXPIRED, 1);
                packet.setIcmpError(Icmp4View.TIME_EXCEEDED, Icmp4View.TTL_EXCEEDED, 0);
                context.send(packet, Out.ERROR);
            }
        }
    }
}
