// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp6View;
import io.culvert.wire.InternetChecksum;
import io.culvert.wire.Ip6ExtensionChain;
import io.culvert.wire.Ip6FragmentView;
import io.culvert.wire.Ip6OptionsView;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.TcpView;
import io.culvert.wire.UdpView;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Keeps IPv6 packets within the MTU of the interface they leave by.
 *
 * <p>In: IPv6 packets with a transmit interface. Out: those that fit, untouched; those in transit, or from the kernel,
 * that don't go to the error stage as "packet too big" with that MTU, for only a source may fragment (RFC 8200 section 5,
 * RFC 4443 section 3.2). A superpacket fits when its segments do.
 *
 * <p>Where the router is the source itself it fragments (RFC 8200 section 4.5), to 1280 bytes at once: that passes
 * everywhere, and the router need not remember what the path behind the first link can take. Identifications are random
 * (RFC 7739).
 */
public final class Ip6MtuStage implements PacketStage {
    enum Out implements OutPort {
        NEXT(Target.next()),
        ERROR(Target.stage("icmp6-error"));

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
        NO_BUFFER_FOR_FRAGMENT("The router's own packet had to be fragmented, and no buffer was free."),
        NOT_FRAGMENTABLE("The router's own packet is too big, and its headers leave no room for a fragment.");

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
        TOO_BIG("Packets bigger than the MTU of the interface they were to leave by, not made by the router."),
        FRAGMENTED("Packets made by the router that were too big and were fragmented."),
        FRAGMENTS("Fragments that those became.");

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
                    "ip6-mtu", "Refuses IPv6 packets too big for their way out, and fragments the router's own.")
            .spec("RFC 8200 4.5", "RFC 8200 5", "RFC 4443 3.2", "RFC 8201", "RFC 7739")
            .arc(Arc.IP6_OUTPUT)
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new Ip6MtuStage());

    private static final int MAX_FRAGMENTS = 128;

    private final Ip6View ip = new Ip6View();
    private final TcpView tcp = new TcpView();
    private final Ip6ExtensionChain chain = new Ip6ExtensionChain();
    private final Ip6OptionsView extension = new Ip6OptionsView();
    private final Ip6FragmentView fragment = new Ip6FragmentView();
    private final SplittableRandom identifications = new SplittableRandom();
    private final @Nullable PacketBuffer[] followers = new PacketBuffer[MAX_FRAGMENTS];

    Ip6MtuStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        InterfaceTable interfaces = context.interfaces();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            int mtu = interfaces.get(packet.transmitInterface()).mtu();
            if (packet.length() <= mtu || sizeOnWire(packet) <= mtu) {
                context.send(packet, Out.NEXT);
            } else if (packet.generated()) {
                fragment(packet, Math.min(mtu, Ip6View.MINIMUM_MTU), context);
            } else {
                context.count(Count.TOO_BIG, 1);
                packet.setIcmpError(Icmp6View.PACKET_TOO_BIG, 0, mtu);
                context.send(packet, Out.ERROR);
            }
        }
    }

    /** Size of the packet, or of each of the packets that a superpacket stands for. */
    private int sizeOnWire(PacketBuffer packet) {
        int transport = packet.checksum() == PacketBuffer.Checksum.PARTIAL ? packet.checksumStart() : packet.l4Offset();
        if (packet.gso() == PacketBuffer.Gso.NONE || transport < packet.start()) {
            return packet.length();
        }
        if (packet.gso() == PacketBuffer.Gso.UDP) {
            return transport + UdpView.HEADER_BYTES - packet.start() + packet.gsoSize();
        }
        return tcp.wrap(packet, transport).check() == HeaderCheck.OK
                ? tcp.payloadOffset() - packet.start() + packet.gsoSize()
                : packet.length();
    }

    private void fragment(PacketBuffer packet, int size, StageContext context) {
        ip.wrap(packet, packet.l3Offset());
        chain.walk(ip);
        int unfragmentable = unfragmentableBytes(packet);
        int perFragment = (size - unfragmentable - Ip6FragmentView.HEADER_BYTES) & ~7;
        int fragmentable = packet.length() - unfragmentable;
        if (perFragment <= 0
                || fragmentable > perFragment * MAX_FRAGMENTS
                || packet.headroom() < Ip6FragmentView.HEADER_BYTES
                || chain.fragmentHeaderOffset() != PacketBuffer.UNKNOWN) {
            context.drop(packet, Drop.NOT_FRAGMENTABLE);
            return;
        }
        if (packet.checksum() == PacketBuffer.Checksum.PARTIAL) {
            InternetChecksum.finishPartial(packet);
        }
        int nextHeaderAt = lastUnfragmentableNextHeader(packet);
        int nextHeader = packet.bytes().get(nextHeaderAt) & 0xff;
        packet.bytes().put(nextHeaderAt, (byte) IpProtocol.FRAGMENT);
        long identification = identifications.nextInt() & 0xffff_ffffL;
        int count = 0;
        for (int from = perFragment; from < fragmentable; from += perFragment) {
            PacketBuffer follower = context.originate();
            if (follower == null) {
                for (int i = 0; i < count; i++) {
                    dropFollower(i, context);
                }
                context.drop(packet, Drop.NO_BUFFER_FOR_FRAGMENT);
                return;
            }
            followers[count++] = follower;
            int bytes = Math.min(perFragment, fragmentable - from);
            fill(follower, packet, unfragmentable, from, bytes);
            finish(follower, unfragmentable, nextHeader, from, from + bytes < fragmentable, identification);
        }
        packet.setEnd(packet.start() + unfragmentable + perFragment);
        packet.prepend(Ip6FragmentView.HEADER_BYTES);
        packet.copyFrom(packet, packet.start() + Ip6FragmentView.HEADER_BYTES, packet.start(), unfragmentable);
        finish(packet, unfragmentable, nextHeader, 0, true, identification);
        context.count(Count.FRAGMENTED, 1);
        context.count(Count.FRAGMENTS, count + 1L);
        context.send(packet, Out.NEXT);
        for (int i = 0; i < count; i++) {
            sendFollower(i, context);
        }
    }

    @SuppressWarnings("NullAway") // filled up to the count
    private void sendFollower(int index, StageContext context) {
        context.send(followers[index], Out.NEXT);
        followers[index] = null;
    }

    @SuppressWarnings("NullAway") // filled up to the count
    private void dropFollower(int index, StageContext context) {
        context.drop(followers[index], Drop.NO_BUFFER_FOR_FRAGMENT);
        followers[index] = null;
    }

    /** The headers that every node on the way reads, and which every fragment repeats (RFC 8200 section 4.5). */
    private int unfragmentableBytes(PacketBuffer packet) {
        int last = lastUnfragmentable();
        return last < 0
                ? Ip6View.HEADER_BYTES
                : chain.offset(last)
                        + extension.wrap(packet, chain.offset(last)).headerBytes()
                        - packet.start();
    }

    private int lastUnfragmentableNextHeader(PacketBuffer packet) {
        int last = lastUnfragmentable();
        return last < 0 ? ip.wrap(packet, packet.l3Offset()).nextHeaderOffset() : chain.offset(last);
    }

    /** The chain's index of the last Hop-by-Hop Options or Routing header, or -1. */
    private int lastUnfragmentable() {
        for (int i = chain.count() - 1; i >= 0; i--) {
            if (chain.type(i) == IpProtocol.HOP_BY_HOP || chain.type(i) == IpProtocol.ROUTING) {
                return i;
            }
        }
        return -1;
    }

    private static void fill(PacketBuffer follower, PacketBuffer whole, int unfragmentable, int from, int bytes) {
        follower.copyRoutingFrom(whole);
        int headers = unfragmentable + Ip6FragmentView.HEADER_BYTES;
        follower.setWindow(PacketBuffer.HEADROOM, headers + bytes);
        follower.copyFrom(whole, whole.start(), follower.start(), unfragmentable);
        follower.copyFrom(whole, whole.start() + unfragmentable + from, follower.start() + headers, bytes);
    }

    private void finish(
            PacketBuffer packet, int unfragmentable, int nextHeader, int offset, boolean more, long identification) {
        packet.setL3Offset(packet.start());
        packet.setL4Offset(
                offset == 0 ? packet.start() + unfragmentable + Ip6FragmentView.HEADER_BYTES : PacketBuffer.UNKNOWN);
        ip.wrap(packet, packet.start()).setPayloadLength(packet.length() - Ip6View.HEADER_BYTES);
        fragment.wrap(packet, packet.start() + unfragmentable).encode(nextHeader, offset, more, identification);
    }
}
