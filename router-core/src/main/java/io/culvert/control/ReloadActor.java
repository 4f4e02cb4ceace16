// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import io.culvert.config.BadConfigException;
import io.culvert.config.Catalog;
import io.culvert.config.ConfigProblem;
import io.culvert.config.RouterConfig;
import io.culvert.fib.RouteSource;
import io.culvert.graph.RouterGraph;
import io.culvert.graph.StageTrial;
import io.culvert.spi.StageDescriptor;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Puts a changed configuration file in force while the router runs: plans what would change, and applies all of it or
 * nothing. Changed {@code routes} are applied, and changed settings of stages and sections of {@code plugins}, by which stages
 * come into the graph and leave it. A change anywhere else needs a restart and is refused, as is a file with a mistake, stages
 * that can't be put in order, and one that can't be made with its new settings: then the configuration in force stays.
 *
 * <p>Reads a file and makes stages on trial, so it runs where blocking is allowed. One reload after the other.
 */
public final class ReloadActor extends AbstractBehavior<ReloadActor.Command> {
    private static final List<String> ROUTES = List.of("routes", "route-files");
    private static final Duration APPLIED_WITHIN = Duration.ofSeconds(30);

    /** What the actor is told. */
    public sealed interface Command {}

    /** Read the file again. */
    public record Reload(ActorRef<Result> replyTo) implements Command {}

    private record StagesRun(Plan plan, @Nullable Throwable failure) implements Command {}

    private record Applied(Plan plan, RouteActor.@Nullable Applied routes) implements Command {}

    /** What a reload is about to do. */
    private record Plan(
            RouterConfig config, @Nullable RouterGraph graph, List<String> changes, ActorRef<Result> replyTo) {}

    /** Has all lanes run other stages. */
    @FunctionalInterface
    public interface Lanes {
        /** Completes when every lane runs the graph with the settings of the configuration. */
        CompletionStage<?> run(RouterGraph graph, RouterConfig config);
    }

    /**
     * What a reload has done.
     *
     * @param what whether the file is in force now; unless it is, nothing has changed
     * @param message for the operator
     */
    public record Result(Kind what, String message) {
        /** How a reload can end. */
        public enum Kind {
            APPLIED,
            /** The file has mistakes, or can't be read. */
            BAD_CONFIG,
            /** The file is fine, but can't be put in force as things are. */
            REFUSED
        }
    }

    /** Reads and checks the configuration file. */
    @FunctionalInterface
    public interface Reader {
        RouterConfig read() throws BadConfigException;
    }

    private final Reader reader;
    private final Catalog catalog;
    private final Lanes lanes;
    private final Deque<Reload> waiting = new ArrayDeque<>();
    private boolean busy;
    private final Consumer<RouterConfig> listener;
    private final ActorRef<RouteActor.Command> routes;
    private RouterConfig inForce;

    private ReloadActor(
            ActorContext<Command> context,
            Reader reader,
            Catalog catalog,
            RouterConfig inForce,
            Lanes lanes,
            Consumer<RouterConfig> listener,
            ActorRef<RouteActor.Command> routes) {
        super(context);
        this.reader = reader;
        this.catalog = catalog;
        this.lanes = lanes;
        this.inForce = inForce;
        this.listener = listener;
        this.routes = routes;
    }

