// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.sample;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.plugins.sample.SampleStage.Count;
import io.culvert.plugins.sample.SampleStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SampleStageTest {
    private final StageHarness harness = StageHarness.of(SampleStage.DESCRIPTOR);

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    @Test
    void countsByProtocolAndSendsOnWhatCameUnchanged() {
        byte[] tcp = Packets.ip4().tcp(1, 2).bytes();
        harness.process(
                harness.packet(tcp),
                harness.packet(Packets.ip4().udp(1, 2).bytes()),
                harness.packet(Packets.ip4().udp(3, 4).bytes()),
                harness.packet(Packets.ip4().echoRequest(1, 1).bytes()),
                harness.packet(Packets.ip4().protocol(47, 0, 0, 0, 0).bytes()));

        assertThat(harness.out(Out.NEXT)).hasSize(5);
        assertThat(harness.out(Out.NEXT).get(0).toByteArray()).isEqualTo(tcp);
        assertThat(harness.counted(Count.TCP)).isEqualTo(1);
        assertThat(harness.counted(Count.UDP)).isEqualTo(2);
        assertThat(harness.counted(Count.ICMP)).isEqualTo(1);
        assertThat(harness.counted(Count.OTHER)).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"tcp, TCP", "udp, UDP", "icmp, ICMP"})
    void dropsTheProtocolThatIsRefusedAndCountsIt(String refused, Count counter) {
        harness.setting("refuse", refused);
        PacketBuilder packet = switch (counter) {
            case TCP -> Packets.ip4().tcp(1, 2);
            case UDP -> Packets.ip4().udp(1, 2);
            default -> Packets.ip4().echoRequest(1, 1);
        };
        harness.process(
                harness.packet(packet.bytes()),
                harness.packet(Packets.ip4().protocol(47, 0, 0, 0, 0).bytes()));

        assertThat(harness.dropped("protocol-refused")).isEqualTo(1);
        assertThat(harness.counted(counter)).isEqualTo(1);
        assertThat(harness.out(Out.NEXT)).hasSize(1);
    }

    @Test
    void standsInARouterThatItsSectionTurnsItOnIn() {
        try (ScriptedRouter router = ScriptedRouter.with(new SamplePlugin(), """
                interfaces {
                  a { type = tun, device = a, addresses = ["10.0.0.1/24"] }
                  b { type = tun, device = b, addresses = ["10.1.0.1/24"] }
                }
                plugins { sample { refuse = icmp } }
                """)) {
            router.arrive(
                    "a",
                    Packets.ip4()
                            .from("10.0.0.2")
                            .to("10.1.0.2")
                            .echoRequest(1, 1)
                            .bytes());
            router.arrive(
                    "a", Packets.ip4().from("10.0.0.2").to("10.1.0.2").udp(1, 2).bytes());
            byte[] forwarded = router.awaitSent("b");

            assertThat(forwarded)
                    .isEqualTo(Packets.ip4()
                            .from("10.0.0.2")
                            .to("10.1.0.2")
                            .ttl(63)
                            .udp(1, 2)
                            .bytes());
            assertThat(router.dropped("protocol-refused")).isEqualTo(1);
        }
    }
}
