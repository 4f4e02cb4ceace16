// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.impair;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.BadSettingException;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.Settings;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.wire.EtherType;
import io.culvert.wire.EthernetView;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.InternetChecksum;
import io.culvert.wire.Segmenter;
import io.culvert.wire.VlanView;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Makes links as bad as a lab needs them: loss, duplicates, corruption, delay, jitter, reordering, and a rate with a
 * queue.
 *
 * <p>It stands in for the wire, beyond all that the router does to a packet. In: packets complete for the wire of their
 * transmit interface, or as they were received. Out: {@code NEXT}, at once or when the time has come. A superpacket is
 * cut here, for each of its segments has a fate of its own, and device-coalesce may put together what is left.
 * Corruption turns one bit of the IP packet over and leaves all checksums as they were; one that is still to be
 * computed is computed before, or it would make the damaged packet whole.
 *
 * <p>Packets never overtake each other but by {@code reorder}: jitter alone leaves their order. A duplicate comes right
 * behind its packet, or as much later as its own jitter has it. State: packets under way, which wait in the lane's
 * timer wheel, at most {@code limit} of each link and lane, and none on top once less than a quarter of the lane's
 * buffers are free.
 *
 * <pre>{@code
 * plugins { impair { seed = 7, links = [
 *   { interface = wan, direction = both, delay = 20ms, jitter = 5ms, loss = 1%, rate = 10Mbit/s, limit = 100 }
 * ] } }
 * }</pre>
 */
public final class ImpairStage implements PacketStage {
    enum Key implements ConfigKey {
        LINKS(
                "links",
                ConfigType.SECTIONS,
                "[]",
                "What is impaired and how; one section for an interface and direction."),
        SEED(
                "seed",
                ConfigType.NUMBER,
                "1",
                "Of all random numbers: with the same one the same packets have the same fate.");

        private final String key;
        private final ConfigType type;
        private final String defaultText;
        private final String text;

