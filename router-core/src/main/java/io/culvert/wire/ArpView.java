// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;

/**
 * An ARP packet for IPv4 over Ethernet (RFC 826).
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |     Hardware type (1)         |    Protocol type (0x0800)     |
 * |  HW len (6)   | Proto len (4) |           Operation           |
 * |                    Sender hardware address                    |
 * |                               |   Sender protocol address     |
 * |                               |                               |
 * |                    Target hardware address                    |
 * |                    Target protocol address                    |
 * </pre>
 *
 * <p>No setter voids {@link #check()}.
 *
 * @since 0.1
 */
public final class ArpView extends View {
    public static final int PACKET_BYTES = 28;

    public static final int REQUEST = 1;
    public static final int REPLY = 2;

    private static final int HARDWARE_TYPE = 0;
    private static final int PROTOCOL_TYPE = 2;
    private static final int HARDWARE_LENGTH = 4;
    private static final int PROTOCOL_LENGTH = 5;
    private static final int OPERATION = 6;
    private static final int SENDER_MAC = 8;
    private static final int SENDER_IP = 14;
    private static final int TARGET_MAC = 18;
    private static final int TARGET_IP = 24;

    private static final int ETHERNET = 1;

    public ArpView wrap(PacketBuffer packet, int offset) {
        attach(packet, offset);
        return this;
    }

    /**
     * {@link HeaderCheck#OK}, {@link HeaderCheck#TOO_SHORT}, or {@link HeaderCheck#BAD_TYPE} when it is not about IPv4
     * over Ethernet. The operation is not judged.
     */
    public HeaderCheck check() {
        if (available() < PACKET_BYTES) {
            return HeaderCheck.TOO_SHORT;
        }
        boolean ip4OverEthernet = u16(HARDWARE_TYPE) == ETHERNET
                && u16(PROTOCOL_TYPE) == EtherType.IP4
                && u8(HARDWARE_LENGTH) == 6
                && u8(PROTOCOL_LENGTH) == 4;
        return ip4OverEthernet ? HeaderCheck.OK : HeaderCheck.BAD_TYPE;
    }

    /** {@link #REQUEST}, {@link #REPLY} or something else. */
    public int operation() {
        return u16(OPERATION);
    }

    public long senderMac() {
        return u48(SENDER_MAC);
    }

    /** The sender's IPv4 address; 0 in a probe (RFC 5227 section 2.1.1). */
    public int senderIp() {
        return i32(SENDER_IP);
    }

    public long targetMac() {
        return u48(TARGET_MAC);
    }

    public int targetIp() {
        return i32(TARGET_IP);
    }

    /** Writes the whole packet. */
    public ArpView encode(int operation, long senderMac, int senderIp, long targetMac, int targetIp) {
        put16(HARDWARE_TYPE, ETHERNET);
        put16(PROTOCOL_TYPE, EtherType.IP4);
        put8(HARDWARE_LENGTH, 6);
        put8(PROTOCOL_LENGTH, 4);
        put16(OPERATION, operation);
        put48(SENDER_MAC, senderMac);
        put32(SENDER_IP, senderIp);
        put48(TARGET_MAC, targetMac);
        put32(TARGET_IP, targetIp);
        return this;
    }
}
