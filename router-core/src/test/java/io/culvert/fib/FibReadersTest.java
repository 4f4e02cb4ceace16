// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Address;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.Ip6Batch;
import io.culvert.spi.NextHop;
import io.culvert.testkit.InternetRoutes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Readers look addresses up while the tables change, from empty ones to those of the Internet: each answer is the very entry
 * that was right at some moment between the lookup's start and its end.
 */
@Timeout(60)
final class FibReadersTest {
    private static final int VRF = 0;
    private static final int READERS = 2;

    /** More than what the first arrays index by 24 bits from. */
    private static final int ROUTES4 = 300_000;

    private static final int ROUTES6 = 140_000;
    private static final int MOST_ROUTES4 = 1 << 18;
    private static final int MOST_ROUTES6 = 1 << 17;
    /** Of each family, and beyond how many a table is no small one any more. */
    private static final int SMALL = 1100;

    private static final int SMALL_ROUTES = 1 << 10;

    /** Addresses looked up, of each family, and those of them that are looked up together. */
    private static final int WATCHED = 96;

    private static final int TOGETHER = 32;
    private static final int VARIANTS = 4;
    private static final int LONGEST = 128;

    private final Fib fib = new Fib();
    private final long seed = System.nanoTime();
    private final SplittableRandom random = new SplittableRandom(seed);
    private final FibEntry[][] common = new FibEntry[LONGEST + 1][VARIANTS];
    private final List<Watched> watched4 = new ArrayList<>();
    private final List<Watched> watched6 = new ArrayList<>();
    private final Map<Long, Watched> byRegion = new LinkedHashMap<>();
    private List<Ip4Prefix> routes4 = List.of();
    private List<Ip6Prefix> routes6 = List.of();

    @BeforeEach
    void chooseAddresses() {
        System.out.println("seed " + seed);
        routes4 = InternetRoutes.ip4(ROUTES4, seed);
        routes6 = InternetRoutes.ip6(ROUTES6, seed);
        for (int i = 0; i <= LONGEST; i++) {
            int length = i;
            Arrays.setAll(common[length], variant -> entry(length, variant));
        }
        for (Ip4Prefix route : routes4) {
            if (watched4.size() < WATCHED && !byRegion.containsKey(region(route))) {
                int inside = random.nextInt() & ~Ip4Prefix.mask(route.length());
                watch(watched4, new Ip4Address(route.address() | inside));
            }
        }
        for (Ip6Prefix route : routes6) {
            if (watched6.size() < WATCHED && !byRegion.containsKey(region(route))) {
                long high = route.high() | random.nextLong() & ~Ip6Prefix.highMask(route.length());
                long low = route.low() | random.nextLong() & ~Ip6Prefix.lowMask(route.length());
                watch(watched6, new Ip6Address(high, low));
            }
        }
        assertThat(watched4).hasSize(WATCHED);
        assertThat(watched6).hasSize(WATCHED);
    }

    private void watch(List<Watched> family, IpAddress address) {
        Watched watched = new Watched(address, 1 + byRegion.size());
        family.add(watched);
        byRegion.put(region(address.prefix(address.bits())), watched);
    }

    @Test
    void showsOnlyWhatWasRightInATableOfTheInternet() throws Exception {
        put(Ip4Prefix.DEFAULT, common[0][0]);
        put(Ip6Prefix.DEFAULT, common[0][0]);
        routes4.forEach(this::putCommon);
        routes6.forEach(this::putCommon);
        assertLarge();
        try (Readers readers = new Readers()) {
            long end = System.nanoTime() + Duration.ofSeconds(2).toNanos();
            while ((System.nanoTime() < end || !readers.haveSeenChanges()) && !readers.haveFailed()) {
                change();
            }
            readers.finish();
        }
        assertLarge();
    }

    @Test
    void showsOnlyWhatWasRightWhileATableGrowsToThatOfTheInternet() throws Exception {
        try (Readers readers = new Readers()) {
            for (int i = 0; i < ROUTES4 && !readers.haveFailed(); i++) {
                putCommon(routes4.get(i));
                if (i < ROUTES6) {
                    putCommon(routes6.get(i));
                }
                if (i % 32 == 0) {
                    change();
                }
                // Before the first arrays grow: whoever looks up meanwhile has begun.
                if (i == SMALL_ROUTES / 2 || i == MOST_ROUTES6 * 3 / 4 || i == MOST_ROUTES4 * 3 / 4) {
                    readers.awaitRound();
                }
            }
            while (!readers.haveSeenChanges() && !readers.haveFailed()) {
                change();
            }
            readers.finish();
        }
        assertLarge();
    }

