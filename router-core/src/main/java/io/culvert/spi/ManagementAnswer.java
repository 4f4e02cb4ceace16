// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link ManagementCommand} answers: a table, or a text with the same as a JSON document.
 *
 * @param table for people and programs, or null
 * @param text of one or more lines for people, or null
 * @param document JSON of one line for programs, or null when the text has no other form
 * @since 0.1
 */
public record ManagementAnswer(
        @Nullable Table table,
        @Nullable String text,
        @Nullable String document) {
    public static ManagementAnswer of(Table table) {
        return new ManagementAnswer(table, null, null);
    }

    public static ManagementAnswer of(String text) {
        return new ManagementAnswer(null, text, null);
    }

    public static ManagementAnswer of(String text, String document) {
        return new ManagementAnswer(null, text, document);
    }

    /** What a column holds; it says how the column is aligned and how a program reads it. */
    public enum Type {
        /** Text, to the left. */
        TEXT,
        /** A whole number, to the right. */
        NUMBER,
        /** {@code true} or {@code false}, shown as yes and no. */
        BOOLEAN
    }

    /**
     * A column.
     *
     * @param name in lower case, unique in the table; it is also the key for programs
     */
    public record Column(String name, Type type) {}

    /**
     * Rows under named columns.
     *
     * @param title what the rows are
     * @param rows read once, on the client's thread, while they are written: what they hold must not change by then. Each
     *     has a value for each column: a {@link String}, {@link Long}, {@link Integer} or {@link Boolean}, or null for
     *     none
     */
    public record Table(String title, List<Column> columns, Iterable<? extends List<? extends @Nullable Object>> rows) {
        public Table {
            columns = List.copyOf(columns);
        }

        public static Builder titled(String title) {
            return new Builder(title);
        }
    }

    /** Collects a table that fits in memory. */
    public static final class Builder {
        private final String title;
        private final List<Column> columns = new ArrayList<>();
        private final List<List<@Nullable Object>> rows = new ArrayList<>();

        private Builder(String title) {
            this.title = title;
        }

        public Builder text(String column) {
            columns.add(new Column(column, Type.TEXT));
            return this;
        }

        public Builder number(String column) {
            columns.add(new Column(column, Type.NUMBER));
            return this;
        }

        public Builder flag(String column) {
            columns.add(new Column(column, Type.BOOLEAN));
            return this;
        }

        /**
         * Adds a row.
         *
         * @param values one for each column, null for none
         */
        public Builder row(@Nullable Object... values) {
            if (values.length != columns.size()) {
                throw new IllegalArgumentException(
                        values.length + " values for " + columns.size() + " columns of " + title);
            }
            List<@Nullable Object> row = new ArrayList<>(values.length);
            for (Object value : values) {
                row.add(value);
            }
            rows.add(row);
            return this;
        }

        public ManagementAnswer answer() {
            return ManagementAnswer.of(new Table(title, columns, rows));
        }
    }
}
