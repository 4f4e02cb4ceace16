// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Adapter;
import akka.dispatch.DispatcherConfigurator;
import akka.dispatch.Dispatchers;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;

/**
 * The threads that run what plugins bring of Akka: their actors, and the flows of their stream stages. They are nobody else's,
 * so that a plugin which blocks them holds up other plugins at worst.
 */
public final class PluginDispatcher {
    /** The dispatcher's name in every actor system. */
    public static final String ID = "culvert.plugins";

    private static final String SETTINGS = """
            id = %s
            executor = fork-join-executor
            fork-join-executor { parallelism-min = 4, parallelism-factor = 1.0, parallelism-max = 32 }
            """;

    private PluginDispatcher() {}

    /** Makes the dispatcher known to an actor system; before it is used, and harmless when done again. */
    public static void register(ActorSystem<?> system) {
        Dispatchers dispatchers = Adapter.toClassic(system).dispatchers();
        Config config =
                ConfigFactory.parseString(SETTINGS.formatted(ID)).withFallback(dispatchers.defaultDispatcherConfig());
        dispatchers.registerConfigurator(ID, new DispatcherConfigurator(config, dispatchers.prerequisites()));
    }
}
