// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.config.Catalog;
import io.culvert.config.ConfigFile;
import io.culvert.config.RouterConfig;
import io.culvert.ffi.KernelRoute;
import io.culvert.ffi.KernelRule;
import io.culvert.net.Ip4Address;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.RouterInterface;
import io.culvert.testkit.InterfaceBuilder;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalDeliveryPlanTest {
    private static final int INDEX = 7;
    private static final int MARK = 430_000_007;

    @TempDir
    private Path folder;

    private final RouterInterface lan = InterfaceBuilder.ethernet(0)
            .name("lan")
            .address("192.168.1.1/24")
            .address("fd00:1::1/64")
            .mtu(9000)
            .build();
    private final RouterInterface wan = InterfaceBuilder.ethernet(1)
            .name("wan")
            .address("203.0.113.2/24")
            .address("2001:db8::2/64")
            .mtu(1480)
            .build();
    private final RouterInterface p2p = InterfaceBuilder.pointToPoint(2)
            .name("p2p")
            .address("10.0.0.1/31")
            .address("10.255.0.1/32")
            .mtu(2000)
            .build();
    private final RouterInterface host =
            InterfaceBuilder.localDelivery(3).name("host").mtu(1500).build();

    @Test
    void hasTheAddressesOfAllInterfacesButLinkLocalOnes() throws Exception {
        RouterInterface odd = InterfaceBuilder.ethernet(0)
                .name("lan")
                .address("192.168.1.1/24")
                .address("fe80::5/64")
                .build();

        assertThat(plan("", lan, wan, p2p, host).addresses())
                .containsExactly(
                        ip("192.168.1.1"),
                        ip("fd00:1::1"),
                        ip("203.0.113.2"),
                        ip("2001:db8::2"),
                        ip("10.0.0.1"),
                        ip("10.255.0.1"));
        assertThat(plan("", odd, host).addresses()).containsExactly(ip("192.168.1.1"));
    }

    @Test
    void choosesAsSourceTheAddressInTheNetwork() throws Exception {
        assertThat(plan("", lan, wan, p2p, host).sources())
                .containsEntry(prefix("192.168.1.0/24"), ip("192.168.1.1"))
                .containsEntry(prefix("fd00:1::/64"), ip("fd00:1::1"))
                .containsEntry(prefix("203.0.113.0/24"), ip("203.0.113.2"))
                .containsEntry(prefix("2001:db8::/64"), ip("2001:db8::2"))
                .containsEntry(prefix("10.0.0.0/31"), ip("10.0.0.1"))
                .doesNotContainKey(prefix("10.255.0.1/32"));
    }

    @Test
    void choosesAsSourceForAStaticRouteItsOwnElseItsInterfaces() throws Exception {
        String routes = """
                { prefix = "0.0.0.0/0", via = "203.0.113.1" }
                { prefix = "::/0", via = "2001:db8::1" }
                { prefix = "10.9.0.0/16", interface = p2p, src = "192.168.1.1" }
                { prefix = "10.8.0.0/16", interface = p2p }
                { prefix = "10.66.0.0/16", action = unreachable }
                """;

        assertThat(plan(routes, lan, wan, p2p, host).sources())
                .containsEntry(prefix("0.0.0.0/0"), ip("203.0.113.2"))
                .containsEntry(prefix("::/0"), ip("2001:db8::2"))
                .containsEntry(prefix("10.9.0.0/16"), ip("192.168.1.1"))
                .containsEntry(prefix("10.8.0.0/16"), ip("10.0.0.1"))
                .doesNotContainKey(prefix("10.66.0.0/16"));
    }

    @Test
    void leavesOutStaticRoutesThatSayWhatTheOneOverThemDoes() throws Exception {
        String routes = """
                { prefix = "10.8.1.0/24", via = "203.0.113.1" }
                { prefix = "10.8.0.0/16", interface = p2p }
                { prefix = "10.8.2.0/24", interface = p2p }
                { prefix = "10.7.0.0/16", via = "203.0.113.1" }
                { prefix = "0.0.0.0/0", via = "203.0.113.1" }
                { prefix = "2001:db8:7::/48", via = "2001:db8::1" }
                { prefix = "::/0", via = "2001:db8::1" }
                """;

        assertThat(plan(routes, lan, wan, p2p, host).sources())
                .containsEntry(prefix("0.0.0.0/0"), ip("203.0.113.2"))
                .containsEntry(prefix("10.8.0.0/16"), ip("10.0.0.1"))
                .containsEntry(prefix("10.8.1.0/24"), ip("203.0.113.2"))
                .doesNotContainKeys(prefix("10.8.2.0/24"), prefix("10.7.0.0/16"), prefix("2001:db8:7::/48"));
    }

    @Test
    void choosesTheFirstAddressWhereNothingElseSays() throws Exception {
        assertThat(plan("", lan, wan, p2p, host).sources())
                .containsEntry(prefix("0.0.0.0/0"), ip("192.168.1.1"))
                .containsEntry(prefix("::/0"), ip("fd00:1::1"));
        assertThat(plan("", p2p, host).sources()).doesNotContainKey(prefix("::/0"));
    }

    @Test
    void knowsBroadcastAddressesOfNetworksThatHaveOne() throws Exception {
        assertThat(plan("", lan, p2p, host).broadcasts())
                .isEqualTo(Map.of(Ip4Address.parse("192.168.1.255"), Ip4Address.parse("192.168.1.1")));
    }

    @Test
    void takesTheLeastMtuUnlessOneIsConfigured() throws Exception {
        RouterInterface narrow =
                InterfaceBuilder.ethernet(0).name("lan").mtu(576).build();

        assertThat(plan("", lan, wan, host).mtu()).hasValue(1480);
        assertThat(plan("", narrow, host).mtu()).as("what IPv6 needs").hasValue(1280);
        assertThat(plan("", "mtu = 1400", lan, host).mtu()).isEqualTo(OptionalInt.empty());
    }

    @Test
    void sharesThePacketInterfacesDevicesWithThisNamespacesKernelOnly() throws Exception {
        assertThat(plan("", lan, wan, p2p, host).shared())
                .containsExactly(
                        new LocalDeliveryPlan.SharedDevice("lan", false),
                        new LocalDeliveryPlan.SharedDevice("wan", true));
        assertThat(plan("", "netns = other", lan, wan, p2p, host).shared()).isEmpty();
    }

    @Test
    void makesTheWayBackBeforeTheAddressAndTheAddressBeforeRoutesThatNameIt() throws Exception {
        RouterInterface one = InterfaceBuilder.ethernet(0)
                .name("lan")
                .address("192.168.1.1/24")
                .build();
        InetAddress own = ip("192.168.1.1").toInetAddress();
        KernelRoute toRouter = KernelRoute.to(ip("0.0.0.0").toInetAddress(), 0)
                .out(INDEX)
                .via(LocalDelivery.GATEWAY4)
                .onLink();

        assertThat(LocalDelivery.changes(plan("", one, host), INDEX, true))
                .containsExactly(
                        new KernelChange.Mtu(INDEX, 1500),
                        new KernelChange.Parameter("net/ipv4/conf/host/accept_local", "1"),
                        new KernelChange.Neighbor(INDEX, LocalDelivery.GATEWAY4, host.mac()),
                        new KernelChange.Route(toRouter.inTable(MARK)),
                        new KernelChange.Rule(KernelRule.from(own, 32, MARK, LocalDelivery.RULE_PRIORITY)),
                        new KernelChange.Address(INDEX, own),
                        new KernelChange.Route(
                                KernelRoute.to(ip("192.168.1.255").toInetAddress(), 32)
                                        .ofType(KernelRoute.Type.BROADCAST)
                                        .out(INDEX)
                                        .inTable(KernelRoute.LOCAL_TABLE)
                                        .from(own)),
                        new KernelChange.Route(KernelRoute.to(ip("192.168.1.0").toInetAddress(), 24)
                                .out(INDEX)
                                .via(LocalDelivery.GATEWAY4)
                                .onLink()
                                .withMetric(MARK)
                                .from(own)),
                        new KernelChange.Route(toRouter.withMetric(MARK).from(own)));
    }

    @Test
    void leavesIp6OutWhereTheKernelHasNone() throws Exception {
        LocalDeliveryPlan plan = plan("", lan, wan, p2p, host);

        assertThat(LocalDelivery.changes(plan, INDEX, true))
                .anyMatch(change -> change.toString().contains("fd00:1:"));
        assertThat(LocalDelivery.changes(plan, INDEX, false))
                .isNotEmpty()
                .noneMatch(change -> change.toString().contains("fd00:1:")
                        || change.toString().contains("ipv6")
                        || change.toString().contains("fe80:"));
    }

    private LocalDeliveryPlan plan(String routes, RouterInterface... interfaces) throws Exception {
        return plan(routes, "", interfaces);
    }

    private LocalDeliveryPlan plan(String routes, String tapSettings, RouterInterface... interfaces) throws Exception {
        List<RouterInterface> known = new ArrayList<>(List.of(interfaces));
        known.remove(host);
        return LocalDeliveryPlan.of(config(routes, tapSettings), host, known);
    }

    private RouterConfig config(String routes, String tapSettings) throws Exception {
        String text = """
                router {
                  interfaces {
                    lan  { type = packet, device = lan, addresses = ["192.168.1.1/24", "fd00:1::1/64"] }
                    wan  { type = packet, device = wan, mac = "02:00:00:00:00:aa",
                           addresses = ["203.0.113.2/24", "2001:db8::2/64"] }
                    p2p  { type = tun, device = p2p, addresses = ["10.0.0.1/31", "10.255.0.1/32"] }
                    host { type = tap, device = host, role = local-delivery %s }
                  }
                  routes = [
                    %s
                  ]
                }
                """.formatted(tapSettings.isEmpty() ? "" : ", " + tapSettings, routes);
        return ConfigFile.read(Files.writeString(folder.resolve("router.conf"), text), Catalog.of(List.of()));
    }

    private static IpAddress ip(String text) {
        return IpAddress.parse(text);
    }

    private static IpPrefix prefix(String text) {
        return IpPrefix.parse(text);
    }
}
