// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** {@code show version}: which router this is, what it runs on, and since when. */
public final class ShowVersion implements ManagementCommand {
    private final String router;
    private final String version;
    private final Instant started;
    private final Clock clock;

    /**
     * @param router its name
     * @param version of Culvert
     * @param started when the process began
     */
    public ShowVersion(String router, String version, Instant started, Clock clock) {
        this.router = router;
        this.version = version;
        this.started = started;
        this.clock = clock;
    }

    @Override
    public String what() {
        return "version";
    }

    @Override
    public String summary() {
        return "versions of Culvert, Java and the kernel, and how long the router has been running";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        return CompletableFuture.completedFuture(ManagementAnswer.Table.titled("version")
                .text("router")
                .text("version")
                .text("java")
                .text("kernel")
                .number("pid")
                .text("started")
                .number("uptime-seconds")
                .row(
                        router,
                        version,
                        System.getProperty("java.version"),
                        System.getProperty("os.version"),
                        ProcessHandle.current().pid(),
                        started.truncatedTo(ChronoUnit.SECONDS).toString(),
                        Duration.between(started, clock.instant()).toSeconds())
                .answer());
    }
}
