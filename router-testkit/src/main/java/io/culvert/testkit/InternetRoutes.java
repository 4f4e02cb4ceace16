// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Address;
import io.culvert.net.Ip6Prefix;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Distinct prefixes as many as a router of the Internet holds, with lengths shaped like the public tables: most at /24 and
 * /48, the others thinning out to both sides. IPv4 prefixes lie anywhere in the unicast space but in 10.0.0.0/8 and
 * 127.0.0.0/8, which is harder on caches than the Internet; IPv6 prefixes lie in some 40,000 allocations of six registry
 * blocks. Seeded.
 */
public final class InternetRoutes {
    /** Length and how many of a thousand prefixes have it. */
    private static final int[][] LENGTHS4 = {
        {24, 600}, {23, 105}, {22, 105}, {21, 40}, {20, 40}, {19, 27}, {18, 18}, {17, 14}, {16, 22}, {15, 5}, {14, 5},
        {13, 3}, {12, 2}, {11, 1}, {10, 1}, {9, 1}, {8, 1}, {25, 2}, {26, 2}, {27, 1}, {28, 1}, {29, 1}, {30, 1},
        {32, 2}
    };

    private static final int[][] LENGTHS6 = {
        {48, 490}, {32, 140}, {44, 100}, {40, 100}, {36, 50}, {29, 40}, {47, 15}, {46, 15}, {42, 10}, {45, 10}, {38, 5},
        {33, 5}, {34, 5}, {35, 3}, {56, 4}, {64, 5}, {128, 3}
    };

    /** The first 16 bits of what the registries give out, and how long those blocks are. */
    private static final int[][] REGISTRIES = {
        {0x2001, 16}, {0x2400, 12}, {0x2600, 12}, {0x2800, 12}, {0x2a00, 12}, {0x2c00, 12}
    };

    /** The first 8 bits of networks that nobody announces. */
    private static final int PRIVATE = 10;

    private static final int LOOPBACK = 127;

    private static final int ALLOCATIONS = 40_000;

    private InternetRoutes() {}

    /** This many IPv4 prefixes, the same for the same seed. */
    public static List<Ip4Prefix> ip4(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int[] lengths = pool(LENGTHS4);
        Set<Ip4Prefix> seen = new HashSet<>(2 * count);
        List<Ip4Prefix> prefixes = new ArrayList<>(count);
        while (prefixes.size() < count) {
            int network = random.nextInt(1, 224);
            if (network == PRIVATE || network == LOOPBACK) {
                continue;
            }
            int address = network << 24 | random.nextInt(1 << 24);
            Ip4Prefix prefix = new Ip4Address(address).prefix(lengths[random.nextInt(lengths.length)]);
            if (seen.add(prefix)) {
                prefixes.add(prefix);
            }
        }
        return prefixes;
    }

    /** This many IPv6 prefixes, the same for the same seed. */
    public static List<Ip6Prefix> ip6(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        long[] allocations = new long[ALLOCATIONS];
        for (int i = 0; i < ALLOCATIONS; i++) {
            int[] registry = REGISTRIES[random.nextInt(REGISTRIES.length)];
            allocations[i] = ((long) registry[0] << 16 | random.nextInt(1 << 30) >>> (registry[1] - 2)) << 32;
        }
        int[] lengths = pool(LENGTHS6);
        Set<Ip6Prefix> seen = new HashSet<>(2 * count);
        List<Ip6Prefix> prefixes = new ArrayList<>(count);
        while (prefixes.size() < count) {
            long high = allocations[random.nextInt(ALLOCATIONS)] | random.nextInt() & 0xffff_ffffL;
            Ip6Address address = new Ip6Address(high, random.nextLong());
            Ip6Prefix prefix = address.prefix(lengths[random.nextInt(lengths.length)]);
            if (seen.add(prefix)) {
                prefixes.add(prefix);
            }
        }
        return prefixes;
    }

    /** Addresses anywhere in the unicast space. */
    public static int[] addresses4(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int[] addresses = new int[count];
        for (int i = 0; i < count; i++) {
            addresses[i] = random.nextInt(1, 224) << 24 | random.nextInt(1 << 24);
        }
        return addresses;
    }

    /** Addresses anywhere within these prefixes, each prefix as likely as another; high and low halves in turn. */
    public static long[] addresses6(List<Ip6Prefix> prefixes, int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        long[] halves = new long[2 * count];
        for (int i = 0; i < count; i++) {
            Ip6Prefix prefix = prefixes.get(random.nextInt(prefixes.size()));
            halves[2 * i] = prefix.high() | random.nextLong() & ~Ip6Prefix.highMask(prefix.length());
            halves[2 * i + 1] = prefix.low() | random.nextLong() & ~Ip6Prefix.lowMask(prefix.length());
        }
        return halves;
    }

    private static int[] pool(int[][] shares) {
        List<Integer> pool = new ArrayList<>();
        for (int[] share : shares) {
            for (int i = 0; i < share[1]; i++) {
                pool.add(share[0]);
            }
        }
        return pool.stream().mapToInt(Integer::intValue).toArray();
    }
}
