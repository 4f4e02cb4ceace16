// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class TimerWheelTest {
    private static final long SEED = 0x3e1;
    private static final int PACKETS = 200;
    private static final long TURN = 1024 * TimerWheel.TICK_NANOS;

    private final BufferPool pool = BufferPool.allocate(PACKETS);
    private final TimerWheel wheel = new TimerWheel(PACKETS);
    private final PacketVector out = new PacketVector(8);

    private record Entry(PacketBuffer packet, long due, int order) {
        long tick() {
            return Math.floorDiv(due, TimerWheel.TICK_NANOS);
        }
    }

    private PacketBuffer packet() {
        return java.util.Objects.requireNonNull(pool.take());
    }

    @Test
    void givesNothingWhileItIsEmpty() {
        wheel.takeDue(Long.MAX_VALUE, out);
        assertThat(out.isEmpty()).isTrue();
        assertThat(wheel.earliest()).isEqualTo(TimerWheel.NEVER);
    }

    @Test
    void givesAPacketNeverEarlyAndAtMostATickLate() {
        for (long due : new long[] {-3 * TURN - 1, -1, 0, 1, TimerWheel.TICK_NANOS - 1, TURN, 100 * TURN + 17}) {
            PacketBuffer packet = packet();
            wheel.add(packet, due);
            assertThat(wheel.earliest()).isGreaterThan(due).isLessThanOrEqualTo(due + TimerWheel.TICK_NANOS);
            wheel.takeDue(wheel.earliest() - 1, out);
            assertThat(out.isEmpty()).isTrue();
            wheel.takeDue(wheel.earliest(), out);
            assertThat(out.get(0)).isSameAs(packet);
            assertThat(wheel.isEmpty()).isTrue();
            out.clear();
        }
    }

    @Test
    void keepsTheOrderOfPacketsThatAreDueInTheSameMomentWhenTheyDoNotFitInOneVector() {
        List<PacketBuffer> in = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            PacketBuffer packet = packet();
            in.add(packet);
            wheel.add(packet, 1000);
        }
        List<PacketBuffer> taken = new ArrayList<>();
        while (!wheel.isEmpty()) {
            wheel.takeDue(TURN, out);
            for (int i = 0; i < out.size(); i++) {
                taken.add(out.get(i));
            }
            out.clear();
        }
        assertThat(taken).containsExactlyElementsOf(in);
    }

    @Test
    void givesWhatAPlainSortedListWouldGive() {
        SplittableRandom random = new SplittableRandom(SEED);
        List<Entry> expected = new ArrayList<>();
        long now = -TURN;
        int order = 0;
        for (int step = 0; step < 20_000; step++) {
            if (pool.available() > 0 && random.nextInt(3) != 0) {
                long delay = random.nextInt(4) == 0 ? random.nextLong(5 * TURN) : random.nextLong(TURN / 50);
                Entry entry = new Entry(packet(), now + delay, order++);
                expected.add(entry);
                wheel.add(entry.packet(), entry.due());
            }
            now += random.nextLong(TURN / 200);
            long tick = Math.floorDiv(now, TimerWheel.TICK_NANOS);
            List<Entry> due = expected.stream()
                    .filter(entry -> entry.tick() < tick)
                    .sorted(Comparator.comparingLong(Entry::tick).thenComparingInt(Entry::order))
                    .limit(out.capacity())
                    .toList();
            wheel.takeDue(now, out);
            assertThat(out.size()).as("seed %d step %d", SEED, step).isEqualTo(due.size());
            for (int i = 0; i < due.size(); i++) {
                assertThat(out.get(i))
                        .as("seed %d step %d", SEED, step)
                        .isSameAs(due.get(i).packet());
                pool.release(out.get(i));
            }
            expected.removeAll(due);
            out.clear();
        }
    }
}
