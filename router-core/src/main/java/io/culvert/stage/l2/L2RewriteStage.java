// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.l2;

import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Address;
import io.culvert.net.MacAddress;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.NeighborSignals;
import io.culvert.spi.NeighborView;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.wire.EtherType;
import io.culvert.wire.EthernetView;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp4View;
import io.culvert.wire.Icmp6View;
import io.culvert.wire.Ip4View;
import io.culvert.wire.Ip6View;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Gives packets about to leave an Ethernet header, and keeps those whose neighbor is still being resolved.
 *
 * <p>In: IPv4 and IPv6 packets, the window starting at the L3 header, transmit interface and next hop set. Out: {@code
 * READY}, complete for the wire: as they came on a point-to-point link, behind a 14-byte header on Ethernet. The
 * EtherType follows from the packet, not from its next hop, so an IPv4 packet may go to an IPv6 neighbor (RFC 8950).
 * Multicasts are mapped (RFC 1112 section 6.4, RFC 2464 section 7), broadcasts of the link go to all, and neither needs a
 * neighbor.
 *
 * <p>What waits for a neighbor is sent in the order it came once the neighbor is resolved, is answered with host
 * or address unreachable when the neighbor table gives up (RFC 1812 sections 3.3.2 and 4.3.3.1, RFC 4861 section 7.2.2),
 * and is dropped after 5 seconds if neither happens. At most 32 packets wait for one neighbor and 256 in all per lane; the oldest
 * makes room, for one neighbor as RFC 4861 section 7.2.2 says. The slow path is asked again every second, as it may have
 * lost the first asking.
 */
public final class L2RewriteStage implements PacketStage {
    enum Out implements OutPort {
        READY(Target.arc(Arc.DEVICE_OUTPUT)),
        UNREACHABLE4(Target.stage("icmp4-error")),
        UNREACHABLE6(Target.stage("icmp6-error"));

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
        INTERFACE_DOWN("The interface it was to leave by is down or no longer there."),
        NOT_IP("It is neither IPv4 nor IPv6, so no EtherType is known for it."),
        NEIGHBOR_QUEUE_FULL("Too many packets were waiting for a neighbor's MAC address, and this was the oldest."),
        NEIGHBOR_FAILED("The neighbor did not answer, and the packet was the router's own: there is nobody to tell."),
        NEIGHBOR_SILENT("It waited for a neighbor's MAC address until it was too old."),
        STOPPED_WHILE_WAITING("The lane stopped while it waited for a neighbor's MAC address.");

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
        HELD("Packets that had to wait for a neighbor's MAC address."),
        RELEASED("Packets sent after they had waited for a neighbor's MAC address."),
        REFUSED("Packets answered with host or address unreachable, as the neighbor did not answer.");

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
                    "l2-rewrite", "Gives packets the Ethernet header of their next hop, and waits for its MAC address.")
            .spec("RFC 894", "RFC 2464 3", "RFC 1112 6.4", "RFC 2464 7", "RFC 8950", "RFC 1812 3.3.2", "RFC 4861 7.2.2")
            .arc(Arc.L2_OUTPUT)
            .terminal()
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(L2RewriteStage::new);

    static final int HELD_PER_NEIGHBOR = 32;
    static final int HELD_IN_ALL = 256;
    private static final long HOLD_NANOS = 5_000_000_000L;
    private static final long RECHECK_NANOS = 1_000_000_000L;

    private static final long BROADCAST = 0xffff_ffff_ffffL;
    /** Destinations of an IPv4 subnet end in a broadcast address up to this length (RFC 3021). */
    private static final int LONGEST_WITH_BROADCAST = 30;

    private final NeighborSignals signals;
    private final Runnable endSignals;
    private final EthernetView ethernet = new EthernetView();
    private final Ip4View ip4 = new Ip4View();
    private final Ip6View ip6 = new Ip6View();

    // Packets that wait, in the order they came; the hash of each one's neighbor lies in an array of its own, so that
    // finding a neighbor's packets reads one kilobyte at most.
    private final @Nullable PacketBuffer[] held = new PacketBuffer[HELD_IN_ALL];
    private final int[] heldFor = new int[HELD_IN_ALL];
    private final long[] heldSince = new long[HELD_IN_ALL];
    private int heldCount;

