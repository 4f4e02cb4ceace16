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
        boolean show = request.command().equals(ManagementCommand.SHOW);
        String what = request.what();
        if (show && what == null) {
            return list(commands);
        }
        ManagementCommand command = commands.get(key(request.command(), what == null ? "" : what));
        if (command == null && show) {
            throw new Refusal(
                    Code.UNKNOWN_COMMAND,
                    "there is nothing to show as \"" + what + "\", expected one of "
                            + String.join(
                                    ", ",
                                    shown(commands).map(ManagementCommand::what).toList()));
        }
        if (command == null) {
            throw new Refusal(
                    Code.UNKNOWN_COMMAND,
                    "there is no command \"" + request.command() + "\", expected one of "
                            + String.join(
                                    ", ",
                                    commands.values().stream()
                                            .map(ManagementCommand::command)
                                            .distinct()
                                            .toList()));
        }
        try {
            return command.answer(List.of()).toCompletableFuture().get(within.toMillis(), TimeUnit.MILLISECONDS);
        } catch (RuntimeException e) {
            throw new ExecutionException(e);
        }
    }

    private static ManagementAnswer list(Map<String, ManagementCommand> commands) {
        ManagementAnswer.Builder table =
                ManagementAnswer.Table.titled("what can be shown").text("what").text("summary");
        shown(commands).forEach(command -> table.row(command.what(), command.summary()));
        return table.answer();
    }

    private static Stream<ManagementCommand> shown(Map<String, ManagementCommand> commands) {
        return commands.values().stream().filter(command -> command.command().equals(ManagementCommand.SHOW));
    }

    private static String key(ManagementCommand command) {
        return key(command.command(), command.what());
    }

    private static String key(String command, String what) {
        return command + " " + what;
    }
}
