// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.icmp;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip6Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.NextHop;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.spi.TokenBucket;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp6View;
import io.culvert.wire.InternetChecksum;
import io.culvert.wire.Ip6ExtensionChain;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.NeighborDiscoveryView;
import org.jspecify.annotations.Nullable;

/**
 * Tells the sender of an IPv6 packet what became of it.
 *
 * <p>In: packets that another stage refused, with the ICMPv6 error set; their window starts at the IPv6 header. Out: the
 * error, made in the same buffer around as much of the packet as fits 1280 bytes, recirculated to the lookup. What RFC
 * 4443 section 2.4 (e) forbids to answer is dropped: errors and redirects, what has no single sender, what was sent to
 * many (but for "packet too big" and "unrecognized option"). So is a later fragment, which cannot be known to be no error,
 * unless the error concerns the fragment itself, and whatever exceeds the rate limit, which both families share.
 *
 * <p>The source is the address that was asked; else one that suits the way back: the route's preferred one, its
 * interface's, the receiving interface's, any (RFC 4443 section 2.2). Towards a link-local sender it is link-local.
 *
 * <pre>{@code icmp { rate-limit = "1000/s" }     # or off}</pre>
 */
public final class Icmp6ErrorStage implements PacketStage {
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
            return "How many ICMP errors the router sends per second, both families together.";
        }
    }

    enum Out implements OutPort {
        SEND(Target.recirculate("ip6-lookup"));

        private final Target target;

        Out(Target target) {
            this.target = target;
        }

        @Override
        public Target target() {
            return target;
        }
    }

    enum Drop implements DropReason {
        OWN_PACKET("The refused packet was the router's own: there is nobody to tell."),
        BAD_HEADER("The refused packet has no whole IPv6 header."),
        INVALID_SOURCE("The refused packet has no single sender: its source is unspecified, loopback or multicast."),
        SENT_TO_MANY("The refused packet was a multicast, or came as a link-layer broadcast or multicast."),
        ABOUT_ERROR("The refused packet was itself an ICMPv6 error or redirect."),
        LATER_FRAGMENT("The refused packet was not the first fragment of its datagram."),
        UNREADABLE("The refused packet's extension headers hide whether it was itself an ICMPv6 error."),
        NO_ADDRESS("The router has no IPv6 address to send an error from."),
        NO_ROOM("There is no headroom left in front of the refused packet to build an error."),
        RATE_LIMITED("The sender would have been told, but icmp.rate-limit was reached.");

        private final String text;

        Drop(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    enum Count implements CounterId {
        UNREACHABLE("Destination unreachable errors sent."),
        PACKET_TOO_BIG("Packet too big errors sent."),
        TIME_EXCEEDED("Time exceeded errors sent."),
        PARAMETER_PROBLEM("Parameter problem errors sent.");

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
                    "icmp6-error", "Tells the senders of refused IPv6 packets why, by ICMPv6 errors.")
            .spec("RFC 4443 2.2", "RFC 4443 2.4", "RFC 4443 3")
            .settings("icmp", Key.values())
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(Icmp6ErrorStage::new);

    private static final int HEADER_BYTES = Ip6View.HEADER_BYTES + Icmp6View.HEADER_BYTES;
    private static final int MAX_QUOTE_BYTES = Ip6View.MINIMUM_MTU - HEADER_BYTES;
    private static final int HOP_LIMIT = 64;

    private final TokenBucket bucket;
    private final Ip6View ip = new Ip6View();
    private final Icmp6View icmp = new Icmp6View();
    private final Ip6ExtensionChain chain = new Ip6ExtensionChain();

    Icmp6ErrorStage(StageSetup setup) {
        bucket = TokenBucket.shared(setup, "icmp.rate-limit", setup.settings().rate(Key.RATE_LIMIT));
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        for (int i = 0; i < packets.size(); i++) {
            tell(packets.get(i), context);
        }
    }

    private void tell(PacketBuffer packet, StageContext context) {
        Drop refusal = refusal(packet);
        if (refusal != null) {
            context.drop(packet, refusal);
            return;
        }
        Ip6Address source = source(packet, context);
        if (source == null) {
            context.drop(packet, Drop.NO_ADDRESS);
        } else if (!bucket.tryTake(context.nowNanos())) {
            context.drop(packet, Drop.RATE_LIMITED);
        } else {
            context.count(countOf(packet.icmpType()), 1);
            build(packet, source);
            context.reuse(packet);
            context.send(packet, Out.SEND);
        }
    }

    /** Why no error may be sent, or null. */
    private @Nullable Drop refusal(PacketBuffer packet) {
        if (packet.generated()) {
            return Drop.OWN_PACKET;
        }
        if (ip.wrap(packet, packet.l3Offset()).check() != HeaderCheck.OK) {
            return Drop.BAD_HEADER;
        }
        if (packet.l3Offset() < HEADER_BYTES) {
            return Drop.NO_ROOM;
        }
        if (Ip6Address.isUnspecified(ip.sourceHigh(), ip.sourceLow())
                || Ip6Address.isLoopback(ip.sourceHigh(), ip.sourceLow())
                || Ip6Address.isMulticast(ip.sourceHigh())) {
            return Drop.INVALID_SOURCE;
        }
        int type = packet.icmpType();
        boolean forManyToo = type == Icmp6View.PACKET_TOO_BIG
                || (type == Icmp6View.PARAMETER_PROBLEM && packet.icmpCode() == Icmp6View.UNRECOGNIZED_OPTION);
        if (!forManyToo && (packet.linkBroadcast() || Ip6Address.isMulticast(ip.destinationHigh()))) {
            return Drop.SENT_TO_MANY;
        }
        boolean aboutThePacketItself = type == Icmp6View.PACKET_TOO_BIG || type == Icmp6View.PARAMETER_PROBLEM;
        return switch (chain.walk(ip)) {
            case COMPLETE -> isAboutError(packet) ? Drop.ABOUT_ERROR : null;
            case LATER_FRAGMENT -> aboutThePacketItself ? null : Drop.LATER_FRAGMENT;
            case TRUNCATED, TOO_MANY_HEADERS, MALFORMED -> aboutThePacketItself ? null : Drop.UNREADABLE;
        };
    }

    private boolean isAboutError(PacketBuffer packet) {
        if (chain.upperProtocol() != IpProtocol.ICMP6) {
            return false;
        }
        if (chain.upperOffset() >= packet.end()) {
            return true; // nobody can tell, so it may be
        }
        int type = icmp.wrap(packet, chain.upperOffset()).type();
        return Icmp6View.isError(type) || type == NeighborDiscoveryView.REDIRECT;
    }

    private @Nullable Ip6Address source(PacketBuffer packet, StageContext context) {
        InterfaceTable interfaces = context.interfaces();
        RouterInterface receivedOn =
                packet.receiveInterface() == InterfaceId.NONE ? null : interfaces.get(packet.receiveInterface());
        Ip6Address asked = ownDestination(packet, receivedOn, context);
        if (asked != null) {
            return asked;
        }
        if (Ip6Address.isLinkLocal(ip.sourceHigh()) && receivedOn != null) {
            return receivedOn.linkLocal() != null ? receivedOn.linkLocal() : receivedOn.firstAddress6();
        }
        Ip6Address source = null;
        FibEntry wayBack = context.fib().lookup6(packet.vrf(), ip.sourceHigh(), ip.sourceLow());
        if (wayBack.action() == FibAction.FORWARD) {
            NextHop hop = wayBack.select(packet.flowHash());
            source = hop.source() instanceof Ip6Address preferred
                    ? preferred
                    : global(interfaces.get(hop.interfaceId()));
        }
        if (source == null && receivedOn != null) {
            source = global(receivedOn);
        }
        for (int id = 0; source == null && id < interfaces.size(); id++) {
            if (interfaces.get(id).vrf() == packet.vrf()) {
                source = global(interfaces.get(id));
            }
        }
        return source != null || receivedOn == null ? source : receivedOn.linkLocal();
    }

    /** The router's address that the packet was sent to, whose own errors bear it; null when it was for another node. */
    private @Nullable Ip6Address ownDestination(
            PacketBuffer packet, @Nullable RouterInterface receivedOn, StageContext context) {
        long high = ip.destinationHigh();
        long low = ip.destinationLow();
        if (Ip6Address.isLinkLocal(high)) {
            return receivedOn != null && receivedOn.owns6(high, low) ? receivedOn.linkLocal() : null;
        }
        if (Ip6Address.isMulticast(high)
                || context.fib().lookup6(packet.vrf(), high, low).action() != FibAction.LOCAL) {
            return null;
        }
        return ownAddress(context.interfaces(), packet.vrf(), high, low);
    }

    private static @Nullable Ip6Address ownAddress(InterfaceTable interfaces, int vrf, long high, long low) {
        for (int id = 0; id < interfaces.size(); id++) {
            RouterInterface candidate = interfaces.get(id);
            for (int i = 0; candidate.vrf() == vrf && i < candidate.addresses().size(); i++) {
                if (candidate.addresses().get(i).address() instanceof Ip6Address own
                        && own.high() == high
                        && own.low() == low) {
                    return own;
                }
            }
        }
        return null;
    }

    private static @Nullable Ip6Address global(RouterInterface on) {
        Ip6Address first = on.firstAddress6();
        return first == null || Ip6Address.isLinkLocal(first.high()) ? null : first;
    }

    private void build(PacketBuffer packet, Ip6Address source) {
        long toHigh = ip.sourceHigh();
        long toLow = ip.sourceLow();
        if (packet.checksum() == PacketBuffer.Checksum.PARTIAL && packet.gso() == PacketBuffer.Gso.NONE) {
            // The quote shows the packet as it would have left; cut first, it could not be finished any more.
            InternetChecksum.finishPartial(packet);
        }
        int quoteBytes = Math.min(packet.end() - packet.l3Offset(), MAX_QUOTE_BYTES);
        int at = packet.l3Offset() - HEADER_BYTES;
        packet.setWindow(at, HEADER_BYTES + quoteBytes);
        packet.clearOffloads();
        packet.setL2Offset(PacketBuffer.UNKNOWN);
        packet.setL3Offset(at);
        packet.setL4Offset(at + Ip6View.HEADER_BYTES);
        packet.setLinkBroadcast(false);
        packet.setTransmitInterface(InterfaceId.NONE);
        ip.wrap(packet, at)
                .encode(
                        0,
                        0,
                        Icmp6View.HEADER_BYTES + quoteBytes,
                        IpProtocol.ICMP6,
                        HOP_LIMIT,
                        source.high(),
                        source.low(),
                        toHigh,
                        toLow);
        icmp.wrap(packet, at + Ip6View.HEADER_BYTES)
                .encode(packet.icmpType(), packet.icmpCode(), packet.icmpValue())
                .updateChecksum(ip);
    }

    private static Count countOf(int type) {
        return switch (type) {
            case Icmp6View.PACKET_TOO_BIG -> Count.PACKET_TOO_BIG;
            case Icmp6View.TIME_EXCEEDED -> Count.TIME_EXCEEDED;
            case Icmp6View.PARAMETER_PROBLEM -> Count.PARAMETER_PROBLEM;
            default -> Count.UNREACHABLE;
        };
    }
}
