// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What rtnetlink is told here is looked at with iproute2, and the other way round. */
@RequiresNamespaces
class RtnetlinkIT {
    private ScratchNamespace namespace;
    private Rtnetlink kernel;

    @BeforeEach
    void makeNamespace() throws IOException {
        namespace = new ScratchNamespace();
        kernel = Rtnetlink.open(namespace.name);
    }

    @AfterEach
    void removeNamespace() throws IOException {
        kernel.close();
        namespace.close();
    }

    @Test
    void listsDevicesAsTheyAre() throws Exception {
        namespace.ip("link add cva address 02:cf:00:00:00:01 mtu 1400 txqueuelen 77 type veth peer name cvb");
        namespace.ip("link set cva up");

        assertThat(kernel.links()).extracting(KernelLink::name).containsExactlyInAnyOrder("lo", "cva", "cvb");
        KernelLink link = kernel.link("cva").orElseThrow();
        assertThat(link.kind()).isEqualTo("veth");
        assertThat(link.mtu()).isEqualTo(1400);
        assertThat(link.transmitQueueLength()).isEqualTo(77);
        assertThat(link.mac()).isEqualTo(0x02cf00000001L);
        assertThat(link.isUp()).isTrue();
        assertThat(link.hasCarrier()).as("peer is down").isFalse();
        assertThat(link.parent()).isEqualTo(kernel.link("cvb").orElseThrow().index());
        assertThat(kernel.link(link.index())).contains(link);
        assertThat(kernel.link("cvnone")).isEmpty();
        assertThat(kernel.link(4711)).isEmpty();
        assertThat(kernel.link("lo").orElseThrow().isLoopback()).isTrue();
    }

    @Test
    void changesADevice() throws Exception {
        kernel.addVeth("cva", "cvb", null);
        int index = index("cva");

        kernel.setMtu(index, 1300);
        kernel.setMac(index, 0x02cf000000aaL);
        kernel.setTransmitQueueLength(index, 123);
        kernel.rename(index, "cvc");
        kernel.setUp(index, true);

        assertThat(namespace.ip("link show cvc"))
                .contains("mtu 1300")
                .contains("02:cf:00:00:00:aa")
                .contains("qlen 123")
                .contains(",UP");
        kernel.setUp(index, false);
        assertThat(kernel.link(index).orElseThrow().isUp()).isFalse();
        kernel.deleteLink(index);
        assertThat(kernel.links()).extracting(KernelLink::name).containsExactly("lo");
    }

    @Test
    void makesTheDevicesOfALab() throws Exception {
        kernel.addVeth("cva", "cvb", null);
        kernel.addBridge("cvbr");
        kernel.setMaster(index("cvb"), index("cvbr"));
        kernel.addMacvlan("cvm", index("cva"), Rtnetlink.MacvlanMode.BRIDGE);
        kernel.addVxlan("cvx", 42, address("10.0.0.1"), address("10.0.0.2"), 4789);

        assertThat(namespace.ip("-d link show cvb")).contains("master cvbr");
        assertThat(kernel.link("cvb").orElseThrow().master()).isEqualTo(index("cvbr"));
        assertThat(namespace.ip("-d link show cvm")).contains("macvlan mode bridge");
        assertThat(namespace.ip("-d link show cvx"))
                .contains("vxlan id 42 remote 10.0.0.2 local 10.0.0.1")
                .contains("dstport 4789");
        kernel.setMaster(index("cvb"), 0);
        assertThat(namespace.ip("-d link show cvb")).doesNotContain("master");
    }

    @Test
    void putsDevicesIntoOtherNamespaces() throws Exception {
        try (ScratchNamespace other = new ScratchNamespace()) {
            kernel.addVeth("cva", "cvb", other.name);
            assertThat(namespace.ip("-br link")).contains("cva").doesNotContain("cvb");
            assertThat(other.ip("-br link")).contains("cvb").doesNotContain("cva");

            kernel.moveTo(index("cva"), other.name);
            assertThat(kernel.link("cva")).isEmpty();
            assertThat(other.ip("-br link")).contains("cva");
            assertThatThrownBy(() -> kernel.moveTo(1, "cvffi-none"))
                    .hasMessageContaining("no network namespace \"cvffi-none\"");
        }
    }

