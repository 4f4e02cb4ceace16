// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.NextHop;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageDescriptor;
import io.culvert.testkit.StageHarness;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The router that the tests of IPv6 stages stand in: a LAN, a WAN with the default route, a tun to a peer, and, when asked
 * for, a TAP to the kernel.
 */
public final class TestRouter6 {
    /** fd00:1::1/64 and fe80::1, Ethernet, MTU 1500. */
    public static final int LAN = 0;
    /** 2001:db8::2/64 and fe80::2, Ethernet, MTU 1400; the default route leads to fe80::99. */
    public static final int WAN = 1;
    /** fd00:3::1/64 and fe80::3, point to point, MTU 1280. */
    public static final int TUN = 2;
    /** The kernel's TAP in a router that has one. */
    public static final int KERNEL = 3;

    public static final long LAN_MAC = 0x0200_0000_0000L + LAN;

    private final StageHarness harness;
    private final StageHarness.FixedFib fib = new StageHarness.FixedFib();

    private TestRouter6(StageHarness harness, List<RouterInterface> interfaces) {
        this.harness = harness;
        harness.interfaces(interfaces.toArray(RouterInterface[]::new)).fib(fib);
        interfaces.forEach(this::connect);
        route("::/0", new NextHop(WAN, Ip6Address.parse("fe80::99"), null));
    }

    /** A router that answers for itself. */
    public static TestRouter6 around(StageDescriptor stage) {
        return around(StageHarness.of(stage));
    }

    public static TestRouter6 around(StageHarness harness) {
        return new TestRouter6(harness, transit());
    }

    /** A router with a local-delivery TAP. */
    public static TestRouter6 withKernel(StageDescriptor stage) {
        List<RouterInterface> all = new ArrayList<>(transit());
        all.add(of(KERNEL, "host", RouterInterface.Link.ETHERNET, RouterInterface.Role.LOCAL_DELIVERY, 1500, null));
        return new TestRouter6(StageHarness.of(stage), all);
    }

    private static List<RouterInterface> transit() {
        return List.of(
                ethernet(LAN, 1500, "fe80::1", "fd00:1::1/64"),
                ethernet(WAN, 1400, "fe80::2", "2001:db8::2/64"),
                of(
                        TUN,
                        "p2p",
                        RouterInterface.Link.POINT_TO_POINT,
                        RouterInterface.Role.TRANSIT,
                        1280,
                        "fe80::3",
                        "fd00:3::1/64"));
    }

    public static RouterInterface ethernet(int id, int mtu, @Nullable String linkLocal, String... addresses) {
        return of(
                id, "eth" + id, RouterInterface.Link.ETHERNET, RouterInterface.Role.TRANSIT, mtu, linkLocal, addresses);
    }

    private static RouterInterface of(
            int id,
            String name,
            RouterInterface.Link link,
            RouterInterface.Role role,
            int mtu,
            @Nullable String linkLocal,
            String... addresses) {
        return new RouterInterface(
                id,
                name,
                name,
                link,
                role,
                0,
                true,
                mtu,
                link == RouterInterface.Link.ETHERNET ? 0x0200_0000_0000L + id : 0,
                role == RouterInterface.Role.LOCAL_DELIVERY ? 0x0200_0000_00ffL : 0,
                Arrays.stream(addresses).map(InterfaceAddress::parse).toList(),
                linkLocal == null ? null : Ip6Address.parse(linkLocal),
                RouterInterface.Offloads.NONE,
                false,
                true);
    }

    public StageHarness harness() {
        return harness;
    }

    /** The same router with these interfaces instead; routes stay, connected ones are added. */
    public TestRouter6 with(RouterInterface... interfaces) {
        harness.interfaces(interfaces);
        Arrays.stream(interfaces).forEach(this::connect);
        return this;
    }

    /** Adds a route to forward by. */
    public TestRouter6 route(String prefix, NextHop... hops) {
        fib.add(IpPrefix.parse(prefix), FibAction.FORWARD, List.of(hops));
        return this;
    }

    /** Adds a route that refuses. */
    public TestRouter6 route(String prefix, FibAction action) {
        fib.add(IpPrefix.parse(prefix), action, List.of());
        return this;
    }

    public static NextHop via(int interfaceId, @Nullable String gateway) {
        return new NextHop(interfaceId, gateway == null ? null : IpAddress.parse(gateway), null);
    }

    private void connect(RouterInterface each) {
        NextHop here = new NextHop(each.id(), null, null);
        for (InterfaceAddress own : each.addresses()) {
            fib.add(own.prefix(), FibAction.FORWARD, List.of(here));
            fib.add(own.address().prefix(own.address().bits()), FibAction.LOCAL, List.of(here));
        }
    }
}
