// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.InterfaceId;
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
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.InternetRoutes;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The tables of a router that has the whole Internet, from the control plane's candidates to what lanes read. */
final class InternetTableTest {
    private static final int ROUTES4 = 1_000_000;
    private static final int ROUTES6 = 250_000;
    private static final int GATEWAYS = 16;
    private static final int PROBES = 20_000;
    /** The measurement itself is good to a few MB. */
    private static final long MOST_BYTES = 150_000_000;

    @Test
    @Timeout(300)
    void holdsAMillionAndAQuarterRoutesInLittleMemoryAndFindsThem() {
        List<Ip4Prefix> prefixes4 = InternetRoutes.ip4(ROUTES4, 4);
        List<Ip6Prefix> prefixes6 = InternetRoutes.ip6(ROUTES6, 6);
        long before = heapInUse();

        Fib fib = new Fib();
        Rib rib = new Rib(fib);
        List<List<Route.Via>> vias = new ArrayList<>();
        for (int i = 0; i < GATEWAYS; i++) {
            rib.setInterface(InterfaceBuilder.ethernet(i)
                    .address("10.0." + i + ".1/24")
                    .address("fd00:" + i + "::1/64")
                    .build());
            vias.add(List.of(new Route.Via(IpAddress.parse("10.0." + i + ".2"), InterfaceId.NONE, null)));
            vias.add(List.of(new Route.Via(IpAddress.parse("fd00:" + i + "::2"), InterfaceId.NONE, null)));
        }
        for (int i = 0; i < ROUTES4; i++) {
            rib.put(route(prefixes4.get(i), vias.get(2 * (i % GATEWAYS))));
        }
        for (int i = 0; i < ROUTES6; i++) {
            rib.put(route(prefixes6.get(i), vias.get(2 * (i % GATEWAYS) + 1)));
            if (i % 1000 == 0) {
                rib.commit();
            }
        }
        rib.commit();

        long bytes = heapInUse() - before;
        System.out.printf("1,250,000 routes take %.1f MB in FIB and RIB%n", bytes / 1e6);
        assertThat(bytes).isLessThan(MOST_BYTES);
        // The networks to the gateways, the router's addresses there and the broadcast addresses are routes too.
        Map<IpPrefix, FibEntry> oracle = fib.entries(0);
        assertThat(oracle).hasSizeGreaterThanOrEqualTo(ROUTES4 + ROUTES6);
        List<NextHop> nextHops = new ArrayList<>();
        for (int i = 0; i < GATEWAYS; i++) {
            nextHops.add(new NextHop(i, vias.get(2 * i).get(0).gateway(), IpAddress.parse("10.0." + i + ".1")));
            nextHops.add(new NextHop(i, vias.get(2 * i + 1).get(0).gateway(), IpAddress.parse("fd00:" + i + "::1")));
        }
        for (int i = 0; i < ROUTES4; i++) {
            oracle.put(prefixes4.get(i), forwarding(prefixes4.get(i), nextHops.get(2 * (i % GATEWAYS))));
        }
        for (int i = 0; i < ROUTES6; i++) {
            oracle.put(prefixes6.get(i), forwarding(prefixes6.get(i), nextHops.get(2 * (i % GATEWAYS) + 1)));
        }
        int[] probes4 = InternetRoutes.addresses4(PROBES, 14);
        long[] probes6 = InternetRoutes.addresses6(prefixes6, PROBES, 16);
        compare(fib, oracle, probes4, probes6);

        IpPrefix everywhere = Ip4Prefix.parse("0.0.0.0/0");
        for (int gateway = 0; gateway < 2; gateway++) {
            List<Route.Via> via = vias.get(2 * gateway);
            long begun = System.nanoTime();
            rib.put(route(everywhere, via));
            rib.commit();
            System.out.printf(
                    "A change of the default route among them takes %.0f ms of the writer%n",
                    (System.nanoTime() - begun) / 1e6);
            oracle.put(everywhere, forwarding(everywhere, nextHops.get(2 * gateway)));
            compare(fib, oracle, probes4, probes6);
        }

        for (int i = 0; i < ROUTES4; i += 2) {
            withdraw(rib, oracle, prefixes4.get(i));
        }
        for (int i = 0; i < ROUTES6; i += 2) {
            withdraw(rib, oracle, prefixes6.get(i));
        }
        rib.commit();
        compare(fib, oracle, probes4, probes6);
    }

    private static FibEntry forwarding(IpPrefix prefix, NextHop by) {
        return new FibEntry(prefix.length(), FibAction.FORWARD, List.of(by));
    }

    private static void withdraw(Rib rib, Map<IpPrefix, FibEntry> oracle, IpPrefix prefix) {
        rib.remove(new Route.Key(0, prefix, RouteSource.STATIC));
        oracle.remove(prefix);
    }

    /** Finds the longest prefix of an address by trying every length. */
    private static void compare(Fib fib, Map<IpPrefix, FibEntry> oracle, int[] probes4, long[] probes6) {
        Ip6Batch batch = new Ip6Batch(PROBES);
        for (int i = 0; i < PROBES; i++) {
            batch.add(probes6[2 * i], probes6[2 * i + 1]);
        }
        fib.lookup6(0, batch);
        for (int i = 0; i < PROBES; i++) {
            Ip4Address ip4 = new Ip4Address(probes4[i]);
            Ip6Address ip6 = new Ip6Address(probes6[2 * i], probes6[2 * i + 1]);
            compare(fib.lookup4(0, ip4.value()), oracle, ip4);
            compare(fib.lookup6(0, ip6.high(), ip6.low()), oracle, ip6);
            compare(batch.answer(i), oracle, ip6);
        }
    }

    private static void compare(FibEntry found, Map<IpPrefix, FibEntry> oracle, IpAddress address) {
        int length = address.bits();
        while (length > 0 && !oracle.containsKey(address.prefix(length))) {
            length--;
        }
        FibEntry expected = oracle.getOrDefault(address.prefix(length), FibEntry.NO_ROUTE);
        if (found.prefixLength() != expected.prefixLength() || !found.answersLike(expected)) {
            throw new AssertionError(address + " was decided by " + found + ", not by " + expected);
        }
    }

    private static Route route(IpPrefix prefix, List<Route.Via> vias) {
        return new Route(0, prefix, RouteSource.STATIC, 1, 0, FibAction.FORWARD, vias);
    }

    private static long heapInUse() {
        for (int i = 0; i < 2; i++) {
            System.gc();
        }
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }
}
