// SPDX-License-Identifier: Apache-2.0
package io.culvert.neighbor;

import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.MacAddress;
import io.culvert.spi.NeighborView;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The neighbors of all interfaces, at most so many of each family, so that a scan of a connected network cannot fill
 * memory (RFC 6583).
 *
 * <p>Lookups come from any thread: they take no lock, allocate nothing, and find a neighbor at any moment between its
 * {@link #add} and its {@link #remove}. They follow the chain of a hash bucket; new neighbors go to its head, and one that
 * is taken out keeps its place in the chain for readers that are on it. The hash is seeded, because neighbors choose their
 * addresses. All other methods are for the one writer. Memory: 4 bytes per neighbor of the limit, rounded up to a power
 * of two, and about 100 per neighbor.
 */
public final class NeighborTable implements NeighborView {
    private final Family ip4;
    private final Family ip6;
    private final int limit;

    /**
     * @param limit the most neighbors of each family
     * @param seed any number that neighbors do not know
     */
    public NeighborTable(int limit, long seed) {
        if (limit < 1) {
            throw new IllegalArgumentException("a neighbor table holds 1 or more, got " + limit);
        }
        this.limit = limit;
        ip4 = new Family(limit, seed);
        ip6 = new Family(limit, ~seed);
    }

    @Override
    public long lookup4(int interfaceId, int address) {
        return hit(ip4.find(interfaceId, 0, address & 0xffff_ffffL));
    }

    @Override
    public long lookup6(int interfaceId, long high, long low) {
        return hit(ip6.find(interfaceId, high, low));
    }

    private static long hit(@Nullable Neighbor neighbor) {
        if (neighbor == null) {
            return UNRESOLVED;
        }
        neighbor.markUsed();
        return neighbor.link;
    }

    /** The neighbor with this address, without marking it as used. Any thread. */
    public @Nullable Neighbor find4(int interfaceId, int address) {
        return ip4.find(interfaceId, 0, address & 0xffff_ffffL);
    }

    /** The neighbor with this address, without marking it as used. Any thread. */
    public @Nullable Neighbor find6(int interfaceId, long high, long low) {
        return ip6.find(interfaceId, high, low);
    }

    public @Nullable Neighbor find(int interfaceId, IpAddress address) {
        if (address instanceof Ip6Address v6) {
            return find6(interfaceId, v6.high(), v6.low());
        }
        return address instanceof Ip4Address v4 ? find4(interfaceId, v4.value()) : null;
    }

    public boolean isFull(IpAddress family) {
        return family(family).size >= limit;
    }

    /**
     * The one that is missed least when another needs its place: of those that never answered the oldest, else of the
     * stale ones the oldest. Null when all are in use: those are never given up for a stranger.
     */
    public @Nullable Neighbor mostDispensable(IpAddress family) {
        Family table = family(family);
        for (Neighbor oldest : table.unanswered) {
            return oldest;
        }
        for (Neighbor oldest : table.stale) {
            return oldest;
        }
        return null;
    }

    /**
     * Enters a neighbor that is {@link NeighborState#INCOMPLETE}.
     *
     * @throws IllegalStateException when it is there already, or the family is full
     */
    public Neighbor add(int interfaceId, IpAddress address, long nowNanos) {
        if (isFull(address)) {
            throw new IllegalStateException("no room for " + address);
        }
        if (find(interfaceId, address) != null) {
            throw new IllegalStateException(address + " is there already");
        }
        Neighbor neighbor = new Neighbor(interfaceId, address, nowNanos);
        family(address).insert(neighbor);
        return neighbor;
    }

    public void remove(Neighbor neighbor) {
        family(neighbor.address()).delete(neighbor);
    }

    /** Gives it this link address, old or new, and a state in which it has one. */
    public void resolve(Neighbor neighbor, NeighborState state, long mac, long nowNanos) {
        if (mac >>> 48 != 0 || state == NeighborState.INCOMPLETE || state == NeighborState.FAILED) {
            throw new IllegalArgumentException("not resolved: " + state + " with " + mac);
        }
        enter(neighbor, state, mac, nowNanos);
    }

    /** Says that it did not answer. */
    public void fail(Neighbor neighbor, long nowNanos) {
        enter(neighbor, NeighborState.FAILED, FAILED, nowNanos);
    }

    /** Those that are {@link NeighborState#STALE}, oldest first; a copy. */
    public List<Neighbor> stale() {
        List<Neighbor> all = new ArrayList<>(ip4.stale);
        all.addAll(ip6.stale);
        return all;
    }

    public boolean hasStale() {
        return !ip4.stale.isEmpty() || !ip6.stale.isEmpty();
    }

    /** All neighbors in no order; a copy. */
    public List<Neighbor> all() {
        List<Neighbor> all = new ArrayList<>(ip4.size + ip6.size);
        ip4.addTo(all);
        ip6.addTo(all);
        return all;
    }

    /** All neighbors for people to look at, ordered by interface and address. */
    public List<NeighborStatus> snapshot(long nowNanos) {
        List<Neighbor> all = all();
        all.sort(Comparator.comparingInt((Neighbor neighbor) -> neighbor.interfaceId)
                .thenComparingInt(neighbor -> neighbor.address().bits())
                .thenComparing((a, b) -> Long.compareUnsigned(a.high, b.high))
                .thenComparing((a, b) -> Long.compareUnsigned(a.low, b.low)));
        List<NeighborStatus> rows = new ArrayList<>(all.size());
        for (Neighbor neighbor : all) {
            MacAddress mac = neighbor.isResolved() ? new MacAddress(neighbor.link) : null;
            long age = (nowNanos - neighbor.sinceNanos()) / 1_000_000;
            rows.add(new NeighborStatus(
                    neighbor.interfaceId, neighbor.address(), neighbor.state(), mac, neighbor.isRouter(), age));
        }
        return rows;
    }

    public int size4() {
        return ip4.size;
    }

    public int size6() {
        return ip6.size;
    }

    private void enter(Neighbor neighbor, NeighborState state, long link, long nowNanos) {
        Family family = family(neighbor.address());
        family.unlist(neighbor);
        neighbor.enter(state, nowNanos);
        neighbor.link = link;
        family.list(neighbor);
    }

    private Family family(IpAddress address) {
        return address instanceof Ip6Address ? ip6 : ip4;
    }

    private static final class Family {
        private final AtomicReferenceArray<@Nullable Neighbor> buckets;
        private final long seed;
        private final int shift;
        /** Who may be given up, in the order of becoming so. */
        final Set<Neighbor> unanswered = new LinkedHashSet<>();

        final Set<Neighbor> stale = new LinkedHashSet<>();
        int size;

        Family(int limit, long seed) {
            int bits = Math.max(4, 32 - Integer.numberOfLeadingZeros(limit - 1));
            buckets = new AtomicReferenceArray<>(1 << bits);
            shift = 64 - bits;
            this.seed = seed;
        }

        private int bucket(int interfaceId, long high, long low) {
            // Two rounds of multiply and fold over the seeded words; the last multiplication's high bits are the best.
            long mixed = (high ^ seed) * 0x9e37_79b9_7f4a_7c15L;
            mixed = (mixed ^ mixed >>> 29 ^ low ^ (long) interfaceId << 40) * 0xbf58_476d_1ce4_e5b9L;
            mixed = (mixed ^ mixed >>> 32 ^ seed) * 0x94d0_49bb_1331_11ebL;
            return (int) (mixed >>> shift);
        }

        @Nullable
        Neighbor find(int interfaceId, long high, long low) {
            Neighbor at = buckets.getAcquire(bucket(interfaceId, high, low));
            while (at != null && (at.low != low || at.high != high || at.interfaceId != interfaceId)) {
                at = at.next;
            }
            return at;
        }

        void insert(Neighbor neighbor) {
            int bucket = bucket(neighbor.interfaceId, neighbor.high, neighbor.low);
            neighbor.next = buckets.getPlain(bucket);
            buckets.setRelease(bucket, neighbor);
            size++;
            list(neighbor);
        }

        void delete(Neighbor neighbor) {
            int bucket = bucket(neighbor.interfaceId, neighbor.high, neighbor.low);
            Neighbor at = buckets.getPlain(bucket);
            if (at == neighbor) {
                buckets.setRelease(bucket, neighbor.next);
            } else {
                while (at != null && at.next != neighbor) {
                    at = at.next;
                }
                if (at == null) {
                    return;
                }
                at.next = neighbor.next;
            }
            size--;
            unlist(neighbor);
        }

        void list(Neighbor neighbor) {
            switch (neighbor.state()) {
                case INCOMPLETE, FAILED -> unanswered.add(neighbor);
                case STALE -> stale.add(neighbor);
                case REACHABLE, DELAY, PROBE -> {}
            }
        }

        void unlist(Neighbor neighbor) {
            unanswered.remove(neighbor);
            stale.remove(neighbor);
        }

        void addTo(List<Neighbor> all) {
            for (int i = 0; i < buckets.length(); i++) {
                for (Neighbor at = buckets.getPlain(i); at != null; at = at.next) {
                    all.add(at);
                }
            }
        }
    }
}
