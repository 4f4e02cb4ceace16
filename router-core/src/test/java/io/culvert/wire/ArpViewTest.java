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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ArpViewTest {
    private static final long SEED = 0x826;
    private static final String REPLY = "0001 0800 06 04 0002 02ff00000080 c0a80001 fe8000000002 c0a800c7";

    private final ArpView arp = new ArpView();

    @Test
    void decodesLiteralBytes() {
        PacketBuffer packet = packet(REPLY);

        assertThat(arp.wrap(packet, packet.start()).check()).isEqualTo(HeaderCheck.OK);
        assertThat(arp.operation()).isEqualTo(ArpView.REPLY);
        assertThat(arp.senderMac()).isEqualTo(0x02ff_0000_0080L);
        assertThat(arp.senderIp()).isEqualTo(0xc0a8_0001);
        assertThat(arp.targetMac()).isEqualTo(0xfe80_0000_0002L);
        assertThat(arp.targetIp()).isEqualTo(0xc0a8_00c7);
    }

    @Test
    void encodesIntoDirtyMemory() {
        PacketBuffer packet = dirty(28);
        arp.wrap(packet, packet.start())
                .encode(ArpView.REPLY, 0x02ff_0000_0080L, 0xc0a8_0001, 0xfe80_0000_0002L, 0xc0a8_00c7);

        assertThat(hex(packet)).isEqualTo(REPLY.replace(" ", ""));
        assertNothingWrittenOutside(packet);
    }

    @Test
    void rejectsEveryTruncation() {
        PacketBuffer packet = packet(REPLY);
        assertTruncationsRejected(packet, () -> arp.wrap(packet, packet.start()).check());
    }

    @ParameterizedTest
    @CsvSource({"1, 6", "0, 1", "2, 0x86", "3, 0xdd", "4, 8", "4, 0x86", "5, 16", "5, 0"})
    void rejectsWhatIsNotIp4OverEthernet(int index, String value) {
        PacketBuffer packet = packet(REPLY);
        packet.bytes().put(packet.start() + index, Integer.decode(value).byteValue());

        assertThat(arp.wrap(packet, packet.start()).check()).isEqualTo(HeaderCheck.BAD_TYPE);
    }

    @Test
    void roundTripsRandomPackets() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer packet = dirty(28);
        arp.wrap(packet, packet.start());
        for (int round = 0; round < 10_000; round++) {
            int operation = random.nextInt(0x10000);
            long senderMac = random.nextLong(1L << 48);
            int senderIp = random.nextInt();
            long targetMac = random.nextLong(1L << 48);
            int targetIp = random.nextInt();
            arp.encode(operation, senderMac, senderIp, targetMac, targetIp);

            assertThat(arp.check()).as("seed %d round %d", SEED, round).isEqualTo(HeaderCheck.OK);
            assertThat(arp.operation()).isEqualTo(operation);
            assertThat(arp.senderMac()).isEqualTo(senderMac);
            assertThat(arp.senderIp()).isEqualTo(senderIp);
            assertThat(arp.targetMac()).isEqualTo(targetMac);
            assertThat(arp.targetIp()).isEqualTo(targetIp);
        }
    }
}
