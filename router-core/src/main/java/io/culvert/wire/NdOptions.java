// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * Walks the options of a Neighbor Discovery message (RFC 4861 section 4.6).
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |     Type      | Length (of 8) |  Link-layer address           |  source, target link-layer address
 * |                                                               |
 * |     Type      | Length (of 8) |           Reserved            |  MTU
 * |                              MTU                              |
 * |     Type      | Length (of 8) | Prefix length |L|A| Reserved1 |  prefix information
 * |                         Valid lifetime                        |
 * |                       Preferred lifetime                      |
 * |                           Reserved2                           |
 * |                       Prefix (128 bits)                       |
 * </pre>
 *
 * <p>{@link #next()} ends at the packet's end or at the first malformed option: one of length 0, one that runs over the
 * end, or one of the kinds above with another than its size on Ethernet (RFC 2464).
 *
 * @since 0.1
 */
public final class NdOptions extends View {
    public static final int SOURCE_LINK_LAYER = 1;
    public static final int TARGET_LINK_LAYER = 2;
    public static final int PREFIX_INFORMATION = 3;
    public static final int REDIRECTED_HEADER = 4;
    public static final int MTU = 5;

    public static final int LINK_LAYER_BYTES = 8;
    public static final int MTU_BYTES = 8;
    public static final int PREFIX_INFORMATION_BYTES = 32;
    /** Size of a redirected header option without the packet that it quotes. */
    public static final int REDIRECTED_HEADER_BYTES = 8;

    /** A lifetime that never ends. */
    public static final long INFINITY = 0xffff_ffffL;

    private static final int TYPE = 0;
    private static final int LENGTH = 1;
    private static final int MAC = 2;
    private static final int PREFIX_LENGTH = 2;
    private static final int PREFIX_FLAGS = 3;
    private static final int MTU_VALUE = 4;
    private static final int VALID_LIFETIME = 4;
    private static final int PREFERRED_LIFETIME = 8;
    private static final int PREFIX_RESERVED = 12;
    private static final int PREFIX_HIGH = 16;
    private static final int PREFIX_LOW = 24;

    private static final int ON_LINK = 0x80;
    private static final int AUTONOMOUS = 0x40;

    private int nextAt;
    private boolean malformed;

    /** Starts before the option at an absolute position; the last one ends at the packet's end. */
    public NdOptions wrap(PacketBuffer packet, int offset) {
        attach(packet, offset);
        nextAt = offset;
        malformed = false;
        return this;
    }

    /** Goes to the next option; false at the end, or when {@link #malformed()}. */
    public boolean next() {
        at = nextAt;
        int available = available();
        if (available <= 0 || malformed) {
            return false;
        }
        if (available < 8 || length() == 0 || length() > available || !hasSizeOfItsKind()) {
            malformed = true;
            return false;
        }
        nextAt = at + length();
        return true;
    }

    private boolean hasSizeOfItsKind() {
        return switch (type()) {
            case SOURCE_LINK_LAYER, TARGET_LINK_LAYER -> length() == LINK_LAYER_BYTES;
            case PREFIX_INFORMATION -> length() == PREFIX_INFORMATION_BYTES;
            case MTU -> length() == MTU_BYTES;
            default -> true;
        };
    }

    /** Whether the walk ended at an option that is none. */
    public boolean malformed() {
        return malformed;
    }

    public int type() {
        return u8(TYPE);
    }

    /** Bytes of the current option. */
    public int length() {
        return u8(LENGTH) << 3;
    }

    /** Of a source or target link-layer address. */
    public long mac() {
        return u48(MAC);
    }

    /** Of an MTU option. */
    public long mtu() {
        return u32(MTU_VALUE);
    }

    /** Of prefix information; may be more than 128. */
    public int prefixLength() {
        return u8(PREFIX_LENGTH);
    }

    /** Of prefix information. */
    public boolean onLink() {
        return (u8(PREFIX_FLAGS) & ON_LINK) != 0;
    }

    /** Of prefix information. */
    public boolean autonomous() {
        return (u8(PREFIX_FLAGS) & AUTONOMOUS) != 0;
    }

    /** Of prefix information, in seconds; {@link #INFINITY}. */
    public long validLifetime() {
        return u32(VALID_LIFETIME);
    }

    /** Of prefix information, in seconds; {@link #INFINITY}. */
    public long preferredLifetime() {
        return u32(PREFERRED_LIFETIME);
    }

    /** Of prefix information. */
    public long prefixHigh() {
        return i64(PREFIX_HIGH);
    }

    /** Of prefix information. */
    public long prefixLow() {
        return i64(PREFIX_LOW);
    }

    /**
     * Writes a whole link-layer address option at this place.
     *
     * @param type {@link #SOURCE_LINK_LAYER} or {@link #TARGET_LINK_LAYER}
     */
    public NdOptions encodeLinkLayer(int type, long mac) {
        put8(TYPE, type);
        put8(LENGTH, LINK_LAYER_BYTES >>> 3);
        put48(MAC, mac);
        return this;
    }

    /** Writes a whole MTU option at this place. */
    public NdOptions encodeMtu(int mtu) {
        put8(TYPE, MTU);
        put8(LENGTH, MTU_BYTES >>> 3);
        put16(2, 0);
        put32(MTU_VALUE, mtu);
        return this;
    }

    /**
     * Writes a whole prefix information option at this place.
     *
     * @param validLifetime in seconds
     * @param preferredLifetime in seconds
     */
    public NdOptions encodePrefix(
            int prefixLength,
            boolean onLink,
            boolean autonomous,
            long validLifetime,
            long preferredLifetime,
            long prefixHigh,
            long prefixLow) {
        put8(TYPE, PREFIX_INFORMATION);
        put8(LENGTH, PREFIX_INFORMATION_BYTES >>> 3);
        put8(PREFIX_LENGTH, prefixLength);
        put8(PREFIX_FLAGS, (onLink ? ON_LINK : 0) | (autonomous ? AUTONOMOUS : 0));
        put32(VALID_LIFETIME, (int) validLifetime);
        put32(PREFERRED_LIFETIME, (int) preferredLifetime);
        put32(PREFIX_RESERVED, 0);
        put64(PREFIX_HIGH, prefixHigh);
        put64(PREFIX_LOW, prefixLow);
        return this;
    }

    /**
     * Writes the first 8 bytes of a redirected header option at this place.
     *
     * @param quotedBytes how much of the packet follows, a multiple of 8
     */
    public NdOptions encodeRedirectedHeader(int quotedBytes) {
        put8(TYPE, REDIRECTED_HEADER);
        put8(LENGTH, (REDIRECTED_HEADER_BYTES + quotedBytes) >>> 3);
        put16(2, 0);
        put32(4, 0);
        return this;
    }
}
