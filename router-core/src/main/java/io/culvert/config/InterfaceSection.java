// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import static io.culvert.config.Key.optional;
import static io.culvert.config.Key.required;
import static io.culvert.config.Key.withDefault;

import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import io.culvert.config.InterfaceConfig.Brought;
import io.culvert.config.InterfaceConfig.Common;
import io.culvert.config.InterfaceConfig.KernelEnd;
import io.culvert.config.InterfaceConfig.KernelRoute;
import io.culvert.config.InterfaceConfig.Packet;
import io.culvert.config.InterfaceConfig.Tap;
import io.culvert.config.InterfaceConfig.Tun;
import io.culvert.config.InterfaceConfig.VirtualDevice;
import io.culvert.config.InterfaceConfig.VnetHeader;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.net.MacAddress;
import io.culvert.spi.InterfaceKind;
import io.culvert.spi.RouterInterface.Role;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * {@code interfaces.NAME}: the keys of each kind of interface, and what must fit together within one. The kinds are those
 * that the router opens by itself, whose sections are here, and those that plugins bring, whose keys these declare.
 */
final class InterfaceSection {
    /**
     * One kind.
     *
     * @param device the key that names its device; null where there is nothing to name
     * @param kernelEnd the key of the kernel's end; null where there is none
     */
    private record Kind(
            String type,
            Section section,
            @Nullable Key<String> device,
            @Nullable Key<Values> kernelEnd,
            Maker maker) {}

    /** Makes an interface of what was read, after it has reported what does not fit together among all of these names. */
    @FunctionalInterface
    private interface Maker {
        @Nullable
        InterfaceConfig make(String at, Common common, Values values, List<String> interfaces, Problems problems);
    }

    private static final int MOST_MTU = 65535; // the total length of RFC 791 section 3.1
    private static final int IP6_LEAST_MTU = 1280; // RFC 8200 section 5
    private static final int MAX_QUEUES = 256; // MAX_TAP_QUEUES of the kernel; PACKET_FANOUT takes more

    static final Key<List<Located<InterfaceAddress>>> ADDRESSES = withDefault(
            "addresses",
            ValueType.listOf(ValueType.INTERFACE_ADDRESS),
            "[]",
            "The router's own addresses here, with the length of the on-link prefix.");
    // RFC 791 section 3.2: every internet module forwards 68 bytes without fragmenting.
    static final Key<Long> MTU = optional(
            "mtu",
            ValueType.number(68, MOST_MTU),
            "the device's",
            "The largest IP packet, in bytes; 1280 or more with IPv6.");
    static final Key<Boolean> REDIRECTS = withDefault(
            "redirects",
            ValueType.BOOLEAN,
            "false",
            "Tell hosts here by ICMP redirect when another router on the same link is nearer.");
    static final Key<Boolean> GRO = withDefault(
            "gro",
            ValueType.SWITCH,
            "on",
            "Put small packets of a flow together before they leave here, where the device can take them apart again.");
    static final Key<OptionalInt> QUEUES = withDefault(
            "queues",
            ValueType.numberOrAuto(1, MAX_QUEUES),
            "auto",
            "Queues among which the kernel spreads flows, best as many on all interfaces; auto makes one for each lane.");

    static final Key<Boolean> GSO = withDefault(
            "gso",
            ValueType.SWITCH,
            "on",
            "Whether the device is given superpackets to cut into segments; with off, a tun or tap is asked for none either.");

    private static final Key<String> TUN_DEVICE = withDefault(
            "device",
            Names.DEVICE_OR_PATTERN,
            "\"tun%d\"",
            "The kernel's name of the device; the kernel puts the first free number for %d.");
    private static final Key<String> TAP_DEVICE = withDefault(
            "device",
            Names.DEVICE_OR_PATTERN,
            "\"tap%d\"",
            "The kernel's name of the device; the kernel puts the first free number for %d.");
    private static final Key<String> PACKET_DEVICE =
            required("device", Names.DEVICE, "The network device whose frames are taken; it must exist.");

