// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import org.jspecify.annotations.Nullable;

/**
 * What a stage can do, and what it can see, while one of its methods runs. Belongs to the lane's thread; never kept for
 * use from another.
 *
 * @since 0.1
 */
@Provided
public interface StageContext {
    /**
     * Sends a packet to an output.
     *
     * @throws IllegalStateException when the packet is not the stage's any more, as it has been sent or dropped before; the
     *     same holds for every other method that decides a packet
     */
    void send(PacketBuffer packet, OutPort out);

    /** Sends every packet of the vector to one output: the quickest way through. None may have been decided yet. */
    void sendAll(PacketVector packets, OutPort out);

    /**
     * Lets a packet travel behind another as part of one superpacket, whose headers and offload state the stage then sets
     * on the head. That decides the follower: from here on it shares the head's fate, and the head alone is sent, dropped
     * or held. Its window must have been trimmed to what it adds. See {@link PacketBuffer} on chains.
     *
     * @throws IllegalStateException when either is behind another already, the follower has followers, or the chain is
     *     full ({@link PacketBuffer#MAX_CHAIN})
     */
    void chain(PacketBuffer head, PacketBuffer follower);

    /** Ends a packet for a reason that is counted, with all that are behind it. */
    void drop(PacketBuffer packet, DropReason reason);

    /** Ends a packet that has served its purpose: it was for the router, and the router has dealt with it. */
    void consume(PacketBuffer packet);

    /** Keeps a packet beyond this call. The stage owes a later send, drop or consume, at the latest in {@link PacketStage#onStop}. */
    void hold(PacketBuffer packet);

    /**
     * Keeps a packet outside the stage for a time, with all that are behind it: then {@link PacketStage#onDue} has it, after
     * those that were due before. It may be late by the lane's work at hand, never early.
     *
     * <p>What is deferred when the lane's graph ends is dropped as {@code lane-stopped}: with the router, when stages are
     * reloaded, and when an interface comes or goes.
     *
     * @param delayNanos from {@link #nowNanos} on; 0 and less: as soon as what is at hand is done
     */
    void defer(PacketBuffer packet, long delayNanos);

    /**
     * Hands a packet to the kernel, as if it were for one of the router's own addresses: it goes on at stage {@code
     * local-delivery}, so its window must start at its IP header. A router without that stage drops it as
     * {@code no-local-delivery}.
     */
    void punt(PacketBuffer packet);

    /**
     * An empty packet with full headroom, counted as generated; it must be sent or dropped like any other.
     *
     * @return null when the pool is empty, which is counted as {@code pool-exhausted}
     */
    @Nullable
    PacketBuffer originate();

    /**
     * A copy of a packet: its bytes, those in front of the window included, and all that is known of it. A chain is
     * copied whole. Counted as generated; it must be sent or dropped like any other, apart from its original.
     *
     * @param packet one that the stage has not decided yet
     * @return null when the pool has too few buffers, which is counted as {@code pool-exhausted}
     */
    @Nullable
    PacketBuffer copy(PacketBuffer packet);

    /**
     * Whether less than a quarter of the lane's buffers are free. A stage that keeps packets back, or makes copies that
     * nobody waits for, stops doing so: what the lane receives next needs a buffer more.
     */
    boolean buffersScarce();

    /**
     * Accounts for a packet that turns into another in the same buffer: a request consumed, a reply generated. The packet
     * is marked as the router's own; it is still to be sent.
     */
    void reuse(PacketBuffer packet);

    /** Adds to one of the stage's counters. */
    void count(CounterId counter, long amount);

    /** Asks for {@link PacketStage#onTimer} after a delay; a pending earlier request stays, a later one is replaced. */
    void wakeAfter(long delayNanos);

    /** Monotonic time in nanoseconds, read once per vector. */
    long nowNanos();

    /** The forwarding table as of this vector. */
    FibView fib();

    /** The neighbor table as of this vector. */
    NeighborView neighbors();

    /** The router's interfaces as of this vector. */
    InterfaceTable interfaces();
}
