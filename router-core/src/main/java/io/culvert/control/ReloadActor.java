// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import io.culvert.config.BadConfigException;
import io.culvert.config.ConfigProblem;
import io.culvert.config.RouterConfig;
import io.culvert.fib.RouteSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Puts a changed configuration file in force while the router runs: plans what would change, and applies all of it or
 * nothing. Changed {@code routes} are applied, all together; a change anywhere else needs a restart and is refused, as is a
 * file with a mistake: then the configuration in force stays. Reads a file, so it runs where blocking is allowed.
 */
public final class ReloadActor extends AbstractBehavior<ReloadActor.Command> {
    private static final List<String> ROUTES = List.of("routes", "route-files");
    private static final Duration APPLIED_WITHIN = Duration.ofSeconds(30);

    /** What the actor is told. */
    public sealed interface Command {}

    /** Read the file again. */
    public record Reload(ActorRef<Result> replyTo) implements Command {}

    private record Applied(RouterConfig config, RouteActor.@Nullable Applied routes, ActorRef<Result> replyTo)
            implements Command {}

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
    private final Consumer<RouterConfig> listener;
    private final ActorRef<RouteActor.Command> routes;
    private RouterConfig inForce;

    private ReloadActor(
            ActorContext<Command> context,
            Reader reader,
            RouterConfig inForce,
            Consumer<RouterConfig> listener,
            ActorRef<RouteActor.Command> routes) {
        super(context);
        this.reader = reader;
        this.inForce = inForce;
        this.listener = listener;
        this.routes = routes;
    }

    /**
     * Makes the actor.
     *
     * @param inForce the configuration in force
     * @param listener told of each configuration that has come in force, on the actor's thread
     */
    public static Behavior<Command> create(
            Reader reader, RouterConfig inForce, Consumer<RouterConfig> listener, ActorRef<RouteActor.Command> routes) {
        return Behaviors.setup(context -> new ReloadActor(context, reader, inForce, listener, routes));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Reload.class, this::onReload)
                .onMessage(Applied.class, this::onApplied)
                .build();
    }

    private Behavior<Command> onReload(Reload message) {
        RouterConfig next;
        try {
            next = reader.read();
        } catch (BadConfigException bad) {
            String problems =
                    bad.problems().stream().map(ConfigProblem::toString).collect(Collectors.joining("\n"));
            message.replyTo().tell(new Result(Result.Kind.BAD_CONFIG, problems + "\nnothing was changed"));
            return this;
        }
        List<String> fixed = sectionsThatDiffer(inForce, next);
        if (!fixed.isEmpty()) {
            message.replyTo()
                    .tell(new Result(
                            Result.Kind.REFUSED,
                            "a change of " + String.join(", ", fixed) + " needs a restart of the router; nothing was"
                                    + " changed"));
            return this;
        }
        getContext()
                .ask(
                        RouteActor.Applied.class,
                        routes,
                        APPLIED_WITHIN,
                        replyTo -> new RouteActor.ReplaceRoutes(RouteSource.STATIC, StaticRoutes.of(next), replyTo),
                        (done, failure) -> new Applied(next, done, message.replyTo()));
        return this;
    }

    private Behavior<Command> onApplied(Applied message) {
        RouteActor.Applied routesChanged = message.routes();
        if (routesChanged == null) {
            message.replyTo()
                    .tell(new Result(
                            Result.Kind.REFUSED, "the route actor did not answer; nothing is known of its routes"));
        } else {
            inForce = message.config();
            listener.accept(inForce);
            message.replyTo()
                    .tell(new Result(
                            Result.Kind.APPLIED,
                            routesChanged.changed() == 1
                                    ? "1 route changed"
                                    : routesChanged.changed() + " routes changed"));
        }
        return this;
    }

    /** The parts of the configuration, but for the routes, in which two differ. */
    private static List<String> sectionsThatDiffer(RouterConfig now, RouterConfig next) {
        Set<String> keys = new LinkedHashSet<>(now.effective().keySet());
        keys.addAll(next.effective().keySet());
        ROUTES.forEach(keys::remove);
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
