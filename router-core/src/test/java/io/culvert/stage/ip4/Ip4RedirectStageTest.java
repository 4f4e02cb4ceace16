// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.Ip4Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.stage.ip4.Ip4RedirectStage.Count;
import io.culvert.stage.ip4.Ip4RedirectStage.Out;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** RFC 1812 section 5.2.7.2. */
final class Ip4RedirectStageTest {
    private StageHarness harness = around(StageHarness.of(Ip4RedirectStage.DESCRIPTOR));

    private static StageHarness around(StageHarness harness) {
        return harness.interfaces(
                InterfaceBuilder.ethernet(0)
                        .redirects()
                        .address("192.168.1.1/24")
                        .address("10.7.0.1/16")
                        .build(),
                InterfaceBuilder.ethernet(1).address("203.0.113.2/24").build(),
                InterfaceBuilder.pointToPoint(2)
                        .redirects()
                        .address("10.0.0.1/30")
                        .build());
    }

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private static PacketBuilder transit(String from) {
        return Packets.ip4().from(from).to("198.51.100.1").udp(1, 2).payload(700);
    }

    private PacketBuffer packet(String from, int receivedOn, int leavesBy, String nextHop) {
        PacketBuffer packet = harness.packet(transit(from).bytes());
        packet.setReceiveInterface(receivedOn);
        packet.setTransmitInterface(leavesBy);
        packet.setNextHop4(Ip4Address.parse(nextHop).value());
        return packet;
    }

    @Test
    void tellsAHostOfTheBetterWayAndForwardsItsPacketAllTheSame() {
        byte[] original = transit("192.168.1.10").bytes();
        PacketBuffer packet = packet("192.168.1.10", 0, 0, "192.168.1.254");
        harness.process(packet);

        assertThat(harness.single(Out.NEXT)).isSameAs(packet);
        assertThat(packet.toByteArray()).isEqualTo(original);
        PacketBuffer head = harness.single(Out.REDIRECT);
        assertThat(head.toByteArray()).isEqualTo(Arrays.copyOf(original, 548));
        assertThat(head.icmpType()).isEqualTo(5);
        assertThat(head.icmpCode()).isEqualTo(1);
        assertThat(Ip4Address.toText(head.icmpValue())).isEqualTo("192.168.1.254");
        assertThat(head.receiveInterface()).isZero();
        assertThat(head.generated()).isFalse();
        assertThat(head.l3Offset()).isEqualTo(head.start());
        assertThat(harness.counted(Count.REDIRECTED)).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({
        "leaves by another interface,      192.168.1.10, 0, 1, 203.0.113.1",
        "redirects are off,                203.0.113.10, 1, 1, 203.0.113.1",
        "source is behind another router,  100.64.0.9,   0, 0, 192.168.1.254",
        "next hop is in another network,   192.168.1.10, 0, 0, 10.7.0.254",
        "a tun has no neighbors,           10.0.0.2,     2, 2, 10.0.0.2"
    })
    void isSilentWhen(String why, String from, int receivedOn, int leavesBy, String nextHop) {
        harness.process(packet(from, receivedOn, leavesBy, nextHop));

        assertThat(harness.out(Out.NEXT)).hasSize(1);
        assertThat(harness.out(Out.REDIRECT)).as(why).isEmpty();
    }

    @Test
    void isSilentWhenTheNextHopIsIp6() {
        PacketBuffer packet = packet("192.168.1.10", 0, 0, "192.168.1.254");
        packet.setNextHop6(0xfe80_0000_0000_0000L, 9);
        harness.process(packet);
        assertThat(harness.out(Out.REDIRECT)).isEmpty();
        assertThat(harness.out(Out.NEXT)).hasSize(1);
    }

    @Test
    void forwardsAlthoughNoBufferIsLeftForTheRedirect() {
        harness = around(StageHarness.of(Ip4RedirectStage.DESCRIPTOR, 1));
        harness.process(packet("192.168.1.10", 0, 0, "192.168.1.254"));
        assertThat(harness.out(Out.NEXT)).hasSize(1);
        assertThat(harness.out(Out.REDIRECT)).isEmpty();
    }
}
