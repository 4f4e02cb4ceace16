// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * An ICMP message for IPv4 (RFC 792; codes of RFC 1122 section 3.2.2.1 and RFC 1812 section 5.2.7.1). It reaches to the
 * packet's end, so link padding must have been trimmed.
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |     Type      |     Code      |           Checksum            |
 * |         Identifier            |        Sequence number        |  echo
 * |           unused              |         Next-hop MTU          |  fragmentation needed (RFC 1191)
 * |                        Gateway address                        |  redirect
 * |    Pointer    |                   unused                      |  parameter problem
 * |  what it is about: a quoted packet, or the echo's data ...
 * </pre>
 *
 * <p>No setter voids {@link #check()} but for the checksum.
 *
 * @since 0.1
 */
public final class Icmp4View extends View {
    public static final int HEADER_BYTES = 8;

    public static final int ECHO_REPLY = 0;
    public static final int DESTINATION_UNREACHABLE = 3;
    /** Deprecated by RFC 6633: never sent, ignored. */
    public static final int SOURCE_QUENCH = 4;

    public static final int REDIRECT = 5;
    public static final int ECHO_REQUEST = 8;
    public static final int ROUTER_ADVERTISEMENT = 9;
    public static final int ROUTER_SOLICITATION = 10;
    public static final int TIME_EXCEEDED = 11;
    public static final int PARAMETER_PROBLEM = 12;
    public static final int TIMESTAMP = 13;
    public static final int TIMESTAMP_REPLY = 14;

    /** Codes of {@link #DESTINATION_UNREACHABLE}. */
    public static final int NET_UNREACHABLE = 0;

    public static final int HOST_UNREACHABLE = 1;
    public static final int PROTOCOL_UNREACHABLE = 2;
    public static final int PORT_UNREACHABLE = 3;
    /** The value of the header is the next-hop MTU (RFC 1191 section 4). */
    public static final int FRAGMENTATION_NEEDED = 4;

    public static final int SOURCE_ROUTE_FAILED = 5;
    public static final int NET_UNKNOWN = 6;
    public static final int HOST_UNKNOWN = 7;
    public static final int NET_PROHIBITED = 9;
    public static final int HOST_PROHIBITED = 10;
    public static final int NET_UNREACHABLE_FOR_SERVICE = 11;
    public static final int HOST_UNREACHABLE_FOR_SERVICE = 12;
    /** RFC 1812 section 5.2.7.1: by filtering. */
    public static final int COMMUNICATION_PROHIBITED = 13;

    public static final int HOST_PRECEDENCE_VIOLATION = 14;
    public static final int PRECEDENCE_CUTOFF = 15;

    /** Codes of {@link #TIME_EXCEEDED}. */
    public static final int TTL_EXCEEDED = 0;

    public static final int REASSEMBLY_TIME_EXCEEDED = 1;

    /** Codes of {@link #REDIRECT}. */
    public static final int REDIRECT_NET = 0;

    public static final int REDIRECT_HOST = 1;

    /** Codes of {@link #PARAMETER_PROBLEM}. */
    public static final int POINTER_SAYS_WHERE = 0;

    public static final int REQUIRED_OPTION_MISSING = 1;

    private static final int TYPE = 0;
    private static final int CODE = 1;
    private static final int CHECKSUM = 2;
    private static final int VALUE = 4;
    private static final int IDENTIFIER = 4;
    private static final int POINTER = 4;
    private static final int SEQUENCE = 6;
    private static final int NEXT_HOP_MTU = 6;

    public Icmp4View wrap(PacketBuffer packet, int offset) {
        attach(packet, offset);
        return this;
    }

    /**
     * {@link HeaderCheck#TOO_SHORT}, {@link HeaderCheck#BAD_CHECKSUM} (unless the packet's offload state vouches for
     * it), or {@link HeaderCheck#OK}. Type and code are not judged.
     */
    public HeaderCheck check() {
        int available = available();
        if (available < HEADER_BYTES) {
            return HeaderCheck.TOO_SHORT;
        }
        boolean holds = packet.checksum() != PacketBuffer.Checksum.UNVERIFIED
                || InternetChecksum.verify(packet, at, available, 0);
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

    /** Of "fragmentation needed"; 0 from a router older than RFC 1191. */
    public int nextHopMtu() {
        return u16(NEXT_HOP_MTU);
    }

    /** Of a redirect. */
    public int gateway() {
        return i32(VALUE);
    }

    /** Of a parameter problem: the octet of the quoted packet that is wrong. */
    public int pointer() {
        return u8(POINTER);
    }

    /** Where the quoted packet or the echo's data starts. */
    public int payloadOffset() {
        return at + HEADER_BYTES;
    }

    /** Whether a message of this type is an error, about which no other error may be sent (RFC 1122 section 3.2.2). */
    public static boolean isError(int type) {
        return type == DESTINATION_UNREACHABLE
                || type == SOURCE_QUENCH
                || type == REDIRECT
                || type == TIME_EXCEEDED
                || type == PARAMETER_PROBLEM;
    }

    /**
     * Writes the whole header with a checksum of 0; {@link #updateChecksum()} follows when the rest is in place.
     *
     * @param value the second word: {@link #mtuValue}, {@link #pointerValue}, {@link #echoValue}, a gateway, or 0
     */
    public Icmp4View encode(int type, int code, int value) {
        put8(TYPE, type);
        put8(CODE, code);
        put16(CHECKSUM, 0);
        put32(VALUE, value);
        return this;
    }

    /** The second word of "fragmentation needed". */
    public static int mtuValue(int nextHopMtu) {
        return nextHopMtu & 0xffff;
    }

    /** The second word of a parameter problem. */
    public static int pointerValue(int octet) {
        return octet << 24;
    }

    /** The second word of an echo. */
    public static int echoValue(int identifier, int sequence) {
        return identifier << 16 | (sequence & 0xffff);
    }

    /** Computes the checksum from nothing, over all that reaches to the packet's end. */
    public void updateChecksum() {
        put16(CHECKSUM, 0);
        put16(CHECKSUM, InternetChecksum.compute(packet, at, available(), 0));
    }

    /** Changes the type, as an echo request becomes its reply, and repairs the checksum. */
    public void rewriteType(int type) {
        int before = u16(TYPE);
        put8(TYPE, type);
        put16(CHECKSUM, InternetChecksum.update16(checksum(), before, u16(TYPE)));
    }
}
