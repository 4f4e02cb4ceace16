// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.stage.ip6.Ip6HopLimitStage.Count;
import io.culvert.stage.ip6.Ip6HopLimitStage.Out;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip6HopLimitStageTest {
    private final StageHarness harness = StageHarness.of(Ip6HopLimitStage.DESCRIPTOR);

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private PacketBuffer packet(int hopLimit) {
        return harness.packet(bytes(hopLimit));
    }

    private static byte[] bytes(int hopLimit) {
        return Packets.ip6()
                .trafficClass(0xff)
                .flowLabel(0xfffff)
                .hopLimit(hopLimit)
                .udp(1, 2)
                .payload(9)
                .bytes();
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 64, 128, 255})
    void takesOneOffAndTouchesNothingElse(int hopLimit) {
        harness.process(packet(hopLimit));
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(bytes(hopLimit - 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void refusesAPacketWhoseHopLimitRunsOut(int hopLimit) {
        harness.process(packet(hopLimit));

        PacketBuffer refused = harness.single(Out.ERROR);
        assertThat(refused.toByteArray()).isEqualTo(bytes(hopLimit));
        assertThat(refused.icmpType()).isEqualTo(3);
        assertThat(refused.icmpCode()).isZero();
        assertThat(refused.icmpValue()).isZero();
        assertThat(harness.counted(Count.EXPIRED)).isEqualTo(1);
    }

    @Test
    void oneExpiredPacketDoesNotHoldUpTheOthersOfItsVector() {
        harness.process(packet(9), packet(1), packet(2));
        assertThat(harness.out(Out.NEXT)).extracting(PacketBuffer::toByteArray).containsExactly(bytes(8), bytes(1));
        assertThat(harness.out(Out.ERROR)).hasSize(1);
    }
}
