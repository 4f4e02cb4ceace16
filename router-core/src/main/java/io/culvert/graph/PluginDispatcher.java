// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import akka.actor.ActorSystem;
import akka.dispatch.DefaultDispatcherPrerequisites;
import akka.dispatch.DispatcherConfigurator;
import akka.dispatch.DispatcherPrerequisites;
import akka.dispatch.Dispatchers;
import akka.dispatch.MonitorableThreadFactory;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;

/**
 * The threads that run what plugins bring of Akka: their actors, and the flows of their stream stages. They are nobody else's,
 * so that a plugin which blocks them holds up other plugins at worst, and an error on them, such as that of a plugin made for
 * other classes than there are, does not end the process as on Akka's own threads.
 */
public final class PluginDispatcher {
    /** The dispatcher's name in every actor system. */
    public static final String ID = "culvert.plugins";

    private static final Logger LOG = LoggerFactory.getLogger(PluginDispatcher.class);

    private static final String SETTINGS = """
            id = %s
            executor = fork-join-executor
            fork-join-executor { parallelism-min = 4, parallelism-factor = 1.0, parallelism-max = 32 }
            """;

    private static final AtomicLong ERRORS = new AtomicLong();

    private PluginDispatcher() {}

    /** Makes the dispatcher known to an actor system; before it is used, and harmless when done again. */
    public static void register(ActorSystem system) {
        Dispatchers dispatchers = system.dispatchers();
        if (dispatchers.hasDispatcher(ID)) {
            return;
        }
        Config config =
                ConfigFactory.parseString(SETTINGS.formatted(ID)).withFallback(dispatchers.defaultDispatcherConfig());
        DispatcherPrerequisites usual = dispatchers.prerequisites();
        DispatcherPrerequisites ours = new DefaultDispatcherPrerequisites(
                new MonitorableThreadFactory(
                        "culvert-plugins",
                        true,
                        Option.apply(PluginDispatcher.class.getClassLoader()),
                        (thread, error) -> tell(error),
                        new AtomicLong()),
                usual.eventStream(),
                usual.scheduler(),
                usual.dynamicAccess(),
                usual.settings(),
                usual.mailboxes(),
                usual.defaultExecutionContext());
        dispatchers.registerConfigurator(ID, new DispatcherConfigurator(config, ours));
    }

    private static void tell(Throwable error) {
        ERRORS.incrementAndGet();
        LOG.error(
                "code of a plugin has ended with an error on thread {}",
                Thread.currentThread().getName(),
                error);
    }

    /** How many errors there were. Akka lets a flow that has met one hang. */
    static long errors() {
        return ERRORS.get();
    }
}
