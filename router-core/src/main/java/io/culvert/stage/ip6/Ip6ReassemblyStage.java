// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.FlowHash;
import io.culvert.wire.Icmp6View;
import io.culvert.wire.Ip6ExtensionChain;
import io.culvert.wire.Ip6FragmentView;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.NeighborDiscoveryView;
import io.culvert.wire.TcpView;
import io.culvert.wire.UdpView;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Puts fragments for the router itself together (RFC 8200 section 4.5).
 *
 * <p>In: IPv6 packets for the router. Out: whole packets, as they are or put together; fragments that break the rules, and
 * the first fragment of a packet that stayed incomplete for 60 seconds, go to the error stage. With a local-delivery TAP
 * everything passes: the kernel does this then.
 *
 * <p>A packet grows in one buffer, where every fragment is copied to its place, so what one sender can tie up is bounded:
 * 64 packets per lane, of which the oldest gives way, and 128 fragments each. All fragments of a packet must come by one
 * lane. Overlap ends a packet and whatever else comes of it (RFC 5722); an exact duplicate is only dropped. An atomic
 * fragment is never joined with others (RFC 6946). A first fragment without the whole header chain is refused (RFC 7112),
 * and so is Neighbor Discovery in fragments (RFC 6980).
 */
public final class Ip6ReassemblyStage implements PacketStage {
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

