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

final class UdpViewTest {
    private static final long SEED = 0x768;

    /** From 10.0.0.1 to 10.0.0.2, made by another program. */
    private static final String DATAGRAM = "03e8 07d0 001a 97ae 000102030405060708090a0b0c0d0e0f1011";

    private static final long PSEUDO_HEADER =
            InternetChecksum.pseudoHeader4(0x0a00_0001, 0x0a00_0002, IpProtocol.UDP, 26);

    private final UdpView udp = new UdpView();

    @Test
    void decodesLiteralBytes() {
        PacketBuffer packet = packet(DATAGRAM);

        assertThat(udp.wrap(packet, packet.start()).check()).isEqualTo(HeaderCheck.OK);
        assertThat(udp.sourcePort()).isEqualTo(1000);
        assertThat(udp.destinationPort()).isEqualTo(2000);
        assertThat(udp.length()).isEqualTo(26);
        assertThat(udp.payloadLength()).isEqualTo(18);
        assertThat(udp.payloadOffset()).isEqualTo(packet.start() + 8);
        assertThat(udp.checksum()).isEqualTo(0x97ae);
        assertThat(udp.checksumHolds(PSEUDO_HEADER, false)).isTrue();
        assertThat(udp.checksumHolds(PSEUDO_HEADER + 1, false)).isFalse();
    }

    @Test
    void everyFieldReadsUnsigned() {
        PacketBuffer packet = packet("fffe 8001 8080 ff7f");
        udp.wrap(packet, packet.start());

        assertThat(udp.sourcePort()).isEqualTo(0xfffe);
        assertThat(udp.destinationPort()).isEqualTo(0x8001);
        assertThat(udp.length()).isEqualTo(0x8080);
        assertThat(udp.checksum()).isEqualTo(0xff7f);
    }

    @Test
    void encodesIntoDirtyMemory() {
        PacketBuffer packet = dirty(8);
        udp.wrap(packet, packet.start()).encode(0xfffe, 53, 8);

        assertThat(hex(packet)).isEqualTo("fffe003500080000");
        assertNothingWrittenOutside(packet);
    }

    @Test
    void rejectsEveryTruncation() {
        PacketBuffer packet = packet(DATAGRAM);
        assertTruncationsRejected(packet, () -> udp.wrap(packet, packet.start()).check());
    }

    @Test
    void rejectsImpossibleLengths() {
        PacketBuffer packet = packet(DATAGRAM);
        udp.wrap(packet, packet.start());
        for (int length : new int[] {0, 7, 27, 0x801a, 0xffff}) {
            udp.setLength(length);
            assertThat(udp.check()).isEqualTo(HeaderCheck.BAD_TOTAL_LENGTH);
        }
        udp.setLength(8);
        assertThat(udp.check()).isEqualTo(HeaderCheck.OK);
        assertThat(udp.payloadLength()).isZero();
    }

    @Test
    void noChecksumHoldsForIp4AndNotForIp6() {
        PacketBuffer packet = packet("03e8 07d0 0008 0000");
        udp.wrap(packet, packet.start());

        assertThat(udp.checksumHolds(PSEUDO_HEADER, false)).isTrue();
        assertThat(udp.checksumHolds(PSEUDO_HEADER, true)).isFalse();
    }

    @Test
    void writesAComputedZeroAsItsOtherFace() {
        PacketBuffer packet = packet("0000 0000 0008 a5a5");
        udp.wrap(packet, packet.start()).updateChecksum(0xffff - 8);

        assertThat(udp.checksum()).isEqualTo(0xffff);
        assertThat(udp.checksumHolds(0xffff - 8, true)).isTrue();
    }

    @Test
    void roundTripsRandomHeaders() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer packet = dirty(0xffff);
        udp.wrap(packet, packet.start());
        for (int round = 0; round < 5_000; round++) {
            int sourcePort = random.nextInt(0x10000);
            int destinationPort = random.nextInt(0x10000);
            int length = random.nextInt(8, 1500);
            long pseudoHeader = random.nextLong(1L << 40);
            udp.encode(~sourcePort, ~destinationPort, length);
            udp.setSourcePort(sourcePort);
            udp.setDestinationPort(destinationPort);
            udp.updateChecksum(pseudoHeader);

            assertThat(udp.check()).as("seed %d round %d", SEED, round).isEqualTo(HeaderCheck.OK);
            assertThat(udp.sourcePort()).isEqualTo(sourcePort);
            assertThat(udp.destinationPort()).isEqualTo(destinationPort);
            assertThat(udp.length()).isEqualTo(length);
            assertThat(udp.checksumHolds(pseudoHeader, true)).isTrue();
        }
    }
}
