// SPDX-License-Identifier: Apache-2.0
package com.example.ttlguard;

import static io.culvert.testkit.PacketCheck.assertPacket;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.testkit.BalancedAccounts;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.Test;

@BalancedAccounts
final class TtlGuardStageTest {
    private static byte[] probe(int ttl) {
        return Packets.ip4()
                .from("10.1.0.2")
                .to("10.2.0.2")
                .ttl(ttl)
                .udp(1000, 2000)
                .payload(18)
                .bytes();
    }

    // region stage
    /** The stage alone. */
    @Test
    void dropsPacketsBelowTheLeastTtl() {
        StageHarness harness = StageHarness.of(TtlGuardStage.DESCRIPTOR).setting("least-ttl", "5");

        harness.process(harness.packet(probe(4)), harness.packet(probe(5)));

        assertThat(harness.dropped("ttl-too-low")).isEqualTo(1);
        assertThat(harness.counted(TtlGuardStage.Count.PASSED)).isEqualTo(1);
        assertPacket(harness.single(TtlGuardStage.Out.NEXT)).ip4().ttl(5).udp(1000, 2000);
    }

    // endregion
    // region router
    /** In a router: where the stage stands, and that its section switches it on. */
    @Test
    void looksAtTheTtlThatPacketsArriveWith() {
        ScriptedRouter router = ScriptedRouter.with(new TtlGuardPlugin(), """
                interfaces {
                  a { type = tun, device = a, addresses = ["10.1.0.1/24"] }
                  b { type = tun, device = b, addresses = ["10.2.0.1/24"] }
                }
                plugins { ttl-guard { least-ttl = 5 } }
                """);

        router.arrive("a", probe(4)).arrive("a", probe(5));

        assertPacket(router.awaitSent("b")).ip4().ttl(4).udp(1000, 2000);
        assertThat(router.settle().dropped("ttl-too-low")).isEqualTo(1);
    }
    // endregion
}
