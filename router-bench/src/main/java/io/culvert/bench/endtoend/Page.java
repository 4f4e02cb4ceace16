// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

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
        page.append("\n![Medians](benchmarks.svg)\n\n## Bars\n\n")
                .append(Bar.table(Bar.of(results)).markdown())
                .append("\n\n## Who is measured\n\n| | |\n|---|---|\n");
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
                .append(" by itself: it is measured over veth also where the others have tuns.\nThe limit of tap-tap")
                .append(" and of tun-packet is cfwd too, rewriting Ethernet headers.\n\n");
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

    private static String command(Plan plan) {
        return "culvert bench" + (plan.quick() ? " --quick" : "")
                + (plan.only() == null ? "" : " --only " + plan.only()) + " --rounds " + plan.rounds() + " --seconds "
                + plan.seconds();
    }

    private static final String HOW = """
            ## How it is measured

            - TCP: iperf3, what arrived. CPU: of the forwarder's process from `/proc/PID/stat`, and of the whole machine, with
              both ends of the stream, from `/proc/stat`, since the kernel's work is charged to whoever it interrupts.
            - UDP: one flow, as many packets as the sender can; those that arrived, per second from the first to the last.
            - Round trips: ping every 5 ms, so that every thread sleeps in between, and every 20 ms, when the processor's caches
              are cold as well and the hypervisor may have given the processor away; percentiles of the single replies.
            - A million routes: 1,000,000 IPv4 and 250,000 IPv6 prefixes of the lengths that the Internet's tables have, from
              a file; seeded.
            - Start: from `culvert run` to the first packet at the other host, with a packet sent every 2 ms meanwhile.
            - Memory and CPU while idle: a router of two tuns, a tap and a packet socket at default settings.
            - Pauses: of the safepoint log of the JVM, during 30 s of TCP and 30 s of UDP as fast as they go.
            - Allocation: of all threads but the recorder's, by a flight recording, over the packets that arrived in 10 s.
            """;
}
