// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.spi.TokenBucket;
import io.culvert.stage.ip4.Ip4LocalPoliceStage.Out;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class Ip4LocalPoliceStageTest {
    private final StageHarness harness = StageHarness.of(Ip4LocalPoliceStage.DESCRIPTOR);

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private PacketBuffer[] packets(int count) {
        PacketBuffer[] packets = new PacketBuffer[count];
        for (int i = 0; i < count; i++) {
            packets[i] = harness.packet(Packets.ip4().udp(1, 2).bytes());
        }
        return packets;
    }

    @Test
    void passesThePacketsThatTheRateAllowsAndDropsTheRest() {
        harness.setting("rate-limit", "50/s").process(packets(20));
        assertThat(harness.out(Out.NEXT)).hasSize(5);
        assertThat(harness.dropped("policed")).isEqualTo(15);

        harness.advanceMillis(40).process(packets(20));
        assertThat(harness.out(Out.NEXT)).hasSize(7);
    }

    @Test
    void passesAllWithoutALimit() {
        harness.setting("rate-limit", "off");
        for (int i = 0; i < 100; i++) {
            harness.process(packets(100));
            assertThat(harness.out(Out.NEXT)).hasSize(100);
            harness.clear();
        }
    }

    @Test
    void drawsFromTheBucketThatTheOtherFamilyDrawsFrom() {
        harness.setting("rate-limit", "50/s");
        TokenBucket other = TokenBucket.shared(harness, "local-delivery.rate-limit", 50);
        for (int i = 0; i < 3; i++) {
            other.tryTake(harness.nowNanos());
        }
        harness.process(packets(5));
        assertThat(harness.out(Out.NEXT)).hasSize(2);
    }
}
