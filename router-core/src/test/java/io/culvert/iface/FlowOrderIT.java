// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Two lanes under full load, both ways, over devices with any number of queues: no flow is ever out of order or stuck. */
@RequiresNamespaces
@Timeout(60)
final class FlowOrderIT {
    private static final int FLOWS = 48;

    private TestHost home;
    private TestHost a;
    private TestHost b;

    @BeforeEach
    void makeHosts() throws IOException {
        home = new TestHost();
        a = new TestHost();
        b = new TestHost();
    }

    @AfterEach
    void removeHosts() throws IOException {
        a.close();
        b.close();
        home.close();
    }

    private String one(String name, TestHost host, int net, String kind, int queues) throws IOException {
        String common = name + " { type = " + kind + ", queues = " + queues + ", addresses = [\"10." + net
                + ".0.1/24\", \"fd00:" + net + "::1/64\"]\n";
        if (!kind.equals("packet")) {
            return common + "device = cv" + name + ", netns = " + host.namespace + "\nkernel { addresses = [\"10." + net
                    + ".0.2/24\", \"fd00:" + net + "::2/64\"], routes = [\"0.0.0.0/0\", \"::/0\"] } }\n";
        }
        home.run("ip link add r" + name + " type veth peer name eth0 netns " + host.namespace);
        home.run("sysctl -qw net.ipv6.conf.r" + name + ".disable_ipv6=1");
        home.run("ip link set r" + name + " up");
        host.run("ip link set eth0 up");
        host.run("ip addr add 10." + net + ".0.2/24 dev eth0");
        host.run("ip addr add fd00:" + net + "::2/64 dev eth0 nodad");
        host.run("ip route replace default via 10." + net + ".0.1");
        host.run("ip -6 route replace default via fd00:" + net + "::1");
        return common + "device = r" + name + " }\n";
    }

    private String interfaces(String kind, int queues) throws IOException {
        return "interfaces {\n" + one("a", a, 1, kind, queues) + one("b", b, 2, kind, queues) + "}\n";
    }

    @ParameterizedTest(name = "{0} with {1} queues")
    @CsvSource({"tun, 1", "tun, 2", "tun, 3", "tap, 1", "tap, 2", "tap, 3", "packet, 1", "packet, 2", "packet, 3"})
    void everyFlowKeepsItsOrder(String kind, int queues) throws Exception {
        everyFlowKeepsItsOrder(kind, queues, "10.1.0.2", "10.2.0.2");
    }

    @ParameterizedTest(name = "{0} with {1} queues")
    @CsvSource({"tun, 2", "tap, 2", "packet, 2"})
    void everyFlowOfIp6KeepsItsOrder(String kind, int queues) throws Exception {
        everyFlowKeepsItsOrder(kind, queues, "fd00:1::2", "fd00:2::2");
    }

    private void everyFlowKeepsItsOrder(String kind, int queues, String ofA, String ofB) throws Exception {
        try (TestRouter router = TestRouter.startTwoLanes(home, interfaces(kind, queues))) {
            Traffic.reach(a, ofA, b, ofB);
            try (Flows flows = new Flows(a, ofA, b, ofB, 20_000, FLOWS, 18)) {
                flows.sendForward().sendBack();
                await().atMost(Duration.ofSeconds(20))
                        .until(() -> Flows.received(flows.forward()) > 30_000 && Flows.received(flows.back()) > 30_000);
                flows.stopSending();
                assertThat(flows.disorders()).isZero();
                assertThat(flows.forward())
                        .allSatisfy(flow -> assertThat(flow.received.get()).isPositive());
                assertThat(flows.back())
                        .allSatisfy(flow -> assertThat(flow.received.get()).isPositive());
            }
            assertThat(router.seen("a"))
                    .hasSize(queues)
                    .allSatisfy(queue -> assertThat(queue.packets.get()).isPositive());
            Traffic.transfer(a, b, ofB, 1 << 20);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tun", "packet"})
    void everyFlowKeepsItsOrderWhenALinkGoesAndComes(String kind) throws Exception {
        try (TestRouter router = TestRouter.startTwoLanes(home, interfaces(kind, 2))) {
            Traffic.reach(a, "10.1.0.2", b, "10.2.0.2");
            TestHost owner = kind.equals("tun") ? b : home;
            String device = kind.equals("tun") ? "cvb" : "rb";
            try (Flows flows = new Flows(a, "10.1.0.2", b, "10.2.0.2", 20_000, FLOWS, 18)) {
                flows.sendForward();
                for (int flap = 0; flap < 2; flap++) {
                    long before = Flows.received(flows.forward());
                    await().until(() -> Flows.received(flows.forward()) > before + 10_000);
                    owner.run("ip link set " + device + " down");
                    router.awaitDown("b");
                    owner.run("ip link set " + device + " up");
                    router.awaitUp("b");
                }
                long before = Flows.received(flows.forward());
                await().until(() -> Flows.received(flows.forward()) > before + 10_000);
                flows.stopSending();
                assertThat(flows.disorders()).isZero();
            }
        }
    }
}
