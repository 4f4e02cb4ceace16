// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.InterfaceId;
import io.culvert.net.Ip6Address;
import io.culvert.net.Ip6Prefix;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.CounterId;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.spi.TokenBucket;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.NdOptions;
import io.culvert.wire.NeighborDiscoveryView;
import java.util.List;

/**
 * Tells hosts on a link that a better first hop is on that same link (RFC 4861 section 8.2).
 *
 * <p>In: packets in transit, hop limit decremented. Out: all of them, untouched; and a redirect for one that leaves by the
 * Ethernet interface it came in on, when redirects are switched on there, its source is on one of the link's prefixes, and
 * the next hop is the destination itself or has a link-local address to be named by. Redirects draw from the rate limit of
 * ICMP errors; beyond it the packet goes on all the same.
 */
public final class Ip6RedirectStage implements PacketStage {
    enum Key implements ConfigKey {
        RATE_LIMIT;

        @Override
        public String key() {
            return "rate-limit";
        }

        @Override
        public ConfigType type() {
            return ConfigType.RATE;
        }

        @Override
        public String defaultText() {
            return "1000/s";
        }

        @Override
        public String text() {
            return "How many ICMP errors and redirects the router sends per second, both families together.";
        }
    }

    enum Out implements OutPort {
        NEXT(Target.next()),
        REDIRECT(Target.arc(Arc.IP6_OUTPUT));

        private final Target target;

        Out(Target target) {
            this.target = target;
        }

        @Override
        public Target target() {
            return target;
        }
    }

    enum Count implements CounterId {
        REDIRECTED("Packets that left by the interface they came in on, whose senders are told of the better way.");

        private final String text;

        Count(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    public static final StageDescriptor DESCRIPTOR = StageDescriptor.named(
                    "ip6-redirect", "Tells hosts on the link of a better first hop for IPv6, where switched on.")
            .spec("RFC 4861 8.2")
            .arc(Arc.IP6_FORWARD)
            .after("ip6-hop-limit")
            .settings("icmp", Key.values())
            .outputs(Out.values())
            .counters(Count.values())
            .factory(Ip6RedirectStage::new);

    private final TokenBucket bucket;
    private final Ip6View ip = new Ip6View();
    private final Ip6View redirectIp = new Ip6View();
    private final NeighborDiscoveryView message = new NeighborDiscoveryView();
    private final NdOptions option = new NdOptions();

    Ip6RedirectStage(StageSetup setup) {
        bucket = TokenBucket.shared(setup, "icmp.rate-limit", setup.settings().rate(Key.RATE_LIMIT));
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        InterfaceTable interfaces = context.interfaces();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            if (packet.receiveInterface() == packet.transmitInterface()
                    && packet.receiveInterface() != InterfaceId.NONE) {
                redirect(packet, interfaces.get(packet.receiveInterface()), context);
            }
            context.send(packet, Out.NEXT);
        }
    }

    private void redirect(PacketBuffer packet, RouterInterface link, StageContext context) {
        Ip6Address from = link.linkLocal();
        if (!link.redirects()
                || link.link() != RouterInterface.Link.ETHERNET
                || from == null
                || packet.linkBroadcast()) {
            return;
        }
        ip.wrap(packet, packet.l3Offset());
        boolean nextHopIsDestination =
                packet.nextHop6High() == ip.destinationHigh() && packet.nextHop6Low() == ip.destinationLow();
        if (!nextHopIsDestination && !Ip6Address.isLinkLocal(packet.nextHop6High())) {
            return;
        }
        if (!isOnLink(link, ip.sourceHigh(), ip.sourceLow()) || !bucket.tryTake(context.nowNanos())) {
            return;
        }
        PacketBuffer redirect = context.originate();
        if (redirect == null) {
            return; // the packet itself needs no other buffer, and is told about with the next one
        }
        build(redirect, packet, from, context);
        context.count(Count.REDIRECTED, 1);
        context.send(redirect, Out.REDIRECT);
    }

    private static boolean isOnLink(RouterInterface link, long high, long low) {
        List<InterfaceAddress> addresses = link.addresses();
        for (int i = 0; i < addresses.size(); i++) {
            InterfaceAddress own = addresses.get(i);
            if (own.address() instanceof Ip6Address ip6
                    && ((ip6.high() ^ high) & Ip6Prefix.highMask(own.prefixLength())) == 0
                    && ((ip6.low() ^ low) & Ip6Prefix.lowMask(own.prefixLength())) == 0) {
                return true;
            }
        }
        return false;
    }

    private void build(PacketBuffer redirect, PacketBuffer packet, Ip6Address from, StageContext context) {
        long mac = context.neighbors().lookup6(packet.transmitInterface(), packet.nextHop6High(), packet.nextHop6Low());
        int fixedBytes = NeighborDiscoveryView.REDIRECT_BYTES
                + (mac < 0 ? 0 : NdOptions.LINK_LAYER_BYTES)
                + NdOptions.REDIRECTED_HEADER_BYTES;
        // An option is a multiple of 8 bytes long.
        int quotedBytes = Math.min(packet.length(), Ip6View.MINIMUM_MTU - Ip6View.HEADER_BYTES - fixedBytes) & ~7;
        int messageBytes = fixedBytes + quotedBytes;
        redirect.setWindow(PacketBuffer.HEADROOM, Ip6View.HEADER_BYTES + messageBytes);
        redirect.copyRoutingFrom(packet);
        redirect.setGenerated(true);
        redirect.setNextHop6(ip.sourceHigh(), ip.sourceLow());
        redirect.setL3Offset(redirect.start());
        redirect.setL4Offset(redirect.start() + Ip6View.HEADER_BYTES);
        redirectIp
                .wrap(redirect, redirect.l3Offset())
                .encode(
                        0,
                        0,
                        messageBytes,
                        IpProtocol.ICMP6,
                        NeighborDiscoveryView.HOP_LIMIT,
                        from.high(),
                        from.low(),
                        ip.sourceHigh(),
                        ip.sourceLow());
        message.wrap(redirect, redirect.l4Offset())
                .encodeRedirect(packet.nextHop6High(), packet.nextHop6Low(), ip.destinationHigh(), ip.destinationLow());
        int at = message.optionsOffset();
        if (mac >= 0) {
            option.wrap(redirect, at).encodeLinkLayer(NdOptions.TARGET_LINK_LAYER, mac);
            at += NdOptions.LINK_LAYER_BYTES;
        }
        option.wrap(redirect, at).encodeRedirectedHeader(quotedBytes);
        redirect.copyFrom(packet, packet.start(), at + NdOptions.REDIRECTED_HEADER_BYTES, quotedBytes);
        message.updateChecksum(redirectIp);
    }
}
