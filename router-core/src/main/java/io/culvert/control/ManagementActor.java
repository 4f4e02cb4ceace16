// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import io.culvert.config.ManagementConfig;
import io.culvert.control.ManagementProtocol.Code;
import io.culvert.control.ManagementProtocol.Refusal;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Owns the management socket: opens it at start, holds what can be asked, and removes it when it stops. All that may wait
 * happens on threads of its own.
 */
public final class ManagementActor extends AbstractBehavior<ManagementActor.Command> {
    /** What the actor is told. */
    public sealed interface Command {}

    /** Adds something that can be asked, in place of what had the same name. */
    public record Register(ManagementCommand command) implements Command {}

    private record Opened(Path socket) implements Command {}

    private record NotOpened(IOException cause) implements Command {}

    /** What became of the socket, told once. */
    public sealed interface Status {}

    /** Operators can ask now. */
    public record Ready(Path socket) implements Status {}

    /** There is no socket, and the actor has stopped. The cause's message is for the operator and names the path. */
    public record Failed(IOException cause) implements Status {
        /** Whether the router lacks a permission. */
        public boolean isMissingRight() {
            return cause.getCause() instanceof AccessDeniedException;
        }

        public String message() {
            return String.valueOf(cause.getMessage());
        }
    }

    /** The commands that ask for something further, and without it list what there is. */
    private static final List<String> LISTED =
            List.of(ManagementCommand.SHOW, ManagementCommand.CLEAR, ManagementCommand.SET);

    private final Map<String, ManagementCommand> commands;
    private final ActorRef<Status> status;
    private final Opening opening;

    /**
     * Makes the actor.
     *
     * @param commands what can be asked from the first moment
     * @param status is told when the socket is open, or why it is not
     */
    public static Behavior<Command> create(
            ManagementConfig config, List<ManagementCommand> commands, ActorRef<Status> status) {
        return create(config, commands, status, null, ManagementServer.Limits.DEFAULT);
    }

    static Behavior<Command> create(
            ManagementConfig config,
            List<ManagementCommand> commands,
            ActorRef<Status> status,
            @Nullable SocketAccess access,
            ManagementServer.Limits limits) {
        return Behaviors.setup(context -> new ManagementActor(context, config, commands, status, access, limits));
    }

