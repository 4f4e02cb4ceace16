// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;
import java.nio.ByteBuffer;

/**
 * The Internet checksum: the complement of the one's-complement sum of 16-bit big-endian words (RFC 1071), its pseudo
 * headers (RFC 768, RFC 9293 section 3.1, RFC 8200 section 8.1) and its incremental update (RFC 1624).
 *
 * <p>Partial sums are {@code long}s that are congruent to the sum modulo 0xffff: they may be added to each other and then
 * {@linkplain #fold folded}. A sum over an odd number of bytes is padded with a zero byte behind (RFC 1071 section 1);
 * only the last range of several may be odd.
 *
 * <p>In one's complement zero has two faces. A sum over any data that is not all zero folds to 0x0001 to 0xffff, hence a
 * computed checksum lies in 0x0000 to 0xfffe; equation 3 of RFC 1624, used here, keeps it there. UDP alone gives 0x0000 a
 * meaning, "not computed": see {@link #udp} and {@link #udpUpdated}.
 *
 * @since 0.1
 */
public final class InternetChecksum {
    private InternetChecksum() {}

    /** The unfolded sum of {@code length} bytes from the absolute position {@code from}. */
    public static long sum(PacketBuffer packet, int from, int length) {
        return sum(packet.bytes(), from, length);
    }

    static long sum(ByteBuffer bytes, int from, int length) {
        // High and low halves have their own accumulators: neither can overflow within 2^32 words, so there is no carry
        // to chase, and the two additions do not wait for each other.
        long high = 0;
        long low = 0;
        int at = from;
        for (int longsEnd = from + (length & ~7); at < longsEnd; at += 8) {
            long word = bytes.getLong(at);
            high += word >>> 32;
            low += word & 0xffff_ffffL;
        }
        if ((length & 4) != 0) {
            low += bytes.getInt(at) & 0xffff_ffffL;
            at += 4;
        }
        if ((length & 2) != 0) {
            low += bytes.getShort(at) & 0xffff;
            at += 2;
        }
        if ((length & 1) != 0) {
            low += (bytes.get(at) & 0xff) << 8;
        }
        return high + low;
    }

    /** Brings an unfolded sum down to 16 bits. */
    public static int fold(long sum) {
        long folded = (sum & 0xffff_ffffL) + (sum >>> 32);
        folded = (folded & 0xffff) + (folded >>> 16);
        folded = (folded & 0xffff) + (folded >>> 16);
        return (int) ((folded & 0xffff) + (folded >>> 16));
    }

    /**
     * The unfolded sum of the IPv4 pseudo header.
     *
     * @param length bytes of transport header and payload
     */
    public static long pseudoHeader4(int source, int destination, int protocol, int length) {
        return (source & 0xffff_ffffL) + (destination & 0xffff_ffffL) + protocol + length;
    }

    /**
     * The unfolded sum of the IPv6 pseudo header.
     *
     * @param upperProtocol the transport's number, not that of an extension header before it
     * @param length bytes of transport header and payload, without extension headers
     */
    public static long pseudoHeader6(
            long sourceHigh, long sourceLow, long destinationHigh, long destinationLow, int upperProtocol, int length) {
        return halves(sourceHigh)
                + halves(sourceLow)
                + halves(destinationHigh)
                + halves(destinationLow)
                + upperProtocol
                + length;
    }

    private static long halves(long value) {
        return (value >>> 32) + (value & 0xffff_ffffL);
    }

    /**
     * The checksum of a range whose checksum field holds zero.
     *
     * @param pseudoHeader the unfolded sum of the pseudo header, 0 for none
     */
    public static int compute(PacketBuffer packet, int from, int length, long pseudoHeader) {
        return ~fold(pseudoHeader + sum(packet, from, length)) & 0xffff;
    }

    /**
     * Whether a range that includes its checksum field is undamaged.
     *
     * @param pseudoHeader the unfolded sum of the pseudo header, 0 for none
     */
    public static boolean verify(PacketBuffer packet, int from, int length, long pseudoHeader) {
        return fold(pseudoHeader + sum(packet, from, length)) == 0xffff;
    }

    /** How a computed checksum is written into a UDP header: zero as its other face (RFC 768). */
    public static int udp(int computed) {
        return computed == 0 ? 0xffff : computed;
    }

    /**
     * How an incrementally updated checksum is written into a UDP header: a sender that computed none (RFC 768) has none
     * after the update either, and a zero that the update gives is written as its other face.
     *
     * @param before the checksum as received
     * @param after {@code before} after one or more updates
     */
    public static int udpUpdated(int before, int after) {
        return before == 0 ? 0 : udp(after);
    }

    /** The checksum after a 16-bit field at an even distance changed (RFC 1624 section 3, equation 3). */
    public static int update16(int checksum, int oldValue, int newValue) {
        return ~fold((~checksum & 0xffffL) + (~oldValue & 0xffff) + (newValue & 0xffff)) & 0xffff;
    }

    /** The checksum after a 32-bit field at an even distance changed. */
    public static int update32(int checksum, int oldValue, int newValue) {
        return ~fold((~checksum & 0xffffL) + (~oldValue & 0xffff_ffffL) + (newValue & 0xffff_ffffL)) & 0xffff;
    }

    /** The checksum after a 64-bit field at an even distance changed. */
    public static int update64(int checksum, long oldValue, long newValue) {
        return ~fold((~checksum & 0xffffL) + halves(~oldValue) + halves(newValue)) & 0xffff;
    }

    /**
     * Completes a {@link PacketBuffer.Checksum#PARTIAL} checksum in place, which makes it {@link
     * PacketBuffer.Checksum#VALID}. Link padding must have been trimmed before; not for a packet that is still to be
     * segmented.
     *
     * <p>A result of zero is written as 0xffff whatever the protocol, as it means the same to all but UDP.
     *
     * @return false, with nothing changed, when the field does not lie in the packet, or not behind its IP header
     */
    public static boolean finishPartial(PacketBuffer packet) {
        int start = packet.checksumStart();
        int offset = packet.checksumOffset();
        if (start < networkHeaderEnd(packet) || offset < 0 || offset > packet.end() - start - 2) {
            return false;
        }
        int computed = compute(packet, start, packet.end() - start, 0);
        packet.bytes().putShort(start + offset, (short) udp(computed));
        packet.setChecksum(PacketBuffer.Checksum.VALID);
        return true;
    }

    /** Where the fixed IP header and IPv4 options end, or the packet starts if it has none that is known. */
    private static int networkHeaderEnd(PacketBuffer packet) {
        int network = packet.l3Offset();
        if (network < packet.start() || network >= packet.end()) {
            return packet.start();
        }
        int first = packet.bytes().get(network);
        return switch (first >> 4 & 15) {
            case 4 -> network + 4 * (first & 15);
            case 6 -> network + Ip6View.HEADER_BYTES;
            default -> network;
        };
    }
}
