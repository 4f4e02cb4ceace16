// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.culvert.net.MacAddress;
import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Hosts at the far ends of veth pairs, whose near ends a whole router has packet sockets on. */
@RequiresNamespaces
@Timeout(60)
final class PacketInterfaceIT {
    private TestHost home;
    private TestHost a;
    private TestHost b;

    @BeforeEach
    void makeHosts() throws IOException {
        home = new TestHost();
        a = new TestHost();
        b = new TestHost();
        link("ra", a, "1");
        link("rb", b, "2");
    }

    @AfterEach
    void removeHosts() throws IOException {
        a.close();
        b.close();
        home.close();
    }

    /** A veth pair from the router's namespace to a host, which has the second address of the net and a default route. */
    private void link(String device, TestHost host, String net) throws IOException {
        home.run("ip link add " + device + " type veth peer name eth0 netns " + host.namespace);
        // The kernel of the router's namespace takes no part: it has no addresses there, not even link-local ones.
        home.run("sysctl -qw net.ipv6.conf." + device + ".disable_ipv6=1");
        home.run("ip link set " + device + " up");
        host.run("ip link set eth0 up");
        host.run("ip addr add 10." + net + ".0.2/24 dev eth0");
        host.run("ip addr add fd00:" + net + "::2/64 dev eth0 nodad");
        host.run("ip route replace default via 10." + net + ".0.1");
        host.run("ip -6 route replace default via fd00:" + net + "::1");
    }

    private static String packets(String moreOfA, String moreOfB) {
        return """
                interfaces {
                  a { type = packet, device = ra, addresses = ["10.1.0.1/24", "fd00:1::1/64"], %s }
                  b { type = packet, device = rb, addresses = ["10.2.0.1/24", "fd00:2::1/64"], %s }
                }
                """.formatted(moreOfA, moreOfB);
    }

    @Test
    void carriesTrafficOfBothFamilies() throws Exception {
        try (TestRouter router = TestRouter.startIn(home, packets("", "mtu = 1300"))) {
            everything(router, a);
            // what the router sends does not come back to it
            long own = router.at("b").mac();
            assertThat(router.seen("b").get(0).sourceMacs).doesNotContain(own);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"'' | 1", "mac = \"02:00:00:00:0a:01\", promiscuous = true | 0"})
    void warnsWhenItSharesMacAndDeviceWithAddressesOfTheKernel(String moreOfA, int warnings) throws Exception {
        home.run("ip addr add 10.1.0.50/24 dev ra");
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        Logger logger = (Logger) LoggerFactory.getLogger(PacketOpener.class);
        logger.addAppender(log);
        log.start();
        try (TestRouter router = TestRouter.startIn(home, packets(moreOfA, ""))) {
            assertThat(router.at("a").up()).isTrue();
        } finally {
            logger.detachAppender(log);
        }
        assertThat(log.list)
                .hasSize(warnings)
                .allSatisfy(event -> assertThat(event.getFormattedMessage())
                        .isEqualTo(
                                "a: the kernel has 10.1.0.50 on ra: whoever speaks to it gets ICMP errors from the router"
                                        + " as well; give the interface a mac of its own, or use another device"));
    }

    @Test
    void carriesTrafficBetweenATunAndAPacketInterface() throws Exception {
        TestHost t = new TestHost();
        try (TestRouter router = TestRouter.startIn(home, """
                interfaces {
                  a { type = tun, device = cvt, netns = %s, addresses = ["10.1.0.1/24", "fd00:1::1/64"]
                      kernel { addresses = ["10.1.0.2/24", "fd00:1::2/64"], routes = ["0.0.0.0/0", "::/0"] } }
                  b { type = packet, device = rb, addresses = ["10.2.0.1/24", "fd00:2::1/64"], mtu = 1300 }
                }
                """.formatted(t.namespace))) {
            everything(router, t);
        } finally {
            t.close();
        }
    }

    private void everything(TestRouter router, TestHost from) throws Exception {
        Traffic.ping(from, "10.2.0.2");
        Traffic.ping(from, "fd00:2::2");
        Traffic.pathMtu(from, "10.2.0.2", 1300);
        Traffic.pathMtu(from, "fd00:2::2", 1300);
        Traffic.traceroute(from, "10.2.0.2", "10.1.0.1");
        Traffic.traceroute(from, "fd00:2::2", "fd00:1::1");
        Traffic.datagrams(from, "10.1.0.2", b, "10.2.0.2");
        Traffic.datagrams(from, "fd00:1::2", b, "fd00:2::2");
        Traffic.transfer(from, b, "10.2.0.2", 4 << 20);
        Traffic.transfer(from, b, "fd00:2::2", 4 << 20);
        assertThat(router.at("b").up()).isTrue();
    }

