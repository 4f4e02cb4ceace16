// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Address;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.NextHop;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class FibTest {
    private static final int VRF = 0;

    private final Fib fib = new Fib();

    @Test
    void findsNothingInAnEmptyTable() {
        assertThat(lookup("10.0.0.1")).isSameAs(FibEntry.NO_ROUTE);
        assertThat(lookup("2001:db8::1")).isSameAs(FibEntry.NO_ROUTE);
        assertThat(fib.lookup4(-1, 0)).isSameAs(FibEntry.NO_ROUTE);
        assertThat(fib.lookup6(7, 0, 0)).isSameAs(FibEntry.NO_ROUTE);
    }

    @Test
    void findsTheLongestOfNestedPrefixes() {
        for (String prefix : List.of(
                "0.0.0.0/0",
                "10.0.0.0/8",
                "10.1.0.0/16",
                "10.1.2.0/23",
                "10.1.2.0/24",
                "10.1.2.128/25",
                "10.1.2.192/28",
                "10.1.2.200/32")) {
            put(prefix);
        }
        assertThat(lookup("10.1.2.200").prefix()).hasToString("10.1.2.200/32");
        assertThat(lookup("10.1.2.201").prefix()).hasToString("10.1.2.192/28");
        assertThat(lookup("10.1.2.130").prefix()).hasToString("10.1.2.128/25");
        assertThat(lookup("10.1.2.1").prefix()).hasToString("10.1.2.0/24");
        assertThat(lookup("10.1.3.1").prefix()).hasToString("10.1.2.0/23");
        assertThat(lookup("10.1.4.1").prefix()).hasToString("10.1.0.0/16");
        assertThat(lookup("10.2.0.0").prefix()).hasToString("10.0.0.0/8");
        assertThat(lookup("255.255.255.255").prefix()).hasToString("0.0.0.0/0");
    }

    @Test
    void findsTheLongestOfNestedPrefixes6() {
        for (String prefix : List.of(
                "::/0",
                "2000::/3",
                "2001:db8::/32",
                "2001:db8:1::/48",
                "2001:db8:1::/64",
                "2001:db8:1::/65",
                "2001:db8:1::8/125",
                "2001:db8:1::9/128")) {
            put(prefix);
        }
        assertThat(lookup("2001:db8:1::9").prefix()).hasToString("2001:db8:1::9/128");
        assertThat(lookup("2001:db8:1::a").prefix()).hasToString("2001:db8:1::8/125");
        assertThat(lookup("2001:db8:1::10").prefix()).hasToString("2001:db8:1::/65");
        assertThat(lookup("2001:db8:1:0:8000::").prefix()).hasToString("2001:db8:1::/64");
        assertThat(lookup("2001:db8:1:1::").prefix()).hasToString("2001:db8:1::/48");
        assertThat(lookup("2001:db8:2::").prefix()).hasToString("2001:db8::/32");
        assertThat(lookup("3fff::").prefix()).hasToString("2000::/3");
        assertThat(lookup("fd00::1").prefix()).hasToString("::/0");
    }

    @Test
    void fallsBackToTheCoveringPrefixWhenOneIsRemoved() {
        put("10.0.0.0/8");
        put("10.1.2.3/32");
        assertThat(fib.remove(VRF, IpPrefix.parse("10.1.2.3/32"))).isTrue();
        assertThat(lookup("10.1.2.3").prefix()).hasToString("10.0.0.0/8");
        assertThat(fib.remove(VRF, IpPrefix.parse("10.1.2.3/32"))).isFalse();
        assertThat(fib.remove(VRF, IpPrefix.parse("10.0.0.0/8"))).isTrue();
        assertThat(lookup("10.1.2.3")).isSameAs(FibEntry.NO_ROUTE);
    }

    @Test
    void replacesAnEntryWithoutTouchingLongerOnes() {
        put("10.0.0.0/8");
        put("10.1.0.0/16");
        FibEntry replacement = new FibEntry(IpPrefix.parse("10.0.0.0/8"), FibAction.BLACKHOLE, List.of());
        fib.put(VRF, replacement);
        assertThat(lookup("10.2.0.1")).isSameAs(replacement);
        assertThat(lookup("10.1.0.1").prefix()).hasToString("10.1.0.0/16");
        assertThat(fib.entries(VRF)).hasSize(2);
    }

    @Test
    void keepsVrfsApart() {
        fib.put(3, entry(IpPrefix.parse("10.0.0.0/8"), 1));
        fib.put(1, entry(IpPrefix.parse("fd00::/8"), 1));
        assertThat(fib.lookup4(3, Ip4Address.parse("10.0.0.1").value()).action())
                .isEqualTo(FibAction.FORWARD);
        assertThat(lookup("10.0.0.1")).isSameAs(FibEntry.NO_ROUTE);
        assertThat(lookup("fd00::1")).isSameAs(FibEntry.NO_ROUTE);
        assertThat(fib.remove(2, IpPrefix.parse("10.0.0.0/8"))).isFalse();
    }

    @Test
    void refusesWhatIsNoRoute() {
        assertThatThrownBy(() -> fib.put(VRF, FibEntry.NO_ROUTE)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> fib.put(-1, entry(Ip4Prefix.DEFAULT, 1))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> fib.put(Fib.MAX_VRFS, entry(Ip4Prefix.DEFAULT, 1)))
                .hasMessageContaining("VRF ids are 0 to");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void agreesWithALinearScanUnderRandomChanges4(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        compareUnderChanges(random, () -> randomPrefix4(random), () -> randomAddress4(random));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void agreesWithALinearScanUnderRandomChanges6(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        compareUnderChanges(random, () -> randomPrefix6(random), () -> randomAddress6(random));
    }

    private void compareUnderChanges(
            SplittableRandom random,
            java.util.function.Supplier<IpPrefix> prefixes,
            java.util.function.Supplier<IpAddress> addresses) {
        LinearFib oracle = new LinearFib();
        for (int step = 0; step < 3000; step++) {
            boolean shrink = step % 1000 > 700;
            if (!oracle.entries().isEmpty() && random.nextInt(10) < (shrink ? 8 : 3)) {
                FibEntry victim =
                        oracle.entries().get(random.nextInt(oracle.entries().size()));
                assertThat(fib.remove(VRF, victim.prefix())).isEqualTo(oracle.remove(victim.prefix()));
            } else {
                FibEntry entry = entry(prefixes.get(), step);
                oracle.put(entry);
                fib.put(VRF, entry);
            }
            for (int probe = 0; probe < 4; probe++) {
                assertSame(oracle, addresses.get(), step);
            }
            if (step % 250 == 0) {
                // The first and last address of every prefix and those beside them are where off-by-ones live.
                for (FibEntry entry : List.copyOf(oracle.entries())) {
                    edges(entry.prefix()).forEach(address -> assertSame(oracle, address, -1));
                }
            }
        }
        for (FibEntry entry : List.copyOf(oracle.entries())) {
            oracle.remove(entry.prefix());
            assertThat(fib.remove(VRF, entry.prefix())).isTrue();
            assertSame(oracle, entry.prefix().first(), -2);
        }
        assertThat(fib.entries(VRF)).isEmpty();
    }

    private void assertSame(LinearFib oracle, IpAddress address, int step) {
        FibEntry expected = address instanceof Ip4Address ip4
                ? oracle.lookup4(VRF, ip4.value())
                : oracle.lookup6(VRF, ((Ip6Address) address).high(), ((Ip6Address) address).low());
        assertThat(lookup(address)).as("%s at step %d", address, step).isSameAs(expected);
    }

    private static List<IpAddress> edges(IpPrefix prefix) {
        if (prefix instanceof Ip4Prefix ip4) {
            return List.of(
                    ip4.first(),
                    new Ip4Address(ip4.last()),
                    new Ip4Address(ip4.address() - 1),
                    new Ip4Address(ip4.last() + 1));
        }
        Ip6Prefix ip6 = (Ip6Prefix) prefix;
        long lastHigh = ip6.high() | ~Ip6Prefix.highMask(ip6.length());
        long lastLow = ip6.low() | ~Ip6Prefix.lowMask(ip6.length());
        return List.of(
                ip6.first(),
                new Ip6Address(lastHigh, lastLow),
                new Ip6Address(ip6.low() == 0 ? ip6.high() - 1 : ip6.high(), ip6.low() - 1),
                new Ip6Address(lastLow == -1 ? lastHigh + 1 : lastHigh, lastLow + 1));
    }

    /** Readers look up addresses under a route that stays while longer routes over them come and go. */
    @Test
    @Timeout(60)
    void neverShowsAReaderAnAnswerThatWasNotRightAtSomeMoment() throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        // Only two prefixes of each nest ever hold the address: at any moment the answer is one of those installed.
        List<Nest> nests = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            nests.add(Nest.of4(i, random));
            nests.add(Nest.of6(i, random));
        }
        fib.put(VRF, entry(Ip4Prefix.DEFAULT, 0));
        fib.put(VRF, entry(Ip6Prefix.DEFAULT, 0));
        nests.forEach(nest -> fib.put(VRF, entry(nest.outer, 1)));

        AtomicBoolean stop = new AtomicBoolean();
        CountDownLatch started = new CountDownLatch(2);
        ExecutorService readers = Executors.newFixedThreadPool(2);
        try {
            List<Future<Long>> results = new ArrayList<>();
            for (int reader = 0; reader < 2; reader++) {
                results.add(readers.submit(() -> {
                    long lookups = 0;
                    started.countDown();
                    while (!stop.get()) {
                        for (Nest nest : nests) {
                            FibEntry found = lookup(nest.address);
                            // The outer route never leaves: neither the default route nor nothing may be seen, and of
                            // the inner ones only those that hold the address.
                            if (!nest.allowed.contains(found.prefix())) {
                                throw new AssertionError(nest + " answered " + found);
                            }
                            lookups++;
                        }
                    }
                    return lookups;
                }));
            }
            started.await();
            long end = System.nanoTime() + Duration.ofSeconds(2).toNanos();
            int changes = 0;
            while (System.nanoTime() < end) {
                Nest nest = nests.get(random.nextInt(nests.size()));
                IpPrefix inner = nest.inner.get(random.nextInt(nest.inner.size()));
                switch (random.nextInt(4)) {
                    case 0, 1 -> fib.put(VRF, entry(inner, changes));
                    case 2 -> fib.remove(VRF, inner);
                    default -> fib.put(VRF, entry(nest.outer, changes));
                }
                changes++;
            }
            stop.set(true);
            for (Future<Long> result : results) {
                assertThat(result.get(10, TimeUnit.SECONDS)).isPositive();
            }
            assertThat(changes).isGreaterThan(1000);
        } finally {
            stop.set(true);
            readers.shutdownNow();
        }
    }

    /**
     * An address, a route over it that stays, and routes under that which come and go, some of them holding the address.
     * The first octet of a nest is its own, and every route of a nest is longer than that: nests share no address.
     */
    private record Nest(IpAddress address, IpPrefix outer, List<IpPrefix> inner, Set<IpPrefix> allowed) {
        static Nest of4(int octet, SplittableRandom random) {
            Ip4Address address = new Ip4Address(octet << 24 | random.nextInt() >>> 8);
            List<IpPrefix> inner = new ArrayList<>();
            IpPrefix outer = address.prefix(9 + random.nextInt(14));
            for (int i = 0; i < 12; i++) {
                int length = outer.length() + 1 + random.nextInt(32 - outer.length());
                int sibling = random.nextInt(2) << (32 - length);
                inner.add(new Ip4Address(address.value() ^ sibling).prefix(length));
            }
            return of(address, outer, inner);
        }

        static Nest of6(long octet, SplittableRandom random) {
            Ip6Address address = new Ip6Address(octet << 56 | random.nextLong() >>> 8, random.nextLong());
            List<IpPrefix> inner = new ArrayList<>();
            IpPrefix outer = address.prefix(13 + random.nextInt(40));
            for (int i = 0; i < 12; i++) {
                int length = outer.length() + 1 + random.nextInt(128 - outer.length());
                boolean sibling = random.nextBoolean();
                long high = sibling && length <= 64 ? 1L << (64 - length) : 0;
                long low = sibling && length > 64 ? 1L << (128 - length) : 0;
                inner.add(new Ip6Address(address.high() ^ high, address.low() ^ low).prefix(length));
            }
            return of(address, outer, inner);
        }

        private static Nest of(IpAddress address, IpPrefix outer, List<IpPrefix> inner) {
            Set<IpPrefix> allowed = new HashSet<>(Set.of(outer));
            inner.stream().filter(prefix -> prefix.contains(address)).forEach(allowed::add);
            return new Nest(address, outer, inner, allowed);
        }
    }

    /** With the inner routes installed for good, changes of the covering ones must never shine through. */
    @Test
    @Timeout(60)
    void neverShowsAReaderACoveringRouteWhileALongerOneStays() throws Exception {
        SplittableRandom random = new SplittableRandom(99);
        List<FibEntry> hosts = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            hosts.add(entry(new Ip4Address(random.nextInt()).prefix(20 + random.nextInt(13)), i));
            hosts.add(entry(new Ip6Address(random.nextLong(), random.nextLong()).prefix(20 + random.nextInt(109)), i));
        }
        hosts.forEach(host -> fib.put(VRF, host));
        AtomicBoolean stop = new AtomicBoolean();
        ExecutorService readers = Executors.newSingleThreadExecutor();
        try {
            Future<Long> reader = readers.submit(() -> {
                long lookups = 0;
                while (!stop.get()) {
                    for (FibEntry host : hosts) {
                        if (lookup(host.prefix().first()) != host) {
                            throw new AssertionError(
                                    host + " hidden by " + lookup(host.prefix().first()));
                        }
                        lookups++;
                    }
                }
                return lookups;
            });
            long end = System.nanoTime() + Duration.ofSeconds(1).toNanos();
            for (int change = 0; System.nanoTime() < end; change++) {
                IpPrefix host = hosts.get(random.nextInt(hosts.size())).prefix();
                IpPrefix cover = prefixOf(host.first(), random.nextInt(host.length()));
                if (change % 2 == 0) {
                    fib.put(VRF, entry(cover, change));
                } else {
                    fib.remove(VRF, cover);
                }
            }
            stop.set(true);
            assertThat(reader.get(10, TimeUnit.SECONDS)).isPositive();
        } finally {
            stop.set(true);
            readers.shutdownNow();
        }
    }

    @Test
    @Timeout(30)
    void takesTwoHundredThousandRoutesOfEachFamilyInSeconds() {
        SplittableRandom random = new SplittableRandom(20);
        List<FibEntry> entries = new ArrayList<>();
        for (int i = 0; i < 200_000; i++) {
            // Roughly the lengths of the Internet's tables: most at /24 and /48, some shorter, few host routes.
            int kind = random.nextInt(20);
            int length4 = kind < 12 ? 24 : kind < 18 ? 12 + random.nextInt(12) : 25 + random.nextInt(8);
            int length6 = kind < 12 ? 48 : kind < 18 ? 20 + random.nextInt(28) : 64 + random.nextInt(65);
            entries.add(entry(new Ip4Address(random.nextInt()).prefix(length4), i));
            entries.add(entry(
                    new Ip6Address(0x2000_0000_0000_0000L | random.nextLong() >>> 3, random.nextLong()).prefix(length6),
                    i));
        }
        long start = System.nanoTime();
        entries.forEach(entry -> fib.put(VRF, entry));
        long filled = System.nanoTime();
        long checksum = 0;
        for (FibEntry entry : entries) {
            checksum += lookup(entry.prefix().first()).nextHopCount();
        }
        long looked = System.nanoTime();
        entries.forEach(entry -> fib.remove(VRF, entry.prefix()));
        long emptied = System.nanoTime();
        System.out.printf(
                "400,000 routes: put %d ms, looked up %d ms, removed %d ms%n",
                (filled - start) / 1_000_000, (looked - filled) / 1_000_000, (emptied - looked) / 1_000_000);
        assertThat(checksum).isEqualTo(entries.size());
        assertThat(fib.entries(VRF)).isEmpty();
        assertThat(Duration.ofNanos(emptied - start)).isLessThan(Duration.ofSeconds(10));
    }

    private FibEntry lookup(String address) {
        return lookup(IpAddress.parse(address));
    }

    private FibEntry lookup(IpAddress address) {
        return address instanceof Ip4Address ip4
                ? fib.lookup4(VRF, ip4.value())
                : fib.lookup6(VRF, ((Ip6Address) address).high(), ((Ip6Address) address).low());
    }

    private void put(String prefix) {
        fib.put(VRF, entry(IpPrefix.parse(prefix), 1));
    }

    private static FibEntry entry(IpPrefix prefix, int interfaceId) {
        return new FibEntry(prefix, FibAction.FORWARD, List.of(new NextHop(interfaceId, null, null)));
    }

    private static IpPrefix prefixOf(IpAddress address, int length) {
        return address.prefix(length);
    }

    /** Few distinct bits, so that prefixes nest and meet often. */
    private static Ip4Address randomAddress4(SplittableRandom random) {
        int scattered = random.nextInt() & 0x0303_0f0f;
        return new Ip4Address(0x0a00_0000 | scattered);
    }

    private static IpPrefix randomPrefix4(SplittableRandom random) {
        return randomAddress4(random).prefix(random.nextInt(4) == 0 ? 32 : random.nextInt(33));
    }

    private static Ip6Address randomAddress6(SplittableRandom random) {
        long high = random.nextLong() & 0x0003_0300_0000_f003L;
        long low = random.nextLong() & 0x8000_0000_0003_000fL;
        return new Ip6Address(0x2001_0000_0000_0000L | high, low);
    }

    private static IpPrefix randomPrefix6(SplittableRandom random) {
        return randomAddress6(random).prefix(random.nextInt(4) == 0 ? 128 : random.nextInt(129));
    }
}
