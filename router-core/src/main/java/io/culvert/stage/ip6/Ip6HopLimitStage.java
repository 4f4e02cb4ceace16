// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.Icmp6View;
import io.culvert.wire.Ip6View;

/**
 * Takes one off the hop limit of IPv6 packets in transit.
 *
 * <p>In: checked IPv6 packets with a way out. Out: the same with the hop limit decremented; those that arrived with 0 or 1
 * go unchanged to the error stage as "hop limit exceeded" (RFC 8200 section 3, RFC 4443 section 3.3). Writes byte 7 of the
 * header, which no checksum covers.
 */
public final class Ip6HopLimitStage implements PacketStage {
    enum Out implements OutPort {
        NEXT(Target.next()),
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

    enum Count implements CounterId {
        EXPIRED("Packets that arrived with a hop limit of 0 or 1 and were to be forwarded.");

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
                    "ip6-hop-limit", "Decrements the hop limit of IPv6 packets in transit.")
            .spec("RFC 8200 3", "RFC 4443 3.3")
            .arc(Arc.IP6_FORWARD)
            .outputs(Out.values())
            .counters(Count.values())
            .factory(setup -> new Ip6HopLimitStage());

    private final Ip6View ip = new Ip6View();

    Ip6HopLimitStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        boolean allLive = true;
        for (int i = 0; i < packets.size(); i++) {
            allLive &= isLive(packets.get(i));
        }
        if (allLive) {
            for (int i = 0; i < packets.size(); i++) {
                decrement(packets.get(i));
            }
            context.sendAll(packets, Out.NEXT);
            return;
        }
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            if (isLive(packet)) {
                decrement(packet);
                context.send(packet, Out.NEXT);
            } else {
                context.count(Count.EXPIRED, 1);
                packet.setIcmpError(Icmp6View.TIME_EXCEEDED, Icmp6View.HOP_LIMIT_EXCEEDED, 0);
                context.send(packet, Out.ERROR);
            }
        }
    }

    private boolean isLive(PacketBuffer packet) {
        return ip.wrap(packet, packet.l3Offset()).hopLimit() > 1;
    }

    private void decrement(PacketBuffer packet) {
        ip.wrap(packet, packet.l3Offset()).decrementHopLimit();
    }
}