    private static final Key<Boolean> ATTACH = withDefault(
            "attach",
            ValueType.BOOLEAN,
            "false",
            "Use a device that exists, made by someone else, and leave it in place at the end.");
    private static final Key<Boolean> PERSISTENT =
            withDefault("persistent", ValueType.BOOLEAN, "false", "Leave the device in place when the router ends.");
    private static final Key<Boolean> PACKET_INFO = withDefault(
            "packet-info",
            ValueType.BOOLEAN,
            "false",
            "Put the 4-byte packet-information header (flags, protocol) before each packet.");
    private static final Key<VnetHeader> VNET_HEADER = withDefault(
            "vnet-header",
            ValueType.choice(List.of(VnetHeader.values()), InterfaceSection::written),
            "auto",
            "The virtio header that carries offloads, by its size in bytes; auto takes what the device can.");
    // PACKET_VNET_HDR knows the short form; PACKET_VNET_HDR_SZ came with Linux 6.4.
    private static final Key<VnetHeader> PACKET_VNET_HEADER = withDefault(
            "vnet-header",
            ValueType.choice(List.of(VnetHeader.AUTO, VnetHeader.OFF, VnetHeader.BYTES_10), InterfaceSection::written),
            "auto",
            "The virtio header that carries offloads, by its size in bytes; with off, nothing that is sent is left to the device.");
    private static final Key<String> OWNER = optional(
            "owner", Names.ACCOUNT_NAME, "nobody but root", "The user who may open the device, by name or number.");
    private static final Key<String> GROUP =
            optional("group", Names.ACCOUNT_NAME, "no group", "The group that may open the device, by name or number.");
    private static final Key<Long> TX_QUEUE_LENGTH = optional(
            "tx-queue-length",
            ValueType.number(1, 1_000_000),
            "the kernel's default",
            "Packets that the kernel keeps for the router to read; what comes on top is lost and counted.");
    private static final Key<String> NETNS = optional(
            "netns",
            Names.NETNS,
            "the router's",
            "The network namespace that the kernel's end is put into, by name or absolute path.");
    private static final Key<Role> ROLE = withDefault(
            "role",
            ValueType.choice(Role.class),
            "transit",
            "local-delivery hands packets for the router's own addresses to the kernel, and takes the kernel's.");
    private static final Key<MacAddress> TAP_MAC = optional(
            "mac", ValueType.MAC, "one made from the names of router and interface", "The router's own MAC address.");
    private static final Key<MacAddress> PACKET_MAC =
            optional("mac", ValueType.MAC, "the device's", "The router's own MAC address.");
    private static final Key<Boolean> PROMISCUOUS =
            withDefault("promiscuous", ValueType.BOOLEAN, "false", "Receive frames for other MAC addresses too.");

    private static final Key<List<Located<InterfaceAddress>>> KERNEL_ADDRESSES = withDefault(
            "addresses",
            ValueType.listOf(ValueType.INTERFACE_ADDRESS),
            "[]",
            "Addresses that the kernel gets on the device: the far end, seen from the router.");
    private static final Key<List<Located<KernelRoute>>> KERNEL_ROUTES = withDefault(
            "routes",
            ValueType.listOf(ValueType.named(
                    "a prefix like 0.0.0.0/0, or \"0.0.0.0/0 via 192.0.2.1\"", InterfaceSection::kernelRoute)),
            "[]",
            "Routes that the kernel gets through the device; on a tap by way of the router unless they say via.");
    private static final Key<MacAddress> KERNEL_MAC =
            optional("mac", ValueType.MAC, "the kernel's choice", "The hardware address of the device in the kernel.");

    private static final Section TUN_KERNEL =
            new Section("How the kernel's end of a tun is set up.", List.of(KERNEL_ADDRESSES, KERNEL_ROUTES));
    private static final Section TAP_KERNEL = new Section(
            "How the kernel's end of a tap is set up.", List.of(KERNEL_MAC, KERNEL_ADDRESSES, KERNEL_ROUTES));
    private static final Key<Values> TUN_KERNEL_END =
            withDefault("kernel", ValueType.section(TUN_KERNEL), "{}", "How the kernel's end is set up.");
    private static final Key<Values> TAP_KERNEL_END =
            withDefault("kernel", ValueType.section(TAP_KERNEL), "{}", "How the kernel's end is set up.");