    /** Time and again, because there are few moments in which a small first array is exchanged for another. */
    @Test
    void showsOnlyWhatWasRightWhileSmallTablesGrowAndVanish() throws Exception {
        List<IpPrefix> routes = new ArrayList<>(List.of(Ip4Prefix.DEFAULT, Ip6Prefix.DEFAULT));
        // Those that decide the addresses looked up come first: while the arrays grow they answer.
        for (List<? extends IpPrefix> family : List.of(routes4, routes6)) {
            family.stream().filter(this::decidesWatched).forEach(routes::add);
        }
        for (int i = 0; i < SMALL; i++) {
            routes.add(routes4.get(i));
            routes.add(routes6.get(i));
        }
        List<IpPrefix> distinct = routes.stream().distinct().toList();
        try (Readers readers = new Readers()) {
            long end = System.nanoTime() + Duration.ofSeconds(2).toNanos();
            while ((System.nanoTime() < end || !readers.haveSeenChanges()) && !readers.haveFailed()) {
                distinct.forEach(this::putCommon);
                readers.awaitRound();
                for (int last = distinct.size() - 1; last >= 0; last--) {
                    remove(distinct.get(last));
                }
                assertThat(fib.entries(VRF)).isEmpty();
            }
            readers.finish();
        }
    }

    private boolean decidesWatched(IpPrefix prefix) {
        Watched watched = byRegion.get(region(prefix));
        return watched != null && prefix.contains(watched.address);
    }

    private void assertLarge() {
        Map<IpPrefix, FibEntry> entries = fib.entries(VRF);
        long ip4 = entries.keySet().stream().filter(Ip4Prefix.class::isInstance).count();
        assertThat(ip4).isGreaterThan(MOST_ROUTES4);
        assertThat(entries.size() - ip4).isGreaterThan(MOST_ROUTES6);
    }

    /** Puts or removes a route over an address that is looked up, or the one beside such a route. */
    private void change() {
        List<Watched> family = random.nextBoolean() ? watched4 : watched6;
        Watched watched = family.get(random.nextInt(WATCHED));
        IpAddress near = watched.address;
        int length;
        if (near instanceof Ip4Address ip4) {
            length = random.nextInt(8) == 0 ? 9 + random.nextInt(24) : 20 + random.nextInt(13);
            near = new Ip4Address(ip4.value() ^ random.nextInt(2) << (32 - length));
        } else {
            Ip6Address ip6 = (Ip6Address) near;
            length = 21 + random.nextInt(random.nextInt(4) == 0 ? 108 : 44);
            long flip = random.nextInt(2);
            near = length <= 64
                    ? new Ip6Address(ip6.high() ^ flip << (64 - length), ip6.low())
                    : new Ip6Address(ip6.high(), ip6.low() ^ flip << (128 - length));
        }
        if (random.nextInt(3) == 0) {
            remove(near.prefix(length));
        } else {
            put(near.prefix(length), watched.entry(length, random.nextInt(VARIANTS)));
        }
    }

    private void putCommon(IpPrefix prefix) {
        put(prefix, common[prefix.length()][random.nextInt(VARIANTS)]);
    }

    private void put(IpPrefix prefix, FibEntry entry) {
        List<Watched> concerned = announce(prefix, entry);
        fib.put(VRF, prefix, entry);
        concerned.forEach(Watched::changed);
    }

    private void remove(IpPrefix prefix) {
        List<Watched> concerned = announce(prefix, null);
        fib.remove(VRF, prefix);
        concerned.forEach(Watched::changed);
    }

    private List<Watched> announce(IpPrefix prefix, @Nullable FibEntry entry) {
        if (prefix.length() == 0) {
            List<Watched> family = prefix instanceof Ip4Prefix ? watched4 : watched6;
            family.forEach(watched -> watched.change(0, entry));
            return family;
        }
        Watched watched = byRegion.get(region(prefix));
        if (watched == null || !prefix.contains(watched.address)) {
            return List.of();
        }
        watched.change(prefix.length(), entry);
        return List.of(watched);
    }

    /** The part of the Internet that a route lies in, which no route but the default ones leaves. */
    private static long region(IpPrefix prefix) {
        return prefix instanceof Ip4Prefix ip4 ? ip4.address() >>> 24 : -(((Ip6Prefix) prefix).high() >>> 44);
    }

    private static FibEntry entry(int length, int interfaceId) {
        return new FibEntry(length, FibAction.FORWARD, List.of(new NextHop(interfaceId, null, null)));
    }

    /**
     * An address, and what was right for it since the start. The writer says what will be right before it changes the table,
     * and that it is after that.
     */
    private static final class Watched {
        private final IpAddress address;
        private final int number;
        private final FibEntry[][] own = new FibEntry[LONGEST + 1][];
        private final @Nullable FibEntry[] installed = new FibEntry[LONGEST + 1];
        private volatile FibEntry[] right = new FibEntry[64];
        private volatile int begun;
        private volatile int done;

