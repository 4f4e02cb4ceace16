// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import org.slf4j.LoggerFactory;

/** Sets up the log of the process, in code alone: whatever files of the logging library lie around don't count. */
final class Logging {
    private Logging() {}

    /** Writes the log to standard output from now on. Under journald, which has a clock of its own, without the time. */
    static void configure(LogFormat format) {
        configure((LoggerContext) LoggerFactory.getILoggerFactory(), format, System.getenv("JOURNAL_STREAM") == null);
    }

    static void configure(LoggerContext context, LogFormat format, boolean withTime) {
        context.reset();

        LogEncoder encoder = new LogEncoder(format, withTime);
        encoder.setContext(context);
        encoder.start();
        ConsoleAppender<ILoggingEvent> out = new ConsoleAppender<>();
        out.setContext(context);
        out.setName("out");
        out.setEncoder(encoder);
        out.start();

        Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        root.setLevel(Level.INFO);
        root.addAppender(out);
        // Which logger it uses and that messages to stopped actors were dropped is nothing an operator can act on.
        context.getLogger("akka").setLevel(Level.WARN);
    }
}
