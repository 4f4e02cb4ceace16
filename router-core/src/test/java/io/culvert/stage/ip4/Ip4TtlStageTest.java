// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.stage.ip4.Ip4TtlStage.Count;
import io.culvert.stage.ip4.Ip4TtlStage.Out;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip4TtlStageTest {
    private final StageHarness harness = StageHarness.of(Ip4TtlStage.DESCRIPTOR);

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 64, 128, 255})
    void takesOneOffTheTtlAndChangesNothingButTheChecksum(int ttl) {
        // ECN and DSCP are untouched, whatever they are.
        harness.process(harness.packet(Packets.ip4()
                .ttl(ttl)
                .trafficClass(0xbb)
                .id(77)
                .udp(1, 2)
                .payload(9)
                .bytes()));

        assertThat(harness.single(Out.NEXT).toByteArray())
                .isEqualTo(Packets.ip4()
                        .ttl(ttl - 1)
                        .trafficClass(0xbb)
                        .id(77)
                        .udp(1, 2)
                        .payload(9)
                        .bytes());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void asksForTimeExceededAboutThePacketAsItCame(int ttl) {
        byte[] packet = Packets.ip4().ttl(ttl).udp(1, 2).payload(9).bytes();
        harness.process(harness.packet(packet));

        PacketBuffer expired = harness.single(Out.ERROR);
        assertThat(expired.toByteArray()).isEqualTo(packet);
        assertThat(expired.icmpType()).isEqualTo(11);
        assertThat(expired.icmpCode()).isZero();
        assertThat(harness.counted(Count.TTL_EXPIRED)).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void decidesEachPacketOfAVectorByItself(int expiredOnes) {
        PacketBuffer[] packets = new PacketBuffer[4];
        for (int i = 0; i < packets.length; i++) {
            packets[i] = harness.packet(
                    Packets.ip4().ttl(i < expiredOnes ? 1 : 9).udp(1, 2).bytes());
        }
        harness.process(packets);

        assertThat(harness.out(Out.ERROR)).hasSize(expiredOnes);
        assertThat(harness.out(Out.NEXT)).hasSize(4 - expiredOnes);
    }
}
