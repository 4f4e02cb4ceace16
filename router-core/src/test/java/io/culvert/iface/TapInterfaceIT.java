// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hosts behind tap devices of a whole router: each host is a namespace that holds the kernel's end. */
@RequiresNamespaces
@Timeout(60)
final class TapInterfaceIT {
    private TestHost a;
    private TestHost b;

    @BeforeEach
    void makeHosts() throws IOException {
        a = new TestHost();
        b = new TestHost();
        // What duplicate-address detection does is not asked here, and would take a second of every test.
        a.run("sysctl -qw net.ipv6.conf.default.accept_dad=0");
        b.run("sysctl -qw net.ipv6.conf.default.accept_dad=0");
    }

    @AfterEach
    void removeHosts() throws IOException {
        a.close();
        b.close();
    }

    private String taps(String moreOfA, String moreOfB) {
        return """
                interfaces {
                  a { type = tap, device = cva, netns = %s, addresses = ["10.1.0.1/24", "fd00:1::1/64"], %s
                      mac = "02:00:00:00:01:01"
                      kernel { mac = "02:00:00:00:01:02", addresses = ["10.1.0.2/24", "fd00:1::2/64"],
                               routes = ["0.0.0.0/0", "::/0"] } }
                  b { type = tap, device = "cvb%%d", netns = %s, addresses = ["10.2.0.1/24", "fd00:2::1/64"], %s
                      kernel { addresses = ["10.2.0.2/24", "fd00:2::2/64"], routes = ["0.0.0.0/0", "::/0"] } }
                }
                """.formatted(a.namespace, moreOfA, b.namespace, moreOfB);
    }

    @Test
    void carriesTrafficOfBothFamilies() throws Exception {
        try (TestRouter router = TestRouter.start(taps("", "mtu = 1300"))) {
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
            assertThat(a.run("ip -o link show cva")).contains("02:00:00:00:01:02");
            assertThat(a.run("ip neigh show 10.1.0.1")).contains("02:00:00:00:01:01");
            assertThat(a.run("ip neigh show fd00:1::1")).contains("02:00:00:00:01:01");
        }
        assertThat(a.run("ip -o link")).doesNotContain("cva");
        assertThat(b.run("ip -o link")).doesNotContain("cvb");
    }

    @ParameterizedTest
    @ValueSource(strings = {"vnet-header = off", "vnet-header = 10", "vnet-header = 12", "packet-info = true"})
    void carriesTcpWithEachHeader(String header) throws Exception {
        try (TestRouter router = TestRouter.start(taps(header, ""))) {
            Traffic.ping(a, "10.2.0.2");
            Traffic.transfer(a, b, "10.2.0.2", 2 << 20);
            Traffic.transfer(b, a, "fd00:1::2", 2 << 20);
            assertThat(router.traffic("a").txRefused()).isZero();
        }
    }

    @Test
    void aPersistentDeviceStaysWithItsSettingsAndIsTakenUpAgain() throws Exception {
        String persistent = taps("persistent = true, owner = 12, mtu = 1400, tx-queue-length = 77", "");
        for (int run = 0; run < 2; run++) {
            try (TestRouter router = TestRouter.start(persistent)) {
                Traffic.ping(a, "10.2.0.2");
                assertThat(router.at("a").mtu()).isEqualTo(1400);
            }
            assertThat(a.run("ip -d link show cva"))
                    .contains("persist on", "user 12", "mtu 1400", "qlen 77", "NO-CARRIER");
        }
    }

    @Test
    void attachesToADeviceThatExistsAndLeavesItInPlace() throws Exception {
        a.run("ip tuntap add dev cva mode tap");
        try (TestRouter router = TestRouter.start(taps("attach = true, vnet-header = 12", ""))) {
            assertThat(router.at("a").up()).isTrue();
            Traffic.ping(a, "10.2.0.2");
            Traffic.ping(b, "fd00:1::2");
        }
        assertThat(a.run("ip -o link")).contains("cva");
    }

    @Test
    void carriesTrafficInTwoLanes() throws Exception {
        try (TestRouter router = TestRouter.startTwoLanes(null, taps("", ""))) {
            Traffic.ping(a, "10.2.0.2");
            Traffic.transfer(a, b, "10.2.0.2", 2 << 20);
            Traffic.transfer(b, a, "fd00:1::2", 2 << 20);
            assertThat(a.run("ip -d link show cva")).contains("numtxqueues 256");
            assertThat(router.seen("a")).hasSize(2);
        }
    }

    @Test
    void showsWhatAFullQueueLost() throws Exception {
        try (TestRouter router = TestRouter.start(taps("tx-queue-length = 1", ""))) {
            Traffic.ping(a, "10.2.0.2");
            a.attempt("ping -n -q -f -l 2000 -c 4000 -s 1000 -W 1 10.2.0.2");
            await().until(() -> router.traffic("a").rxMissed() > 0);
        }
    }

    @Test
    void comesBackAfterItWasDeletedOrSetDown() throws Exception {
        try (TestRouter router = TestRouter.start(taps("", ""))) {
            Traffic.ping(a, "10.2.0.2");

            b.run("ip link set cvb0 down");
            router.awaitDown("b");
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
