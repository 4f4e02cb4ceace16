// SPDX-License-Identifier: Apache-2.0
package com.example.ttlguard;

import io.culvert.testkit.Packets;
import io.culvert.testkit.StageBenchmark;
import io.culvert.testkit.StageHarness;

// region class
/** Reports what the stage takes for a packet, and fails when it allocates memory. */
final class TtlGuardBenchmarkTest extends StageBenchmark {
    TtlGuardBenchmarkTest() {
        super(
                StageHarness.of(TtlGuardStage.DESCRIPTOR),
                Packets.ip4().ttl(64).udp(1000, 2000).payload(18).bytes());
    }
}
// endregion
