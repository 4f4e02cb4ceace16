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
 * them. When the router ends it is stopped, and sees {@link akka.actor.typed.PostStop}, after the lanes and after
 * {@link PluginControl#onStop}. It runs on threads that are there for plugins alone; one that blocks its thread holds up
 * other plugins.
 *
 * @param <C> what the actor is told
 * @since 0.1
 */
public interface ActorPlugin<C> extends RouterPlugin {
    /** The actor's first behavior: asked for when the router starts, and again after each failure. */
    Behavior<C> actor(PluginContext context);

    /**
     * Makes the control side, whose commands can ask the actor by {@link akka.actor.typed.javadsl.AskPattern}. Called in
     * place of {@link RouterPlugin#control(PluginContext)}.
     */
    default PluginControl control(ActorRef<C> actor, Scheduler scheduler, PluginContext context) {
        return control(context);
    }
}
