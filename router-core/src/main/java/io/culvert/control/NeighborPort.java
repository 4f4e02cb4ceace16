// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.TokenBucket;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An Ethernet interface as neighbor discovery sees it: its MAC address and the addresses that it may use by now. */
final class NeighborPort {
    private final RouterInterface iface;
    private final TokenBucket newNeighbors;
    /** In the operator's order, which decides for the first one, whichever was usable first. */
    private final List<InterfaceAddress> configured;

    private final List<InterfaceAddress> usable = new ArrayList<>();
    private @Nullable Ip6Address linkLocal;

    NeighborPort(RouterInterface iface, List<InterfaceAddress> configured, int newPerSecond) {
        this.iface = iface;
        this.configured = configured;
        newNeighbors = new TokenBucket(newPerSecond);
    }

    int id() {
        return iface.id();
    }

    String name() {
        return iface.name();
    }

    long mac() {
        return iface.mac();
    }

    int mtu() {
        return iface.mtu();
    }

    /** Whether packets may have one more unknown neighbor asked for now. */
    boolean admitsNew(long nowNanos) {
        return newNeighbors.tryTake(nowNanos);
    }

    void use(InterfaceAddress address) {
        if (address.address() instanceof Ip6Address ip6 && Ip6Address.isLinkLocal(ip6.high())) {
            linkLocal = ip6;
        } else {
            usable.add(address);
            usable.sort(Comparator.comparingInt(configured::indexOf));
        }
    }

    /** The link-local address once it may be used. */
    @Nullable
    Ip6Address linkLocal() {
        return linkLocal;
    }

    /** The usable IPv6 addresses that are not link-local, one for each prefix. */
    List<InterfaceAddress> prefixes6() {
        List<InterfaceAddress> prefixes = new ArrayList<>();
        for (InterfaceAddress address : usable) {
            if (address.address() instanceof Ip6Address
                    && address.prefixLength() < 128
                    && prefixes.stream().noneMatch(other -> other.prefix().equals(address.prefix()))) {
                prefixes.add(address);
            }
        }
        return prefixes;
    }

    boolean owns(IpAddress address) {
        return address.equals(linkLocal)
                || usable.stream().anyMatch(own -> own.address().equals(address));
    }

    /** Whether an address is on this link by an own prefix. */
    boolean isOnLink(IpAddress address) {
        if (address instanceof Ip6Address ip6 && Ip6Address.isLinkLocal(ip6.high())) {
            return true;
        }
        return usable.stream().anyMatch(own -> own.prefix().contains(address));
    }

    /** The own address to ask an IPv4 neighbor with: of its network, else the first, else 0 as in a probe. */
    int sourceFor(Ip4Address target) {
        int first = 0;
        for (InterfaceAddress own : usable) {
            if (own.address() instanceof Ip4Address source) {
                if (own.prefix().contains(target)) {
                    return source.value();
                }
                first = first == 0 ? source.value() : first;
            }
        }
        return first;
    }

    /** The own address to ask an IPv6 neighbor with: of its network, else link-local; null while all are tentative. */
    @Nullable
    Ip6Address sourceFor(Ip6Address target) {
        for (InterfaceAddress own : usable) {
            if (own.address() instanceof Ip6Address source && own.prefix().contains(target)) {
                return source;
            }
        }
        return linkLocal;
    }
}
