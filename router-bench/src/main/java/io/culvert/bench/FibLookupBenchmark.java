// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import io.culvert.fib.Fib;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.Ip6Batch;
import io.culvert.spi.NextHop;
import io.culvert.testkit.InternetRoutes;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Nanoseconds to look an address up among 1,000,000 IPv4 and 250,000 IPv6 prefixes: one by one, where the
 * processor overlaps lookups that need nothing of each other; with each waiting for the answer of the one before; and, for
 * IPv6 as the stage does it, a vector's together.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@Fork(1)
public class FibLookupBenchmark {
    static final int ROUTES4 = 1_000_000;
    static final int ROUTES6 = 250_000;
    static final int NEIGHBORS = 16;
    private static final int ADDRESSES = 1 << 20;
    private static final int VECTOR = 64;

    /** Addresses of as many flows, in turn; {@value #ADDRESSES} random ones are more than any cache keeps apart. */
    @Param({"1048576", "64"})
    int flows;

    private final Fib fib = new Fib();
    private final Ip6Batch batch = new Ip6Batch(VECTOR);
    private int next;
    private int[] addresses4 = {};
    private long[] addresses6 = {};

    /** Fills the tables. */
    @Setup
    public void fill() {
        List<Ip6Prefix> prefixes6 = InternetRoutes.ip6(ROUTES6, 6);
        SplittableRandom random = new SplittableRandom(1);
        FibEntry[][] entries = entries();
        for (IpPrefix prefix : InternetRoutes.ip4(ROUTES4, 4)) {
            fib.put(0, prefix, entries[prefix.length()][random.nextInt(NEIGHBORS)]);
        }
        for (IpPrefix prefix : prefixes6) {
            fib.put(0, prefix, entries[prefix.length()][random.nextInt(NEIGHBORS)]);
        }
        addresses4 = InternetRoutes.addresses4(ADDRESSES, 14);
        addresses6 = InternetRoutes.addresses6(prefixes6, ADDRESSES, 16);
        for (int i = flows; i < ADDRESSES; i++) {
            addresses4[i] = addresses4[i % flows];
            addresses6[2 * i] = addresses6[2 * (i % flows)];
            addresses6[2 * i + 1] = addresses6[2 * (i % flows) + 1];
        }
    }

    /** For every length and neighbor. */
    static FibEntry[][] entries() {
        FibEntry[][] entries = new FibEntry[129][NEIGHBORS];
        for (int length = 0; length < entries.length; length++) {
            for (int i = 0; i < NEIGHBORS; i++) {
                entries[length][i] = new FibEntry(length, FibAction.FORWARD, List.of(new NextHop(i, null, null)));
            }
        }
        return entries;
    }

    @Benchmark
    @OperationsPerInvocation(ADDRESSES)
    public int ip4() {
        int sum = 0;
        for (int address : addresses4) {
            sum += fib.lookup4(0, address).prefixLength();
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(ADDRESSES)
    public int ip4OneAfterAnother() {
        int sum = 0;
        for (int address : addresses4) {
            // Never negative: the address stays what it is, but the processor does not know before it has the answer.
            sum = fib.lookup4(0, address ^ sum >>> 31).prefixLength();
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(ADDRESSES)
    public int ip6() {
        int sum = 0;
        for (int i = 0; i < addresses6.length; i += 2) {
            sum += fib.lookup6(0, addresses6[i], addresses6[i + 1]).prefixLength();
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(ADDRESSES)
    public int ip6OneAfterAnother() {
        int sum = 0;
        for (int i = 0; i < addresses6.length; i += 2) {
            sum = fib.lookup6(0, addresses6[i] ^ sum >>> 31, addresses6[i + 1]).prefixLength();
        }
        return sum;
    }

    @Benchmark
    @OperationsPerInvocation(VECTOR)
    public int ip6Together() {
        batch.clear();
        for (int i = next; i < next + VECTOR; i++) {
            batch.add(addresses6[2 * i], addresses6[2 * i + 1]);
        }
        next = (next + VECTOR) % ADDRESSES;
        fib.lookup6(0, batch);
        int sum = 0;
        for (int i = 0; i < VECTOR; i++) {
            sum += batch.answer(i).prefixLength();
        }
        return sum;
    }
}
