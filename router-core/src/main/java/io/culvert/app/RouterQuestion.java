// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.culvert.app.ManagementClient.Answer;
import io.culvert.app.ManagementClient.Cell;
import io.culvert.app.ManagementClient.Column;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * The words and options of the commands that ask the running router for something and print its answer. Knows nothing of what
 * there is to ask: the router says that, and what the columns of its tables hold.
 */
final class RouterQuestion {
    @Parameters(
            index = "0",
            paramLabel = "WHAT",
            arity = "0..1",
            description = "What it is about; without it, list what there is.")
    private @Nullable String what;

    @Parameters(
            index = "1..*",
            paramLabel = "ARGUMENT",
            arity = "0..*",
            description = "What WHAT needs to know; behind -- also words that begin with a dash.")
    private List<String> arguments = new ArrayList<>();

    @Option(names = "--json", description = "Print JSON, for programs.")
    private boolean json;

    @Mixin
    private final RouterSocket router;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    RouterQuestion(RouterSocket router) {
        this.router = router;
    }

    /** Asks and prints; answers the exit code. */
    int ask(String command) {
        return router.ask(command, what, arguments, spec.commandLine().getErr(), this::print);
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
