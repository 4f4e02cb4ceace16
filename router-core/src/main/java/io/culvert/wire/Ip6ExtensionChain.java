// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * Finds what an IPv6 packet carries behind its extension headers (RFC 8200 section 4), in a bounded number of steps.
 *
 * <p>Known are Hop-by-Hop Options, Routing, Fragment, Destination Options and Authentication (RFC 4302), in any order and
 * number. Everything else ends the walk as the upper protocol: ESP and numbers that nobody knows are never looked into.
 * So does a Hop-by-Hop Options header anywhere but behind the IPv6 header, which RFC 8200 section 4.1 forbids: its
 * receiver treats it as an unknown next header. A packet's later fragments end the walk at their Fragment header.
 *
 * <p>The walk stays within the payload length and the packet. Reusable; holds positions, not bytes: what it says is void
 * once a header moves.
 *
 * @since 0.1
 */
public final class Ip6ExtensionChain {
    /** How many headers are read when nothing else is said: more than any honest packet has. */
    public static final int DEFAULT_LIMIT = 8;

    /** How a walk ended. */
    public enum Outcome {
        /** {@link #upperOffset()} is where the upper protocol's header starts, which may be empty or cut short. */
        COMPLETE,
        /** A later fragment: {@link #upperOffset()} is where data from the middle of something starts. */
        LATER_FRAGMENT,
        /** A header reaches over the payload's end. */
        TRUNCATED,
        /** There are more headers than the limit. */
        TOO_MANY_HEADERS,
        /** A second Fragment header, or an Authentication header below its own size. */
        MALFORMED
    }

    private static final int NONE = PacketBuffer.UNKNOWN;
    private static final int NEXT_HEADER = 0;
    private static final int LENGTH = 1;
    private static final int MINIMUM_BYTES = 8;

    private final Ip6FragmentView fragment = new Ip6FragmentView();
    private final int[] types;
    private final int[] offsets;
    private int count;
    private Outcome outcome = Outcome.TRUNCATED;
    private int upperProtocol;
    private int upperOffset;
    private int nextHeaderOffset;
    private int fragmentHeaderOffset;

    public Ip6ExtensionChain() {
        this(DEFAULT_LIMIT);
    }

    /**
     * Makes a walker.
     *
     * @param limit the most extension headers that are read
     */
    public Ip6ExtensionChain(int limit) {
        types = new int[limit];
        offsets = new int[limit];
    }

    /** Walks the headers behind an IPv6 header that has passed {@link Ip6View#check()} or {@link Ip6View#checkQuoted()}. */
    public Outcome walk(Ip6View ip) {
        outcome = find(ip.packet, ip);
        return outcome;
    }

    private Outcome find(PacketBuffer packet, Ip6View ip) {
        count = 0;
        fragmentHeaderOffset = NONE;
        upperProtocol = ip.nextHeader();
        upperOffset = ip.payloadOffset();
        nextHeaderOffset = ip.nextHeaderOffset();
        int end = Math.min(ip.end(), packet.end());
        while (isExtension(upperProtocol) && (upperProtocol != IpProtocol.HOP_BY_HOP || count == 0)) {
            if (count == types.length) {
                return Outcome.TOO_MANY_HEADERS;
            }
            if (end - upperOffset < MINIMUM_BYTES) {
                return Outcome.TRUNCATED;
            }
            int type = upperProtocol;
            int offset = upperOffset;
            int headerBytes = headerBytes(packet, type, offset);
            if (headerBytes > end - offset) {
                return Outcome.TRUNCATED;
            }
            types[count] = type;
            offsets[count] = offset;
            count++;
            upperProtocol = packet.bytes().get(offset + NEXT_HEADER) & 0xff;
            upperOffset = offset + headerBytes;
            nextHeaderOffset = offset + NEXT_HEADER;
            if (type == IpProtocol.AUTHENTICATION && headerBytes < 12) {
                return Outcome.MALFORMED;
            }
            if (type == IpProtocol.FRAGMENT) {
                if (fragmentHeaderOffset != NONE) {
                    return Outcome.MALFORMED;
                }
                fragmentHeaderOffset = offset;
                fragment.wrap(packet, offset);
                if (fragment.fragmentOffset() != 0) {
                    return Outcome.LATER_FRAGMENT;
                }
            }
        }
        return Outcome.COMPLETE;
    }

    private static int headerBytes(PacketBuffer packet, int type, int offset) {
        int length = packet.bytes().get(offset + LENGTH) & 0xff;
        return switch (type) {
            case IpProtocol.FRAGMENT -> Ip6FragmentView.HEADER_BYTES;
            case IpProtocol.AUTHENTICATION -> (length + 2) << 2;
            default -> (length + 1) << 3;
        };
    }

    private static boolean isExtension(int nextHeader) {
        return nextHeader == IpProtocol.HOP_BY_HOP
                || nextHeader == IpProtocol.ROUTING
                || nextHeader == IpProtocol.FRAGMENT
                || nextHeader == IpProtocol.DESTINATION_OPTIONS
                || nextHeader == IpProtocol.AUTHENTICATION;
    }

    /** What the last walk returned. */
    public Outcome outcome() {
        return outcome;
    }

    /**
     * The number of what the walk stopped at: after {@link Outcome#COMPLETE} the upper protocol or {@link
     * IpProtocol#NO_NEXT_HEADER}; after {@link Outcome#LATER_FRAGMENT} what the fragmentable part began with.
     */
    public int upperProtocol() {
        return upperProtocol;
    }

    /** Position of what the walk stopped at. */
    public int upperOffset() {
        return upperOffset;
    }

    /** Position of the next header field that named it: what a parameter problem, code 1, points at. */
    public int nextHeaderOffset() {
        return nextHeaderOffset;
    }

    /** How many extension headers were read. */
    public int count() {
        return count;
    }

    /** The number of the extension header at an index from 0 to {@link #count()}, in the packet's order. */
    public int type(int index) {
        return types[index];
    }

    /** The position of the extension header at an index. */
    public int offset(int index) {
        return offsets[index];
    }

    /** Position of the Hop-by-Hop Options header, or {@link PacketBuffer#UNKNOWN}. */
    public int hopByHopOffset() {
        return count > 0 && types[0] == IpProtocol.HOP_BY_HOP ? offsets[0] : NONE;
    }

    /** Position of the Fragment header, or {@link PacketBuffer#UNKNOWN}. */
    public int fragmentHeaderOffset() {
        return fragmentHeaderOffset;
    }

    /** Whether the packet is a part of another one. An atomic fragment (RFC 6946) is not. */
    public boolean isFragment() {
        return fragmentHeaderOffset != NONE && !fragment.isAtomic();
    }

    /** The Fragment header, when {@link #fragmentHeaderOffset()} is known. */
    public Ip6FragmentView fragment() {
        return fragment;
    }
}
