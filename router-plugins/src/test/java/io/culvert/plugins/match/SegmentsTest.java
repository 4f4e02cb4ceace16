// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.match;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketBuffer.Gso;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import org.junit.jupiter.api.Test;

final class SegmentsTest {
    private final BufferPool pool = BufferPool.allocate(1);
    private final IpFields fields = new IpFields();

    private void check(PacketBuilder packet, Gso gso, int size, int count, int bytes, int largest) {
        PacketBuffer buffer = packet.take(pool);
        buffer.setGso(gso, size, false);
        assertThat(fields.read(buffer, buffer.start())).isTrue();
        assertThat(Segments.count(buffer, fields)).isEqualTo(count);
        assertThat(Segments.bytes(buffer, buffer.start(), fields)).isEqualTo(bytes);
        assertThat(Segments.largest(buffer, buffer.start(), fields)).isEqualTo(largest);
        pool.release(buffer);
    }

    @Test
    void aPacketIsItself() {
        check(Packets.ip4().udp(1, 2).payload(100), Gso.NONE, 0, 1, 128, 128);
        check(Packets.ip6().echoRequest(1, 1).payload(100), Gso.NONE, 0, 1, 148, 148);
    }

    @Test
    void aSuperpacketIsItsSegmentsWithHeadersEach() {
        check(Packets.ip4().tcp(1, 2).tcpOptions(1, 1, 1, 1).payload(2500), Gso.TCP4, 1000, 3, 2500 + 3 * 44, 1044);
        check(Packets.ip6().tcp(1, 2).partialChecksum().payload(3000), Gso.TCP6, 1000, 3, 3000 + 3 * 60, 1060);
        check(Packets.ip4().udp(1, 2).payload(5000), Gso.UDP, 1000, 5, 5000 + 5 * 28, 1028);
        check(Packets.ip6().hopByHop().udp(1, 2).payload(10), Gso.UDP, 1000, 1, 66, 66);
    }

    @Test
    void nonsenseIsCountedAsWhatItIs() {
        check(Packets.ip4().tcp(1, 2), Gso.TCP4, 1000, 1, 40, 40);
        check(Packets.ip4().protocol(6, 1, 2, 3, 4), Gso.TCP4, 1000, 1, 24, 24);
        check(Packets.ip4().udp(1, 2).payload(50), Gso.UDP, 0, 1, 78, 78);
    }
}
