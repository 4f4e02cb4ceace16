// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * An IPv4 header (RFC 791 section 3.1; DSCP of RFC 2474, ECN of RFC 3168).
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |Version|  IHL  |   DSCP    |ECN|          Total length         |
 * |         Identification        |0|D|M|     Fragment offset     |
 * |      TTL      |    Protocol   |        Header checksum        |
 * |                         Source address                        |
 * |                      Destination address                      |
 * |                            Options                            |
 * </pre>
 *
 * <p>{@link #setTotalLength} and {@link #setHeaderBytes} void {@link #check()}. Link padding behind {@link #end()} is for
 * the caller to trim. The options are read by {@link Ip4Options}.
 *
 * @since 0.1
 */
public final class Ip4View extends View {
    /** Size of a header without options. */
    public static final int HEADER_BYTES = 20;
    /** Size of the largest header. */
    public static final int MAX_HEADER_BYTES = 60;
    /** The largest value of {@link #totalLength()}. */
    public static final int MAX_TOTAL_LENGTH = 0xffff;

    private static final int VERSION_IHL = 0;
    private static final int TRAFFIC_CLASS = 1;
    private static final int TOTAL_LENGTH = 2;
    private static final int IDENTIFICATION = 4;
    private static final int FRAGMENT = 6;
    private static final int TTL = 8;
    private static final int PROTOCOL = 9;
    private static final int CHECKSUM = 10;
    private static final int SOURCE = 12;
    private static final int DESTINATION = 16;

    private static final int DONT_FRAGMENT = 0x4000;
    private static final int MORE_FRAGMENTS = 0x2000;
    private static final int FRAGMENT_OFFSET_MASK = 0x1fff;

    public Ip4View wrap(PacketBuffer packet, int offset) {
        attach(packet, offset);
        return this;
    }

    /**
     * Judges the header as RFC 1812 section 5.2.2 asks: {@link HeaderCheck#TOO_SHORT}, {@link HeaderCheck#BAD_VERSION},
     * {@link HeaderCheck#BAD_HEADER_LENGTH}, {@link HeaderCheck#BAD_TOTAL_LENGTH} (less than the header or more than the
     * packet holds), {@link HeaderCheck#BAD_CHECKSUM}, or {@link HeaderCheck#OK}.
     */
    public HeaderCheck check() {
        HeaderCheck quoted = checkQuoted();
        if (quoted != HeaderCheck.OK) {
            return quoted;
        }
        if (totalLength() > available()) {
            return HeaderCheck.BAD_TOTAL_LENGTH;
        }
        return InternetChecksum.fold(InternetChecksum.sum(bytes, at, headerBytes())) == 0xffff
                ? HeaderCheck.OK
                : HeaderCheck.BAD_CHECKSUM;
    }

    /**
     * Judges only what the getters rely on, for the header that an ICMP error quotes: the packet behind it is cut short,
     * and its checksum may have been taken before a router on the way changed the header. After {@link HeaderCheck#OK}
     * the packet may end before {@link #end()}.
     */
    public HeaderCheck checkQuoted() {
        int available = available();
        if (available < HEADER_BYTES) {
            return HeaderCheck.TOO_SHORT;
        }
        if (version() != 4) {
            return HeaderCheck.BAD_VERSION;
        }
        int headerBytes = headerBytes();
        if (headerBytes < HEADER_BYTES || headerBytes > available) {
            return HeaderCheck.BAD_HEADER_LENGTH;
        }
        return totalLength() < headerBytes ? HeaderCheck.BAD_TOTAL_LENGTH : HeaderCheck.OK;
    }

    public int version() {
        return u8(VERSION_IHL) >>> 4;
    }

    /** Size of the header with its options: four times the IHL field. */
    public int headerBytes() {
        return (u8(VERSION_IHL) & 0xf) << 2;
    }

    /** Bytes of options, 0 to 40. */
    public int optionsLength() {
        return headerBytes() - HEADER_BYTES;
    }

    /** The old type-of-service octet: DSCP and ECN. */
    public int trafficClass() {
        return u8(TRAFFIC_CLASS);
    }

    public int dscp() {
        return u8(TRAFFIC_CLASS) >>> 2;
    }

    /** 0 not ECN-capable, 1 ECT(1), 2 ECT(0), 3 congestion experienced (RFC 3168 section 5). */
    public int ecn() {
        return u8(TRAFFIC_CLASS) & 3;
    }

    /** Bytes of header and payload. */
    public int totalLength() {
        return u16(TOTAL_LENGTH);
    }

    public int identification() {
        return u16(IDENTIFICATION);
    }

    public boolean dontFragment() {
        return (u16(FRAGMENT) & DONT_FRAGMENT) != 0;
    }

    public boolean moreFragments() {
        return (u16(FRAGMENT) & MORE_FRAGMENTS) != 0;
    }

    /** Where the payload belongs in the original datagram, in bytes: a multiple of 8, up to 65528. */
    public int fragmentOffset() {
        return (u16(FRAGMENT) & FRAGMENT_OFFSET_MASK) << 3;
    }

    /** Whether this is a part of a datagram: the first, a middle or the last one. */
    public boolean isFragment() {
        return (u16(FRAGMENT) & (MORE_FRAGMENTS | FRAGMENT_OFFSET_MASK)) != 0;
    }

    /** Whether this is a part other than the first, so that no transport header follows. */
    public boolean isLaterFragment() {
        return (u16(FRAGMENT) & FRAGMENT_OFFSET_MASK) != 0;
    }

    public int ttl() {
        return u8(TTL);
    }

    /** See {@link IpProtocol}. */
    public int protocol() {
        return u8(PROTOCOL);
    }

    public int checksum() {
        return u16(CHECKSUM);
    }

    public int source() {
        return i32(SOURCE);
    }

    public int destination() {
        return i32(DESTINATION);
    }

    /** Position behind the options. */
    public int payloadOffset() {
        return at + headerBytes();
    }

    public int payloadLength() {
        return totalLength() - headerBytes();
    }

    /** Position behind the payload; bytes from there to the packet's end are link padding. */
    public int end() {
        return at + totalLength();
    }

    /** The unfolded sum of the transport's pseudo header, from the addresses, the protocol and the payload's length. */
    public long pseudoHeader() {
        return InternetChecksum.pseudoHeader4(source(), destination(), protocol(), payloadLength());
    }

    /**
     * Writes a whole header without options, not a fragment, with its checksum.
     *
     * @param trafficClass DSCP and ECN
     */
    public Ip4View encode(
            int trafficClass,
            int totalLength,
            int identification,
            boolean dontFragment,
            int ttl,
            int protocol,
            int source,
            int destination) {
        put8(VERSION_IHL, 4 << 4 | HEADER_BYTES >>> 2);
        put8(TRAFFIC_CLASS, trafficClass);
        put16(TOTAL_LENGTH, totalLength);
        put16(IDENTIFICATION, identification);
        put16(FRAGMENT, dontFragment ? DONT_FRAGMENT : 0);
        put8(TTL, ttl);
        put8(PROTOCOL, protocol);
        put32(SOURCE, source);
        put32(DESTINATION, destination);
        updateChecksum();
        return this;
    }

    /** Sets the size of header and options, a multiple of 4 from 20 to 60. */
    public void setHeaderBytes(int headerBytes) {
        put8(VERSION_IHL, 4 << 4 | headerBytes >>> 2);
    }

    public void setTotalLength(int totalLength) {
        put16(TOTAL_LENGTH, totalLength);
    }

    public void setIdentification(int identification) {
        put16(IDENTIFICATION, identification);
    }

    /** Sets both flags and the offset in bytes, a multiple of 8; clears the reserved flag. */
    public void setFragment(boolean dontFragment, boolean moreFragments, int offset) {
        put16(FRAGMENT, (dontFragment ? DONT_FRAGMENT : 0) | (moreFragments ? MORE_FRAGMENTS : 0) | offset >>> 3);
    }

    public void setTtl(int ttl) {
        put8(TTL, ttl);
    }

    public void setProtocol(int protocol) {
        put8(PROTOCOL, protocol);
    }

    /** Computes the header checksum from nothing, after setters. */
    public void updateChecksum() {
        put16(CHECKSUM, 0);
        put16(CHECKSUM, ~InternetChecksum.fold(InternetChecksum.sum(bytes, at, headerBytes())));
    }

    /** Takes one off the TTL, which must not be 0, and repairs the checksum. */
    public void decrementTtl() {
        int before = u16(TTL);
        int after = before - 0x100;
        put16(TTL, after);
        put16(CHECKSUM, InternetChecksum.update16(checksum(), before, after));
    }

    /** Changes DSCP and ECN and repairs the checksum. */
    public void rewriteTrafficClass(int trafficClass) {
        int before = u16(VERSION_IHL);
        put8(TRAFFIC_CLASS, trafficClass);
        put16(CHECKSUM, InternetChecksum.update16(checksum(), before, u16(VERSION_IHL)));
    }

    /** Changes the source and repairs the header checksum; the transport's, which covers it too, is the caller's. */
    public void rewriteSource(int source) {
        put16(CHECKSUM, InternetChecksum.update32(checksum(), source(), source));
        put32(SOURCE, source);
    }

    /** Changes the destination and repairs the header checksum; the transport's is the caller's. */
    public void rewriteDestination(int destination) {
        put16(CHECKSUM, InternetChecksum.update32(checksum(), destination(), destination));
        put32(DESTINATION, destination);
    }
}