    /** Senders on an untouched veth leave checksums to the device: here the router's outgoing device can't fill them in. */
    @ParameterizedTest
    @ValueSource(strings = {"auto", "off"})
    void everyFrameLeavesWithARightChecksum(String vnetHeader) throws Exception {
        home.run("ethtool -K rb tx off");
        String setting = "vnet-header = " + vnetHeader;
        try (TestRouter router = TestRouter.startIn(home, packets(setting, setting))) {
            Traffic.ping(a, "10.2.0.2");
            Traffic.ping(a, "fd00:2::2");
            Process capture = b.start("tcpdump -i eth0 -n -vv -U -l -Q in tcp or udp");
            StringBuilder lines = new StringBuilder();
            Thread reader = new Thread(() -> capture.inputReader(StandardCharsets.UTF_8)
                    .lines()
                    .forEach(line -> {
                        synchronized (lines) {
                            lines.append(line).append('\n');
                        }
                    }));
            reader.start();
            await().until(() -> text(lines).contains("listening on"));
            Traffic.datagrams(a, "10.1.0.2", b, "10.2.0.2");
            Traffic.datagrams(a, "fd00:1::2", b, "fd00:2::2");
            Traffic.transfer(a, b, "10.2.0.2", 300_000);
            Traffic.transfer(a, b, "fd00:2::2", 300_000);
            await().until(() -> text(lines).contains("(correct)") && text(lines).contains("[udp sum ok]"));
            capture.descendants().forEach(ProcessHandle::destroy);
            capture.waitFor();
            reader.join();
            assertThat(text(lines)).doesNotContain("incorrect").doesNotContain("bad udp cksum");
            assertThat(router.traffic("b").txRefused()).isZero();
        }
    }

    /** A veth passes superpackets on even when they are inside a tunnel, so that the router gets them. */
    @ParameterizedTest
    @CsvSource({
        "10.1.0.2, 10.2.0.2, noudpcsum",
        "10.1.0.2, 10.2.0.2, udpcsum",
        "fd00:1::2, fd00:2::2, udp6zerocsumtx udp6zerocsumrx",
        "fd00:1::2, fd00:2::2, noudp6zerocsumtx"
    })
    void cutsSuperpacketsInsideTunnelsOfHosts(String ofA, String ofB, String checksum) throws Exception {
        tunnel(a, ofA, ofB, 1, checksum);
        tunnel(b, ofB, ofA, 2, checksum);
        try (TestRouter router = TestRouter.startIn(home, packets("", ""))) {
            Traffic.ping(a, ofB);
            Traffic.ping(a, "192.168.9.2");
            Traffic.transfer(a, b, "192.168.9.2", 1 << 20);
            Traffic.transfer(a, b, "fd00:9::2", 1 << 20);
            Traffic.segmentedDatagrams(a, b, "192.168.9.2", 1000);
            Traffic.segmentedDatagrams(a, b, "fd00:9::2", 1000);
            assertThat(router.dropped("bad-offload")).isZero();
            assertThat(router.dropped("superpacket-malformed")).isZero();
            assertThat(router.traffic("b").txRefused()).isZero();
            assertThat(router.view().counters().counts())
                    .anySatisfy(row -> assertThat(row.counter().id()).isEqualTo("cut"));
        }
    }

    private static void tunnel(TestHost host, String own, String other, int number, String checksum)
            throws IOException {
        host.run("ip link add vx type vxlan id 7 local " + own + " remote " + other + " dstport 4789 " + checksum);
        host.run("ip link set vx mtu 1400 up");
        host.run("ip addr add 192.168.9." + number + "/24 dev vx");
        host.run("ip addr add fd00:9::" + number + "/64 dev vx nodad");
    }

    private static String text(StringBuilder lines) {
        synchronized (lines) {
            return lines.toString();
        }
    }

