// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import akka.Done;
import akka.actor.typed.ActorSystem;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.culvert.config.Catalog;
import io.culvert.config.ConfigFile;
import io.culvert.config.RouterConfig;
import io.culvert.control.RouterActor;
import io.culvert.control.RouterCounters;
import io.culvert.control.ShowVersion;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.ManagementCommand;
import io.culvert.telemetry.LaneLedger;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one router of this process: started in the calling thread, ended by a signal. */
final class RouterProcess {
    private static final int UNDECIDED = -1;
    private static final long STOP_WITHIN_SECONDS = 20;
    private static final long LEFT_WITHIN_SECONDS = 1;

    /** Field 22 of /proc/PID/stat, counted from the first one behind the name (proc(5)), and USER_HZ. */
    private static final int START_TIME_FIELD = 19;

    private static final long CLOCK_TICKS_PER_SECOND = 100;

    private static final String AKKA_DEFAULTS = "culvert-akka.conf";

    private final Path file;
    private final RouterConfig config;
    private final Catalog catalog;
    private final @Nullable PrintWriter stats;

    /**
     * @param file what the configuration was read from, and is read from again by a reload
     * @param catalog what the router can be made of
     * @param stats where the counters go when the router ends, or null
     */
    RouterProcess(Path file, RouterConfig config, Catalog catalog, @Nullable PrintWriter stats) {
        this.file = file;
        this.config = config;
        this.catalog = catalog;
        this.stats = stats;
    }

    /** Runs the router until it has ended; answers the exit code of the process. */
    int run() {
        Logger log = LoggerFactory.getLogger("culvert");
        // Stays a failure unless the router comes to an orderly end.
        AtomicInteger exitCode = new AtomicInteger(UNDECIDED);
        CompletableFuture<Done> down = new CompletableFuture<>();
        RouterActor.Outcome outcome = new RouterActor.Outcome() {
            @Override
            public void ready(int up, int all) {
                log.info(
                        "{} is ready in {} ms: {} of {} interfaces up",
                        config.name(),
                        sinceStart().toMillis(),
                        up,
                        all);
                // What the start has left is sorted out while hardly anything flows: a collection under load then finds
                // little to copy, and the pages that the start has used serve again.
                System.gc();
            }

            @Override
            public void ended(InterfaceTable interfaces, RouterCounters counters) {
                exitCode.compareAndSet(UNDECIDED, Culvert.EXIT_OK);
                if (stats != null) {
                    print(interfaces, counters, stats);
                }
                down.complete(Done.getInstance());
            }

            @Override
            public void failed(String what) {
                exitCode.set(Culvert.EXIT_FAILED);
                log.error("{} ends: {}", config.name(), what);
            }

            @Override
            public void missingRight(String what, IOException cause) {
                exitCode.set(Culvert.EXIT_NO_PERMISSION);
                log.error("{}: {}", what, cause.getMessage());
            }
        };
        ManagementCommand version =
                new ShowVersion(config.name(), VersionCommand.version(), startInstant(), Clock.systemUTC());
        ActorSystem<RouterActor.Command> system = ActorSystem.create(
                RouterActor.create(config, () -> ConfigFile.read(file, catalog), catalog, List.of(version), outcome),
                "culvert",
                akkaConfig(config));
        CompletableFuture<Object> end = CompletableFuture.anyOf(
                system.getWhenTerminated().toCompletableFuture(),
                // With every lane stopped and every device closed, what a plugin has left hanging is not waited for.
                down.thenApplyAsync(
                        done -> done, CompletableFuture.delayedExecutor(LEFT_WITHIN_SECONDS, TimeUnit.SECONDS)));
        Thread onSignal = new Thread(() -> stopAndHalt(system, end, exitCode), "culvert-shutdown");
        Runtime.getRuntime().addShutdownHook(onSignal);
        end.join();
        return decided(exitCode);
    }

    private static int decided(AtomicInteger exitCode) {
        return exitCode.get() == UNDECIDED ? Culvert.EXIT_FAILED : exitCode.get();
    }

    /**
     * On a signal the JVM would exit with 128 plus its number, as if the router had failed. Once everything is down, this
     * ends the process with 0 instead; or with a failure when it does not come down.
     */
    private static void stopAndHalt(
            ActorSystem<RouterActor.Command> system, CompletableFuture<Object> end, AtomicInteger exitCode) {
        if (end.isDone()) {
            return;
        }
        system.tell(new RouterActor.Stop());
        try {
            end.get(STOP_WITHIN_SECONDS, TimeUnit.SECONDS);
            Runtime.getRuntime().halt(decided(exitCode));
        } catch (TimeoutException | ExecutionException | InterruptedException stuck) {
            LoggerFactory.getLogger("culvert").error("the router did not stop within {} s", STOP_WITHIN_SECONDS);
            Runtime.getRuntime().halt(Culvert.EXIT_FAILED);
        }
    }

    private static void print(InterfaceTable interfaces, RouterCounters counters, PrintWriter out) {
        for (RouterCounters.InterfaceRow row : counters.interfaces(interfaces.all())) {
            out.printf(
                    "%-20s rx %d packets %d bytes, missed %d, tx %d packets %d bytes, refused %d%n",
                    row.name(),
                    row.rxPackets(),
                    row.rxBytes(),
                    row.rxMissed(),
                    row.txPackets(),
                    row.txBytes(),
                    row.txRefused());
        }
        for (RouterCounters.DropRow row : counters.drops()) {
            out.printf(
                    "%-20s dropped %d %s: %s%n",
                    row.stage(), row.packets(), row.reason().id(), row.reason().text());
        }
        for (RouterCounters.StageRow row : counters.stages()) {
            out.printf("%-20s %d packets in %d vectors%n", row.stage(), row.packets(), row.vectors());
        }
        for (RouterCounters.CountRow row : counters.counts()) {
            out.printf("%-20s %s %d%n", row.stage(), row.counter().id(), row.amount());
        }
        for (LaneLedger.Entry entry : LaneLedger.Entry.values()) {
            out.printf("%-20s %d%n", entry.name().toLowerCase(Locale.ROOT), counters.ledger(entry));
        }
        out.flush();
    }

    /**
     * How long this process has been running, by the kernel's clock since boot. ({@link ProcessHandle} adds the time of
     * the boot, which the kernel tells in whole seconds.)
     */
    private static Duration sinceStart() {
        try {
            String stat = Files.readString(Path.of("/proc/self/stat"));
            String[] behindName = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            long startedMillis = Long.parseLong(behindName[START_TIME_FIELD]) * 1000 / CLOCK_TICKS_PER_SECOND;
            String uptime = Files.readString(Path.of("/proc/uptime"));
            double upSeconds = Double.parseDouble(uptime.substring(0, uptime.indexOf(' ')));
            return Duration.ofMillis((long) (upSeconds * 1000) - startedMillis);
        } catch (IOException unreadable) {
            return Duration.ZERO;
        }
    }

    private static Instant startInstant() {
        return Instant.now().minus(sinceStart());
    }

    private static Config akkaConfig(RouterConfig config) {
        return config.akka()
                .atKey("akka")
                .withFallback(ConfigFactory.parseResources(RouterProcess.class.getClassLoader(), AKKA_DEFAULTS))
                .withFallback(ConfigFactory.defaultReference())
                .resolve();
    }
}
