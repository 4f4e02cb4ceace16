// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.packet.PacketBuffer;
import java.nio.ByteBuffer;

/** A place in a packet, and unsigned big-endian access relative to it: what all views are made of. */
@SuppressWarnings("NullAway.Init") // wrapped before anything else, or it fails at once
abstract class View {
    PacketBuffer packet;
    ByteBuffer bytes;
    int at;

    final void attach(PacketBuffer newPacket, int offset) {
        packet = newPacket;
        bytes = newPacket.bytes();
        at = offset;
    }

    /** Position of the header's first byte in the packet's memory. */
    public final int offset() {
        return at;
    }

    /** Bytes from here to the packet's end; negative when this place is not in the packet. */
    final int available() {
        return at < packet.start() ? -1 : packet.end() - at;
    }

    final int u8(int field) {
        return bytes.get(at + field) & 0xff;
    }

    final int u16(int field) {
        return bytes.getShort(at + field) & 0xffff;
    }

    final int i32(int field) {
        return bytes.getInt(at + field);
    }

    final long u32(int field) {
        return bytes.getInt(at + field) & 0xffff_ffffL;
    }

    final long u48(int field) {
        return (long) u16(field) << 32 | u32(field + 2);
    }

    final long i64(int field) {
        return bytes.getLong(at + field);
    }

    final void put8(int field, int value) {
        bytes.put(at + field, (byte) value);
    }

    final void put16(int field, int value) {
        bytes.putShort(at + field, (short) value);
    }

    final void put32(int field, int value) {
        bytes.putInt(at + field, value);
    }

    final void put48(int field, long value) {
        bytes.putShort(at + field, (short) (value >>> 32));
        bytes.putInt(at + field + 2, (int) value);
    }

    final void put64(int field, long value) {
        bytes.putLong(at + field, value);
    }
}