    enum Drop implements DropReason {
        OVERLAP("Fragments of one packet overlap: it is given up whole, as one of them is a forgery."),
        DUPLICATE("The same fragment had come before."),
        ABANDONED("A fragment of a packet that had been given up."),
        BAD_END("Fragments disagree about where their packet ends, or a fragment is empty."),
        TOO_MANY_FRAGMENTS("A packet in more fragments than any honest sender makes."),
        TABLE_FULL("Too many packets were incomplete at once, and this one was the oldest."),
        TIMED_OUT("The packet stayed incomplete for 60 seconds, and its first fragment never came."),
        HEADERS_TOO_LONG("More extension headers in front of a fragment than the router keeps."),
        NEIGHBOR_DISCOVERY("Neighbor Discovery in fragments, which RFC 6980 forbids."),
        BAD_ECN("Fragments of a packet that can't carry congestion marks, and one that does."),
        NO_BUFFER("All packet buffers of the lane were in use."),
        LANE_STOPPED("The packet was incomplete when the lane stopped.");

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
        REASSEMBLED("Packets put together."),
        FRAGMENTS("Fragments received for the router."),
        ATOMIC("Fragments that were whole packets by themselves."),
        EXPIRED("Packets that stayed incomplete for 60 seconds and whose sender is told."),
        REFUSED("Fragments with an impossible size or place, or first ones without all headers; the sender is told.");

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
                    "ip6-reassembly", "Puts IPv6 fragments for the router itself together.")
            .spec("RFC 8200 4.5", "RFC 5722", "RFC 6946", "RFC 6980 5", "RFC 7112 5", "RFC 3168 5.3")
            .arc(Arc.IP6_LOCAL)
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new Ip6ReassemblyStage());

    static final int MAX_PACKETS = 64;
    static final int MAX_FRAGMENTS = 128;
    static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(60);

    private static final int MAX_PAYLOAD_LENGTH = 0xffff;
    private static final int MAX_HEADERS_BYTES = 512;
    /** Where in a buffer the fragmentable part starts; the headers are put in front of it. */
    private static final int DATA = PacketBuffer.HEADROOM + MAX_HEADERS_BYTES;

    private static final int PAYLOAD_LENGTH_POINTER = 4;
    private static final int FRAGMENT_OFFSET_FIELD = 2;
    /** RFC 7112 section 3 counts so much of an ICMPv6 message to the header chain. */
    private static final int ICMP_CHAIN_BYTES = 4;

    private final Ip6View ip = new Ip6View();
    private final Icmp6View icmp = new Icmp6View();
    private final Ip6ExtensionChain chain = new Ip6ExtensionChain();
    private final Incomplete[] table = new Incomplete[MAX_PACKETS];

    Ip6ReassemblyStage() {
        for (int i = 0; i < table.length; i++) {
            table[i] = new Incomplete();
        }
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        if (context.interfaces().localDelivery() != null) {
            context.sendAll(packets, Out.NEXT);
            return;
        }
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            Ip6ExtensionChain.Outcome outcome = chain.walk(ip.wrap(packet, packet.l3Offset()));
            if (chain.fragmentHeaderOffset() == PacketBuffer.UNKNOWN
                    || outcome == Ip6ExtensionChain.Outcome.MALFORMED) {
                context.send(packet, Out.NEXT);
            } else {
                fragment(packet, outcome, context);
            }
        }
    }

    private void fragment(PacketBuffer packet, Ip6ExtensionChain.Outcome outcome, StageContext context) {
        context.count(Count.FRAGMENTS, 1);
        if (outcome == Ip6ExtensionChain.Outcome.COMPLETE && isNeighborDiscovery(packet)) {
            context.drop(packet, Drop.NEIGHBOR_DISCOVERY);
        } else if (!chain.isFragment()) {
            context.count(Count.ATOMIC, 1);
            stripFragmentHeader(packet, context);
        } else if (chain.fragment().fragmentOffset() == 0 && !holdsWholeChain(packet, outcome)) {
            refuse(packet, Icmp6View.INCOMPLETE_HEADER_CHAIN, 0, context);
        } else {
            collect(packet, context);
        }
    }

    private boolean isNeighborDiscovery(PacketBuffer packet) {
        return chain.upperProtocol() == IpProtocol.ICMP6
                && chain.upperOffset() < packet.end()
                && NeighborDiscoveryView.isNeighborDiscovery(
                        icmp.wrap(packet, chain.upperOffset()).type());
    }

    private boolean holdsWholeChain(PacketBuffer packet, Ip6ExtensionChain.Outcome outcome) {
        if (outcome != Ip6ExtensionChain.Outcome.COMPLETE) {
            return false;
        }
        int needed = switch (chain.upperProtocol()) {
            case IpProtocol.TCP -> TcpView.HEADER_BYTES;
            case IpProtocol.UDP -> UdpView.HEADER_BYTES;
            case IpProtocol.ICMP6 -> ICMP_CHAIN_BYTES;
            default -> 0;
        };
        return packet.end() - chain.upperOffset() >= needed;
    }

    private static void refuse(PacketBuffer packet, int code, int pointer, StageContext context) {
        context.count(Count.REFUSED, 1);
        packet.setIcmpError(Icmp6View.PARAMETER_PROBLEM, code, pointer);
        context.send(packet, Out.ERROR);
    }

    /** Where, counted from the packet's start, the next header field is that names the Fragment header. */
    private int fieldNamingFragmentHeader() {
        for (int i = chain.count() - 1; i > 0; i--) {
            if (chain.type(i) == IpProtocol.FRAGMENT) {
                return chain.offset(i - 1) - ip.offset();
            }
        }
        return ip.nextHeaderOffset() - ip.offset();
    }

    private void stripFragmentHeader(PacketBuffer packet, StageContext context) {
        int headersBytes = chain.fragmentHeaderOffset() - packet.l3Offset();
        int nextHeader = chain.fragment().nextHeader();
        int field = fieldNamingFragmentHeader();
        int at = packet.l3Offset() + Ip6FragmentView.HEADER_BYTES;
        packet.copyFrom(packet, packet.l3Offset(), at, headersBytes);
        packet.trimFront(Ip6FragmentView.HEADER_BYTES);
        becomeWhole(packet, field, nextHeader);
        context.send(packet, Out.NEXT);
    }

    /** Gives a packet whose Fragment header is gone the fields of one that never had any. */
    private void becomeWhole(PacketBuffer packet, int fieldThatNamedFragment, int nextHeader) {
        packet.setL3Offset(packet.start());
        packet.bytes().put(packet.start() + fieldThatNamedFragment, (byte) nextHeader);
        ip.wrap(packet, packet.start()).setPayloadLength(packet.length() - Ip6View.HEADER_BYTES);
        Ip6ExtensionChain.Outcome outcome = chain.walk(ip);
        packet.setL4Offset(outcome == Ip6ExtensionChain.Outcome.COMPLETE ? chain.upperOffset() : PacketBuffer.UNKNOWN);
        packet.setFlowHash(FlowHash.ip6(ip, chain));
    }

    private void collect(PacketBuffer packet, StageContext context) {
        int dataAt = chain.fragmentHeaderOffset() + Ip6FragmentView.HEADER_BYTES;
        int headersBytes = dataAt - packet.l3Offset();
        int length = packet.end() - dataAt;
        int from = chain.fragment().fragmentOffset();
        int to = from + length;
        boolean last = !chain.fragment().moreFragments();
        if (!last && (length & 7) != 0) {
            refuse(packet, Icmp6View.ERRONEOUS_HEADER_FIELD, PAYLOAD_LENGTH_POINTER, context);
            return;
        }
        if (headersBytes - Ip6FragmentView.HEADER_BYTES - Ip6View.HEADER_BYTES + to > MAX_PAYLOAD_LENGTH) {
            int pointer = headersBytes - Ip6FragmentView.HEADER_BYTES + FRAGMENT_OFFSET_FIELD;
            refuse(packet, Icmp6View.ERRONEOUS_HEADER_FIELD, pointer, context);
            return;
        }
        if (length == 0) {
            context.drop(packet, Drop.BAD_END);
            return;
        }
        if (headersBytes > MAX_HEADERS_BYTES) {
            context.drop(packet, Drop.HEADERS_TOO_LONG);
            return;
        }
        Incomplete whole = find(packet.vrf());
        if (whole == null) {
            whole = begin(packet.vrf(), context);
            if (whole == null) {
                context.drop(packet, Drop.NO_BUFFER);
                return;
            }
        }
        Drop fault = whole.faultOf(from, to, last);
        if (fault != null) {
            if (fault != Drop.DUPLICATE && fault != Drop.ABANDONED) {
                whole.abandon(fault, context);
            }
            context.drop(packet, fault);
            return;
        }
        whole.add(packet, from, to, last, ip.ecn());
        if (from == 0) {
            whole.addHeaders(
                    packet,
                    headersBytes,
                    length,
                    fieldNamingFragmentHeader(),
                    chain.fragment().nextHeader());
        }
        context.consume(packet);
        if (whole.isComplete()) {
            finish(whole, context);
        }
    }

    private @Nullable Incomplete find(int vrf) {
        long identification = chain.fragment().identification();
        for (Incomplete candidate : table) {
            if (candidate.inUse
                    && candidate.identification == identification
                    && candidate.sourceLow == ip.sourceLow()
                    && candidate.sourceHigh == ip.sourceHigh()
                    && candidate.destinationLow == ip.destinationLow()
                    && candidate.destinationHigh == ip.destinationHigh()
                    && candidate.vrf == vrf) {
                return candidate;
            }
        }
        return null;
    }

    /** A place in the table for the packet that the fragment at hand belongs to; null when no buffer is left. */
    private @Nullable Incomplete begin(int vrf, StageContext context) {
        PacketBuffer buffer = context.originate();
        if (buffer == null) {
            return null;
        }
        context.hold(buffer);
        Incomplete place = table[0];
        for (Incomplete candidate : table) {
            if (!candidate.inUse) {
                place = candidate;
                break;
            }
            if (candidate.expiresAt - place.expiresAt < 0) {
                place = candidate;
            }
        }
        if (place.inUse) {
            place.abandon(Drop.TABLE_FULL, context);
        }
        place.begin(ip, vrf, chain.fragment().identification(), buffer, context.nowNanos() + TIMEOUT_NANOS);
        context.wakeAfter(TIMEOUT_NANOS);
        return place;
    }

    private void finish(Incomplete whole, StageContext context) {
        if (whole.mixesCongestionMarks()) {
            whole.abandon(Drop.BAD_ECN, context);
            return;
        }
        PacketBuffer packet = whole.end();
        if (packet == null) {
            return;
        }
        int headersBytes = whole.headersBytes - Ip6FragmentView.HEADER_BYTES;
        packet.copyFrom(packet, DATA - whole.headersBytes, DATA - headersBytes, headersBytes);
        packet.setWindow(DATA - headersBytes, headersBytes + whole.totalBytes);
        becomeWhole(packet, whole.fieldThatNamedFragment, whole.nextHeader);
        if (whole.isMarked()) {
            ip.setTrafficClass(ip.trafficClass() | Incomplete.CONGESTION_EXPERIENCED);
        }
        context.count(Count.REASSEMBLED, 1);
        context.send(packet, Out.NEXT);
    }

    @Override
    public void onTimer(StageContext context) {
        long now = context.nowNanos();
        long wait = Long.MAX_VALUE;
        for (Incomplete each : table) {
            if (each.inUse && each.expiresAt - now <= 0) {
                expire(each, context);
            } else if (each.inUse) {
                wait = Math.min(wait, each.expiresAt - now);
            }
        }
        if (wait != Long.MAX_VALUE) {
            context.wakeAfter(wait);
        }
    }

    private static void expire(Incomplete whole, StageContext context) {
        PacketBuffer packet = whole.end();
        if (packet == null) {
            return;
        }
        if (whole.headersBytes == 0) {
            context.drop(packet, Drop.TIMED_OUT);
            return;
        }
        // The first fragment lies there as it came, and is what the error is about.
        packet.setWindow(DATA - whole.headersBytes, whole.headersBytes + whole.firstBytes);
        packet.setL3Offset(packet.start());
        packet.setIcmpError(Icmp6View.TIME_EXCEEDED, Icmp6View.REASSEMBLY_TIME_EXCEEDED, 0);
        context.count(Count.EXPIRED, 1);
        context.send(packet, Out.ERROR);
    }

    @Override
    public void onStop(StageContext context) {
        for (Incomplete each : table) {
            if (each.inUse) {
                each.abandon(Drop.LANE_STOPPED, context);
                each.end();
            }
        }
    }

    /** A packet of which not all fragments have come. One that was given up stays until its time is over, without bytes. */
    private static final class Incomplete {
        static final int CONGESTION_EXPERIENCED = 3;
        private static final int UNKNOWN = -1;

        boolean inUse;
        long sourceHigh;
        long sourceLow;
        long destinationHigh;
        long destinationLow;
        long identification;
        int vrf;
        long expiresAt;
        /** 0 until the first fragment has come; counts its Fragment header. */
        int headersBytes;
        /** How much the first fragment held. */
        int firstBytes;

        int fieldThatNamedFragment;
        int nextHeader;
        /** {@link #UNKNOWN} until the last fragment has come. */
        int totalBytes;

        private @Nullable PacketBuffer buffer;
        private final int[] from = new int[MAX_FRAGMENTS];
        private final int[] to = new int[MAX_FRAGMENTS];
        private int fragments;
        private int receivedBytes;
        private int highest;
        /** One bit for each ECN codepoint seen. */
        private int codepoints;

        void begin(Ip6View ip, int table, long id, PacketBuffer empty, long expiry) {
            inUse = true;
            sourceHigh = ip.sourceHigh();
            sourceLow = ip.sourceLow();
            destinationHigh = ip.destinationHigh();
            destinationLow = ip.destinationLow();
            identification = id;
            vrf = table;
            expiresAt = expiry;
            headersBytes = 0;
            firstBytes = 0;
            totalBytes = UNKNOWN;
            buffer = empty;
            fragments = 0;
            receivedBytes = 0;
            highest = 0;
            codepoints = 0;
        }

        @Nullable
        Drop faultOf(int start, int end, boolean last) {
            if (buffer == null) {
                return Drop.ABANDONED;
            }
            for (int i = 0; i < fragments; i++) {
                if (from[i] == start && to[i] == end) {
                    return Drop.DUPLICATE;
                }
                if (start < to[i] && from[i] < end) {
                    return Drop.OVERLAP;
                }
            }
            if (last ? totalBytes != UNKNOWN || end < highest : totalBytes != UNKNOWN && end > totalBytes) {
                return Drop.BAD_END;
            }
            return fragments == MAX_FRAGMENTS ? Drop.TOO_MANY_FRAGMENTS : null;
        }

        @SuppressWarnings("NullAway") // faultOf has found a buffer
        void add(PacketBuffer packet, int start, int end, boolean last, int ecn) {
            from[fragments] = start;
            to[fragments] = end;
            fragments++;
            receivedBytes += end - start;
            highest = Math.max(highest, end);
            codepoints |= 1 << ecn;
            if (last) {
                totalBytes = end;
            }
            buffer.copyFrom(packet, packet.end() - (end - start), DATA + start, end - start);
        }

        @SuppressWarnings("NullAway") // faultOf has found a buffer
        void addHeaders(PacketBuffer first, int headers, int length, int field, int named) {
            headersBytes = headers;
            firstBytes = length;
            fieldThatNamedFragment = field;
            nextHeader = named;
            buffer.copyFrom(first, first.l3Offset(), DATA - headers, headers);
            buffer.copyRoutingFrom(first);
        }

        boolean isComplete() {
            return receivedBytes == totalBytes;
        }

        boolean mixesCongestionMarks() {
            return isMarked() && (codepoints & 1) != 0;
        }

        boolean isMarked() {
            return (codepoints & 1 << CONGESTION_EXPERIENCED) != 0;
        }

        void abandon(Drop reason, StageContext context) {
            PacketBuffer held = buffer;
            buffer = null;
            if (held != null) {
                context.drop(held, reason);
            }
        }

        /** Leaves the table, and gives the buffer up, if there still is one. */
        @Nullable
        PacketBuffer end() {
            inUse = false;
            PacketBuffer held = buffer;
            buffer = null;
            return held;
        }
    }
}
