// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.ffi.NativeMemory;
import io.culvert.packet.BufferPool;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.lang.management.MemoryUsage;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * {@code show memory}: what the process holds, how much of it are the Java heap (in which the tables lie), what the JVM keeps
 * beside it, and the packets of each lane; and how near a lane has come to having no packet left.
 */
final class ShowMemory implements ManagementCommand {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String RESIDENT = "VmRSS:";
    private static final String MOST_RESIDENT = "VmHWM:";
    private static final int KIBI = 1024;

    /**
     * The packets of one lane.
     *
     * @param memory what they lie in
     */
    record Pool(int lane, BufferPool packets, ByteBuffer memory) {}

    private final List<Pool> pools;

    ShowMemory(List<Pool> pools) {
        this.pools = List.copyOf(pools);
    }

    @Override
    public String what() {
        return "memory";
    }

    @Override
    public String summary() {
        return "memory of the process, of the Java heap and of the packets of each lane, in bytes";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        ManagementAnswer.Builder table = ManagementAnswer.Table.titled("memory")
                .text("part")
                .number("used")
                .number("held")
                .number("limit")
                .number("packets")
                .number("free")
                .number("least-free");
        MemoryMXBean jvm = ManagementFactory.getMemoryMXBean();
        table.row("process", kibibytes(RESIDENT), kibibytes(MOST_RESIDENT), null, null, null, null);
        add(table, "heap", jvm.getHeapMemoryUsage());
        add(table, "jvm", jvm.getNonHeapMemoryUsage());
        for (Pool pool : pools) {
            BufferPool packets = pool.packets();
            // The lane's thread counts them: a number here may be a moment old.
            table.row(
                    "lane-" + pool.lane(),
                    (long) packets.outstanding() * BufferPool.BUFFER_BYTES,
                    NativeMemory.residentBytes(pool.memory()),
                    (long) pool.memory().capacity(),
                    packets.capacity(),
                    packets.available(),
                    packets.leastAvailable());
        }
        return CompletableFuture.completedFuture(table.answer());
    }

    private static void add(ManagementAnswer.Builder table, String part, MemoryUsage usage) {
        Long limit = usage.getMax() < 0 ? null : usage.getMax();
        table.row(part, usage.getUsed(), usage.getCommitted(), limit, null, null, null);
    }

    /** A number of /proc/self/status in bytes, or null where there is none (proc(5)). */
    private static @Nullable Long kibibytes(String key) {
        try {
            for (String line : Files.readAllLines(STATUS)) {
                if (line.startsWith(key)) {
                    return KIBI
                            * Long.parseLong(line.substring(key.length())
                                    .replace("kB", "")
                                    .strip());
                }
            }
            return null;
        } catch (IOException unreadable) {
            return null;
        }
    }
}
