// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import java.util.HashMap;
import java.util.Map;

/**
 * Finds keys that stand twice between the same braces. HOCON lets the last one win, or merges two sections of one name
 * into one: two interfaces that were both called {@code lan} would start as one without a word.
 *
 * <p>What says that it builds on the value before ({@code +=}, {@code ${...}}) is meant, and so are sections at the top of
 * the file that are written in parts. Only syntax that the library has accepted gets here; each file is read for itself.
 */
final class RepeatedKeys {
    private final String text;
    private final String root;
    private final Problems problems;
    private int at;
    private int line = 1;

    private RepeatedKeys(String text, String root, Problems problems) {
        this.text = text;
        this.root = root;
        this.problems = problems;
    }

    /**
     * Reports the repeated keys of the operator's own file.
     *
     * @param text the whole file
     * @param root the root whose name messages leave out
     */
    static void report(String text, String root, Problems problems) {
        RepeatedKeys scan = new RepeatedKeys(text, root, problems);
        scan.skipBetween();
        if (scan.peek() == '{') {
            scan.at++;
        }
        scan.object("", true);
    }

    /** @param substitution whether the value builds on another */
    private record Seen(int line, boolean substitution) {}

    /** Reads fields until the closing brace, or the end, and goes behind it. */
    private void object(String path, boolean top) {
        Map<String, Seen> seen = new HashMap<>();
        while (true) {
            skipBetween();
            if (atEnd() || peek() == '}') {
                at++;
                return;
            }
            int start = at;
            int keyLine = line;
            String key = key();
            boolean appends = peek() == '+';
            if (!atEnd() && peek() != '\n' && peek() != '{') {
                at += appends ? 2 : 1;
                skipBetween();
            }
            String inner = path.isEmpty() ? key : path + "." + key;
            Value value = value(top && key.equals(root) ? "" : inner);
            Seen before = seen.putIfAbsent(key, new Seen(keyLine, appends || value.substitution()));
            if (before != null
                    && !before.substitution()
                    && !appends
                    && !value.substitution()
                    && !(top && value.section())) {
                problems.add(
                        keyLine, inner + " is there twice (line " + before.line() + "), expected one of that name");
            }
            if (at == start) {
                // Nothing that a key or a value begins with: never in accepted syntax, but no reason to hang.
                at++;
            }
        }
    }

    private String key() {
        StringBuilder key = new StringBuilder();
        while (!atEnd()) {
            char c = peek();
            if (c == '=' || c == ':' || c == '{' || c == '}' || c == '\n' || c == '+') {
                break;
            }
            if (c == '"') {
                int from = at;
                quoted();
                key.append(text, from + 1, Math.max(from + 1, at - 1));
            } else {
                key.append(c);
                at++;
            }
        }
        return key.toString().strip();
    }

    private record Value(boolean section, boolean substitution) {}

    /** Reads up to what ends a value, which may be made of parts side by side. */
    private Value value(String path) {
        boolean section = false;
        boolean substitution = false;
        while (!atEnd()) {
            char c = peek();
            if (c == '\n' || c == ',' || c == '}' || c == ']' || isComment()) {
                break;
            }
            if (c == '{') {
                at++;
                object(path, false);
                section = true;
            } else if (c == '[') {
                at++;
                list(path);
            } else if (c == '"') {
                quoted();
            } else if (c == '$') {
                int end = text.indexOf('}', at);
                at = end < 0 ? text.length() : end + 1;
                substitution = true;
            } else {
                at++;
            }
        }
        return new Value(section, substitution);
    }

    private void list(String path) {
        while (true) {
            skipBetween();
            if (atEnd() || peek() == ']') {
                at++;
                return;
            }
            int start = at;
            value(path);
            if (at == start) {
                at++;
            }
        }
    }

    private void quoted() {
        if (text.startsWith("\"\"\"", at)) {
            int end = text.indexOf("\"\"\"", at + 3);
            end = end < 0 ? text.length() : end + 3;
            while (end < text.length() && text.charAt(end) == '"') {
                end++;
            }
            for (; at < end; at++) {
                line += peek() == '\n' ? 1 : 0;
            }
            return;
        }
        at++;
        while (!atEnd() && peek() != '"' && peek() != '\n') {
            at += peek() == '\\' ? 2 : 1;
        }
        at = Math.min(at + 1, text.length());
    }

    /** Goes over blanks, newlines, commas and comments. */
    private void skipBetween() {
        while (!atEnd()) {
            char c = peek();
            if (isComment()) {
                while (!atEnd() && peek() != '\n') {
                    at++;
                }
            } else if (c == '\n') {
                line++;
                at++;
            } else if (c == ',' || Character.isWhitespace(c)) {
                at++;
            } else {
                return;
            }
        }
    }

    private boolean isComment() {
        return peek() == '#' || text.startsWith("//", at);
    }

    private boolean atEnd() {
        return at >= text.length();
    }

    /** The character here, or the end of the line behind the end of the file. */
    private char peek() {
        return atEnd() ? '\n' : text.charAt(at);
    }
}
