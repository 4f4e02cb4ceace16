// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import java.util.HexFormat;
import java.util.Objects;
import java.util.function.Supplier;

/** Packets made of literal bytes, and what every codec test does with them. */
final class Bytes {
    private Bytes() {}

    /** Hexadecimal digits with blanks and line ends anywhere. */
    static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits.replaceAll("\\s", ""));
    }

    static String hex(PacketBuffer packet) {
        return HexFormat.of().formatHex(packet.toByteArray());
    }

    static String hexOctet(int value) {
        return HexFormat.of().toHexDigits((byte) value);
    }

    static PacketBuffer packet(String digits) {
        byte[] content = hex(digits);
        PacketBuffer packet = dirty(content.length);
        packet.copyFrom(content, 0, packet.start(), content.length);
        return packet;
    }

    /** A packet whose whole memory, within the window and around it, holds 0xA5. */
    static PacketBuffer dirty(int length) {
        PacketBuffer packet = Objects.requireNonNull(BufferPool.allocate(1).take());
        for (int i = 0; i < packet.capacity(); i++) {
            packet.bytes().put(i, (byte) 0xa5);
        }
        packet.setWindow(PacketBuffer.HEADROOM, length);
        return packet;
    }

    /** Shortens the packet byte by byte; every shorter one must fail the check, and the check must not throw. */
    static void assertTruncationsRejected(PacketBuffer packet, Supplier<HeaderCheck> check) {
        int length = packet.length();
        assertThat(check.get()).isEqualTo(HeaderCheck.OK);
        for (int shorter = length - 1; shorter >= 0; shorter--) {
            packet.setEnd(packet.start() + shorter);
            assertThat(check.get()).as("%d of %d bytes", shorter, length).isNotEqualTo(HeaderCheck.OK);
        }
        packet.setEnd(packet.start() + length);
    }

    /** The bytes around the window must still be dirty. */
    static void assertNothingWrittenOutside(PacketBuffer packet) {
        for (int i = 0; i < packet.capacity(); i++) {
            if (i < packet.start() || i >= packet.end()) {
                assertThat(packet.bytes().get(i)).as("byte %d", i).isEqualTo((byte) 0xa5);
            }
        }
    }
}
