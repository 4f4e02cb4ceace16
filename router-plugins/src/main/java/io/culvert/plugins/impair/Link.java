// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.impair;

import io.culvert.packet.PacketBuffer;
import io.culvert.spi.BadSettingException;
import io.culvert.spi.Settings;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One direction of an impaired link, in one lane: its settings, the fate of each packet, and when it comes out.
 *
 * <p>The fate of the n-th packet follows from the seed, the interface, the direction, the lane and n alone. Each kind
 * of impairment has random numbers of its own, so that changing one leaves the others as they were.
 */
final class Link {
    static final long LEAST_BITS_PER_SECOND = 1000;
    static final long MOST_PACKETS = 1 << 20;

    private static final double SECOND_BITS = 8e9;
    private static final long GOLDEN = 0x9e37_79b9_7f4a_7c15L;

    private enum Draw {
        LOSS,
        DUPLICATE,
        CORRUPT,
        BIT,
        REORDER,
        JITTER,
        JITTER_OF_DUPLICATE
    }

    /**
     * What outlives a changed configuration: packets are still under way then, and none must overtake them. How many
     * there are is told by the moments at which they come out, so that it is right whatever becomes of them meanwhile.
     */
    static final class UnderWay {
        private static final int SOME = 64;

        private long number;
        private long lastDue;
        private boolean anyDue;
        /** A ring, of a power of two, which grows as far as the limit asks. */
        private long[] due = new long[SOME];

        private int first;
        private int count;

        private int countAt(long now) {
            while (count != 0 && due[first] - now <= 0) {
                first = first + 1 & due.length - 1;
                count--;
            }
            return count;
        }

        private void add(long moment) {
            if (count == due.length) {
                long[] more = new long[2 * count];
                for (int i = 0; i < count; i++) {
                    more[i] = due[first + i & count - 1];
                }
                due = more;
                first = 0;
            }
            due[first + count & due.length - 1] = moment;
            count++;
        }
    }

    private final long delay;
    private final long jitter;
    private final double loss;
    private final double duplicate;
    private final double corrupt;
    private final double reorder;
    private final double nanosPerByte;
    private final long limit;
    private final UnderWay underWay;
    /**
     * When the link, all lanes together, has sent what it was given; {@link #nanosPerByte} is 0 when it has no rate.
     */
    private final AtomicLong busyUntil;

    private final long seed;
    private long base;

    /**
     * A link of a section that has passed {@link #check}.
     *
     * @param seed of this link, direction and lane
     */
    Link(Settings section, long seed, UnderWay underWay, AtomicLong busyUntil) {
        this.seed = seed;
        this.underWay = underWay;
        this.busyUntil = busyUntil;
        delay = section.durationNanos(LinkKey.DELAY);
        jitter = section.durationNanos(LinkKey.JITTER);
        loss = section.share(LinkKey.LOSS);
        duplicate = section.share(LinkKey.DUPLICATE);
        corrupt = section.share(LinkKey.CORRUPT);
        reorder = section.share(LinkKey.REORDER);
        long bits = section.bitsPerSecond(LinkKey.RATE);
        nanosPerByte = bits == Settings.UNLIMITED ? 0 : SECOND_BITS / bits;
        limit = section.number(LinkKey.LIMIT);
    }

    static void check(Settings section) throws BadSettingException {
        long delay = section.durationNanos(LinkKey.DELAY);
        if (section.durationNanos(LinkKey.JITTER) > delay) {
            throw new BadSettingException(
                    section, LinkKey.JITTER, "is more than delay: no packet can arrive before it was sent");
        }
        if (section.share(LinkKey.REORDER) > 0 && delay == 0) {
            throw new BadSettingException(section, LinkKey.REORDER, "needs a delay: packets overtake by taking none");
        }
    }

    /** Mixes a number into a seed: the finalizer of SplitMix64, whose every output bit depends on every input bit. */
    static long mix(long seed, long part) {
        long mixed = seed + (part + 1) * GOLDEN;
        mixed = (mixed ^ (mixed >>> 30)) * 0xbf58_476d_1ce4_e5b9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94d0_49bb_1331_11ebL;
        return mixed ^ (mixed >>> 31);
    }

    /** Turns to the next packet: what follows is about it. */
    void next() {
        base = mix(seed, underWay.number++);
    }

    private long random(Draw what) {
        return mix(base, what.ordinal());
    }

    /** From 0 to less than 1. */
    private double share(Draw what) {
        return (random(what) >>> 11) * 0x1p-53;
    }

    boolean isLost() {
        return loss > 0 && share(Draw.LOSS) < loss;
    }

    boolean isDuplicated() {
        return duplicate > 0 && share(Draw.DUPLICATE) < duplicate;
    }

    boolean isCorrupted() {
        return corrupt > 0 && share(Draw.CORRUPT) < corrupt;
    }

    /** Which of so many bits is turned over. */
    int bit(int bits) {
        return (int) Long.remainderUnsigned(random(Draw.BIT), bits);
    }

    /** Whether as many packets as it takes are under way. */
    boolean isFull(long now) {
        return underWay.countAt(now) >= limit;
    }

    /**
     * How long a packet takes that enters the link now; 0 when it passes at once. Where packets wait, it does so only
     * if it overtakes them.
     */
    long enter(PacketBuffer packet, long now, boolean isDuplicate) {
        long due = nanosPerByte == 0 ? now : send(packet.length(), now);
        if (!isDuplicate && reorder > 0 && share(Draw.REORDER) < reorder) {
            return due - now;
        }
        due += delay + jitter(isDuplicate ? Draw.JITTER_OF_DUPLICATE : Draw.JITTER);
        if (underWay.anyDue && underWay.lastDue - due > 0) {
            due = underWay.lastDue;
        }
        underWay.lastDue = due;
        underWay.anyDue = true;
        long wait = due - now;
        return delay == 0 && nanosPerByte == 0 ? wait : Math.max(1, wait);
    }

    /** Notes that the packet that has just entered is under way until a moment. */
    void keep(long until) {
        underWay.add(until);
    }

    private long jitter(Draw draw) {
        return jitter == 0 ? 0 : Math.round((2 * share(draw) - 1) * jitter);
    }

    /** When the link has sent so many bytes behind all that it was given before, by whichever lane. */
    private long send(int length, long now) {
        long takes = Math.max(1, Math.round(length * nanosPerByte));
        while (true) {
            long before = busyUntil.get();
            long sent = (before - now < 0 ? now : before) + takes;
            if (busyUntil.compareAndSet(before, sent)) {
                return sent;
            }
        }
    }
}
