// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class LogEncoderTest {
    private final LoggerContext context = new LoggerContext();

    @Test
    void aTextLineHasTimeLevelSourceAndMessage() {
        assertThat(encode(LogFormat.TEXT, true, event(Level.INFO, "lan is up", null)))
                .isEqualTo("2026-01-02T03:04:05.006Z INFO  InterfaceActor: lan is up\n");
    }

    @Test
    void withoutTimeTheLevelComesFirst() {
        assertThat(encode(LogFormat.TEXT, false, event(Level.ERROR, "lan is gone", null)))
                .isEqualTo("ERROR InterfaceActor: lan is gone\n");
    }

    @Test
    void anEventIsOneLineWhateverIsInIt() {
        Exception failure = new IllegalStateException("first\nsecond", new IOException("no\r\ndevice"));

        String line = encode(LogFormat.TEXT, false, event(Level.WARN, "two\n  lines\n", failure));

        assertThat(line)
                .startsWith("WARN  InterfaceActor: two | lines | java.lang.IllegalStateException: first | second | at ")
                .contains(" | caused by java.io.IOException: no | device")
                .endsWith("\n");
        assertThat(line.lines()).hasSize(1);
    }

    @Test
    void jsonIsOneObjectInOneLine() throws IOException {
        Exception failure = new IOException("a \"quoted\"\nreason");

        String line = encode(LogFormat.JSON, true, event(Level.WARN, "tab\tand ünicode", failure));

        assertThat(line.lines()).hasSize(1);
        Map<String, String> fields = parse(line);
        assertThat(fields.keySet()).containsExactly("time", "level", "source", "thread", "message", "exception");
        assertThat(fields)
                .containsEntry("time", "2026-01-02T03:04:05.006Z")
                .containsEntry("level", "warn")
                .containsEntry("source", "InterfaceActor")
                .containsEntry("thread", "worker-1")
                .containsEntry("message", "tab\tand ünicode");
        assertThat(fields.get("exception")).startsWith("java.io.IOException: a \"quoted\"\nreason | at ");
    }

    private LoggingEvent event(Level level, String message, @Nullable Throwable thrown) {
        LoggingEvent event = new LoggingEvent(
                "", context.getLogger("io.culvert.iface.InterfaceActor"), level, message, thrown, new Object[0]);
        event.setInstant(Instant.parse("2026-01-02T03:04:05.006Z"));
        event.setThreadName("worker-1");
        return event;
    }

    private static String encode(LogFormat format, boolean withTime, ILoggingEvent event) {
        return new String(new LogEncoder(format, withTime).encode(event), StandardCharsets.UTF_8);
    }

    private static Map<String, String> parse(String line) throws IOException {
        Map<String, String> fields = new LinkedHashMap<>();
        try (JsonParser parser = new JsonFactory().createParser(line)) {
            parser.nextToken();
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                fields.put(name, parser.nextTextValue());
            }
        }
        return fields;
    }
}
