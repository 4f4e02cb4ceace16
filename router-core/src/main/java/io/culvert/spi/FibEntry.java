// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import io.culvert.net.IpPrefix;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a forwarding lookup finds: an action and, for {@link FibAction#FORWARD}, its equal-cost next hops. Immutable. */
public final class FibEntry {
    /** The answer of every lookup that finds no route. */
    public static final FibEntry NO_ROUTE = new FibEntry(null, FibAction.NO_ROUTE, List.of());

    private final @Nullable IpPrefix prefix;
    private final FibAction action;
    private final NextHop[] nextHops;

    /**
     * @param prefix the route's prefix; null for {@link #NO_ROUTE} alone
     * @param nextHops at least one for {@link FibAction#FORWARD}; one naming the interface for LOCAL and BROADCAST; else none
     */
    public FibEntry(@Nullable IpPrefix prefix, FibAction action, List<NextHop> nextHops) {
        boolean needsOne = action == FibAction.FORWARD || action == FibAction.BROADCAST;
        if (needsOne && nextHops.isEmpty()) {
            throw new IllegalArgumentException(action + " needs a next hop");
        }
        this.prefix = prefix;
        this.action = action;
        this.nextHops = nextHops.toArray(NextHop[]::new);
    }

    public @Nullable IpPrefix prefix() {
        return prefix;
    }

    public FibAction action() {
        return action;
    }

    public int nextHopCount() {
        return nextHops.length;
    }

    public NextHop nextHop(int index) {
        return nextHops[index];
    }

    /** The next hop of a flow: equal hashes, equal choice (RFC 2992). */
    public NextHop select(int flowHash) {
        // The high bits of hash * count choose without a division and without favouring the first.
        return nextHops.length == 1
                ? nextHops[0]
                : nextHops[(int) (((flowHash & 0xffff_ffffL) * nextHops.length) >>> 32)];
    }

    @Override
    public String toString() {
        return prefix + " " + action + " " + List.of(nextHops);
    }
}
