// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.util.List;
import java.util.Optional;

/** A run as a page of Markdown, beside which the chart and the JSON file lie. */
final class Page {
    private Page() {}

    /** Writes the text of the page. */
    static String of(Results results, Plan plan, Machine machine) {
        StringBuilder page = new StringBuilder();
        page.append("# Benchmarks\n\n")
                .append("Made by `")
                .append(command(plan))
                .append("`; no number here is typed by hand, and every value")
                .append(" of every round is in [benchmarks.json](benchmarks.json).\n")
                .append(
                        "Numbers compare within one run only: all subjects stand ready side by side and are measured in")
                .append(" turn, round after round, each\nround beginning with another. Tables show medians, and in")
                .append(" parentheses the least and the most of the rounds.\n\n");
        machine.notes()
                .forEach((what, note) ->
                        page.append("- ").append(what).append(": ").append(note).append('\n'));
        page.append("\n![Medians](benchmarks.svg)\n\n## Bars\n\n");
        appendBars(page, results);
        page.append("\n## Who is measured\n\n| | |\n|---|---|\n");
        for (Subject subject : Subject.values()) {
            page.append("| ")
                    .append(subject.id())
                    .append(" | ")
                    .append(subject.text())
                    .append(" |\n");
        }
        page.append(
                        "\nEach stands between two hosts, all three in network namespaces. The limits are the C programs in")
                .append(
                        " [router-bench/src/main/c](../router-bench/src/main/c).\nThe kernel can't forward between tuns")
                .append(" by itself: it is measured over veth also where the others have tuns")
                .append(
                        " and taps.\nThe limit of tap-tap and of tun-packet is cfwd too, rewriting Ethernet headers.\n\n");
        for (Pair pair : Pair.values()) {
            Optional<Table> table = PairTable.of(results, pair);
            table.ifPresent(rows -> page.append("## ")
                    .append(pair.id())
                    .append("\n\n")
                    .append(rows.markdown())
                    .append("\n\n"));
        }
        page.append(HOW);
        return page.toString();
    }

    private static void appendBars(StringBuilder page, Results results) {
        List<Bar> bars = Bar.of(results);
        page.append(Bar.table(bars).markdown()).append(BARS);
        List<Bar> missed = bars.stream().filter(Bar::missed).toList();
        if (!missed.isEmpty()) {
            page.append("\n### What is missed, and why\n\n");
            missed.forEach(bar -> page.append("- ").append(bar.shortfall()).append('\n'));
        }
        if (!results.failures().isEmpty()) {
            page.append("\n### What could not be measured\n\n");
            results.failures()
                    .forEach(failure ->
                            page.append("- ").append(failure.replace('\n', ' ')).append('\n'));
        }
    }

    /** A sentence of the page for where links are of no use: their words alone. */
    static String withoutLinks(String sentence) {
        return sentence.replaceAll("\\[([^]]+)]\\([^)]+\\)", "$1");
    }

    private static final String BARS = """


            - *measured*: the median, or the ratio or the difference of two medians; of pauses the longest.
            - *bar*: what must be reached, at least (≥) or at most (≤). *reach for*: the aim beyond the bar, with no duty to it.
            - *values*: how many measurements the median is of; the fewer where it takes two medians.
            - *verdict*: whether the bar is met. *the reach too*: so is the aim beyond it. There is *no verdict* on what was
              measured only once, in a quick run or with `--rounds 1`; pauses, allocation and the memory of tables need one.
            """;

    private static String command(Plan plan) {
        return "culvert bench" + (plan.quick() ? " --quick" : "")
                + (plan.only() == null ? "" : " --only " + plan.only()) + " --rounds " + plan.rounds() + " --seconds "
                + plan.seconds();
    }

    private static final String HOW = """
            ## How it is measured

            A full run with `--rounds 3 --seconds 2` takes some 25 minutes on two cores, one with `--quick` less than one.
            In a quick run TCP and UDP between two tuns have the rounds of the first line of this page, all else one.
            Columns of tables are who was measured; those behind, such as culvert/cfwd, are ratios of the medians.

            - TCP: iperf3, what arrived. CPU: of the forwarder's process from `/proc/PID/stat`, and of the whole machine, with
              both ends of the stream, from `/proc/stat`, since the kernel's work is charged to whoever it interrupts.
            - UDP: one flow, as many packets as the sender can; those that arrived, per second from the first to the last.
              To 65,536 addresses: the same with another destination for each packet, of a network for which the second
              host answers, so that each lookup finds another, cold entry and no packet can be merged with its neighbor.
            - Measurements last as long as the first line says; TCP and UDP that have no bar half as long.
            - Round trips: ping every 5 ms, so that every thread sleeps in between, and every 20 ms, when the processor's caches
              are cold as well and the hypervisor may have given the processor away; percentiles of the single replies.
              "RTT beside a TCP stream": ping every 20 ms while one TCP stream takes all that the forwarder and the machine
              give; a ping then waits behind the stream's packets in queues, and its sender for a core.
            - A million routes: 1,000,000 IPv4 and 250,000 IPv6 prefixes of the lengths that the Internet's tables have, from
              a file; seeded. Within the network of the 65,536 addresses all lead to the second host. The other router has
              one route there. Both get the same packets. TCP, one flow of UDP, and round trips have one destination.
            - Start: from `culvert run` to the first packet at the other host, with a packet sent every 2 ms meanwhile.
            - Memory and CPU while idle: a router of two tuns, a tap and a packet socket at default settings, after 10 s
              of rest and in the 10 s behind them.
            - Pauses: of the safepoint log of the JVM, during 30 s of TCP and 30 s of UDP as fast as they go,
              from 2 s after the router is ready: the collection with which its start ends is not among them.
            - Allocation: of all threads but the recorder's, by a flight recording, over the packets that arrived in 10 s.
            - Lookups: `FibLookupBenchmark` of `router-bench` in a JVM without packets, with a million random addresses in
              turn; one value for each iteration. None needs the answer of another, so the processor overlaps them, as it does
              those of a vector's packets. The stage looks IPv6 addresses up in vectors; here they are vectors of 64, where the
              router's default is 61.
            - Route changes: `RouteChangeBenchmark`, from the candidate routes to the forwarding tables that lanes read, in
              batches of 1000 among all those routes, while another thread does nothing but look addresses up.
            - Memory of routes: `FibMemory`, heap after a collection, of the candidate routes and the forwarding tables.
            """;
}
