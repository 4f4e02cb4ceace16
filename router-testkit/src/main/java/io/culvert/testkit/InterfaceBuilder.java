// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip6Address;
import io.culvert.net.MacAddress;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.RouterInterface.Link;
import io.culvert.spi.RouterInterface.Offloads;
import io.culvert.spi.RouterInterface.Role;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A router's interface as a test wants it: up, MTU 1500, no offloads and no redirects unless said otherwise.
 *
 * <pre>{@code
 * RouterInterface lan = InterfaceBuilder.ethernet(0).address("10.0.0.1/24").build();
 * }</pre>
 */
public final class InterfaceBuilder {
    private final int id;
    private final Link link;
    private final Role role;
    private String name;
    private int vrf;
    private boolean up = true;
    private int mtu = 1500;
    private long mac;
    private final long kernelMac;
    private final List<InterfaceAddress> addresses = new ArrayList<>();
    private @Nullable Ip6Address linkLocal;
    private Offloads offloads = Offloads.NONE;
    private boolean redirects;
    private boolean gro = true;

    private InterfaceBuilder(int id, Link link, Role role, long mac, long kernelMac) {
        this.id = id;
        this.link = link;
        this.role = role;
        this.mac = mac;
        this.kernelMac = kernelMac;
        name = "if" + id;
    }

    /** An Ethernet interface whose MAC address is 02:00:00:00:00:0N for id N. */
    public static InterfaceBuilder ethernet(int id) {
        return new InterfaceBuilder(id, Link.ETHERNET, Role.TRANSIT, 0x0200_0000_0000L + id, 0);
    }

    public static InterfaceBuilder pointToPoint(int id) {
        return new InterfaceBuilder(id, Link.POINT_TO_POINT, Role.TRANSIT, 0, 0);
    }

    /** The TAP to the kernel: MAC address 02:00:00:00:00:0N on the router's side, 02:00:00:00:01:0N on the kernel's. */
    public static InterfaceBuilder localDelivery(int id) {
        return new InterfaceBuilder(
                id, Link.ETHERNET, Role.LOCAL_DELIVERY, 0x0200_0000_0000L + id, 0x0200_0000_0100L + id);
    }

    public InterfaceBuilder name(String text) {
        name = text;
        return this;
    }

    public InterfaceBuilder vrf(int number) {
        vrf = number;
        return this;
    }

    public InterfaceBuilder down() {
        up = false;
        return this;
    }

    public InterfaceBuilder mtu(int bytes) {
        mtu = bytes;
        return this;
    }

    public InterfaceBuilder mac(String text) {
        mac = MacAddress.parse(text).value();
        return this;
    }

    /** Adds an address with its prefix length, of either family. */
    public InterfaceBuilder address(String text) {
        addresses.add(InterfaceAddress.parse(text));
        return this;
    }

    public InterfaceBuilder linkLocal(String text) {
        linkLocal = Ip6Address.parse(text);
        return this;
    }

    public InterfaceBuilder offloads(Offloads byDevice) {
        offloads = byDevice;
        return this;
    }

    public InterfaceBuilder redirects() {
        redirects = true;
        return this;
    }

    /** Switches off what it is on for by default: putting packets together for a device that can take them apart. */
    public InterfaceBuilder withoutGro() {
        gro = false;
        return this;
    }

    public RouterInterface build() {
        return new RouterInterface(
                id, name, name, link, role, vrf, up, mtu, mac, kernelMac, addresses, linkLocal, offloads, redirects,
                gro);
    }
}
