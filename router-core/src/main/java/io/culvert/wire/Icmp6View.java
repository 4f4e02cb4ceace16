// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * An ICMPv6 message (RFC 4443). It reaches to the packet's end, so link padding must have been trimmed.
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |     Type      |     Code      |           Checksum            |
 * |         Identifier            |        Sequence number        |  echo
 * |                              MTU                              |  packet too big
 * |                            Pointer                            |  parameter problem
 * |  what it is about: a quoted packet, or the echo's data ...
 * </pre>
 *
 * <p>No setter voids {@link #check} but for the checksum. Neighbor Discovery is read by {@link NeighborDiscoveryView}.
 *
 * @since 0.1
 */
public final class Icmp6View extends View {
    public static final int HEADER_BYTES = 8;

    public static final int DESTINATION_UNREACHABLE = 1;
    public static final int PACKET_TOO_BIG = 2;
    public static final int TIME_EXCEEDED = 3;
    public static final int PARAMETER_PROBLEM = 4;
    public static final int ECHO_REQUEST = 128;
    public static final int ECHO_REPLY = 129;
    /** RFC 2710. */
    public static final int LISTENER_QUERY = 130;
    /** RFC 2710. */
    public static final int LISTENER_REPORT = 131;
    /** RFC 2710. */
    public static final int LISTENER_DONE = 132;
    /** RFC 3810. */
    public static final int LISTENER_REPORT_V2 = 143;

    /** Codes of {@link #DESTINATION_UNREACHABLE} (RFC 4443 section 3.1). */
    public static final int NO_ROUTE = 0;

    public static final int PROHIBITED = 1;
    public static final int BEYOND_SCOPE = 2;
    public static final int ADDRESS_UNREACHABLE = 3;
    public static final int PORT_UNREACHABLE = 4;
    public static final int SOURCE_FAILED_POLICY = 5;
    public static final int REJECT_ROUTE = 6;

    /** Codes of {@link #TIME_EXCEEDED} (RFC 4443 section 3.3). */
    public static final int HOP_LIMIT_EXCEEDED = 0;

    public static final int REASSEMBLY_TIME_EXCEEDED = 1;

    /** Codes of {@link #PARAMETER_PROBLEM} (RFC 4443 section 3.4). */
    public static final int ERRONEOUS_HEADER_FIELD = 0;

    public static final int UNRECOGNIZED_NEXT_HEADER = 1;
    public static final int UNRECOGNIZED_OPTION = 2;
    /** RFC 7112 section 5: a first fragment without the whole header chain. */
    public static final int INCOMPLETE_HEADER_CHAIN = 3;

    private static final int TYPE = 0;
    private static final int CODE = 1;
    private static final int CHECKSUM = 2;
    private static final int VALUE = 4;
    private static final int IDENTIFIER = 4;
    private static final int SEQUENCE = 6;

    public Icmp6View wrap(PacketBuffer packet, int offset) {
        attach(packet, offset);
        return this;
    }

    /**
     * {@link HeaderCheck#TOO_SHORT}, {@link HeaderCheck#BAD_CHECKSUM} (unless the packet's offload state vouches for
     * it), or {@link HeaderCheck#OK}. Type and code are not judged.
     *
     * @param ip the header whose addresses the checksum covers
     */
    public HeaderCheck check(Ip6View ip) {
        int available = available();
        if (available < HEADER_BYTES) {
            return HeaderCheck.TOO_SHORT;
        }
        boolean holds = packet.checksum() != PacketBuffer.Checksum.UNVERIFIED
                || InternetChecksum.verify(packet, at, available, ip.pseudoHeader(IpProtocol.ICMP6, available));
        return holds ? HeaderCheck.OK : HeaderCheck.BAD_CHECKSUM;
    }

    public int type() {
        return u8(TYPE);
    }

    public int code() {
        return u8(CODE);
    }

    public int checksum() {
        return u16(CHECKSUM);
    }

    /** Of an echo. */
    public int identifier() {
        return u16(IDENTIFIER);
    }

    /** Of an echo. */
    public int sequence() {
        return u16(SEQUENCE);
    }

    /** Of "packet too big". */
    public long mtu() {
        return u32(VALUE);
    }

    /** Of a parameter problem: the octet of the quoted packet that is wrong. */
    public long pointer() {
        return u32(VALUE);
    }

    /** Where the quoted packet or the echo's data starts. */
    public int payloadOffset() {
        return at + HEADER_BYTES;
    }

    /** Whether a message of this type is an error, about which no other error may be sent (RFC 4443 section 2.1). */
    public static boolean isError(int type) {
        return type < 128;
    }

    /**
     * Writes the whole header with a checksum of 0; {@link #updateChecksum} follows when the rest is in place.
     *
     * @param value the second word: an MTU, a pointer, {@link #echoValue}, or 0
     */
    public Icmp6View encode(int type, int code, int value) {
        put8(TYPE, type);
        put8(CODE, code);
        put16(CHECKSUM, 0);
        put32(VALUE, value);
        return this;
    }

    /** The second word of an echo. */
    public static int echoValue(int identifier, int sequence) {
        return identifier << 16 | (sequence & 0xffff);
    }

    /** Computes the checksum from nothing, over all that reaches to the packet's end. */
    public void updateChecksum(Ip6View ip) {
        int length = available();
        put16(CHECKSUM, 0);
        put16(CHECKSUM, InternetChecksum.compute(packet, at, length, ip.pseudoHeader(IpProtocol.ICMP6, length)));
    }

    /**
     * Changes the type, as an echo request becomes its reply, and repairs the checksum. Swapping source and destination
     * in the IPv6 header leaves the checksum as it is.
     */
    public void rewriteType(int type) {
        int before = u16(TYPE);
        put8(TYPE, type);
        put16(CHECKSUM, InternetChecksum.update16(checksum(), before, u16(TYPE)));
    }
}
