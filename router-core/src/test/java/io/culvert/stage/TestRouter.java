// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.NextHop;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageDescriptor;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.StageHarness;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The router that the tests of IPv4 stages stand in: a LAN, a WAN with the default route, a tun to a peer, a network behind
 * a smaller MTU, and, when asked for, a TAP to the kernel.
 */
public final class TestRouter {
    /** 192.168.1.1/24, Ethernet, MTU 1500. */
    public static final int LAN = 0;
    /** 203.0.113.2/24, Ethernet, MTU 1500; the default route leads to 203.0.113.1. */
    public static final int WAN = 1;
    /** 10.0.0.1/30, point to point, MTU 1400. */
    public static final int TUN = 2;
    /** 172.16.0.1/16, Ethernet, MTU 576. */
    public static final int NARROW = 3;
    /** The kernel's TAP in a router that has one. */
    public static final int KERNEL = 4;

    private final StageHarness harness;
    private final StageHarness.FixedFib fib = new StageHarness.FixedFib();

    private TestRouter(StageHarness harness, RouterInterface... interfaces) {
        this.harness = harness;
        harness.interfaces(interfaces).fib(fib);
        for (RouterInterface each : interfaces) {
            connect(each);
        }
        route("0.0.0.0/0", new NextHop(WAN, Ip4Address.parse("203.0.113.1"), null));
    }

    /** A router that answers for itself. */
    public static TestRouter around(StageDescriptor stage) {
        return around(StageHarness.of(stage));
    }

    public static TestRouter around(StageHarness harness) {
        return new TestRouter(harness, lan(), wan(), tun(), narrow());
    }

    /** A router with a local-delivery TAP. */
    public static TestRouter withKernel(StageDescriptor stage) {
        RouterInterface kernel = InterfaceBuilder.localDelivery(KERNEL).build();
        return new TestRouter(StageHarness.of(stage), lan(), wan(), tun(), narrow(), kernel);
    }

    private static RouterInterface lan() {
        return InterfaceBuilder.ethernet(LAN).address("192.168.1.1/24").build();
    }

    private static RouterInterface wan() {
        return InterfaceBuilder.ethernet(WAN).address("203.0.113.2/24").build();
    }

    private static RouterInterface tun() {
        return InterfaceBuilder.pointToPoint(TUN)
                .mtu(1400)
                .address("10.0.0.1/30")
                .build();
    }

    private static RouterInterface narrow() {
        return InterfaceBuilder.ethernet(NARROW)
                .mtu(576)
                .address("172.16.0.1/16")
                .build();
    }

    public StageHarness harness() {
        return harness;
    }

    /** The same router with these interfaces instead, whose connected routes are added to those that were. */
    public TestRouter with(RouterInterface... interfaces) {
        harness.interfaces(interfaces);
        for (RouterInterface each : interfaces) {
            connect(each);
        }
        return this;
    }

    /** Adds a route to forward by. */
    public TestRouter route(String prefix, NextHop... hops) {
        fib.add(IpPrefix.parse(prefix), FibAction.FORWARD, List.of(hops));
        return this;
    }

    /** Adds a route that refuses. */
    public TestRouter route(String prefix, FibAction action) {
        fib.add(IpPrefix.parse(prefix), action, List.of());
        return this;
    }

    public static NextHop via(int interfaceId, @Nullable String gateway) {
        return new NextHop(interfaceId, gateway == null ? null : IpAddress.parse(gateway), null);
    }

    private void connect(RouterInterface each) {
        NextHop here = new NextHop(each.id(), null, null);
        for (InterfaceAddress own : each.addresses()) {
            IpPrefix network = own.prefix();
            fib.add(network, FibAction.FORWARD, List.of(here));
            fib.add(own.address().prefix(own.address().bits()), FibAction.LOCAL, List.of(here));
            if (network instanceof Ip4Prefix ip4 && ip4.length() <= 30) {
                Ip4Prefix last = new Ip4Prefix(ip4.last(), 32);
                fib.add(last, FibAction.BROADCAST, List.of(here));
            }
        }
    }
}
