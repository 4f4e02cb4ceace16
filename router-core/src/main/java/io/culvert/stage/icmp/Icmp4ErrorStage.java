// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.icmp;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.InterfaceId;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.FibView;
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
import io.culvert.wire.Icmp4View;
import io.culvert.wire.InternetChecksum;
import io.culvert.wire.Ip4View;
import io.culvert.wire.IpProtocol;
import org.jspecify.annotations.Nullable;

/**
 * Turns an IPv4 packet that a stage refused into the ICMP error about it, where RFC 1812 section 4.3.2.7 permits one.
 *
 * <p>In: IPv4 packets with {@link PacketBuffer#setIcmpError} set and {@link PacketBuffer#l3Offset} known. Out: {@code SEND},
 * in the same buffer: as much of the packet as fits 576 bytes, behind an ICMP header and an IPv4 header of precedence 6.
 *
 * <p>Source of the error: the address that the packet was for, if it is the router's own; else what the route back to the
 * packet's sender prefers, an address of the interface that it leads out of, one of the interface the packet came in on,
 * any of the router's, or 192.0.0.8 when it has none (RFC 7600 section 4.8). To the router's own kernel it is always
 * 192.0.0.8: a host takes nothing that comes from outside with one of its own addresses as the source.
 *
 * <p>The rate limit is shared with ICMPv6 errors and by all lanes. Source quench is never sent (RFC 6633).
 */
