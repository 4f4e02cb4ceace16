// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.spi.TokenBucket;
import io.culvert.stage.ip6.Ip6LocalPoliceStage.Out;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class Ip6LocalPoliceStageTest {
    private StageHarness harness = StageHarness.of(Ip6LocalPoliceStage.DESCRIPTOR);

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private PacketBuffer[] packets(int count) {
        PacketBuffer[] packets = new PacketBuffer[count];
        for (int i = 0; i < count; i++) {
            packets[i] = harness.packet(Packets.ip6().udp(1, 2).bytes());
        }
        return packets;
    }

    /** RFC 6192: what is for the router itself is policed. */
    @Test
    void dropsWhatExceedsTheRateAndRecovers() {
        harness.setting("rate-limit", "100/s");
        harness.process(packets(12));
        assertThat(harness.out(Out.NEXT)).hasSize(10);
        assertThat(harness.dropped("policed")).isEqualTo(2);

        harness.clear().advanceMillis(10).process(packets(2));
        assertThat(harness.out(Out.NEXT)).hasSize(1);
        assertThat(harness.dropped("policed")).isEqualTo(1);
    }

    @Test
    void letsEverythingPassWhenOff() {
        harness.setting("rate-limit", "off");
        harness.process(packets(100));
        assertThat(harness.out(Out.NEXT)).hasSize(100);
    }

    /** A flood for the router must not cost it its neighbors. */
    @Test
    void neighborDiscoveryPassesTheLimitBy() {
        harness.setting("rate-limit", "10/s");
        harness.process(packets(3));
        harness.clear();
        harness.process(
                harness.packet(Packets.ip6()
                        .to("ff02::1:ff00:1")
                        .neighborSolicitation("fd00:1::1")
                        .bytes()),
                harness.packet(Packets.ip6()
                        .to("ff02::1:ff00:1")
                        .neighborSolicitation("fd00:1::1")
                        .hopLimit(64)
                        .bytes()),
                harness.packet(Packets.ip6().hopLimit(255).echoRequest(1, 2).bytes()),
                harness.packet(Packets.ip6().hopLimit(255).nextProtocol(58).bytes()));
        assertThat(harness.out(Out.NEXT)).hasSize(1);
        assertThat(harness.dropped("policed")).isEqualTo(3);
    }

    @Test
    void sharesItsBucketUnderTheNameOfTheSetting() {
        harness.setting("rate-limit", "10/s");
        assertThat(TokenBucket.shared(harness, "local-delivery.rate-limit", 10).tryTake(harness.nowNanos()))
                .isTrue();
        harness.process(packets(1));
        assertThat(harness.dropped("policed")).isEqualTo(1);
    }
}
