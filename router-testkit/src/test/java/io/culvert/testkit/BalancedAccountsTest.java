// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import org.junit.jupiter.api.Test;

@BalancedAccounts
final class BalancedAccountsTest {
    private enum Out implements OutPort {
        NEXT;

        @Override
        public Target target() {
            return Target.next();
        }
    }

    /** Holds every packet and never gives one back. */
    private static final class MiserStage implements PacketStage {
        static final StageDescriptor DESCRIPTOR = StageDescriptor.named("miser", "Holds packets for ever.")
                .arc(Arc.IP4_FORWARD)
                .outputs(Out.values())
                .factory(setup -> new MiserStage());

        @Override
        public void process(PacketVector packets, StageContext context) {
            for (int i = 0; i < packets.size(); i++) {
                context.hold(packets.get(i));
            }
        }
    }

    private static final byte[] PROBE = Packets.ip4().udp(1, 2).bytes();

    @Test
    void namesThePacketThatAStageKeepsByTheLineThatMadeIt() {
        StageHarness harness = StageHarness.of(MiserStage.DESCRIPTOR);
        PacketBuffer kept = harness.packet(PROBE);
        harness.process(kept);

        assertThatThrownBy(harness::endBalanced)
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("one that is held, taken at")
                .hasMessageContaining("BalancedAccountsTest.java:");

        harness.consume(kept); // so that the end of this test finds all in order
    }

    @Test
    void endsHarnessesAndRoutersThatNobodyHasEnded() {
        StageHarness.of(MiserStage.DESCRIPTOR);
        assertThat(ScriptedRouter.steered("lanes = 1").counters()).isNotNull();
    }
}
