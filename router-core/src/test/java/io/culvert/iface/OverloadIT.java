// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * More than the router can forward: every datagram that is lost is counted under a name, no flow loses much more than
 * another, what has another way is not in its way, and memory stays as it is.
 */
@RequiresNamespaces
@Timeout(60)
final class OverloadIT {
    /** That take turns: were vectors as even a number, each would begin with the same flow. */
    private static final int FLOWS = 8;

    private static final int DATAGRAM_BYTES = 200;

    /** Sent every ten milliseconds beside a flood, and how many of them must arrive. */
    private static final int THIN_DATAGRAMS = 200;

    private static final int THIN_ARRIVALS = 190;

    /** Packets that hosts send unasked: IPv6 housekeeping, ARP. */
    private static final int UNASKED = 40;

    private TestHost home;
    private TestHost a;
    private TestHost b;
    private TestHost c;

    @BeforeEach
    void makeHosts() throws IOException {
        home = new TestHost();
        a = new TestHost();
        b = new TestHost();
        c = new TestHost();
    }

    @AfterEach
    void removeHosts() throws IOException {
        a.close();
        b.close();
        c.close();
        home.close();
    }

    private String one(String name, TestHost host, int net, String kind, String more) throws IOException {
        String common =
                name + " { type = " + kind + ", gro = off, addresses = [\"10." + net + ".0.1/24\"]" + more + "\n";
        if (kind.equals("tun")) {
            return common + "device = cv" + name + ", netns = " + host.namespace + "\nkernel { addresses = [\"10." + net
                    + ".0.2/24\"], routes = [\"0.0.0.0/0\"] } }\n";
        }
        home.run("ip link add r" + name + " type veth peer name eth0 netns " + host.namespace);
        home.run("sysctl -qw net.ipv6.conf.r" + name + ".disable_ipv6=1");
        home.run("ip link set r" + name + " up");
        host.run("ip link set eth0 up");
        host.run("ip addr add 10." + net + ".0.2/24 dev eth0");
        host.run("ip route replace default via 10." + net + ".0.1");
        return common + "device = r" + name + " }\n";
    }

    private String interfaces(String kind, String moreOfA) throws IOException {
        return "interfaces {\n" + one("a", a, 1, kind, moreOfA) + one("b", b, 2, kind, "") + one("c", c, 3, kind, "")
                + "}\n";
    }

    @ParameterizedTest
    @ValueSource(strings = {"tun", "packet"})
    void anInputThatIsTooFastLosesEvenlyAndCountsWhatItLoses(String kind) throws Exception {
        String shortQueue = kind.equals("tun") ? ", tx-queue-length = 100" : "";
        try (TestRouter router = TestRouter.startIn(home, interfaces(kind, shortQueue))) {
            Traffic.reach(a, "10.1.0.2", b, "10.2.0.2");
            Traffic.reach(c, "10.3.0.2", b, "10.2.0.2");
            long before = arrived("a", router);
            try (Flows flood = new Flows(a, "10.1.0.2", b, "10.2.0.2", 20_000, FLOWS, DATAGRAM_BYTES);
                    Flows thin = new Flows(c, "10.3.0.2", b, "10.2.0.2", 30_000, 1, DATAGRAM_BYTES)) {
                flood.sendForward();
                sendThin(thin);
                flood.stopSending();
                assertArrived(thin);
                assertEven(flood);
                await().untilAsserted(() -> assertThat(arrived("a", router) - before)
                        .as("what the router received or missed, of what the host sent")
                        .isBetween(Flows.sent(flood.forward()), Flows.sent(flood.forward()) + UNASKED));
            }
        }
    }

    /** What an interface has received, and what it has lost because it was too slow. */
    private static long arrived(String name, TestRouter router) {
        return router.traffic(name).rxPackets() + router.traffic(name).rxMissed();
    }

    @ParameterizedTest
    @CsvSource({"auto, off", "off, off", "auto, on"})
    void anOutputThatIsTooSlowLosesEvenlyUnderANameAndIsInNobodysWay(String vnetHeader, String gro) throws Exception {
        String interfaces =
                interfaces("packet", "").replace("gro = off", "gro = " + gro + ", vnet-header = " + vnetHeader);
        home.run("tc qdisc add dev rb root tbf rate 20mbit burst 32kb limit 64kb");
        try (TestRouter router = TestRouter.startIn(home, interfaces)) {
            Traffic.reach(a, "10.1.0.2", b, "10.2.0.2");
            Traffic.reach(c, "10.3.0.2", a, "10.1.0.2");
            long leftBefore = left(home, "rb");
            long sentBefore = router.traffic("b").txPackets();
            long refusedBefore = router.traffic("b").txRefused();
            try (Flows flood = new Flows(a, "10.1.0.2", b, "10.2.0.2", 20_000, FLOWS, DATAGRAM_BYTES);
                    Flows thin = new Flows(c, "10.3.0.2", a, "10.1.0.2", 30_000, 1, DATAGRAM_BYTES)) {
                flood.sendForward();
                sendThin(thin);
                flood.stopSending();
                assertArrived(thin);
                assertEven(flood);
                if (vnetHeader.equals("auto")) { // past the queueing discipline nothing is slow
                    assertThat(router.dropped("queue-full")).isPositive();
                    await().untilAsserted(() -> assertThat(router.traffic("b").txRefused() - refusedBefore)
                            .isEqualTo(router.dropped("queue-full")));
                }
                if (vnetHeader.equals("auto") && gro.equals("off")) { // a device counts what is chained as one packet
                    await().untilAsserted(() -> {
                        long sent = router.traffic("b").txPackets() - sentBefore;
                        assertThat(left(home, "rb") - leftBefore)
                                .as("what left the device, of what the router sent")
                                .isBetween(sent - UNASKED, sent + UNASKED);
                    });
                }
            }
        }
    }

