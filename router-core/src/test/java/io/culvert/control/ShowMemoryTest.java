// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.ffi.NativeException;
import io.culvert.ffi.NativeMemory;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.ManagementAnswer;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

final class ShowMemoryTest {
    private static final int PACKETS = 8;

    @Test
    void tellsWhatTheProcessAndTheHeapTake() {
        List<List<?>> rows = rows(new ShowMemory(List.of()));

        assertThat(rows.stream().map(row -> String.valueOf(row.get(0)))).containsExactly("process", "heap", "jvm");
        for (List<?> row : rows) {
            assertThat((long) row.get(1)).as("used: %s", row).isPositive();
            assertThat((long) row.get(2)).as("held: %s", row).isGreaterThanOrEqualTo((long) row.get(1));
        }
        assertThat((long) rows.get(1).get(3))
                .as("limit of the heap")
                .isEqualTo(Runtime.getRuntime().maxMemory());
    }

    @Test
    void tellsOfEachLaneWhatItsPacketsTakeAndHowFewWereEverFree() throws NativeException {
        ByteBuffer memory = NativeMemory.map(PACKETS * BufferPool.BUFFER_BYTES);
        BufferPool pool = new BufferPool(memory, NativeMemory.address(memory));
        List<PacketBuffer> taken = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            PacketBuffer packet = Objects.requireNonNull(pool.take());
            packet.bytes().put(0, (byte) 1);
            taken.add(packet);
        }
        pool.release(taken.get(0));
        pool.release(taken.get(1));

        List<?> lane = rows(new ShowMemory(List.of(new ShowMemory.Pool(4, pool, memory))))
                .get(3);

        List<?> expected = List.of(
                "lane-4",
                (long) BufferPool.BUFFER_BYTES,
                3L * NativeMemory.PAGE_BYTES,
                (long) PACKETS * BufferPool.BUFFER_BYTES,
                PACKETS,
                PACKETS - 1,
                PACKETS - 3);
        assertThat(lane.equals(expected)).as("%s", lane).isTrue();
    }

    private static List<List<?>> rows(ShowMemory show) {
        ManagementAnswer answer = show.answer(List.of()).toCompletableFuture().join();
        List<List<?>> rows = new ArrayList<>();
        Objects.requireNonNull(answer.table()).rows().forEach(rows::add);
        return rows;
    }
}
