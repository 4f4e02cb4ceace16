// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hosts behind tun devices of a whole router: each host is a namespace that holds the kernel's end. */
@RequiresNamespaces
@Timeout(60)
final class TunInterfaceIT {
    private TestHost a;
    private TestHost b;

    @BeforeEach
    void makeHosts() throws IOException {
        a = new TestHost();
        b = new TestHost();
    }

    @AfterEach
    void removeHosts() throws IOException {
        a.close();
        b.close();
    }

    private String tuns(String moreOfA, String moreOfB) {
        return """
                interfaces {
                  a { type = tun, device = cva, netns = %s, addresses = ["10.1.0.1/24", "fd00:1::1/64"], %s
                      kernel { addresses = ["10.1.0.2/24", "fd00:1::2/64"], routes = ["0.0.0.0/0", "::/0"] } }
                  b { type = tun, device = "cvb%%d", netns = %s, addresses = ["10.2.0.1/24", "fd00:2::1/64"], %s
                      kernel { addresses = ["10.2.0.2/24", "fd00:2::2/64"], routes = ["0.0.0.0/0", "::/0"] } }
                }
                """.formatted(a.namespace, moreOfA, b.namespace, moreOfB);
    }

    @Test
    void carriesTrafficOfBothFamilies() throws Exception {
        try (TestRouter router = TestRouter.start(tuns("", "mtu = 1300"))) {
            assertThat(router.at("b").device()).isEqualTo("cvb0");
            Traffic.ping(a, "10.2.0.2");
            Traffic.ping(a, "fd00:2::2");
            Traffic.pathMtu(a, "10.2.0.2", 1300);
            Traffic.pathMtu(a, "fd00:2::2", 1300);
            Traffic.traceroute(a, "10.2.0.2", "10.1.0.1");
            Traffic.traceroute(a, "fd00:2::2", "fd00:1::1");
            Traffic.datagrams(a, "10.1.0.2", b, "10.2.0.2");
            Traffic.datagrams(a, "fd00:1::2", b, "fd00:2::2");
            Traffic.transfer(a, b, "10.2.0.2", 4 << 20);
            Traffic.transfer(a, b, "fd00:2::2", 4 << 20);
            // S12: nothing is resolved on a tun, although the hosts are on its link
            assertThat(a.run("ip neigh")).isEmpty();
            assertThat(router.view().counters().stages())
                    .noneMatch(stage -> stage.stage().startsWith("arp"));
            for (TestHost host : List.of(a, b)) {
                assertThat(host.run("cat /proc/net/snmp6"))
                        .containsPattern("Icmp6InNeighborSolicits\\s+0\n")
                        .containsPattern("Icmp6InNeighborAdvertisements\\s+0\n")
                        .containsPattern("Icmp6InRouterAdvertisements\\s+0\n");
            }
        }
        assertThat(a.run("ip -o link")).doesNotContain("cva");
        assertThat(b.run("ip -o link")).doesNotContain("cvb");
    }

    @ParameterizedTest
    @ValueSource(strings = {"vnet-header = off", "vnet-header = 10", "vnet-header = 12", "packet-info = true"})
    void carriesTcpWithEachHeader(String header) throws Exception {
        try (TestRouter router = TestRouter.start(tuns(header, ""))) {
            Traffic.transfer(a, b, "10.2.0.2", 2 << 20);
            Traffic.transfer(b, a, "fd00:1::2", 2 << 20);
            assertThat(router.dropped("bad-checksum")).isZero();
        }
    }

    @Test
    void aPersistentDeviceStaysWithItsSettingsAndIsTakenUpAgain() throws Exception {
        String persistent = tuns("persistent = true, owner = 12, group = 34, mtu = 1400, tx-queue-length = 77", "");
        for (int run = 0; run < 2; run++) {
            try (TestRouter router = TestRouter.start(persistent)) {
                Traffic.ping(a, "10.2.0.2");
                assertThat(router.at("a").mtu()).isEqualTo(1400);
            }
            assertThat(a.run("ip -d link show cva"))
                    .contains("persist on", "user 12", "mtu 1400", "qlen 77", "NO-CARRIER")
                    .containsPattern("group (34|backup)");
        }
    }

