// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.control.RouterCounters;
import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Small packets that a whole router puts together for the kernel's devices, seen by programs at both ends. */
@RequiresNamespaces
@Timeout(60)
final class CoalesceIT {
    private static final int BURSTS = 60;

    /** What the router's interfaces are. */
    enum Over {
        TUN,
        TAP,
        PACKET
    }

    private TestHost home;
    private TestHost a;
    private TestHost b;

    @BeforeEach
    void makeHosts() throws IOException {
        home = new TestHost();
        a = new TestHost();
        b = new TestHost();
        for (TestHost host : new TestHost[] {a, b}) {
            host.run("sysctl -qw net.ipv6.conf.default.accept_dad=0");
        }
    }

    @AfterEach
    void removeHosts() throws IOException {
        a.close();
        b.close();
        home.close();
    }

    private TestRouter start(Over over, String moreOfA, String moreOfB) throws IOException {
        if (over == Over.PACKET) {
            link("ra", a, "1");
            link("rb", b, "2");
        }
        return TestRouter.startIn(
                home, "interfaces {\n" + one(over, "a", a, 1, moreOfA) + one(over, "b", b, 2, moreOfB) + "}\n");
    }

    private static String one(Over over, String name, TestHost host, int net, String more) {
        String addresses = "addresses = [\"10." + net + ".0.1/24\", \"fd00:" + net + "::1/64\"], " + more;
        if (over == Over.PACKET) {
            return name + " { type = packet, device = r" + name + ", " + addresses + " }\n";
        }
        return """
                %s { type = %s, device = cv%s, netns = %s, %s
                    kernel { addresses = ["10.%d.0.2/24", "fd00:%d::2/64"], routes = ["0.0.0.0/0", "::/0"] } }
                """.formatted(name, over == Over.TUN ? "tun" : "tap", name, host.namespace, addresses, net, net);
    }

    private void link(String device, TestHost host, String net) throws IOException {
        home.run("ip link add " + device + " type veth peer name eth0 netns " + host.namespace);
        home.run("sysctl -qw net.ipv6.conf." + device + ".disable_ipv6=1");
        home.run("ip link set " + device + " up");
        host.run("ip link set eth0 up");
        host.run("ip addr add 10." + net + ".0.2/24 dev eth0");
        host.run("ip addr add fd00:" + net + "::2/64 dev eth0 nodad");
        host.run("ip route replace default via 10." + net + ".0.1");
        host.run("ip -6 route replace default via fd00:" + net + "::1");
    }

    private static long counted(TestRouter router, String counterId) {
        return router.view().counters().counts().stream()
                .filter(row -> row.stage().equals("device-coalesce")
                        && row.counter().id().equals(counterId))
                .mapToLong(RouterCounters.CountRow::amount)
                .sum();
    }

    @ParameterizedTest
    @EnumSource
    void burstsOfDatagramsArriveCompleteUnalteredAndInOrder(Over over) throws Exception {
        try (TestRouter router = start(over, "", "")) {
            Traffic.ping(a, "10.2.0.2");
            Traffic.ping(a, "fd00:2::2");
            DatagramBurst.exchange(a, b, "10.2.0.2", BURSTS);
            DatagramBurst.exchange(b, a, "fd00:1::2", BURSTS);

            long superpackets = counted(router, "udp-superpackets");
            assertThat(superpackets).as("superpackets put together").isGreaterThan(BURSTS / 2);
            assertThat(counted(router, "udp-packets")).isGreaterThan(2 * superpackets);
            assertThat(router.traffic("b").txPackets()).isGreaterThan(BURSTS * 64);
            assertThat(router.traffic("b").txRefused()).isZero();
            assertThat(router.traffic("a").txRefused()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void whereItIsSwitchedOffEveryPacketGoesByItself(Over over) throws Exception {
        try (TestRouter router = start(over, "gro = off", "gro = off")) {
            Traffic.ping(a, "10.2.0.2");
            DatagramBurst.exchange(a, b, "10.2.0.2", 3);
            assertThat(counted(router, "udp-superpackets")).isZero();
        }
    }

    /** The senders cut their own segments; on tun and tap they also fill in their checksums, which have to be verified. */
    @ParameterizedTest
    @EnumSource
    void tcpThatIsSentInSmallSegmentsArrivesIntact(Over over) throws Exception {
        String without = over == Over.PACKET ? "" : "vnet-header = off";
        try (TestRouter router = start(over, without, "")) {
            if (over == Over.PACKET) {
                a.run("ethtool -K eth0 tso off gso off");
                b.run("ethtool -K eth0 tso off gso off");
            }
            Traffic.ping(a, "10.2.0.2");
            Traffic.ping(a, "fd00:2::2");
            Traffic.transfer(a, b, "10.2.0.2", 8 << 20);
            Traffic.transfer(a, b, "fd00:2::2", 8 << 20);

            long superpackets = counted(router, "tcp-superpackets");
            assertThat(superpackets).as("superpackets put together").isPositive();
            assertThat(counted(router, "tcp-packets")).isGreaterThan(2 * superpackets);
            assertThat(router.traffic("b").txRefused()).isZero();
        }
    }
}
