// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import com.typesafe.config.ConfigOrigin;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.RouterInterface.Link;
import io.culvert.spi.RouterInterface.Role;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What must fit together across interfaces and routes. */
final class Consistency {
    private final InterfaceSection section;
    private final Map<String, Values> interfaces;
    private final Map<String, InterfaceConfig> made;
    private final Problems problems;
    /** Whether every address is known: else a next hop that nobody reaches may be the fault of another mistake. */
    private final boolean addressesKnown;
    /** By prefix, where the route to it stands. */
    private final Map<IpPrefix, ConfigOrigin> routed = new HashMap<>();

    private final Map<List<RouteConfig.Hop>, List<RouteConfig.Hop>> hopLists = new HashMap<>();

    /** @param broken whether the section itself had a mistake */
    Consistency(
            InterfaceSection section,
            Map<String, Values> interfaces,
            Map<String, InterfaceConfig> made,
            boolean broken,
            Problems problems) {
        this.section = section;
        this.interfaces = interfaces;
        this.made = made;
        this.problems = problems;
        this.addressesKnown = !broken
                && interfaces.values().stream()
                        .noneMatch(
                                values -> values.broken(InterfaceSection.ADDRESSES) || values.broken(section.type()));
    }

    void checkInterfaces() {
        checkDevices();
        checkLocalDelivery();
        checkAddressesOnce();
        checkOverlaps();
    }

    private void checkDevices() {
        Map<String, String> users = new HashMap<>();
        made.forEach((name, config) -> {
            Values values = values(name);
            Key<String> key = section.deviceKey(values);
            if (key == null || values.broken(key) || config.device().contains("%d")) {
                return;
            }
            String device = config.device() + (config.netns() == null ? "" : " in " + config.netns());
            String other = users.putIfAbsent(device, name);
            if (other != null) {
                problems.add(
                        values.origin(key),
                        "interfaces." + name + ".device: " + config.device() + " is the device of interface " + other
                                + " already (" + problems.place(values(other).origin(), values.origin(key)) + ")");
            }
        });
    }

    private void checkLocalDelivery() {
        String first = null;
        for (Map.Entry<String, InterfaceConfig> entry : made.entrySet()) {
            if (entry.getValue().role() != Role.LOCAL_DELIVERY) {
                continue;
            }
            if (first != null) {
                problems.add(
                        values(entry.getKey()).origin(),
                        "interfaces." + entry.getKey() + " has role = local-delivery, but interface " + first
                                + " has it already ("
                                + problems.place(
                                        values(first).origin(),
                                        values(entry.getKey()).origin())
                                + "): there can be one");
            } else {
                first = entry.getKey();
            }
        }
    }

    private record Owner(String who, ConfigOrigin origin) {}

    private void checkAddressesOnce() {
        Map<String, Owner> owners = new HashMap<>();
        interfaces.forEach((name, values) -> {
            claim(owners, name, "interface " + name, "addresses", values.get(InterfaceSection.ADDRESSES));
            claim(owners, name, "the kernel's end of " + name, "kernel.addresses", section.kernelAddresses(values));
        });
    }

    private void claim(
            Map<String, Owner> owners, String name, String who, String key, List<Located<InterfaceAddress>> addresses) {
        for (Located<InterfaceAddress> located : addresses) {
            IpAddress address = located.value().address();
            // A link-local address means something on its link alone.
            String scope = isLinkLocal(address) ? "%" + name : "";
            Owner other = owners.putIfAbsent(address + scope, new Owner(who, located.origin()));
            if (other != null) {
                problems.add(
                        located.origin(),
                        "interfaces." + name + "." + key + ": " + address + " is used twice, first by " + other.who()
                                + " (" + problems.place(other.origin(), located.origin()) + ")");
            }
        }
    }

    private record Connected(String name, InterfaceAddress address, ConfigOrigin origin) {}

    private void checkOverlaps() {
        List<Connected> seen = new ArrayList<>();
        interfaces.forEach((name, values) -> {
            for (Located<InterfaceAddress> located : values.get(InterfaceSection.ADDRESSES)) {
                InterfaceAddress address = located.value();
                if (isLinkLocal(address.address())) {
                    continue;
                }
                for (Connected other : seen) {
                    // The same address twice has been reported as such; an interface may have several in one prefix.
                    if (!other.name().equals(name)
                            && !other.address().address().equals(address.address())
                            && other.address().prefix().overlaps(address.prefix())) {
                        problems.add(
                                located.origin(),
                                "interfaces." + name + ".addresses: " + address + " overlaps " + other.address()
                                        + " of interface " + other.name() + " ("
                                        + problems.place(other.origin(), located.origin())
                                        + "), expected a prefix of its own");
                        break;
                    }
                }
                seen.add(new Connected(name, address, located.origin()));
            }
        });
    }