    @Test
    void attachesToADeviceThatExistsAndLeavesItInPlace() throws Exception {
        a.run("ip tuntap add dev cva mode tun");
        try (TestRouter router = TestRouter.start(tuns("attach = true, vnet-header = off", ""))) {
            assertThat(router.at("a").up()).isTrue();
            Traffic.ping(a, "10.2.0.2");
            Traffic.ping(b, "fd00:1::2");
        }
        assertThat(a.run("ip -o link")).contains("cva");
    }

    @Test
    void waitsForADeviceToAttachTo() throws Exception {
        try (TestRouter router = TestRouter.start(tuns("attach = true", ""))) {
            assertThat(router.at("a").up()).isFalse();
            a.run("ip tuntap add dev cva mode tun");
            router.awaitUp("a");
            Traffic.ping(a, "10.2.0.2");
        }
    }

    @Test
    void spreadsFlowsOverLanesAndKeepsTheOrderOfEach() throws Exception {
        try (TestRouter router = TestRouter.startTwoLanes(null, tuns("", ""))) {
            Map<Integer, Integer> last = new HashMap<>();
            List<DatagramSocket> flows = new ArrayList<>();
            int received = 0;
            try (DatagramSocket sink = b.datagrams("10.2.0.2")) {
                sink.setSoTimeout(500);
                sink.setReceiveBufferSize(1 << 20);
                for (int flow = 0; flow < 16; flow++) {
                    flows.add(a.datagrams("10.1.0.2"));
                }
                DatagramPacket in = new DatagramPacket(new byte[64], 64);
                for (int number = 0; number < 100; number++) {
                    for (int flow = 0; flow < flows.size(); flow++) {
                        byte[] out = ByteBuffer.allocate(8)
                                .putInt(flow)
                                .putInt(number)
                                .array();
                        flows.get(flow).send(new DatagramPacket(out, 8, sink.getLocalSocketAddress()));
                    }
                }
                try {
                    while (true) {
                        sink.receive(in);
                        received++;
                        ByteBuffer got = ByteBuffer.wrap(in.getData());
                        int flow = got.getInt();
                        int number = got.getInt();
                        assertThat(number).as("number in flow %d", flow).isGreaterThan(last.getOrDefault(flow, -1));
                        last.put(flow, number);
                    }
                } catch (SocketTimeoutException all) {
                    assertThat(received).isGreaterThan(800);
                }
            } finally {
                flows.forEach(DatagramSocket::close);
            }
            assertThat(router.seen("a"))
                    .hasSize(2)
                    .allSatisfy(queue -> assertThat(queue.packets.get()).isGreaterThan(50));
        }
    }

    @Test
    void showsWhatAFullQueueLost() throws Exception {
        try (TestRouter router = TestRouter.start(tuns("tx-queue-length = 1", ""))) {
            Traffic.ping(a, "10.2.0.2");
            a.attempt("ping -n -q -f -l 2000 -c 4000 -s 1000 -W 1 10.2.0.2");
            await().until(() -> router.traffic("a").rxMissed() > 0);
            await().untilAsserted(() -> {
                String dropped =
                        a.run("cat /sys/class/net/cva/statistics/tx_dropped").trim();
                assertThat(router.traffic("a").rxMissed()).isEqualTo(Long.parseLong(dropped));
                assertThat(router.show("interfaces")).contains("rx-missed", dropped);
                assertThat(router.show("drops")).contains("interface a", "receive-queue-full", dropped);
            });
            assertThat(router.traffic("b").rxMissed()).isZero();
        }
    }

    @Test
    void comesBackAfterItWasDeletedOrSetDown() throws Exception {
        try (TestRouter router = TestRouter.start(tuns("", ""))) {
            Traffic.ping(a, "10.2.0.2");

            b.run("ip link set cvb0 down");
            router.awaitDown("b");
            assertThat(b.run("ip -o link show cvb0")).doesNotContain(",UP");
            assertThat(a.attempt("ping -n -c 1 -W 2 10.2.0.2").output()).containsIgnoringCase("unreachable");
            b.run("ip link set cvb0 up");
            router.awaitUp("b");
            Traffic.ping(a, "10.2.0.2");
            Traffic.ping(a, "fd00:2::2");

            b.run("ip link del cvb0");
            Traffic.ping(a, "10.2.0.2");
            assertThat(b.run("ip -o link")).contains("cvb");
        }
    }
}