        Watched(IpAddress address, int number) {
            this.address = address;
            this.number = number;
            right[0] = FibEntry.NO_ROUTE;
        }

        /** One that no other address has. */
        FibEntry entry(int length, int variant) {
            if (own[length] == null) {
                own[length] = new FibEntry[VARIANTS];
                Arrays.setAll(own[length], i -> FibReadersTest.entry(length, VARIANTS * number + i));
            }
            return own[length][variant];
        }

        void change(int length, @Nullable FibEntry entry) {
            installed[length] = entry;
            FibEntry longest = FibEntry.NO_ROUTE;
            for (FibEntry shorterFirst : installed) {
                longest = shorterFirst == null ? longest : shorterFirst;
            }
            int last = begun;
            if (right[last] != longest) {
                if (last + 1 == right.length) {
                    right = Arrays.copyOf(right, 2 * right.length);
                }
                right[last + 1] = longest;
                begun = last + 1;
            }
        }

        void changed() {
            done = begun;
        }

        /** @param doneBefore what {@link #done} was before the lookup */
        void check(FibEntry found, int doneBefore) {
            int begunBehind = begun;
            FibEntry[] answers = right;
            for (int moment = begunBehind; moment >= doneBefore; moment--) {
                if (answers[moment] == found) {
                    return;
                }
            }
            throw new AssertionError(address + " answered " + found + ", right were "
                    + Arrays.asList(answers).subList(doneBefore, begunBehind + 1));
        }
    }

    /** Threads that look all addresses up, one by one and together, until they find a wrong answer. */
    private final class Readers implements AutoCloseable {
        private final ExecutorService threads = Executors.newFixedThreadPool(READERS);
        private final List<Future<?>> results = new ArrayList<>();
        private final AtomicLongArray rounds = new AtomicLongArray(READERS);
        private final AtomicLongArray changesSeen = new AtomicLongArray(READERS);
        private volatile boolean stop;

        Readers() {
            for (int reader = 0; reader < READERS; reader++) {
                int number = reader;
                results.add(threads.submit(() -> read(number)));
            }
            awaitRound();
        }

        private void read(int number) {
            Ip6Batch batch = new Ip6Batch(TOGETHER);
            int[] doneBefore = new int[TOGETHER];
            FibEntry[] last = new FibEntry[WATCHED];
            while (!stop) {
                for (int i = 0; i < WATCHED; i++) {
                    Watched watched = watched4.get(i);
                    int before = watched.done;
                    FibEntry found = fib.lookup4(VRF, ((Ip4Address) watched.address).value());
                    watched.check(found, before);
                    if (found != last[i]) {
                        last[i] = found;
                        changesSeen.incrementAndGet(number);
                    }
                }
                for (Watched watched : watched6) {
                    Ip6Address address = (Ip6Address) watched.address;
                    int before = watched.done;
                    watched.check(fib.lookup6(VRF, address.high(), address.low()), before);
                }
                for (int first = 0; first < WATCHED; first += TOGETHER) {
                    batch.clear();
                    for (int i = 0; i < TOGETHER; i++) {
                        Watched watched = watched6.get(first + i);
                        Ip6Address address = (Ip6Address) watched.address;
                        batch.add(address.high(), address.low());
                        doneBefore[i] = watched.done;
                    }
                    fib.lookup6(VRF, batch);
                    for (int i = 0; i < TOGETHER; i++) {
                        watched6.get(first + i).check(batch.answer(i), doneBefore[i]);
                    }
                }
                rounds.incrementAndGet(number);
            }
        }

        boolean haveFailed() {
            return results.stream().anyMatch(Future::isDone);
        }

        /** Until each reader has looked up everything once more, or one has failed. */
        void awaitRound() {
            for (int reader = 0; reader < READERS; reader++) {
                long before = rounds.get(reader);
                while (rounds.get(reader) < before + 2 && !haveFailed()) {
                    Thread.onSpinWait();
                }
            }
        }

        /** Whether each reader has got other answers than before for as many times as there are addresses, and more. */
        boolean haveSeenChanges() {
            for (int reader = 0; reader < READERS; reader++) {
                if (changesSeen.get(reader) < 4 * WATCHED) {
                    return false;
                }
            }
            return true;
        }

        /** Fails as the first reader did. */
        void finish() throws Exception {
            stop = true;
            for (Future<?> result : results) {
                result.get(30, TimeUnit.SECONDS);
            }
        }

        @Override
        public void close() {
            stop = true;
            threads.shutdownNow();
        }
    }
}