    @Test
    void addsAndDeletesAddresses() throws Exception {
        kernel.addVeth("cva", "cvb", null);
        int index = index("cva");
        kernel.setUp(index, true);
        kernel.setUp(index("cvb"), true);

        kernel.addAddress(index, address("10.1.0.1"), 24, true);
        kernel.addAddress(index, address("10.2.0.1"), 24, false);
        kernel.addAddress(index, address("fd00:1::1"), 64, true);

        assertThat(namespace.ip("addr show cva"))
                .contains("inet 10.1.0.1/24 scope global cva")
                .contains("inet 10.2.0.1/24 scope global noprefixroute cva")
                .contains("inet6 fd00:1::1/64 scope global nodad");
        assertThat(namespace.ip("route")).contains("10.1.0.0/24").doesNotContain("10.2.0.0/24");
        assertThat(kernel.addresses(index))
                .extracting(KernelAddress::toString)
                .contains("10.1.0.1/24", "10.2.0.1/24", "fd00:1:0:0:0:0:0:1/64");
        assertThat(kernel.addresses(index))
                .filteredOn(a -> a.prefixLength() == 64 && a.isTentative())
                .filteredOn(a -> a.toString().startsWith("fd00"))
                .isEmpty();
        assertThatThrownBy(() -> kernel.addAddress(index, address("10.1.0.1"), 24, true))
                .isInstanceOf(NativeException.class)
                .hasMessageContaining("EEXIST")
                .hasMessageContaining("add address 10.1.0.1/24 to interface " + index);

        kernel.deleteAddress(index, address("10.1.0.1"), 24);
        kernel.deleteAddress(index, address("fd00:1::1"), 64);
        assertThat(namespace.ip("addr show cva")).doesNotContain("10.1.0.1").doesNotContain("fd00:1::1");
    }

    @Test
    void addsReplacesAndDeletesRoutes() throws Exception {
        kernel.addVeth("cva", "cvb", null);
        int index = index("cva");
        kernel.setUp(index, true);
        kernel.setUp(index("cvb"), true);
        kernel.addAddress(index, address("10.1.0.1"), 24, true);
        kernel.addAddress(index, address("fd00:1::1"), 64, true);

        KernelRoute toNet = KernelRoute.to(address("10.9.0.0"), 16).via(address("10.1.0.2"));
        kernel.addRoute(toNet);
        kernel.addRoute(
                KernelRoute.to(address("0.0.0.0"), 0).via(address("10.1.0.3")).withMetric(50));
        kernel.addRoute(KernelRoute.to(address("10.8.0.0"), 16).out(index).from(address("10.1.0.1")));
        kernel.addRoute(KernelRoute.to(address("10.7.0.0"), 16)
                .via(address("192.0.2.1"))
                .out(index)
                .onLink());
        kernel.addRoute(KernelRoute.to(address("10.6.0.0"), 16).ofType(KernelRoute.Type.UNREACHABLE));
        kernel.addRoute(KernelRoute.to(address("10.5.0.0"), 16)
                .ofType(KernelRoute.Type.BLACKHOLE)
                .inTable(1000));
        kernel.addRoute(KernelRoute.to(address("10.4.0.0"), 16)
                .ofType(KernelRoute.Type.LOCAL)
                .out(1));
        kernel.addRoute(KernelRoute.to(address("10.3.0.0"), 16)
                .via(address("fd00:1::2"))
                .out(index));
        kernel.addRoute(KernelRoute.to(address("fd00:9::"), 32).via(address("fd00:1::2")));
        kernel.addRoute(KernelRoute.to(address("fd00:8::"), 32).ofType(KernelRoute.Type.PROHIBIT));
        kernel.addRoute(
                KernelRoute.to(address("::"), 0).via(address("fd00:1::3")).inTable(1000));

        assertThat(namespace.ip("route"))
                .contains("10.9.0.0/16 via 10.1.0.2 dev cva proto static")
                .contains("default via 10.1.0.3 dev cva proto static metric 50")
                .contains("10.8.0.0/16 dev cva proto static scope link src 10.1.0.1")
                .contains("10.7.0.0/16 via 192.0.2.1 dev cva proto static onlink")
                .contains("unreachable 10.6.0.0/16 proto static")
                .contains("local 10.4.0.0/16 dev lo proto static scope host")
                .contains("10.3.0.0/16 via inet6 fd00:1::2 dev cva proto static");
        assertThat(namespace.ip("route show table 1000")).contains("blackhole 10.5.0.0/16");
        assertThat(namespace.ip("-6 route"))
                .contains("fd00:9::/32 via fd00:1::2 dev cva")
                .contains("prohibit fd00:8::/32");
        assertThat(namespace.ip("-6 route show table 1000")).contains("default via fd00:1::3 dev cva");
        assertThat(kernel.routes(KernelRoute.MAIN_TABLE))
                .extracting(KernelRoute::toString)
                .contains(
                        "10.9.0.0/16 via 10.1.0.2 interface " + index,
                        "0.0.0.0/0 via 10.1.0.3 interface " + index + " metric 50",
                        "10.8.0.0/16 interface " + index + " src 10.1.0.1",
                        "10.7.0.0/16 via 192.0.2.1 interface " + index + " onlink",
                        "unreachable 10.6.0.0/16",
                        "10.3.0.0/16 via fd00:1:0:0:0:0:0:2 interface " + index);
        assertThat(kernel.routes(1000)).hasSize(2);

        assertThatThrownBy(() -> kernel.addRoute(toNet)).hasMessageContaining("EEXIST");
        kernel.replaceRoute(toNet.via(address("10.1.0.77")));
        assertThat(namespace.ip("route")).contains("10.9.0.0/16 via 10.1.0.77").doesNotContain("10.1.0.2 ");
        kernel.deleteRoute(KernelRoute.to(address("10.9.0.0"), 16));
        kernel.deleteRoute(KernelRoute.to(address("10.6.0.0"), 16).ofType(KernelRoute.Type.UNREACHABLE));
        kernel.deleteRoute(KernelRoute.to(address("fd00:9::"), 32));
        assertThat(namespace.ip("route")).doesNotContain("10.9.0.0").doesNotContain("10.6.0.0");
        assertThat(namespace.ip("-6 route")).doesNotContain("fd00:9::");
    }

