// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static io.culvert.ffi.NetlinkMessage.NLMSGHDR_BYTES;
import static io.culvert.ffi.NetlinkMessage.NLM_F_ACK;
import static io.culvert.ffi.NetlinkMessage.NLM_F_CREATE;
import static io.culvert.ffi.NetlinkMessage.NLM_F_DUMP;
import static io.culvert.ffi.NetlinkMessage.NLM_F_EXCL;
import static io.culvert.ffi.NetlinkMessage.NLM_F_REPLACE;

import java.io.Closeable;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The kernel's network configuration over rtnetlink: devices, addresses, routes, rules and neighbors.
 *
 * <p>Everything is about the network namespace of the thread that opened the instance (see {@link NetworkNamespace}), from
 * whichever thread it is used afterwards. Methods may be called by several threads, one at a time goes through; they wait
 * for the kernel, which answers at once. Changes need CAP_NET_ADMIN. Refusals are {@link NativeException}s that name what
 * was asked and carry the kernel's own words where it has some.
 *
 * <p>Source: rtnetlink(7), {@code linux/rtnetlink.h}, {@code linux/if_link.h}.
 */
public final class Rtnetlink implements Closeable {
    static final int RTM_NEWLINK = 16;
    static final int RTM_DELLINK = 17;
    static final int RTM_GETLINK = 18;
    static final int RTM_NEWADDR = 20;
    static final int RTM_DELADDR = 21;
    static final int RTM_GETADDR = 22;
    static final int RTM_NEWROUTE = 24;
    static final int RTM_DELROUTE = 25;
    static final int RTM_GETROUTE = 26;
    static final int RTM_NEWNEIGH = 28;
    static final int RTM_DELNEIGH = 29;
    static final int RTM_NEWRULE = 32;
    static final int RTM_DELRULE = 33;
    static final int RTM_GETRULE = 34;

    /** ifinfomsg: u8 family, u8 pad, u16 type, i32 index, u32 flags, u32 change. */
    static final int IFINFOMSG_BYTES = 16;

    static final int IFI_FAMILY = 0;
    static final int IFI_INDEX = 4;
    static final int IFI_FLAGS = 8;

    /** ifaddrmsg: u8 family, u8 prefixlen, u8 flags, u8 scope, u32 index. */
    static final int IFADDRMSG_BYTES = 8;

    static final int IFA_PREFIXLEN = 1;
    static final int IFA_INDEX = 4;

    /** rtmsg: u8 family, dst_len, src_len, tos, table, protocol, scope, type; u32 flags. */
    static final int RTMSG_BYTES = 12;

    static final int RTM_FAMILY = 0;
    static final int RTM_DST_LEN = 1;
    static final int RTM_TABLE = 4;
    static final int RTM_TYPE = 7;
    static final int RTM_FLAGS = 8;

    /** ndmsg: u8 family, u8 pad, u16 pad, i32 ifindex, u16 state, u8 flags, u8 type. */
    static final int NDMSG_BYTES = 12;

    /** fib_rule_hdr: u8 family, dst_len, src_len, tos, table, res1, res2, action; u32 flags. */
    static final int FIB_RULE_HDR_BYTES = 12;

    static final int FRH_DST_LEN = 1;
    static final int FRH_SRC_LEN = 2;
    static final int FRH_TABLE = 4;

    static final int IFLA_ADDRESS = 1;
    static final int IFLA_IFNAME = 3;
    static final int IFLA_MTU = 4;
    static final int IFLA_LINK = 5;
    static final int IFLA_MASTER = 10;
    static final int IFLA_TXQLEN = 13;
    static final int IFLA_LINKINFO = 18;
    static final int IFLA_STATS64 = 23;
    static final int IFLA_NET_NS_FD = 28;
    static final int IFLA_INFO_KIND = 1;
    static final int IFLA_INFO_DATA = 2;
    static final int IFLA_MACVLAN_MODE = 1;
    static final int IFLA_VXLAN_ID = 1;
    static final int IFLA_VXLAN_GROUP = 2;
    static final int IFLA_VXLAN_LOCAL = 4;
    static final int IFLA_VXLAN_PORT = 15;
    static final int IFLA_VXLAN_GROUP6 = 16;
    static final int IFLA_VXLAN_LOCAL6 = 17;
    static final int VETH_INFO_PEER = 1;

