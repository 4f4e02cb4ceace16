// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.sample;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.wire.Ip4View;
import io.culvert.wire.IpProtocol;
import java.util.List;

/**
 * Counts the IPv4 packets in transit by what they carry, and drops those of one protocol when told so.
 *
 * <p>The template of a stage: everything about it is in this file, in the order in which it is read. The comment that
 * you are reading says what a stage expects, where it sends packets, which bytes it changes and what it keeps.
 *
 * <p>In: IPv4 packets that have passed ip4-input, so that their headers can be trusted, and whose way is decided. Out:
 * {@code NEXT}. Writes nothing. State: none.
 *
 * <pre>{@code plugins { sample { refuse = icmp } }}</pre>
 */
public final class SampleStage implements PacketStage {
    /** A key of the section {@code router.plugins.sample}. The file is checked against it before the router starts. */
    enum Key implements ConfigKey {
        REFUSE;

        @Override
        public String key() {
            return "refuse";
        }

        @Override
        public ConfigType type() {
            return ConfigType.CHOICE;
        }

        @Override
        public List<String> choices() {
            return List.of("none", "tcp", "udp", "icmp");
        }

        @Override
        public String defaultText() {
            return "none";
        }

        @Override
        public String text() {
            return "The protocol whose packets are dropped instead of forwarded.";
        }
    }

    /** An output, and where it leads. {@code Target.next()} is the next stage on the arc, whichever that is. */
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

    /**
     * A reason to drop a packet. It names the condition; {@code culvert show drops} shows it as {@code
     * protocol-refused}.
     */
    enum Drop implements DropReason {
        PROTOCOL_REFUSED("It carries the protocol that sample.refuse names.");

        private final String text;

        Drop(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    /** What else is counted; {@code culvert show counters} shows it. */
    enum Count implements CounterId {
        TCP("TCP packets seen, refused ones included."),
        UDP("UDP packets seen, refused ones included."),
        ICMP("ICMP packets seen, refused ones included."),
        OTHER("Packets of other protocols seen.");

        private final String text;

        Count(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    /**
     * All that the router needs to know before it makes an instance. {@code after} is about stages of the same arc:
     * packets whose TTL has expired are none of this stage's business.
     */
    public static final StageDescriptor DESCRIPTOR = StageDescriptor.named(
                    "sample", "Counts IPv4 packets in transit by protocol, and drops one protocol's when told so.")
            .spec("local")
            .arc(Arc.IP4_FORWARD)
            .after("ip4-ttl")
            .settings("sample", Key.values())
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(SampleStage::new);

    private static final int NOTHING = -1;

    /** A view is made once and laid over one packet after the other: nothing is allocated per packet. */
    private final Ip4View ip = new Ip4View();

    private final int refused;

    /** Runs once per lane, and again when the section changes. Settings are read here, not per packet. */
    private SampleStage(StageSetup setup) {
        refused = switch (setup.settings().choice(Key.REFUSE)) {
            case "tcp" -> IpProtocol.TCP;
            case "udp" -> IpProtocol.UDP;
            case "icmp" -> IpProtocol.ICMP;
            default -> NOTHING;
        };
    }

    /** Runs for every vector, on the lane's own thread. Each packet of it must be sent, dropped, consumed or held. */
    @Override
    public void process(PacketVector packets, StageContext context) {
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            int protocol = ip.wrap(packet, packet.l3Offset()).protocol();
            context.count(counterOf(protocol), 1);
            if (protocol == refused) {
                context.drop(packet, Drop.PROTOCOL_REFUSED);
            } else {
                context.send(packet, Out.NEXT);
            }
        }
    }

    private static Count counterOf(int protocol) {
        return switch (protocol) {
            case IpProtocol.TCP -> Count.TCP;
            case IpProtocol.UDP -> Count.UDP;
            case IpProtocol.ICMP -> Count.ICMP;
            default -> Count.OTHER;
        };
    }
}