    @Test
    void repeatsTheKernelsOwnWordsAboutARefusal() throws Exception {
        assertThatThrownBy(() ->
                        kernel.addRoute(KernelRoute.to(address("10.9.0.0"), 16).via(address("203.0.113.9"))))
                .isInstanceOf(NativeException.class)
                .hasMessageContaining("RTM_NEWROUTE: ENETUNREACH (network is unreachable)")
                .hasMessageContaining("add route 10.9.0.0/16 via 203.0.113.9: Nexthop has invalid gateway");
        kernel.addVeth("cva", "cvb", null);
        int index = index("cva");
        assertThatThrownBy(() -> kernel.setMtu(index, 70_000_000))
                .hasMessageContaining("set interface " + index + " to MTU 70000000: mtu greater than device maximum");
    }

    @Test
    void addsAndDeletesRules() throws Exception {
        KernelRule from = KernelRule.from(address("10.1.0.0"), 16, 1000, 500);
        KernelRule to = KernelRule.to(address("fd00:9::"), 32, 1001, 501);
        kernel.addRule(from);
        kernel.addRule(to);

        assertThat(namespace.ip("rule")).contains("500:\tfrom 10.1.0.0/16 lookup 1000");
        assertThat(namespace.ip("-6 rule")).contains("501:\tfrom all to fd00:9::/32 lookup 1001");
        assertThat(kernel.rules(false))
                .contains(from)
                .extracting(KernelRule::priority)
                .contains(0, 32766, 32767);
        assertThat(kernel.rules(true)).contains(to);
        assertThatThrownBy(() -> kernel.addRule(from)).hasMessageContaining("EEXIST");

        kernel.deleteRule(from);
        kernel.deleteRule(to);
        assertThat(namespace.ip("rule")).doesNotContain("500:");
        assertThat(namespace.ip("-6 rule")).doesNotContain("501:");
    }

    @Test
    void setsAndForgetsNeighbors() throws Exception {
        kernel.addVeth("cva", "cvb", null);
        int index = index("cva");
        kernel.setUp(index, true);
        kernel.setNeighbor(index, address("10.1.0.2"), 0x02cf00000002L);
        kernel.setNeighbor(index, address("fd00:1::2"), 0x02cf00000002L);
        kernel.setNeighbor(index, address("10.1.0.2"), 0x02cf00000003L);

        assertThat(namespace.ip("neigh"))
                .contains("10.1.0.2 dev cva lladdr 02:cf:00:00:00:03 PERMANENT")
                .contains("fd00:1::2 dev cva lladdr 02:cf:00:00:00:02 PERMANENT");
        kernel.deleteNeighbor(index, address("10.1.0.2"));
        kernel.deleteNeighbor(index, address("fd00:1::2"));
        assertThat(namespace.ip("neigh")).doesNotContain("10.1.0.2").doesNotContain("fd00:1::2");
    }

    @Test
    void countsWhatADeviceCarried() throws Exception {
        namespace.ip("link set lo up");
        namespace.exec("ping -c 2 -i 0.01 127.0.0.1");
        KernelLink.Statistics statistics = kernel.link("lo").orElseThrow().statistics();
        assertThat(statistics.receivePackets()).isEqualTo(4);
        assertThat(statistics.transmitBytes()).isEqualTo(4 * 84);
    }

    @Test
    void listsMoreThanFitsIntoOneAnswer() throws Exception {
        for (int i = 0; i < 60; i++) {
            kernel.addVeth("cva" + i, "cvb" + i, null);
        }
        assertThat(kernel.links()).hasSize(121);
    }

    private int index(String name) throws IOException {
        return kernel.link(name).orElseThrow().index();
    }

    private static InetAddress address(String literal) throws UnknownHostException {
        return InetAddress.getByName(literal);
    }
}
