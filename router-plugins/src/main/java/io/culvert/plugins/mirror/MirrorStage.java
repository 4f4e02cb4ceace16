// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.mirror;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.plugins.match.IpFields;
import io.culvert.plugins.match.PrefixList;
import io.culvert.plugins.match.Segments;
import io.culvert.spi.Arc;
import io.culvert.spi.BadSettingException;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.CounterId;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.RouterInterface.Link;
import io.culvert.spi.Settings;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.spi.TokenBucket;
import io.culvert.wire.EtherType;
import io.culvert.wire.EthernetView;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Ip4View;
import io.culvert.wire.Ip6View;
import io.culvert.wire.VlanView;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Copies what arrives on an interface, or leaves by it, to another.
 *
 * <p>In: packets as they were received, or complete for the wire of their transmit interface, before superpackets are
 * cut and checksums completed. Out: {@code NEXT}, all of them unchanged, in order; {@code COPY}, past all mirrors, so
 * that no copy is copied again. Between Ethernet interfaces a copy is the frame as it is. To a point-to-point link goes
 * the IP packet alone, and nothing that is no IP. From there to Ethernet it gets a header to the broadcast address,
 * which no host forwards or answers. A superpacket is copied as one, and cut where {@code to} can't take it.
 *
 * <p>A copy never takes from forwarding: none is made while {@code to} is down, for what is too big for it, beyond
 * {@code limit}, or while less than a quarter of the lane's buffers are free. State: none but the limit, which all
 * lanes share.
 *
 * <pre>{@code
 * plugins { mirror { copies = [
 *   { from = lan, to = mon, direction = both, prefixes = ["10.0.0.0/24"], limit = "10000/s" }
 * ] } }
 * }</pre>
 */
public final class MirrorStage implements PacketStage {
    enum Key implements ConfigKey {
        COPIES;

        @Override
        public String key() {
            return "copies";
        }

        @Override
        public ConfigType type() {
            return ConfigType.SECTIONS;
        }

        @Override
        public List<ConfigKey> keys() {
            return List.of(CopyKey.values());
        }

        @Override
        public String defaultText() {
            return "[]";
        }

        @Override
        public String text() {
            return "What is copied, and where to.";
        }
    }

    enum CopyKey implements ConfigKey {
        FROM("from", ConfigType.INTERFACE, null, "The interface whose packets are copied."),
        TO("to", ConfigType.INTERFACE, null, "The interface that the copies leave by."),
        DIRECTION(
                "direction",
                ConfigType.CHOICE,
                "both",
                "Copies what arrives on from (in), what leaves by it (out), or both."),
        PREFIXES(
                "prefixes",
                ConfigType.PREFIXES,
                "[]",
                "Only IP packets with a source or destination in one of these; empty: all, and frames that are no IP."),
        LIMIT("limit", ConfigType.RATE, "off", "How many copies are made at most.");

        private final String key;
        private final ConfigType type;
        private final @Nullable String defaultText;
        private final String text;

        CopyKey(String key, ConfigType type, @Nullable String defaultText, String text) {
            this.key = key;
            this.type = type;
            this.defaultText = defaultText;
            this.text = text;
        }

        @Override
        public String key() {
            return key;
        }

        @Override
        public ConfigType type() {
            return type;
        }

        @Override
        public @Nullable String defaultText() {
            return defaultText;
        }

        @Override
        public List<String> choices() {
            return this == DIRECTION ? List.of("both", "in", "out") : List.of();
        }

        @Override
        public String text() {
            return text;
        }
    }

    enum Out implements OutPort {
        NEXT(Target.next()),
        COPY(Target.stage("device-offload"));

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
        COPIED("Copies made, in packets; a superpacket is one."),
        NOT_IP("Copies not made of frames that are no IP, as the copies leave by a point-to-point link."),
        TOO_BIG("Copies not made as they would be too big for the interface that they leave by."),
        OVER_LIMIT("Copies not made as there were more than limit allows."),
        BUFFERS_SCARCE("Copies not made as the lane was short of buffers, which forwarding needs."),
        INTERFACE_DOWN("Copies not made as the interface that they leave by is down.");

        private final String text;

