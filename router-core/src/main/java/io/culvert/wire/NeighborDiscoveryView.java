// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import io.culvert.net.Ip6Address;
import io.culvert.packet.PacketBuffer;

/**
 * A Neighbor Discovery message (RFC 4861 section 4), which is an ICMPv6 message. It reaches to the packet's end.
 *
 * <pre>
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |     Type      |   Code (0)    |           Checksum            |
 * | Cur hop limit |M|O|  Reserved |        Router lifetime        |  router advertisement
 * |                         Reachable time                        |
 * |                        Retransmit timer                       |
 * |R|S|O|                      Reserved                           |  neighbor advertisement (solicitation: no flags)
 * |                   Target address (128 bits)                   |  redirect too, and then
 * |                 Destination address (128 bits)                |
 * |  options ...
 * </pre>
 *
 * <p>Setting a type by {@code encode} voids {@link #check}.
 *
 * @since 0.1
 */
public final class NeighborDiscoveryView extends View {
    public static final int ROUTER_SOLICITATION = 133;
    public static final int ROUTER_ADVERTISEMENT = 134;
    public static final int NEIGHBOR_SOLICITATION = 135;
    public static final int NEIGHBOR_ADVERTISEMENT = 136;
    public static final int REDIRECT = 137;

    /** Sizes without options. */
    public static final int ROUTER_SOLICITATION_BYTES = 8;

    public static final int ROUTER_ADVERTISEMENT_BYTES = 16;
    public static final int NEIGHBOR_SOLICITATION_BYTES = 24;
    public static final int NEIGHBOR_ADVERTISEMENT_BYTES = 24;
    public static final int REDIRECT_BYTES = 40;

    /** The hop limit of every Neighbor Discovery packet: it proves that no router was passed. */
    public static final int HOP_LIMIT = 255;

    /** What {@link #linkLayerAddress} returns when the option is missing. */
    public static final long NO_ADDRESS = -1;

    private static final int TYPE = 0;
    private static final int CODE = 1;
    private static final int CHECKSUM = 2;
    private static final int VALUE = 4;
    private static final int CURRENT_HOP_LIMIT = 4;
    private static final int NEIGHBOR_FLAGS = 4;
    private static final int ROUTER_FLAGS = 5;
    private static final int ROUTER_LIFETIME = 6;
    private static final int REACHABLE_TIME = 8;
    private static final int RETRANSMIT_TIMER = 12;
    private static final int TARGET_HIGH = 8;
    private static final int TARGET_LOW = 16;
    private static final int DESTINATION_HIGH = 24;
    private static final int DESTINATION_LOW = 32;

    private static final int MANAGED = 0x80;
    private static final int OTHER = 0x40;
    private static final int ROUTER = 0x80;
    private static final int SOLICITED = 0x40;
    private static final int OVERRIDE = 0x20;

    /** The upper 40 bits of the low half of ff02::1:ff00:0/104. */
    private static final long SOLICITED_NODE_LOW = 0x01_ffL;

    private final NdOptions options = new NdOptions();

    public NeighborDiscoveryView wrap(PacketBuffer packet, int offset) {
        attach(packet, offset);
        return this;
    }

    /** Whether an ICMPv6 type is one of the five of this view. */
    public static boolean isNeighborDiscovery(int icmpType) {
        return icmpType >= ROUTER_SOLICITATION && icmpType <= REDIRECT;
    }

    /**
     * Judges the message as RFC 4861 sections 6.1.1, 6.1.2, 7.1.1, 7.1.2 and 8.1 ask: what fails must be dropped silently.
     * Left to the caller: whether the packet came as a fragment (RFC 6980), and whether a redirect's source is the router
     * in use.
     *
     * @param ip the packet's header
     * @return {@link HeaderCheck#TOO_SHORT}, {@link HeaderCheck#BAD_TYPE}, {@link HeaderCheck#BAD_HOP_LIMIT}, {@link
     *     HeaderCheck#BAD_CHECKSUM}, {@link HeaderCheck#BAD_CODE}, {@link HeaderCheck#BAD_ADDRESS}, {@link
     *     HeaderCheck#BAD_OPTION} or {@link HeaderCheck#OK}
     */
    public HeaderCheck check(Ip6View ip) {
        int available = available();
        if (available < Icmp6View.HEADER_BYTES) {
            return HeaderCheck.TOO_SHORT;
        }
        if (!isNeighborDiscovery(type())) {
            return HeaderCheck.BAD_TYPE;
        }
        if (available < fixedBytes()) {
            return HeaderCheck.TOO_SHORT;
        }
        if (ip.hopLimit() != HOP_LIMIT) {
            return HeaderCheck.BAD_HOP_LIMIT;
        }
        if (packet.checksum() == PacketBuffer.Checksum.UNVERIFIED
                && !InternetChecksum.verify(packet, at, available, ip.pseudoHeader(IpProtocol.ICMP6, available))) {
            return HeaderCheck.BAD_CHECKSUM;
        }
        if (u8(CODE) != 0) {
            return HeaderCheck.BAD_CODE;
        }
        if (!hasProperAddresses(ip)) {
            return HeaderCheck.BAD_ADDRESS;
        }
        return hasProperOptions(ip) ? HeaderCheck.OK : HeaderCheck.BAD_OPTION;
    }

