// SPDX-License-Identifier: Apache-2.0
package io.culvert.neighbor;

import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.spi.NeighborView;
import org.jspecify.annotations.Nullable;

/**
 * One neighbor in a {@link NeighborTable}. Its identity is that of the object: a neighbor that was removed and is found
 * again is another one. State is changed through the table, by its writer alone; lanes read the link address and leave
 * a mark.
 */
public final class Neighbor {
    final int interfaceId;
    final long high;
    final long low;
    private final IpAddress address;

    /** The bucket's next; kept after this one is removed, so that a reader on it finds the rest. */
    volatile @Nullable Neighbor next;

    volatile long link = NeighborView.UNRESOLVED;
    private volatile boolean used;

    private NeighborState state = NeighborState.INCOMPLETE;
    private long sinceNanos;
    private int tries;
    private boolean router;

    Neighbor(int interfaceId, IpAddress address, long nowNanos) {
        this.interfaceId = interfaceId;
        this.address = address;
        if (address instanceof Ip6Address ip6) {
            high = ip6.high();
            low = ip6.low();
        } else {
            high = 0;
            low = ((Ip4Address) address).value() & 0xffff_ffffL;
        }
        sinceNanos = nowNanos;
    }

    public int interfaceId() {
        return interfaceId;
    }

    public IpAddress address() {
        return address;
    }

    /** The MAC address, or {@link NeighborView#UNRESOLVED} or {@link NeighborView#FAILED}. */
    public long link() {
        return link;
    }

    public boolean isResolved() {
        return link >= 0;
    }

    public NeighborState state() {
        return state;
    }

    /** When it came into its state, in the clock of the writer. */
    public long sinceNanos() {
        return sinceNanos;
    }

    /** How often it was asked in this state. */
    public int tries() {
        return tries;
    }

    public void countTry() {
        tries++;
    }

    /** Whether it called itself a router (RFC 4861 section 7.2.5). */
    public boolean isRouter() {
        return router;
    }

    public void setRouter(boolean router) {
        this.router = router;
    }

    /** Whether a packet went to it since {@link #clearUsed}. */
    public boolean isUsed() {
        return used;
    }

    public void clearUsed() {
        used = false;
    }

    /** Lanes mark it. Tested first, so that the cache line is not written for every packet. */
    void markUsed() {
        if (!used) {
            used = true;
        }
    }

    void enter(NeighborState newState, long nowNanos) {
        if (state != newState) {
            state = newState;
            sinceNanos = nowNanos;
        }
        tries = 0;
    }

    @Override
    public String toString() {
        return address + " on " + interfaceId + " " + state;
    }
}
