// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpPrefix;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;

/**
 * Makes routing tables of the Internet's size and shape: distinct global unicast prefixes whose lengths are shared out
 * about as in the public tables of the 2020s, most IPv4 ones /24 and most IPv6 ones /48. The same in every run.
 */
final class RouteGenerator {
    private static final long SEED = 20_260_101;

    /** Prefixes of each length among a thousand: /8 to /24. */
    private static final int[] IP4_SHARES = {0, 0, 0, 0, 1, 1, 1, 1, 13, 8, 14, 26, 44, 54, 112, 105, 620};

    private static final int IP4_SHORTEST = 8;

    /** The same of IPv6: /28 to /48. */
    private static final int[] IP6_SHARES = {
        2, 28, 6, 3, 120, 18, 15, 12, 40, 8, 15, 8, 85, 8, 25, 10, 105, 25, 45, 32, 390
    };

    private static final int IP6_SHORTEST = 28;

    /** The first 16 bits of what the registries give out. */
    private static final int[] IP6_BLOCKS = {
        0x2001, 0x2400, 0x2401, 0x2402, 0x2403, 0x2404, 0x2405, 0x2406, 0x2407, 0x2408, 0x2409, 0x240e, 0x2600, 0x2601,
        0x2602, 0x2603, 0x2604, 0x2605, 0x2606, 0x2607, 0x2620, 0x2800, 0x2801, 0x2802, 0x2803, 0x2804, 0x2806, 0x2a00,
        0x2a01, 0x2a02, 0x2a03, 0x2a04, 0x2a05, 0x2a06, 0x2a07, 0x2a09, 0x2a0a, 0x2a0b, 0x2a0c, 0x2a0d, 0x2a0e, 0x2c0f
    };

    private RouteGenerator() {}

    /** Makes IPv4 prefixes. */
    static Set<IpPrefix> ip4(int count) {
        return distinct(count, RouteGenerator::ip4);
    }

    /** Makes IPv6 prefixes. */
    static Set<IpPrefix> ip6(int count) {
        return distinct(count, RouteGenerator::ip6);
    }

    private static Set<IpPrefix> distinct(int count, Function<SplittableRandom, IpPrefix> prefixes) {
        SplittableRandom random = new SplittableRandom(SEED);
        Set<IpPrefix> made = new LinkedHashSet<>(count * 2);
        while (made.size() < count) {
            made.add(prefixes.apply(random));
        }
        return made;
    }

    private static IpPrefix ip4(SplittableRandom random) {
        int length = IP4_SHORTEST + pick(IP4_SHARES, random);
        int first;
        do {
            first = 1 + random.nextInt(223);
        } while (first == 10 || first == 127); // the hosts of the benchmark, and loopback
        int address = first << 24 | random.nextInt(1 << 24);
        return new Ip4Prefix(address & Ip4Prefix.mask(length), length);
    }

    private static IpPrefix ip6(SplittableRandom random) {
        int length = IP6_SHORTEST + pick(IP6_SHARES, random);
        long block = IP6_BLOCKS[random.nextInt(IP6_BLOCKS.length)];
        long high = block << 48 | random.nextLong() >>> 16;
        return new Ip6Prefix(high & Ip6Prefix.highMask(length), 0, length);
    }

    private static int pick(int[] shares, SplittableRandom random) {
        int sum = 0;
        for (int share : shares) {
            sum += share;
        }
        int left = random.nextInt(sum);
        int index = 0;
        while (left >= shares[index]) {
            left -= shares[index++];
        }
        return index;
    }

    /**
     * Writes a file for {@code route-files}, with next hops in turn.
     *
     * @param hops4 what stands behind an IPv4 prefix, such as {@code via 10.1.0.2}
     * @param hops6 the same for IPv6
     */
    static void write(Path file, int routes4, int routes6, List<String> hops4, List<String> hops6) throws IOException {
        try (BufferedWriter out = Files.newBufferedWriter(file)) {
            write(out, ip4(routes4), hops4);
            write(out, ip6(routes6), hops6);
        }
    }

    private static void write(BufferedWriter out, Set<IpPrefix> prefixes, List<String> hops) throws IOException {
        int next = 0;
        for (IpPrefix prefix : prefixes) {
            out.append(prefix.toString()).append(' ').append(hops.get(next)).append('\n');
            next = (next + 1) % hops.size();
        }
    }
}
