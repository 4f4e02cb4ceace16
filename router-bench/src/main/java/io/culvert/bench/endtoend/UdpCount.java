// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What {@code udpgen receive} counted.
 *
 * @param seconds from the first packet to the last
 */
record UdpCount(long packets, double seconds) {
    private static final Pattern LINE = Pattern.compile("(?m)^(\\d+) ([0-9.]+)$");

    static UdpCount parse(String output) throws IOException {
        Matcher line = LINE.matcher(output);
        if (!line.find()) {
            throw new IOException("udpgen printed no count: " + output.strip());
        }
        return new UdpCount(Long.parseLong(line.group(1)), Double.parseDouble(line.group(2)));
    }

    double packetsPerSecond() {
        return seconds == 0 ? 0 : packets / seconds;
    }
}
