// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.control.ManagementProtocol.Code;
import io.culvert.control.ManagementProtocol.Refusal;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementAnswer.Table;
import io.culvert.spi.ManagementCommand;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A command that a plugin brings, as the router offers it: whatever it does costs its client an error that names the plugin,
 * nothing else. All that it says of itself is read once.
 */
final class PluginCommand implements ManagementCommand {
    private static final Logger LOG = LoggerFactory.getLogger(PluginCommand.class);
    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9]*(-[a-z0-9]+)*");
    private static final List<String> COMMANDS = List.of(SHOW, CLEAR, SET);

    /** More than a client would read; a table without end must not eat the router's memory. */
    private static final int MOST_ROWS = 1_000_000;

    private final String plugin;
    private final PluginCalls calls;
    private final ManagementCommand brought;
    private final String command;
    private final String what;
    private final String summary;
    private final String usage;

    /** @throws IllegalArgumentException telling what the plugin has to change */
    PluginCommand(String plugin, PluginCalls calls, ManagementCommand brought) {
        this.plugin = plugin;
        this.calls = calls;
        this.brought = brought;
        this.command = brought.command();
        this.what = brought.what();
        this.summary = brought.summary();
        this.usage = brought.usage();
        if (!COMMANDS.contains(command)) {
            throw new IllegalArgumentException(
                    "a plugin's command is one of " + String.join(", ", COMMANDS) + ", not \"" + command + "\"");
        }
        if (!NAME.matcher(what).matches()) {
            throw new IllegalArgumentException(
                    "the word of a command is in kebab-case, and " + command + " \"" + what + "\" is not");
        }
    }

    String plugin() {
        return plugin;
    }

    @Override
    public String command() {
        return command;
    }

    @Override
    public String what() {
        return what;
    }

    @Override
    public String summary() {
        return summary;
    }

    @Override
    public String usage() {
        return usage;
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        return calls.call(
                () -> {
                    // Waited for here, so that a client that gives up can interrupt whatever it is.
                    ManagementAnswer answer =
                            brought.answer(arguments).toCompletableFuture().get();
                    return inOurHands(answer);
                },
                this::failure);
    }

    private Throwable failure(Throwable cause) {
        if (cause instanceof Declined || cause instanceof BadArgument || cause instanceof Refusal) {
            return cause;
        }
        LOG.warn("plugin {} failed to answer {} {}", plugin, command, what, cause);
        return new Refusal(
                Code.FAILED, "plugin " + plugin + " failed to answer " + command + " " + what + ": " + cause);
    }

    /** Reads all that the plugin would be asked for while the answer is written: then it can't fail any more. */
    private ManagementAnswer inOurHands(ManagementAnswer answer) throws IOException {
        String document = answer.document();
        if (document != null) {
            document = ManagementProtocol.oneLine(document);
        }
        Table table = answer.table();
        if (table != null) {
            table = new Table(table.title(), table.columns(), rowsOf(table));
        }
        if (table == null && answer.text() == null) {
            throw new IllegalArgumentException("its answer is empty");
        }
        return new ManagementAnswer(table, answer.text(), document);
    }

    private static List<List<@Nullable Object>> rowsOf(Table table) {
        List<List<@Nullable Object>> rows = new ArrayList<>();
        for (List<? extends @Nullable Object> row : table.rows()) {
            if (row.size() != table.columns().size()) {
                throw new IllegalArgumentException(
                        row.size() + " values for " + table.columns().size() + " columns of " + table.title());
            }
            if (rows.size() == MOST_ROWS) {
                throw new IllegalArgumentException("its table has more than " + MOST_ROWS + " rows");
            }
            rows.add(written(row));
        }
        return rows;
    }

    private static List<@Nullable Object> written(List<? extends @Nullable Object> row) {
        List<@Nullable Object> values = new ArrayList<>(row.size());
        for (Object value : row) {
            boolean plain = value instanceof Long || value instanceof Integer || value instanceof Boolean;
            values.add(value == null || plain ? value : value.toString());
        }
        return values;
    }
}
