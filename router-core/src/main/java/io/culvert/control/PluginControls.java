// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.BehaviorInterceptor;
import akka.actor.typed.DispatcherSelector;
import akka.actor.typed.SupervisorStrategy;
import akka.actor.typed.TypedActorContext;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import io.culvert.config.Catalog;
import io.culvert.graph.PluginDispatcher;
import io.culvert.spi.ManagementCommand;
import io.culvert.spi.Metric;
import io.culvert.spi.PluginContext;
import io.culvert.spi.PluginControl;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.akka.ActorPlugin;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * The control sides of a router's plugins, from their start to their end. What a plugin does wrong here costs it its control
 * side, or the command concerned, and is told once; its stages and all else go on.
 *
 * <p>Belongs to {@link RouterActor}, but for what says otherwise. The plugins' code runs on threads of its own.
 */
final class PluginControls {
    private static final Logger LOG = LoggerFactory.getLogger(PluginControls.class);
    private static final long START_WITHIN_SECONDS = 5;
    private static final long STOP_WITHIN_SECONDS = 1;
    private static final Duration FIRST_BACKOFF = Duration.ofMillis(200);
    private static final Duration LONGEST_BACKOFF = Duration.ofSeconds(30);
    private static final double JITTER = 0.1;

    /** Messages that a plugin's actor may find waiting when it starts again. */
    private static final int STASHED = 1000;

    /** What a plugin has brought. */
    record Side(
            String plugin,
            PluginCalls calls,
            PluginControl control,
            List<PluginCommand> commands,
            List<Metric> metrics) {}

    private final ActorContext<RouterActor.Command> owner;
    private final List<Catalog.Plugin> plugins;
    private final PluginContext context;
    private final Function<String, RouterActor.Command> actorEnded;
    private final Map<String, String> impairments = new ConcurrentHashMap<>();
    private final Set<String> faultsTold = ConcurrentHashMap.newKeySet();
    private final List<Side> sides = new CopyOnWriteArrayList<>();
    private final Map<String, ActorRef<?>> actors = new HashMap<>();

    /**
     * @param plugins all that were found; those that are used have control sides
     * @param actorEnded what the owner is to be told when a plugin's actor has ended
     */
    PluginControls(
            ActorContext<RouterActor.Command> owner,
            List<Catalog.Plugin> plugins,
            PluginContext context,
            Function<String, RouterActor.Command> actorEnded) {
        this.owner = owner;
        this.plugins = plugins;
        this.context = context;
        this.actorEnded = actorEnded;
    }

    /** What a plugin lacks, or nothing. Any thread. */
    String impairment(String plugin) {
        return impairments.getOrDefault(plugin, "");
    }

    /** Whoever has metrics. Any thread. */
    List<ShowMetrics.Source> metrics() {
        return sides.stream()
                .filter(side -> !side.metrics().isEmpty())
                .map(side -> new ShowMetrics.Source(side.plugin(), side.calls(), side.metrics()))
                .toList();
    }

    // --- the start

    /** Starts all. What comes of it, in the order of the plugins, is for {@link #register}. */
    CompletableFuture<List<Side>> start() {
        List<CompletableFuture<@Nullable Side>> starts = new ArrayList<>();
        for (Catalog.Plugin one : plugins) {
            RouterPlugin plugin = one.plugin();
            if (plugin != null) {
                starts.add(start(one.name(), plugin));
            }
        }
        return CompletableFuture.allOf(starts.toArray(CompletableFuture<?>[]::new))
                .thenApply(all -> starts.stream()
                        .map(CompletableFuture::join)
                        .filter(Objects::nonNull)
                        .toList());
    }

    private CompletableFuture<@Nullable Side> start(String name, RouterPlugin plugin) {
        PluginCalls calls = new PluginCalls(name);
        CompletableFuture<Side> made = plugin instanceof ActorPlugin<?> withActor
                ? startWithActor(name, calls, withActor)
                : calls.call(() -> sideOf(name, calls, plugin.control(context)), fault -> fault);
        return made.orTimeout(START_WITHIN_SECONDS, TimeUnit.SECONDS).handle((side, fault) -> {
            if (fault instanceof TimeoutException) {
                impaired(name, "its control side did not start within " + START_WITHIN_SECONDS + " s");
            } else if (fault != null) {
                LOG.error("the control side of plugin {} failed to start", name, fault);
                impaired(name, "its control side failed to start: " + fault);
            }
            return side;
        });
    }

    private <C> CompletableFuture<Side> startWithActor(String name, PluginCalls calls, ActorPlugin<C> plugin) {
        Behavior<C> first = Behaviors.intercept(
                () -> new Guarded<C>(fault -> actorFailed(name, fault)),
                Behaviors.setup(actorContext -> plugin.actor(context)));
        // What fails is told by the interceptor, once for each cause.
        Behavior<C> supervised = Behaviors.supervise(first)
                .onFailure(SupervisorStrategy.restartWithBackoff(FIRST_BACKOFF, LONGEST_BACKOFF, JITTER)
                        .withStashCapacity(STASHED)
                        .withLogLevel(Level.DEBUG));
        ActorRef<C> actor =
                owner.spawn(supervised, "plugin-" + name, DispatcherSelector.fromConfig(PluginDispatcher.ID));
        actors.put(name, actor);
        owner.watchWith(actor, actorEnded.apply(name));
        return calls.call(
                () -> sideOf(
                        name, calls, plugin.control(actor, owner.getSystem().scheduler(), context)),
                fault -> fault);
    }

