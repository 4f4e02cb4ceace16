// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.config.Catalog;
import io.culvert.config.ConfigFile;
import io.culvert.config.RouterConfig;
import io.culvert.ffi.TunDevice;
import io.culvert.spi.RouterInterface;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** What is made in the kernel for a TAP that nobody reads, looked at with iproute2, sysctl and nft. */
@RequiresNamespaces
class LocalDeliveryKernelIT {
    @TempDir
    private Path folder;

    private final RouterInterface lan = InterfaceBuilder.ethernet(0)
            .name("cvlan")
            .address("192.168.1.1/24")
            .address("fd00:1::1/64")
            .build();
    private final RouterInterface wan = InterfaceBuilder.ethernet(1)
            .name("cvwan")
            .address("203.0.113.2/24")
            .mtu(1400)
            .build();
    private final RouterInterface host =
            InterfaceBuilder.localDelivery(2).name("cvhost").build();

    private TestNamespace router;
    private TunDevice tap;
    private LocalDelivery delivery;

    @BeforeEach
    void makeDevices() throws IOException {
        router = new TestNamespace("r");
        router.sh("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv6.conf.default.disable_ipv6=1");
        router.ip("link add cvlan type veth peer name cvlan-far");
        router.ip("link add cvwan type veth peer name cvwan-far");
        router.ip("link set cvlan up");
        router.ip("link set cvwan up");
        tap = openTap();
        delivery = newDelivery();
    }

    @AfterEach
    void removeDevices() throws IOException {
        delivery.close();
        tap.close();
        router.close();
    }

    @Test
    void putsTheAddressesOnTheTapAndLeavesEverythingAsItWas() throws Exception {
        List<String> before = router.state();
        apply(lan, wan);

        assertThat(router.ip("addr show cvhost"))
                .contains("mtu 1400")
                .contains("inet 192.168.1.1/32")
                .contains("inet 203.0.113.2/32")
                .contains("inet6 fd00:1::1/128 scope global nodad noprefixroute");
        assertThat(router.sh("sysctl -n net.ipv4.conf.cvhost.accept_local net.ipv6.conf.cvhost.disable_ipv6"))
                .isEqualTo("1\n0\n");
        assertThat(router.sh("sysctl -n net.ipv4.conf.all.rp_filter")).isEqualTo("1\n");
        assertThat(router.ip("neigh show dev cvhost"))
                .contains("169.254.0.1 lladdr 02:00:00:00:00:02 PERMANENT")
                .contains("fe80::1 lladdr 02:00:00:00:00:02 PERMANENT");
        assertThat(router.ip("route get 8.8.8.8")).contains("via 169.254.0.1 dev cvhost src 192.168.1.1");
        assertThat(router.ip("route get 203.0.113.77")).contains("via 169.254.0.1 dev cvhost src 203.0.113.2");
        assertThat(router.ip("route get fd00:1::77"))
                .contains("via fe80::1 dev cvhost")
                .contains("src fd00:1::1");
        assertThat(router.ip("route get 192.168.1.255")).contains("broadcast 192.168.1.255 dev cvhost");

        delivery.close();
        assertThat(router.state()).containsExactlyInAnyOrderElementsOf(before);
    }

    @Test
    void sendsWhatIsFromTheRoutersAddressesThroughTheTapWhateverOtherRoutesThereAre() throws Exception {
        router.ip("link add cvuplink type veth peer name cvuplink-far");
        router.ip("addr add 198.51.100.9/24 dev cvuplink");
        router.ip("link set cvuplink up");
        router.ip("route add default via 198.51.100.1");
        apply(lan, wan);

        assertThat(router.ip("route get 8.8.8.8 from 192.168.1.1")).contains("via 169.254.0.1 dev cvhost");
        assertThat(router.ip("route get 8.8.8.8"))
                .as("the host's own uplink stays its way out")
                .contains("via 198.51.100.1 dev cvuplink src 198.51.100.9");
        assertThat(router.ip("route get 192.168.1.50")).contains("dev cvhost src 192.168.1.1");
        router.ip("route del default");
        assertThat(router.ip("route get 8.8.8.8")).contains("via 169.254.0.1 dev cvhost");
    }

    @Test
    void followsTheRoutersAddresses() throws Exception {
        RouterInterface renumbered = InterfaceBuilder.ethernet(0)
                .name("cvlan")
                .address("192.168.1.2/24")
                .mtu(1300)
                .build();
        apply(lan, wan);
        apply(renumbered, wan);

        assertThat(router.ip("addr show cvhost"))
                .contains("mtu 1300")
                .contains("inet 192.168.1.2/32")
                .contains("inet 203.0.113.2/32")
                .doesNotContain("192.168.1.1")
                .doesNotContain("fd00:1::1");
        assertThat(router.ip("rule")).contains("from 192.168.1.2 lookup").doesNotContain("from 192.168.1.1 lookup");
        assertThat(router.ip("route get 192.168.1.50")).contains("src 192.168.1.2");
    }

    @Test
    void startsAnewOnATapThatWasGone() throws Exception {
        apply(lan, wan);
        tap.close();
        assertThat(router.ip("link")).doesNotContain("cvhost");
        delivery.release();
        assertThat(router.ip("rule")).doesNotContain("192.168.1.1");
        tap = openTap();
        apply(lan, wan);

        assertThat(router.ip("route get 8.8.8.8 from 192.168.1.1")).contains("dev cvhost");
        assertThat(router.ip("rule show from 192.168.1.1").lines()).hasSize(1);
    }

