// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.StackTraceElementProxy;
import ch.qos.logback.core.encoder.EncoderBase;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Writes each event in one line, stack traces included, so that a line is never torn apart by what collects it.
 *
 * <p>Stateless, so it may be called from any thread.
 */
final class LogEncoder extends EncoderBase<ILoggingEvent> {
    private static final JsonFactory JSON = new JsonFactory();
    private static final byte[] NOTHING = {};

    private final LogFormat format;
    private final boolean withTime;

    /** @param withTime whether text lines begin with the time; JSON always has it */
    LogEncoder(LogFormat format, boolean withTime) {
        this.format = format;
        this.withTime = withTime;
    }

    @Override
    public byte[] headerBytes() {
        return NOTHING;
    }

    @Override
    public byte[] footerBytes() {
        return NOTHING;
    }

    @Override
    public byte[] encode(ILoggingEvent event) {
        String line = switch (format) {
            case TEXT -> text(event);
            case JSON -> json(event);
        };
        return (line + "\n").getBytes(StandardCharsets.UTF_8);
    }

    private String text(ILoggingEvent event) {
        StringBuilder line = new StringBuilder(160);
        if (withTime) {
            line.append(time(event)).append(' ');
        }
        String level = event.getLevel().toString();
        line.append(level).append(" ".repeat(6 - level.length()));
        line.append(source(event))
                .append(": ")
                .append(event.getFormattedMessage().strip());
        if (event.getThrowableProxy() != null) {
            line.append(" | ").append(trace(event.getThrowableProxy()));
        }
        return line.toString().replaceAll("\\s*\\R\\s*", " | ");
    }

    private static String json(ILoggingEvent event) {
        StringWriter line = new StringWriter(256);
        try (JsonGenerator json = JSON.createGenerator(line)) {
            json.writeStartObject();
            json.writeStringField("time", time(event));
            json.writeStringField("level", event.getLevel().toString().toLowerCase(Locale.ROOT));
            json.writeStringField("source", source(event));
            json.writeStringField("thread", event.getThreadName());
            json.writeStringField("message", event.getFormattedMessage());
            if (event.getThrowableProxy() != null) {
                json.writeStringField("exception", trace(event.getThrowableProxy()));
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory", e);
        }
        return line.toString();
    }

    private static String time(ILoggingEvent event) {
        return Instant.ofEpochMilli(event.getTimeStamp())
                .truncatedTo(ChronoUnit.MILLIS)
                .toString();
    }

    /** The class that logs, without its package. */
    private static String source(ILoggingEvent event) {
        String name = event.getLoggerName();
        return name.substring(name.lastIndexOf('.') + 1);
    }

    private static String trace(IThrowableProxy thrown) {
        StringBuilder trace = new StringBuilder();
        for (@Nullable IThrowableProxy cause = thrown; cause != null; cause = cause.getCause()) {
            trace.append(cause == thrown ? "" : " | caused by ").append(cause.getClassName());
            if (cause.getMessage() != null) {
                trace.append(": ").append(cause.getMessage());
            }
            StackTraceElementProxy[] frames = cause.getStackTraceElementProxyArray();
            for (int i = 0; i < frames.length - cause.getCommonFrames(); i++) {
                trace.append(" | ").append(frames[i].getSTEAsString());
            }
        }
        return trace.toString();
    }
}