    private boolean hasProperAddresses(Ip6View ip) {
        return switch (type()) {
            case ROUTER_ADVERTISEMENT -> Ip6Address.isLinkLocal(ip.sourceHigh());
            case NEIGHBOR_SOLICITATION ->
                !Ip6Address.isMulticast(targetHigh())
                        && (!hasNoSource(ip) || isSolicitedNode(ip.destinationHigh(), ip.destinationLow()));
            case NEIGHBOR_ADVERTISEMENT ->
                !Ip6Address.isMulticast(targetHigh()) && !(solicited() && Ip6Address.isMulticast(ip.destinationHigh()));
            case REDIRECT ->
                Ip6Address.isLinkLocal(ip.sourceHigh())
                        && !Ip6Address.isMulticast(destinationHigh())
                        && (Ip6Address.isLinkLocal(targetHigh())
                                || (targetHigh() == destinationHigh() && targetLow() == destinationLow()));
            default -> true;
        };
    }

    private boolean hasProperOptions(Ip6View ip) {
        boolean mayNameSource = !hasNoSource(ip);
        options.wrap(packet, optionsOffset());
        while (options.next()) {
            if (options.type() == NdOptions.SOURCE_LINK_LAYER && !mayNameSource) {
                return false;
            }
        }
        return !options.malformed();
    }

    private static boolean hasNoSource(Ip6View ip) {
        return Ip6Address.isUnspecified(ip.sourceHigh(), ip.sourceLow());
    }

    private static boolean isSolicitedNode(long high, long low) {
        return high == Ip6Address.SOLICITED_NODE_HIGH && low >>> 24 == SOLICITED_NODE_LOW;
    }

    private int fixedBytes() {
        return switch (type()) {
            case ROUTER_SOLICITATION -> ROUTER_SOLICITATION_BYTES;
            case ROUTER_ADVERTISEMENT -> ROUTER_ADVERTISEMENT_BYTES;
            case NEIGHBOR_SOLICITATION -> NEIGHBOR_SOLICITATION_BYTES;
            case NEIGHBOR_ADVERTISEMENT -> NEIGHBOR_ADVERTISEMENT_BYTES;
            default -> REDIRECT_BYTES;
        };
    }

    public int type() {
        return u8(TYPE);
    }

    /** Of a router advertisement: what hosts shall start with; 0 says nothing. */
    public int currentHopLimit() {
        return u8(CURRENT_HOP_LIMIT);
    }

    /** Of a router advertisement: addresses come by DHCPv6. */
    public boolean managed() {
        return (u8(ROUTER_FLAGS) & MANAGED) != 0;
    }

    /** Of a router advertisement: other settings come by DHCPv6. */
    public boolean otherConfiguration() {
        return (u8(ROUTER_FLAGS) & OTHER) != 0;
    }

    /** Of a router advertisement, in seconds; 0 when it is no default router. */
    public int routerLifetime() {
        return u16(ROUTER_LIFETIME);
    }

    /** Of a router advertisement, in milliseconds; 0 says nothing. */
    public long reachableTime() {
        return u32(REACHABLE_TIME);
    }

    /** Of a router advertisement, in milliseconds; 0 says nothing. */
    public long retransmitTimer() {
        return u32(RETRANSMIT_TIMER);
    }

    /** Of a neighbor advertisement: the sender is a router. */
    public boolean router() {
        return (u8(NEIGHBOR_FLAGS) & ROUTER) != 0;
    }

    /** Of a neighbor advertisement: it answers a solicitation. */
    public boolean solicited() {
        return (u8(NEIGHBOR_FLAGS) & SOLICITED) != 0;
    }

