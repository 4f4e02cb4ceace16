// SPDX-License-Identifier: Apache-2.0
package io.culvert.packet;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The packets of one lane: a fixed number of equal buffers, handed out last-in-first-out so that the memory in use stays
 * in the cache and the rest stays untouched.
 *
 * <p>Never blocks and never grows: when it is empty {@link #take} answers null and the caller drops by name. Confined to
 * the lane's thread.
 *
 * @since 0.1
 */
public final class BufferPool {
    /** Room for headroom, an Ethernet header with two tags, and a 64 KiB superpacket; a multiple of the page size. */
    public static final int BUFFER_BYTES = 17 * 4096;

    /** Is told of buffers that come and go, on the lane's thread. */
    @Internal
    public interface Watch {
        /** A buffer is a packet from now on. */
        void taken(PacketBuffer packet);

        /** A buffer is nobody's any more. */
        void freed(PacketBuffer packet);
    }

    private final PacketBuffer[] all;
    private final PacketBuffer[] free;
    private int freeCount;
    private int leastFree;
    private @Nullable Watch watch;

    /**
     * @param memory direct memory; every {@link #BUFFER_BYTES} of it make a packet
     * @param address native address of the memory's position 0, or 0 when no system call will see it
     */
    @Internal
    public BufferPool(ByteBuffer memory, long address) {
        int count = memory.capacity() / BUFFER_BYTES;
        if (count == 0) {
            throw new IllegalArgumentException(
                    "a pool needs at least " + BUFFER_BYTES + " bytes, got " + memory.capacity());
        }
        all = new PacketBuffer[count];
        free = new PacketBuffer[count];
        for (int slot = 0; slot < count; slot++) {
            int offset = slot * BUFFER_BYTES;
            ByteBuffer slice = memory.slice(offset, BUFFER_BYTES).order(ByteOrder.BIG_ENDIAN);
            all[slot] = new PacketBuffer(slice, address == 0 ? 0 : address + offset, slot);
            free[count - 1 - slot] = all[slot];
        }
        freeCount = count;
        leastFree = count;
    }

    /** A pool over fresh direct memory that no system call will see. */
    public static BufferPool allocate(int count) {
        return new BufferPool(ByteBuffer.allocateDirect(Math.multiplyExact(count, BUFFER_BYTES)), 0);
    }

    /**
     * Has buffers watched, for a debug mode: from now on the one that has been free the longest is taken first, so that
     * whoever writes to one that is not his any more most likely finds it free. That takes time.
     */
    @Internal
    public void watch(Watch toTell) {
        watch = toTell;
        for (int i = 0; i < freeCount; i++) {
            toTell.freed(free[i]);
        }
    }

    /** An empty packet in state {@link PacketBuffer.State#PENDING}, or null when all are out. */
    public @Nullable PacketBuffer take() {
        if (freeCount == 0) {
            return null;
        }
        PacketBuffer packet = free[--freeCount];
        if (freeCount < leastFree) {
            leastFree = freeCount;
        }
        packet.reset();
        packet.setState(PacketBuffer.State.PENDING);
        if (watch != null) {
            watch.taken(packet);
        }
        return packet;
    }

    /**
     * Takes a packet back, with all that are behind it in its chain.
     *
     * @return how many packets that were
     * @throws IllegalStateException when it is here already, is behind another, or is another pool's
     */
    public int release(PacketBuffer packet) {
        if (packet.state() == PacketBuffer.State.FREE) {
            throw new IllegalStateException("released twice: " + packet);
        }
        if (packet.state() == PacketBuffer.State.CHAINED) {
            throw new IllegalStateException("released apart from the head of its chain: " + packet);
        }
        int released = 0;
        PacketBuffer member = packet;
        while (member != null) {
            PacketBuffer next = member.nextInChain();
            put(member);
            released++;
            member = next;
        }
        return released;
    }

    private void put(PacketBuffer packet) {
        if (packet.slot() >= all.length || all[packet.slot()] != packet) {
            throw new IllegalStateException("released to a pool that it is not from: " + packet);
        }
        packet.unchain();
        packet.setState(PacketBuffer.State.FREE);
        if (watch == null) {
            free[freeCount++] = packet;
        } else {
            System.arraycopy(free, 0, free, 1, freeCount++);
            free[0] = packet;
            watch.freed(packet);
        }
    }

    /**
     * Takes back every packet that is out: for a lane whose graph is gone, so that nobody else can hold one.
     *
     * @return how many were out
     */
    @Internal
    public int reclaim() {
        int reclaimed = 0;
        for (PacketBuffer packet : all) {
            if (packet.state() != PacketBuffer.State.FREE) {
                put(packet);
                reclaimed++;
            }
        }
        return reclaimed;
    }

    /**
     * Takes back every packet that a stage holds: for one that is gone.
     *
     * @param stage the stage's number, as for {@link PacketBuffer#hold}
     * @return how many those were, followers included
     */
    public int releaseHeldBy(int stage) {
        int released = 0;
        for (PacketBuffer packet : all) {
            if (packet.isHeldBy(stage)) {
                released += release(packet);
            }
        }
        return released;
    }

    public int capacity() {
        return all.length;
    }

    public int available() {
        return freeCount;
    }

    /** The fewest that {@link #available} has ever been. */
    @Internal
    public int leastAvailable() {
        return leastFree;
    }

    /** How many packets are out. */
    public int outstanding() {
        return all.length - freeCount;
    }
}
