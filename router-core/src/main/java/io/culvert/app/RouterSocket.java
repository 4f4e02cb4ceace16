// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import io.culvert.app.ManagementClient.Answer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The running router that a command speaks to: the option that names it, and how failures to reach it are told. */
final class RouterSocket {
    private static final Duration PATIENCE = Duration.ofSeconds(75);

    /** Where routers put their sockets unless their configuration says otherwise. */
    private final Path folder;

    @Option(
            names = {"-s", "--socket"},
            paramLabel = "SOCKET",
            description =
                    "The router's management socket, as a path or as the router's name; needed when there are several.")
    private @Nullable String socket;

    RouterSocket() {
        this(Path.of("/run/culvert"));
    }

    RouterSocket(Path folder) {
        this.folder = folder;
    }

    /**
     * Asks the router and passes its answer on.
     *
     * @param what null for commands that stand alone
     * @param arguments the words behind it
     * @return the exit code; what went wrong has been told on {@code err}
     */
    int ask(String command, @Nullable String what, List<String> arguments, PrintWriter err, Consumer<Answer> answered) {
        List<Path> sockets = socket != null ? List.of(pathOf(socket)) : socketsIn(folder);
        if (sockets.isEmpty()) {
            err.println("culvert: no router is running: there is no socket in " + folder + " (name another with -s)");
            return Culvert.EXIT_NO_ROUTER;
        }
        if (sockets.size() > 1) {
            // Routers that were killed leave theirs behind.
            sockets = sockets.stream().filter(RouterSocket::isServed).toList();
        }
        if (sockets.isEmpty()) {
            err.println("culvert: no router is running: nobody answers at the sockets in " + folder);
            return Culvert.EXIT_NO_ROUTER;
        }
        if (sockets.size() > 1) {
            err.println("culvert: several routers may be running, choose one with -s: "
                    + String.join(" ", sockets.stream().map(Path::toString).toList()));
            return Culvert.EXIT_USAGE;
        }
        Path path = sockets.get(0);
        Answer answer;
        try {
            answer = ManagementClient.ask(path, command, what, arguments, PATIENCE);
        } catch (ClosedChannelException e) {
            err.println("culvert: the router at " + path + " did not answer within " + PATIENCE.toSeconds() + " s");
            return Culvert.EXIT_NO_ROUTER;
        } catch (IOException e) {
            return unreachable(path, e, err);
        }
        if (answer.refusal() != null) {
            err.println("culvert: " + answer.refusal().message());
            return switch (answer.refusal().code()) {
                case "not-allowed" -> Culvert.EXIT_NO_PERMISSION;
                case "unknown-command", "bad-argument" -> Culvert.EXIT_USAGE;
                case "bad-config" -> Culvert.EXIT_BAD_CONFIG;
                default -> Culvert.EXIT_FAILED;
            };
        }
        answered.accept(answer);
        return Culvert.EXIT_OK;
    }

    private static int unreachable(Path path, IOException reason, PrintWriter err) {
        if (String.valueOf(reason.getMessage()).contains("Permission denied")) {
            err.println("culvert: management socket " + path
                    + " is not open to you: be root, the router's user, or in the socket's group");
            return Culvert.EXIT_NO_PERMISSION;
        }
        err.println("culvert: no router answers at " + path + ": " + reason.getMessage());
        return Culvert.EXIT_NO_ROUTER;
    }

    private static boolean isServed(Path socket) {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(socket));
            return true;
        } catch (IOException refused) {
            return !(refused instanceof ConnectException);
        }
    }

    private Path pathOf(String given) {
        return given.contains("/") || given.endsWith(".sock") ? Path.of(given) : folder.resolve(given + ".sock");
    }

    private static List<Path> socketsIn(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(".sock"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException("can't list " + folder, e);
        }
    }
}