    // The bounds are those of RFC 4861 section 6.2.1.
    private static final Key<Duration> RA_INTERVAL = withDefault(
            "interval",
            ValueType.duration(Duration.ofSeconds(4), Duration.ofMinutes(30)),
            "10m",
            "The most time between two unsolicited advertisements.");
    private static final Key<Duration> RA_LIFETIME = withDefault(
            "lifetime",
            ValueType.duration(Duration.ZERO, Duration.ofMinutes(150)),
            "30m",
            "How long hosts may use this router as their default; 0s for never.");
    private static final Key<Duration> RA_VALID = withDefault(
            "valid-lifetime",
            ValueType.duration(Duration.ZERO, Duration.ofDays(3650)),
            "30d",
            "How long addresses from the prefixes may be used.");
    private static final Key<Duration> RA_PREFERRED = withDefault(
            "preferred-lifetime",
            ValueType.duration(Duration.ZERO, Duration.ofDays(3650)),
            "7d",
            "How long addresses from the prefixes may be chosen for new connections.");
    private static final Key<Values> ADVERTISEMENT = optional(
            "router-advertisement",
            ValueType.section(new Section(
                    "Makes the router tell IPv6 hosts about itself and the prefixes of its addresses (RFC 4861); {} is enough.",
                    List.of(RA_INTERVAL, RA_LIFETIME, RA_VALID, RA_PREFERRED))),
            "none are sent",
            "Router advertisements for the hosts here.");

    private static final List<Key<?>> EVERY_KIND = List.of(ADDRESSES, MTU, REDIRECTS, GSO, GRO);
    private static final List<Key<?>> COMMON = List.of(ADDRESSES, MTU, REDIRECTS, QUEUES, GSO, GRO);
    private static final List<Key<?>> VIRTUAL =
            List.of(VNET_HEADER, ATTACH, PERSISTENT, PACKET_INFO, OWNER, GROUP, TX_QUEUE_LENGTH, NETNS);

    private final Map<String, Kind> kinds = new LinkedHashMap<>();
    private final Key<String> type;

    /** Reads an interface whose kind is not known, to find its other mistakes. */
    private final Section anyKind;

    /**
     * @param brought the kinds of plugins
     * @throws IllegalArgumentException telling what is wrong with one of these
     */
    InterfaceSection(Collection<InterfaceKind> brought) {
        List<String> types = new ArrayList<>(List.of(Tun.TYPE, Tap.TYPE, Packet.TYPE));
        for (InterfaceKind kind : brought) {
            if (!kind.type().matches("[a-z][a-z0-9]*(-[a-z0-9]+)*")) {
                throw new IllegalArgumentException("interface type \"" + kind.type() + "\" is not in kebab-case");
            }
            if (types.contains(kind.type())) {
                throw new IllegalArgumentException("there is another interface type " + kind.type());
            }
            types.add(kind.type());
        }
        type = required("type", ValueType.choice(types, word -> word), "The kind of interface.");
        add(
                Tun.TYPE,
                "A tun device: bare IP packets to the kernel at its other end, without neighbors.",
                List.of(List.of(TUN_DEVICE), COMMON, VIRTUAL, List.of(TUN_KERNEL_END)),
                TUN_DEVICE,
                TUN_KERNEL_END,
                (at, common, values, interfaces, problems) -> tun(at, common, values, problems));
        add(
                Tap.TYPE,
                "A tap device: Ethernet frames, with the kernel, a bridge or a guest at its other end.",
                List.of(List.of(TAP_DEVICE), COMMON, VIRTUAL, List.of(TAP_MAC, ROLE, TAP_KERNEL_END, ADVERTISEMENT)),
                TAP_DEVICE,
                TAP_KERNEL_END,
                (at, common, values, interfaces, problems) -> tap(at, common, values, problems));
        add(
                Packet.TYPE,
                "A packet socket on a network device that exists: a NIC, a veth, a macvlan.",
                List.of(
                        List.of(PACKET_DEVICE),
                        COMMON,
                        List.of(PACKET_VNET_HEADER, PROMISCUOUS, PACKET_MAC, ADVERTISEMENT)),
                PACKET_DEVICE,
                null,
                (at, common, values, interfaces, problems) -> packet(at, common, values, problems));
        for (InterfaceKind kind : brought) {
            add(
                    kind.type(),
                    kind.text(),
                    List.of(EVERY_KIND, DeclaredKeys.of(kind.keys())),
                    null,
                    null,
                    (at, common, values, interfaces, problems) ->
                            brought(kind, at, common, values, interfaces, problems));
        }
        Map<String, Key<?>> keys = new LinkedHashMap<>();
        for (Kind kind : kinds.values()) {
            kind.section().keys().forEach(key -> keys.putIfAbsent(key.name(), key));
        }
        anyKind = new Section("", List.copyOf(keys.values()));
    }

