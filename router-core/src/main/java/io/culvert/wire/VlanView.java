// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * A VLAN tag (IEEE 802.1Q section 9; 802.1ad's service tag has the same form) with the EtherType behind it.
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |              TPID             | PCP |D|          VID          |
 * |           EtherType           |
 * </pre>
 *
 * <p>It starts at the TPID, which is where an untagged frame has its EtherType: {@link EthernetView#tagOffset()}, or
 * {@link #nextTagOffset()} of the tag outside it. No setter voids {@link #check()}.
 *
 * @since 0.1
 */
public final class VlanView extends View {
    /** Bytes that a tag adds to a frame. */
    public static final int TAG_BYTES = 4;

    /** A VID that names no VLAN: the tag carries a priority only. */
    public static final int PRIORITY_ONLY = 0;
    /** The VID that is reserved and never sent. */
    public static final int RESERVED = 0xfff;

    private static final int TPID = 0;
    private static final int TCI = 2;
    private static final int ETHER_TYPE = 4;

    public VlanView wrap(PacketBuffer frame, int offset) {
        attach(frame, offset);
        return this;
    }

    /** {@link HeaderCheck#OK} or {@link HeaderCheck#TOO_SHORT}, when the EtherType behind the tag is missing too. */
    public HeaderCheck check() {
        return available() < ETHER_TYPE + 2 ? HeaderCheck.TOO_SHORT : HeaderCheck.OK;
    }

    /** {@link EtherType#VLAN} or {@link EtherType#SERVICE_VLAN}. */
    public int tpid() {
        return u16(TPID);
    }

    /** PCP, DEI and VID in one word, as the kernel hands over a tag that it took off. */
    public int tci() {
        return u16(TCI);
    }

    /** Priority code point, 0 to 7. */
    public int priority() {
        return u16(TCI) >>> 13;
    }

    public boolean dropEligible() {
        return (u16(TCI) & 0x1000) != 0;
    }

    /** VLAN identifier, 0 to 4095. */
    public int vid() {
        return u16(TCI) & 0xfff;
    }

    /** The type of what follows the tag: perhaps another tag. */
    public int etherType() {
        return u16(ETHER_TYPE);
    }

    /** Where the tag inside this one starts, if {@link #etherType()} says that there is one. */
    public int nextTagOffset() {
        return at + TAG_BYTES;
    }

    /** Position behind the EtherType. */
    public int payloadOffset() {
        return at + ETHER_TYPE + 2;
    }

    /** Writes TPID and TCI, and not the EtherType behind them, which a tag that is put in leaves as it is. */
    public VlanView encode(int tpid, int tci) {
        put16(TPID, tpid);
        put16(TCI, tci);
        return this;
    }

    /** The word of {@link #tci()}. */
    public static int tci(int priority, boolean dropEligible, int vid) {
        return (priority & 7) << 13 | (dropEligible ? 0x1000 : 0) | (vid & 0xfff);
    }
}
