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

final class TcpViewTest {
    private static final long SEED = 0x9293;

    /** From 10.0.0.1 to 10.0.0.2, with an MSS option and 5 bytes of data, made by another program. */
    private static final String SEGMENT = "9c40 0050 deadbeef 80000001 6012 8000 060d 0000 020405b4 68656c6c6f";

    private static final long PSEUDO_HEADER =
            InternetChecksum.pseudoHeader4(0x0a00_0001, 0x0a00_0002, IpProtocol.TCP, 29);

    private final TcpView tcp = new TcpView();

    @Test
    void decodesLiteralBytes() {
        PacketBuffer packet = packet(SEGMENT);

        assertThat(tcp.wrap(packet, packet.start()).check()).isEqualTo(HeaderCheck.OK);
        assertThat(tcp.sourcePort()).isEqualTo(40000);
        assertThat(tcp.destinationPort()).isEqualTo(80);
        assertThat(tcp.sequence()).isEqualTo(0xdead_beefL);
        assertThat(tcp.acknowledgment()).isEqualTo(0x8000_0001L);
        assertThat(tcp.headerBytes()).isEqualTo(24);
        assertThat(tcp.optionsLength()).isEqualTo(4);
        assertThat(tcp.flags()).isEqualTo(TcpView.SYN | TcpView.ACK);
        assertThat(tcp.hasFlag(TcpView.SYN)).isTrue();
        assertThat(tcp.hasFlag(TcpView.RST | TcpView.FIN)).isFalse();
        assertThat(tcp.window()).isEqualTo(0x8000);
        assertThat(tcp.checksum()).isEqualTo(0x060d);
        assertThat(tcp.urgentPointer()).isZero();
        assertThat(tcp.payloadOffset()).isEqualTo(packet.start() + 24);
        assertThat(tcp.checksumHolds(PSEUDO_HEADER)).isTrue();
        assertThat(tcp.checksumHolds(PSEUDO_HEADER + 1)).isFalse();
    }

    @Test
    void everyFieldReadsUnsigned() {
        PacketBuffer packet = packet("ffff fffe ffffffff fffffffe f0ff ffff fffd fffc" + "00".repeat(40));
        tcp.wrap(packet, packet.start());

        assertThat(tcp.sourcePort()).isEqualTo(0xffff);
        assertThat(tcp.destinationPort()).isEqualTo(0xfffe);
        assertThat(tcp.sequence()).isEqualTo(0xffff_ffffL);
        assertThat(tcp.acknowledgment()).isEqualTo(0xffff_fffeL);
        assertThat(tcp.headerBytes()).isEqualTo(60);
        assertThat(tcp.flags()).isEqualTo(0xff);
        assertThat(tcp.window()).isEqualTo(0xffff);
        assertThat(tcp.checksum()).isEqualTo(0xfffd);
        assertThat(tcp.urgentPointer()).isEqualTo(0xfffc);
    }

    @Test
    void encodesIntoDirtyMemory() {
        PacketBuffer packet = dirty(20);
        tcp.wrap(packet, packet.start())
                .encode(40000, 80, 0xdead_beefL, 0x8000_0001L, 20, TcpView.RST | TcpView.ACK, 0x8000);

        assertThat(hex(packet)).isEqualTo("9c400050deadbeef800000015014800000000000");
        assertNothingWrittenOutside(packet);
    }

    @Test
    void rejectsTruncatedHeaders() {
        PacketBuffer packet = packet(SEGMENT.substring(0, SEGMENT.length() - 11));
        assertTruncationsRejected(packet, () -> tcp.wrap(packet, packet.start()).check());
    }

    @Test
    void rejectsImpossibleHeaderLengths() {
        PacketBuffer packet = packet(SEGMENT);
        tcp.wrap(packet, packet.start());
        for (int words : new int[] {0, 4, 8, 15}) {
            packet.bytes().put(packet.start() + 12, (byte) (words << 4));
            assertThat(tcp.check()).isEqualTo(HeaderCheck.BAD_HEADER_LENGTH);
        }
    }

    @Test
    void computesTheChecksumToThePacketsEnd() {
        PacketBuffer packet = packet(SEGMENT);
        tcp.wrap(packet, packet.start());
        tcp.setChecksum(0xa5a5);
        tcp.updateChecksum(PSEUDO_HEADER);

        assertThat(tcp.checksum()).isEqualTo(0x060d);
    }

    @Test
    void roundTripsRandomHeaders() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer packet = dirty(1460);
        tcp.wrap(packet, packet.start());
        for (int round = 0; round < 5_000; round++) {
            int sourcePort = random.nextInt(0x10000);
            int destinationPort = random.nextInt(0x10000);
            long sequence = random.nextLong(1L << 32);
            long acknowledgment = random.nextLong(1L << 32);
            int headerBytes = 4 * random.nextInt(5, 16);
            int flags = random.nextInt(256);
            int window = random.nextInt(0x10000);
            tcp.encode(~sourcePort, ~destinationPort, ~sequence, acknowledgment, headerBytes, ~flags, window);
            tcp.setSourcePort(sourcePort);
            tcp.setDestinationPort(destinationPort);
            tcp.setSequence(sequence);
            tcp.setFlags(flags);

            assertThat(tcp.check()).as("seed %d round %d", SEED, round).isEqualTo(HeaderCheck.OK);
            assertThat(tcp.sourcePort()).isEqualTo(sourcePort);
            assertThat(tcp.destinationPort()).isEqualTo(destinationPort);
            assertThat(tcp.sequence()).isEqualTo(sequence);
            assertThat(tcp.acknowledgment()).isEqualTo(acknowledgment);
            assertThat(tcp.headerBytes()).isEqualTo(headerBytes);
            assertThat(tcp.flags()).isEqualTo(flags);
            assertThat(tcp.window()).isEqualTo(window);
        }
    }
}