    /**
     * Makes the actor.
     *
     * @param catalog what the router can be made of
     * @param inForce the configuration in force
     * @param lanes runs the stages
     * @param listener told of each configuration that has come in force, on the actor's thread
     */
    public static Behavior<Command> create(
            Reader reader,
            Catalog catalog,
            RouterConfig inForce,
            Lanes lanes,
            Consumer<RouterConfig> listener,
            ActorRef<RouteActor.Command> routes) {
        return Behaviors.setup(context -> new ReloadActor(context, reader, catalog, inForce, lanes, listener, routes));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Reload.class, this::onReload)
                .onMessage(StagesRun.class, this::onStagesRun)
                .onMessage(Applied.class, this::onApplied)
                .build();
    }

    private Behavior<Command> onReload(Reload message) {
        if (busy) {
            waiting.add(message);
            return this;
        }
        busy = true;
        try {
            return plan(message);
        } catch (RuntimeException | Error fault) { // of a plugin, most likely, which was asked about its settings
            getContext().getLog().error("a reload failed unexpectedly", fault);
            return refuse(message.replyTo(), "it failed unexpectedly: " + fault);
        }
    }

    private Behavior<Command> plan(Reload message) {
        RouterConfig next;
        try {
            next = reader.read();
        } catch (BadConfigException bad) {
            String problems =
                    bad.problems().stream().map(ConfigProblem::toString).collect(Collectors.joining("\n"));
            return end(message.replyTo(), Result.Kind.BAD_CONFIG, problems + "\nnothing was changed");
        }
        List<String> fixed = sectionsThatDiffer(inForce, next);
        if (!fixed.isEmpty()) {
            return refuse(
                    message.replyTo(), "a change of " + String.join(", ", fixed) + " needs a restart of the router");
        }
        List<String> changes = changesOfStages(next);
        if (changes.isEmpty()) {
            return replaceRoutes(new Plan(next, null, changes, message.replyTo()));
        }
        RouterGraph graph;
        try {
            graph = new RouterGraph(catalog.stagesOf(next), catalog::describe);
        } catch (IllegalArgumentException disorder) {
            return refuse(message.replyTo(), "the stages can't be put together: " + disorder.getMessage());
        }
        List<String> faulty = stagesThatCannotBeMade(next);
        if (!faulty.isEmpty()) {
            return refuse(message.replyTo(), String.join("\n", faulty));
        }
        Plan plan = new Plan(next, graph, changes, message.replyTo());
        getContext().pipeToSelf(lanes.run(graph, next), (done, failure) -> new StagesRun(plan, failure));
        return this;
    }

    private Behavior<Command> onStagesRun(StagesRun message) {
        if (message.failure() != null) {
            goBack();
            return refuse(
                    message.plan().replyTo(),
                    "a lane was too busy to run other stages within the time, so all lanes go back to those before");
        }
        return replaceRoutes(message.plan());
    }

    /** Has the lanes run the stages of the configuration in force. */
    private void goBack() {
        lanes.run(new RouterGraph(catalog.stagesOf(inForce), catalog::describe), inForce);
    }

    private Behavior<Command> replaceRoutes(Plan plan) {
        getContext()
                .ask(
                        RouteActor.Applied.class,
                        routes,
                        APPLIED_WITHIN,
                        replyTo -> new RouteActor.ReplaceRoutes(
                                RouteSource.STATIC, StaticRoutes.of(plan.config()), replyTo),
                        (done, failure) -> new Applied(plan, done));
        return this;
    }

    private Behavior<Command> onApplied(Applied message) {
        Plan plan = message.plan();
        RouteActor.Applied routesChanged = message.routes();
        if (routesChanged == null) {
            if (plan.graph() != null) {
                goBack();
            }
            return end(
                    plan.replyTo(),
                    Result.Kind.REFUSED,
                    "the route actor did not answer; nothing is known of its routes");
        }
        inForce = plan.config();
        listener.accept(inForce);
        List<String> changes = new ArrayList<>(plan.changes());
        if (changes.isEmpty() || routesChanged.changed() != 0) {
            changes.add(routesChanged.changed() == 1 ? "1 route changed" : routesChanged.changed() + " routes changed");
        }
        return end(plan.replyTo(), Result.Kind.APPLIED, String.join("\n", changes));
    }

    private Behavior<Command> refuse(ActorRef<Result> replyTo, String why) {
        return end(replyTo, Result.Kind.REFUSED, why + "; nothing was changed");
    }

    private Behavior<Command> end(ActorRef<Result> replyTo, Result.Kind what, String text) {
        replyTo.tell(new Result(what, text));
        busy = false;
        Reload next = waiting.poll();
        return next == null ? this : onReload(next);
    }

    /** What changes about stages, a line for each section. */
    private List<String> changesOfStages(RouterConfig next) {
        Map<String, String> changes = new TreeMap<>();
        for (StageDescriptor stage : catalog.stages()) {
            String section = catalog.path(stage);
            boolean now = isIn(inForce, stage);
            boolean then = isIn(next, stage);
            if (now && then && !inForce.hasSameSettings(stage, next)) {
                changes.put(section, section + " changed: " + stagesIn(section) + " run with the new settings");
            } else if (then && !now) {
                changes.put(section, section + " is new: " + stagesIn(section) + " in the graph");
            } else if (now && !then) {
                changes.put(section, section + " is gone: " + stagesIn(section) + " out of the graph");
            }
        }
        return List.copyOf(changes.values());
    }

    private String stagesIn(String section) {
        return catalog.stages().stream()
                .filter(stage -> catalog.path(stage).equals(section))
                .map(StageDescriptor::id)
                .collect(Collectors.joining(", "));
    }

    private boolean isIn(RouterConfig config, StageDescriptor stage) {
        return catalog.pluginOf(stage.id()) == null || config.pluginSections().contains(stage.section());
    }

    /** Makes each stage that is new, or has new settings, on trial; answers why some can't be. */
    private List<String> stagesThatCannotBeMade(RouterConfig next) {
        int laneCount = next.lanes().orElse(Runtime.getRuntime().availableProcessors());
        List<String> faulty = new ArrayList<>();
        for (StageDescriptor stage : catalog.stagesOf(next)) {
            if (isIn(inForce, stage) && inForce.hasSameSettings(stage, next)) {
                continue;
            }
            String why = StageTrial.of(stage, next.settings(stage), laneCount);
            if (why != null) {
                faulty.add(catalog.path(stage) + ": stage " + catalog.describe(stage.id())
                        + " can't be made with these settings: " + why);
            }
        }
        return faulty;
    }

    /** The parts of the configuration that differ in two, but for routes and the settings of stages. */
    private List<String> sectionsThatDiffer(RouterConfig now, RouterConfig next) {
        Set<String> keys = new LinkedHashSet<>(now.effective().keySet());
        keys.addAll(next.effective().keySet());
        ROUTES.forEach(keys::remove);
        keys.removeAll(catalog.stageSections());
        List<String> different = new ArrayList<>();
        for (String key : keys) {
            if (!Objects.equals(now.effective().get(key), next.effective().get(key))) {
                different.add(key);
            }
        }
        if (!now.akka().equals(next.akka())) {
            different.add("akka");
        }
        return different;
    }
}
