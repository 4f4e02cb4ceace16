// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

/** One thing that is done to a forwarder in each round; it gives one or several figures. */
enum Measure {
    TCP_1("tcp-1", true),
    UDP_18("udp-18", true),
    RTT_IDLE("rtt-idle", true),
    TCP_8("tcp-8", false),
    RTT_RESTED("rtt-rested", false),
    TCP_1_IP6("tcp-1-ip6", false),
    UDP_512("udp-512", false),
    UDP_1400("udp-1400", false),
    UDP_18_IP6("udp-18-ip6", false),
    RTT_LOADED("rtt-loaded", false);

    private final String id;
    private final boolean barred;

    Measure(String id, boolean barred) {
        this.id = id;
        this.barred = barred;
    }

    String id() {
        return id;
    }

    /** Whether there is a bar that it must reach: then it has more rounds, and is done with a million routes too. */
    boolean barred() {
        return barred;
    }
}
