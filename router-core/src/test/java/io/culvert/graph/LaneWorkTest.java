// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.testkit.Treadmill;
import io.culvert.testkit.Treadmill.Traffic;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a lane does not do: copy what it forwards, compute while there is nothing to forward, sleep while there is. */
final class LaneWorkTest {
    private static final int PACKETS = 20_000;
    private static final int MANY_PACKETS = 1_000_000;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    @ParameterizedTest
    @EnumSource
    void leavesPacketsInTheMemoryTheyWereReceivedInto(Traffic traffic) {
        try (Treadmill treadmill = Treadmill.start(traffic)) {
            treadmill.watchMemory();
            treadmill.forward(PACKETS);

            assertThat(treadmill.copied()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void theWatchSeesAStageThatCopies(Traffic traffic) {
        StageDescriptor copying = TestLane.builder("copying", List.of(Target.next()))
                .arc(traffic == Traffic.TUN4 || traffic == Traffic.ETHERNET4 ? Arc.IP4_FORWARD : Arc.IP6_FORWARD)
                .factory(setup -> new Copying());
        try (Treadmill treadmill = Treadmill.start(traffic, List.of(copying))) {
            treadmill.watchMemory();
            treadmill.forward(PACKETS);

            assertThat(treadmill.copied()).isEqualTo(PACKETS);
        }
    }

    @Test
    void takesNoProcessorTimeWhileNothingArrives() {
        try (Treadmill treadmill = Treadmill.start(Traffic.TUN4)) {
            treadmill.forward(PACKETS);
            long before = processorTimeOfLanes();
            await().during(Duration.ofMillis(500))
                    .untilAsserted(() -> assertThat(Duration.ofNanos(processorTimeOfLanes() - before))
                            .isLessThan(Duration.ofMillis(10)));
            treadmill.forward(1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void neverWaitsForItsDeviceWhileThatHasPackets(Traffic traffic) {
        try (Treadmill treadmill = Treadmill.start(traffic)) {
            treadmill.forward(1);
            long before = treadmill.arms();
            treadmill.forward(MANY_PACKETS);

            // Once after the first packet, if the lane had not come to it yet, and once after the last; and once more
            // each, if it had taken all packets before their arrival was signalled.
            assertThat(treadmill.arms() - before).isLessThanOrEqualTo(4);
        }
    }

    /** Of the threads of lanes; the graph may be run by now one and now another of them. */
    private static long processorTimeOfLanes() {
        long nanos = 0;
        for (ThreadInfo thread : THREADS.getThreadInfo(THREADS.getAllThreadIds())) {
            if (thread != null && thread.getThreadName().startsWith("culvert-lane-")) {
                nanos += THREADS.getThreadCpuTime(thread.getThreadId());
            }
        }
        assertThat(nanos)
                .as("used since the start, so that it is known to be seen")
                .isPositive();
        return nanos;
    }

    /** Sends the same bytes on in another buffer. */
    private static final class Copying implements PacketStage {
        private static final OutPort NEXT = new TestLane.Port("OUT0", 0, Target.next());

        @Override
        public void process(PacketVector packets, StageContext context) {
            for (int i = 0; i < packets.size(); i++) {
                PacketBuffer packet = packets.get(i);
                PacketBuffer copy = context.originate();
                assertThat(copy).as("a packet of the pool").isNotNull();
                copy.setWindow(packet.start(), packet.length());
                copy.copyFrom(packet, packet.start(), copy.start(), packet.length());
                copy.copyRoutingFrom(packet);
                copy.setL2Offset(packet.l2Offset());
                copy.setL3Offset(packet.l3Offset());
                copy.setL4Offset(packet.l4Offset());
                context.send(copy, NEXT);
                context.consume(packet);
            }
        }
    }
}
