// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import io.culvert.fib.Fib;
import io.culvert.fib.Rib;
import io.culvert.fib.Route;
import io.culvert.fib.RouteSource;
import io.culvert.net.InterfaceId;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.InternetRoutes;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Route changes per second among 1,000,000 IPv4 and 250,000 IPv6 routes over 16 gateways, in batches of 1000 as a routing
 * daemon sends them, without and with a thread that looks up random addresses meanwhile. Four of five changes are IPv4.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(1)
public class RouteChangeBenchmark {
    private static final int BATCH = 1000;
    private static final int BATCHES = 100;

    @Param({"0", "1"})
    int readers;

    private final Fib fib = new Fib();
    private final Fib ribsFib = new Fib();
    private final Rib rib = new Rib(ribsFib);
    private final List<Reader> running = new ArrayList<>();
    private final FibEntry[][] entries = FibLookupBenchmark.entries();
    /** Prefixes that change, by batch, and the routes to them over one gateway and over another. */
    private final List<List<IpPrefix>> prefixes = new ArrayList<>();

    private final List<List<Route>> here = new ArrayList<>();
    private final List<List<Route>> there = new ArrayList<>();
    private final List<List<Route.Key>> keys = new ArrayList<>();
    private int next;

    /** Fills the tables. */
    @Setup
    public void fill() {
        List<IpPrefix> all = new ArrayList<>(InternetRoutes.ip4(FibLookupBenchmark.ROUTES4, 4));
        List<Ip6Prefix> prefixes6 = InternetRoutes.ip6(FibLookupBenchmark.ROUTES6, 6);
        all.addAll(prefixes6);
        List<List<Route.Via>> vias = addNeighbors(rib);
        SplittableRandom random = new SplittableRandom(1);
        for (IpPrefix prefix : all) {
            int neighbor = random.nextInt(vias.size());
            fib.put(0, prefix, entries[prefix.length()][neighbor]);
            rib.put(route(prefix, vias.get(neighbor)));
        }
        rib.commit();
        for (int batch = 0; batch < BATCHES; batch++) {
            List<IpPrefix> changing = new ArrayList<>();
            for (int i = 0; i < BATCH; i++) {
                changing.add(all.get(random.nextInt(all.size())));
            }
            int neighbor = random.nextInt(vias.size());
            prefixes.add(changing);
            here.add(changing.stream().map(p -> route(p, vias.get(neighbor))).toList());
            there.add(changing.stream()
                    .map(p -> route(p, vias.get((neighbor + 1) % vias.size())))
                    .toList());
            keys.add(changing.stream()
                    .map(p -> new Route.Key(0, p, RouteSource.STATIC))
                    .toList());
        }
        int[] addresses4 = InternetRoutes.addresses4(1 << 16, 14);
        long[] addresses6 = InternetRoutes.addresses6(prefixes6, 1 << 16, 16);
        for (int i = 0; i < readers; i++) {
            Reader reader = new Reader(List.of(fib, ribsFib), addresses4, addresses6);
            running.add(reader);
            reader.start();
        }
    }

    @TearDown(Level.Trial)
    public void stop() throws InterruptedException {
        for (Reader reader : running) {
            reader.stopped = true;
            reader.join();
            if (reader.sum == 0) {
                throw new IllegalStateException("the reader has found no route");
            }
        }
    }

    /** The forwarding table alone: routes move from one next hop to another. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public void tableMoves() {
        List<IpPrefix> batch = prefixes.get(next % BATCHES);
        int neighbor = next / BATCHES % FibLookupBenchmark.NEIGHBORS;
        for (IpPrefix prefix : batch) {
            fib.put(0, prefix, entries[prefix.length()][neighbor]);
        }
        next++;
    }

    /** From the control plane's candidates on: routes move from one gateway to another. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public int moves() {
        List<Route> batch = (next / BATCHES % 2 == 0 ? here : there).get(next % BATCHES);
        next++;
        for (Route route : batch) {
            rib.put(route);
        }
        return rib.commit();
    }

    /** The same, each route withdrawn and entered again. */
    @Benchmark
    @OperationsPerInvocation(2 * BATCH)
    public int flaps() {
        int batch = next++ % BATCHES;
        for (Route.Key key : keys.get(batch)) {
            rib.remove(key);
        }
        int changes = rib.commit();
        for (Route route : here.get(batch)) {
            rib.put(route);
        }
        return changes + rib.commit();
    }

    /** Connects as many gateways of each family as there are to be, over one network each. */
    static List<List<Route.Via>> addNeighbors(Rib rib) {
        List<List<Route.Via>> vias = new ArrayList<>();
        for (int i = 0; i < FibLookupBenchmark.NEIGHBORS; i++) {
            rib.setInterface(InterfaceBuilder.ethernet(i)
                    .address("10.0." + i + ".1/24")
                    .address("fd00:" + i + "::1/64")
                    .build());
            vias.add(List.of(new Route.Via(IpAddress.parse("fd00:" + i + "::2"), InterfaceId.NONE, null)));
        }
        return vias;
    }

    static Route route(IpPrefix prefix, List<Route.Via> vias) {
        return new Route(0, prefix, RouteSource.STATIC, 1, 0, FibAction.FORWARD, vias);
    }

    /** A lane that does nothing but look up. */
    private static final class Reader extends Thread {
        volatile boolean stopped;
        private final List<Fib> tables;
        private final int[] addresses4;
        private final long[] addresses6;
        private volatile int sum;

        Reader(List<Fib> tables, int[] addresses4, long[] addresses6) {
            this.tables = tables;
            this.addresses4 = addresses4;
            this.addresses6 = addresses6;
            setDaemon(true);
        }

        @Override
        public void run() {
            while (!stopped) {
                for (Fib fib : tables) {
                    int lengths = 0;
                    for (int i = 0; i < addresses4.length; i++) {
                        lengths += fib.lookup4(0, addresses4[i]).prefixLength();
                        lengths += fib.lookup6(0, addresses6[2 * i], addresses6[2 * i + 1])
                                .prefixLength();
                    }
                    sum = lengths;
                }
            }
        }
    }
}