    @Test
    void aTagThatTheKernelTookOutIsNotMissed() throws Exception {
        try (TestRouter router = TestRouter.startIn(home, packets("", ""))) {
            Traffic.ping(a, "10.2.0.2");
            // an echo request that would be answered, but for its tag: VLAN 10
            String frame = mac(router, "a").replace(":", "") + "020000000002" + "8100000a" + "0800"
                    + "4500001c000000004001"
                    + "66dd" // header checksum
                    + "0a010002" + "0a010001" + "0800f7ff00000000";
            a.run("python3 -c 'import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW);"
                    + " s.bind((\"eth0\", 0)); s.send(bytes.fromhex(\"" + frame + "\"))'");
            await().untilAsserted(
                            () -> assertThat(router.dropped("vlan-unknown")).isEqualTo(1));
        }
    }

    private static String mac(TestRouter router, String interfaceName) {
        return MacAddress.toText(router.at(interfaceName).mac());
    }

    @Test
    void receivesWhatIsForOthersOnlyWhenPromiscuous() throws Exception {
        try (TestRouter router = TestRouter.startIn(home, packets("promiscuous = true", ""))) {
            Traffic.ping(a, "10.2.0.2");
            assertThat(home.run("ip -d -o link show ra")).contains("promiscuity 1");
            assertThat(home.run("ip -d -o link show rb")).contains("promiscuity 0");
            a.run("ip neigh replace 10.1.0.1 dev eth0 lladdr 02:00:00:00:00:99");
            assertThat(a.attempt("ping -n -c 1 -W 1 10.2.0.2").exitCode()).isNotZero();
            assertThat(router.dropped("not-for-us")).isPositive();
        }
        assertThat(home.run("ip -d -o link show ra")).contains("promiscuity 0");
    }

    @Test
    void answersAtItsOwnMac() throws Exception {
        try (TestRouter router = TestRouter.startIn(home, packets("mac = \"02:00:00:00:77:01\"", ""))) {
            Traffic.ping(a, "10.2.0.2");
            Traffic.ping(a, "fd00:2::2");
            assertThat(a.run("ip neigh show 10.1.0.1")).contains("02:00:00:00:77:01");
            assertThat(a.run("ip neigh show fd00:1::1")).contains("02:00:00:00:77:01");
            assertThat(router.at("a").up()).isTrue();
        }
    }

    @Test
    void spreadsFlowsOverLanes() throws Exception {
        try (TestRouter router = TestRouter.startTwoLanes(home, packets("", ""))) {
            Traffic.ping(a, "10.2.0.2");
            try (DatagramSocket sink = b.datagrams("10.2.0.2")) {
                for (int flow = 0; flow < 32; flow++) {
                    try (DatagramSocket source = a.datagrams("10.1.0.2")) {
                        for (int number = 0; number < 10; number++) {
                            source.send(new DatagramPacket(new byte[8], 8, sink.getLocalSocketAddress()));
                        }
                    }
                }
                await().untilAsserted(() -> assertThat(router.seen("a"))
                        .hasSize(2)
                        .allSatisfy(queue -> assertThat(queue.packets.get()).isGreaterThan(20)));
            }
            Traffic.transfer(a, b, "10.2.0.2", 2 << 20);
            Traffic.transfer(b, a, "fd00:1::2", 2 << 20);
        }
    }

    @Test
    void comesBackAfterItWasDeletedSetDownOrLostItsCarrier() throws Exception {
        try (TestRouter router = TestRouter.startIn(home, packets("", ""))) {
            Traffic.ping(a, "10.2.0.2");

            home.run("ip link set rb down");
            router.awaitDown("b");
            assertThat(a.attempt("ping -n -c 1 -W 2 10.2.0.2").output()).containsIgnoringCase("unreachable");
            assertThat(home.run("ip -o link show rb")).doesNotContain(",UP");
            home.run("ip link set rb up");
            router.awaitUp("b");
            Traffic.ping(a, "10.2.0.2");

            b.run("ip link set eth0 down");
            router.awaitDown("b");
            assertThat(a.attempt("ping -n -c 1 -W 2 10.2.0.2").output()).containsIgnoringCase("unreachable");
            b.run("ip link set eth0 up");
            b.run("ip route replace default via 10.2.0.1");
            router.awaitUp("b");
            Traffic.ping(a, "10.2.0.2");

            home.run("ip link del rb");
            router.awaitDown("b");
            assertThat(a.attempt("ping -n -c 1 -W 2 10.2.0.2").output()).containsIgnoringCase("unreachable");
            link("rb", b, "2");
            router.awaitUp("b");
            Traffic.ping(a, "10.2.0.2");
        }
    }
}