    /** rtnl_link_stats64 starts with these u64 counters. */
    static final int STATS_RX_PACKETS = 0;

    static final int STATS_TX_PACKETS = 8;
    static final int STATS_RX_BYTES = 16;
    static final int STATS_TX_BYTES = 24;
    static final int STATS_RX_ERRORS = 32;
    static final int STATS_TX_ERRORS = 40;
    static final int STATS_RX_DROPPED = 48;
    static final int STATS_TX_DROPPED = 56;

    static final int IFA_ADDRESS = 1;
    static final int IFA_LOCAL = 2;
    static final int IFA_FLAGS = 8;

    static final int RTA_DST = 1;
    static final int RTA_OIF = 4;
    static final int RTA_GATEWAY = 5;
    static final int RTA_PRIORITY = 6;
    static final int RTA_PREFSRC = 7;
    static final int RTA_TABLE = 15;
    static final int RTA_VIA = 18;
    static final int RTNH_F_ONLINK = 4;
    static final int RTPROT_STATIC = 4;
    static final int RT_SCOPE_UNIVERSE = 0;
    static final int RT_SCOPE_LINK = 253;
    static final int RT_SCOPE_HOST = 254;
    static final int RT_SCOPE_NOWHERE = 255;
    static final int RT_TABLE_UNSPEC = 0;

    static final int FRA_DST = 1;
    static final int FRA_SRC = 2;
    static final int FRA_PRIORITY = 6;
    static final int FRA_TABLE = 15;
    static final int FR_ACT_TO_TBL = 1;

    static final int NDA_DST = 1;
    static final int NDA_LLADDR = 2;
    static final int NUD_PERMANENT = 0x80;

    private static final int MAC_BYTES = 6;

    /** What a macvlan device's traffic to its siblings does; numbers of {@code linux/if_link.h}. */
    public enum MacvlanMode {
        PRIVATE(1),
        VEPA(2),
        BRIDGE(4),
        PASSTHRU(8);

        private final int number;

        MacvlanMode(int number) {
            this.number = number;
        }
    }

    private final NetlinkSocket socket;

