// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import static io.culvert.wire.Bytes.dirty;
import static io.culvert.wire.Bytes.packet;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.PacketCheck;
import io.culvert.testkit.Packets;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class InternetChecksumTest {
    private static final long SEED = 0x1071;

    /** RFC 1071's own words for it, one at a time. */
    private static int slow(byte[] bytes) {
        int sum = 0;
        for (int i = 0; i < bytes.length; i += 2) {
            sum += (bytes[i] & 0xff) << 8 | (i + 1 < bytes.length ? bytes[i + 1] & 0xff : 0);
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return sum;
    }

    private static PacketBuffer random(SplittableRandom random, int length) {
        PacketBuffer packet = dirty(length);
        for (int i = packet.start(); i < packet.end(); i++) {
            packet.bytes().put(i, (byte) random.nextInt());
        }
        return packet;
    }

    /** The example of RFC 1071 section 3. */
    @Test
    void sumsTheExampleOfTheRfc() {
        PacketBuffer packet = packet("0001 f203 f4f5 f6f7");

        assertThat(InternetChecksum.fold(InternetChecksum.sum(packet, packet.start(), 8)))
                .isEqualTo(0xddf2);
        assertThat(InternetChecksum.compute(packet, packet.start(), 8, 0)).isEqualTo(0x220d);
    }

    @Test
    void sumsEveryLengthFromEveryOffset() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer packet = random(random, 200);
        for (int from = 0; from < 16; from++) {
            for (int length = 0; length <= 100; length++) {
                packet.setWindow(PacketBuffer.HEADROOM + from, length);
                assertThat(InternetChecksum.fold(InternetChecksum.sum(packet, packet.start(), length)))
                        .as("%d bytes from %d", length, from)
                        .isEqualTo(slow(packet.toByteArray()));
            }
        }
    }

    @Test
    void sumsTheLargestPacketOfOnes() {
        PacketBuffer packet = dirty(0xffff);
        for (int i = packet.start(); i < packet.end(); i++) {
            packet.bytes().put(i, (byte) 0xff);
        }
        assertThat(InternetChecksum.fold(InternetChecksum.sum(packet, packet.start(), 0xfffe)))
                .isEqualTo(0xffff);
        assertThat(InternetChecksum.fold(InternetChecksum.sum(packet, packet.start(), 0xffff)))
                .isEqualTo(0xff00);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "0xffff, 0xffff",
        "0x10000, 1",
        "0x1fffe, 0xffff",
        "0xffffffff, 0xffff",
        "0x100000000, 1",
        "-1, 0xffff",
        "-2, 0xfffe",
        "0x7fffffffffffffff, 0x7fff"
    })
    void foldsAnySum(String sum, String folded) {
        assertThat(InternetChecksum.fold(Long.decode(sum))).isEqualTo(Integer.decode(folded));
    }

    /** RFC 1624 section 4: the update of RFC 1141 gives 0xffff here, which is not what a computation gives. */
    @Test
    void updatesTheExampleOfTheRfcToZeroAndNotToItsOtherFace() {
        assertThat(InternetChecksum.update16(0xdd2f, 0x5555, 0x3285)).isZero();
    }

    @Test
    void updatingGivesWhatComputingAgainGives() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer packet = random(random, 64);
        for (int round = 0; round < 100_000; round++) {
            int width = 2 << random.nextInt(3);
            int field = packet.start() + 2 * random.nextInt((64 - width) / 2 + 1);
            long value = corner(random, width);
            int before = InternetChecksum.compute(packet, packet.start(), 64, 0);
            int updated = switch (width) {
                case 2 -> {
                    int old = packet.bytes().getShort(field);
                    packet.bytes().putShort(field, (short) value);
                    yield InternetChecksum.update16(before, old, (int) value);
                }
                case 4 -> {
                    int old = packet.bytes().getInt(field);
                    packet.bytes().putInt(field, (int) value);
                    yield InternetChecksum.update32(before, old, (int) value);
                }
                default -> {
                    long old = packet.bytes().getLong(field);
                    packet.bytes().putLong(field, value);
                    yield InternetChecksum.update64(before, old, value);
                }
            };
            assertThat(updated)
                    .as("seed %d round %d width %d", SEED, round, width)
                    .isEqualTo(InternetChecksum.compute(packet, packet.start(), 64, 0));
        }
    }

    /** Random, or one of the values where carries and the two zeros meet. */
    private static long corner(SplittableRandom random, int width) {
        return switch (random.nextInt(4)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> 1L << random.nextInt(8 * width);
            default -> random.nextLong();
        };
    }

    /** All of the data is in the field that changes, so every value of the checksum comes up, with both zeros. */
    @Test
    void updatesThroughEveryChecksum() {
        for (int value = 1; value <= 0xffff; value++) {
            int before = ~value & 0xffff;
            assertThat(InternetChecksum.update16(before, value, value)).isEqualTo(before);
            assertThat(InternetChecksum.update16(before, value, 0xffff)).isZero();
            assertThat(InternetChecksum.update16(0, 0xffff, value)).isEqualTo(before);
        }
    }

    @Test
    void udpNeverSendsAComputedZero() {
        assertThat(InternetChecksum.udp(0)).isEqualTo(0xffff);
        assertThat(InternetChecksum.udp(1)).isEqualTo(1);
        assertThat(InternetChecksum.udp(0xffff)).isEqualTo(0xffff);
    }

    @Test
    void udpWithoutChecksumStaysWithoutAfterAnUpdate() {
        int updated = InternetChecksum.update16(0, 0x1234, 0x4321);
        assertThat(InternetChecksum.udpUpdated(0, updated)).isZero();
        assertThat(InternetChecksum.udpUpdated(0xdd2f, InternetChecksum.update16(0xdd2f, 0x5555, 0x3285)))
                .isEqualTo(0xffff);
        assertThat(InternetChecksum.udpUpdated(0xffff, 0x1234)).isEqualTo(0x1234);
    }

    /** A received 0xffff stands for a computed zero: an update from it must hold as one from zero does. */
    @Test
    void updatesFromUdpsOtherZero() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int round = 0; round < 10_000; round++) {
            int old = random.nextInt(0x10000);
            int value = random.nextInt(0x10000);
            int fromZero = InternetChecksum.update16(0, old, value);
            int fromOnes = InternetChecksum.update16(0xffff, old, value);
            assertThat(fromOnes % 0xffff).as("seed %d round %d", SEED, round).isEqualTo(fromZero % 0xffff);
        }
    }

    @Test
    void coversThePseudoHeaders() {
        PacketBuffer udp4 = packet(
                "4500002e00004000401126bd0a0000010a000002" + "03e807d0001a97ae000102030405060708090a0b0c0d0e0f1011");
        long sum4 = new Ip4View().wrap(udp4, udp4.start()).pseudoHeader();
        assertThat(InternetChecksum.verify(udp4, udp4.start() + 20, 26, sum4)).isTrue();
        assertThat(InternetChecksum.verify(udp4, udp4.start() + 20, 26, sum4 + 1))
                .isFalse();

        PacketBuffer echo6 = packet("60000000001a3a40fd000000000000000000000000000001fd000000000000000000000000000002"
                + "80003d4d00070001000102030405060708090a0b0c0d0e0f1011");
        long sum6 = new Ip6View().wrap(echo6, echo6.start()).pseudoHeader(IpProtocol.ICMP6, 26);
        assertThat(InternetChecksum.verify(echo6, echo6.start() + 40, 26, sum6)).isTrue();
        assertThat(InternetChecksum.verify(echo6, echo6.start() + 40, 26, sum6 + 1))
                .isFalse();
    }

    @Test
    void agreesWithTheTestkitOnAnyPacket() {
        SplittableRandom random = new SplittableRandom(SEED);
        BufferPool pool = BufferPool.allocate(1);
        Ip4View ip4 = new Ip4View();
        Ip6View ip6 = new Ip6View();
        UdpView udp = new UdpView();
        TcpView tcp = new TcpView();
        for (int round = 0; round < 2_000; round++) {
            byte[] payload = new byte[random.nextInt(1500)];
            random.nextBytes(payload);
            PacketBuffer packet = Packets.ip4()
                    .udp(random.nextInt(0x10000), random.nextInt(0x10000))
                    .payload(payload)
                    .take(pool);
            ip4.wrap(packet, packet.start());
            udp.wrap(packet, ip4.payloadOffset());
            assertThat(udp.checksumHolds(ip4.pseudoHeader(), false)).isTrue();
            udp.setChecksum(0);
            udp.updateChecksum(ip4.pseudoHeader());
            PacketCheck.assertPacket(packet).ip4();
            pool.release(packet);

            packet = Packets.ip6()
                    .tcp(random.nextInt(0x10000), 443)
                    .payload(payload)
                    .take(pool);
            ip6.wrap(packet, packet.start());
            tcp.wrap(packet, ip6.payloadOffset());
            long pseudoHeader = ip6.pseudoHeader(IpProtocol.TCP, ip6.payloadLength());
            assertThat(tcp.checksumHolds(pseudoHeader)).isTrue();
            int right = tcp.checksum();
            tcp.setChecksum(0x1234);
            tcp.updateChecksum(pseudoHeader);
            assertThat(tcp.checksum()).isEqualTo(right);
            pool.release(packet);
        }
    }

    @Test
    void finishesPartialChecksums() {
        BufferPool pool = BufferPool.allocate(1);
        for (int length = 0; length < 50; length++) {
            for (PacketBuilder builder : new PacketBuilder[] {
                Packets.ip4().udp(1, 2),
                Packets.ip4().tcp(1, 2),
                Packets.ip6().udp(1, 2),
                Packets.ip6().tcp(1, 2)
            }) {
                PacketBuffer packet = builder.partialChecksum().payload(length).take(pool);
                assertThat(InternetChecksum.finishPartial(packet)).isTrue();
                assertThat(packet.checksum()).isEqualTo(PacketBuffer.Checksum.VALID);
                if (packet.bytes().get(packet.start()) == 0x45) {
                    PacketCheck.assertPacket(packet).ip4();
                } else {
                    PacketCheck.assertPacket(packet).ip6();
                }
                pool.release(packet);
            }
        }
    }

    @Test
    void refusesAPartialChecksumThatLiesOutsideThePacket() {
        PacketBuffer packet = packet("0001 0203 0405 0607");
        int start = packet.start();
        byte[] before = packet.toByteArray();
        int[][] places = {
            {start - 1, 0}, {start, 7}, {start + 7, 0}, {start + 8, 0}, {start, -1}, {0, 0}, {start, 0xffff}
        };
        for (int[] place : places) {
            packet.setPartialChecksum(place[0], place[1]);
            assertThat(InternetChecksum.finishPartial(packet)).isFalse();
            assertThat(packet.checksum()).isEqualTo(PacketBuffer.Checksum.PARTIAL);
            assertThat(packet.toByteArray()).isEqualTo(before);
        }
        packet.setPartialChecksum(start, 6);
        assertThat(InternetChecksum.finishPartial(packet)).isTrue();
    }

    /** A sum of 0xffff is written as 0xffff, since UDP would read 0x0000 as "none". */
    @Test
    void finishesAZeroAsItsOtherFace() {
        PacketBuffer packet = packet("ffff 0000");
        packet.setPartialChecksum(packet.start(), 2);

        assertThat(InternetChecksum.finishPartial(packet)).isTrue();
        assertThat(Bytes.hex(packet)).isEqualTo("ffffffff");
    }
}
