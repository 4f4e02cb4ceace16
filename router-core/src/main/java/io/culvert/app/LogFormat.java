// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

/** How {@code culvert run} writes its log: one event, one line, on standard output. */
enum LogFormat {
    /** For people: time, level, source and message. */
    TEXT,
    /** For programs: one JSON object. */
    JSON;

    /** The word for the command line. */
    @Override
    public String toString() {
        return this == TEXT ? "text" : "json";
    }
}