    private void add(
            String name,
            String text,
            List<List<Key<?>>> keys,
            @Nullable Key<String> device,
            @Nullable Key<Values> kernelEnd,
            Maker maker) {
        List<Key<?>> all = new ArrayList<>(List.of(type));
        keys.forEach(all::addAll);
        Section section = new Section(text, all, unknown -> whoseKey(name, unknown));
        kinds.put(name, new Kind(name, section, device, kernelEnd, maker));
    }

    private @Nullable String whoseKey(String name, String unknown) {
        List<String> others = kinds.values().stream()
                .filter(other -> other.section().keys().stream()
                        .anyMatch(key -> key.name().equals(unknown)))
                .map(Kind::type)
                .toList();
        return others.isEmpty() ? null : "is not for type = " + name + ", only for " + ValueType.and(others);
    }

    /** The key that says the kind. */
    Key<String> type() {
        return type;
    }

    /** The section of each kind, by type. */
    Map<String, Section> sections() {
        Map<String, Section> sections = new LinkedHashMap<>();
        kinds.values().forEach(kind -> sections.put(kind.type(), kind.section()));
        return sections;
    }

    private static String written(VnetHeader header) {
        return switch (header) {
            case AUTO -> "auto";
            case OFF -> "off";
            case BYTES_10 -> "10";
            case BYTES_12 -> "12";
        };
    }

    static KernelRoute kernelRoute(String text) {
        String[] parts = text.trim().split("\\s+via\\s+", 2);
        IpPrefix prefix = IpPrefix.parse(parts[0]);
        return new KernelRoute(prefix, parts.length == 1 ? null : IpAddress.parse(parts[1]));
    }

    /** Reads one interface by the keys of its kind. */
    Values read(String path, String name, ConfigObject object, Problems problems) {
        if (!Names.isName(name)) {
            problems.add(
                    object.origin(),
                    path
                            + ": an interface name has letters, digits, - and _, at most 31, and begins with a letter or digit");
        }
        ConfigValue said = object.get(type.name());
        Kind kind = said == null ? null : kinds.get(type.type().read(path, said, new Problems("")));
        return (kind == null ? anyKind : kind.section()).read(path, object, problems);
    }

    /**
     * Makes the interface, after it has reported what does not fit together.
     *
     * @param interfaces names of all by their ids
     * @return null when the kind, or something else that is required, is missing
     */
    @Nullable
    InterfaceConfig make(String name, Values values, List<String> interfaces, Problems problems) {
        Kind kind = kindOf(values);
        if (kind == null) {
            return null;
        }
        String at = "interfaces." + name;
        checkOwnAddresses(at + ".addresses", values.get(ADDRESSES), problems);
        checkMtu(at, values, problems);
        Long mtu = values.find(MTU);
        Common common = new Common(
                name,
                addresses(values),
                mtu == null ? OptionalInt.empty() : OptionalInt.of(Math.toIntExact(mtu)),
                values.get(REDIRECTS),
                values.get(GSO),
                values.get(GRO));
        return kind.maker().make(at, common, values, interfaces, problems);
    }

    private @Nullable Kind kindOf(Values values) {
        String said = values.find(type);
        return said == null ? null : kinds.get(said);
    }

    private static List<InterfaceAddress> addresses(Values values) {
        return values.get(ADDRESSES).stream().map(Located::value).toList();
    }

    private static InterfaceConfig tun(String at, Common common, Values values, Problems problems) {
        KernelEnd kernel = kernelEnd(at, TUN_KERNEL_END, values, false, problems);
        return new Tun(common, virtualDevice(at, TUN_DEVICE, values, kernel, problems));
    }