    private Rtnetlink(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Opens a connection to the network namespace of the calling thread. */
    public static Rtnetlink open() throws NativeException {
        return new Rtnetlink(NetlinkSocket.open(0));
    }

    /** Opens a connection to a named network namespace. */
    public static Rtnetlink open(String namespace) throws IOException {
        return NetworkNamespace.call(namespace, () -> open());
    }

    // ---- devices

    /** All devices. */
    public synchronized List<KernelLink> links() throws NativeException {
        return linksFrom(socket.dump(() -> link(RTM_GETLINK, NLM_F_DUMP, 0), "RTM_GETLINK", "list devices"));
    }

    /** The device of a name, if there is one. */
    public synchronized Optional<KernelLink> link(String name) throws NativeException {
        return oneLink(link(RTM_GETLINK, NLM_F_ACK, 0).attribute(IFLA_IFNAME, name), "get device " + name);
    }

    /** The device of an index, if there is one. */
    public synchronized Optional<KernelLink> link(int index) throws NativeException {
        return oneLink(link(RTM_GETLINK, NLM_F_ACK, index), "get interface " + index);
    }

    /** Sets a device up or down. */
    public synchronized void setUp(int index, boolean up) throws NativeException {
        NetlinkMessage request = new NetlinkMessage(RTM_NEWLINK, NLM_F_ACK)
                .u32(0)
                .u32(index)
                .u32(up ? KernelLink.IFF_UP : 0)
                .u32(KernelLink.IFF_UP);
        socket.change(request, "RTM_NEWLINK", "set interface " + index + (up ? " up" : " down"));
    }

    /** Sets a device's MTU in bytes. */
    public synchronized void setMtu(int index, int mtu) throws NativeException {
        change(index, link(RTM_NEWLINK, NLM_F_ACK, index).attribute(IFLA_MTU, mtu), "MTU " + mtu);
    }

    /** Sets a device's MAC address: 48 bits, first byte on the wire uppermost. Some devices must be down. */
    public synchronized void setMac(int index, long mac) throws NativeException {
        byte[] bytes = macBytes(mac);
        change(index, link(RTM_NEWLINK, NLM_F_ACK, index).attribute(IFLA_ADDRESS, bytes), "its MAC address");
    }

    /** Sets how many packets a device queues, which for a tun is what it holds for user space to read. */
    public synchronized void setTransmitQueueLength(int index, int packets) throws NativeException {
        NetlinkMessage request = link(RTM_NEWLINK, NLM_F_ACK, index).attribute(IFLA_TXQLEN, packets);
        change(index, request, "transmit queue length " + packets);
    }

    /** Renames a device. Most must be down. */
    public synchronized void rename(int index, String name) throws NativeException {
        change(index, link(RTM_NEWLINK, NLM_F_ACK, index).attribute(IFLA_IFNAME, name), "name " + name);
    }

    /** Makes a device a port of a bridge or other device, or of none if {@code master} is 0. */
    public synchronized void setMaster(int index, int master) throws NativeException {
        change(index, link(RTM_NEWLINK, NLM_F_ACK, index).attribute(IFLA_MASTER, master), "master " + master);
    }

    /** Moves a device to a named network namespace. It arrives there down and without addresses. */
    public synchronized void moveTo(int index, String namespace) throws NativeException {
        int fd = NetworkNamespace.open(namespace);
        try {
            NetlinkMessage request = link(RTM_NEWLINK, NLM_F_ACK, index).attribute(IFLA_NET_NS_FD, fd);
            change(index, request, "network namespace " + namespace);
        } finally {
            Syscalls.close(fd);
        }
    }

    /** Makes two connected Ethernet devices, the peer in another named namespace unless that is null. */
    public synchronized void addVeth(String name, String peer, @Nullable String peerNamespace) throws NativeException {
        int fd = peerNamespace == null ? -1 : NetworkNamespace.open(peerNamespace);
        try {
            NetlinkMessage request = newLink(name);
            int linkInfo = request.begin(IFLA_LINKINFO);
            request.attribute(IFLA_INFO_KIND, "veth");
            int data = request.begin(IFLA_INFO_DATA);
            int peerInfo = request.begin(VETH_INFO_PEER);
            request.u32(0).u32(0).u32(0).u32(0).attribute(IFLA_IFNAME, peer);
            if (fd >= 0) {
                request.attribute(IFLA_NET_NS_FD, fd);
            }
            request.end(peerInfo).end(data).end(linkInfo);
            socket.change(request, "RTM_NEWLINK", "add veth " + name + " with peer " + peer);
        } finally {
            if (fd >= 0) {
                Syscalls.close(fd);
            }
        }
    }

    /** Makes a bridge. */
    public synchronized void addBridge(String name) throws NativeException {
        NetlinkMessage request = newLink(name);
        int linkInfo = request.begin(IFLA_LINKINFO);
        request.attribute(IFLA_INFO_KIND, "bridge").end(linkInfo);
        socket.change(request, "RTM_NEWLINK", "add bridge " + name);
    }

    /** Makes a device with a MAC address of its own on top of another one. */
    public synchronized void addMacvlan(String name, int parent, MacvlanMode mode) throws NativeException {
        NetlinkMessage request = newLink(name).attribute(IFLA_LINK, parent);
        int linkInfo = request.begin(IFLA_LINKINFO);
        request.attribute(IFLA_INFO_KIND, "macvlan");
        int data = request.begin(IFLA_INFO_DATA);
        request.attribute(IFLA_MACVLAN_MODE, mode.number).end(data).end(linkInfo);
        socket.change(request, "RTM_NEWLINK", "add macvlan " + name + " on interface " + parent);
    }

    /**
     * Makes a VXLAN device (RFC 7348) to one remote endpoint.
     *
     * @param vni network identifier, 24 bits
     * @param local outer source address
     * @param remote outer destination address, of the same family
     * @param port UDP port of both ends, 4789 by the RFC
     */
    public synchronized void addVxlan(String name, int vni, InetAddress local, InetAddress remote, int port)
            throws NativeException {
        boolean ip6 = local instanceof Inet6Address;
        NetlinkMessage request = newLink(name);
        int linkInfo = request.begin(IFLA_LINKINFO);
        request.attribute(IFLA_INFO_KIND, "vxlan");
        int data = request.begin(IFLA_INFO_DATA);
        request.attribute(IFLA_VXLAN_ID, vni)
                .attribute(ip6 ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL, local.getAddress())
                .attribute(ip6 ? IFLA_VXLAN_GROUP6 : IFLA_VXLAN_GROUP, remote.getAddress())
                .attribute(IFLA_VXLAN_PORT, new byte[] {(byte) (port >>> 8), (byte) port})
                .end(data)
                .end(linkInfo);
        socket.change(request, "RTM_NEWLINK", "add vxlan " + name + " with VNI " + vni);
    }

    /** Deletes a device; a veth takes its peer with it. */
    public synchronized void deleteLink(int index) throws NativeException {
        socket.change(link(RTM_DELLINK, NLM_F_ACK, index), "RTM_DELLINK", "delete interface " + index);
    }

    // ---- addresses

    /** All addresses of a device. */
    public synchronized List<KernelAddress> addresses(int index) throws NativeException {
        List<ByteBuffer> messages = socket.dump(
                () -> new NetlinkMessage(RTM_GETADDR, NLM_F_DUMP).u32(0).u32(0), "RTM_GETADDR", "list addresses");
        List<KernelAddress> addresses = new ArrayList<>();
        for (ByteBuffer message : messages) {
            if (message.getInt(NLMSGHDR_BYTES + IFA_INDEX) == index) {
                Map<Integer, ByteBuffer> attributes =
                        NetlinkMessage.attributes(message, NLMSGHDR_BYTES + IFADDRMSG_BYTES);
                // on a point-to-point device IFA_ADDRESS is the peer's
                InetAddress own = address(attributes.getOrDefault(IFA_LOCAL, attributes.get(IFA_ADDRESS)));
                ByteBuffer flags = attributes.get(IFA_FLAGS);
                if (own != null) {
                    int prefixLength = message.get(NLMSGHDR_BYTES + IFA_PREFIXLEN) & 0xff;
                    addresses.add(new KernelAddress(index, own, prefixLength, flags == null ? 0 : flags.getInt(0)));
                }
            }
        }
        return addresses;
    }

    /**
     * Gives a device an address, without duplicate address detection for IPv6, so that it can be used at once.
     *
     * @param prefixRoute whether the kernel adds the route to the prefix by itself
     */
    public synchronized void addAddress(int index, InetAddress address, int prefixLength, boolean prefixRoute)
            throws NativeException {
        int flags = (address instanceof Inet6Address ? KernelAddress.IFA_F_NODAD : 0)
                | (prefixRoute ? 0 : KernelAddress.IFA_F_NOPREFIXROUTE);
        NetlinkMessage request = address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, address, prefixLength)
                .attribute(IFA_FLAGS, flags);
        socket.change(
                request, "RTM_NEWADDR", "add address " + prefix(address, prefixLength) + " to interface " + index);
    }

