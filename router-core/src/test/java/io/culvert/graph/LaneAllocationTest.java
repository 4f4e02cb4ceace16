// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.telemetry.LaneLedger;
import io.culvert.testkit.Treadmill;
import io.culvert.testkit.Treadmill.Traffic;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A lane allocates nothing for a packet: what Akka takes for a turn of the graph is far below a byte for each. */
final class LaneAllocationTest {
    private static final int WARM_UP_PACKETS = 1_000_000;
    private static final int PACKETS = 500_000;
    private static final int SINGLE_PACKETS = 50_000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @ParameterizedTest
    @EnumSource
    void allocatesLessThanAByteForAPacket(Traffic traffic) {
        Treadmill treadmill = Treadmill.start(traffic);
        try (treadmill) {
            treadmill.forward(WARM_UP_PACKETS);

            assertThat(bytesForAPacket(treadmill)).isLessThan(1);
        }
        assertThat(treadmill.ledger().get(LaneLedger.Entry.TRANSMITTED)).isEqualTo(WARM_UP_PACKETS + PACKETS);
    }

    /** What a lane of few and large packets does all the time. */
    @Test
    void allocatesLessThanAByteForAPacketThatWakesIt() {
        try (Treadmill treadmill = Treadmill.start(Traffic.TUN4)) {
            forwardSingly(treadmill);

            long before = allocatedByLanes();
            forwardSingly(treadmill);
            assertThat((double) (allocatedByLanes() - before) / SINGLE_PACKETS).isLessThan(1);
        }
    }

    private static void forwardSingly(Treadmill treadmill) {
        for (int i = 0; i < SINGLE_PACKETS; i++) {
            treadmill.forward(1);
        }
    }

    @Test
    void theMeasurementSeesAStageThatAllocates() {
        StageDescriptor waste = TestLane.builder("waste", List.of(Target.next()))
                .arc(Arc.IP4_FORWARD)
                .factory(setup -> new Waste());
        try (Treadmill treadmill = Treadmill.start(Traffic.TUN4, List.of(waste))) {
            treadmill.forward(WARM_UP_PACKETS);

            assertThat(bytesForAPacket(treadmill)).isGreaterThan(16);
        }
    }

    private static double bytesForAPacket(Treadmill treadmill) {
        long before = allocatedByLanes();
        treadmill.forward(PACKETS);
        return (double) (allocatedByLanes() - before) / PACKETS;
    }

    /** Bytes that the threads of lanes have allocated; the graph may be run by now one and now another of them. */
    private static long allocatedByLanes() {
        long bytes = 0;
        for (ThreadInfo thread : THREADS.getThreadInfo(THREADS.getAllThreadIds())) {
            if (thread != null && thread.getThreadName().startsWith("culvert-lane-")) {
                bytes += THREADS.getThreadAllocatedBytes(thread.getThreadId());
            }
        }
        assertThat(bytes)
                .as("allocated since the start, so that it is known to be seen")
                .isPositive();
        return bytes;
    }

    /** Allocates a byte array for every packet. */
    private static final class Waste implements PacketStage {
        private static final OutPort NEXT = new TestLane.Port("OUT0", 0, Target.next());

        private byte[] wasted = {};

        @Override
        public void process(PacketVector packets, StageContext context) {
            for (int i = 0; i < packets.size(); i++) {
                PacketBuffer packet = packets.get(i);
                wasted = new byte[wasted.length == 8 ? 9 : 8];
                context.send(packet, NEXT);
            }
        }
    }
}
