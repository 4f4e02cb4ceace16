// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import static io.culvert.wire.Bytes.assertNothingWrittenOutside;
import static io.culvert.wire.Bytes.assertTruncationsRejected;
import static io.culvert.wire.Bytes.dirty;
import static io.culvert.wire.Bytes.hex;
import static io.culvert.wire.Bytes.packet;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.Ip4Address;
import io.culvert.packet.PacketBuffer;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip4ViewTest {
    private static final long SEED = 0x791;

    /** A UDP datagram of 7 payload bytes; the header is the one whose checksum textbooks work out: 0xb861. */
    private static final String UDP = "45000073 00004000 4011b861 c0a80001 c0a800c7";

    private final Ip4View ip = new Ip4View();

    private static int address(String text) {
        return Ip4Address.parse(text).value();
    }

    private static PacketBuffer datagram(String header) {
        PacketBuffer packet = packet(header);
        int total = packet.bytes().getShort(packet.start() + 2) & 0xffff;
        packet.setEnd(packet.start() + total);
        return packet;
    }

    @Test
    void decodesLiteralBytes() {
        PacketBuffer packet = datagram(UDP);

        assertThat(ip.wrap(packet, packet.start()).check()).isEqualTo(HeaderCheck.OK);
        assertThat(ip.version()).isEqualTo(4);
        assertThat(ip.headerBytes()).isEqualTo(20);
        assertThat(ip.optionsLength()).isZero();
        assertThat(ip.trafficClass()).isZero();
        assertThat(ip.totalLength()).isEqualTo(115);
        assertThat(ip.identification()).isZero();
        assertThat(ip.dontFragment()).isTrue();
        assertThat(ip.moreFragments()).isFalse();
        assertThat(ip.isFragment()).isFalse();
        assertThat(ip.ttl()).isEqualTo(64);
        assertThat(ip.protocol()).isEqualTo(IpProtocol.UDP);
        assertThat(ip.checksum()).isEqualTo(0xb861);
        assertThat(ip.source()).isEqualTo(address("192.168.0.1"));
        assertThat(ip.destination()).isEqualTo(address("192.168.0.199"));
        assertThat(ip.payloadOffset()).isEqualTo(packet.start() + 20);
        assertThat(ip.payloadLength()).isEqualTo(95);
        assertThat(ip.end()).isEqualTo(packet.end());
    }

    @Test
    void everyOctetReadsUnsigned() {
        PacketBuffer packet = packet("4fff ffff fffe ffff ffff ffff ffff ffff ffff ffff" + "00".repeat(40));
        ip.wrap(packet, packet.start());

        assertThat(ip.headerBytes()).isEqualTo(60);
        assertThat(ip.optionsLength()).isEqualTo(40);
        assertThat(ip.trafficClass()).isEqualTo(0xff);
        assertThat(ip.dscp()).isEqualTo(63);
        assertThat(ip.ecn()).isEqualTo(3);
        assertThat(ip.totalLength()).isEqualTo(0xffff);
        assertThat(ip.identification()).isEqualTo(0xfffe);
        assertThat(ip.fragmentOffset()).isEqualTo(65528);
        assertThat(ip.moreFragments()).isTrue();
        assertThat(ip.ttl()).isEqualTo(255);
        assertThat(ip.protocol()).isEqualTo(255);
        assertThat(ip.checksum()).isEqualTo(0xffff);
    }

    /** Field values whose octets are 0x80 and above in each position. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x180, 0x0fff, 0x1000, 0x1080, 0x1fff})
    void fragmentOffsetIsInBytes(int units) {
        PacketBuffer packet = datagram(UDP);
        packet.bytes().putShort(packet.start() + 6, (short) (0x2000 | units));
        ip.wrap(packet, packet.start());

        assertThat(ip.fragmentOffset()).isEqualTo(units * 8);
        assertThat(ip.isLaterFragment()).isEqualTo(units != 0);
        assertThat(ip.isFragment()).isTrue();
        ip.setFragment(true, false, units * 8);
        assertThat(packet.bytes().getShort(packet.start() + 6) & 0xffff).isEqualTo(0x4000 | units);
    }

    @Test
    void encodesIntoDirtyMemory() {
        PacketBuffer packet = dirty(20);
        ip.wrap(packet, packet.start())
                .encode(0, 115, 0, true, 64, IpProtocol.UDP, address("192.168.0.1"), address("192.168.0.199"));

        assertThat(hex(packet)).isEqualTo(UDP.replace(" ", ""));
        assertNothingWrittenOutside(packet);
    }

    @Test
    void rejectsEveryTruncation() {
        PacketBuffer packet = datagram(UDP);
        assertTruncationsRejected(packet, () -> ip.wrap(packet, packet.start()).check());

        PacketBuffer options = packet("46000018 00000000 4001 0000 0a000001 0a000002 94040000");
        ip.wrap(options, options.start()).updateChecksum();
        assertTruncationsRejected(
                options, () -> ip.wrap(options, options.start()).check());
        assertTruncationsRejected(
                options, () -> ip.wrap(options, options.start()).checkQuoted());
    }

    @Test
    void rejectsAPlaceOutsideThePacket() {
        PacketBuffer packet = datagram(UDP);
        assertThat(ip.wrap(packet, PacketBuffer.UNKNOWN).check()).isEqualTo(HeaderCheck.TOO_SHORT);
        assertThat(ip.wrap(packet, packet.start() - 1).check()).isEqualTo(HeaderCheck.TOO_SHORT);
        assertThat(ip.wrap(packet, packet.end()).check()).isEqualTo(HeaderCheck.TOO_SHORT);
        assertThat(ip.wrap(packet, Integer.MAX_VALUE).check()).isEqualTo(HeaderCheck.TOO_SHORT);
    }

    @Test
    void namesTheFirstThingWrong() {
        PacketBuffer packet = datagram(UDP);
        assertThat(checkWith(packet, 0, 0x55)).isEqualTo(HeaderCheck.BAD_VERSION);
        assertThat(checkWith(packet, 0, 0x65)).isEqualTo(HeaderCheck.BAD_VERSION);
        assertThat(checkWith(packet, 0, 0x44)).isEqualTo(HeaderCheck.BAD_HEADER_LENGTH);
        assertThat(checkWith(packet, 0, 0x40)).isEqualTo(HeaderCheck.BAD_HEADER_LENGTH);
        assertThat(checkWith(packet, 3, 0x74)).isEqualTo(HeaderCheck.BAD_TOTAL_LENGTH);
        assertThat(checkWith(packet, 3, 0x13)).isEqualTo(HeaderCheck.BAD_TOTAL_LENGTH);
        assertThat(checkWith(packet, 2, 0x80)).isEqualTo(HeaderCheck.BAD_TOTAL_LENGTH);
        assertThat(checkWith(packet, 10, 0xb9)).isEqualTo(HeaderCheck.BAD_CHECKSUM);
        assertThat(checkWith(packet, 19, 0xc6)).isEqualTo(HeaderCheck.BAD_CHECKSUM);
    }

    private HeaderCheck checkWith(PacketBuffer packet, int index, int value) {
        byte before = packet.bytes().get(packet.start() + index);
        packet.bytes().put(packet.start() + index, (byte) value);
        HeaderCheck check = ip.wrap(packet, packet.start()).check();
        packet.bytes().put(packet.start() + index, before);
        return check;
    }

    @Test
    void acceptsPaddingBehindTheTotalLength() {
        PacketBuffer packet = packet("45000014 00000000 4001 0000 0a000001 0a000002" + "00".repeat(26));
        ip.wrap(packet, packet.start()).updateChecksum();

        assertThat(ip.check()).isEqualTo(HeaderCheck.OK);
        assertThat(packet.end() - ip.end()).isEqualTo(26);
    }

    @Test
    void quotedHeaderNeedsNeitherPayloadNorChecksum() {
        PacketBuffer packet = packet("45000073 00004000 3f11b861 c0a80001 c0a800c7 0035 8000 005f 1234");
        ip.wrap(packet, packet.start());

        assertThat(ip.check()).isEqualTo(HeaderCheck.BAD_TOTAL_LENGTH);
        assertThat(ip.checkQuoted()).isEqualTo(HeaderCheck.OK);
        assertThat(ip.payloadLength()).isEqualTo(95);
        ip.setTotalLength(19);
        assertThat(ip.checkQuoted()).isEqualTo(HeaderCheck.BAD_TOTAL_LENGTH);
    }

    @Test
    void settersWriteTheirFieldAlone() {
        PacketBuffer packet = packet("00".repeat(20));
        ip.wrap(packet, packet.start());
        ip.setHeaderBytes(60);
        ip.setTotalLength(0x8001);
        ip.setIdentification(0x8002);
        ip.setFragment(true, true, 0xfff8);
        ip.setTtl(0x80);
        ip.setProtocol(0xff);

        assertThat(hex(packet)).isEqualTo("4f00800180027fff80ff0000" + "0000000000000000");
    }

    @Test
    void roundTripsRandomHeaders() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer packet = dirty(Ip4View.MAX_TOTAL_LENGTH);
        for (int round = 0; round < 10_000; round++) {
            int trafficClass = random.nextInt(256);
            int totalLength = random.nextInt(20, 0x10000);
            int identification = random.nextInt(0x10000);
            int ttl = random.nextInt(256);
            int protocol = random.nextInt(256);
            int source = random.nextInt();
            int destination = random.nextInt();
            boolean dontFragment = random.nextBoolean();
            boolean moreFragments = random.nextBoolean();
            int fragmentOffset = random.nextInt(0x2000) * 8;
            ip.wrap(packet, packet.start())
                    .encode(
                            trafficClass,
                            totalLength,
                            identification,
                            dontFragment,
                            ttl,
                            protocol,
                            source,
                            destination);
            assertThat(ip.isFragment()).isFalse();
            ip.setFragment(dontFragment, moreFragments, fragmentOffset);
            ip.updateChecksum();

            assertThat(ip.check()).as("seed %d round %d", SEED, round).isEqualTo(HeaderCheck.OK);
            assertThat(ip.trafficClass()).isEqualTo(trafficClass);
            assertThat(ip.dscp() << 2 | ip.ecn()).isEqualTo(trafficClass);
            assertThat(ip.totalLength()).isEqualTo(totalLength);
            assertThat(ip.identification()).isEqualTo(identification);
            assertThat(ip.dontFragment()).isEqualTo(dontFragment);
            assertThat(ip.moreFragments()).isEqualTo(moreFragments);
            assertThat(ip.fragmentOffset()).isEqualTo(fragmentOffset);
            assertThat(ip.ttl()).isEqualTo(ttl);
            assertThat(ip.protocol()).isEqualTo(protocol);
            assertThat(ip.source()).isEqualTo(source);
            assertThat(ip.destination()).isEqualTo(destination);
        }
    }

    @Test
    void decrementingTheTtlGivesTheChecksumThatSummingAgainGives() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer packet = dirty(20);
        ip.wrap(packet, packet.start());
        for (int round = 0; round < 100_000; round++) {
            ip.encode(0, 20, random.nextInt(), false, random.nextInt(1, 256), random.nextInt(256), random.nextInt(), 1);
            int ttl = ip.ttl();
            ip.decrementTtl();
            int incremental = ip.checksum();
            ip.updateChecksum();

            assertThat(ip.ttl()).isEqualTo(ttl - 1);
            assertThat(incremental).as("seed %d round %d", SEED, round).isEqualTo(ip.checksum());
        }
    }

    @Test
    void rewritesRepairTheChecksum() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer packet = dirty(20);
        ip.wrap(packet, packet.start());
        for (int round = 0; round < 100_000; round++) {
            ip.encode(0, 20, random.nextInt(), true, 64, IpProtocol.UDP, random.nextInt(), random.nextInt());
            int source = random.nextInt();
            int destination = random.nextInt();
            int trafficClass = random.nextInt(256);
            ip.rewriteSource(source);
            ip.rewriteDestination(destination);
            ip.rewriteTrafficClass(trafficClass);

            assertThat(ip.check()).as("seed %d round %d", SEED, round).isEqualTo(HeaderCheck.OK);
            assertThat(ip.source()).isEqualTo(source);
            assertThat(ip.destination()).isEqualTo(destination);
            assertThat(ip.trafficClass()).isEqualTo(trafficClass);
        }
    }
}