    /** Takes an address from a device. */
    public synchronized void deleteAddress(int index, InetAddress address, int prefixLength) throws NativeException {
        socket.change(
                address(RTM_DELADDR, 0, index, address, prefixLength),
                "RTM_DELADDR",
                "delete address " + prefix(address, prefixLength) + " from interface " + index);
    }

    // ---- routes

    /** All routes of a table, of both families. */
    public synchronized List<KernelRoute> routes(int table) throws NativeException {
        List<ByteBuffer> messages = socket.dump(
                () -> new NetlinkMessage(RTM_GETROUTE, NLM_F_DUMP).u32(0).u32(0).u32(0), "RTM_GETROUTE", "list routes");
        List<KernelRoute> routes = new ArrayList<>();
        for (ByteBuffer message : messages) {
            KernelRoute route = routeFrom(message);
            if (route != null && route.table() == table) {
                routes.add(route);
            }
        }
        return routes;
    }

    /** Adds a route; refused with EEXIST if there is one with the same destination, table and metric. */
    public synchronized void addRoute(KernelRoute route) throws NativeException {
        socket.change(route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route), "RTM_NEWROUTE", "add route " + route);
    }

    /** Adds a route, in place of one with the same destination, table and metric. */
    public synchronized void replaceRoute(KernelRoute route) throws NativeException {
        socket.change(
                route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route), "RTM_NEWROUTE", "replace route " + route);
    }

    /** Deletes the route that matches in all that is given. */
    public synchronized void deleteRoute(KernelRoute route) throws NativeException {
        socket.change(route(RTM_DELROUTE, 0, route), "RTM_DELROUTE", "delete route " + route);
    }

    // ---- rules

    /** All rules of one family that look up a table. */
    public synchronized List<KernelRule> rules(boolean ip6) throws NativeException {
        int family = ip6 ? Syscalls.AF_INET6 : Syscalls.AF_INET;
        List<ByteBuffer> messages = socket.dump(
                () -> new NetlinkMessage(RTM_GETRULE, NLM_F_DUMP)
                        .u32(family)
                        .u32(0)
                        .u32(0),
                "RTM_GETRULE",
                "list rules");
        List<KernelRule> rules = new ArrayList<>();
        for (ByteBuffer message : messages) {
            Map<Integer, ByteBuffer> attributes =
                    NetlinkMessage.attributes(message, NLMSGHDR_BYTES + FIB_RULE_HDR_BYTES);
            int shortTable = message.get(NLMSGHDR_BYTES + FRH_TABLE) & 0xff;
            rules.add(new KernelRule(
                    number(attributes.get(FRA_PRIORITY), 0),
                    address(attributes.get(FRA_SRC)),
                    message.get(NLMSGHDR_BYTES + FRH_SRC_LEN) & 0xff,
                    address(attributes.get(FRA_DST)),
                    message.get(NLMSGHDR_BYTES + FRH_DST_LEN) & 0xff,
                    number(attributes.get(FRA_TABLE), shortTable),
                    ip6));
        }
        return rules;
    }

    /** Adds a rule; refused with EEXIST if there is the same one. */
    public synchronized void addRule(KernelRule rule) throws NativeException {
        socket.change(rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule), "RTM_NEWRULE", "add rule " + rule);
    }

    /** Deletes a rule. */
    public synchronized void deleteRule(KernelRule rule) throws NativeException {
        socket.change(rule(RTM_DELRULE, 0, rule), "RTM_DELRULE", "delete rule " + rule);
    }

    // ---- neighbors

    /** Tells the kernel a neighbor's MAC address for good; replaces what it knew. */
    public synchronized void setNeighbor(int index, InetAddress neighbor, long mac) throws NativeException {
        NetlinkMessage request = neighbor(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, index, neighbor)
                .attribute(NDA_LLADDR, macBytes(mac));
        socket.change(request, "RTM_NEWNEIGH", "set neighbor " + neighbor.getHostAddress() + " on interface " + index);
    }

    /** Makes the kernel forget a neighbor. */
    public synchronized void deleteNeighbor(int index, InetAddress neighbor) throws NativeException {
        socket.change(
                neighbor(RTM_DELNEIGH, 0, index, neighbor),
                "RTM_DELNEIGH",
                "delete neighbor " + neighbor.getHostAddress() + " on interface " + index);
    }

    @Override
    public synchronized void close() {
        socket.close();
    }

    // ---- messages

    static List<KernelLink> linksFrom(List<ByteBuffer> messages) {
        List<KernelLink> links = new ArrayList<>();
        for (ByteBuffer message : messages) {
            links.add(linkFrom(message));
        }
        return links;
    }

    /** Reads a RTM_NEWLINK or RTM_DELLINK message. */
    static KernelLink linkFrom(ByteBuffer message) {
        Map<Integer, ByteBuffer> attributes = NetlinkMessage.attributes(message, NLMSGHDR_BYTES + IFINFOMSG_BYTES);
        ByteBuffer name = attributes.get(IFLA_IFNAME);
        ByteBuffer linkInfo = attributes.get(IFLA_LINKINFO);
        ByteBuffer kind =
                linkInfo == null ? null : NetlinkMessage.attributes(linkInfo, 0).get(IFLA_INFO_KIND);
        return new KernelLink(
                message.getInt(NLMSGHDR_BYTES + IFI_INDEX),
                name == null ? "" : NetlinkMessage.text(name),
                kind == null ? "" : NetlinkMessage.text(kind),
                message.getInt(NLMSGHDR_BYTES + IFI_FLAGS),
                number(attributes.get(IFLA_MTU), 0),
                number(attributes.get(IFLA_TXQLEN), 0),
                mac(attributes.get(IFLA_ADDRESS)),
                number(attributes.get(IFLA_MASTER), 0),
                number(attributes.get(IFLA_LINK), 0),
                statistics(attributes.get(IFLA_STATS64)));
    }

    /** A request about a device, its attributes to follow. */
    static NetlinkMessage link(int type, int flags, int index) {
        return new NetlinkMessage(type, flags).u32(0).u32(index).u32(0).u32(0);
    }

    private static NetlinkMessage newLink(String name) {
        return link(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 0).attribute(IFLA_IFNAME, name);
    }

    private void change(int index, NetlinkMessage request, String what) throws NativeException {
        socket.change(request, "RTM_NEWLINK", "set interface " + index + " to " + what);
    }

    private Optional<KernelLink> oneLink(NetlinkMessage request, String what) throws NativeException {
        try {
            return linksFrom(socket.get(request, "RTM_GETLINK", what)).stream().findFirst();
        } catch (NativeException e) {
            if (e.errno() == Errno.ENODEV) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private static NetlinkMessage address(int type, int flags, int index, InetAddress address, int prefixLength) {
        int scope = address.isLoopbackAddress()
                ? RT_SCOPE_HOST
                : address.isLinkLocalAddress() && address instanceof Inet6Address ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
        return new NetlinkMessage(type, NLM_F_ACK | flags)
                .u8(family(address))
                .u8(prefixLength)
                .u8(0)
                .u8(scope)
                .u32(index)
                .attribute(IFA_LOCAL, address.getAddress())
                .attribute(IFA_ADDRESS, address.getAddress());
    }

    private static NetlinkMessage route(int type, int flags, KernelRoute route) {
        InetAddress gateway = route.gateway();
        InetAddress preferredSource = route.preferredSource();
        boolean deletes = type == RTM_DELROUTE;
        NetlinkMessage message = new NetlinkMessage(type, NLM_F_ACK | flags)
                .u8(family(route.destination()))
                .u8(route.prefixLength())
                .u8(0)
                .u8(0)
                .u8(RT_TABLE_UNSPEC)
                .u8(deletes ? 0 : RTPROT_STATIC)
                .u8(deletes ? RT_SCOPE_NOWHERE : scope(route))
                .u8(route.type().number())
                .u32(route.onlink() ? RTNH_F_ONLINK : 0)
                .attribute(RTA_TABLE, route.table());
        if (route.prefixLength() > 0) {
            message.attribute(RTA_DST, route.destination().getAddress());
        }
        if (gateway != null && family(gateway) == family(route.destination())) {
            message.attribute(RTA_GATEWAY, gateway.getAddress());
        } else if (gateway != null) {
            message.attribute(RTA_VIA, via(gateway));
        }
        if (route.interfaceIndex() != 0) {
            message.attribute(RTA_OIF, route.interfaceIndex());
        }
        if (route.metric() != 0) {
            message.attribute(RTA_PRIORITY, route.metric());
        }
        if (preferredSource != null) {
            message.attribute(RTA_PREFSRC, preferredSource.getAddress());
        }
        return message;
    }

    /** How far away a route's next hop is; IPv6 has no use for it. */
    private static int scope(KernelRoute route) {
        return switch (route.type()) {
            case LOCAL -> RT_SCOPE_HOST;
            case BROADCAST, ANYCAST, MULTICAST -> RT_SCOPE_LINK;
            case UNICAST -> route.gateway() == null ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
            case BLACKHOLE, UNREACHABLE, PROHIBIT, THROW -> RT_SCOPE_UNIVERSE;
        };
    }

    /** struct rtvia: u16 family in host order, then the address. */
    private static byte[] via(InetAddress gateway) {
        byte[] address = gateway.getAddress();
        byte[] via = new byte[2 + address.length];
        via[0] = (byte) family(gateway);
        System.arraycopy(address, 0, via, 2, address.length);
        return via;
    }

    private static @Nullable KernelRoute routeFrom(ByteBuffer message) {
        Map<Integer, ByteBuffer> attributes = NetlinkMessage.attributes(message, NLMSGHDR_BYTES + RTMSG_BYTES);
        int family = message.get(NLMSGHDR_BYTES + RTM_FAMILY) & 0xff;
        KernelRoute.Type type = KernelRoute.Type.of(message.get(NLMSGHDR_BYTES + RTM_TYPE) & 0xff);
        InetAddress destination = address(attributes.get(RTA_DST));
        if (type == null || (family != Syscalls.AF_INET && family != Syscalls.AF_INET6)) {
            return null;
        }
        if (destination == null) {
            destination = address(ByteBuffer.allocate(family == Syscalls.AF_INET ? 4 : 16));
        }
        InetAddress gateway = address(attributes.get(RTA_GATEWAY));
        ByteBuffer via = attributes.get(RTA_VIA);
        if (via != null) {
            gateway = address(via.slice(2, via.limit() - 2));
        }
        if (destination == null) {
            return null;
        }
        return new KernelRoute(
                destination,
                message.get(NLMSGHDR_BYTES + RTM_DST_LEN) & 0xff,
                type,
                gateway,
                number(attributes.get(RTA_OIF), 0),
                number(attributes.get(RTA_TABLE), message.get(NLMSGHDR_BYTES + RTM_TABLE) & 0xff),
                number(attributes.get(RTA_PRIORITY), 0),
                address(attributes.get(RTA_PREFSRC)),
                (message.getInt(NLMSGHDR_BYTES + RTM_FLAGS) & RTNH_F_ONLINK) != 0);
    }

    private static NetlinkMessage rule(int type, int flags, KernelRule rule) {
        InetAddress source = rule.source();
        InetAddress destination = rule.destination();
        NetlinkMessage message = new NetlinkMessage(type, NLM_F_ACK | flags)
                .u8(rule.ip6() ? Syscalls.AF_INET6 : Syscalls.AF_INET)
                .u8(rule.destinationLength())
                .u8(rule.sourceLength())
                .u8(0)
                .u8(RT_TABLE_UNSPEC)
                .u8(0)
                .u8(0)
                .u8(FR_ACT_TO_TBL)
                .u32(0)
                .attribute(FRA_TABLE, rule.table())
                .attribute(FRA_PRIORITY, rule.priority());
        if (source != null && rule.sourceLength() > 0) {
            message.attribute(FRA_SRC, source.getAddress());
        }
        if (destination != null && rule.destinationLength() > 0) {
            message.attribute(FRA_DST, destination.getAddress());
        }
        return message;
    }

    private static NetlinkMessage neighbor(int type, int flags, int index, InetAddress neighbor) {
        return new NetlinkMessage(type, NLM_F_ACK | flags)
                .u32(family(neighbor))
                .u32(index)
                .u16(NUD_PERMANENT)
                .u16(0)
                .attribute(NDA_DST, neighbor.getAddress());
    }

    private static int family(InetAddress address) {
        return address instanceof Inet4Address ? Syscalls.AF_INET : Syscalls.AF_INET6;
    }

    private static String prefix(InetAddress address, int prefixLength) {
        return address.getHostAddress() + "/" + prefixLength;
    }

    private static int number(@Nullable ByteBuffer attribute, int otherwise) {
        return attribute == null || attribute.limit() < Integer.BYTES ? otherwise : attribute.getInt(0);
    }

    private static @Nullable InetAddress address(@Nullable ByteBuffer attribute) {
        if (attribute == null) {
            return null;
        }
        try {
            return InetAddress.getByAddress(NetlinkMessage.bytes(attribute));
        } catch (UnknownHostException e) {
            return null;
        }
    }

    private static long mac(@Nullable ByteBuffer attribute) {
        if (attribute == null || attribute.limit() != MAC_BYTES) {
            return 0;
        }
        long mac = 0;
        for (int i = 0; i < MAC_BYTES; i++) {
            mac = mac << 8 | (attribute.get(i) & 0xff);
        }
        return mac;
    }

    private static byte[] macBytes(long mac) {
        byte[] bytes = new byte[MAC_BYTES];
        for (int i = 0; i < MAC_BYTES; i++) {
            bytes[i] = (byte) (mac >>> (8 * (MAC_BYTES - 1 - i)));
        }
        return bytes;
    }

    private static KernelLink.Statistics statistics(@Nullable ByteBuffer stats) {
        if (stats == null || stats.limit() < STATS_TX_DROPPED + Long.BYTES) {
            return new KernelLink.Statistics(0, 0, 0, 0, 0, 0, 0, 0);
        }
        return new KernelLink.Statistics(
                stats.getLong(STATS_RX_PACKETS),
                stats.getLong(STATS_TX_PACKETS),
                stats.getLong(STATS_RX_BYTES),
                stats.getLong(STATS_TX_BYTES),
                stats.getLong(STATS_RX_ERRORS),
                stats.getLong(STATS_TX_ERRORS),
                stats.getLong(STATS_RX_DROPPED),
                stats.getLong(STATS_TX_DROPPED));
    }
}
