// SPDX-License-Identifier: Apache-2.0
package io.culvert.lab;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/**
 * Tells people what a lab does, as it happens: one line for each step, its first half before the step and its second
 * half, with the outcome, after it.
 */
final class LabReport {
    private static final int OUTCOME_COLUMN = 58;

    private final PrintWriter out;
    private long begun;
    private boolean midLine;

    LabReport(PrintWriter out) {
        this.out = out;
    }

    /** A line of its own. */
    void say(String line) {
        endLine();
        out.println(line);
        out.flush();
    }

    /** A step begins; {@link #ok} or {@link #failed} ends it. */
    void begin(String title) {
        endLine();
        out.print("  " + title + " " + ".".repeat(Math.max(3, OUTCOME_COLUMN - title.length())) + " ");
        out.flush();
        begun = System.nanoTime();
        midLine = true;
    }

    /** @param figure what is worth telling about it; may be empty */
    void ok(String figure) {
        end("ok", figure);
    }

    /** @param explanation lines that say what was expected, what was seen and where to look */
    void failed(List<String> explanation) {
        end("FAILED", "");
        explanation.forEach(line -> out.println("      " + line));
        out.flush();
    }

    /** Prints something as it is, set off from the lines around it. */
    void quote(String text) {
        endLine();
        text.lines().forEach(line -> out.println("      " + line));
        out.flush();
    }

    private void end(String outcome, String figure) {
        Duration took = Duration.ofNanos(System.nanoTime() - begun);
        out.println(outcome + (figure.isEmpty() ? "" : "  " + figure) + "  (" + seconds(took) + ")");
        out.flush();
        midLine = false;
    }

    private void endLine() {
        if (midLine) {
            out.println();
            midLine = false;
        }
    }

    static String seconds(Duration duration) {
        return String.format(Locale.ROOT, "%.1f s", duration.toMillis() / 1000.0);
    }
}
