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

final class EthernetViewTest {
    private static final long SEED = 0x894;
    private static final String HEADER = "ff ee dd cc bb aa 80 81 82 83 84 85 86 dd";

    private final EthernetView ethernet = new EthernetView();

    @Test
    void decodesLiteralBytes() {
        PacketBuffer frame = packet(HEADER);

        assertThat(ethernet.wrap(frame, frame.start()).check()).isEqualTo(HeaderCheck.OK);
        assertThat(ethernet.destination()).isEqualTo(0xffee_ddcc_bbaaL);
        assertThat(ethernet.source()).isEqualTo(0x8081_8283_8485L);
        assertThat(ethernet.etherType()).isEqualTo(EtherType.IP6);
        assertThat(ethernet.tagOffset()).isEqualTo(frame.start() + 12);
        assertThat(ethernet.payloadOffset()).isEqualTo(frame.start() + 14);
    }

    @Test
    void encodesIntoDirtyMemory() {
        PacketBuffer frame = dirty(14);
        ethernet.wrap(frame, frame.start()).encode(0xffee_ddcc_bbaaL, 0x8081_8283_8485L, EtherType.IP6);

        assertThat(hex(frame)).isEqualTo(HEADER.replace(" ", ""));
        assertNothingWrittenOutside(frame);
    }

    @Test
    void rejectsEveryTruncation() {
        PacketBuffer frame = packet(HEADER);
        assertTruncationsRejected(
                frame, () -> ethernet.wrap(frame, frame.start()).check());
    }

    @Test
    void roundTripsRandomHeaders() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer frame = dirty(14);
        ethernet.wrap(frame, frame.start());
        for (int round = 0; round < 10_000; round++) {
            long destination = random.nextLong(1L << 48);
            long source = random.nextLong(1L << 48);
            int etherType = random.nextInt(0x10000);
            if (round % 2 == 0) {
                ethernet.encode(destination, source, etherType);
            } else {
                ethernet.setDestination(destination);
                ethernet.setSource(source);
                ethernet.setEtherType(etherType);
            }
            assertThat(ethernet.destination())
                    .as("seed %d round %d", SEED, round)
                    .isEqualTo(destination);
            assertThat(ethernet.source()).isEqualTo(source);
            assertThat(ethernet.etherType()).isEqualTo(etherType);
        }
    }
}
