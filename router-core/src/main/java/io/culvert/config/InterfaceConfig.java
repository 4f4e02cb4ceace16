// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.net.MacAddress;
import io.culvert.spi.InterfaceKind;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.Settings;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** One interface of the router, by kind. */
public sealed interface InterfaceConfig {
    /** What every kind has. */
    Common common();

    /** The kernel's name of the device, or a pattern like {@code tun%d}, or what stands for it. */
    String device();

    /** What {@code type} says. */
    String type();

    RouterInterface.Link link();

    /** The kind, brought by a plugin, that opens the device; empty for those that the router opens by itself. */
    default Optional<InterfaceKind> brought() {
        return Optional.empty();
    }

    /** What the kind of a plugin has declared keys for; empty for the others. */
    default Settings settings() {
        return StageSettings.NONE;
    }

    /** The network namespace that the device is put into, or null for the router's. */
    default @Nullable String netns() {
        return null;
    }

    /** The router's own MAC address, or null to leave it to the device or to make one up that stays the same. */
    default @Nullable MacAddress mac() {
        return null;
    }

    /** What routers advertise here, or null to send no router advertisements. */
    default @Nullable RouterAdvertisementConfig advertisement() {
        return null;
    }

    default String name() {
        return common().name();
    }

    default List<InterfaceAddress> addresses() {
        return common().addresses();
    }

    default OptionalInt mtu() {
        return common().mtu();
    }

    /** Whether the device is given superpackets, which it cuts into segments, and may hand some over. */
    default boolean gso() {
        return common().gso();
    }

    default RouterInterface.Role role() {
        return RouterInterface.Role.TRANSIT;
    }

    /**
     * Common settings.
     *
     * @param name the key in {@code interfaces}
     * @param addresses the router's own
     * @param mtu in bytes, or empty for the device's
     * @param redirects whether ICMP redirects are sent here
     * @param gso whether superpackets are exchanged with the device
     * @param gro whether small packets are put together before they leave here
     */
    record Common(
            String name,
            List<InterfaceAddress> addresses,
            OptionalInt mtu,
            boolean redirects,
            boolean gso,
            boolean gro) {
        public Common {
            addresses = List.copyOf(addresses);
        }
    }

    /** The virtio header before each packet (linux/virtio_net.h), which carries offload state. */
    enum VnetHeader {
        /** What the kernel and the device can. */
        AUTO,
        OFF,
        /** {@code struct virtio_net_hdr}. */
        BYTES_10,
        /** {@code struct virtio_net_hdr_mrg_rxbuf}. */
        BYTES_12
    }

    /** A tun device: bare IP packets to the one other end, which is the kernel. */
    record Tun(Common common, VirtualDevice virtual) implements InterfaceConfig {
        static final String TYPE = "tun";

        @Override
        public String device() {
            return virtual.device();
        }

        @Override
        public String type() {
            return TYPE;
        }

        @Override
        public RouterInterface.Link link() {
            return RouterInterface.Link.POINT_TO_POINT;
        }

        @Override
        public @Nullable String netns() {
            return virtual.netns();
        }
    }

    /**
     * A tap device: Ethernet frames, with the kernel as one neighbor.
     *
     * @param mac the router's own address, or null to make one up that stays the same
     * @param advertisement null to send no router advertisements
     */
    record Tap(
            Common common,
            VirtualDevice virtual,
            RouterInterface.Role role,
            @Nullable MacAddress mac,
            @Nullable RouterAdvertisementConfig advertisement)
            implements InterfaceConfig {
        static final String TYPE = "tap";

        @Override
        public String device() {
            return virtual.device();
        }

        @Override
        public String type() {
            return TYPE;
        }

        @Override
        public RouterInterface.Link link() {
            return RouterInterface.Link.ETHERNET;
        }

        @Override
        public @Nullable String netns() {
            return virtual.netns();
        }
    }

    /**
     * A packet socket on a network device that exists.
     *
     * @param promiscuous whether frames for other MAC addresses are received too
     * @param mac the router's own address, or null for the device's
     * @param advertisement null to send no router advertisements
     */
    record Packet(
            Common common,
            String device,
            OptionalInt queues,
            VnetHeader vnetHeader,
            boolean promiscuous,
            @Nullable MacAddress mac,
            @Nullable RouterAdvertisementConfig advertisement)
            implements InterfaceConfig {
        static final String TYPE = "packet";

        @Override
        public String type() {
            return TYPE;
        }

        @Override
        public RouterInterface.Link link() {
            return RouterInterface.Link.ETHERNET;
        }
    }

    /**
     * An interface of a kind that a plugin has brought.
     *
     * @param kind what opens it
     * @param settings by the keys that the kind declares
     * @param device what the kind says stands for the device while there is none
     */
    record Brought(Common common, InterfaceKind kind, Settings settings, String device, RouterInterface.Link link)
            implements InterfaceConfig {
        @Override
        public String type() {
            return kind.type();
        }

        @Override
        public Optional<InterfaceKind> brought() {
            return Optional.of(kind);
        }
    }

    /**
     * What tun and tap devices have in common.
     *
     * @param device a name, or a pattern that the kernel completes
     * @param attach whether the device must exist already and is left as it is
     * @param persistent whether a device that the router made stays when the router ends
     * @param packetInfo whether the 4-byte packet-information header stands before each packet
     * @param owner the user, by name or number, who may open it, or null
     * @param group the group, by name or number, that may open it, or null
     * @param txQueueLength packets that the kernel keeps for the router to read, or empty for the kernel's default
     * @param netns the network namespace of the kernel's end, by name or absolute path, or null for the router's
     */
    record VirtualDevice(
            String device,
            boolean attach,
            boolean persistent,
            boolean packetInfo,
            VnetHeader vnetHeader,
            OptionalInt queues,
            @Nullable String owner,
            @Nullable String group,
            OptionalInt txQueueLength,
            @Nullable String netns,
            KernelEnd kernel) {}

    /**
     * How the kernel's end of a tun or tap is set up.
     *
     * @param mac hardware address of a tap in the kernel, or null for the kernel's choice; always null for a tun
     * @param addresses the kernel's own addresses on the device
     * @param routes the kernel's routes through the device
     */
    record KernelEnd(@Nullable MacAddress mac, List<InterfaceAddress> addresses, List<KernelRoute> routes) {
        public KernelEnd {
            addresses = List.copyOf(addresses);
            routes = List.copyOf(routes);
        }
    }

    /**
     * A route of the kernel through the device.
     *
     * @param via the gateway on a tap, by default the router's own first address there; null on a tun
     */
    record KernelRoute(IpPrefix prefix, @Nullable IpAddress via) {}
}
