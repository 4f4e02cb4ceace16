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

final class Icmp6ViewTest {
    private static final long SEED = 0x4443;

    /** An echo request from fd00::1 to fd00::2, made by another program. */
    private static final String ECHO =
            "60000000001a3a40 fd000000000000000000000000000001 fd000000000000000000000000000002"
                    + "80003d4d00070001000102030405060708090a0b0c0d0e0f1011";

    private final Ip6View ip = new Ip6View();
    private final Icmp6View icmp = new Icmp6View();

    private PacketBuffer echo() {
        PacketBuffer packet = packet(ECHO);
        icmp.wrap(packet, ip.wrap(packet, packet.start()).payloadOffset());
        return packet;
    }

    @Test
    void decodesLiteralBytes() {
        PacketBuffer packet = echo();

        assertThat(icmp.check(ip)).isEqualTo(HeaderCheck.OK);
        assertThat(icmp.type()).isEqualTo(Icmp6View.ECHO_REQUEST);
        assertThat(icmp.code()).isZero();
        assertThat(icmp.checksum()).isEqualTo(0x3d4d);
        assertThat(icmp.identifier()).isEqualTo(7);
        assertThat(icmp.sequence()).isEqualTo(1);
        assertThat(icmp.payloadOffset()).isEqualTo(packet.start() + 48);
    }

    @Test
    void readsTheSecondWordAsTheTypeAsks() {
        PacketBuffer packet = packet("02 00 0000 fffe 8001");
        icmp.wrap(packet, packet.start());

        assertThat(icmp.mtu()).isEqualTo(0xfffe_8001L);
        assertThat(icmp.pointer()).isEqualTo(0xfffe_8001L);
        assertThat(icmp.identifier()).isEqualTo(0xfffe);
        assertThat(icmp.sequence()).isEqualTo(0x8001);
        assertThat(Icmp6View.echoValue(0xfffe, 0x8001)).isEqualTo(0xfffe_8001);
    }

    @Test
    void encodesIntoDirtyMemory() {
        PacketBuffer packet = dirty(8);
        icmp.wrap(packet, packet.start()).encode(Icmp6View.PACKET_TOO_BIG, 0, 1280);

        assertThat(hex(packet)).isEqualTo("0200000000000500");
        assertNothingWrittenOutside(packet);
    }

    @Test
    void rejectsEveryTruncation() {
        PacketBuffer packet = echo();
        // The pseudo header holds the length, so that even a missing zero byte shows.
        assertTruncationsRejected(packet, () -> icmp.check(ip));
    }

    @Test
    void rejectsDamageInHeaderAddressesAndData() {
        PacketBuffer packet = echo();
        for (int i = packet.start() + 8; i < packet.end(); i++) {
            byte before = packet.bytes().get(i);
            packet.bytes().put(i, (byte) (before ^ 0x80));
            assertThat(icmp.check(ip)).isEqualTo(HeaderCheck.BAD_CHECKSUM);
            packet.bytes().put(i, before);
        }
        packet.setChecksum(PacketBuffer.Checksum.VALID);
        packet.bytes().putShort(icmp.offset() + 2, (short) 0);
        assertThat(icmp.check(ip)).isEqualTo(HeaderCheck.OK);
    }

    @Test
    void anEchoBecomesItsReply() {
        echo();
        icmp.rewriteType(Icmp6View.ECHO_REPLY);
        long high = ip.sourceHigh();
        long low = ip.sourceLow();
        ip.setSource(ip.destinationHigh(), ip.destinationLow());
        ip.setDestination(high, low);

        assertThat(icmp.check(ip)).isEqualTo(HeaderCheck.OK);
        assertThat(icmp.checksum()).isEqualTo(0x3c4d);
    }

    @Test
    void knowsTheErrors() {
        assertThat(Icmp6View.isError(Icmp6View.DESTINATION_UNREACHABLE)).isTrue();
        assertThat(Icmp6View.isError(127)).isTrue();
        assertThat(Icmp6View.isError(Icmp6View.ECHO_REQUEST)).isFalse();
        assertThat(Icmp6View.isError(255)).isFalse();
    }

    @Test
    void roundTripsRandomHeaders() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer packet = echo();
        for (int round = 0; round < 10_000; round++) {
            int type = random.nextInt(256);
            int code = random.nextInt(256);
            int value = random.nextInt();
            ip.setSource(random.nextLong(), random.nextLong());
            icmp.encode(type, code, value).updateChecksum(ip);

            assertThat(icmp.check(ip)).as("seed %d round %d", SEED, round).isEqualTo(HeaderCheck.OK);
            assertThat(icmp.type()).isEqualTo(type);
            assertThat(icmp.code()).isEqualTo(code);
            assertThat(icmp.mtu()).isEqualTo(value & 0xffff_ffffL);
        }
        assertThat(packet.length()).isEqualTo(66);
    }
}
