// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.ratelimit;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.plugins.match.IpFields;
import io.culvert.plugins.match.MatchKey;
import io.culvert.spi.Arc;
import io.culvert.spi.BadSettingException;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.Settings;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import java.util.ArrayList;
import java.util.List;

/**
 * Drops packets that exceed a rate: of an interface, of a prefix, of a host or of a flow (a single-rate policer, as the
 * committed half of RFC 2697).
 *
 * <p>In: packets that have arrived and passed ip4-input or ip6-input, before the forwarding decision; or packets that
 * are about to leave, in transit or the router's own, fragmented where they have to be, before they get a link header.
 * The window starts at the IP header. Out: {@code NEXT}. A rate counts the bytes of IP packets, headers included, as
 * RFC 2697 section 2 does, and a superpacket by what it amounts to on the wire. A packet that several limits are about
 * must keep all of them; what those before have taken for it stays taken when a later one drops it. Writes nothing.
 *
 * <p>State: the buckets, in {@link BucketTables}: shared by all lanes, so that a rate holds over all of them, of a size
 * that the configuration says, and there for as long as the router runs.
 *
 * <pre>{@code
 * plugins { rate-limit { limits = [
 *   { interface = wan, rate = 100Mbit/s, burst = 256KiB }
 *   { interface = lan, direction = in, per = source, packets = "2000/s", protocol = icmp }
 * ] } }
 * }</pre>
 */
public final class RateLimitStage implements PacketStage {
    enum Key implements ConfigKey {
        LIMITS;

        @Override
        public String key() {
            return "limits";
        }

        @Override
        public ConfigType type() {
            return ConfigType.SECTIONS;
        }

        @Override
        public List<ConfigKey> keys() {
            List<ConfigKey> keys = new ArrayList<>(List.of(LimitKey.values()));
            keys.addAll(List.of(MatchKey.values()));
            return keys;
        }

        @Override
        public String defaultText() {
            return "[]";
        }

        @Override
        public String text() {
            return "What is limited; a packet must keep every limit that is about it.";
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
        OVER_RATE("More came than a limit of rate-limit allows.");

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
        WITHIN_RATE("Packets that a limit was about, and that kept all of theirs."),
        WITHOUT_BUCKET(
                "Packets that shared one bucket with others, as the table of a limit had no room for one of their own.");

        private final String text;

        Count(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    public static final StageDescriptor INPUT4 = named("ip4-rate-limit", "Drops arriving IPv4 packets over a rate.")
            .arc(Arc.IP4_UNICAST)
            .after("ip4-input")
            .before("ip4-lookup")
            .factory(setup -> new RateLimitStage(setup, true));

    public static final StageDescriptor INPUT6 = named("ip6-rate-limit", "Drops arriving IPv6 packets over a rate.")
            .arc(Arc.IP6_UNICAST)
            .after("ip6-input")
            .before("ip6-lookup")
            .factory(setup -> new RateLimitStage(setup, true));

    public static final StageDescriptor OUTPUT = named("rate-limit", "Drops leaving packets over a rate.")
            .arc(Arc.L2_OUTPUT)
            .before("l2-rewrite")
            .factory(setup -> new RateLimitStage(setup, false));

    /** What the descriptors have in common. */
    private static StageDescriptor.Builder named(String id, String job) {
        return StageDescriptor.named(id, job)
                .spec("RFC 2697 3", "ITU-T I.371 A")
                .settings("rate-limit", Key.values())
                .check(RateLimitStage::check)
                .outputs(Out.values())
                .drops(Drop.values())
                .counters(Count.values());
    }

    /** Those of this stage's direction. */
    private final Limit[] limits;

    private final IpFields fields = new IpFields();

    private RateLimitStage(StageSetup setup, boolean inbound) {
        List<Settings> sections = setup.settings().sections(Key.LIMITS);
        BucketTable[] tables =
                setup.shared(BucketTables.class, BucketTables::new).of(Limit.identities(sections));
        List<Limit> mine = new ArrayList<>();
        for (int i = 0; i < tables.length; i++) {
            Limit limit = new Limit(sections.get(i), tables[i]);
            if (limit.isInbound() == inbound) {
                mine.add(limit);
            }
        }
        limits = mine.toArray(Limit[]::new);
    }

    private static void check(Settings settings) throws BadSettingException {
        for (Settings limit : settings.sections(Key.LIMITS)) {
            Limit.check(limit);
        }
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        if (limits.length == 0) {
            context.sendAll(packets, Out.NEXT);
            return;
        }
        long now = context.nowNanos() * BucketTable.TICKS;
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            if (keepsAll(packet, now, context)) {
                context.send(packet, Out.NEXT);
            } else {
                context.drop(packet, Drop.OVER_RATE);
            }
        }
    }

    private boolean keepsAll(PacketBuffer packet, long now, StageContext context) {
        if (!fields.read(packet, packet.start())) {
            return true; // nothing that a limit is about
        }
        boolean limited = false;
        for (Limit limit : limits) {
            if (limit.isAbout(packet, fields)) {
                limited = true;
                int bucket = limit.bucketOf(fields, now);
                if (limit.isShared(bucket)) {
                    context.count(Count.WITHOUT_BUCKET, 1);
                }
                if (!limit.take(bucket, packet, fields, now)) {
                    return false;
                }
            }
        }
        if (limited) {
            context.count(Count.WITHIN_RATE, 1);
        }
        return true;
    }
}
