// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import io.culvert.fib.Fib;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.NextHop;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;

/**
 * Prints the heap that the forwarding tables take, by the number and kind of routes; seeded, so that runs compare. Each
 * route has an entry of its own and all share one next hop.
 */
public final class FibMemory {
    private static final long SEED = 4;
    private static final double MIB = 1024 * 1024;

    private FibMemory() {}

    /** Measures every kind in turn; takes no arguments. */
    public static void main(String[] args) {
        measure("IPv4, 200,000 scattered /32", 200_000, random -> ip4(random.nextInt(), 32));
        measure("IPv4, 890,000 of /16 to /24, most /24", 890_000, random -> ip4(random.nextInt(), ip4Length(random)));
        measure("IPv6, 250,000 of /32 to /48 in 2000::/3", 250_000, random -> {
            int length = 32 + 4 * random.nextInt(5);
            long high = (random.nextLong() >>> 3 | 0x2000_0000_0000_0000L) & Ip6Prefix.highMask(length);
            return new Ip6Prefix(high, 0, length);
        });
        measure("IPv4, 5 of /24", 5, random -> ip4(random.nextInt(), 24));
    }

    private static Ip4Prefix ip4(int address, int length) {
        return new Ip4Prefix(address & Ip4Prefix.mask(length), length);
    }

    private static int ip4Length(SplittableRandom random) {
        return random.nextInt(10) < 6 ? 24 : 16 + random.nextInt(8);
    }

    private static void measure(String what, int routes, Function<SplittableRandom, IpPrefix> prefixes) {
        SplittableRandom random = new SplittableRandom(SEED);
        List<NextHop> nextHops = List.of(new NextHop(0, null, null));
        long before = heapInUse();
        Fib fib = new Fib();
        for (int i = 0; i < routes; i++) {
            fib.put(0, new FibEntry(prefixes.apply(random), FibAction.FORWARD, nextHops));
        }
        double mib = (heapInUse() - before) / MIB;
        int held = fib.entries(0).size();
        System.out.printf("%-42s %7d distinct %7.1f MiB%n", what, held, mib);
    }

    private static long heapInUse() {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }
}