    /** Reports what is wrong with the routes, and makes those that are right. */
    List<RouteConfig> checkRoutes(List<Located<Values>> routes) {
        List<RouteConfig> result = new ArrayList<>();
        routes.forEach(route -> check(route, result));
        return result;
    }

    /** The same with the routes of a file, a relative name of which starts where it is written. */
    List<RouteConfig> checkRouteFile(Located<String> file) {
        List<RouteConfig> result = new ArrayList<>();
        String writtenIn = file.origin().filename();
        try {
            Path path = Path.of(file.value());
            RouteFile.read(
                    writtenIn == null ? path : Path.of(writtenIn).resolveSibling(path),
                    problems,
                    route -> check(route, result));
        } catch (NoSuchFileException e) {
            problems.add(file.origin(), "route-files: " + e.getMessage() + " does not exist");
        } catch (IOException | InvalidPathException e) {
            problems.add(file.origin(), "route-files: " + file.value() + " can't be read: " + e.getMessage());
        }
        return result;
    }

    private void check(Located<Values> located, List<RouteConfig> result) {
        Values values = located.value();
        IpPrefix prefix = values.find(RouteSection.PREFIX);
        if (prefix == null) {
            return;
        }
        String at = "route " + prefix;
        ConfigOrigin other = routed.putIfAbsent(prefix, located.origin());
        if (other != null) {
            problems.add(
                    located.origin(),
                    at + " is there twice (" + problems.place(other, located.origin())
                            + "), expected one route with a list of next hops");
        }
        checkSource(at, prefix, values);
        RouteConfig route = makeRoute(at, prefix, values);
        if (route != null) {
            result.add(route);
        }
    }

    private void checkSource(String at, IpPrefix prefix, Values values) {
        IpAddress source = values.find(RouteSection.SRC);
        if (source == null) {
            return;
        }
        if (source.bits() != prefix.first().bits()) {
            problems.add(
                    values.origin(RouteSection.SRC), at + ": src " + source + " is of another family than the prefix");
        } else if (addressesKnown && ownerOf(source) == null) {
            problems.add(
                    values.origin(RouteSection.SRC),
                    at + ": src " + source + " is no address of the router, expected one of an interface");
        }
    }

    private @Nullable RouteConfig makeRoute(String at, IpPrefix prefix, Values values) {
        FibAction action = values.find(RouteSection.ACTION);
        boolean leadsSomewhere = values.given(RouteSection.VIA) || values.given(RouteSection.INTERFACE);
        if (values.given(RouteSection.ACTION)) {
            if (leadsSomewhere) {
                problems.add(
                        values.origin(RouteSection.ACTION), at + " has an action and a next hop, expected one of them");
            }
        } else if (!leadsSomewhere) {
            problems.add(values.origin(), at + " needs via, interface or action");
        }
        if (values.broken(RouteSection.VIA)
                || values.broken(RouteSection.INTERFACE)
                || values.broken(RouteSection.ACTION)) {
            return null;
        }
        List<RouteConfig.Hop> hops = action != null ? List.of() : shared(hops(at, prefix, values));
        if (action == null && hops.isEmpty()) {
            return null;
        }
        if (hops.size() > RouteSection.MAX_HOPS) {
            problems.add(
                    values.origin(), at + " has " + hops.size() + " next hops, the most is " + RouteSection.MAX_HOPS);
            return null;
        }
        return new RouteConfig(
                prefix,
                action == null ? FibAction.FORWARD : action,
                hops,
                values.find(RouteSection.SRC),
                Math.toIntExact(values.get(RouteSection.PREFERENCE)),
                Math.toIntExact(values.get(RouteSection.METRIC)));
    }

    /** Of many routes, most have the next hops of others. */
    private List<RouteConfig.Hop> shared(List<RouteConfig.Hop> hops) {
        return hopLists.computeIfAbsent(hops, List::copyOf);
    }

