// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

/**
 * Link addresses of neighbors, as ARP and neighbor discovery have found them. Safe on every lane; allocates nothing.
 *
 * @since 0.1
 */
@Provided
public interface NeighborView {
    /** The answer for a neighbor that is not resolved, or not yet. */
    long UNRESOLVED = -1;
    /** The answer for a neighbor that did not answer; packets to it are refused until it is tried again. */
    long FAILED = -2;

    /**
     * The MAC address of an IPv4 neighbor, or {@link #UNRESOLVED} or {@link #FAILED}. A hit also marks the entry as used,
     * which is what makes a stale one be probed (RFC 4861 section 7.3.3).
     */
    long lookup4(int interfaceId, int address);

    /** The same for an IPv6 neighbor. */
    long lookup6(int interfaceId, long high, long low);
}
