// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip6Address;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.MacAddress;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.wire.ArpView;
import io.culvert.wire.EtherType;
import io.culvert.wire.EthernetView;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.NdOptions;
import io.culvert.wire.NeighborDiscoveryView;
import java.util.Collection;

/**
 * Writes whole ARP and ND frames: link-local in scope, with hop limit 255 and complete checksums. For the control plane:
 * each frame is an array of its own. Confined to its actor.
 */
final class NeighborFrames {
    private static final long NO_MAC = 0;

    private final BufferPool scratch = BufferPool.allocate(1);
    private final EthernetView ethernet = new EthernetView();
    private final ArpView arp = new ArpView();
    private final Ip6View ip = new Ip6View();
    private final NeighborDiscoveryView nd = new NeighborDiscoveryView();
    private final NdOptions option = new NdOptions();

    /** Asks who has {@code target}: everybody, or the station at {@code to} (RFC 826, RFC 1122 section 2.3.2.1). */
    byte[] arpRequest(long to, long mac, int sender, int target) {
        PacketBuffer frame = start(to, mac, EtherType.ARP, ArpView.PACKET_BYTES);
        arp.wrap(frame, ethernet.payloadOffset()).encode(ArpView.REQUEST, mac, sender, NO_MAC, target);
        return finish(frame);
    }

    /** Tells everybody that an address is at {@code mac} (RFC 5227 section 3). */
    byte[] arpAnnouncement(long mac, int address) {
        return arpRequest(MacAddress.BROADCAST.value(), mac, address, address);
    }

    /** Asks all who may have {@code target} for their link address (RFC 4861 section 7.2.2). */
    byte[] multicastSolicitation(long mac, Ip6Address source, Ip6Address target) {
        Ip6Address group = new Ip6Address(Ip6Address.SOLICITED_NODE_HIGH, Ip6Address.solicitedNodeLow(target.low()));
        return solicitation(MacAddress.ofIp6Multicast(group.low()), mac, source, group, target);
    }

    /** Asks the station at {@code to} whether it still has {@code target} (RFC 4861 section 7.3.3). */
    byte[] unicastSolicitation(long to, long mac, Ip6Address source, Ip6Address target) {
        return solicitation(to, mac, source, target, target);
    }

    /** Asks whether anybody uses an address that nobody is to use yet (RFC 4862 section 5.4.2). */
    byte[] duplicateProbe(long mac, Ip6Address target) {
        return multicastSolicitation(mac, Ip6Address.UNSPECIFIED, target);
    }

    private byte[] solicitation(long to, long mac, Ip6Address source, Ip6Address destination, Ip6Address target) {
        boolean named = !source.equals(Ip6Address.UNSPECIFIED);
        int length = NeighborDiscoveryView.NEIGHBOR_SOLICITATION_BYTES + (named ? NdOptions.LINK_LAYER_BYTES : 0);
        PacketBuffer frame = start6(to, mac, source, destination, length);
        nd.wrap(frame, ip.payloadOffset()).encodeNeighborSolicitation(target.high(), target.low());
        if (named) {
            option.wrap(frame, nd.optionsOffset()).encodeLinkLayer(NdOptions.SOURCE_LINK_LAYER, mac);
        }
        return finish6(frame);
    }

    /** Tells all nodes that an own address is at {@code mac} (RFC 4861 section 7.2.6). */
    byte[] unsolicitedAdvertisement(long mac, Ip6Address address) {
        int length = NeighborDiscoveryView.NEIGHBOR_ADVERTISEMENT_BYTES + NdOptions.LINK_LAYER_BYTES;
        long to = MacAddress.ofIp6Multicast(Ip6Address.ALL_NODES.low());
        PacketBuffer frame = start6(to, mac, address, Ip6Address.ALL_NODES, length);
        nd.wrap(frame, ip.payloadOffset())
                .encodeNeighborAdvertisement(true, false, true, address.high(), address.low());
        option.wrap(frame, nd.optionsOffset()).encodeLinkLayer(NdOptions.TARGET_LINK_LAYER, mac);
        return finish6(frame);
    }

    /**
     * Tells all nodes about the router and its prefixes (RFC 4861 section 4.2).
     *
     * @param lifetimeSeconds 0 when it is a default router no longer
     */
    byte[] routerAdvertisement(
            long mac,
            Ip6Address linkLocal,
            int lifetimeSeconds,
            int mtu,
            RouterAdvertisement settings,
            Collection<InterfaceAddress> addresses) {
        int length = NeighborDiscoveryView.ROUTER_ADVERTISEMENT_BYTES
                + NdOptions.LINK_LAYER_BYTES
                + NdOptions.MTU_BYTES
                + addresses.size() * NdOptions.PREFIX_INFORMATION_BYTES;
        long to = MacAddress.ofIp6Multicast(Ip6Address.ALL_NODES.low());
        PacketBuffer frame = start6(to, mac, linkLocal, Ip6Address.ALL_NODES, length);
        nd.wrap(frame, ip.payloadOffset())
                .encodeRouterAdvertisement(EMITTED_HOP_LIMIT, false, false, lifetimeSeconds, 0, 0);
        int at = nd.optionsOffset();
        option.wrap(frame, at).encodeLinkLayer(NdOptions.SOURCE_LINK_LAYER, mac);
        at += NdOptions.LINK_LAYER_BYTES;
        option.wrap(frame, at).encodeMtu(mtu);
        at += NdOptions.MTU_BYTES;
        for (InterfaceAddress address : addresses) {
            Ip6Prefix prefix = (Ip6Prefix) address.prefix();
            option.wrap(frame, at)
                    .encodePrefix(
                            prefix.length(),
                            true,
                            prefix.length() == 64,
                            settings.valid().toSeconds(),
                            settings.preferred().toSeconds(),
                            prefix.high(),
                            prefix.low());
            at += NdOptions.PREFIX_INFORMATION_BYTES;
        }
        return finish6(frame);
    }

    /** What hosts shall start with: the recommended default (RFC 4861 section 6.2.1, AdvCurHopLimit). */
    private static final int EMITTED_HOP_LIMIT = 64;

    private PacketBuffer start6(long to, long mac, Ip6Address source, Ip6Address destination, int length) {
        PacketBuffer frame = start(to, mac, EtherType.IP6, Ip6View.HEADER_BYTES + length);
        ip.wrap(frame, ethernet.payloadOffset())
                .encode(
                        0,
                        0,
                        length,
                        IpProtocol.ICMP6,
                        NeighborDiscoveryView.HOP_LIMIT,
                        source.high(),
                        source.low(),
                        destination.high(),
                        destination.low());
        return frame;
    }

    private byte[] finish6(PacketBuffer frame) {
        nd.updateChecksum(ip);
        return finish(frame);
    }

    private PacketBuffer start(long to, long mac, int etherType, int length) {
        PacketBuffer frame = scratch.take();
        if (frame == null) {
            throw new IllegalStateException("a frame was not finished");
        }
        frame.setWindow(PacketBuffer.HEADROOM, EthernetView.HEADER_BYTES + length);
        ethernet.wrap(frame, frame.start()).encode(to, mac, etherType);
        return frame;
    }

    private byte[] finish(PacketBuffer frame) {
        byte[] bytes = frame.toByteArray();
        scratch.release(frame);
        return bytes;
    }
}