    private static InterfaceConfig tap(String at, Common common, Values values, Problems problems) {
        checkLocalDelivery(at, values, problems);
        KernelEnd kernel = kernelEnd(at, TAP_KERNEL_END, values, true, problems);
        return new Tap(
                common,
                virtualDevice(at, TAP_DEVICE, values, kernel, problems),
                values.get(ROLE),
                values.find(TAP_MAC),
                advertisement(at, values, common.addresses(), problems));
    }

    private static @Nullable InterfaceConfig packet(String at, Common common, Values values, Problems problems) {
        String device = values.find(PACKET_DEVICE);
        RouterAdvertisementConfig advertisement = advertisement(at, values, common.addresses(), problems);
        return device == null
                ? null
                : new Packet(
                        common,
                        device,
                        values.get(QUEUES),
                        values.get(PACKET_VNET_HEADER),
                        values.get(PROMISCUOUS),
                        values.find(PACKET_MAC),
                        advertisement);
    }

    private static @Nullable InterfaceConfig brought(
            InterfaceKind kind, String at, Common common, Values values, List<String> interfaces, Problems problems) {
        if (values.hasMistake()) {
            return null;
        }
        StageSettings settings = new StageSettings(at, values, interfaces);
        settings.check(kind.keys(), problems);
        if (!settings.check(kind.type(), kind::check, problems)) {
            return null;
        }
        try {
            int overhead = kind.overheadBytes(settings);
            if (common.mtu().orElse(0) > MOST_MTU - overhead) {
                problems.add(
                        values.origin(MTU),
                        at + ".mtu: " + common.mtu().getAsInt() + " bytes and " + overhead
                                + " bytes of headers around them are more than an IP packet has; expected at most "
                                + (MOST_MTU - overhead));
            }
            return new Brought(
                    common,
                    kind,
                    settings,
                    Objects.requireNonNull(kind.device(settings)),
                    Objects.requireNonNull(kind.link()));
        } catch (RuntimeException | Error bug) {
            problems.add(values.origin(), at + ": interface type " + kind.type() + " failed: " + bug);
            return null;
        }
    }

    private static VirtualDevice virtualDevice(
            String at, Key<String> deviceKey, Values values, KernelEnd kernel, Problems problems) {
        String device = values.get(deviceKey);
        if (values.get(ATTACH) && device.contains("%d") && !values.broken(deviceKey)) {
            problems.add(
                    values.origin(ATTACH),
                    at + ".attach is true, so device must name the device that exists, not the pattern " + device);
        }
        Long txQueueLength = values.find(TX_QUEUE_LENGTH);
        return new VirtualDevice(
                device,
                values.get(ATTACH),
                values.get(PERSISTENT),
                values.get(PACKET_INFO),
                values.get(VNET_HEADER),
                values.get(QUEUES),
                values.find(OWNER),
                values.find(GROUP),
                txQueueLength == null ? OptionalInt.empty() : OptionalInt.of(Math.toIntExact(txQueueLength)),
                values.find(NETNS),
                kernel);
    }

    private static KernelEnd kernelEnd(String at, Key<Values> key, Values values, boolean ethernet, Problems problems) {
        Values kernel = values.get(key);
        checkOwnAddresses(at + ".kernel.addresses", kernel.get(KERNEL_ADDRESSES), problems);
        List<KernelRoute> routes = new ArrayList<>();
        for (Located<KernelRoute> route : kernel.get(KERNEL_ROUTES)) {
            KernelRoute complete = completeKernelRoute(at, route, values, ethernet, problems);
            if (complete != null) {
                routes.add(complete);
            }
        }
        return new KernelEnd(
                ethernet ? kernel.find(KERNEL_MAC) : null,
                kernel.get(KERNEL_ADDRESSES).stream().map(Located::value).toList(),
                routes);
    }

