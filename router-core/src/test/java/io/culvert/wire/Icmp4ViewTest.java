// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import static io.culvert.wire.Bytes.assertNothingWrittenOutside;
import static io.culvert.wire.Bytes.assertTruncationsRejected;
import static io.culvert.wire.Bytes.dirty;
import static io.culvert.wire.Bytes.hex;
import static io.culvert.wire.Bytes.packet;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class Icmp4ViewTest {
    private static final long SEED = 0x792;

    /** "Fragmentation needed" with MTU 1400 about a UDP datagram, made by another program. */
    private static final String TOO_BIG = "0304 0bb2 0000 0578 4500002e00004000401126bd0a0000010a000002"
            + "03e807d0001a97ae000102030405060708090a0b0c0d0e0f1011";

    private final Icmp4View icmp = new Icmp4View();

    @Test
    void decodesLiteralBytes() {
        PacketBuffer packet = packet(TOO_BIG);

        assertThat(icmp.wrap(packet, packet.start()).check()).isEqualTo(HeaderCheck.OK);
        assertThat(icmp.type()).isEqualTo(Icmp4View.DESTINATION_UNREACHABLE);
        assertThat(icmp.code()).isEqualTo(Icmp4View.FRAGMENTATION_NEEDED);
        assertThat(icmp.checksum()).isEqualTo(0x0bb2);
        assertThat(icmp.nextHopMtu()).isEqualTo(1400);
        Ip4View quoted = new Ip4View().wrap(packet, icmp.payloadOffset());
        assertThat(quoted.check()).isEqualTo(HeaderCheck.OK);
    }

    @Test
    void readsTheSecondWordAsTheTypeAsks() {
        PacketBuffer packet = packet("08 00 0000 fffe 8001");
        icmp.wrap(packet, packet.start());

        assertThat(icmp.identifier()).isEqualTo(0xfffe);
        assertThat(icmp.sequence()).isEqualTo(0x8001);
        assertThat(icmp.nextHopMtu()).isEqualTo(0x8001);
        assertThat(icmp.pointer()).isEqualTo(0xff);
        assertThat(icmp.gateway()).isEqualTo(0xfffe_8001);
        assertThat(Icmp4View.echoValue(0xfffe, 0x8001)).isEqualTo(0xfffe_8001);
        assertThat(Icmp4View.pointerValue(0xff)).isEqualTo(0xff00_0000);
        assertThat(Icmp4View.mtuValue(0xffff)).isEqualTo(0xffff);
    }

    @Test
    void encodesIntoDirtyMemory() {
        PacketBuffer packet = dirty(8);
        icmp.wrap(packet, packet.start())
                .encode(Icmp4View.ECHO_REQUEST, 0, Icmp4View.echoValue(0xfffe, 1))
                .updateChecksum();

        // 0800 + fffe + 0001 folds to 0800.
        assertThat(hex(packet)).isEqualTo("0800f7fffffe0001");
        assertThat(icmp.check()).isEqualTo(HeaderCheck.OK);
        assertNothingWrittenOutside(packet);
    }

    /** The message has no length of its own: it is the checksum that tells, as these bytes happen to need at every place. */
    @Test
    void rejectsEveryTruncation() {
        PacketBuffer packet = packet(TOO_BIG);
        assertTruncationsRejected(
                packet, () -> icmp.wrap(packet, packet.start()).check());
    }

    @Test
    void rejectsDamage() {
        PacketBuffer packet = packet(TOO_BIG);
        icmp.wrap(packet, packet.start());
        for (int i = packet.start(); i < packet.end(); i++) {
            byte before = packet.bytes().get(i);
            packet.bytes().put(i, (byte) (before ^ 0x80));
            assertThat(icmp.check()).isEqualTo(HeaderCheck.BAD_CHECKSUM);
            packet.bytes().put(i, before);
        }
    }

    @Test
    void trustsTheOffloadState() {
        PacketBuffer packet = packet(TOO_BIG);
        packet.bytes().putShort(packet.start() + 2, (short) 0);
        icmp.wrap(packet, packet.start());

        assertThat(icmp.check()).isEqualTo(HeaderCheck.BAD_CHECKSUM);
        packet.setChecksum(PacketBuffer.Checksum.VALID);
        assertThat(icmp.check()).isEqualTo(HeaderCheck.OK);
    }

    @Test
    void anEchoBecomesItsReply() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int round = 0; round < 200; round++) {
            PacketBuffer packet = dirty(8 + random.nextInt(100));
            icmp.wrap(packet, packet.start())
                    .encode(Icmp4View.ECHO_REQUEST, 0, random.nextInt())
                    .updateChecksum();
            icmp.rewriteType(Icmp4View.ECHO_REPLY);

            assertThat(icmp.type()).isEqualTo(Icmp4View.ECHO_REPLY);
            assertThat(icmp.check()).as("seed %d round %d", SEED, round).isEqualTo(HeaderCheck.OK);
        }
    }

    @Test
    void knowsTheErrors() {
        for (int type = 0; type < 256; type++) {
            assertThat(Icmp4View.isError(type))
                    .isEqualTo(type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
        }
    }

    @Test
    void roundTripsRandomHeaders() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer packet = dirty(64);
        icmp.wrap(packet, packet.start());
        for (int round = 0; round < 10_000; round++) {
            int type = random.nextInt(256);
            int code = random.nextInt(256);
            int value = random.nextInt();
            icmp.encode(type, code, value).updateChecksum();

            assertThat(icmp.check()).as("seed %d round %d", SEED, round).isEqualTo(HeaderCheck.OK);
            assertThat(icmp.type()).isEqualTo(type);
            assertThat(icmp.code()).isEqualTo(code);
            assertThat(icmp.gateway()).isEqualTo(value);
        }
    }
}
