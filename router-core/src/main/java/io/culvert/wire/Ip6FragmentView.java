// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * An IPv6 Fragment header (RFC 8200 section 4.5).
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |  Next header  |   Reserved    |     Fragment offset     |Res|M|
 * |                         Identification                        |
 * </pre>
 *
 * <p>No setter voids {@link #check()}.
 *
 * @since 0.1
 */
public final class Ip6FragmentView extends View {
    public static final int HEADER_BYTES = 8;

    private static final int NEXT_HEADER = 0;
    private static final int RESERVED = 1;
    private static final int OFFSET_AND_FLAG = 2;
    private static final int IDENTIFICATION = 4;

    public Ip6FragmentView wrap(PacketBuffer packet, int offset) {
        attach(packet, offset);
        return this;
    }

    /** {@link HeaderCheck#OK} or {@link HeaderCheck#TOO_SHORT}. */
    public HeaderCheck check() {
        return available() < HEADER_BYTES ? HeaderCheck.TOO_SHORT : HeaderCheck.OK;
    }

    /** What the fragmentable part of the original packet starts with. */
    public int nextHeader() {
        return u8(NEXT_HEADER);
    }

    /** Where the bytes behind this header belong in the fragmentable part: a multiple of 8, up to 65528. */
    public int fragmentOffset() {
        return u16(OFFSET_AND_FLAG) & 0xfff8;
    }

    public boolean moreFragments() {
        return (u16(OFFSET_AND_FLAG) & 1) != 0;
    }

    /** Whether the packet is whole in spite of this header (RFC 6946). */
    public boolean isAtomic() {
        return (u16(OFFSET_AND_FLAG) & 0xfff9) == 0;
    }

    public long identification() {
        return u32(IDENTIFICATION);
    }

    public int payloadOffset() {
        return at + HEADER_BYTES;
    }

    /**
     * Writes the whole header.
     *
     * @param fragmentOffset in bytes, a multiple of 8
     */
    public Ip6FragmentView encode(int nextHeader, int fragmentOffset, boolean moreFragments, long identification) {
        put8(NEXT_HEADER, nextHeader);
        put8(RESERVED, 0);
        put16(OFFSET_AND_FLAG, (fragmentOffset & 0xfff8) | (moreFragments ? 1 : 0));
        put32(IDENTIFICATION, (int) identification);
        return this;
    }
}