public final class Icmp4ErrorStage implements PacketStage {
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
        SEND(Target.recirculate("ip4-lookup"));

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
        NOT_IP4("What the error would be about was no IPv4 packet."),
        OWN_PACKET("The error would be about a packet that the router itself made."),
        ICMP_ERROR("The error would be about an ICMP error, or an ICMP message cut too short to tell."),
        LATER_FRAGMENT("The error would be about a fragment other than the first."),
        BROADCAST("The error would be about a broadcast or multicast, of IP or of the link."),
        INVALID_SOURCE("The error would go to an address that no single host has."),
        NO_ROOM("There was no headroom left in front of the packet for an error about it."),
        RATE_LIMITED("The rate limit for ICMP errors, icmp.rate-limit, was reached.");

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
        UNREACHABLE("Destination unreachable messages sent, without fragmentation needed."),
        FRAGMENTATION_NEEDED("Fragmentation needed messages sent."),
        TIME_EXCEEDED("Time exceeded messages sent."),
        REDIRECT("Redirects sent."),
        OTHER("ICMP errors of other types sent.");

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
                    "icmp4-error", "Tells the senders of IPv4 packets why these were not delivered.")
            .spec("RFC 792", "RFC 1812 4.3.2", "RFC 1191 4", "RFC 6633", "RFC 7600 4.8")
            .settings("icmp", Key.values())
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(Icmp4ErrorStage::new);

    /** RFC 1812 section 4.3.2.3: an error is at most as long as a datagram that every host accepts. */
    private static final int MAX_BYTES = 576;

    private static final int HEADERS_BYTES = Ip4View.HEADER_BYTES + Icmp4View.HEADER_BYTES;
    private static final int TTL = 64;
    /** Precedence 6, internetwork control (RFC 1812 section 4.3.2.5). */
    private static final int INTERNETWORK_CONTROL = 0xc0;

    private static final int LIMITED_BROADCAST = 0xffff_ffff;
    /** 192.0.0.8, the IPv4 dummy address (RFC 7600). */
    private static final int DUMMY_ADDRESS = 0xc000_0008;

    private final Ip4View ip = new Ip4View();
    private final Icmp4View icmp = new Icmp4View();
    private final TokenBucket bucket;
    private final Identification identification;

    private Icmp4ErrorStage(StageSetup setup) {
        bucket = TokenBucket.shared(setup, "icmp.rate-limit", setup.settings().rate(Key.RATE_LIMIT));
        identification = Identification.of(setup);
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            Drop reason = judge(packet, context.fib());
            if (reason == null && !bucket.tryTake(context.nowNanos())) {
                reason = Drop.RATE_LIMITED;
            }
            if (reason != null) {
                context.drop(packet, reason);
                continue;
            }
            context.count(countOf(packet), 1);
            write(packet, ip.source(), source(packet, context));
            context.reuse(packet);
            context.send(packet, Out.SEND);
        }
    }

    /** Whether an error about the packet may be sent (RFC 1812 section 4.3.2.7, RFC 1122 section 3.2.2). */
    private @Nullable Drop judge(PacketBuffer packet, FibView fib) {
        if (ip.wrap(packet, packet.l3Offset()).checkQuoted() != HeaderCheck.OK) {
            return Drop.NOT_IP4;
        }
        if (packet.generated()) {
            return Drop.OWN_PACKET;
        }
        if (packet.l3Offset() < HEADERS_BYTES) {
            return Drop.NO_ROOM;
        }
        if (ip.isLaterFragment()) {
            return Drop.LATER_FRAGMENT;
        }
        if (ip.protocol() == IpProtocol.ICMP
                && (ip.payloadOffset() >= packet.end()
                        || Icmp4View.isError(
                                icmp.wrap(packet, ip.payloadOffset()).type()))) {
            return Drop.ICMP_ERROR;
        }
        int destination = ip.destination();
        if (packet.linkBroadcast()
                || destination == LIMITED_BROADCAST
                || Ip4Address.isMulticast(destination)
                || fib.lookup4(packet.vrf(), destination).action() == FibAction.BROADCAST) {
            return Drop.BROADCAST;
        }
        int source = ip.source();
        int network = source >>> 24;
        if (network == 0
                || network == 127
                || network >= 224
                || fib.lookup4(packet.vrf(), source).action() == FibAction.BROADCAST) {
            return Drop.INVALID_SOURCE;
        }
        return null;
    }

    private int source(PacketBuffer packet, StageContext context) {
        FibView fib = context.fib();
        InterfaceTable interfaces = context.interfaces();
        FibEntry back = fib.lookup4(packet.vrf(), ip.source());
        if (back.action() == FibAction.LOCAL) {
            return DUMMY_ADDRESS;
        }
        if (fib.lookup4(packet.vrf(), ip.destination()).action() == FibAction.LOCAL) {
            return ip.destination();
        }
        if (back.action() == FibAction.FORWARD) {
            NextHop hop = back.select(packet.flowHash());
            if (hop.source() instanceof Ip4Address preferred) {
                return preferred.value();
            }
            int address = addressOn(interfaces, hop.interfaceId(), hop.onLink() ? ip.source() : hop.gateway4());
            if (address != 0) {
                return address;
            }
        }
        int address = addressOn(interfaces, packet.receiveInterface(), ip.source());
        for (int id = 0; address == 0 && id < interfaces.size(); id++) {
            if (interfaces.get(id).vrf() == packet.vrf()) {
                address = interfaces.get(id).firstAddress4();
            }
        }
        return address != 0 ? address : DUMMY_ADDRESS;
    }

    /** The interface's address in the network of its neighbor, else its first, or 0 when it has none. */
    private static int addressOn(InterfaceTable interfaces, int id, int neighbor) {
        if (id < 0 || id >= interfaces.size()) {
            return 0;
        }
        RouterInterface out = interfaces.get(id);
        for (int i = 0; i < out.addresses().size(); i++) {
            InterfaceAddress own = out.addresses().get(i);
            if (own.address() instanceof Ip4Address ip4
                    && ((ip4.value() ^ neighbor) & Ip4Prefix.mask(own.prefixLength())) == 0) {
                return ip4.value();
            }
        }
        return out.firstAddress4();
    }

    private void write(PacketBuffer packet, int to, int from) {
        if (packet.checksum() == PacketBuffer.Checksum.PARTIAL && packet.gso() == PacketBuffer.Gso.NONE) {
            // The quote shows the packet as it would have left; cut first, it could not be finished any more.
            InternetChecksum.finishPartial(packet);
        }
        int quoted = Math.min(packet.end() - packet.l3Offset(), MAX_BYTES - HEADERS_BYTES);
        int start = packet.l3Offset() - HEADERS_BYTES;
        packet.setWindow(start, HEADERS_BYTES + quoted);
        packet.clearOffloads();
        packet.clearOffsets();
        packet.setL3Offset(start);
        packet.setL4Offset(start + Ip4View.HEADER_BYTES);
        packet.setReceiveInterface(InterfaceId.NONE);
        packet.setTransmitInterface(InterfaceId.NONE);
        ip.wrap(packet, start)
                .encode(
                        INTERNETWORK_CONTROL,
                        packet.length(),
                        identification.next(),
                        false,
                        TTL,
                        IpProtocol.ICMP,
                        from,
                        to);
        icmp.wrap(packet, packet.l4Offset())
                .encode(packet.icmpType(), packet.icmpCode(), packet.icmpValue())
                .updateChecksum();
    }

    private static Count countOf(PacketBuffer packet) {
        return switch (packet.icmpType()) {
            case Icmp4View.DESTINATION_UNREACHABLE ->
                packet.icmpCode() == Icmp4View.FRAGMENTATION_NEEDED ? Count.FRAGMENTATION_NEEDED : Count.UNREACHABLE;
            case Icmp4View.TIME_EXCEEDED -> Count.TIME_EXCEEDED;
            case Icmp4View.REDIRECT -> Count.REDIRECT;
            default -> Count.OTHER;
        };
    }
}
