// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedThread;
import jdk.jfr.consumer.RecordingFile;

/**
 * What the threads of another JVM allocate, by the JVM's own count of each: a flight recording with nothing else in it. The
 * threads of the recorder are left out; everything else counts, also what has nothing to do with packets.
 */
final class Allocation {
    private static final String EVENT = "jdk.ThreadAllocationStatistics";
    private static final String SETTINGS = """
            <?xml version="1.0" encoding="UTF-8"?>
            <configuration version="2.0">
              <event name="jdk.ThreadAllocationStatistics">
                <setting name="enabled">true</setting>
                <setting name="period">500 ms</setting>
              </event>
            </configuration>
            """;
    private static final String RECORDER = "JFR ";
    private static final String LANE = "culvert-lane-";
    private static final long DUMPED_WITHIN_SECONDS = 20;

    private final Path settings;
    private final Path recording;

    /** @param folder for the settings and the recording */
    Allocation(Path folder) throws IOException {
        this.settings = Files.writeString(folder.resolve("allocation.jfc"), SETTINGS);
        this.recording = folder.resolve("allocation.jfr");
    }

    /** The option of the JVM that is to be recorded. */
    String option() {
        return "-XX:StartFlightRecording:settings=" + settings;
    }

    /**
     * Answers the bytes that were allocated between two times, by thread; with what came up to half a second before and
     * after.
     *
     * @param pid the JVM, started with the option
     */
    Map<String, Long> between(long pid, Instant from, Instant to) throws IOException, InterruptedException {
        Process dump = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                        Long.toString(pid),
                        "JFR.dump",
                        "filename=" + recording)
                .redirectErrorStream(true)
                .start();
        String said = new String(dump.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!dump.waitFor(DUMPED_WITHIN_SECONDS, TimeUnit.SECONDS) || !Files.exists(recording)) {
            dump.destroyForcibly();
            throw new IOException("no flight recording: " + said.strip());
        }
        return between(RecordingFile.readAllEvents(recording), from, to);
    }

    private static Map<String, Long> between(List<RecordedEvent> events, Instant from, Instant to) {
        Map<String, Long> before = new HashMap<>();
        Map<String, Long> after = new HashMap<>();
        for (RecordedEvent event : events) {
            RecordedThread thread = event.getThread("thread");
            if (!event.getEventType().getName().equals(EVENT)
                    || thread == null
                    || thread.getJavaName() == null
                    || thread.getJavaName().startsWith(RECORDER)) {
                continue;
            }
            long allocated = event.getLong("allocated");
            Instant time = event.getStartTime();
            if (!time.isAfter(from)) {
                before.merge(name(thread), allocated, Math::max);
            } else if (!time.isBefore(to)) {
                after.merge(name(thread), allocated, Math::min);
            }
        }
        if (after.keySet().stream().noneMatch(name -> name.startsWith(LANE))) {
            throw new IllegalStateException("the recording has nothing of the lanes behind " + to);
        }
        after.replaceAll((name, allocated) -> allocated - before.getOrDefault(name, 0L));
        return after;
    }

    private static String name(RecordedThread thread) {
        return thread.getJavaName() + " #" + thread.getId();
    }
}
