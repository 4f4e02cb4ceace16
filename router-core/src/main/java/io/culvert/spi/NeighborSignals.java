// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

/**
 * How stages reach the slow path of neighbor discovery. Every method may be called from any lane, returns at once, and
 * loses the signal (counted) rather than queue without bound.
 *
 * @since 0.1
 */
@Provided
public interface NeighborSignals {
    /** Packets wait for this IPv4 neighbor: start resolving it unless that is under way. */
    void resolve4(int interfaceId, int address);

    /** Packets wait for this IPv6 neighbor: start resolving it unless that is under way. */
    void resolve6(int interfaceId, long high, long low);

    /**
     * An ARP packet told the sender's addresses (RFC 826).
     *
     * @param mayCreate whether an unknown sender may be entered: the packet was addressed to the router
     */
    void arp(int interfaceId, int senderAddress, long senderMac, boolean reply, boolean mayCreate);

    /** Another station claims one of the router's own IPv4 addresses (RFC 5227 section 2.4). */
    void conflict4(int interfaceId, int address, long mac);

    /** A neighbor solicitation told the sender's addresses (RFC 4861 section 7.2.3). */
    void solicitation(int interfaceId, long sourceHigh, long sourceLow, long mac);

    /**
     * A valid neighbor advertisement (RFC 4861 section 7.2.5).
     *
     * @param mac the target link-layer address option's, or -1 without one
     */
    void advertisement(
            int interfaceId,
            long targetHigh,
            long targetLow,
            long mac,
            boolean router,
            boolean solicited,
            boolean override);

    /** A node uses, or probes for, an IPv6 address that is the router's own or tentative (RFC 4862 section 5.4). */
    void conflict6(int interfaceId, long high, long low);

    /**
     * A router solicitation (RFC 4861 section 6.2.6).
     *
     * @param mac the source link-layer address option's, or -1 without one
     */
    void routerSolicitation(int interfaceId, long sourceHigh, long sourceLow, long mac);

    /**
     * A stage is to be signalled whenever a neighbor that packets wait for was resolved or failed.
     *
     * @return ends that; to be run when the stage stops
     */
    Runnable onResolution(Runnable signal);
}
