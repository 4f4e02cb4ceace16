// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.culvert.app.ManagementClient.Answer;
import io.culvert.app.ManagementClient.Cell;
import io.culvert.app.ManagementClient.Column;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
                "Show a table of the running router: interfaces, routes, neighbors, counters, drops, graph, memory,"
                        + " plugins, config or version; without a name, list what there is.")
final class ShowCommand implements Callable<Integer> {
    @Parameters(paramLabel = "WHAT", arity = "0..1", description = "What to show.")
    private @Nullable String what;

    @Option(names = "--json", description = "Print JSON, for programs.")
    private boolean json;

    @Mixin
    private final RouterSocket router;

    @Spec
    private CommandSpec spec;

    ShowCommand() {
        this(new RouterSocket());
    }

    ShowCommand(RouterSocket router) {
        this.router = router;
    }

    @Override
    public Integer call() {
        return router.ask("show", what, spec.commandLine().getErr(), this::print);
    }

    private void print(Answer answer) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            printJson(answer, out);
        } else if (answer.text() != null) {
            out.println(answer.text().stripTrailing());
        } else {
            printTable(answer, out);
        }
        out.flush();
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
