// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.DropReason;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.spi.TokenBucket;
import io.culvert.wire.Icmp6View;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.NeighborDiscoveryView;

/**
 * Limits how many packets reach the router itself, so that a flood for it cannot take the time of what it forwards
 * (RFC 6192).
 *
 * <p>In: IPv6 packets for the router. Out: the same while the rate allows. The limit is one for both families and all
 * lanes. Neighbor Discovery passes it by, as ARP does: whoever floods the router must not make it lose its neighbors, on
 * whom all forwarding rests; its own stage bounds what it costs. Writes no byte.
 *
 * <pre>{@code local-delivery { rate-limit = "20000/s" }}</pre>
 */
public final class Ip6LocalPoliceStage implements PacketStage {
    enum Key implements ConfigKey {
        RATE_LIMIT;

        @Override
        public String key() {
            return "rate-limit";
        }

        @Override
        public ConfigType type() {
            return ConfigType.RATE;
        }

        @Override
        public String defaultText() {
            return "20000/s";
        }

        @Override
        public String text() {
            return "How many packets per second may reach the router itself, both families together.";
        }
    }

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
        POLICED("More packets came for the router itself than local-delivery.rate-limit allows.");

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
                    "ip6-local-police", "Limits the rate of IPv6 packets for the router itself.")
            .spec("RFC 6192")
            .arc(Arc.IP6_LOCAL)
            .after("ip6-reassembly")
            .settings("local-delivery", Key.values())
            .outputs(Out.values())
            .drops(Drop.values())
            .factory(Ip6LocalPoliceStage::new);

    private final TokenBucket bucket;
    private final Ip6View ip = new Ip6View();
    private final Icmp6View icmp = new Icmp6View();

    Ip6LocalPoliceStage(StageSetup setup) {
        bucket = TokenBucket.shared(
                setup, "local-delivery.rate-limit", setup.settings().rate(Key.RATE_LIMIT));
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        long now = context.nowNanos();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            if (isNeighborDiscovery(packet) || bucket.tryTake(now)) {
                context.send(packet, Out.NEXT);
            } else {
                context.drop(packet, Drop.POLICED);
            }
        }
    }

    private boolean isNeighborDiscovery(PacketBuffer packet) {
        ip.wrap(packet, packet.l3Offset());
        // With extension headers in front it is no packet that any node sends, and is policed.
        return ip.nextHeader() == IpProtocol.ICMP6
                && ip.hopLimit() == NeighborDiscoveryView.HOP_LIMIT
                && ip.payloadLength() >= Icmp6View.HEADER_BYTES
                && NeighborDiscoveryView.isNeighborDiscovery(
                        icmp.wrap(packet, ip.payloadOffset()).type());
    }
}