    private L2RewriteStage(StageSetup setup) {
        signals = setup.neighborSignals();
        endSignals = signals.onResolution(setup.signal());
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        InterfaceTable interfaces = context.interfaces();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            RouterInterface by = usable(packet.transmitInterface(), interfaces);
            if (by == null) {
                context.drop(packet, Drop.INTERFACE_DOWN);
            } else if (by.link() == RouterInterface.Link.POINT_TO_POINT) {
                packet.setL2Offset(PacketBuffer.UNKNOWN);
                context.send(packet, Out.READY);
            } else {
                rewrite(packet, by, context);
            }
        }
    }

    private static @Nullable RouterInterface usable(int id, InterfaceTable interfaces) {
        return id >= 0 && id < interfaces.size() && interfaces.get(id).up() ? interfaces.get(id) : null;
    }

    private void rewrite(PacketBuffer packet, RouterInterface by, StageContext context) {
        long mac;
        if (ip4.wrap(packet, packet.start()).checkQuoted() == HeaderCheck.OK) {
            mac = groupMac4(packet, by);
        } else if (ip6.wrap(packet, packet.start()).checkQuoted() == HeaderCheck.OK) {
            mac = Ip6Address.isMulticast(ip6.destinationHigh())
                    ? MacAddress.ofIp6Multicast(ip6.destinationLow())
                    : NeighborView.UNRESOLVED;
        } else {
            context.drop(packet, Drop.NOT_IP);
            return;
        }
        if (mac >= 0) {
            transmit(packet, by, mac, context);
            return;
        }
        mac = lookup(packet, context);
        if (mac >= 0) {
            if (heldCount != 0) {
                releaseTo(packet, by, mac, context);
            }
            transmit(packet, by, mac, context);
        } else if (mac == NeighborView.FAILED) {
            refuse(packet, context);
        } else {
            hold(packet, context);
        }
    }

    /** Where an IPv4 packet goes that is not for one neighbor, or {@link NeighborView#UNRESOLVED} for one that is. */
    private long groupMac4(PacketBuffer packet, RouterInterface by) {
        int destination = ip4.destination();
        if (Ip4Address.isMulticast(destination)) {
            return MacAddress.ofIp4Multicast(destination);
        }
        boolean onLink = !packet.nextHopIs6() && packet.nextHop4() == destination;
        return destination == -1 || (onLink && isBroadcast(destination, by)) ? BROADCAST : NeighborView.UNRESOLVED;
    }

    private static boolean isBroadcast(int destination, RouterInterface by) {
        for (int i = 0; i < by.addresses().size(); i++) {
            InterfaceAddress own = by.addresses().get(i);
            if (own.address() instanceof Ip4Address ip4
                    && own.prefixLength() <= LONGEST_WITH_BROADCAST
                    && destination == (ip4.value() | ~Ip4Prefix.mask(own.prefixLength()))) {
                return true;
            }
        }
        return false;
    }

    private static long lookup(PacketBuffer packet, StageContext context) {
        NeighborView neighbors = context.neighbors();
        return packet.nextHopIs6()
                ? neighbors.lookup6(packet.transmitInterface(), packet.nextHop6High(), packet.nextHop6Low())
                : neighbors.lookup4(packet.transmitInterface(), packet.nextHop4());
    }

    private void transmit(PacketBuffer packet, RouterInterface by, long mac, StageContext context) {
        int etherType = isIp4(packet) ? EtherType.IP4 : EtherType.IP6;
        packet.prepend(EthernetView.HEADER_BYTES);
        ethernet.wrap(packet, packet.start()).encode(mac, by.mac(), etherType);
        packet.setL2Offset(packet.start());
        context.send(packet, Out.READY);
    }

    private static boolean isIp4(PacketBuffer packet) {
        return (packet.bytes().get(packet.start()) & 0xf0) == 4 << 4;
    }

    /** The neighbor did not answer. */
    private static void refuse(PacketBuffer packet, StageContext context) {
        if (packet.generated()) {
            context.drop(packet, Drop.NEIGHBOR_FAILED);
            return;
        }
        context.count(Count.REFUSED, 1);
        if (isIp4(packet)) {
            packet.setIcmpError(Icmp4View.DESTINATION_UNREACHABLE, Icmp4View.HOST_UNREACHABLE, 0);
            context.send(packet, Out.UNREACHABLE4);
        } else {
            packet.setIcmpError(Icmp6View.DESTINATION_UNREACHABLE, Icmp6View.ADDRESS_UNREACHABLE, 0);
            context.send(packet, Out.UNREACHABLE6);
        }
    }

    // --- packets that wait

    private void hold(PacketBuffer packet, StageContext context) {
        int neighbor = hashOfNeighbor(packet);
        int sameCount = 0;
        int oldestSame = 0;
        for (int i = heldCount - 1; i >= 0; i--) {
            if (heldFor[i] == neighbor && sameNeighbor(heldAt(i), packet)) {
                sameCount++;
                oldestSame = i;
            }
        }
        if (sameCount == HELD_PER_NEIGHBOR || heldCount == HELD_IN_ALL) {
            int oldest = sameCount == HELD_PER_NEIGHBOR ? oldestSame : 0;
            context.drop(heldAt(oldest), Drop.NEIGHBOR_QUEUE_FULL);
            forget(oldest);
        }
        if (heldCount == 0) {
            context.wakeAfter(RECHECK_NANOS);
        }
        held[heldCount] = packet;
        heldFor[heldCount] = neighbor;
        heldSince[heldCount] = context.nowNanos();
        heldCount++;
        context.hold(packet);
        context.count(Count.HELD, 1);
        if (sameCount == 0) {
            resolve(packet);
        }
    }

    private void resolve(PacketBuffer packet) {
        if (packet.nextHopIs6()) {
            signals.resolve6(packet.transmitInterface(), packet.nextHop6High(), packet.nextHop6Low());
        } else {
            signals.resolve4(packet.transmitInterface(), packet.nextHop4());
        }
    }

    /** Sends what waits for the neighbor of {@code packet}, which was resolved a moment ago, before it. */
    private void releaseTo(PacketBuffer packet, RouterInterface by, long mac, StageContext context) {
        int neighbor = hashOfNeighbor(packet);
        int kept = 0;
        for (int i = 0; i < heldCount; i++) {
            if (heldFor[i] == neighbor && sameNeighbor(heldAt(i), packet)) {
                context.count(Count.RELEASED, 1);
                transmit(heldAt(i), by, mac, context);
            } else {
                keep(i, kept++);
            }
        }
        shrinkTo(kept);
    }

    @Override
    public void onSignal(StageContext context) {
        recheck(context);
    }

    @Override
    public void onTimer(StageContext context) {
        recheck(context);
        for (int i = 0; i < heldCount; i++) {
            if (isFirstOfNeighbor(i)) {
                resolve(heldAt(i));
            }
        }
        if (heldCount != 0) {
            context.wakeAfter(RECHECK_NANOS);
        }
    }

    @Override
    public void onStop(StageContext context) {
        endSignals.run();
        for (int i = 0; i < heldCount; i++) {
            context.drop(heldAt(i), Drop.STOPPED_WHILE_WAITING);
        }
        shrinkTo(0);
    }

    /** Looks up the neighbors of all that wait, and decides what can be decided. */
    private void recheck(StageContext context) {
        InterfaceTable interfaces = context.interfaces();
        int kept = 0;
        for (int i = 0; i < heldCount; i++) {
            PacketBuffer packet = heldAt(i);
            RouterInterface by = usable(packet.transmitInterface(), interfaces);
            if (by == null) {
                context.drop(packet, Drop.INTERFACE_DOWN);
                continue;
            }
            long mac = lookup(packet, context);
            if (mac >= 0) {
                context.count(Count.RELEASED, 1);
                transmit(packet, by, mac, context);
            } else if (mac == NeighborView.FAILED) {
                refuse(packet, context);
            } else if (context.nowNanos() - heldSince[i] >= HOLD_NANOS) {
                context.drop(packet, Drop.NEIGHBOR_SILENT);
            } else {
                keep(i, kept++);
            }
        }
        shrinkTo(kept);
    }

    @SuppressWarnings("NullAway") // slots below heldCount are filled
    private PacketBuffer heldAt(int index) {
        return held[index];
    }

    private void keep(int from, int to) {
        held[to] = held[from];
        heldFor[to] = heldFor[from];
        heldSince[to] = heldSince[from];
    }

    private void forget(int index) {
        for (int i = index + 1; i < heldCount; i++) {
            keep(i, i - 1);
        }
        shrinkTo(heldCount - 1);
    }

    private void shrinkTo(int count) {
        Arrays.fill(held, count, heldCount, null);
        heldCount = count;
    }

    private boolean isFirstOfNeighbor(int index) {
        for (int i = 0; i < index; i++) {
            if (heldFor[i] == heldFor[index] && sameNeighbor(heldAt(i), heldAt(index))) {
                return false;
            }
        }
        return true;
    }

    private static int hashOfNeighbor(PacketBuffer packet) {
        long address = packet.nextHopIs6() ? packet.nextHop6High() * 31 + packet.nextHop6Low() : packet.nextHop4();
        long mixed = (address + packet.transmitInterface()) * 0x9e37_79b9_7f4a_7c15L;
        return (int) (mixed >>> 32);
    }

    private static boolean sameNeighbor(PacketBuffer one, PacketBuffer other) {
        if (one.transmitInterface() != other.transmitInterface() || one.nextHopIs6() != other.nextHopIs6()) {
            return false;
        }
        return one.nextHopIs6()
                ? one.nextHop6High() == other.nextHop6High() && one.nextHop6Low() == other.nextHop6Low()
                : one.nextHop4() == other.nextHop4();
    }
}
