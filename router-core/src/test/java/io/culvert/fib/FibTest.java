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
import io.culvert.spi.FibView;
import io.culvert.spi.Ip6Batch;
import io.culvert.spi.NextHop;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import java.util.stream.IntStream;
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
        for (int vrf : List.of(-1, VRF, 7)) {
            assertThat(lookupTogether(fib, vrf, List.of(new Ip6Address(0, 0), new Ip6Address(-1, -1))))
                    .containsOnly(FibEntry.NO_ROUTE);
        }
        put("fd00::/8");
        assertThat(lookupTogether(fib, VRF, List.of())).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 64, 256})
    void findsForManyAddressesTogetherWhatItFindsForEach(int count) {
        SplittableRandom random = new SplittableRandom(count);
        LinearFib oracle = new LinearFib();
        for (int step = 0; step < 600; step++) {
            if (step == 300) {
                makeLarge();
            }
            IpPrefix prefix = randomPrefix6(random);
            FibEntry entry = entry(prefix.length(), step);
            oracle.put(prefix, entry);
            fib.put(VRF, prefix, entry);
            IpPrefix victim = oracle.prefixes().get(random.nextInt(oracle.size()));
            if (random.nextInt(3) == 0) {
                oracle.remove(victim);
                fib.remove(VRF, victim);
            }
            if (step % 20 == 0) {
                List<IpAddress> addresses = new ArrayList<>(List.of(victim.first()));
                while (addresses.size() < count) {
                    boolean anywhere = random.nextInt(8) == 0;
                    addresses.add(
                            anywhere
                                    ? new Ip6Address(random.nextLong() >>> 1, random.nextLong())
                                    : randomAddress6(random));
                }
                assertThat(lookupTogether(fib, VRF, addresses))
                        .isEqualTo(lookupTogether(oracle, VRF, addresses))
                        .isEqualTo(addresses.stream().map(this::lookup).toList());
            }
        }
    }

    /** So many routes elsewhere that addresses together are not looked up one by one behind the scenes. */
    private void makeLarge() {
        for (long i = 0; i < 1100; i++) {
            fib.put(VRF, new Ip6Address(0xfdff_0000_0000_0000L | i << 16, 0).prefix(48), entry(48, 0));
        }
    }

    private static List<FibEntry> lookupTogether(FibView fib, int vrf, List<? extends IpAddress> addresses) {
        Ip6Batch batch = new Ip6Batch(addresses.size());
        for (IpAddress address : addresses) {
            batch.add(((Ip6Address) address).high(), ((Ip6Address) address).low());
        }
        fib.lookup6(vrf, batch);
        return IntStream.range(0, batch.size()).mapToObj(batch::answer).toList();
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
        assertThat(match("10.1.2.200")).hasToString("10.1.2.200/32");
        assertThat(match("10.1.2.201")).hasToString("10.1.2.192/28");
        assertThat(match("10.1.2.130")).hasToString("10.1.2.128/25");
        assertThat(match("10.1.2.1")).hasToString("10.1.2.0/24");
        assertThat(match("10.1.3.1")).hasToString("10.1.2.0/23");
        assertThat(match("10.1.4.1")).hasToString("10.1.0.0/16");
        assertThat(match("10.2.0.0")).hasToString("10.0.0.0/8");
        assertThat(match("255.255.255.255")).hasToString("0.0.0.0/0");
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
        assertThat(match("2001:db8:1::9")).hasToString("2001:db8:1::9/128");
        assertThat(match("2001:db8:1::a")).hasToString("2001:db8:1::8/125");
        assertThat(match("2001:db8:1::10")).hasToString("2001:db8:1::/65");
        assertThat(match("2001:db8:1:0:8000::")).hasToString("2001:db8:1::/64");
        assertThat(match("2001:db8:1:1::")).hasToString("2001:db8:1::/48");
        assertThat(match("2001:db8:2::")).hasToString("2001:db8::/32");
        assertThat(match("3fff::")).hasToString("2000::/3");
        assertThat(match("fd00::1")).hasToString("::/0");
    }

    @Test
    void fallsBackToTheCoveringPrefixWhenOneIsRemoved() {
        put("10.0.0.0/8");
        put("10.1.2.3/32");
        assertThat(fib.remove(VRF, IpPrefix.parse("10.1.2.3/32"))).isTrue();
        assertThat(match("10.1.2.3")).hasToString("10.0.0.0/8");
        assertThat(fib.remove(VRF, IpPrefix.parse("10.1.2.3/32"))).isFalse();
        assertThat(fib.remove(VRF, IpPrefix.parse("10.0.0.0/8"))).isTrue();
        assertThat(lookup("10.1.2.3")).isSameAs(FibEntry.NO_ROUTE);
    }

    @Test
    void replacesAnEntryWithoutTouchingLongerOnes() {
        put("10.0.0.0/8");
        put("10.1.0.0/16");
        FibEntry replacement = new FibEntry(8, FibAction.BLACKHOLE, List.of());
        fib.put(VRF, IpPrefix.parse("10.0.0.0/8"), replacement);
        assertThat(lookup("10.2.0.1")).isSameAs(replacement);
        assertThat(match("10.1.0.1")).hasToString("10.1.0.0/16");
        assertThat(fib.entries(VRF)).hasSize(2);
    }

    @Test
    void keepsVrfsApart() {
        fib.put(3, IpPrefix.parse("10.0.0.0/8"), entry(8, 1));
        fib.put(1, IpPrefix.parse("fd00::/8"), entry(8, 1));
        assertThat(fib.lookup4(3, Ip4Address.parse("10.0.0.1").value()).action())
                .isEqualTo(FibAction.FORWARD);
        assertThat(lookup("10.0.0.1")).isSameAs(FibEntry.NO_ROUTE);
        assertThat(lookup("fd00::1")).isSameAs(FibEntry.NO_ROUTE);
        assertThat(fib.remove(2, IpPrefix.parse("10.0.0.0/8"))).isFalse();
    }

    @Test
    void refusesWhatIsNoRoute() {
        assertThatThrownBy(() -> fib.put(VRF, Ip4Prefix.DEFAULT, FibEntry.NO_ROUTE))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> fib.put(VRF, Ip4Prefix.DEFAULT, entry(1, 1))).hasMessageContaining("0.0.0.0/0");
        assertThatThrownBy(() -> fib.put(-1, Ip4Prefix.DEFAULT, entry(0, 1)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> fib.put(Fib.MAX_VRFS, Ip4Prefix.DEFAULT, entry(0, 1)))
                .hasMessageContaining("VRF ids are 0 to");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void agreesWithALinearScanUnderRandomChanges4(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        compareUnderChanges(random, () -> randomPrefix4(random), () -> randomAddress4(random), FibTest::entry);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void agreesWithALinearScanUnderRandomChanges6(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        compareUnderChanges(random, () -> randomPrefix6(random), () -> randomAddress6(random), FibTest::entry);
    }

    /** As routes over few neighbors do: runs of equal answers come to touch, and part again. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void agreesWithALinearScanWhenRoutesShareEntries(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        FibEntry[][] shared = new FibEntry[129][2];
        for (int length = 0; length < shared.length; length++) {
            shared[length] = new FibEntry[] {entry(length, 0), entry(length, 1)};
        }
        BiFunction<Integer, Integer, FibEntry> entries = (length, step) -> shared[length][step & 1];
        compareUnderChanges(random, () -> randomPrefix4(random), () -> randomAddress4(random), entries);
        compareUnderChanges(random, () -> randomPrefix6(random), () -> randomAddress6(random), entries);
    }

    /** Every length at once, over one address and over its neighbor in each bit, put and removed in every kind of order. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void agreesWithALinearScanOnEveryLengthNested(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        nest(random, new Ip4Address(random.nextInt()));
        nest(random, new Ip6Address(random.nextLong(), random.nextLong()));
        nest(random, new Ip6Address(0x2000_0000_0000_0000L | random.nextLong() >>> 3, random.nextLong()));
    }

    private void nest(SplittableRandom random, IpAddress center) {
        LinearFib oracle = new LinearFib();
        List<IpPrefix> prefixes = new ArrayList<>(List.of(center.prefix(0)));
        for (int length = 1; length <= center.bits(); length++) {
            prefixes.add(center.prefix(length));
            prefixes.add(flipped(center, length).prefix(length));
        }
        for (int round = 0; round < 4; round++) {
            Collections.shuffle(prefixes, new Random(random.nextLong()));
            for (IpPrefix prefix : prefixes) {
                FibEntry entry = entry(prefix.length(), round);
                oracle.put(prefix, entry);
                fib.put(VRF, prefix, entry);
            }
            prefixes.forEach(prefix -> edges(prefix).forEach(address -> assertSame(oracle, address, -3)));
            Collections.shuffle(prefixes, new Random(random.nextLong()));
            for (IpPrefix prefix : prefixes.subList(0, round < 3 ? prefixes.size() / 2 : prefixes.size())) {
                oracle.remove(prefix);
                assertThat(fib.remove(VRF, prefix)).isTrue();
                edges(prefix).forEach(address -> assertSame(oracle, address, -4));
            }
            prefixes.forEach(prefix -> edges(prefix).forEach(address -> assertSame(oracle, address, -5)));
        }
        assertThat(fib.entries(VRF)).isEmpty();
    }

    /** The address with the last bit of this many turned over. */
    private static IpAddress flipped(IpAddress address, int length) {
        if (address instanceof Ip4Address ip4) {
            return new Ip4Address(ip4.value() ^ 1 << (32 - length));
        }
        Ip6Address ip6 = (Ip6Address) address;
        return length <= 64
                ? new Ip6Address(ip6.high() ^ 1L << (64 - length), ip6.low())
                : new Ip6Address(ip6.high(), ip6.low() ^ 1L << (128 - length));
    }

    /** The first array becomes a larger one while routes are in it, and readers must not notice. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2})
    void agreesWithALinearScanWhileTheTableGrowsAndShrinks(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        LinearFib oracle = new LinearFib();
        for (int i = 0; i < 2500; i++) {
            IpPrefix prefix4 = new Ip4Address(random.nextInt() & 0x0fff_ffff).prefix(8 + random.nextInt(25));
            // Inside and outside of global unicast space, of which the first array knows more bits.
            long high = (i & 1L) << 61 | random.nextLong() >>> 4;
            IpPrefix prefix6 = new Ip6Address(high, random.nextLong()).prefix(8 + random.nextInt(121));
            for (IpPrefix prefix : List.of(prefix4, prefix6)) {
                FibEntry entry = entry(prefix.length(), i);
                oracle.put(prefix, entry);
                fib.put(VRF, prefix, entry);
            }
            if (i > 900 && i < 1200 || i > 2450) {
                IpPrefix any = oracle.prefixes().get(random.nextInt(oracle.size()));
                edges(any).forEach(address -> assertSame(oracle, address, -6));
            }
        }
        oracle.prefixes().forEach(prefix -> assertSame(oracle, prefix.first(), -7));
        for (IpPrefix prefix : List.copyOf(oracle.prefixes())) {
            oracle.remove(prefix);
            fib.remove(VRF, prefix);
            if (oracle.size() < 300) {
                assertSame(oracle, prefix.first(), -8);
            }
        }
    }

    private void compareUnderChanges(
            SplittableRandom random,
            Supplier<IpPrefix> prefixes,
            Supplier<IpAddress> addresses,
            BiFunction<Integer, Integer, FibEntry> entries) {
        LinearFib oracle = new LinearFib();
        for (int step = 0; step < 3000; step++) {
            boolean shrink = step % 1000 > 700;
            if (oracle.size() > 0 && random.nextInt(10) < (shrink ? 8 : 3)) {
                IpPrefix victim = oracle.prefixes().get(random.nextInt(oracle.size()));
                assertThat(fib.remove(VRF, victim)).isEqualTo(oracle.remove(victim));
            } else {
                IpPrefix prefix = prefixes.get();
                FibEntry entry = entries.apply(prefix.length(), step);
                oracle.put(prefix, entry);
                fib.put(VRF, prefix, entry);
            }
            for (int probe = 0; probe < 4; probe++) {
                assertSame(oracle, addresses.get(), step);
            }
            if (step % 250 == 0) {
                // The first and last address of every prefix and those beside them are where off-by-ones live.
                for (IpPrefix prefix : oracle.prefixes()) {
                    edges(prefix).forEach(address -> assertSame(oracle, address, -1));
                }
            }
        }
        for (IpPrefix prefix : List.copyOf(oracle.prefixes())) {
            oracle.remove(prefix);
            assertThat(fib.remove(VRF, prefix)).isTrue();
            assertSame(oracle, prefix.first(), -2);
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
        put(Ip4Prefix.DEFAULT, 0);
        put(Ip6Prefix.DEFAULT, 0);
        nests.forEach(nest -> put(nest.outer, 1));
        makeLarge();

        AtomicBoolean stop = new AtomicBoolean();
        CountDownLatch started = new CountDownLatch(2);
        ExecutorService readers = Executors.newFixedThreadPool(2);
        try {
            List<Future<Long>> results = new ArrayList<>();
            for (int reader = 0; reader < 2; reader++) {
                results.add(readers.submit(() -> {
                    long lookups = 0;
                    Ip6Batch batch = new Ip6Batch(nests.size());
                    started.countDown();
                    while (!stop.get()) {
                        batch.clear();
                        for (Nest nest : nests) {
                            nest.check(lookup(nest.address));
                            lookups++;
                            if (nest.address instanceof Ip6Address ip6) {
                                batch.add(ip6.high(), ip6.low());
                            }
                        }
                        fib.lookup6(VRF, batch);
                        int next = 0;
                        for (Nest nest : nests) {
                            if (nest.address instanceof Ip6Address) {
                                nest.check(batch.answer(next++));
                            }
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
                    case 0, 1 -> put(inner, changes);
                    case 2 -> fib.remove(VRF, inner);
                    default -> put(nest.outer, changes);
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
        /**
         * The outer route never leaves: neither the default route nor nothing may be seen, and of the inner ones only those
         * that hold the address.
         */
        void check(FibEntry found) {
            if (!allowed.contains(address.prefix(found.prefixLength()))) {
                throw new AssertionError(this + " answered " + found);
            }
        }

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
        Map<IpPrefix, FibEntry> hosts = new LinkedHashMap<>();
        for (int i = 0; i < 64; i++) {
            int length4 = 20 + random.nextInt(13);
            int length6 = 20 + random.nextInt(109);
            hosts.put(new Ip4Address(random.nextInt()).prefix(length4), entry(length4, i));
            hosts.put(new Ip6Address(random.nextLong(), random.nextLong()).prefix(length6), entry(length6, i));
        }
        List<IpPrefix> prefixes = List.copyOf(hosts.keySet());
        hosts.forEach((prefix, entry) -> fib.put(VRF, prefix, entry));
        AtomicBoolean stop = new AtomicBoolean();
        ExecutorService readers = Executors.newSingleThreadExecutor();
        try {
            CountDownLatch started = new CountDownLatch(1);
            Future<Long> reader = readers.submit(() -> {
                long lookups = 0;
                started.countDown();
                while (!stop.get()) {
                    for (IpPrefix host : prefixes) {
                        FibEntry found = lookup(host.first());
                        if (found != hosts.get(host)) {
                            throw new AssertionError(host + " hidden by " + found);
                        }
                        lookups++;
                    }
                }
                return lookups;
            });
            started.await();
            long end = System.nanoTime() + Duration.ofSeconds(1).toNanos();
            for (int change = 0; System.nanoTime() < end; change++) {
                IpPrefix host = prefixes.get(random.nextInt(prefixes.size()));
                IpPrefix cover = host.first().prefix(random.nextInt(host.length()));
                if (change % 2 == 0) {
                    put(cover, change);
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

    /**
     * A route that stays is given ever higher next hops while longer and shorter ones around it come and go: what a reader
     * sees of it never goes back.
     */
    @Test
    @Timeout(60)
    void neverShowsAReaderAnOlderAnswerAfterANewerOne() throws Exception {
        List<IpPrefix> growing = List.of(
                IpPrefix.parse("10.0.0.0/8"),
                IpPrefix.parse("20.1.0.0/19"),
                IpPrefix.parse("30.1.2.0/24"),
                IpPrefix.parse("40.1.2.3/32"),
                IpPrefix.parse("2001:db8::/32"),
                IpPrefix.parse("2001:db9:1::/48"),
                IpPrefix.parse("2001:dba::1/128"));
        growing.forEach(prefix -> put(prefix, 0));
        AtomicBoolean stop = new AtomicBoolean();
        ExecutorService readers = Executors.newFixedThreadPool(2);
        try {
            List<Future<int[]>> results = new ArrayList<>();
            CountDownLatch sawChanges = new CountDownLatch(2);
            for (int reader = 0; reader < 2; reader++) {
                results.add(readers.submit(() -> {
                    int[] last = new int[growing.size()];
                    boolean saw = false;
                    while (!stop.get()) {
                        if (!saw && IntStream.of(last).allMatch(version -> version > 0)) {
                            saw = true;
                            sawChanges.countDown();
                        }
                        for (int i = 0; i < last.length; i++) {
                            FibEntry found = lookup(growing.get(i).first());
                            int version = found.nextHop(0).interfaceId();
                            if (found.prefixLength() != growing.get(i).length() || version < last[i]) {
                                throw new AssertionError(
                                        growing.get(i) + " answered " + found + " after version " + last[i]);
                            }
                            last[i] = version;
                        }
                    }
                    return last;
                }));
            }
            SplittableRandom random = new SplittableRandom(7);
            long end = System.nanoTime() + Duration.ofSeconds(1).toNanos();
            int version = 0;
            // For as long as it takes both readers to see changes, or one to fail.
            while (System.nanoTime() < end
                    || version <= 100
                    || sawChanges.getCount() != 0 && results.stream().noneMatch(Future::isDone)) {
                version++;
                for (IpPrefix prefix : growing) {
                    put(prefix, version);
                    IpPrefix cover = prefix.first().prefix(random.nextInt(prefix.length()));
                    IpAddress last = prefix instanceof Ip4Prefix ip4
                            ? new Ip4Address(ip4.last())
                            : new Ip6Address(
                                    ((Ip6Prefix) prefix).high() | ~Ip6Prefix.highMask(prefix.length()),
                                    ((Ip6Prefix) prefix).low() | ~Ip6Prefix.lowMask(prefix.length()));
                    // Of a longer prefix over the last address, the first one is no part.
                    IpPrefix inner = last.prefix(prefix.length() + random.nextInt(last.bits() - prefix.length() + 1));
                    for (IpPrefix other : List.of(cover, inner)) {
                        if (other.length() != prefix.length() && random.nextBoolean()) {
                            put(other, -1 - version);
                        } else if (other.length() != prefix.length()) {
                            fib.remove(VRF, other);
                        }
                    }
                }
            }
            stop.set(true);
            for (Future<int[]> result : results) {
                assertThat(result.get(10, TimeUnit.SECONDS)).doesNotContain(0);
            }
            assertThat(version).isGreaterThan(100);
        } finally {
            stop.set(true);
            readers.shutdownNow();
        }
    }

    @Test
    @Timeout(30)
    void takesTwoHundredThousandRoutesOfEachFamilyInSeconds() {
        SplittableRandom random = new SplittableRandom(20);
        List<IpPrefix> prefixes = new ArrayList<>();
        for (int i = 0; i < 200_000; i++) {
            // Roughly the lengths of the Internet's tables: most at /24 and /48, some shorter, few host routes.
            int kind = random.nextInt(20);
            int length4 = kind < 12 ? 24 : kind < 18 ? 12 + random.nextInt(12) : 25 + random.nextInt(8);
            int length6 = kind < 12 ? 48 : kind < 18 ? 20 + random.nextInt(28) : 64 + random.nextInt(65);
            prefixes.add(new Ip4Address(random.nextInt()).prefix(length4));
            prefixes.add(new Ip6Address(0x2000_0000_0000_0000L | random.nextLong() >>> 3, random.nextLong())
                    .prefix(length6));
        }
        long start = System.nanoTime();
        prefixes.forEach(prefix -> put(prefix, prefix.length()));
        long filled = System.nanoTime();
        long checksum = 0;
        for (IpPrefix prefix : prefixes) {
            checksum += lookup(prefix.first()).nextHopCount();
        }
        long looked = System.nanoTime();
        prefixes.forEach(prefix -> fib.remove(VRF, prefix));
        long emptied = System.nanoTime();
        System.out.printf(
                "400,000 routes: put %d ms, looked up %d ms, removed %d ms%n",
                (filled - start) / 1_000_000, (looked - filled) / 1_000_000, (emptied - looked) / 1_000_000);
        assertThat(checksum).isEqualTo(prefixes.size());
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

    /** The prefix that an address is decided by; the default route when there is none. */
    private IpPrefix match(String text) {
        IpAddress address = IpAddress.parse(text);
        return address.prefix(lookup(address).prefixLength());
    }

    private void put(String prefix) {
        put(IpPrefix.parse(prefix), 1);
    }

    private void put(IpPrefix prefix, int interfaceId) {
        fib.put(VRF, prefix, entry(prefix.length(), interfaceId));
    }

    private static FibEntry entry(int length, int interfaceId) {
        return new FibEntry(length, FibAction.FORWARD, List.of(new NextHop(interfaceId, null, null)));
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