        Key(String key, ConfigType type, String defaultText, String text) {
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
        public String defaultText() {
            return defaultText;
        }

        @Override
        public List<ConfigKey> keys() {
            return this == LINKS ? List.of(LinkKey.values()) : List.of();
        }

        @Override
        public String text() {
            return text;
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
        LOST("The impaired link lost it, as it was told to."),
        QUEUE_FULL("As many packets as its limit allows were on the impaired link or waited for it."),
        BUFFERS_SCARCE("Most buffers of the lane were taken, so that the impaired link could not keep it."),
        NO_BUFFER_FOR_SEGMENT(
                "The buffers ran out while it was cut for the impaired link: its later segments are lost.");

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
        CUT("Superpackets cut into segments, each of which has its own fate."),
        DUPLICATED("Packets sent twice."),
        CORRUPTED("Packets in which a bit was turned over."),
        DELAYED("Packets that had to wait.");

        private final String text;

        Count(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    public static final StageDescriptor INPUT = named("impair-input", "Impairs the links that packets arrive by.")
            .arc(Arc.DEVICE_INPUT)
            .before("device-input")
            .factory(setup -> new ImpairStage(setup, true));

    public static final StageDescriptor OUTPUT = named("impair-output", "Impairs the links that packets leave by.")
            .arc(Arc.DEVICE_OUTPUT)
            .after("device-offload")
            .before("device-coalesce")
            .factory(setup -> new ImpairStage(setup, false));

    private static StageDescriptor.Builder named(String id, String job) {
        return StageDescriptor.named(id, job)
                .spec("local")
                .settings("impair", Key.values())
                .check(ImpairStage::check)
                .outputs(Out.values())
                .drops(Drop.values())
                .counters(Count.values());
    }

    private static final String BOTH = "both";

    /** Packets under way in a lane, by interface: there for as long as the lane. */
    private static final class Lane {
        private @Nullable Link.UnderWay[] byInterface = new Link.UnderWay[0];

        Link.UnderWay underWay(int id) {
            if (id >= byInterface.length) {
                byInterface = Arrays.copyOf(byInterface, id + 1);
            }
            Link.UnderWay before = byInterface[id];
            if (before == null) {
                before = new Link.UnderWay();
                byInterface[id] = before;
            }
            return before;
        }
    }

    /** When each link is free again: one wire for all lanes. */
    private static final class Wires {
        final ConcurrentHashMap<String, AtomicLong> busyUntil = new ConcurrentHashMap<>();
    }

    private final boolean inbound;
    /** By interface id. */
    private final @Nullable Link[] links;

    private final Segmenter segmenter = new Segmenter();
    private final EthernetView ethernet = new EthernetView();
    private final VlanView vlan = new VlanView();

    private ImpairStage(StageSetup setup, boolean inbound) {
        this.inbound = inbound;
        Lane lane = setup.kept(Lane.class, Lane::new);
        Wires wires = setup.shared(Wires.class, Wires::new);
        String direction = inbound ? "in" : "out";
        long seed = Link.mix(setup.settings().number(Key.SEED), inbound ? 1 : 0);
        @Nullable Link[] byId = new Link[0];
        for (Settings section : setup.settings().sections(Key.LINKS)) {
            String of = section.choice(LinkKey.DIRECTION);
            if (of.equals(direction) || of.equals(BOTH)) {
                int id = section.interfaceId(LinkKey.INTERFACE);
                if (id >= byId.length) {
                    byId = Arrays.copyOf(byId, id + 1);
                }
                byId[id] = new Link(
                        section,
                        Link.mix(Link.mix(seed, id), setup.lane()),
                        lane.underWay(id),
                        wires.busyUntil.computeIfAbsent(direction + id, key -> new AtomicLong()));
            }
        }
        links = byId;
    }

    private static void check(Settings settings) throws BadSettingException {
        Map<Integer, String> seen = new HashMap<>();
        for (Settings section : settings.sections(Key.LINKS)) {
            Link.check(section);
            String direction = section.choice(LinkKey.DIRECTION);
            int id = section.interfaceId(LinkKey.INTERFACE);
            String before = seen.get(id);
            if (before != null && (before.equals(direction) || before.equals(BOTH) || direction.equals(BOTH))) {
                throw new BadSettingException(
                        section, LinkKey.INTERFACE, "has a link in this direction already; put them together");
            }
            seen.put(id, before == null ? direction : BOTH);
        }
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        if (links.length == 0) {
            context.sendAll(packets, Out.NEXT);
            return;
        }
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            Link link = linkOf(packet);
            if (link == null) {
                context.send(packet, Out.NEXT);
            } else if (packet.gso() == PacketBuffer.Gso.NONE) {
                impair(packet, link, context);
            } else {
                cut(packet, link, context);
            }
        }
    }

    private int interfaceOf(PacketBuffer packet) {
        return inbound ? packet.receiveInterface() : packet.transmitInterface();
    }

    private @Nullable Link linkOf(PacketBuffer packet) {
        int id = interfaceOf(packet);
        return id >= 0 && id < links.length ? links[id] : null;
    }

    /** Impairs each segment of a superpacket. One that can't be cut is treated as the one packet that it is. */
    private void cut(PacketBuffer packet, Link link, StageContext context) {
        if (inbound) {
            findNetworkHeader(packet, context.interfaces());
        }
        if (!segmenter.begin(packet, true)) {
            impair(packet, link, context);
            return;
        }
        context.count(Count.CUT, 1);
        int last = segmenter.count() - 1;
        for (int index = 0; index < last; index++) {
            PacketBuffer segment = context.originate();
            if (segment == null) {
                context.drop(packet, Drop.NO_BUFFER_FOR_SEGMENT);
                return;
            }
            segmenter.write(index, segment);
            impair(segment, link, context);
        }
        segmenter.finish();
        impair(packet, link, context);
    }

    private void impair(PacketBuffer packet, Link link, StageContext context) {
        link.next();
        if (link.isLost()) {
            context.drop(packet, Drop.LOST);
            return;
        }
        PacketBuffer duplicate = link.isDuplicated() && !context.buffersScarce() ? context.copy(packet) : null;
        if (link.isCorrupted()) {
            corrupt(packet, link, context);
        }
        enter(packet, link, context, false);
        if (duplicate != null) {
            context.count(Count.DUPLICATED, 1);
            enter(duplicate, link, context, true);
        }
    }

    private static void enter(PacketBuffer packet, Link link, StageContext context, boolean isDuplicate) {
        long now = context.nowNanos();
        if (link.isFull(now)) {
            context.drop(packet, Drop.QUEUE_FULL);
            return;
        }
        long wait = link.enter(packet, now, isDuplicate);
        if (wait == 0) {
            context.send(packet, Out.NEXT);
        } else if (context.buffersScarce()) {
            context.drop(packet, Drop.BUFFERS_SCARCE);
        } else {
            link.keep(now + wait);
            context.count(Count.DELAYED, 1);
            context.defer(packet, wait);
        }
    }

    /** The far end of the link: what comes out goes on. */
    @Override
    public void onDue(PacketVector packets, StageContext context) {
        context.sendAll(packets, Out.NEXT);
    }

    private void corrupt(PacketBuffer packet, Link link, StageContext context) {
        if (inbound) {
            findNetworkHeader(packet, context.interfaces());
        }
        if (packet.checksum() == PacketBuffer.Checksum.PARTIAL && !InternetChecksum.finishPartial(packet)) {
            return; // there is no place for its checksum: it is lost further on as it is
        }
        int from = packet.l3Offset() < packet.start() ? packet.start() : packet.l3Offset();
        int bits = (packet.end() - from) * 8;
        if (bits <= 0) {
            return;
        }
        int bit = link.bit(bits);
        int at = from + bit / 8;
        packet.bytes().put(at, (byte) (packet.bytes().get(at) ^ 1 << bit % 8));
        packet.setChecksum(PacketBuffer.Checksum.UNVERIFIED); // whoever believed it must look again
        context.count(Count.CORRUPTED, 1);
    }

    /** Of a packet as it was received; device-input will find it by itself. */
    private void findNetworkHeader(PacketBuffer packet, InterfaceTable interfaces) {
        int id = packet.receiveInterface();
        int at = packet.start();
        boolean frame = id >= 0
                && id < interfaces.size()
                && interfaces.get(id).link() == RouterInterface.Link.ETHERNET
                && ethernet.wrap(packet, at).check() == HeaderCheck.OK;
        if (frame) {
            at = ethernet.payloadOffset();
            if (EtherType.isVlan(ethernet.etherType())
                    && vlan.wrap(packet, ethernet.tagOffset()).check() == HeaderCheck.OK) {
                at += VlanView.TAG_BYTES;
            }
        }
        packet.setL3Offset(at);
    }
}
