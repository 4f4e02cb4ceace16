// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;

/**
 * The arguments of recvmmsg(2) and sendmmsg(2), laid out once in native memory: for each message a mmsghdr, its iovecs and
 * room for one {@code PACKET_AUXDATA} control message.
 *
 * <p>In: addresses and lengths of the caller's buffers, set by message and segment; the caller keeps that memory
 * reachable. Out: message lengths, flags, and the VLAN tag that the kernel took out of a frame. What was set stays set
 * over calls. One thread; nothing is allocated after construction.
 *
 * <pre>
 *  mmsghdr (64 bytes, 64-bit Linux)
 *  0         8         16        24        32        40         48       52       56       60      64
 *  +---------+----+----+---------+---------+---------+----------+--------+--------+--------+-------+
 *  | name    |nlen|pad | iov     | iovlen  | control |controllen| flags  |  pad   | msg_len|  pad  |
 *  +---------+----+----+---------+---------+---------+----------+--------+--------+--------+-------+
 *  control: cmsghdr { len 8, level 4, type 4 } + tpacket_auxdata { status 4, len 4, snaplen 4, mac 2, net 2,
 *           vlan_tci 2, vlan_tpid 2 } + 4 bytes padding
 * </pre>
 *
 * <p>Source: recvmmsg(2), cmsg(3), {@code linux/if_packet.h}.
 */
public final class MessageVector {
    /** {@link #vlanTag} of a frame from which no tag was taken. */
    public static final int NO_VLAN_TAG = 0;

    static final int MMSGHDR_BYTES = 64;
    static final int MSG_IOV = 16;
    static final int MSG_IOVLEN = 24;
    static final int MSG_CONTROL = 32;
    static final int MSG_CONTROLLEN = 40;
    static final int MSG_FLAGS = 48;
    static final int MSG_LEN = 56;
    static final int IOVEC_BYTES = 16;
    static final int IOV_BASE = 0;
    static final int IOV_LEN = 8;
    static final int CMSG_LEVEL = 8;
    static final int CMSG_TYPE = 12;
    static final int CMSG_DATA = 16;
    static final int AUX_STATUS = 0;
    static final int AUX_VLAN_TCI = 16;
    static final int AUX_VLAN_TPID = 18;
    /** CMSG_SPACE(sizeof(struct tpacket_auxdata)). */
    static final int CONTROL_BYTES = 40;

    private static final int TPID_8021Q = 0x8100;

    private final int capacity;
    private final int segments;
    private final boolean auxdata;
    private final ByteBuffer memory;
    private final long address;
    private final int iovecsAt;
    private final int controlAt;

    /**
     * @param capacity number of messages
     * @param segments the most iovecs that a message may have: 1, or 2 to keep a virtio header apart from its packet
     * @param auxdata whether received messages carry {@code PACKET_AUXDATA}, as {@link PacketSocket}'s do
     */
    public MessageVector(int capacity, int segments, boolean auxdata) {
        if (capacity < 1 || segments < 1) {
            throw new IllegalArgumentException("capacity and segments must be positive");
        }
        this.capacity = capacity;
        this.segments = segments;
        this.auxdata = auxdata;
        iovecsAt = capacity * MMSGHDR_BYTES;
        controlAt = iovecsAt + capacity * segments * IOVEC_BYTES;
        memory = NativeMemory.allocate(controlAt + (auxdata ? capacity * CONTROL_BYTES : 0));
        address = NativeMemory.address(memory);
        for (int i = 0; i < capacity; i++) {
            int header = i * MMSGHDR_BYTES;
            memory.putLong(header + MSG_IOV, address + iovecsAt + (long) i * segments * IOVEC_BYTES);
            memory.putLong(header + MSG_IOVLEN, 1);
        }
    }

    /** Number of messages. */
    public int capacity() {
        return capacity;
    }

    /** Points a message at one piece of memory. */
    public void set(int message, long address, int bytes) {
        setSegment(message, 0, address, bytes);
        memory.putLong(message * MMSGHDR_BYTES + MSG_IOVLEN, 1);
    }

    /** Points a message at two pieces of memory, such as a virtio header and a packet. */
    public void set(int message, long firstAddress, int firstBytes, long secondAddress, int secondBytes) {
        setSegment(message, 0, firstAddress, firstBytes);
        setSegment(message, 1, secondAddress, secondBytes);
        memory.putLong(message * MMSGHDR_BYTES + MSG_IOVLEN, 2);
    }

    /** Points one segment of a message at memory; takes effect with {@link #setSegmentCount}. */
    public void setSegment(int message, int segment, long address, int bytes) {
        if (segment < 0 || segment >= segments) {
            throw new IndexOutOfBoundsException(segment);
        }
        int iovec = iovecsAt + (checkMessage(message) * segments + segment) * IOVEC_BYTES;
        memory.putLong(iovec + IOV_BASE, address);
        memory.putLong(iovec + IOV_LEN, bytes);
    }

    /** How many pieces there are for all messages together, for {@link #setPiece}. */
    public int pieces() {
        return capacity * segments;
    }

    /**
     * Points one of all messages' iovecs at memory, wherever it lies; takes effect with {@link #gather}. For messages of
     * very different numbers of pieces. Not together with the methods that set a message's own segments.
     */
    public void setPiece(int piece, long address, int bytes) {
        if (piece < 0 || piece >= pieces()) {
            throw new IndexOutOfBoundsException(piece);
        }
        int iovec = iovecsAt + piece * IOVEC_BYTES;
        memory.putLong(iovec + IOV_BASE, address);
        memory.putLong(iovec + IOV_LEN, bytes);
    }

