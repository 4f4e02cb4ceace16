// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.culvert.app.ManagementClient.Answer;
import io.culvert.app.ManagementClient.Cell;
import io.culvert.app.ManagementClient.Column;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code culvert show}: asks the running router for one of its tables. Knows none of them: the router says which there
 * are and what their columns hold.
 */
@Command(
        name = "show",
        description =
                "Show a table of the running router: interfaces, routes, neighbors, counters, drops, graph, config or"
                        + " version; without a name, list what there is.")
final class ShowCommand implements Callable<Integer> {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @Parameters(paramLabel = "WHAT", arity = "0..1", description = "What to show.")
    private @Nullable String what;

    @Option(names = "--json", description = "Print JSON, for programs.")
    private boolean json;

    @Option(
            names = {"-s", "--socket"},
            paramLabel = "SOCKET",
            description =
                    "The router's management socket, as a path or as the router's name; needed when there are several.")
    private @Nullable String socket;

    /** Where routers put their sockets unless their configuration says otherwise. */
    private final Path folder;

    @Spec
    private CommandSpec spec;

    ShowCommand() {
        this(Path.of("/run/culvert"));
    }

    ShowCommand(Path folder) {
        this.folder = folder;
    }

    @Override
    public Integer call() {
        PrintWriter err = spec.commandLine().getErr();
        List<Path> sockets = socket != null ? List.of(pathOf(socket)) : socketsIn(folder);
        if (sockets.isEmpty()) {
            err.println("culvert: no router is running: there is no socket in " + folder + " (name another with -s)");
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
            answer = ManagementClient.show(path, what, PATIENCE);
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
                case "unknown-command" -> Culvert.EXIT_USAGE;
                default -> Culvert.EXIT_FAILED;
            };
        }
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            printJson(answer, out);
        } else if (answer.text() != null) {
            out.println(answer.text().stripTrailing());
        } else {
            printTable(answer, out);
        }
        out.flush();
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

    /** An array of objects by column name, a row in each line; or the document; or the text as a string. */
    private static void printJson(Answer answer, PrintWriter out) {
        if (answer.document() != null) {
            out.println(answer.document());
            return;
        }
        if (answer.text() != null) {
            out.println(quoted(answer.text()));
            return;
        }
        List<String> keys =
                answer.columns().stream().map(column -> quoted(column.name())).toList();
        out.print('[');
        String between = "\n";
        for (List<Cell> row : answer.rows()) {
            out.print(between);
            between = ",\n";
            List<String> members = new ArrayList<>(row.size());
            for (int i = 0; i < row.size(); i++) {
                members.add(keys.get(i) + ":" + row.get(i).json());
            }
            out.print("{" + String.join(",", members) + "}");
        }
        out.println(answer.rows().isEmpty() ? "]" : "\n]");
    }

    private static String quoted(String text) {
        return "\"" + new String(JsonStringEncoder.getInstance().quoteAsString(text)) + "\"";
    }

    private static void printTable(Answer answer, PrintWriter out) {
        List<Column> columns = answer.columns();
        int[] widths =
                columns.stream().mapToInt(column -> column.name().length()).toArray();
        for (List<Cell> row : answer.rows()) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).text().length());
            }
        }
        printRow(columns, widths, columns.stream().map(Column::name).toList(), out);
        for (List<Cell> row : answer.rows()) {
            printRow(columns, widths, row.stream().map(Cell::text).toList(), out);
        }
    }

    private static void printRow(List<Column> columns, int[] widths, List<String> texts, PrintWriter out) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            String padding = " ".repeat(widths[i] - texts.get(i).length());
            line.append(i == 0 ? "" : "  ");
            line.append(columns.get(i).right() ? padding + texts.get(i) : texts.get(i) + padding);
        }
        out.println(line.toString().stripTrailing());
    }
}
