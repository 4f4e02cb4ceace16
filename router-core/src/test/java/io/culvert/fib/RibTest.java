// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.NextHop;
import io.culvert.spi.RouterInterface;
import io.culvert.testkit.InterfaceBuilder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class RibTest {
    private static final int LAN = 0;
    private static final int WAN = 1;
    private static final int P2P = 2;

    private final Fib fib = new Fib();
    private final Rib rib = new Rib(fib);

    @Test
    void derivesLocalBroadcastAndConnectedEntriesFromAnInterface() {
        lan("192.168.1.1/24", "fd00:1::1/64");
        assertThat(lookup("192.168.1.1").action()).isEqualTo(FibAction.LOCAL);
        assertThat(lookup("192.168.1.1").nextHop(0).interfaceId()).isEqualTo(LAN);
        assertThat(lookup("192.168.1.255").action()).isEqualTo(FibAction.BROADCAST);
        assertThat(lookup("192.168.1.255").nextHop(0).interfaceId()).isEqualTo(LAN);
        assertThat(lookup("192.168.1.77").nextHop(0))
                .isEqualTo(new NextHop(LAN, null, Ip4Address.parse("192.168.1.1")));
        assertThat(lookup("fd00:1::1").action()).isEqualTo(FibAction.LOCAL);
        assertThat(lookup("fd00:1::77").nextHop(0)).isEqualTo(new NextHop(LAN, null, Ip6Address.parse("fd00:1::1")));
        assertThat(lookup("fd00:1::ffff:ffff:ffff:ffff").action()).isEqualTo(FibAction.FORWARD);
    }

    @Test
    void derivesNoBroadcastEntryForPrefixesOf31And32Bits() {
        lan("10.0.0.0/31", "10.9.9.9/32", "10.0.1.1/30");
        assertThat(lookup("10.0.0.0").action()).isEqualTo(FibAction.LOCAL);
        assertThat(lookup("10.0.0.1").action()).isEqualTo(FibAction.FORWARD);
        assertThat(lookup("10.9.9.9").action()).isEqualTo(FibAction.LOCAL);
        assertThat(lookup("10.0.1.3").action()).isEqualTo(FibAction.BROADCAST);
        assertThat(fib.entries(0)).hasSize(6);
    }

    @Test
    void holdsNoEntryForLinkLocalAddresses() {
        lan("fe80::1/64");
        assertThat(lookup("fe80::1")).isSameAs(FibEntry.NO_ROUTE);
        assertThat(lookup("fe80::2")).isSameAs(FibEntry.NO_ROUTE);
    }

    @Test
    void ownAddressWinsOverAnotherNetworksBroadcastAndOverStaticRoutes() {
        rib.setInterface(ethernet(LAN, true, "10.0.0.1/24"));
        rib.setInterface(ethernet(WAN, true, "10.0.0.255/32"));
        rib.put(Route.refuse(0, IpPrefix.parse("10.0.0.1/32"), FibAction.BLACKHOLE));
        rib.commit();
        assertThat(lookup("10.0.0.255").action()).isEqualTo(FibAction.LOCAL);
        assertThat(lookup("10.0.0.1").action()).isEqualTo(FibAction.LOCAL);
    }

    @Test
    void speaksForANetworkWithItsFirstAddress() {
        lan("10.0.0.5/24", "10.0.0.4/24");
        assertThat(lookup("10.0.0.9").nextHop(0).source()).isEqualTo(Ip4Address.parse("10.0.0.5"));
        assertThat(lookup("10.0.0.4").action()).isEqualTo(FibAction.LOCAL);
        assertThat(lookup("10.0.0.5").action()).isEqualTo(FibAction.LOCAL);
    }

    @Test
    void installsARouteOnceItsGatewayIsOnAConnectedNetwork() {
        put("0.0.0.0/0", "203.0.113.1");
        assertThat(lookup("8.8.8.8")).isSameAs(FibEntry.NO_ROUTE);
        rib.setInterface(ethernet(WAN, true, "203.0.113.2/24"));
        assertThat(rib.commit()).isEqualTo(4);
        assertThat(lookup("8.8.8.8").nextHop(0))
                .isEqualTo(new NextHop(WAN, Ip4Address.parse("203.0.113.1"), Ip4Address.parse("203.0.113.2")));
    }

    @Test
    void withdrawsRoutesAndNetworksWithTheirInterfaceButKeepsItsAddressesLocal() {
        rib.setInterface(ethernet(WAN, true, "203.0.113.2/24"));
        put("0.0.0.0/0", "203.0.113.1");
        rib.setInterface(ethernet(WAN, false, "203.0.113.2/24"));
        rib.commit();
        assertThat(lookup("8.8.8.8")).isSameAs(FibEntry.NO_ROUTE);
        assertThat(lookup("203.0.113.77")).isSameAs(FibEntry.NO_ROUTE);
        assertThat(lookup("203.0.113.255")).isSameAs(FibEntry.NO_ROUTE);
        assertThat(lookup("203.0.113.2").action()).isEqualTo(FibAction.LOCAL);
        rib.setInterface(ethernet(WAN, true, "203.0.113.2/24"));
        rib.commit();
        assertThat(lookup("8.8.8.8").nextHop(0).interfaceId()).isEqualTo(WAN);
        rib.removeInterface(WAN);
        rib.commit();
        assertThat(fib.entries(0)).isEmpty();
    }

    @Test
    void losesEqualCostMembersOneByOne() {
        rib.setInterface(ethernet(LAN, true, "10.0.0.1/24"));
        rib.setInterface(ethernet(WAN, true, "10.0.1.1/24"));
        put("10.9.0.0/16", "10.0.0.2", "10.0.1.2");
        assertThat(nextHops("10.9.0.1")).extracting(NextHop::interfaceId).containsExactly(LAN, WAN);
        rib.setInterface(ethernet(LAN, false, "10.0.0.1/24"));
        rib.commit();
        assertThat(nextHops("10.9.0.1")).extracting(NextHop::interfaceId).containsExactly(WAN);
        rib.setInterface(ethernet(WAN, false, "10.0.1.1/24"));
        rib.commit();
        assertThat(lookup("10.9.0.1")).isSameAs(FibEntry.NO_ROUTE);
        rib.setInterface(ethernet(LAN, true, "10.0.0.1/24"));
        rib.commit();
        assertThat(nextHops("10.9.0.1")).extracting(NextHop::interfaceId).containsExactly(LAN);
    }

    @Test
    void namesAMemberOnceHoweverManyGatewaysLeadThere() {
        lan("10.0.0.1/24");
        put("10.8.0.0/16", "10.0.0.2");
        put("10.9.0.0/16", "10.8.0.1", "10.8.0.2", "10.0.0.2");
        assertThat(nextHops("10.9.0.1")).extracting(NextHop::gateway).containsExactly(Ip4Address.parse("10.0.0.2"));
    }

    @Test
    void resolvesAGatewayThroughAnotherRouteAndFollowsItsChanges() {
        rib.setInterface(ethernet(LAN, true, "10.0.0.1/24"));
        put("10.9.0.0/16", "172.16.5.5");
        put("172.16.0.0/16", "10.0.0.2");
        assertThat(nextHops("10.9.0.1")).extracting(NextHop::gateway).containsExactly(Ip4Address.parse("10.0.0.2"));
        put("172.16.0.0/16", "10.0.0.3");
        assertThat(nextHops("10.9.0.1")).extracting(NextHop::gateway).containsExactly(Ip4Address.parse("10.0.0.3"));
        rib.remove(new Route.Key(0, IpPrefix.parse("172.16.0.0/16"), RouteSource.STATIC));
        rib.commit();
        assertThat(lookup("10.9.0.1")).isSameAs(FibEntry.NO_ROUTE);
    }

    @Test
    void routesThatLeanOnEachOtherAreUnusable() {
        put("10.0.0.0/8", "20.0.0.1");
        put("20.0.0.0/8", "10.0.0.1");
        put("30.0.0.0/8", "30.0.0.1");
        assertThat(fib.entries(0)).isEmpty();
        // They were held by a connected network, and must not hold each other when that goes.
        rib.setInterface(ethernet(LAN, true, "10.0.0.2/24"));
        rib.commit();
        assertThat(nextHops("20.1.1.1")).extracting(NextHop::gateway).containsExactly(Ip4Address.parse("10.0.0.1"));
        assertThat(nextHops("10.200.0.1")).extracting(NextHop::gateway).containsExactly(Ip4Address.parse("10.0.0.1"));
        rib.setInterface(ethernet(LAN, false, "10.0.0.2/24"));
        rib.commit();
        assertThat(lookup("20.1.1.1")).isSameAs(FibEntry.NO_ROUTE);
        assertThat(lookup("10.200.0.1")).isSameAs(FibEntry.NO_ROUTE);
    }

    @Test
    void resolvesNoGatewayThroughADefaultRouteNorThroughOneThatForwardsNothing() {
        lan("10.0.0.1/24");
        put("0.0.0.0/0", "10.0.0.2");
        put("10.9.0.0/16", "172.16.5.5");
        put("10.10.0.0/16", "10.0.0.1");
        put("10.11.0.0/16", "10.0.0.255");
        FibEntry byDefault = lookup("8.8.8.8");
        assertThat(byDefault.action()).isEqualTo(FibAction.FORWARD);
        assertThat(lookup("10.9.0.1")).isSameAs(byDefault);
        assertThat(lookup("10.10.0.1")).isSameAs(byDefault);
        assertThat(lookup("10.11.0.1")).isSameAs(byDefault);
    }

    @Test
    void sendsIp4OverAnIp6Gateway() {
        lan("10.0.0.1/24", "fd00:1::1/64");
        put("10.9.0.0/16", "fd00:1::2");
        NextHop nextHop = lookup("10.9.0.1").nextHop(0);
        assertThat(nextHop.gatewayIs6()).isTrue();
        assertThat(nextHop.source()).isNull();
        rib.put(Route.forward(0, IpPrefix.parse("10.8.0.0/16"), new Route.Via(Ip6Address.parse("fe80::9"), LAN, null)));
        rib.commit();
        assertThat(lookup("10.8.0.1").nextHop(0)).isEqualTo(new NextHop(LAN, Ip6Address.parse("fe80::9"), null));
    }

    @Test
    void keepsTheRoutesPreferredSource() {
        lan("10.0.0.1/24", "10.0.0.7/24");
        rib.put(Route.forward(
                0,
                IpPrefix.parse("10.9.0.0/16"),
                new Route.Via(Ip4Address.parse("10.0.0.2"), InterfaceId.NONE, Ip4Address.parse("10.0.0.7"))));
        rib.commit();
        assertThat(lookup("10.9.0.1").nextHop(0).source()).isEqualTo(Ip4Address.parse("10.0.0.7"));
    }

    @Test
    void leadsOverAPointToPointLinkWithoutAGateway() {
        rib.setInterface(pointToPoint(true, "10.0.5.1/30"));
        rib.put(Route.forward(0, IpPrefix.parse("10.9.0.0/16"), new Route.Via(null, P2P, null)));
        put("10.8.0.0/16", "10.0.5.2");
        assertThat(lookup("10.9.0.1").nextHop(0)).isEqualTo(new NextHop(P2P, null, null));
        assertThat(lookup("10.8.0.1").nextHop(0).onLink()).isTrue();
        rib.setInterface(pointToPoint(false, "10.0.5.1/30"));
        rib.commit();
        assertThat(lookup("10.9.0.1")).isSameAs(FibEntry.NO_ROUTE);
    }

    @Test
    void refusingRoutesNeedNoInterface() {
        rib.put(Route.refuse(0, IpPrefix.parse("10.66.0.0/16"), FibAction.UNREACHABLE));
        rib.put(Route.refuse(0, IpPrefix.parse("10.67.0.0/16"), FibAction.PROHIBIT));
        assertThat(rib.commit()).isEqualTo(2);
        assertThat(lookup("10.66.0.1").action()).isEqualTo(FibAction.UNREACHABLE);
        assertThat(lookup("10.67.0.1").action()).isEqualTo(FibAction.PROHIBIT);
    }

    @Test
    void installsTheBestCandidateAndTheNextWhenItBecomesUnusable() {
        rib.setInterface(ethernet(LAN, true, "10.0.0.1/24"));
        rib.put(Route.refuse(0, IpPrefix.parse("10.0.0.0/24"), FibAction.PROHIBIT));
        rib.commit();
        assertThat(lookup("10.0.0.9").action()).isEqualTo(FibAction.FORWARD);
        assertThat(rib.routes().stream().filter(RouteStatus::installed).map(RouteStatus::route))
                .extracting(Route::source)
                .containsExactly(RouteSource.CONNECTED, RouteSource.LOCAL, RouteSource.LOCAL);
        rib.setInterface(ethernet(LAN, false, "10.0.0.1/24"));
        rib.commit();
        assertThat(lookup("10.0.0.9").action()).isEqualTo(FibAction.PROHIBIT);
    }

    @Test
    void changesNothingForWhatIsThereAlready() {
        lan("10.0.0.1/24");
        put("10.9.0.0/16", "10.0.0.2");
        assertThat(rib.put(route("10.9.0.0/16", "10.0.0.2"))).isFalse();
        rib.setInterface(ethernet(LAN, true, "10.0.0.1/24"));
        assertThat(rib.commit()).isZero();
    }

    @Test
    void replacesAllRoutesOfASourceAndLeavesTheInterfacesOwn() {
        lan("10.0.0.1/24");
        put("10.8.0.0/16", "10.0.0.2");
        put("10.9.0.0/16", "10.0.0.2");
        int changed = rib.replaceAll(
                RouteSource.STATIC, List.of(route("10.9.0.0/16", "10.0.0.2"), route("10.7.0.0/16", "10.0.0.3")));
        assertThat(changed).isEqualTo(2);
        assertThat(rib.commit()).isEqualTo(2);
        assertThat(lookup("10.8.0.1")).isSameAs(FibEntry.NO_ROUTE);
        assertThat(lookup("10.7.0.1").nextHop(0).gateway()).isEqualTo(Ip4Address.parse("10.0.0.3"));
        assertThat(lookup("10.0.0.1").action()).isEqualTo(FibAction.LOCAL);
    }

    @Test
    void followsAnAddressThatMovesToAnotherVrf() {
        lan("10.0.0.1/24");
        RouterInterface moved =
                InterfaceBuilder.ethernet(LAN).vrf(4).address("10.0.0.1/24").build();
        rib.setInterface(moved);
        rib.commit();
        assertThat(fib.entries(0)).isEmpty();
        assertThat(fib.lookup4(4, Ip4Address.parse("10.0.0.1").value()).action())
                .isEqualTo(FibAction.LOCAL);
    }

    @Test
    void listsCandidatesInOrderWithWhatBecameOfThem() {
        lan("200.0.0.1/30", "fd00::1/64");
        put("9.0.0.0/8", "1.2.3.4");
        assertThat(rib.routes().stream().map(row -> row.route().prefix() + " " + row.usable() + " " + row.installed()))
                .containsExactly(
                        "9.0.0.0/8 false false",
                        "200.0.0.0/30 true true",
                        "200.0.0.1/32 true true",
                        "200.0.0.3/32 true true",
                        "fd00::/64 true true",
                        "fd00::1/128 true true");
    }

    @Test
    void refusesRoutesThatMakeNoSense() {
        IpPrefix prefix = IpPrefix.parse("10.0.0.0/8");
        assertThatThrownBy(() -> Route.forward(0, prefix)).hasMessageContaining("cannot have 0 next hops");
        assertThatThrownBy(() -> Route.refuse(0, prefix, FibAction.NO_ROUTE))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Route.refuse(0, IpPrefix.parse("224.1.0.0/16"), FibAction.BLACKHOLE))
                .hasMessageContaining("multicast");
        assertThatThrownBy(() -> Route.refuse(0, IpPrefix.parse("fe80:1::/32"), FibAction.BLACKHOLE))
                .hasMessageContaining("link-local");
        assertThatThrownBy(() -> route("fd00::/8", "10.0.0.1")).hasMessageContaining("cannot go via the IPv4 address");
        assertThatThrownBy(() -> route("fd00::/8", "fe80::1")).hasMessageContaining("without an interface");
        assertThatThrownBy(() -> route("10.0.0.0/8", "224.0.0.1")).hasMessageContaining("one station");
        assertThatThrownBy(() -> new Route.Via(null, InterfaceId.NONE, null)).hasMessageContaining("gateway");
        assertThatThrownBy(() -> Route.forward(0, prefix, new Route.Via(null, LAN, Ip6Address.parse("fd00::1"))))
                .hasMessageContaining("other family");
        assertThatThrownBy(() -> rib.replaceAll(RouteSource.LOCAL, List.of())).hasMessageContaining("interfaces alone");
    }

    @Test
    void takesAHundredThousandRoutesOverOneGatewayInSecondsAndMovesThemAll() {
        rib.setInterface(ethernet(LAN, true, "10.0.0.1/24"));
        rib.setInterface(ethernet(WAN, true, "10.0.0.9/29"));
        List<Route> routes = new ArrayList<>();
        for (int i = 0; i < 100_000; i++) {
            routes.add(route(new Ip4Prefix(0x1400_0000 + (i << 8), 24).toString(), "10.0.0.10"));
        }
        long start = System.nanoTime();
        rib.replaceAll(RouteSource.STATIC, routes);
        rib.commit();
        assertThat(lookup("20.1.1.1").nextHop(0).interfaceId()).isEqualTo(WAN);
        rib.setInterface(ethernet(WAN, false, "10.0.0.9/29"));
        assertThat(rib.commit()).isGreaterThan(100_000);
        assertThat(lookup("20.1.1.1").nextHop(0).interfaceId()).isEqualTo(LAN);
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(10));
    }

    private void lan(String... addresses) {
        rib.setInterface(ethernet(LAN, true, addresses));
        rib.commit();
    }

    private void put(String prefix, String... gateways) {
        rib.put(route(prefix, gateways));
        rib.commit();
    }

    private static Route route(String prefix, String... gateways) {
        Route.Via[] vias = Stream.of(gateways)
                .map(gateway -> new Route.Via(IpAddress.parse(gateway), InterfaceId.NONE, null))
                .toArray(Route.Via[]::new);
        return Route.forward(0, IpPrefix.parse(prefix), vias);
    }

    private List<NextHop> nextHops(String address) {
        FibEntry entry = lookup(address);
        List<NextHop> hops = new ArrayList<>();
        for (int i = 0; i < entry.nextHopCount(); i++) {
            hops.add(entry.nextHop(i));
        }
        return hops;
    }

    private FibEntry lookup(String text) {
        IpAddress address = IpAddress.parse(text);
        return address instanceof Ip4Address ip4
                ? fib.lookup4(0, ip4.value())
                : fib.lookup6(0, ((Ip6Address) address).high(), ((Ip6Address) address).low());
    }

    private static RouterInterface ethernet(int id, boolean up, String... addresses) {
        return build(InterfaceBuilder.ethernet(id), up, addresses);
    }

    private static RouterInterface pointToPoint(boolean up, String... addresses) {
        return build(InterfaceBuilder.pointToPoint(P2P), up, addresses);
    }

    private static RouterInterface build(InterfaceBuilder builder, boolean up, String... addresses) {
        Stream.of(addresses).forEach(builder::address);
        return up ? builder.build() : builder.down().build();
    }
}