    private static @Nullable KernelRoute completeKernelRoute(
            String at, Located<KernelRoute> located, Values values, boolean ethernet, Problems problems) {
        KernelRoute route = located.value();
        if (!ethernet) {
            if (route.via() != null) {
                problems.add(
                        located.origin(),
                        at + ".kernel.routes: " + route.prefix()
                                + " has via, but a tun leads to the router alone: leave via out");
                return null;
            }
            return route;
        }
        int bits = route.prefix().first().bits();
        if (route.via() != null) {
            if (route.via().bits() != bits) {
                problems.add(
                        located.origin(),
                        at + ".kernel.routes: " + route.prefix() + " via " + route.via()
                                + " mixes IPv4 and IPv6, which is not supported here");
                return null;
            }
            return route;
        }
        for (Located<InterfaceAddress> own : values.get(ADDRESSES)) {
            if (own.value().address().bits() == bits) {
                return new KernelRoute(route.prefix(), own.value().address());
            }
        }
        if (!values.broken(ADDRESSES)) {
            problems.add(
                    located.origin(),
                    at + ".kernel.routes: " + route.prefix() + " needs via, because the router has no IPv"
                            + (bits == 32 ? 4 : 6) + " address on " + at);
        }
        return null;
    }

    static void checkOwnAddresses(String at, List<Located<InterfaceAddress>> addresses, Problems problems) {
        for (Located<InterfaceAddress> located : addresses) {
            String reason = Addresses.whyNotOwn(located.value());
            if (reason != null) {
                problems.add(located.origin(), at + ": " + located.value() + " " + reason);
            }
        }
    }

    private static void checkMtu(String at, Values values, Problems problems) {
        Long mtu = values.find(MTU);
        if (mtu == null || mtu >= IP6_LEAST_MTU) {
            return;
        }
        for (Located<InterfaceAddress> located : values.get(ADDRESSES)) {
            if (located.value().address() instanceof Ip6Address) {
                problems.add(
                        values.origin(MTU),
                        at + ".mtu is " + mtu + ", but IPv6 address " + located.value() + " needs at least "
                                + IP6_LEAST_MTU);
                return;
            }
        }
    }

    private static void checkLocalDelivery(String at, Values values, Problems problems) {
        if (values.get(ROLE) != Role.LOCAL_DELIVERY) {
            return;
        }
        for (Key<?> key : List.of(ADDRESSES, TAP_KERNEL_END, ADVERTISEMENT)) {
            if (values.given(key)) {
                problems.add(
                        values.origin(key),
                        at + "." + key.name() + " is not for role = local-delivery, which carries the addresses of all"
                                + " other interfaces");
            }
        }
    }

    private static @Nullable RouterAdvertisementConfig advertisement(
            String at, Values values, List<InterfaceAddress> addresses, Problems problems) {
        Values said = values.find(ADVERTISEMENT);
        if (said == null) {
            return null;
        }
        String path = at + "." + ADVERTISEMENT.name();
        if (addresses.stream().noneMatch(own -> own.address() instanceof Ip6Address) && !values.broken(ADDRESSES)) {
            problems.add(values.origin(ADVERTISEMENT), path + " needs an IPv6 address in " + at + ".addresses");
        }
        Duration interval = said.get(RA_INTERVAL);
        Duration lifetime = said.get(RA_LIFETIME);
        if (!lifetime.isZero() && lifetime.compareTo(interval) < 0) {
            problems.add(
                    said.origin(RA_LIFETIME),
                    path
                            + ".lifetime is shorter than interval, so hosts would lose the router between two advertisements");
        }
        if (said.get(RA_PREFERRED).compareTo(said.get(RA_VALID)) > 0) {
            problems.add(said.origin(RA_PREFERRED), path + ".preferred-lifetime is longer than valid-lifetime");
        }
        return new RouterAdvertisementConfig(interval, lifetime, said.get(RA_VALID), said.get(RA_PREFERRED));
    }

    /** The key that names the device; null for a kind whose device has no name to choose, or when the kind is missing. */
    @Nullable
    Key<String> deviceKey(Values values) {
        Kind kind = kindOf(values);
        return kind == null ? null : kind.device();
    }

    /** The addresses of the kernel's end, with their places; empty for a kind without one. */
    List<Located<InterfaceAddress>> kernelAddresses(Values values) {
        Kind kind = kindOf(values);
        Key<Values> kernelEnd = kind == null ? null : kind.kernelEnd();
        return kernelEnd == null ? List.of() : values.get(kernelEnd).get(KERNEL_ADDRESSES);
    }
}
