// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Prefix;
import io.culvert.testkit.InternetRoutes;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Writes the files of static routes that Culverts are measured with: one route, or as many as the Internet has. */
final class RouteFiles {
    /** What traffic to many addresses is spread over; the host of side B answers for all of it. */
    static final Ip4Prefix SPREAD = Ip4Prefix.parse("16.0.0.0/4");

    private static final int IP4_ROUTES = 1_000_000;
    private static final int IP6_ROUTES = 250_000;
    private static final long SEED4 = 4;
    private static final long SEED6 = 6;

    /** Next hops that share the routes of a million on each link of Ethernet. */
    private static final int NEIGHBORS = 4;

    private static final int FIRST_NEIGHBOR = 2;

    private RouteFiles() {}

    /** The stations of a link of Ethernet that routes lead to. */
    static List<Integer> stations() {
        return IntStream.range(FIRST_NEIGHBOR, FIRST_NEIGHBOR + NEIGHBORS)
                .boxed()
                .toList();
    }

    /** The route to what traffic is spread over, and no other. */
    static void writeOne(Path file, Pair pair) throws IOException {
        Files.writeString(file, SPREAD + " " + hops4(pair, Side.B).get(0) + "\n");
    }

    /** A million IPv4 and 250,000 IPv6 routes besides that one, within {@link #SPREAD} to side B, else to both in turn. */
    static void writeMany(Path file, Pair pair) throws IOException {
        writeMany(file, pair, IP4_ROUTES, IP6_ROUTES);
    }

    static void writeMany(Path file, Pair pair, int routes4, int routes6) throws IOException {
        List<String> there = hops4(pair, Side.B);
        List<String> hops4 = both(hops4(pair, Side.A), there);
        List<String> hops6 = both(hops6(pair, Side.A), hops6(pair, Side.B));
        try (BufferedWriter out = Files.newBufferedWriter(file)) {
            out.append(SPREAD.toString()).append(' ').append(there.get(0)).append('\n');
            int next = 0;
            for (Ip4Prefix prefix : InternetRoutes.ip4(routes4, SEED4)) {
                List<String> hops = SPREAD.contains(prefix.address()) ? there : hops4;
                write(out, prefix.toString(), hops, next++);
            }
            for (Ip6Prefix prefix : InternetRoutes.ip6(routes6, SEED6)) {
                write(out, prefix.toString(), hops6, next++);
            }
        }
    }

    private static void write(BufferedWriter out, String prefix, List<String> hops, int turn) throws IOException {
        out.append(prefix).append(' ').append(hops.get(turn % hops.size())).append('\n');
    }

    private static List<String> both(List<String> some, List<String> others) {
        return Stream.concat(some.stream(), others.stream()).toList();
    }

    /** A tun has no neighbors, and on Ethernet a few share the routes. */
    private static List<String> hops4(Pair pair, Side side) {
        return isTun(pair, side)
                ? List.of("dev " + side.letter())
                : stations().stream().map(station -> "via " + side.ip4(station)).toList();
    }

    private static List<String> hops6(Pair pair, Side side) {
        return isTun(pair, side)
                ? List.of("dev " + side.letter())
                : stations().stream().map(station -> "via " + side.ip6(station)).toList();
    }

    private static boolean isTun(Pair pair, Side side) {
        return TestBed.end(pair, side) == Pair.End.TUN;
    }
}