    private List<RouteConfig.Hop> hops(String at, IpPrefix prefix, Values values) {
        List<Located<String>> named = values.find(RouteSection.INTERFACE);
        List<Located<IpAddress>> via = values.find(RouteSection.VIA);
        List<RouteConfig.Hop> hops = new ArrayList<>();
        if (named != null) {
            for (Located<String> name : named) {
                if (!interfaces.containsKey(name.value())) {
                    problems.add(
                            name.origin(),
                            at + ": interface " + name.value() + " is unknown, "
                                    + (interfaces.isEmpty()
                                            ? "there are no interfaces"
                                            : Suggestion.ofKeys(name.value(), interfaces.keySet())));
                    return List.of();
                }
                InterfaceConfig config = made.get(name.value());
                if (config != null && config.role() == Role.LOCAL_DELIVERY) {
                    problems.add(
                            name.origin(),
                            at + ": interface " + name.value()
                                    + " is for local delivery, expected one that leads to other hosts");
                    return List.of();
                }
                if (via == null) {
                    hops.add(new RouteConfig.Hop(name.value(), null));
                }
            }
        }
        if (via == null) {
            return hops;
        }
        if (named != null && named.size() != 1) {
            problems.add(
                    values.origin(RouteSection.INTERFACE),
                    at + " has via and " + named.size() + " interfaces, expected one interface or none");
            return List.of();
        }
        String only = named == null ? null : named.get(0).value();
        for (Located<IpAddress> gateway : via) {
            String name = interfaceOf(at, prefix, gateway, only);
            if (name != null) {
                hops.add(new RouteConfig.Hop(name, gateway.value()));
            }
        }
        return hops;
    }

    /** The interface that reaches a gateway, or null after a report of why none does. */
    private @Nullable String interfaceOf(
            String at, IpPrefix prefix, Located<IpAddress> located, @Nullable String only) {
        IpAddress gateway = located.value();
        String via = at + ": via " + gateway;
        if (gateway.bits() < prefix.first().bits()) {
            problems.add(located.origin(), via + " is IPv4, expected an IPv6 next hop for an IPv6 prefix");
            return null;
        }
        String reason = Addresses.whyNoStation(gateway);
        if (reason != null) {
            problems.add(located.origin(), via + " " + reason);
            return null;
        }
        String owner = ownerOf(gateway);
        if (owner != null) {
            problems.add(
                    located.origin(), via + " is the router's own address on " + owner + ", expected a neighbor's");
            return null;
        }
        if (isLinkLocal(gateway) && gateway instanceof Ip6Address && only == null) {
            problems.add(located.origin(), via + " is link-local, so the route needs interface too");
            return null;
        }
        String name = only;
        InterfaceAddress onLink = null;
        for (Map.Entry<String, Values> entry : interfaces.entrySet()) {
            if (only != null && !only.equals(entry.getKey())) {
                continue;
            }
            for (Located<InterfaceAddress> address : entry.getValue().get(InterfaceSection.ADDRESSES)) {
                if (address.value().prefix().contains(gateway)) {
                    name = entry.getKey();
                    onLink = address.value();
                }
            }
        }
        InterfaceConfig behind = name == null ? null : made.get(name);
        if (name != null && behind != null && behind.link() == Link.POINT_TO_POINT) {
            problems.add(
                    located.origin(),
                    via + " is behind " + name
                            + ", but a " + behind.type() + " is point to point and has no next hops: write interface = "
                            + name
                            + " instead");
            return null;
        }
        if (onLink == null && !(gateway instanceof Ip6Address && isLinkLocal(gateway))) {
            if (addressesKnown) {
                problems.add(
                        located.origin(),
                        via + " is reached by no interface, expected an address in a prefix of "
                                + (only == null ? "an interface" : "interface " + only));
            }
            return null;
        }
        if (onLink != null && isBroadcast(onLink, gateway)) {
            problems.add(located.origin(), via + " is a broadcast address of " + onLink + ", expected a neighbor's");
            return null;
        }
        return name;
    }

    private static boolean isBroadcast(InterfaceAddress onLink, IpAddress gateway) {
        return gateway instanceof Ip4Address ip4
                && onLink.prefix() instanceof Ip4Prefix prefix
                && prefix.length() < 31
                && (ip4.value() == prefix.last() || ip4.value() == prefix.address());
    }

    private @Nullable String ownerOf(IpAddress address) {
        for (Map.Entry<String, Values> entry : interfaces.entrySet()) {
            for (Located<InterfaceAddress> own : entry.getValue().get(InterfaceSection.ADDRESSES)) {
                if (own.value().address().equals(address)) {
                    return entry.getKey();
                }
            }
        }
        return null;
    }

    private static boolean isLinkLocal(IpAddress address) {
        return address instanceof Ip6Address ip6 && Ip6Address.isLinkLocal(ip6.high());
    }

    private Values values(String name) {
        Values values = interfaces.get(name);
        if (values == null) {
            throw new IllegalArgumentException(name);
        }
        return values;
    }
}