    @Test
    void removesTheRulesOfATapThatDiedWithItsRouter() throws Exception {
        apply(lan, wan);
        tap.close();
        assertThat(router.ip("rule")).as("what a killed router leaves").contains("from 192.168.1.1 lookup");
        LocalDelivery killed = delivery;
        tap = openTap();
        delivery = newDelivery();
        try {
            apply(wan);
            assertThat(router.ip("rule")).doesNotContain("192.168.1.1").contains("203.0.113.2");
            assertThat(router.ip("-6 rule")).doesNotContain("fd00:1::1");
        } finally {
            killed.close();
        }
    }

    @Test
    void takesOverATapThatOutlivedItsRouter() throws Exception {
        List<String> before = router.state();
        apply(lan, wan);
        LocalDelivery killed = delivery;
        delivery = newDelivery();
        apply(wan);

        assertThat(router.ip("addr show cvhost")).contains("203.0.113.2").doesNotContain("192.168.1.1");
        assertThat(router.ip("rule")).doesNotContain("192.168.1.1");
        assertThat(router.ip("route show table all")).doesNotContain("192.168.1");
        delivery.release();
        killed.close();
        assertThat(router.state()).containsExactlyInAnyOrderElementsOf(before);
    }

    @Test
    void severalRoutersShareANamespace() throws Exception {
        apply(wan);
        LocalDelivery other = newDelivery();
        try (TunDevice otherTap = openTap("cvhost2")) {
            RouterInterface otherHost =
                    InterfaceBuilder.localDelivery(2).name(otherTap.name()).build();
            other.apply(LocalDeliveryPlan.of(config(), otherHost, List.of(lan)));

            assertThat(router.ip("route get 8.8.8.8 from 192.168.1.1")).contains("dev cvhost2");
            assertThat(router.ip("route get 8.8.8.8 from 203.0.113.2")).contains("dev cvhost ");
            other.close();
            assertThat(router.ip("route get 8.8.8.8 from 203.0.113.2")).contains("dev cvhost ");
        }
    }

    @Test
    void keepsTheDevicesOfPacketInterfacesFromTheKernel() throws Exception {
        apply(lan, wan);
        assertThat(router.sh("nft list ruleset"))
                .contains("table netdev culvert-cvhost")
                .containsSubsequence("chain cvlan", "device \"cvlan\"", "ip drop", "arp drop", "ip6 drop")
                .contains("chain cvwan");
        delivery.close();
        assertThat(router.sh("nft list ruleset")).isEmpty();
    }

    @Test
    void keepsADeviceThatCameBackFromTheKernel() throws Exception {
        apply(lan, wan);
        router.ip("link del cvlan");
        apply(lan, wan);
        assertThat(router.sh("nft list ruleset")).contains("chain cvwan").doesNotContain("chain cvlan");
        router.ip("link add cvlan type veth peer name cvlan-far");
        apply(lan, wan);
        assertThat(router.sh("nft list ruleset")).contains("chain cvwan", "chain cvlan", "device \"cvlan\"");
    }

    @Test
    void leavesTheKernelItsPartOfADeviceThatHasAnAddressOfItsOwn() throws Exception {
        router.ip("addr add 192.168.1.9/24 dev cvlan");
        apply(lan);
        assertThat(router.sh("nft list ruleset"))
                .contains("ip daddr 192.168.1.1 drop")
                .contains("arp daddr ip 192.168.1.1 drop")
                .contains("ip6 daddr fd00:1::1 drop");
    }

    @Test
    void setsTheLoopbackDeviceUpAndLeavesItUp() throws Exception {
        router.ip("link set lo down");
        apply(lan, wan);
        assertThat(router.ip("addr show lo")).contains("LOOPBACK,UP", "inet 127.0.0.1/8");
        assertThat(router.ip("addr show cvhost")).contains("inet 192.168.1.1/32");
        assertThat(router.ip("route get 8.8.8.8")).contains("via 169.254.0.1 dev cvhost src 192.168.1.1");
        delivery.close();
        assertThat(router.ip("link show lo")).contains("LOOPBACK,UP");
    }

    private void apply(RouterInterface... known) throws Exception {
        delivery.apply(LocalDeliveryPlan.of(config(), host, List.of(known)));
    }

    private LocalDelivery newDelivery() {
        return new LocalDelivery(router.name, LoggerFactory.getLogger(LocalDeliveryKernelIT.class));
    }

    private TunDevice openTap() throws IOException {
        return openTap("cvhost");
    }

    private TunDevice openTap(String name) throws IOException {
        TunDevice opened =
                router.call(() -> TunDevice.builder(TunDevice.Kind.TAP, name).open());
        router.ip("link set " + name + " up");
        return opened;
    }

    private RouterConfig config() throws Exception {
        String text = """
                router {
                  interfaces {
                    lan  { type = packet, device = cvlan, addresses = ["192.168.1.1/24", "fd00:1::1/64"] }
                    wan  { type = packet, device = cvwan, addresses = ["203.0.113.2/24"] }
                    host { type = tap, device = cvhost, role = local-delivery }
                  }
                }
                """;
        return ConfigFile.read(Files.writeString(folder.resolve("router.conf"), text), Catalog.of(List.of()));
    }
}