    /** Of a neighbor advertisement: it replaces a link-layer address that is known already. */
    public boolean override() {
        return (u8(NEIGHBOR_FLAGS) & OVERRIDE) != 0;
    }

    /** Of a neighbor solicitation, advertisement or redirect. */
    public long targetHigh() {
        return i64(TARGET_HIGH);
    }

    /** Of a neighbor solicitation, advertisement or redirect. */
    public long targetLow() {
        return i64(TARGET_LOW);
    }

    /** Of a redirect. */
    public long destinationHigh() {
        return i64(DESTINATION_HIGH);
    }

    /** Of a redirect. */
    public long destinationLow() {
        return i64(DESTINATION_LOW);
    }

    /** Position of the first option, if any. */
    public int optionsOffset() {
        return at + fixedBytes();
    }

    /**
     * The MAC address in the first option of a type.
     *
     * @param optionType {@link NdOptions#SOURCE_LINK_LAYER} or {@link NdOptions#TARGET_LINK_LAYER}
     * @return {@link #NO_ADDRESS} when there is none
     */
    public long linkLayerAddress(int optionType) {
        options.wrap(packet, optionsOffset());
        while (options.next()) {
            if (options.type() == optionType) {
                return options.mac();
            }
        }
        return NO_ADDRESS;
    }

    /** Writes a whole router solicitation without options and checksum. */
    public NeighborDiscoveryView encodeRouterSolicitation() {
        return encodeStart(ROUTER_SOLICITATION, 0);
    }

    /**
     * Writes a whole router advertisement without options and checksum.
     *
     * @param routerLifetime in seconds, at most 9000
     * @param reachableTime in milliseconds
     * @param retransmitTimer in milliseconds
     */
    public NeighborDiscoveryView encodeRouterAdvertisement(
            int currentHopLimit,
            boolean managed,
            boolean otherConfiguration,
            int routerLifetime,
            long reachableTime,
            long retransmitTimer) {
        encodeStart(ROUTER_ADVERTISEMENT, 0);
        put8(CURRENT_HOP_LIMIT, currentHopLimit);
        put8(ROUTER_FLAGS, (managed ? MANAGED : 0) | (otherConfiguration ? OTHER : 0));
        put16(ROUTER_LIFETIME, routerLifetime);
        put32(REACHABLE_TIME, (int) reachableTime);
        put32(RETRANSMIT_TIMER, (int) retransmitTimer);
        return this;
    }

    /** Writes a whole neighbor solicitation without options and checksum. */
    public NeighborDiscoveryView encodeNeighborSolicitation(long targetHigh, long targetLow) {
        encodeStart(NEIGHBOR_SOLICITATION, 0);
        put64(TARGET_HIGH, targetHigh);
        put64(TARGET_LOW, targetLow);
        return this;
    }

    /** Writes a whole neighbor advertisement without options and checksum. */
    public NeighborDiscoveryView encodeNeighborAdvertisement(
            boolean router, boolean solicited, boolean override, long targetHigh, long targetLow) {
        encodeStart(
                NEIGHBOR_ADVERTISEMENT,
                ((router ? ROUTER : 0) | (solicited ? SOLICITED : 0) | (override ? OVERRIDE : 0)) << 24);
        put64(TARGET_HIGH, targetHigh);
        put64(TARGET_LOW, targetLow);
        return this;
    }

    /** Writes a whole redirect without options and checksum. */
    public NeighborDiscoveryView encodeRedirect(
            long targetHigh, long targetLow, long destinationHigh, long destinationLow) {
        encodeStart(REDIRECT, 0);
        put64(TARGET_HIGH, targetHigh);
        put64(TARGET_LOW, targetLow);
        put64(DESTINATION_HIGH, destinationHigh);
        put64(DESTINATION_LOW, destinationLow);
        return this;
    }

    private NeighborDiscoveryView encodeStart(int type, int value) {
        put8(TYPE, type);
        put8(CODE, 0);
        put16(CHECKSUM, 0);
        put32(VALUE, value);
        return this;
    }

    /** Computes the checksum from nothing, over all that reaches to the packet's end, options included. */
    public void updateChecksum(Ip6View ip) {
        int length = available();
        put16(CHECKSUM, 0);
        put16(CHECKSUM, InternetChecksum.compute(packet, at, length, ip.pseudoHeader(IpProtocol.ICMP6, length)));
    }
}
