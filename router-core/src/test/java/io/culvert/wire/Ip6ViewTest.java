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

final class Ip6ViewTest {
    private static final long SEED = 0x8200;
    private static final String HEADER =
            "6b9abcde 0008 3a ff" + "fd00000000000000 8000000000000001 2001 0db8 ffff ffff fedc ba98 7654 3210";
    private static final String PACKET = HEADER + "0102030405060708";

    private final Ip6View ip = new Ip6View();

    @Test
    void decodesLiteralBytes() {
        PacketBuffer packet = packet(PACKET);

        assertThat(ip.wrap(packet, packet.start()).check()).isEqualTo(HeaderCheck.OK);
        assertThat(ip.version()).isEqualTo(6);
        assertThat(ip.trafficClass()).isEqualTo(0xb9);
        assertThat(ip.dscp()).isEqualTo(46);
        assertThat(ip.ecn()).isEqualTo(1);
        assertThat(ip.flowLabel()).isEqualTo(0xabcde);
        assertThat(ip.payloadLength()).isEqualTo(8);
        assertThat(ip.nextHeader()).isEqualTo(IpProtocol.ICMP6);
        assertThat(ip.nextHeaderOffset()).isEqualTo(packet.start() + 6);
        assertThat(ip.hopLimit()).isEqualTo(255);
        assertThat(ip.sourceHigh()).isEqualTo(0xfd00_0000_0000_0000L);
        assertThat(ip.sourceLow()).isEqualTo(0x8000_0000_0000_0001L);
        assertThat(ip.destinationHigh()).isEqualTo(0x2001_0db8_ffff_ffffL);
        assertThat(ip.destinationLow()).isEqualTo(0xfedc_ba98_7654_3210L);
        assertThat(ip.payloadOffset()).isEqualTo(packet.start() + 40);
        assertThat(ip.end()).isEqualTo(packet.end());
    }

    @Test
    void encodesIntoDirtyMemory() {
        PacketBuffer packet = dirty(40);
        ip.wrap(packet, packet.start())
                .encode(
                        0xb9,
                        0xabcde,
                        8,
                        IpProtocol.ICMP6,
                        255,
                        0xfd00_0000_0000_0000L,
                        0x8000_0000_0000_0001L,
                        0x2001_0db8_ffff_ffffL,
                        0xfedc_ba98_7654_3210L);

        assertThat(hex(packet)).isEqualTo(HEADER.replace(" ", ""));
        assertNothingWrittenOutside(packet);
    }

    @Test
    void rejectsEveryTruncation() {
        PacketBuffer packet = packet(PACKET);
        assertTruncationsRejected(packet, () -> ip.wrap(packet, packet.start()).check());
        PacketBuffer header = packet(HEADER);
        assertTruncationsRejected(header, () -> ip.wrap(header, header.start()).checkQuoted());
    }

    @Test
    void namesTheFirstThingWrong() {
        PacketBuffer packet = packet(PACKET);
        ip.wrap(packet, packet.start());

        ip.setPayloadLength(9);
        assertThat(ip.check()).isEqualTo(HeaderCheck.BAD_TOTAL_LENGTH);
        ip.setPayloadLength(0x8000);
        assertThat(ip.check()).isEqualTo(HeaderCheck.BAD_TOTAL_LENGTH);
        assertThat(ip.checkQuoted()).isEqualTo(HeaderCheck.OK);
        ip.setPayloadLength(0);
        assertThat(ip.check()).isEqualTo(HeaderCheck.OK);
        packet.bytes().put(packet.start(), (byte) 0x4b);
        assertThat(ip.check()).isEqualTo(HeaderCheck.BAD_VERSION);
        packet.bytes().put(packet.start(), (byte) 0xeb);
        assertThat(ip.check()).isEqualTo(HeaderCheck.BAD_VERSION);
        assertThat(ip.wrap(packet, PacketBuffer.UNKNOWN).check()).isEqualTo(HeaderCheck.TOO_SHORT);
    }

    @Test
    void roundTripsRandomHeaders() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer packet = dirty(40 + 0xffff);
        ip.wrap(packet, packet.start());
        for (int round = 0; round < 10_000; round++) {
            int trafficClass = random.nextInt(256);
            int flowLabel = random.nextInt(1 << 20);
            int payloadLength = random.nextInt(0x10000);
            int nextHeader = random.nextInt(256);
            int hopLimit = random.nextInt(1, 256);
            long[] addresses = {random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong()};
            ip.encode(
                    round % 2 == 0 ? trafficClass : ~trafficClass,
                    flowLabel,
                    payloadLength,
                    nextHeader,
                    hopLimit,
                    addresses[0],
                    addresses[1],
                    addresses[2],
                    addresses[3]);
            ip.setTrafficClass(trafficClass);
            ip.decrementHopLimit();

            assertThat(ip.check()).as("seed %d round %d", SEED, round).isEqualTo(HeaderCheck.OK);
            assertThat(ip.trafficClass()).isEqualTo(trafficClass);
            assertThat(ip.flowLabel()).isEqualTo(flowLabel);
            assertThat(ip.payloadLength()).isEqualTo(payloadLength);
            assertThat(ip.nextHeader()).isEqualTo(nextHeader);
            assertThat(ip.hopLimit()).isEqualTo(hopLimit - 1);
            assertThat(new long[] {ip.sourceHigh(), ip.sourceLow(), ip.destinationHigh(), ip.destinationLow()})
                    .isEqualTo(addresses);
        }
    }

    @Test
    void settersWriteTheirFieldAlone() {
        PacketBuffer packet = packet("60000000 0000 00 00" + "00".repeat(32));
        ip.wrap(packet, packet.start());
        ip.setNextHeader(0xff);
        ip.setHopLimit(0x80);
        ip.setSource(0x8000_0000_0000_0000L, -1);
        ip.setDestination(1, 2);

        assertThat(hex(packet))
                .isEqualTo("600000000000ff80" + "8000000000000000ffffffffffffffff" + "0000000000000001"
                        + "0000000000000002");
    }
}