    /** Makes a message of {@code count} pieces from {@code first} on. */
    public void gather(int message, int first, int count) {
        if (first < 0 || count < 0 || first + count > pieces()) {
            throw new IndexOutOfBoundsException("pieces " + first + " to " + (first + count) + " of " + pieces());
        }
        int header = checkMessage(message) * MMSGHDR_BYTES;
        memory.putLong(header + MSG_IOV, address + iovecsAt + (long) first * IOVEC_BYTES);
        memory.putLong(header + MSG_IOVLEN, count);
    }

    /** Says how many of a message's segments are in use. */
    public void setSegmentCount(int message, int count) {
        if (count < 0 || count > segments) {
            throw new IndexOutOfBoundsException(count);
        }
        memory.putLong(checkMessage(message) * MMSGHDR_BYTES + MSG_IOVLEN, count);
    }

    /**
     * Receives into messages 0 to {@code count - 1} what is there, without waiting.
     *
     * @return how many messages were received, or a negated errno: EAGAIN when there is none, ENETDOWN when the device
     *     went down (reported once per event), other values as in recvmsg(2)
     */
    public int receive(int fd, int count) {
        if (count < 0 || count > capacity) {
            throw new IndexOutOfBoundsException(count);
        }
        if (auxdata) {
            // the kernel replaced the room that there is by what it used
            for (int i = 0; i < count; i++) {
                int header = i * MMSGHDR_BYTES;
                memory.putLong(header + MSG_CONTROL, address + controlAt + (long) i * CONTROL_BYTES);
                memory.putLong(header + MSG_CONTROLLEN, CONTROL_BYTES);
            }
        }
        try {
            return Syscalls.recvmmsg(fd, address, count, Syscalls.MSG_DONTWAIT);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * Sends messages {@code first} to {@code first + count - 1}, as many as go without waiting.
     *
     * @return how many were sent, perhaps fewer than {@code count}: then call again from the first unsent one to learn
     *     why; or the negated errno of the first: EAGAIN when the socket's send buffer is full, ENOBUFS when the device's
     *     queue is, ENETDOWN, EMSGSIZE, other values as in sendmsg(2)
     */
    public int send(int fd, int first, int count) {
        if (first < 0 || count < 0 || first + count > capacity) {
            throw new IndexOutOfBoundsException("messages " + first + " to " + (first + count) + " of " + capacity);
        }
        if (auxdata) {
            for (int i = first; i < first + count; i++) {
                memory.putLong(i * MMSGHDR_BYTES + MSG_CONTROLLEN, 0);
            }
        }
        try {
            return Syscalls.sendmmsg(
                    fd, address + (long) first * MMSGHDR_BYTES, count, Syscalls.MSG_DONTWAIT | Syscalls.MSG_NOSIGNAL);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Bytes that a message received or sent had, a virtio header included. */
    public int length(int message) {
        return memory.getInt(checkMessage(message) * MMSGHDR_BYTES + MSG_LEN);
    }

    /** Flags of a received message: {@link Syscalls#MSG_TRUNC} if it was longer than its memory. */
    public int flags(int message) {
        return memory.getInt(checkMessage(message) * MMSGHDR_BYTES + MSG_FLAGS);
    }

    /** Status bits {@code TP_STATUS_*} of a received message's auxdata, see {@link PacketSocket}; 0 without auxdata. */
    public int auxdataStatus(int message) {
        int data = auxdataOf(message);
        return data < 0 ? 0 : memory.getInt(data + AUX_STATUS);
    }

    /**
     * The 802.1Q or 802.1ad tag that the kernel took out of a received frame and that belongs back after the source
     * address.
     *
     * @return the four bytes as they were in the frame, {@code TPID << 16 | TCI}; {@link #NO_VLAN_TAG} if there was none.
     *     A tag with TPID 0x88a8 is negative as an int: split it with {@code >>> 16} and {@code & 0xffff}.
     */
    public int vlanTag(int message) {
        int data = auxdataOf(message);
        if (data < 0) {
            return NO_VLAN_TAG;
        }
        int status = memory.getInt(data + AUX_STATUS);
        if ((status & PacketSocket.TP_STATUS_VLAN_VALID) == 0) {
            return NO_VLAN_TAG;
        }
        int tpid = (status & PacketSocket.TP_STATUS_VLAN_TPID_VALID) != 0
                ? memory.getShort(data + AUX_VLAN_TPID) & 0xffff
                : TPID_8021Q;
        return tpid << 16 | (memory.getShort(data + AUX_VLAN_TCI) & 0xffff);
    }

    /** Where a message's tpacket_auxdata is in {@link #memory}, or -1. */
    private int auxdataOf(int message) {
        if (!auxdata || memory.getLong(checkMessage(message) * MMSGHDR_BYTES + MSG_CONTROLLEN) < CONTROL_BYTES) {
            return -1;
        }
        int control = controlAt + message * CONTROL_BYTES;
        boolean ours = memory.getInt(control + CMSG_LEVEL) == PacketSocket.SOL_PACKET
                && memory.getInt(control + CMSG_TYPE) == PacketSocket.PACKET_AUXDATA;
        return ours ? control + CMSG_DATA : -1;
    }

    private int checkMessage(int message) {
        if (message < 0 || message >= capacity) {
            throw new IndexOutOfBoundsException(message);
        }
        return message;
    }
}
