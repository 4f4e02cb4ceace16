// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.util.Locale;

/** What is measured, in what unit. */
enum Quantity {
    TCP_1("tcp-1", "TCP, 1 stream", "Gb/s"),
    TCP_1_SYSTEM_CPU("tcp-1-system-cpu", "CPU of the machine, TCP", "s/GB"),
    TCP_1_PROCESS_CPU("tcp-1-process-cpu", "CPU of the forwarder's process, TCP", "s/GB"),
    TCP_8("tcp-8", "TCP, 8 streams", "Gb/s"),
    TCP_1_IP6("tcp-1-ip6", "TCP, 1 stream, IPv6", "Gb/s"),
    TCP_8_IP6("tcp-8-ip6", "TCP, 8 streams, IPv6", "Gb/s"),
    UDP_18("udp-18", "UDP, 18 bytes", "kpps"),
    UDP_512("udp-512", "UDP, 512 bytes", "kpps"),
    UDP_1400("udp-1400", "UDP, 1400 bytes", "kpps"),
    UDP_18_SPREAD("udp-18-spread", "UDP, 18 bytes, to 65,536 addresses", "kpps"),
    UDP_18_IP6("udp-18-ip6", "UDP, 18 bytes, IPv6", "kpps"),
    UDP_512_IP6("udp-512-ip6", "UDP, 512 bytes, IPv6", "kpps"),
    UDP_1400_IP6("udp-1400-ip6", "UDP, 1400 bytes, IPv6", "kpps"),
    RTT_IDLE_MEDIAN("rtt-idle-median", "RTT, idle, median", "µs"),
    RTT_IDLE_P99("rtt-idle-p99", "RTT, idle, p99", "µs"),
    RTT_IDLE_IP6_MEDIAN("rtt-idle-ip6-median", "RTT, idle, IPv6, median", "µs"),
    RTT_IDLE_IP6_P99("rtt-idle-ip6-p99", "RTT, idle, IPv6, p99", "µs"),
    RTT_RESTED_MEDIAN("rtt-rested-median", "RTT, 20 ms apart, median", "µs"),
    RTT_RESTED_P99("rtt-rested-p99", "RTT, 20 ms apart, p99", "µs"),
    RTT_LOADED_MEDIAN("rtt-loaded-median", "RTT beside a TCP stream, median", "µs"),
    RTT_LOADED_P99("rtt-loaded-p99", "RTT beside a TCP stream, p99", "µs"),
    RTT_LOADED_IP6_MEDIAN("rtt-loaded-ip6-median", "RTT beside a TCP stream, IPv6, median", "µs"),
    RTT_LOADED_IP6_P99("rtt-loaded-ip6-p99", "RTT beside a TCP stream, IPv6, p99", "µs"),
    START("start", "start to first forwarded packet", "ms"),
    IDLE_MEMORY("idle-memory", "resident memory, idle, four interfaces", "MB"),
    IDLE_CPU("idle-cpu", "CPU while idle", "% of a core"),
    LONGEST_PAUSE("longest-pause", "longest stop-the-world pause in 60 s of full load", "ms"),
    ALLOCATED("allocated", "allocated per forwarded packet", "bytes"),
    LOOKUP_IP4("lookup-ip4", "IPv4 lookup among 1,000,000 prefixes", "ns"),
    LOOKUP_IP6("lookup-ip6", "IPv6 lookup among 250,000 prefixes, one by one", "ns"),
    LOOKUP_IP6_VECTOR("lookup-ip6-vector", "IPv6 lookup among 250,000 prefixes, in vectors of 64", "ns"),
    ROUTE_CHANGES("route-changes", "route changes applied while a thread looks addresses up", "k/s"),
    TABLE_MEMORY("table-memory", "memory of 1,000,000 IPv4 and 250,000 IPv6 routes", "MB");

    private final String id;
    private final String text;
    private final String unit;

    Quantity(String id, String text, String unit) {
        this.id = id;
        this.text = text;
        this.unit = unit;
    }

    String id() {
        return id;
    }

    /** For people. */
    String text() {
        return text;
    }

    String unit() {
        return unit;
    }

    /** A value in the unit, with as many digits as mean something. */
    String written(double value) {
        double size = Math.abs(value);
        int digits = size >= 100 || value == 0 ? 0 : size >= 10 ? 1 : size >= 0.095 ? 2 : 3;
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }
}
