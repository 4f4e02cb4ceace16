// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Ordinary programs on the router's own host, which use its addresses (scenario S9). One router serves all tests. */
@RequiresNamespaces
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class LocalDeliveryIT {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    /** Echoes datagrams to an address, until it is stopped. */
    private static final String UDP_ECHO = """
            import socket, sys
            s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((sys.argv[1], 7))
            while True:
                data, peer = s.recvfrom(65535)
                s.sendto(data, peer)
            """;

    private static final String UDP_ASK = """
            import os, socket, sys
            s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
            s.settimeout(3)
            data = os.urandom(int(sys.argv[2]))
            s.sendto(data, (sys.argv[1], 7))
            print('same' if s.recv(65535) == data else 'different')
            """;

    /** Says whom it sees connecting, once. */
    private static final String TCP_WHO = """
            import socket, sys
            s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((sys.argv[1], 99))
            s.listen()
            c, peer = s.accept()
            c.sendall(peer[0].encode())
            c.close()
            """;

    private static final String TCP_ASK = """
            import socket, sys
            print(socket.create_connection((sys.argv[1], 99), 3).recv(99).decode())
            """;

    @TempDir
    private static Path folder;

    private LocalDeliveryNetwork network;
    private Process process;

    @BeforeAll
    void startRouter() throws IOException {
        network = new LocalDeliveryNetwork(folder, false);
        process = network.startRouter();
        network.startWebServer("192.168.1.1");
        network.startWebServer("fd00:1::1");
        for (String address : List.of("192.168.1.1", "fd00:1::1")) {
            network.startPython(network.router, UDP_ECHO, address);
            await().atMost(PATIENCE).until(() -> network.router.sh("ss -Hlun").contains(address));
        }
    }

    @AfterAll
    void stopRouter() throws IOException {
        try {
            if (process != null) {
                network.stop(process);
            }
        } finally {
            network.close();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"192.168.1.1", "[fd00:1::1]"})
    void hostsOnBothSidesLoadAPageFromAServerOnTheRoutersLanAddress(String address) throws Exception {
        assertThat(network.lan.sh("curl -sS -m 10 'http://" + address + "/'")).contains("the router's page");
        assertThat(network.wan.sh("curl -sS -m 10 'http://" + address + "/'")).contains("the router's page");
    }

    @ParameterizedTest
    @CsvSource({"192.168.1.1, IpInReceives", "[fd00:1::1], Ip6InReceives"})
    void thePageTravelsThroughTheTapAndTheKernelSeesEachPacketOnce(String address, String received) throws Exception {
        List<Long> before = counters(received, "cvhost/rx_packets", "cvhost/tx_packets");

        assertThat(network.lan.sh("curl -sS -m 10 'http://" + address + "/big' | wc -c"))
                .isEqualTo("1000000\n");

        List<Long> after = counters(received, "cvhost/rx_packets", "cvhost/tx_packets");
        assertThat(after.get(1)).isGreaterThan(before.get(1));
        assertThat(after.get(2)).isGreaterThan(before.get(2));
        assertThat(after.get(0) - before.get(0))
                .as("all that the kernel took came out of the TAP")
                .isLessThanOrEqualTo(after.get(1) - before.get(1))
                .isGreaterThan(3);
    }

    @Test
    void theKernelNeitherForwardsNorAnswersWhatPassesThroughTheRouter() throws Exception {
        List<Long> before = counters("IpForwDatagrams", "Ip6OutForwDatagrams", "IpInDelivers", "IcmpOutMsgs");

        String seen =
                network.captured(network.lan, "eth0", "ping -c 3 -i 0.3 203.0.113.9; ping -c 3 -i 0.3 2001:db8::9");

        assertThat(counters("IpForwDatagrams", "Ip6OutForwDatagrams", "IpInDelivers", "IcmpOutMsgs"))
                .isEqualTo(before);
        assertThat(seen.lines().filter(line -> line.contains("ICMP echo reply")))
                .hasSize(3);
        assertThat(seen.lines().filter(line -> line.contains("ICMP6, echo reply")))
                .hasSize(3);
    }

    @Test
    void theRouterAloneAnswersForItsAddressesOnTheLink() throws Exception {
        String mac = network.router.sh("cat /sys/class/net/cvlan/address").strip();
        network.lan.ip("neigh flush dev eth0");

        String seen = network.captured(
                network.lan, "eth0", "ping -c 2 -i 0.3 192.168.1.1; ping -c 2 -i 0.3 fd00:1::1; ping -c 1 203.0.113.2");

        assertThat(seen.lines().filter(line -> line.contains("Reply 192.168.1.1 is-at")))
                .hasSize(1)
                .allMatch(line -> line.contains("is-at " + mac));
        assertThat(seen.lines().filter(line -> line.contains("neighbor advertisement, tgt is fd00:1::1")))
                .hasSize(1)
                .allMatch(line -> line.contains(mac + " > "));
        assertThat(seen.lines().filter(line -> line.contains("ICMP echo reply")))
                .hasSize(3);
        assertThat(seen.lines().filter(line -> line.contains("ICMP6, echo reply")))
                .hasSize(2);
    }

    @Test
    void theKernelAnswersPingsAndItsTimeToLiveArrivesUntouched() throws Exception {
        long before = network.router.counter("IcmpInEchos");

        assertThat(network.lan.sh("ping -n -c 1 -W 2 192.168.1.1")).contains("ttl=" + LocalDeliveryNetwork.KERNEL_TTL);
        assertThat(network.wan.sh("ping -n -c 1 -W 2 192.168.1.1")).contains("ttl=" + LocalDeliveryNetwork.KERNEL_TTL);
        assertThat(network.lan.sh("ping -n -c 1 -W 2 fd00:1::1")).contains(" 0% packet loss");

        assertThat(network.router.counter("IcmpInEchos") - before).isEqualTo(2);
    }

    /** The kernel's link-local address on the device is made from the same MAC address as the router's. */
    @Test
    void theRouterItselfAnswersForItsLinkLocalAddresses() throws Exception {
        String address = network.router
                .sh("ip -6 -o addr show dev cvlan scope link | sed 's/.*inet6 //; s/[/].*//'")
                .strip();

        assertThat(network.lan.sh("ping -n -c 1 -W 2 " + address + "%eth0")).contains(" 0% packet loss");
    }

    @ParameterizedTest
    @ValueSource(strings = {"192.168.1.1", "203.0.113.2", "fd00:1::1", "2001:db8::2"})
    void aPacketToTheRouterMayArriveWithItsLastHop(String address) throws Exception {
        assertThat(network.lan.sh("ping -n -c 1 -W 2 -t 1 " + address)).contains(" 0% packet loss");
    }

    @ParameterizedTest
    @CsvSource({
        "192.168.1.1, 100",
        "192.168.1.1, 3000",
        "192.168.1.1, 20000",
        "fd00:1::1, 100",
        "fd00:1::1, 3000",
        "fd00:1::1, 20000"
    })
    void datagramsOfAnySizeReachADaemonAndReturn(String address, int bytes) throws Exception {
        assertThat(network.python(network.lan, UDP_ASK, address, Integer.toString(bytes)))
                .isEqualTo("same\n");
        assertThat(network.python(network.wan, UDP_ASK, address, Integer.toString(bytes)))
                .isEqualTo("same\n");
    }

    @Test
    void aDirectedBroadcastReachesADaemon() throws Exception {
        Process daemon = network.startPython(network.router, """
                import socket
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.bind(('0.0.0.0', 137))
                data, peer = s.recvfrom(999)
                s.sendto(data, peer)
                """);
        await().atMost(PATIENCE).until(() -> network.router.sh("ss -Hlun").contains(":137"));

        assertThat(network.python(network.lan, """
                        import socket
                        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                        s.settimeout(3)
                        s.sendto(b'who', ('192.168.1.255', 137))
                        print(s.recvfrom(999)[1][0])
                        """)).isEqualTo("192.168.1.1\n");
        assertThat(daemon.waitFor()).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "wan, 203.0.113.9, 203.0.113.2",
        "lan, 192.168.1.9, 192.168.1.1",
        "wan, 2001:db8::9, 2001:db8::2",
        "lan, fd00:1::9, fd00:1::1"
    })
    void aProgramThatConnectsOutHasTheRoutersAddressOnThatSide(String where, String listener, String expected)
            throws Exception {
        TestNamespace far = where.equals("wan") ? network.wan : network.lan;
        Process who = network.startPython(far, TCP_WHO, listener);
        await().atMost(PATIENCE).until(() -> far.sh("ss -Hltn").contains(":99 "));

        assertThat(network.python(network.router, TCP_ASK, listener)).isEqualTo(expected + "\n");
        assertThat(who.waitFor()).isZero();
    }

    @Test
    void aProgramThatConnectsByAStaticRouteHasTheAddressOfItsInterface() throws Exception {
        assertThat(network.router.ip("route get 198.51.100.1")).contains("dev cvhost src 203.0.113.2");
    }

    @Test
    void aProgramHearsOfTheErrorsThatTheRouterSendsIt() throws Exception {
        assertThat(network.router.sh("ping -n -c 1 -W 3 10.66.0.1; true")).contains("Destination Host Unreachable");
    }

    @Test
    void aProgramUsesThePathMtuThatTheRouterTellsIt() throws Exception {
        network.router.ip("link set cvhost mtu 1500");
        try {
            assertThat(network.router.sh("ping -n -c 1 -W 3 -M do -s 1450 203.0.113.9; true"))
                    .contains("mtu = 1400");
            assertThat(network.router.ip("route get 203.0.113.9 from 203.0.113.2"))
                    .contains("mtu 1400");
        } finally {
            network.router.ip("link set cvhost mtu 1400");
            network.router.sh("ip route flush cache");
        }
    }

    @Test
    void tracerouteThroughTheRouterShowsItsAddress() throws Exception {
        assertThat(network.lan.sh("traceroute -n -q 1 -w 2 -m 4 203.0.113.9"))
                .containsSubsequence(" 1  192.168.1.1 ", " 2  203.0.113.9 ");
        assertThat(network.lan.sh("traceroute -6 -n -q 1 -w 2 -m 4 2001:db8::9"))
                .containsSubsequence(" 1  fd00:1::1 ", " 2  2001:db8::9 ");
    }

    @Test
    void aPortWhereNobodyListensIsRefusedByTheKernel() throws Exception {
        long before = network.router.counter("TcpOutRsts");

        assertThat(network.lan.sh("curl -sS -m 5 http://192.168.1.1:81/ 2>&1; true"))
                .contains("onnect");

        assertThat(network.router.counter("TcpOutRsts")).isGreaterThan(before);
    }

    private List<Long> counters(String... names) throws IOException {
        List<Long> values = new ArrayList<>();
        for (String name : names) {
            values.add(network.router.counter(name));
        }
        return values;
    }
}
