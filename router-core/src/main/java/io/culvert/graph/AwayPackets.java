// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jctools.queues.atomic.MpscAtomicArrayQueue;
import org.jspecify.annotations.Nullable;

/**
 * The packets of one lane that are in a plugin's flow: bounded, in memory of their own, in the order in which they left.
 *
 * <p>A packet that has left comes home once, or is missed: whichever side is first decides, and from then on whatever the flow
 * does with it concerns nobody. A packet that is missed is not used again, as the flow may still write to it; it is replaced.
 *
 * <p>Belongs to the lane's thread, but for {@link #home}.
 */
final class AwayPackets {
    /** Enough for an Ethernet frame of 1500 bytes with room on both sides, so that few packets take more memory. */
    private static final int SMALL_BYTES = 4096;

    private static final int HOME = 0;
    private static final int AWAY = 1;
    private static final int BACK = 2;
    private static final int DISCARDED = 3;
    private static final int MISSED = 4;
    private static final int BEHIND = 5;

    /** A copy and where it is, by the value of this. */
    @SuppressWarnings("serial") // never serialised; extended to spare each copy an object
    static final class Copy extends AtomicInteger {
        private final PacketBuffer packet;
        private final boolean small;
        private int members;
        private long leftAt;
        private @Nullable Copy follower;
        private @Nullable Copy earlier;
        private @Nullable Copy later;

        private Copy(int slot, boolean small) {
            this.packet = PacketBuffer.detached(small ? SMALL_BYTES : BufferPool.BUFFER_BYTES, slot);
            this.small = small;
        }

        PacketBuffer packet() {
            return packet;
        }

        /** How many packets it counts for: those of its chain. */
        int members() {
            return members;
        }

        /** The copy of the next packet in its chain. */
        @Nullable
        Copy follower() {
            return follower;
        }

        boolean isDiscarded() {
            return get() == DISCARDED;
        }
    }

    private final int most;
    /** By slot; read by the flow's threads. */
    private final AtomicReferenceArray<@Nullable Copy> bySlot;

    private final Copy[] freeSmall;
    private final Copy[] freeLarge;
    private int freeSmallCount;
    private int freeLargeCount;
    private int slotsUsed;
    private int smallMade;
    private int largeMade;

    private int away;
    private @Nullable Copy first;
    private @Nullable Copy last;
    private final MpscAtomicArrayQueue<Copy> back;

    /** @param most how many packets may be away at once */
    AwayPackets(int most) {
        this.most = most;
        bySlot = new AtomicReferenceArray<>(2 * most);
        freeSmall = new Copy[most];
        freeLarge = new Copy[most];
        back = new MpscAtomicArrayQueue<>(Math.max(2, most));
    }

    /** Packets that are away. */
    int count() {
        return away;
    }

    /**
     * Copies a packet, with all behind it, that is about to leave.
     *
     * @return null when too many are away
     */
    @Nullable
    PacketBuffer copy(PacketBuffer packet, long now) {
        int members = packet.chainCount();
        if (away + members > most) {
            return null;
        }
        Copy head = copyOf(packet);
        Copy end = head;
        for (PacketBuffer member = packet.nextInChain(); member != null; member = member.nextInChain()) {
            Copy follower = copyOf(member);
            head.packet.append(follower.packet);
            end.follower = follower;
            end = follower;
            follower.set(BEHIND);
        }
        head.members = members;
        head.leftAt = now;
        away += members;
        append(head);
        head.set(AWAY);
        return head.packet;
    }

    private Copy copyOf(PacketBuffer packet) {
        Copy copy = take(packet.end() <= SMALL_BYTES - PacketBuffer.HEADROOM);
        copy.packet.copyOf(packet);
        copy.packet.setState(PacketBuffer.State.PENDING);
        return copy;
    }

