// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

final class LoggingTest {
    private final LoggerContext context = new LoggerContext();
    private final ByteArrayOutputStream written = new ByteArrayOutputStream();

    @Test
    void whatTheRouterSaysIsWrittenAndAkkaIsHeardFromWarningsOn() {
        log(() -> {
            Logging.configure(context, LogFormat.TEXT, false);
            context.getLogger("io.culvert.app.RunCommand").info("ready");
            context.getLogger("io.culvert.app.RunCommand").debug("detail");
            context.getLogger("akka.event.slf4j.Slf4jLogger").info("Slf4jLogger started");
            context.getLogger("akka.actor.Thing").warn("odd");
        });

        assertThat(written()).isEqualTo("INFO  RunCommand: ready\nWARN  Thing: odd\n");
    }

    @Test
    void theLastSetUpReplacesTheOneBefore() {
        log(() -> {
            Logging.configure(context, LogFormat.TEXT, false);
            Logging.configure(context, LogFormat.JSON, false);
            context.getLogger(Logger.ROOT_LOGGER_NAME).info("once");
        });

        assertThat(written())
                .startsWith("{\"time\":")
                .contains("\"message\":\"once\"")
                .hasLineCount(1);
    }

    private void log(Runnable events) {
        context.setMDCAdapter(new LogbackMDCAdapter());
        PrintStream before = System.out;
        System.setOut(new PrintStream(written, true, StandardCharsets.UTF_8));
        try {
            events.run();
        } finally {
            System.setOut(before);
            context.stop();
        }
    }

    private String written() {
        return written.toString(StandardCharsets.UTF_8);
    }
}
