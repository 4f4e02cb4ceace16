// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import io.culvert.fib.Fib;
import io.culvert.fib.Rib;
import io.culvert.fib.Route;
import io.culvert.net.Ip4Address;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibEntry;
import io.culvert.testkit.InternetRoutes;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;

/**
 * Prints the heap that the forwarding tables take, by the number and kind of routes, alone and with the candidate routes
 * of the control plane over them; seeded, so that runs compare. Routes go to 16 next hops at random.
 */
public final class FibMemory {
    private static final double MIB = 1024 * 1024;

    private FibMemory() {}

    /** Measures every kind in turn; takes no arguments. */
    public static void main(String[] args) {
        System.out.printf("%-44s %9s %9s%n", "MiB of heap", "FIB alone", "FIB + RIB");
        measure("5 IPv4 of /24", scattered(5, 24));
        measure("200,000 IPv4 of /32, scattered", scattered(200_000, 32));
        List<IpPrefix> ip4 = List.copyOf(InternetRoutes.ip4(FibLookupBenchmark.ROUTES4, 4));
        List<IpPrefix> ip6 = List.copyOf(InternetRoutes.ip6(FibLookupBenchmark.ROUTES6, 6));
        measure("1,000,000 IPv4, lengths as in public tables", ip4);
        measure("250,000 IPv6, lengths as in public tables", ip6);
        List<IpPrefix> both = new ArrayList<>(ip4);
        both.addAll(ip6);
        measure("both", both);
    }

    private static List<IpPrefix> scattered(int count, int length) {
        SplittableRandom random = new SplittableRandom(4);
        List<IpPrefix> prefixes = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            prefixes.add(new Ip4Address(random.nextInt() & 0x7fff_ffff).prefix(length));
        }
        return prefixes;
    }

    private static void measure(String what, List<IpPrefix> prefixes) {
        System.out.printf("%-44s %9.1f %9.1f%n", what, heapOf(() -> fib(prefixes)), heapOf(() -> rib(prefixes)));
    }

    private static Fib fib(List<IpPrefix> prefixes) {
        Fib fib = new Fib();
        FibEntry[][] entries = FibLookupBenchmark.entries();
        SplittableRandom random = new SplittableRandom(1);
        for (IpPrefix prefix : prefixes) {
            fib.put(0, prefix, entries[prefix.length()][random.nextInt(FibLookupBenchmark.NEIGHBORS)]);
        }
        return fib;
    }

    private static Rib rib(List<IpPrefix> prefixes) {
        Rib rib = new Rib(new Fib());
        List<List<Route.Via>> vias = RouteChangeBenchmark.addNeighbors(rib);
        SplittableRandom random = new SplittableRandom(1);
        for (IpPrefix prefix : prefixes) {
            rib.put(RouteChangeBenchmark.route(prefix, vias.get(random.nextInt(vias.size()))));
            if (random.nextInt(1000) == 0) {
                rib.commit();
            }
        }
        rib.commit();
        return rib;
    }

    private static double heapOf(Supplier<Object> filled) {
        long before = heapInUse();
        Object tables = filled.get();
        try {
            return (heapInUse() - before) / MIB;
        } finally {
            Reference.reachabilityFence(tables);
        }
    }

    private static long heapInUse() {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }
}
