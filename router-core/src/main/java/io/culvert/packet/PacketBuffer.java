// SPDX-License-Identifier: Apache-2.0
package io.culvert.packet;

import io.culvert.net.InterfaceId;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One packet: a window over off-heap memory with room in front for encapsulation, the offsets of its headers, its offload
 * state, and what the stages have found out about it so far.
 *
 * <pre>
 *  0        start      l2Offset  l3Offset  l4Offset          end        capacity
 *  | headroom | link header | network header | transport ... | tailroom |
 *             |&lt;------------------- length ----------------&gt;|
 * </pre>
 *
 * <p>Offsets are absolute positions in {@link #bytes()}, so that moving {@code start} leaves them valid. Access is
 * absolute, big-endian and bounds-checked by the buffer; a view must check against {@link #end()} once before it trusts a
 * header. Owned by exactly one stage or queue at a time; confined to its lane's thread.
 *
 * <p>A packet may be the head of a <b>chain</b>: a superpacket that was put together without copying. Its bytes are the
 * head's window, headers and all, followed by those of each {@link #nextInChain() follower}, whose window is its payload
 * alone. Followers are no packets of their own any more: they are in no vector, nobody sends or drops them, and they go
 * wherever the head goes, at last back to the pool. In accounts each member still is one packet, for that is how they came
 * in and how the device sends them. Only stages between {@code device-coalesce} and transmission see chains.
 *
 * @since 0.1
 */
public final class PacketBuffer {
    /** Bytes in front of a packet as it is received: a virtio header, then room for encapsulation. */
    public static final int HEADROOM = 256;

    /** The value of an offset that no stage has found yet. */
    public static final int UNKNOWN = -1;

    /** The most packets of a chain, head included: as many segments as every kernel takes (UDP_MAX_SEGMENTS before 6.9). */
    public static final int MAX_CHAIN = 64;

    /** How far the transport checksum can be trusted, as the virtio header says it (virtio 1.2 section 5.1.6). */
    public enum Checksum {
        /** It is in the packet and nobody has verified it. */
        UNVERIFIED,
        /**
         * It is not in the packet yet: the field at {@code checksumStart + checksumOffset} holds the pseudo-header sum,
         * and the sum from {@code checksumStart} to the end must be put there before the packet leaves unassisted.
         */
        PARTIAL,
        /** The sender's checksum was verified by whoever handed the packet over. */
        VALID
    }

    /** Whether the packet stands for several segments, and how to cut it (virtio 1.2 section 5.1.6). */
    public enum Gso {
        NONE,
        /** TCP over IPv4. */
        TCP4,
        /** TCP over IPv6. */
        TCP6,
        /** UDP over either family, cut into datagrams of equal payload (USO). */
        UDP
    }

    /** Where the packet is: misuse of the pool or of a stage's outputs is caught by it. */
    public enum State {
        /** In the pool. */
        FREE,
        /** In a stage's hands, not decided yet. */
        PENDING,
        /** Sent to an output of the stage: nobody's until the next one has it. */
        DECIDED,
        /** Kept by a stage beyond its call: {@link PacketBuffer#isHeldBy} tells by which. */
        HELD,
        /** Behind another in a chain: it goes where the head goes. */
        CHAINED,
        /** Kept by the graph for a stage, until its time has come. */
        DEFERRED;

        private static final State[] BY_ORDINAL = values();
    }

    private final ByteBuffer bytes;
    private final long address;
    private final int slot;

    /** An ordinal: it changes several times a stage, and writing a reference has the collector take note each time. */
    private int state = State.FREE.ordinal();

    private int holder;

    private int start;
    private int end;
    private int l2Offset;
    private int l3Offset;
    private int l4Offset;

    private Checksum checksum = Checksum.UNVERIFIED;
    private int checksumStart;
    private int checksumOffset;
    private Gso gso = Gso.NONE;
    private int gsoSize;
    private boolean gsoEcn;

    private int receiveInterface;
    private int receiveQueue;
    private int transmitInterface;
    private int vrf;
    private int flowHash;
    private boolean linkBroadcast;
    private boolean generated;

    private int nextHop4;
    private long nextHop6High;
    private long nextHop6Low;
    private boolean nextHopIs6;

    private int icmpType;
    private int icmpCode;
    private int icmpValue;

    private @Nullable PacketBuffer next;
    private @Nullable PacketBuffer last;
    private int followers;
    private int followerBytes;

    /**
     * @param bytes the packet's own memory, position 0, big-endian
     * @param address the native address of position 0, or 0 when the memory is never given to a system call
     * @param slot the buffer's place in its pool
     */
    PacketBuffer(ByteBuffer bytes, long address, int slot) {
        this.bytes = bytes;
        this.address = address;
        this.slot = slot;
        reset();
    }

    /**
     * A packet of no pool, over heap memory of its own: for copies that leave their lane.
     *
     * @param slot as for {@link #slot()}
     */
    public static PacketBuffer detached(int capacity, int slot) {
        return new PacketBuffer(ByteBuffer.allocate(capacity), 0, slot);
    }

    /** Empties the packet: no bytes, full headroom, nothing known. */
    public void reset() {
        start = HEADROOM;
        end = HEADROOM;
        clearOffsets();
        clearOffloads();
        receiveInterface = InterfaceId.NONE;
        receiveQueue = 0;
        transmitInterface = InterfaceId.NONE;
        vrf = 0;
        flowHash = 0;
        linkBroadcast = false;
        generated = false;
        nextHopIs6 = false;
        nextHop4 = 0;
        icmpType = 0;
        icmpCode = 0;
        icmpValue = 0;
        unchain();
    }

    /** The memory, for absolute access only: never change its position, limit or order. */
    public ByteBuffer bytes() {
        return bytes;
    }

    /** The native address of position 0 of {@link #bytes()}. */
    public long address() {
        return address;
    }

    /** The buffer's place in its pool, from 0. */
    public int slot() {
        return slot;
    }

    public State state() {
        return State.BY_ORDINAL[state];
    }

    /** For the pool and the stage adapter alone. */
    @Internal
    public void setState(State state) {
        this.state = state.ordinal();
    }

    /**
     * Has a stage keep the packet; for the stage adapter alone.
     *
     * @param stage the stage's number in its lane
     */
    @Internal
    public void hold(int stage) {
        setState(State.HELD);
        holder = stage;
    }

    /** Whether the stage of that number keeps the packet, and so may decide it. */
    public boolean isHeldBy(int stage) {
        return state == State.HELD.ordinal() && holder == stage;
    }

    /** Whether the packet is {@link State#PENDING}; for the stage adapter, which asks for each. */
    @Internal
    public boolean isPending() {
        return state == State.PENDING.ordinal();
    }

    public int capacity() {
        return bytes.capacity();
    }

    /** Position of the first byte. */
    public int start() {
        return start;
    }

    /** Position behind the last byte. */
    public int end() {
        return end;
    }

    public int length() {
        return end - start;
    }

    /**
     * Places the window.
     *
     * @throws IndexOutOfBoundsException when it does not lie within the memory
     */
    public void setWindow(int newStart, int length) {
        if (newStart < 0 || length < 0 || newStart > capacity() - length) {
            throw new IndexOutOfBoundsException("window " + newStart + "+" + length + " of " + capacity());
        }
        start = newStart;
        end = newStart + length;
    }

    /**
     * Makes room for {@code count} bytes in front; they hold whatever was there.
     *
     * @throws IndexOutOfBoundsException when the headroom is used up
     */
    public void prepend(int count) {
        setWindow(start - count, length() + count);
    }

    /**
     * Takes {@code count} bytes off the front.
     *
     * @throws IndexOutOfBoundsException when there are fewer
     */
    public void trimFront(int count) {
        setWindow(start + count, length() - count);
    }

    /**
     * Sets the position behind the last byte: cuts the packet or grows it into the tailroom.
     *
     * @throws IndexOutOfBoundsException when it lies before the start or behind the memory
     */
    public void setEnd(int newEnd) {
        setWindow(start, newEnd - start);
    }

    public int headroom() {
        return start;
    }

    public int tailroom() {
        return capacity() - end;
    }

    /** Position of the link header, or {@link #UNKNOWN}. */
    public int l2Offset() {
        return l2Offset;
    }

    public void setL2Offset(int offset) {
        l2Offset = offset;
    }

    /** Position of the network header, or {@link #UNKNOWN}. */
    public int l3Offset() {
        return l3Offset;
    }

    public void setL3Offset(int offset) {
        l3Offset = offset;
    }

    /** Position of the transport header, behind options and extension headers, or {@link #UNKNOWN}. */
    public int l4Offset() {
        return l4Offset;
    }

    public void setL4Offset(int offset) {
        l4Offset = offset;
    }

    public void clearOffsets() {
        l2Offset = UNKNOWN;
        l3Offset = UNKNOWN;
        l4Offset = UNKNOWN;
    }

    public Checksum checksum() {
        return checksum;
    }

    /** Position from which the unfinished checksum runs to the packet's end. */
    public int checksumStart() {
        return checksumStart;
    }

    /** Where the checksum field lies, counted from {@link #checksumStart()}. */
    public int checksumOffset() {
        return checksumOffset;
    }

    /** Declares the checksum unfinished; both as {@link Checksum#PARTIAL} says. */
    public void setPartialChecksum(int absoluteStart, int offset) {
        checksum = Checksum.PARTIAL;
        checksumStart = absoluteStart;
        checksumOffset = offset;
    }

    public void setChecksum(Checksum finished) {
        if (finished == Checksum.PARTIAL) {
            throw new IllegalArgumentException("a partial checksum needs its place");
        }
        checksum = finished;
    }

    public Gso gso() {
        return gso;
    }

    /** Payload bytes of each segment but the last. */
    public int gsoSize() {
        return gsoSize;
    }

    /** Whether the TCP segments carry ECN's CWR in the first one only (VIRTIO_NET_HDR_GSO_ECN). */
    public boolean gsoEcn() {
        return gsoEcn;
    }

    public void setGso(Gso type, int segmentSize, boolean ecn) {
        gso = type;
        gsoSize = segmentSize;
        gsoEcn = ecn;
    }

    public void clearOffloads() {
        checksum = Checksum.UNVERIFIED;
        checksumStart = 0;
        checksumOffset = 0;
        gso = Gso.NONE;
        gsoSize = 0;
        gsoEcn = false;
    }

    /** Where the packet came in, or {@link InterfaceId#NONE} when the router made it. */
    public int receiveInterface() {
        return receiveInterface;
    }

    public void setReceiveInterface(int interfaceId) {
        receiveInterface = interfaceId;
    }

    /** Which queue of that interface's device it was read from, from 0; 0 when the router made it. */
    public int receiveQueue() {
        return receiveQueue;
    }

    public void setReceiveQueue(int queue) {
        receiveQueue = queue;
    }

    /** Where the packet goes out, once a lookup has decided it. */
    public int transmitInterface() {
        return transmitInterface;
    }

    public void setTransmitInterface(int interfaceId) {
        transmitInterface = interfaceId;
    }

    public int vrf() {
        return vrf;
    }

    public void setVrf(int vrf) {
        this.vrf = vrf;
    }

    /** A hash over addresses, protocol and ports, equal for all packets of a flow; 0 when not computed. */
    public int flowHash() {
        return flowHash;
    }

    public void setFlowHash(int hash) {
        flowHash = hash;
    }

    /** Whether it came as a link-layer broadcast or multicast: no ICMP error may answer it (RFC 1812 section 4.3.2.7). */
    public boolean linkBroadcast() {
        return linkBroadcast;
    }

    public void setLinkBroadcast(boolean broadcast) {
        linkBroadcast = broadcast;
    }

    /** Whether the router itself made the packet, so that it is not treated as one in transit. */
    public boolean generated() {
        return generated;
    }

    public void setGenerated(boolean byRouter) {
        generated = byRouter;
    }

    /** Whether the next hop is an IPv6 address: {@link #nextHop6High()} and low; else {@link #nextHop4()}. */
    public boolean nextHopIs6() {
        return nextHopIs6;
    }

    public int nextHop4() {
        return nextHop4;
    }

    public void setNextHop4(int address) {
        nextHopIs6 = false;
        nextHop4 = address;
    }

    public long nextHop6High() {
        return nextHop6High;
    }

    public long nextHop6Low() {
        return nextHop6Low;
    }

    public void setNextHop6(long high, long low) {
        nextHopIs6 = true;
        nextHop6High = high;
        nextHop6Low = low;
    }

    /** What an ICMP error about this packet shall say: set before it is sent to an error stage. */
    public void setIcmpError(int type, int code, int value) {
        icmpType = type;
        icmpCode = code;
        icmpValue = value;
    }

    public int icmpType() {
        return icmpType;
    }

    public int icmpCode() {
        return icmpCode;
    }

    /** The second word of the ICMP error: next-hop MTU, pointer or gateway address. */
    public int icmpValue() {
        return icmpValue;
    }

    /**
     * Puts another packet at the end of this one's chain. Its window, which must be trimmed to what it adds, counts as it
     * is now. For the stage adapter alone: a stage uses {@code StageContext.chain}.
     *
     * @throws IllegalStateException when either is behind another already, the follower has followers, or the chain is full
     */
    public void append(PacketBuffer follower) {
        if (follower == this
                || state() == State.CHAINED
                || follower.state() == State.CHAINED
                || follower.followers != 0) {
            throw new IllegalStateException("can't chain " + follower + " behind " + this);
        }
        if (followers == MAX_CHAIN - 1) {
            throw new IllegalStateException("a chain has at most " + MAX_CHAIN + " packets: " + this);
        }
        PacketBuffer end = last;
        if (end == null) {
            next = follower;
        } else {
            end.next = follower;
        }
        last = follower;
        followers++;
        followerBytes += follower.length();
        follower.setState(State.CHAINED);
    }

    /** The packet behind this one in its chain, or null. */
    public @Nullable PacketBuffer nextInChain() {
        return next;
    }

    /** How many packets the chain has that this is the head of: 1 for a packet on its own. */
    public int chainCount() {
        return 1 + followers;
    }

    /** Bytes of all windows of the chain that this is the head of. */
    public int chainBytes() {
        return length() + followerBytes;
    }

    /** Forgets what is behind this packet; for the pool. */
    void unchain() {
        next = null;
        last = null;
        followers = 0;
        followerBytes = 0;
    }

    /** Takes over the interfaces, VRF, flow and next hop of {@code other}: for a fragment, segment or reply made from it. */
    public void copyRoutingFrom(PacketBuffer other) {
        receiveInterface = other.receiveInterface;
        receiveQueue = other.receiveQueue;
        transmitInterface = other.transmitInterface;
        vrf = other.vrf;
        flowHash = other.flowHash;
        linkBroadcast = other.linkBroadcast;
        generated = other.generated;
        nextHopIs6 = other.nextHopIs6;
        nextHop4 = other.nextHop4;
        nextHop6High = other.nextHop6High;
        nextHop6Low = other.nextHop6Low;
    }

    /**
     * Becomes a copy of another packet, without those behind it: bytes, those in front of the window included, offsets,
     * offload state, and what stages have found out about it.
     *
     * @param other of which the window ends within this one's memory
     */
    public void copyOf(PacketBuffer other) {
        copyRoutingFrom(other);
        start = other.start;
        end = other.end;
        l2Offset = other.l2Offset;
        l3Offset = other.l3Offset;
        l4Offset = other.l4Offset;
        checksum = other.checksum;
        checksumStart = other.checksumStart;
        checksumOffset = other.checksumOffset;
        gso = other.gso;
        gsoSize = other.gsoSize;
        gsoEcn = other.gsoEcn;
        icmpType = other.icmpType;
        icmpCode = other.icmpCode;
        icmpValue = other.icmpValue;
        // The link header is in front of the window once it has been read.
        int first = other.l2Offset == UNKNOWN ? start : Math.min(other.l2Offset, start);
        copyFrom(other, first, first, end - first);
    }

    /** Copies bytes between packets, or within one; positions are absolute. */
    public void copyFrom(PacketBuffer source, int sourcePosition, int position, int length) {
        bytes.put(position, source.bytes, sourcePosition, length);
    }

    /** Copies an array in. */
    public void copyFrom(byte[] source, int sourcePosition, int position, int length) {
        bytes.put(position, source, sourcePosition, length);
    }

    /** Copies out into an array, followers' bytes behind the head's; for the control plane and tests. */
    public byte[] toByteArray() {
        byte[] copy = new byte[chainBytes()];
        int at = 0;
        for (PacketBuffer member = this; member != null; member = member.next) {
            member.bytes.get(member.start, copy, at, member.length());
            at += member.length();
        }
        return copy;
    }

    @Override
    public String toString() {
        return "packet " + slot + " [" + start + ", " + end + ") " + state() + " rx " + receiveInterface + " tx "
                + transmitInterface + " " + checksum + " " + gso + (gso == Gso.NONE ? "" : "/" + gsoSize)
                + (followers == 0 ? "" : " +" + followers);
    }
}