    /** Packets that wait for neighbors, which are not there, have all the buffers. */
    @Test
    void packetsThatFindNoBufferAreCountedAndTheirInterfaceStaysUp() throws Exception {
        String interfaces =
                "buffers = 64\ninterfaces {\n" + one("a", a, 1, "tun", "") + one("b", b, 2, "packet", "") + "}\n";
        try (TestRouter router = TestRouter.startIn(home, interfaces)) {
            Traffic.reach(a, "10.1.0.2", b, "10.2.0.2");
            String device = a.run("cat /sys/class/net/cva/ifindex");
            List<RawDatagrams> toNobody = new ArrayList<>();
            for (int host = 100; host < 108; host++) {
                toNobody.add(RawDatagrams.open(a, new InetSocketAddress("10.2.0." + host, 9)));
            }
            await().until(() -> {
                for (int number = 0; number < 100; number++) {
                    toNobody.forEach(one -> one.sendNumber(0, DATAGRAM_BYTES));
                }
                return router.dropped("pool-exhausted") > 1_000;
            });
            toNobody.forEach(RawDatagrams::close);
            assertThat(router.at("a").up()).isTrue();
            assertThat(a.run("cat /sys/class/net/cva/ifindex"))
                    .as("the device, which was not made anew")
                    .isEqualTo(device);
            Traffic.reach(a, "10.1.0.2", b, "10.2.0.2");
        }
    }

    /** Frames that a device has passed on, or tried to: a host that is busy loses some behind it. */
    private static long left(TestHost host, String device) throws IOException {
        String folder = "/sys/class/net/" + device + "/statistics/";
        return host.run("cat " + folder + "tx_packets " + folder + "tx_dropped")
                .lines()
                .mapToLong(Long::parseLong)
                .sum();
    }

    @Test
    void aFloodTakesNoMemoryThatItDoesNotGiveBack() throws Exception {
        try (TestRouter router = TestRouter.startIn(home, interfaces("tun", ""))) {
            Traffic.reach(a, "10.1.0.2", b, "10.2.0.2");
            flood(TimeUnit.SECONDS.toMillis(2)); // until all buffers have been used and code is compiled
            long heap = usedHeap();
            long resident = residentBytes();
            flood(TimeUnit.SECONDS.toMillis(3));
            long heapGrowth = usedHeap() - heap;
            long growth = residentBytes() - resident;
            assertThat(heapGrowth).as("growth of the heap in bytes").isLessThan(8 << 20);
            assertThat(growth).as("growth of the process in bytes").isLessThan(48 << 20);
            await().untilAsserted(
                            () -> assertThat(router.view().buffersOutstanding()).isZero());
        }
    }

    private void flood(long millis) throws Exception {
        try (Flows flood = new Flows(a, "10.1.0.2", b, "10.2.0.2", 20_000, FLOWS, DATAGRAM_BYTES)) {
            flood.sendForward();
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
            while (System.nanoTime() < end) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
            }
        }
    }

    private static long usedHeap() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private static long residentBytes() throws IOException {
        return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ", -1)[1]) * 4096;
    }

    private static void sendThin(Flows thin) {
        for (int number = 0; number < THIN_DATAGRAMS; number++) {
            thin.sendOnce();
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
        }
    }

    private static void assertArrived(Flows thin) {
        await().untilAsserted(() -> assertThat(Flows.received(thin.forward()))
                .as("datagrams of a thin flow, of %d", THIN_DATAGRAMS)
                .isGreaterThanOrEqualTo(THIN_ARRIVALS));
    }

    /** Each of the flows, which send equally much, gets between a half and one and a half of what they get on average. */
    private static void assertEven(Flows flood) {
        long mean = Flows.received(flood.forward()) / FLOWS;
        assertThat(mean).isGreaterThan(500);
        assertThat(flood.forward())
                .allSatisfy(flow -> assertThat(flow.received.get())
                        .as("datagrams of one flow")
                        .isBetween(mean / 2, mean + mean / 2));
    }
}