    private ManagementActor(
            ActorContext<Command> context,
            ManagementConfig config,
            List<ManagementCommand> initial,
            ActorRef<Status> status,
            @Nullable SocketAccess access,
            ManagementServer.Limits limits) {
        super(context);
        this.status = status;
        this.commands = new ConcurrentSkipListMap<>();
        initial.forEach(command -> commands.put(key(command), command));
        Map<String, ManagementCommand> shared = commands;
        this.opening = new Opening(context.getSelf());
        opening.start(() ->
                ManagementServer.open(config, (request, within) -> answer(shared, request, within), access, limits));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Register.class, this::register)
                .onMessage(Opened.class, this::opened)
                .onMessage(NotOpened.class, this::notOpened)
                .onSignal(PostStop.class, signal -> stopped())
                .build();
    }

    private Behavior<Command> register(Register message) {
        commands.put(key(message.command()), message.command());
        return this;
    }

    private Behavior<Command> opened(Opened message) {
        status.tell(new Ready(message.socket()));
        return this;
    }

    private Behavior<Command> notOpened(NotOpened message) {
        status.tell(new Failed(message.cause()));
        return Behaviors.stopped();
    }

    private Behavior<Command> stopped() {
        opening.close();
        return this;
    }

    /** Opens the server beside the actor, which may be stopped before that is done, and closes it. */
    private static final class Opening {
        interface Opener {
            ManagementServer open() throws IOException;
        }

        private final ActorRef<Command> actor;
        private boolean closed;
        private @Nullable ManagementServer server;

        Opening(ActorRef<Command> actor) {
            this.actor = actor;
        }

        void start(Opener opener) {
            Thread thread = new Thread(
                    () -> {
                        try {
                            done(opener.open());
                        } catch (IOException e) {
                            actor.tell(new NotOpened(e));
                        }
                    },
                    "management-open");
            thread.setDaemon(true);
            thread.start();
        }

        private synchronized void done(ManagementServer opened) {
            if (closed) {
                opened.close();
            } else {
                server = opened;
                actor.tell(new Opened(opened.path()));
            }
        }

        synchronized void close() {
            closed = true;
            if (server != null) {
                server.close();
            }
        }
    }

    private static ManagementAnswer answer(
            Map<String, ManagementCommand> commands, ManagementProtocol.Request request, Duration within)
            throws Refusal, InterruptedException, ExecutionException, TimeoutException {
        String what = request.what();
        if (what == null && LISTED.contains(request.command())) {
            return list(commands, request.command());
        }
        ManagementCommand command = commands.get(key(request.command(), what == null ? "" : what));
        if (command == null) {
            throw new Refusal(Code.UNKNOWN_COMMAND, unknown(commands, request));
        }
        if (command.usage().isEmpty() && !request.arguments().isEmpty()) {
            throw badArgument(command, "it takes no arguments, got \"" + String.join(" ", request.arguments()) + "\"");
        }
        CompletableFuture<ManagementAnswer> answer = null;
        try {
            answer = command.answer(request.arguments()).toCompletableFuture();
            return answer.get(within.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ManagementCommand.BadArgument bad) {
            throw badArgument(command, String.valueOf(bad.getMessage()));
        } catch (ExecutionException e) {
            if (e.getCause() instanceof ManagementCommand.BadArgument bad) {
                throw badArgument(command, String.valueOf(bad.getMessage()));
            }
            throw e;
        } catch (TimeoutException late) {
            answer.cancel(true); // whoever still works on it may stop
            if (command instanceof PluginCommand of) {
                throw new Refusal(
                        Code.TIMEOUT,
                        "plugin " + of.plugin() + " has not answered within " + within.toSeconds() + " s");
            }
            throw late;
        } catch (CancellationException given) {
            throw new Refusal(Code.FAILED, "the router ends");
        } catch (RuntimeException e) {
            throw new ExecutionException(e);
        }
    }

    private static String unknown(Map<String, ManagementCommand> commands, ManagementProtocol.Request request) {
        if (!LISTED.contains(request.command())) {
            List<String> known = Stream.concat(
                            LISTED.stream(), commands.values().stream().map(ManagementCommand::command))
                    .distinct()
                    .sorted()
                    .toList();
            return "there is no command \"" + request.command() + "\", expected one of " + String.join(", ", known);
        }
        List<String> known =
                of(commands, request.command()).map(ManagementCommand::what).toList();
        return "there is nothing to " + request.command() + " as \"" + request.what() + "\""
                + (known.isEmpty() ? ", nor anything else" : ", expected one of " + String.join(", ", known));
    }

    private static Refusal badArgument(ManagementCommand command, String problem) {
        String usage = "culvert " + command.command() + " " + command.what();
        return new Refusal(
                Code.BAD_ARGUMENT,
                command.command() + " " + command.what() + ": " + problem + "; usage: " + usage
                        + (command.usage().isEmpty() ? "" : " " + command.usage()));
    }

    private static ManagementAnswer list(Map<String, ManagementCommand> commands, String command) {
        ManagementAnswer.Builder table = ManagementAnswer.Table.titled("what there is to " + command)
                .text("what")
                .text("arguments")
                .text("from")
                .text("summary");
        of(commands, command)
                .forEach(one -> table.row(
                        one.what(),
                        one.usage(),
                        one instanceof PluginCommand of ? "plugin " + of.plugin() : "router",
                        one.summary()));
        return table.answer();
    }

    private static Stream<ManagementCommand> of(Map<String, ManagementCommand> commands, String command) {
        return commands.values().stream().filter(one -> one.command().equals(command));
    }

    private static String key(ManagementCommand command) {
        return key(command.command(), command.what());
    }

    private static String key(String command, String what) {
        return command + " " + what;
    }
}
