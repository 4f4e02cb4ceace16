// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * A TCP header (RFC 9293 section 3.1).
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |          Source port          |       Destination port        |
 * |                        Sequence number                        |
 * |                     Acknowledgment number                     |
 * |  Data |       |C|E|U|A|P|R|S|F|                               |
 * | offset| Rsrvd |W|C|R|C|S|S|Y|I|             Window            |
 * |       |       |R|E|G|K|H|T|N|N|                               |
 * |           Checksum            |         Urgent pointer        |
 * |                            Options                            |
 * </pre>
 *
 * <p>{@link #encode} with another header size voids {@link #check()}; nothing else does.
 *
 * @since 0.1
 */
public final class TcpView extends View {
    /** Size of a header without options. */
    public static final int HEADER_BYTES = 20;
    /** Where the checksum field lies, as {@link PacketBuffer#checksumOffset()} wants it. */
    public static final int CHECKSUM_OFFSET = 16;

    public static final int FIN = 0x01;
    public static final int SYN = 0x02;
    public static final int RST = 0x04;
    public static final int PSH = 0x08;
    public static final int ACK = 0x10;
    public static final int URG = 0x20;
    public static final int ECE = 0x40;
    public static final int CWR = 0x80;

    private static final int SOURCE_PORT = 0;
    private static final int DESTINATION_PORT = 2;
    private static final int SEQUENCE = 4;
    private static final int ACKNOWLEDGMENT = 8;
    private static final int DATA_OFFSET = 12;
    private static final int FLAGS = 13;
    private static final int WINDOW = 14;
    private static final int CHECKSUM = 16;
    private static final int URGENT_POINTER = 18;

    public TcpView wrap(PacketBuffer packet, int offset) {
        attach(packet, offset);
        return this;
    }

    /**
     * {@link HeaderCheck#TOO_SHORT}, {@link HeaderCheck#BAD_HEADER_LENGTH} when the data offset is below 20 bytes or
     * behind the packet's end, or {@link HeaderCheck#OK}. The checksum is judged by {@link #checksumHolds}.
     */
    public HeaderCheck check() {
        int available = available();
        if (available < HEADER_BYTES) {
            return HeaderCheck.TOO_SHORT;
        }
        int headerBytes = headerBytes();
        return headerBytes < HEADER_BYTES || headerBytes > available ? HeaderCheck.BAD_HEADER_LENGTH : HeaderCheck.OK;
    }

    public int sourcePort() {
        return u16(SOURCE_PORT);
    }

    public int destinationPort() {
        return u16(DESTINATION_PORT);
    }

    public long sequence() {
        return u32(SEQUENCE);
    }

    public long acknowledgment() {
        return u32(ACKNOWLEDGMENT);
    }

    /** Size of the header with its options: four times the data offset field. */
    public int headerBytes() {
        return u8(DATA_OFFSET) >>> 4 << 2;
    }

    public int optionsLength() {
        return headerBytes() - HEADER_BYTES;
    }

    /** The eight flags from {@link #CWR} to {@link #FIN}. */
    public int flags() {
        return u8(FLAGS);
    }

    /** Whether any of the given flags is set. */
    public boolean hasFlag(int flags) {
        return (u8(FLAGS) & flags) != 0;
    }

    /** The window field, not scaled. */
    public int window() {
        return u16(WINDOW);
    }

    public int checksum() {
        return u16(CHECKSUM);
    }

    public int urgentPointer() {
        return u16(URGENT_POINTER);
    }

    /** Position behind the options. */
    public int payloadOffset() {
        return at + headerBytes();
    }

    /**
     * Whether the checksum of the segment, which reaches to the packet's end, agrees with the bytes.
     *
     * @param pseudoHeader the unfolded sum for as many bytes
     */
    public boolean checksumHolds(long pseudoHeader) {
        return InternetChecksum.verify(packet, at, available(), pseudoHeader);
    }

    /**
     * Writes the fixed 20 bytes, with a checksum and an urgent pointer of 0.
     *
     * @param headerBytes size of header and options, a multiple of 4 from 20 to 60; the options are the caller's
     */
    public TcpView encode(
            int sourcePort,
            int destinationPort,
            long sequence,
            long acknowledgment,
            int headerBytes,
            int flags,
            int window) {
        put16(SOURCE_PORT, sourcePort);
        put16(DESTINATION_PORT, destinationPort);
        put32(SEQUENCE, (int) sequence);
        put32(ACKNOWLEDGMENT, (int) acknowledgment);
        put8(DATA_OFFSET, headerBytes >>> 2 << 4);
        put8(FLAGS, flags);
        put16(WINDOW, window);
        put16(CHECKSUM, 0);
        put16(URGENT_POINTER, 0);
        return this;
    }

    public void setSourcePort(int port) {
        put16(SOURCE_PORT, port);
    }

    public void setDestinationPort(int port) {
        put16(DESTINATION_PORT, port);
    }

    public void setSequence(long sequence) {
        put32(SEQUENCE, (int) sequence);
    }

    public void setFlags(int flags) {
        put8(FLAGS, flags);
    }

    public void setChecksum(int checksum) {
        put16(CHECKSUM, checksum);
    }

    /**
     * Computes the checksum of the segment, which reaches to the packet's end, from nothing.
     *
     * @param pseudoHeader the unfolded sum for as many bytes
     */
    public void updateChecksum(long pseudoHeader) {
        put16(CHECKSUM, 0);
        put16(CHECKSUM, InternetChecksum.compute(packet, at, available(), pseudoHeader));
    }
}