    /** Reads all that the control side says of itself; on the plugin's thread. */
    private Side sideOf(String name, PluginCalls calls, PluginControl control) {
        Objects.requireNonNull(control, "control() has answered null");
        List<PluginCommand> commands = new ArrayList<>();
        for (ManagementCommand command : control.commands()) {
            try {
                commands.add(new PluginCommand(name, calls, command));
            } catch (IllegalArgumentException misnamed) {
                impaired(name, "one of its commands is left out: " + misnamed.getMessage());
            }
        }
        List<Metric> metrics = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (Metric metric : control.metrics()) {
            if (names.add(metric.name())) {
                metrics.add(metric);
            } else {
                impaired(name, "it has several metrics of the name " + metric.name() + ", the first counts");
            }
        }
        return new Side(name, calls, control, commands, metrics);
    }

    /**
     * Offers what the plugins have brought.
     *
     * @param taken the router's own commands
     * @param into takes each command that is to be offered
     */
    void register(List<Side> started, List<ManagementCommand> taken, Consumer<ManagementCommand> into) {
        Map<String, String> owners = new HashMap<>();
        taken.forEach(command -> owners.put(command.command() + " " + command.what(), "the router"));
        for (Side side : started) {
            sides.add(side);
            for (PluginCommand command : side.commands()) {
                String words = command.command() + " " + command.what();
                String before = owners.putIfAbsent(words, "plugin " + side.plugin());
                if (before == null) {
                    into.accept(command);
                } else {
                    impaired(
                            side.plugin(),
                            "its command \"" + words + "\" is left out: " + before + " has one of that name");
                }
            }
        }
    }

    private void impaired(String plugin, String how) {
        LOG.warn("plugin {} is impaired: {}", plugin, how);
        impairments.merge(plugin, how, (before, now) -> before + "; " + now);
    }

    private void actorFailed(String plugin, Throwable fault) {
        if (faultsTold.add(plugin + " " + fault)) {
            LOG.error("the actor of plugin {} has failed and starts again", plugin, fault);
        }
    }

    // --- the end

    /** Tells all that the router ends. Completes, without a fault, when they have dealt with it or had the time to. */
    CompletableFuture<?> stop() {
        List<CompletableFuture<?>> stops = new ArrayList<>();
        for (Side side : sides) {
            side.calls().end();
            // Calls of its own: the plugin may go on using up the others.
            stops.add(new PluginCalls(side.plugin())
                    .call(
                            () -> {
                                side.control().onStop();
                                return side;
                            },
                            fault -> fault)
                    .orTimeout(STOP_WITHIN_SECONDS, TimeUnit.SECONDS)
                    .whenComplete((done, fault) -> {
                        if (fault != null) {
                            LOG.warn("the control side of plugin {} did not stop well", side.plugin(), fault);
                        }
                    }));
        }
        return CompletableFuture.allOf(stops.toArray(CompletableFuture<?>[]::new))
                .handle((all, fault) -> null);
    }

    /** Ends the plugins' actors. */
    void stopActors() {
        actors.values().forEach(owner::stop);
    }

    /**
     * A plugin's actor has ended.
     *
     * @param wanted whether it was told to
     */
    void actorEnded(String plugin, boolean wanted) {
        actors.remove(plugin);
        if (!wanted) {
            impaired(plugin, "its actor has ended by itself");
        }
    }

    boolean actorsRunning() {
        return !actors.isEmpty();
    }

    /**
     * Tells of what an actor throws, and makes exceptions of the errors that would otherwise end the whole process: a plugin
     * made for other classes than there are, or one that calls itself without end.
     */
    private static final class Guarded<C> extends BehaviorInterceptor<C, C> {
        private final Consumer<Throwable> failed;

        @SuppressWarnings("unchecked") // every message is an object
        Guarded(Consumer<Throwable> failed) {
            super((Class<C>) Object.class);
            this.failed = failed;
        }

        @Override
        public Behavior<C> aroundStart(TypedActorContext<C> actor, PreStartTarget<C> target) {
            try {
                return target.start(actor);
            } catch (RuntimeException | Error fault) {
                throw told(fault);
            }
        }

        @Override
        public Behavior<C> aroundReceive(TypedActorContext<C> actor, C message, ReceiveTarget<C> target) {
            try {
                return target.apply(actor, message);
            } catch (RuntimeException | Error fault) {
                throw told(fault);
            }
        }

        private RuntimeException told(Throwable fault) {
            failed.accept(fault);
            return fault instanceof RuntimeException exception ? exception : new IllegalStateException(fault);
        }
    }
}
