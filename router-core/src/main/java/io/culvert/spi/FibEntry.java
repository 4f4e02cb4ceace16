// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.util.Arrays;
import java.util.List;

/**
 * What a forwarding lookup finds: an action and, for {@link FibAction#FORWARD}, its equal-cost next hops. Immutable.
 *
 * <p>An entry names no prefix, only its length, so that the many routes of a length which lead the same way share one; the
 * prefix that matched is the address looked up, cut to that length.
 *
 * @since 0.1
 */
public final class FibEntry {
    /** The answer of every lookup that finds no route. */
    public static final FibEntry NO_ROUTE = new FibEntry(0, FibAction.NO_ROUTE, List.of());

    private final int prefixLength;
    private final FibAction action;
    private final NextHop[] nextHops;

    /**
     * @param prefixLength the length of the routes' prefixes; 0 for {@link #NO_ROUTE}
     * @param nextHops at least one for {@link FibAction#FORWARD}; one naming the interface for LOCAL and BROADCAST; else none
     */
    public FibEntry(int prefixLength, FibAction action, List<NextHop> nextHops) {
        boolean needsOne = action == FibAction.FORWARD || action == FibAction.BROADCAST;
        if (needsOne && nextHops.isEmpty()) {
            throw new IllegalArgumentException(action + " needs a next hop");
        }
        this.prefixLength = prefixLength;
        this.action = action;
        this.nextHops = nextHops.toArray(NextHop[]::new);
    }

    /** How many leading bits of the address the route has decided by. */
    public int prefixLength() {
        return prefixLength;
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

    /** Whether packets fare alike with another entry. */
    public boolean answersLike(FibEntry other) {
        return action == other.action && Arrays.equals(nextHops, other.nextHops);
    }

    @Override
    public String toString() {
        return "/" + prefixLength + " " + action + " " + List.of(nextHops);
    }
}
