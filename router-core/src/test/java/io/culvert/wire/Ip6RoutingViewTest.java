// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import static io.culvert.wire.Bytes.assertTruncationsRejected;
import static io.culvert.wire.Bytes.packet;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import org.junit.jupiter.api.Test;

final class Ip6RoutingViewTest {
    /** Type 0 with one address, fd00::3, to go, made by another program. */
    private static final String HEADER = "11 02 00 01 00000000 fd000000000000000000000000000003";

    private final Ip6RoutingView routing = new Ip6RoutingView();

    @Test
    void decodesLiteralBytes() {
        PacketBuffer packet = packet(HEADER);

        assertThat(routing.wrap(packet, packet.start()).check()).isEqualTo(HeaderCheck.OK);
        assertThat(routing.nextHeader()).isEqualTo(IpProtocol.UDP);
        assertThat(routing.headerBytes()).isEqualTo(24);
        assertThat(routing.type()).isEqualTo(Ip6RoutingView.SOURCE_ROUTE);
        assertThat(routing.typeOffset()).isEqualTo(packet.start() + 2);
        assertThat(routing.segmentsLeft()).isEqualTo(1);
    }

    @Test
    void everyOctetReadsUnsigned() {
        PacketBuffer packet = packet("ff ff fe fd");
        routing.wrap(packet, packet.start());

        assertThat(routing.nextHeader()).isEqualTo(255);
        assertThat(routing.headerBytes()).isEqualTo(2048);
        assertThat(routing.type()).isEqualTo(0xfe);
        assertThat(routing.segmentsLeft()).isEqualTo(0xfd);
    }

    @Test
    void rejectsEveryTruncation() {
        PacketBuffer packet = packet(HEADER);
        assertTruncationsRejected(
                packet, () -> routing.wrap(packet, packet.start()).check());
    }
}
