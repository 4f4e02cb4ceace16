// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * An Ethernet II header (IEEE 802.3 section 3.2.6, RFC 894).
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |                      Destination address                      |
 * |                               |        Source address         |
 * |                                                               |
 * |          EtherType            |
 * </pre>
 *
 * <p>When {@link #etherType()} {@linkplain EtherType#isVlan is a tag}, a {@link VlanView} lies over it at {@link
 * #tagOffset()}. No setter voids {@link #check()}.
 *
 * @since 0.1
 */
public final class EthernetView extends View {
    public static final int HEADER_BYTES = 14;

    private static final int DESTINATION = 0;
    private static final int SOURCE = 6;
    private static final int ETHER_TYPE = 12;

    public EthernetView wrap(PacketBuffer frame, int offset) {
        attach(frame, offset);
        return this;
    }

    /** {@link HeaderCheck#OK} or {@link HeaderCheck#TOO_SHORT}. */
    public HeaderCheck check() {
        return available() < HEADER_BYTES ? HeaderCheck.TOO_SHORT : HeaderCheck.OK;
    }

    public long destination() {
        return u48(DESTINATION);
    }

    public long source() {
        return u48(SOURCE);
    }

    /** The type of what follows, or an IEEE 802.3 length when below {@link EtherType#LOWEST}. */
    public int etherType() {
        return u16(ETHER_TYPE);
    }

    /** Where a first VLAN tag is, or is to be put in. */
    public int tagOffset() {
        return at + ETHER_TYPE;
    }

    /** Position behind this header, tags not counted. */
    public int payloadOffset() {
        return at + HEADER_BYTES;
    }

    public void setDestination(long mac) {
        put48(DESTINATION, mac);
    }

    public void setSource(long mac) {
        put48(SOURCE, mac);
    }

    public void setEtherType(int etherType) {
        put16(ETHER_TYPE, etherType);
    }

    /** Writes the whole header. */
    public EthernetView encode(long destination, long source, int etherType) {
        put48(DESTINATION, destination);
        put48(SOURCE, source);
        put16(ETHER_TYPE, etherType);
        return this;
    }
}
