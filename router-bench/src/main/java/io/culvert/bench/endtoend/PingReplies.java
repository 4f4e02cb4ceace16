// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the round-trip times out of the lines that ping of iputils prints for each reply. */
final class PingReplies {
    private static final Pattern REPLY = Pattern.compile("icmp_seq=\\d+ .*\\btime=([0-9.]+) ms");
    private static final double MICROS_PER_MILLI = 1000;

    private PingReplies() {}

    /** Answers the times of all replies, in microseconds. */
    static List<Double> micros(String output) {
        List<Double> times = new ArrayList<>();
        Matcher reply = REPLY.matcher(output);
        while (reply.find()) {
            times.add(Double.parseDouble(reply.group(1)) * MICROS_PER_MILLI);
        }
        return times;
    }
}
