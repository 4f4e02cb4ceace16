// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi.akka;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.Scheduler;
import io.culvert.spi.PluginContext;
import io.culvert.spi.PluginControl;
import io.culvert.spi.RouterPlugin;

/**
 * A plugin with a typed actor of its own: for state that changes by messages, timers, and whatever talks to the outside.
 *
 * <p>The actor is a child of the router's and is named {@code plugin-NAME}. One that fails starts again with its first
 * behavior, after a while that grows with each failure in a row; messages that come meanwhile are kept, a bounded number of
 * them. It is stopped, and sees {@link akka.actor.typed.PostStop}, after the lanes have stopped. It must not block its thread.
 *
 * @param <C> what the actor is told
 */
public interface ActorPlugin<C> extends RouterPlugin {
    /** The actor's behavior; asked for once, when the router starts. */
    Behavior<C> actor(PluginContext context);

    /**
     * Makes the control side, whose commands can ask the actor by {@link akka.actor.typed.javadsl.AskPattern}. Called in
     * place of {@link RouterPlugin#control(PluginContext)}.
     */
    default PluginControl control(ActorRef<C> actor, Scheduler scheduler, PluginContext context) {
        return control(context);
    }
}
