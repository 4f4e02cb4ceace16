// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import static io.culvert.wire.Bytes.assertNothingWrittenOutside;
import static io.culvert.wire.Bytes.assertTruncationsRejected;
import static io.culvert.wire.Bytes.dirty;
import static io.culvert.wire.Bytes.hex;
import static io.culvert.wire.Bytes.packet;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import org.junit.jupiter.api.Test;

final class Ip6FragmentViewTest {
    private static final String HEADER = "3a ff ffff 89abcdef";

    private final Ip6FragmentView fragment = new Ip6FragmentView();

    @Test
    void decodesLiteralBytes() {
        PacketBuffer packet = packet(HEADER);

        assertThat(fragment.wrap(packet, packet.start()).check()).isEqualTo(HeaderCheck.OK);
        assertThat(fragment.nextHeader()).isEqualTo(IpProtocol.ICMP6);
        assertThat(fragment.fragmentOffset()).isEqualTo(65528);
        assertThat(fragment.moreFragments()).isTrue();
        assertThat(fragment.isAtomic()).isFalse();
        assertThat(fragment.identification()).isEqualTo(0x89ab_cdefL);
        assertThat(fragment.payloadOffset()).isEqualTo(packet.end());
    }

    @Test
    void encodesIntoDirtyMemory() {
        PacketBuffer packet = dirty(8);
        fragment.wrap(packet, packet.start()).encode(IpProtocol.UDP, 1448, true, 0x89ab_cdefL);

        assertThat(hex(packet)).isEqualTo("110005a989abcdef");
        assertNothingWrittenOutside(packet);
    }

    @Test
    void rejectsEveryTruncation() {
        PacketBuffer packet = packet(HEADER);
        assertTruncationsRejected(
                packet, () -> fragment.wrap(packet, packet.start()).check());
    }

    @Test
    void roundTripsEveryOffset() {
        PacketBuffer packet = dirty(8);
        fragment.wrap(packet, packet.start());
        for (int offset = 0; offset <= 0xfff8; offset += 8) {
            for (boolean more : new boolean[] {false, true}) {
                fragment.encode(IpProtocol.UDP, offset, more, offset);
                assertThat(fragment.fragmentOffset()).isEqualTo(offset);
                assertThat(fragment.moreFragments()).isEqualTo(more);
                assertThat(fragment.isAtomic()).isEqualTo(offset == 0 && !more);
            }
        }
    }

    @Test
    void reservedBitsMakeNoFragment() {
        PacketBuffer packet = packet("11 ff 0006 00000001");
        assertThat(fragment.wrap(packet, packet.start()).isAtomic()).isTrue();
    }
}
