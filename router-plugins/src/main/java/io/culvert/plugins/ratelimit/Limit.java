// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.ratelimit;

import io.culvert.net.IpPrefix;
import io.culvert.packet.PacketBuffer;
import io.culvert.plugins.match.IpFields;
import io.culvert.plugins.match.MatchKey;
import io.culvert.plugins.match.PacketMatch;
import io.culvert.plugins.match.PrefixList;
import io.culvert.plugins.match.Segments;
import io.culvert.spi.BadSettingException;
import io.culvert.spi.Settings;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** One limit: which packets it is about, what they cost, and from which bucket. Used by one lane. */
final class Limit {
    /** What has a bucket of its own. */
    private enum Per {
        INTERFACE,
        PREFIX,
        SOURCE,
        DESTINATION,
        FLOW
    }

    private static final long SECOND_TICKS = 1_000_000_000L * BucketTable.TICKS;
    private static final long LEAST_BITS_PER_SECOND = 1000;
    private static final long LONGEST_BURST_SECONDS = 3600;
    private static final int BITS = 8;
    /** Of a rate in packets: as many as a superpacket may stand for. */
    private static final long LEAST_BURST_PACKETS = 64;

    private static final int BURSTS_PER_SECOND = 10;
    /** More than any superpacket amounts to: 64 KiB in segments of a few bytes, with headers each. */
    private static final long MOST_BYTES = 1 << 22;

    private static final long MOST_PACKETS = 1 << 16;

    private final int interfaceId;
    private final boolean inbound;
    private final Per per;
    private final PacketMatch match;
    private final PrefixList prefixes;
    private final boolean prefixesOfSource;
    private final boolean byPackets;
    private final double unitTicks;
    private final long burstTicks;
    private final long mostTicks;
    private final BucketTable table;

    /** The limit of a section that has passed {@link #check}, with its {@link Identity#newTable table}. */
    Limit(Settings section, BucketTable table) {
        this.table = table;
        interfaceId = section.interfaceId(LimitKey.INTERFACE);
        inbound = section.choice(LimitKey.DIRECTION).equals("in");
        per = per(section);
        match = new PacketMatch(section);
        prefixesOfSource = match.from().size() != 0;
        prefixes = prefixesOfSource ? match.from() : match.to();
        long bits = section.bitsPerSecond(LimitKey.RATE);
        byPackets = bits == Settings.UNLIMITED;
        long units = byPackets ? section.rate(LimitKey.PACKETS) : bits;
        unitTicks = (double) SECOND_TICKS * (byPackets ? 1 : BITS) / units;
        long burst =
                byPackets ? Math.max(LEAST_BURST_PACKETS, units / BURSTS_PER_SECOND) : section.bytes(LimitKey.BURST);
        burstTicks = ticks(burst);
        mostTicks = burstTicks + ticks(byPackets ? MOST_PACKETS : MOST_BYTES);
    }

    private static Per per(Settings section) {
        return Per.valueOf(section.choice(LimitKey.PER).toUpperCase(Locale.ROOT));
    }

    static void check(Settings section) throws BadSettingException {
        PacketMatch.check(section);
        long bits = section.bitsPerSecond(LimitKey.RATE);
        long packets = section.rate(LimitKey.PACKETS);
        if ((bits == Settings.UNLIMITED) == (packets == Settings.UNLIMITED)) {
            throw new BadSettingException(section, LimitKey.RATE, "and packets can't both be given, nor both be off");
        }
        if (packets == 0) {
            throw new BadSettingException(section, LimitKey.PACKETS, "is 0, which would let nothing pass");
        }
        if (packets == Settings.UNLIMITED) {
            if (bits < LEAST_BITS_PER_SECOND) {
                throw new BadSettingException(section, LimitKey.RATE, "is below 1kbit/s");
            }
            long burst = section.bytes(LimitKey.BURST);
            if (burst == 0 || burst / LONGEST_BURST_SECONDS > bits / BITS) {
                throw new BadSettingException(
                        section,
                        LimitKey.BURST,
                        "is " + burst + " bytes; expected some, and no more than an hour of the rate carries");
            }
        }
        if (per(section) == Per.PREFIX
                && section.prefixes(MatchKey.FROM).isEmpty()
                        == section.prefixes(MatchKey.TO).isEmpty()) {
            throw new BadSettingException(
                    section, LimitKey.PER, "is prefix, and so either from or to must name prefixes, and not both");
        }
    }

