// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.MacAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An interface of the router as it stands now. Immutable; a change makes a new one.
 *
 * @param id index into {@link InterfaceTable}
 * @param name the name in the configuration: {@code lan}
 * @param device the kernel's name for its device, or the configured one while there is none
 * @param link whether it has Ethernet headers and neighbors, or carries bare IP
 * @param role what traffic it is for
 * @param vrf the table its packets are looked up in
 * @param up whether packets can be received and sent
 * @param mtu the largest IP packet in bytes
 * @param mac its own MAC address; 0 on a point-to-point link
 * @param kernelMac for local delivery: the MAC address of the kernel's side of the TAP; else 0
 * @param addresses its usable own addresses of both families, without tentative ones
 * @param linkLocal its IPv6 link-local address, or null while it has none
 * @param offloads what its device finishes by itself
 * @param redirects whether ICMP redirects are sent on it
 * @param gro whether small packets are put together before they leave by it
 * @since 0.1
 */
public record RouterInterface(
        int id,
        String name,
        String device,
        Link link,
        Role role,
        int vrf,
        boolean up,
        int mtu,
        long mac,
        long kernelMac,
        List<InterfaceAddress> addresses,
        @Nullable Ip6Address linkLocal,
        Offloads offloads,
        boolean redirects,
        boolean gro) {
    /** The kind of link below IP. */
    public enum Link {
        /** Ethernet frames; neighbors are resolved. */
        ETHERNET,
        /** Bare IP packets to the one other end: no neighbors, no {@code via}. */
        POINT_TO_POINT
    }

    /** What an interface is for. */
    public enum Role {
        /** Forwarding. */
        TRANSIT,
        /** Handing packets for the router's own addresses to the kernel and taking the kernel's back. */
        LOCAL_DELIVERY
    }

    /**
     * What a device finishes by itself when the packet's offload state asks for it.
     *
     * @param checksum transport checksums
     * @param tcp4 cutting TCP over IPv4
     * @param tcp6 cutting TCP over IPv6
     * @param udp cutting UDP of both families
     */
    public record Offloads(boolean checksum, boolean tcp4, boolean tcp6, boolean udp) {
        public static final Offloads NONE = new Offloads(false, false, false, false);
    }

    public RouterInterface {
        addresses = List.copyOf(addresses);
    }

    /** The first address of a family, which is the source of what the router originates here, or 0 when it has none. */
    public int firstAddress4() {
        for (int i = 0; i < addresses.size(); i++) {
            if (addresses.get(i).address() instanceof Ip4Address ip4) {
                return ip4.value();
            }
        }
        return 0;
    }

    /** The first global IPv6 address, else the link-local one, else null. */
    public @Nullable Ip6Address firstAddress6() {
        for (int i = 0; i < addresses.size(); i++) {
            if (addresses.get(i).address() instanceof Ip6Address ip6 && !Ip6Address.isLinkLocal(ip6.high())) {
                return ip6;
            }
        }
        return linkLocal;
    }

    /** Whether an IPv4 address is one of this interface's own. */
    public boolean owns4(int address) {
        for (int i = 0; i < addresses.size(); i++) {
            if (addresses.get(i).address() instanceof Ip4Address ip4 && ip4.value() == address) {
                return true;
            }
        }
        return false;
    }

    /** Whether an IPv6 address is one of this interface's own, link-local included. */
    public boolean owns6(long high, long low) {
        if (linkLocal != null && linkLocal.high() == high && linkLocal.low() == low) {
            return true;
        }
        for (int i = 0; i < addresses.size(); i++) {
            if (addresses.get(i).address() instanceof Ip6Address ip6 && ip6.high() == high && ip6.low() == low) {
                return true;
            }
        }
        return false;
    }

    /** The same interface, down. */
    public RouterInterface down() {
        return new RouterInterface(
                id, name, device, link, role, vrf, false, mtu, mac, kernelMac, addresses, linkLocal, offloads,
                redirects, gro);
    }

    /** The same interface with another MTU. */
    public RouterInterface withMtu(int newMtu) {
        return new RouterInterface(
                id, name, device, link, role, vrf, up, newMtu, mac, kernelMac, addresses, linkLocal, offloads,
                redirects, gro);
    }

    /** The same interface with one more usable address; an IPv6 link-local one becomes its {@link #linkLocal}. */
    public RouterInterface withAddress(InterfaceAddress address) {
        if (address.address() instanceof Ip6Address ip6 && Ip6Address.isLinkLocal(ip6.high())) {
            return new RouterInterface(
                    id, name, device, link, role, vrf, up, mtu, mac, kernelMac, addresses, ip6, offloads, redirects,
                    gro);
        }
        List<InterfaceAddress> more = new ArrayList<>(addresses);
        more.add(address);
        return new RouterInterface(
                id, name, device, link, role, vrf, up, mtu, mac, kernelMac, more, linkLocal, offloads, redirects, gro);
    }

    public MacAddress macAddress() {
        return new MacAddress(mac);
    }
}
