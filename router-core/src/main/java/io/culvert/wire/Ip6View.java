// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * An IPv6 header (RFC 8200 section 3).
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |Version| Traffic class |              Flow label               |
 * |         Payload length        |  Next header  |   Hop limit   |
 * |                         Source address                        |
 * |                          (128 bits)                           |
 * |                       Destination address                     |
 * |                          (128 bits)                           |
 * </pre>
 *
 * <p>{@link #setPayloadLength} voids {@link #check()}. Link padding behind {@link #end()} is for the caller to trim.
 * Jumbograms (RFC 2675) are not known: a payload length of 0 means that there is none. Extension headers are read by
 * {@link Ip6ExtensionChain}.
 *
 * @since 0.1
 */
public final class Ip6View extends View {
    public static final int HEADER_BYTES = 40;
    /** The MTU that every link has (RFC 8200 section 5). */
    public static final int MINIMUM_MTU = 1280;

    private static final int VERSION_CLASS_LABEL = 0;
    private static final int PAYLOAD_LENGTH = 4;
    private static final int NEXT_HEADER = 6;
    private static final int HOP_LIMIT = 7;
    private static final int SOURCE_HIGH = 8;
    private static final int SOURCE_LOW = 16;
    private static final int DESTINATION_HIGH = 24;
    private static final int DESTINATION_LOW = 32;

    private static final int FLOW_LABEL_MASK = 0xf_ffff;

    public Ip6View wrap(PacketBuffer packet, int offset) {
        attach(packet, offset);
        return this;
    }

    /**
     * {@link HeaderCheck#TOO_SHORT}, {@link HeaderCheck#BAD_VERSION}, {@link HeaderCheck#BAD_TOTAL_LENGTH} when the
     * packet holds less than the payload length, or {@link HeaderCheck#OK}.
     */
    public HeaderCheck check() {
        HeaderCheck quoted = checkQuoted();
        if (quoted != HeaderCheck.OK) {
            return quoted;
        }
        return payloadLength() > available() - HEADER_BYTES ? HeaderCheck.BAD_TOTAL_LENGTH : HeaderCheck.OK;
    }

    /** As {@link #check()} without the payload length, for the header that an ICMPv6 error quotes. */
    public HeaderCheck checkQuoted() {
        if (available() < HEADER_BYTES) {
            return HeaderCheck.TOO_SHORT;
        }
        return version() == 6 ? HeaderCheck.OK : HeaderCheck.BAD_VERSION;
    }

    public int version() {
        return u8(VERSION_CLASS_LABEL) >>> 4;
    }

    /** DSCP and ECN. */
    public int trafficClass() {
        return u16(VERSION_CLASS_LABEL) >>> 4 & 0xff;
    }

    public int dscp() {
        return trafficClass() >>> 2;
    }

    /** 0 not ECN-capable, 1 ECT(1), 2 ECT(0), 3 congestion experienced (RFC 3168 section 5). */
    public int ecn() {
        return trafficClass() & 3;
    }

    public int flowLabel() {
        return i32(VERSION_CLASS_LABEL) & FLOW_LABEL_MASK;
    }

    /** Bytes behind this header, extension headers included. */
    public int payloadLength() {
        return u16(PAYLOAD_LENGTH);
    }

    /** See {@link IpProtocol}. */
    public int nextHeader() {
        return u8(NEXT_HEADER);
    }

    /** Position of the next header field. */
    public int nextHeaderOffset() {
        return at + NEXT_HEADER;
    }

    public int hopLimit() {
        return u8(HOP_LIMIT);
    }

    public long sourceHigh() {
        return i64(SOURCE_HIGH);
    }

    public long sourceLow() {
        return i64(SOURCE_LOW);
    }

    public long destinationHigh() {
        return i64(DESTINATION_HIGH);
    }

    public long destinationLow() {
        return i64(DESTINATION_LOW);
    }

    /** Position behind this header: of the first extension header, if any. */
    public int payloadOffset() {
        return at + HEADER_BYTES;
    }

    /** Position behind the payload; bytes from there to the packet's end are link padding. */
    public int end() {
        return at + HEADER_BYTES + payloadLength();
    }

    /**
     * The unfolded sum of the transport's pseudo header. The destination is taken from this header: with a routing header
     * that has segments left it is not the one that the sender summed (RFC 8200 section 8.1).
     *
     * @param length bytes of transport header and payload
     */
    public long pseudoHeader(int upperProtocol, int length) {
        return InternetChecksum.pseudoHeader6(
                sourceHigh(), sourceLow(), destinationHigh(), destinationLow(), upperProtocol, length);
    }

    /**
     * Writes the whole header.
     *
     * @param trafficClass DSCP and ECN
     * @param payloadLength bytes behind this header
     */
    public Ip6View encode(
            int trafficClass,
            int flowLabel,
            int payloadLength,
            int nextHeader,
            int hopLimit,
            long sourceHigh,
            long sourceLow,
            long destinationHigh,
            long destinationLow) {
        put32(VERSION_CLASS_LABEL, 6 << 28 | (trafficClass & 0xff) << 20 | (flowLabel & FLOW_LABEL_MASK));
        put16(PAYLOAD_LENGTH, payloadLength);
        put8(NEXT_HEADER, nextHeader);
        put8(HOP_LIMIT, hopLimit);
        put64(SOURCE_HIGH, sourceHigh);
        put64(SOURCE_LOW, sourceLow);
        put64(DESTINATION_HIGH, destinationHigh);
        put64(DESTINATION_LOW, destinationLow);
        return this;
    }

    public void setTrafficClass(int trafficClass) {
        put32(VERSION_CLASS_LABEL, (i32(VERSION_CLASS_LABEL) & ~(0xff << 20)) | (trafficClass & 0xff) << 20);
    }

    public void setPayloadLength(int payloadLength) {
        put16(PAYLOAD_LENGTH, payloadLength);
    }

    public void setNextHeader(int nextHeader) {
        put8(NEXT_HEADER, nextHeader);
    }

    public void setHopLimit(int hopLimit) {
        put8(HOP_LIMIT, hopLimit);
    }

    /** Sets the source; the transport checksum, which covers it, is the caller's. */
    public void setSource(long high, long low) {
        put64(SOURCE_HIGH, high);
        put64(SOURCE_LOW, low);
    }

    /** Sets the destination; the transport checksum, which covers it, is the caller's. */
    public void setDestination(long high, long low) {
        put64(DESTINATION_HIGH, high);
        put64(DESTINATION_LOW, low);
    }

    /** Takes one off the hop limit, which must not be 0. */
    public void decrementHopLimit() {
        put8(HOP_LIMIT, hopLimit() - 1);
    }
}