        Count(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    public static final StageDescriptor INPUT = named("mirror-input", "Copies what arrives on an interface to another.")
            .arc(Arc.DEVICE_INPUT)
            .before("device-input")
            .factory(setup -> new MirrorStage(setup, true));

    public static final StageDescriptor OUTPUT = named(
                    "mirror-output", "Copies what leaves by an interface to another.")
            .arc(Arc.DEVICE_OUTPUT)
            .before("device-offload")
            .factory(setup -> new MirrorStage(setup, false));

    private static StageDescriptor.Builder named(String id, String job) {
        return StageDescriptor.named(id, job)
                .spec("local")
                .settings("mirror", Key.values())
                .check(MirrorStage::check)
                .outputs(Out.values())
                .counters(Count.values());
    }

    private static final long BROADCAST = 0xffff_ffff_ffffL;

    /** What is copied where. */
    private record Copy(int from, int to, PrefixList prefixes, TokenBucket bucket) {}

    private final boolean inbound;
    private final Copy[] copies;

    private final EthernetView ethernet = new EthernetView();
    private final VlanView vlan = new VlanView();
    private final Ip4View ip4 = new Ip4View();
    private final Ip6View ip6 = new Ip6View();
    private final IpFields fields = new IpFields();

    /** Of the packet at hand: where what follows the link header starts, and what that is. */
    private int network;

    private boolean isIp;

    private MirrorStage(StageSetup setup, boolean inbound) {
        this.inbound = inbound;
        String direction = inbound ? "in" : "out";
        List<Copy> mine = new ArrayList<>();
        for (Settings section : setup.settings().sections(Key.COPIES)) {
            String of = section.choice(CopyKey.DIRECTION);
            if (of.equals(direction) || of.equals("both")) {
                int from = section.interfaceId(CopyKey.FROM);
                int to = section.interfaceId(CopyKey.TO);
                long limit = section.rate(CopyKey.LIMIT);
                // A bucket has one rate for good; with another one the limit is another bucket.
                mine.add(new Copy(
                        from,
                        to,
                        new PrefixList(section.prefixes(CopyKey.PREFIXES)),
                        TokenBucket.shared(setup, "mirror " + from + " to " + to + " at " + limit, limit)));
            }
        }
        copies = mine.toArray(Copy[]::new);
    }

    private static void check(Settings settings) throws BadSettingException {
        List<Settings> sections = settings.sections(Key.COPIES);
        for (Settings section : sections) {
            int from = section.interfaceId(CopyKey.FROM);
            Set<Integer> reached = new HashSet<>(Set.of(section.interfaceId(CopyKey.TO)));
            boolean more = true;
            while (more) {
                more = false;
                for (Settings other : sections) {
                    more |= reached.contains(other.interfaceId(CopyKey.FROM))
                            && reached.add(other.interfaceId(CopyKey.TO));
                }
            }
            if (reached.contains(from)) {
                throw new BadSettingException(
                        section, CopyKey.TO, "leads back to from, by itself or by other copies: they would go round");
            }
        }
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        if (copies.length == 0) {
            context.sendAll(packets, Out.NEXT);
            return;
        }
        InterfaceTable interfaces = context.interfaces();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            int at = inbound ? packet.receiveInterface() : packet.transmitInterface();
            for (Copy copy : copies) {
                if (copy.from == at && at < interfaces.size() && copy.to < interfaces.size()) {
                    copy(packet, copy, interfaces, context);
                }
            }
            context.send(packet, Out.NEXT);
        }
    }

    private void copy(PacketBuffer packet, Copy copy, InterfaceTable interfaces, StageContext context) {
        RouterInterface to = interfaces.get(copy.to);
        findNetworkHeader(packet, interfaces.get(copy.from).link());
        boolean read = isIp && fields.read(packet, network);
        if (copy.prefixes.size() != 0
                && !(read && (copy.prefixes.allowsSource(fields) || copy.prefixes.allowsDestination(fields)))) {
            return;
        }
        if (!to.up()) {
            context.count(Count.INTERFACE_DOWN, 1);
        } else if (!read && to.link() == Link.POINT_TO_POINT) {
            context.count(Count.NOT_IP, 1);
        } else if (bytes(packet, read) > to.mtu()) {
            context.count(Count.TOO_BIG, 1);
        } else if (context.buffersScarce()) {
            context.count(Count.BUFFERS_SCARCE, 1);
        } else if (!copy.bucket.tryTake(context.nowNanos())) {
            context.count(Count.OVER_LIMIT, 1);
        } else {
            PacketBuffer made = context.copy(packet);
            if (made != null) {
                dress(made, packet.start(), interfaces.get(copy.from).link(), to);
                made.setTransmitInterface(copy.to);
                context.count(Count.COPIED, 1);
                context.send(made, Out.COPY);
            }
        }
    }

    /** Finds what is behind the packet's link header. */
    private void findNetworkHeader(PacketBuffer packet, Link link) {
        network = packet.start();
        isIp = true;
        if (link == Link.POINT_TO_POINT) {
            return;
        }
        isIp = false;
        if (ethernet.wrap(packet, packet.start()).check() != HeaderCheck.OK) {
            return;
        }
        network = ethernet.payloadOffset();
        int type = ethernet.etherType();
        if (EtherType.isVlan(type) && vlan.wrap(packet, ethernet.tagOffset()).check() == HeaderCheck.OK) {
            network += VlanView.TAG_BYTES;
            type = vlan.etherType();
        }
        isIp = type == EtherType.IP4 || type == EtherType.IP6;
    }

    /** Bytes of the largest packet that the copy would be on the wire, link header not counted. */
    private int bytes(PacketBuffer packet, boolean read) {
        return read ? Segments.largest(packet, network, fields) : packet.end() - network;
    }

    /**
     * Gives a copy the link header that the interface it leaves by has.
     *
     * @param start where the original starts, as the copy does
     */
    private void dress(PacketBuffer copy, int start, Link from, RouterInterface to) {
        copy.setL3Offset(network);
        if (to.link() == from) {
            return;
        }
        if (to.link() == Link.POINT_TO_POINT) {
            copy.trimFront(network - start);
            copy.setL2Offset(PacketBuffer.UNKNOWN);
            trimPadding(copy);
        } else {
            int type = fields.is6() ? EtherType.IP6 : EtherType.IP4;
            copy.prepend(EthernetView.HEADER_BYTES);
            copy.setL2Offset(copy.start());
            ethernet.wrap(copy, copy.start()).encode(BROADCAST, to.mac(), type);
        }
    }

    /** Takes off what a short frame is filled up with: a bare packet has nothing behind it. */
    private void trimPadding(PacketBuffer copy) {
        int end = fields.is6()
                ? ip6.wrap(copy, network).end()
                : ip4.wrap(copy, network).end();
        if (end < copy.end()) {
            copy.setEnd(end);
        }
    }
}