    private long ticks(long units) {
        return (long) (units * unitTicks);
    }

    boolean isInbound() {
        return inbound;
    }

    /** Whether it is about a packet of the right direction. */
    boolean isAbout(PacketBuffer packet, IpFields fields) {
        return interfaceId == (inbound ? packet.receiveInterface() : packet.transmitInterface())
                && match.matches(fields);
    }

    /** The number of the bucket that a packet draws from. */
    int bucketOf(IpFields fields, long now) {
        return switch (per) {
            case INTERFACE -> 0;
            case PREFIX ->
                prefixesOfSource
                        ? prefixes.find(fields.is6(), fields.sourceHigh(), fields.sourceLow())
                        : prefixes.find(fields.is6(), fields.destinationHigh(), fields.destinationLow());
            case SOURCE -> table.find(host(fields, fields.sourceHigh(), fields.sourceLow()), now, mostTicks);
            case DESTINATION ->
                table.find(host(fields, fields.destinationHigh(), fields.destinationLow()), now, mostTicks);
            case FLOW -> table.find(flow(fields), now, mostTicks);
        };
    }

    /** Whether a bucket is the one of those for which the table has no room. */
    boolean isShared(int bucket) {
        return per != Per.INTERFACE && per != Per.PREFIX && bucket == table.shared();
    }

    /** A host by its IPv4 address; of IPv6 by its network, all addresses of which it may use (RFC 8981). */
    private long host(IpFields fields, long high, long low) {
        return table.mix(fields.is6() ? 1 : 2, fields.is6() ? high : low);
    }

    private long flow(IpFields fields) {
        long key = table.mix(fields.is6() ? 1 : 2, fields.sourceHigh());
        key = table.mix(key, fields.sourceLow());
        key = table.mix(key, fields.destinationHigh());
        key = table.mix(key, fields.destinationLow());
        if (fields.isFragment()) { // all parts of a packet are of one flow, and only the first has ports
            return table.mix(key, -1);
        }
        return table.mix(
                key,
                (long) fields.protocol() << 32
                        | (fields.sourcePort() & 0xffffL) << 16
                        | (fields.destinationPort() & 0xffff));
    }

    /** Takes from a bucket what the packet costs, if it is there. */
    boolean take(int bucket, PacketBuffer packet, IpFields fields, long now) {
        long cost = ticks(byPackets ? Segments.count(packet, fields) : Segments.bytes(packet, packet.start(), fields));
        return table.take(bucket, now, cost, burstTicks, mostTicks);
    }

    /** What the sections' limits are about: a limit is the same as one before when this is equal. */
    static List<Identity> identities(List<Settings> sections) {
        List<Identity> identities = new ArrayList<>();
        for (Settings section : sections) {
            Identity identity = new Identity(
                    section.interfaceId(LimitKey.INTERFACE),
                    section.choice(LimitKey.DIRECTION),
                    per(section),
                    section.number(LimitKey.BUCKETS),
                    section.prefixes(MatchKey.FROM),
                    section.prefixes(MatchKey.TO),
                    section.text(MatchKey.PROTOCOL),
                    section.text(MatchKey.FROM_PORTS),
                    section.text(MatchKey.TO_PORTS),
                    0);
            while (identities.contains(identity)) {
                identity = identity.next();
            }
            identities.add(identity);
        }
        return identities;
    }

    /** All of a limit but its rate and burst, and which of several with the same it is. */
    record Identity(
            int interfaceId,
            String direction,
            Per per,
            long buckets,
            List<IpPrefix> from,
            List<IpPrefix> to,
            String protocol,
            String fromPorts,
            String toPorts,
            int occurrence) {
        private Identity next() {
            return new Identity(
                    interfaceId, direction, per, buckets, from, to, protocol, fromPorts, toPorts, occurrence + 1);
        }

        BucketTable newTable() {
            return switch (per) {
                case INTERFACE -> BucketTable.numbered(1);
                case PREFIX -> BucketTable.numbered(Math.max(from.size(), to.size()));
                case SOURCE, DESTINATION, FLOW -> BucketTable.hashed((int) buckets);
            };
        }
    }
}