    /** There always is one: no more are away than each kind has. */
    private Copy take(boolean small) {
        if (small && freeSmallCount > 0) {
            return freeSmall[--freeSmallCount];
        }
        if (!small && freeLargeCount > 0) {
            return freeLarge[--freeLargeCount];
        }
        if (small) {
            smallMade++;
        } else {
            largeMade++;
        }
        if (smallMade > most || largeMade > most) {
            throw new IllegalStateException("more copies than packets may be away");
        }
        Copy made = new Copy(slotsUsed++, small);
        bySlot.set(made.packet.slot(), made);
        return made;
    }

    private void append(Copy copy) {
        Copy before = last;
        copy.earlier = before;
        copy.later = null;
        if (before == null) {
            first = copy;
        } else {
            before.later = copy;
        }
        last = copy;
    }

    /**
     * A packet comes out of the flow. Any thread.
     *
     * @param discarded whether it has ended there, on purpose
     * @return false when it is not awaited: it is out already, is behind another, was missed before, or is not from here
     */
    boolean home(PacketBuffer packet, boolean discarded) {
        int slot = packet.slot();
        Copy copy = slot < bySlot.length() ? bySlot.get(slot) : null;
        if (copy == null || copy.packet != packet || !copy.compareAndSet(AWAY, discarded ? DISCARDED : BACK)) {
            return false;
        }
        back.offer(copy); // has room for all that can be away
        return true;
    }

    /**
     * Takes a packet back that has not gone into the flow after all.
     *
     * @return how many packets that were
     */
    int recall(PacketBuffer packet) {
        Copy copy = bySlot.get(packet.slot());
        if (copy == null || copy.packet != packet || !copy.compareAndSet(AWAY, BACK)) {
            throw new IllegalStateException("not away: " + packet);
        }
        int members = copy.members;
        release(copy);
        return members;
    }

    /** The packet that {@link #pollHome} would answer, or null. */
    @Nullable
    Copy peekHome() {
        return back.peek();
    }

    /** The next packet that has come home, or null. It is to be {@link #release}d. */
    @Nullable
    Copy pollHome() {
        return back.poll();
    }

    /** Forgets a packet that has come home: its memory serves again. */
    void release(Copy copy) {
        leave(copy);
        for (Copy member = copy; member != null; ) {
            Copy next = member.follower;
            member.follower = null;
            member.packet.reset();
            member.set(HOME);
            if (member.small) {
                freeSmall[freeSmallCount++] = member;
            } else {
                freeLarge[freeLargeCount++] = member;
            }
            member = next;
        }
    }

    /**
     * Gives up the packet that has been away for longest, if it left at a moment or before and is not on its way home.
     *
     * @return how many packets that were, or 0
     */
    int miss(long leftBy) {
        Copy copy = first;
        while (copy != null && copy.leftAt - leftBy <= 0) {
            if (copy.compareAndSet(AWAY, MISSED)) {
                leave(copy);
                for (Copy member = copy; member != null; member = member.follower) {
                    replace(member);
                }
                return copy.members;
            }
            copy = copy.later; // it is on its way home, and those behind it may not be
        }
        return 0;
    }

    private void replace(Copy copy) {
        int slot = copy.packet.slot();
        Copy made = new Copy(slot, copy.small);
        bySlot.set(slot, made);
        if (made.small) {
            freeSmall[freeSmallCount++] = made;
        } else {
            freeLarge[freeLargeCount++] = made;
        }
    }

    private void leave(Copy copy) {
        away -= copy.members;
        Copy before = copy.earlier;
        Copy after = copy.later;
        if (before == null) {
            first = after;
        } else {
            before.later = after;
        }
        if (after == null) {
            last = before;
        } else {
            after.earlier = before;
        }
        copy.earlier = null;
        copy.later = null;
    }

    /** When the packet left that has been away for longest. Only while there is one. */
    long earliest() {
        Copy copy = first;
        if (copy == null) {
            throw new IllegalStateException("no packet is away");
        }
        return copy.leftAt;
    }
}
