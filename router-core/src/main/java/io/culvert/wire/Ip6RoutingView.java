// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * The part of an IPv6 Routing header that all types share (RFC 8200 section 4.4).
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |  Next header  |  Hdr ext len  |  Routing type | Segments left |
 * |                      type-specific data ...                   |
 * </pre>
 *
 * @since 0.1
 */
public final class Ip6RoutingView extends View {
    /** The type that RFC 5095 took out of use: as unknown as any other to this router. */
    public static final int SOURCE_ROUTE = 0;

    private static final int NEXT_HEADER = 0;
    private static final int LENGTH = 1;
    private static final int TYPE = 2;
    private static final int SEGMENTS_LEFT = 3;

    public Ip6RoutingView wrap(PacketBuffer packet, int offset) {
        attach(packet, offset);
        return this;
    }

    /** {@link HeaderCheck#OK} or {@link HeaderCheck#TOO_SHORT} when the packet does not hold the whole header. */
    public HeaderCheck check() {
        int available = available();
        return available < 8 || headerBytes() > available ? HeaderCheck.TOO_SHORT : HeaderCheck.OK;
    }

    public int nextHeader() {
        return u8(NEXT_HEADER);
    }

    public int headerBytes() {
        return (u8(LENGTH) + 1) << 3;
    }

    public int type() {
        return u8(TYPE);
    }

    /** Position of the type octet: what a parameter problem about an unknown type points at. */
    public int typeOffset() {
        return at + TYPE;
    }

    /** Nodes still to be visited; with 0 left an unknown type is passed over. */
    public int segmentsLeft() {
        return u8(SEGMENTS_LEFT);
    }
}
