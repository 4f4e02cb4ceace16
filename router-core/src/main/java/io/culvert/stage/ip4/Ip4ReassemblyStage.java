// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

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
import io.culvert.wire.Icmp4View;
import io.culvert.wire.Ip4View;
import io.culvert.wire.IpProtocol;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Puts fragmented IPv4 datagrams for the router together again, unless they go to the kernel, which does it itself.
 *
 * <p>In: checked IPv4 packets for the router. Out: {@code NEXT} for whole datagrams; {@code ERROR} for one that stayed
 * incomplete, cut to its first fragment if that has come (RFC 792, time exceeded in reassembly). Of a datagram's fragments
 * the buffer of the one that comes first is kept and takes the bytes of the others, which are consumed.
 *
 * <p>Bounded in each lane: {@value #MAX_DATAGRAMS} datagrams at a time, that is as many buffers, each for 30 seconds from
 * its first fragment on; the oldest makes room for a new one. The work for a fragment does not grow with the number of
 * fragments before it. The kernel's flow hash keeps a datagram's fragments in one lane.
 *
 * <p>A fragment that brings only what is there already is dropped; one that overlaps in part costs the whole datagram, as
 * honest senders never make one (the rule of RFC 5722, whose reasons hold for IPv4). So does a fragment that cuts a TCP
 * header (RFC 1858 section 3, RFC 3128), but that is dropped alone. ECN marks of later fragments are not merged.
 */
public final class Ip4ReassemblyStage implements PacketStage {
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

    enum Drop implements DropReason {
        BAD_FRAGMENT("A fragment was empty, not a multiple of 8 bytes, or reached beyond the datagram's end."),
        TINY_FRAGMENT("A fragment cut a TCP header in two, which only attempts to deceive filters do."),
        DUPLICATE_FRAGMENT("All of the fragment had come before."),
        OVERLAPPING_FRAGMENT("A fragment overlapped others in part; the whole datagram was dropped."),
        TABLE_FULL("The oldest incomplete datagram made room for a new one."),
        TIMED_OUT("A datagram was not complete 30 seconds after its first fragment came."),
        STOPPED("The lane stopped before the datagram was complete.");

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
        FRAGMENTS("Fragments taken in."),
        REASSEMBLED("Datagrams put together."),
        TIMED_OUT("Datagrams whose first fragment had come when time was up; their senders are told.");

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
                    "ip4-reassembly", "Puts fragmented IPv4 datagrams for the router together.")
            .spec("RFC 791 3.2", "RFC 1122 3.3.2", "RFC 1812 4.2.2.8", "RFC 1858 3", "RFC 3128")
            .arc(Arc.IP4_LOCAL)
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new Ip4ReassemblyStage());

    private static final int MAX_DATAGRAMS = 64;
    private static final long TIMEOUT_NANOS = 30_000_000_000L;
    /** Where every datagram's payload starts in its buffer: the largest header fits in front. */
    private static final int PAYLOAD = PacketBuffer.HEADROOM + Ip4View.MAX_HEADER_BYTES;
    /** The TCP header up to and with the flags (RFC 1858 section 3). */
    private static final int MIN_TCP_BYTES = 16;

    private final Ip4View ip = new Ip4View();
    private final Datagram[] table = new Datagram[MAX_DATAGRAMS];

    private Ip4ReassemblyStage() {
        for (int i = 0; i < table.length; i++) {
            table[i] = new Datagram();
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
            ip.wrap(packet, packet.start());
            if (!ip.isFragment()) {
                context.send(packet, Out.NEXT);
            } else if (isBad()) {
                context.drop(packet, Drop.BAD_FRAGMENT);
            } else if (isTiny()) {
                context.drop(packet, Drop.TINY_FRAGMENT);
            } else {
                take(packet, context);
            }
        }
    }

    private boolean isBad() {
        int length = ip.payloadLength();
        return length == 0
                || ip.moreFragments() && (length & 7) != 0
                || ip.fragmentOffset() + length > Ip4View.MAX_TOTAL_LENGTH - Ip4View.HEADER_BYTES;
    }

    private boolean isTiny() {
        return ip.protocol() == IpProtocol.TCP
                && (ip.fragmentOffset() == 8 || ip.fragmentOffset() == 0 && ip.payloadLength() < MIN_TCP_BYTES);
    }

    private void take(PacketBuffer fragment, StageContext context) {
        Datagram datagram = find(fragment.vrf());
        if (datagram == null) {
            datagram = begin(fragment, context);
        }
        PacketBuffer whole = datagram.packet;
        if (whole == null) {
            throw new IllegalStateException("a datagram without a buffer");
        }
        int offset = ip.fragmentOffset();
        int end = offset + ip.payloadLength();
        if (datagram.contradicts(end, ip.moreFragments())) {
            abandon(datagram, whole, fragment, Drop.BAD_FRAGMENT, context);
            return;
        }
        int present = datagram.blocksPresent(offset, end);
        if (present == blocks(offset, end)) {
            context.drop(fragment, Drop.DUPLICATE_FRAGMENT);
            return;
        }
        if (present != 0) {
            abandon(datagram, whole, fragment, Drop.OVERLAPPING_FRAGMENT, context);
            return;
        }
        datagram.add(fragment, ip, offset, end);
        context.count(Count.FRAGMENTS, 1);
        if (fragment == whole) {
            context.hold(fragment);
        } else {
            context.consume(fragment);
        }
        if (datagram.isComplete()) {
            finish(datagram, whole, context);
        }
    }

    private @Nullable Datagram find(int vrf) {
        for (Datagram datagram : table) {
            if (datagram.packet != null && datagram.isOf(ip, vrf)) {
                return datagram;
            }
        }
        return null;
    }

    /** Starts a datagram in the fragment's own buffer, in place of the oldest if need be. */
    private Datagram begin(PacketBuffer fragment, StageContext context) {
        Datagram oldest = table[0];
        for (Datagram datagram : table) {
            if (datagram.packet == null) {
                oldest = datagram;
                break;
            }
            if (datagram.startedNanos - oldest.startedNanos < 0) {
                oldest = datagram;
            }
        }
        PacketBuffer evicted = oldest.packet;
        if (evicted != null) {
            context.drop(evicted, Drop.TABLE_FULL);
        }
        oldest.begin(fragment, ip, context.nowNanos());
        context.wakeAfter(TIMEOUT_NANOS);
        return oldest;
    }

    private static void abandon(
            Datagram datagram, PacketBuffer whole, PacketBuffer fragment, Drop reason, StageContext context) {
        datagram.packet = null;
        context.drop(whole, reason);
        context.drop(fragment, reason);
    }

    private void finish(Datagram datagram, PacketBuffer whole, StageContext context) {
        datagram.packet = null;
        int totalLength = datagram.headerBytes + datagram.end;
        if (totalLength > Ip4View.MAX_TOTAL_LENGTH) {
            context.drop(whole, Drop.BAD_FRAGMENT);
            return;
        }
        datagram.putHeader(whole, datagram.end);
        ip.wrap(whole, whole.start());
        ip.setTotalLength(totalLength);
        ip.setFragment(false, false, 0);
        ip.updateChecksum();
        context.count(Count.REASSEMBLED, 1);
        context.send(whole, Out.NEXT);
    }

    @Override
    public void onTimer(StageContext context) {
        long oldestAge = Long.MIN_VALUE;
        for (Datagram datagram : table) {
            PacketBuffer packet = datagram.packet;
            if (packet == null) {
                continue;
            }
            long age = context.nowNanos() - datagram.startedNanos;
            if (age < TIMEOUT_NANOS) {
                oldestAge = Math.max(oldestAge, age);
                continue;
            }
            datagram.packet = null;
            if (datagram.headerBytes == 0) {
                context.drop(packet, Drop.TIMED_OUT);
            } else {
                datagram.putHeader(packet, datagram.firstLength);
                packet.setIcmpError(Icmp4View.TIME_EXCEEDED, Icmp4View.REASSEMBLY_TIME_EXCEEDED, 0);
                context.count(Count.TIMED_OUT, 1);
                context.send(packet, Out.ERROR);
            }
        }
        if (oldestAge != Long.MIN_VALUE) {
            context.wakeAfter(TIMEOUT_NANOS - oldestAge);
        }
    }

    @Override
    public void onStop(StageContext context) {
        for (Datagram datagram : table) {
            PacketBuffer packet = datagram.packet;
            if (packet != null) {
                datagram.packet = null;
                context.drop(packet, Drop.STOPPED);
            }
        }
    }

    /** How many blocks of 8 bytes a range of the payload touches; it starts at the start of one. */
    private static int blocks(int offset, int end) {
        return (end + 7 >>> 3) - (offset >>> 3);
    }

    /** A datagram that is being put together, or, without a packet, a free place for one. */
    private static final class Datagram {
        private static final int BLOCKS = 8192;

        @Nullable
        PacketBuffer packet;

        long startedNanos;
        /** Payload bytes of the whole, or -1 while the last fragment has not come. */
        int end;
        /** Size of the first fragment's header, or 0 while that has not come. */
        int headerBytes;
        /** Payload bytes of the first fragment. */
        int firstLength;

        private final byte[] header = new byte[Ip4View.MAX_HEADER_BYTES];
        private final long[] present = new long[BLOCKS / Long.SIZE];
        private int received;
        private int highest;
        private int vrf;
        private int source;
        private int destination;
        private int protocol;
        private int identification;

        void begin(PacketBuffer fragment, Ip4View ip, long nowNanos) {
            packet = fragment;
            startedNanos = nowNanos;
            end = -1;
            headerBytes = 0;
            firstLength = 0;
            Arrays.fill(present, 0);
            received = 0;
            highest = 0;
            vrf = fragment.vrf();
            source = ip.source();
            destination = ip.destination();
            protocol = ip.protocol();
            identification = ip.identification();
        }

        /** RFC 791 section 3.2: what makes fragments those of one datagram. */
        boolean isOf(Ip4View ip, int ofVrf) {
            return identification == ip.identification()
                    && source == ip.source()
                    && destination == ip.destination()
                    && protocol == ip.protocol()
                    && vrf == ofVrf;
        }

        /** Whether a fragment with this end disagrees with what others have said of the whole's length. */
        boolean contradicts(int fragmentEnd, boolean more) {
            return end >= 0 && fragmentEnd > end || !more && fragmentEnd < highest;
        }

        int blocksPresent(int from, int to) {
            int last = (to - 1) >>> 3;
            int count = 0;
            for (int word = from >>> 9; word <= last >>> 6; word++) {
                count += Long.bitCount(present[word] & mask(word, from >>> 3, last));
            }
            return count;
        }

        /** The bits of a word that stand for blocks from {@code first} to {@code last}. */
        private static long mask(int word, int first, int last) {
            long mask = -1L;
            if (word == first >>> 6) {
                mask &= -1L << (first & 63);
            }
            if (word == last >>> 6) {
                mask &= -1L >>> (63 - (last & 63));
            }
            return mask;
        }

        /** Takes over a fragment's payload; the fragment may be the very packet. */
        void add(PacketBuffer fragment, Ip4View ip, int from, int to) {
            PacketBuffer whole = packet;
            if (whole == null) {
                throw new IllegalStateException("a datagram without a buffer");
            }
            if (from == 0) {
                headerBytes = ip.headerBytes();
                firstLength = to;
                fragment.bytes().get(ip.offset(), header, 0, headerBytes);
            }
            if (!ip.moreFragments()) {
                end = to;
            }
            whole.copyFrom(fragment, ip.payloadOffset(), PAYLOAD + from, to - from);
            if (fragment.linkBroadcast()) {
                whole.setLinkBroadcast(true);
            }
            int last = (to - 1) >>> 3;
            for (int word = from >>> 9; word <= last >>> 6; word++) {
                present[word] |= mask(word, from >>> 3, last);
            }
            received += to - from;
            highest = Math.max(highest, to);
        }

        boolean isComplete() {
            return received == end;
        }

        /** Makes the packet that of the first fragment's header and so many bytes of payload. */
        void putHeader(PacketBuffer whole, int payloadBytes) {
            int start = PAYLOAD - headerBytes;
            whole.setWindow(start, headerBytes + payloadBytes);
            whole.copyFrom(header, 0, start, headerBytes);
            whole.clearOffloads();
            whole.clearOffsets();
            whole.setL3Offset(start);
            whole.setL4Offset(PAYLOAD);
        }
    }
}
