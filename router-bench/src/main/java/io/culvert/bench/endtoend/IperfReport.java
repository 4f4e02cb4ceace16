// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import java.io.IOException;

/**
 * What the client of iperf3 reports with {@code --json}.
 *
 * @param bitsPerSecond that arrived at the server, all streams together
 * @param bytes that arrived
 */
record IperfReport(double bitsPerSecond, long bytes) {
    /**
     * Reads a report.
     *
     * @throws IOException if it tells of a failure, or is none
     */
    static IperfReport parse(String json) throws IOException {
        try {
            Config report = ConfigFactory.parseString(json);
            if (report.hasPath("error")) {
                throw new IOException("iperf3: " + report.getString("error"));
            }
            Config received = report.getConfig("end.sum_received");
            return new IperfReport(received.getDouble("bits_per_second"), received.getLong("bytes"));
        } catch (ConfigException e) {
            throw new IOException("iperf3 reports something unknown: " + e.getMessage(), e);
        }
    }
}
