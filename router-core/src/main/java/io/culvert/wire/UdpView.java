// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * A UDP header (RFC 768).
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |          Source port          |       Destination port        |
 * |             Length            |           Checksum            |
 * </pre>
 *
 * <p>{@link #setLength} voids {@link #check()}.
 *
 * @since 0.1
 */
public final class UdpView extends View {
    public static final int HEADER_BYTES = 8;
    /** Where the checksum field lies, as {@link PacketBuffer#checksumOffset()} wants it. */
    public static final int CHECKSUM_OFFSET = 6;

    private static final int SOURCE_PORT = 0;
    private static final int DESTINATION_PORT = 2;
    private static final int LENGTH = 4;
    private static final int CHECKSUM = 6;

    public UdpView wrap(PacketBuffer packet, int offset) {
        attach(packet, offset);
        return this;
    }

    /**
     * {@link HeaderCheck#TOO_SHORT}, {@link HeaderCheck#BAD_TOTAL_LENGTH} when the length is below 8 or more than the
     * packet holds, or {@link HeaderCheck#OK}. The checksum is judged by {@link #checksumHolds}.
     */
    public HeaderCheck check() {
        int available = available();
        if (available < HEADER_BYTES) {
            return HeaderCheck.TOO_SHORT;
        }
        int length = length();
        return length < HEADER_BYTES || length > available ? HeaderCheck.BAD_TOTAL_LENGTH : HeaderCheck.OK;
    }

    public int sourcePort() {
        return u16(SOURCE_PORT);
    }

    public int destinationPort() {
        return u16(DESTINATION_PORT);
    }

    /** Bytes of header and payload. */
    public int length() {
        return u16(LENGTH);
    }

    /** 0 when the sender computed none. */
    public int checksum() {
        return u16(CHECKSUM);
    }

    public int payloadOffset() {
        return at + HEADER_BYTES;
    }

    public int payloadLength() {
        return length() - HEADER_BYTES;
    }

    /**
     * Whether the checksum agrees with the bytes. None at all is right for IPv4, and wrong for IPv6 (RFC 8200 section
     * 8.1).
     *
     * @param pseudoHeader the unfolded sum for {@link #length()} bytes
     */
    public boolean checksumHolds(long pseudoHeader, boolean overIp6) {
        return checksum() == 0 ? !overIp6 : InternetChecksum.verify(packet, at, length(), pseudoHeader);
    }

    /** Writes the whole header, with a checksum of 0. */
    public UdpView encode(int sourcePort, int destinationPort, int length) {
        put16(SOURCE_PORT, sourcePort);
        put16(DESTINATION_PORT, destinationPort);
        put16(LENGTH, length);
        put16(CHECKSUM, 0);
        return this;
    }

    public void setSourcePort(int port) {
        put16(SOURCE_PORT, port);
    }

    public void setDestinationPort(int port) {
        put16(DESTINATION_PORT, port);
    }

    public void setLength(int length) {
        put16(LENGTH, length);
    }

    public void setChecksum(int checksum) {
        put16(CHECKSUM, checksum);
    }

    /**
     * Computes the checksum from nothing.
     *
     * @param pseudoHeader the unfolded sum for {@link #length()} bytes
     */
    public void updateChecksum(long pseudoHeader) {
        put16(CHECKSUM, 0);
        put16(CHECKSUM, InternetChecksum.udp(InternetChecksum.compute(packet, at, length(), pseudoHeader)));
    }
}
