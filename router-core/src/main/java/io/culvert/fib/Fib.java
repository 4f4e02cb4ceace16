// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.FibView;
import io.culvert.spi.Ip6Batch;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The forwarding tables of all VRFs, changed by one thread while every lane looks addresses up.
 *
 * <p>A lookup takes no lock, never waits and never retries. Its answer is one that was right for the address at some
 * moment between its start and its end: while a route is put or removed, a reader gets the answer of before or of
 * after, never a third one and never {@link FibEntry#NO_ROUTE} in between. Several changes are not one step: readers may
 * see the first without the second.
 *
 * <p>A table of few routes takes some 16 KiB, one of the Internet 64 MiB and more: see {@link Ip4Table} and {@link Ip6Table}. Each has the writer's book of its
 * prefixes, in which {@link Rib} keeps its candidates too: one book instead of two is what makes a million routes small.
 */
public final class Fib implements FibView {
    /** VRF ids index an array, so they stay small. */
    public static final int MAX_VRFS = 4096;

    private static final Ip4Table[] NO_TABLES4 = {};
    private static final Ip6Table[] NO_TABLES6 = {};

    // Replaced when a VRF gets its first route of the family; elements never change.
    private volatile Ip4Table[] tables4 = NO_TABLES4;
    private volatile Ip6Table[] tables6 = NO_TABLES6;

    @Override
    public FibEntry lookup4(int vrf, int destination) {
        Ip4Table[] tables = tables4;
        if (vrf < 0 || vrf >= tables.length) {
            return FibEntry.NO_ROUTE;
        }
        return tables[vrf].lookup(destination);
    }

    @Override
    public FibEntry lookup6(int vrf, long high, long low) {
        Ip6Table[] tables = tables6;
        if (vrf < 0 || vrf >= tables.length) {
            return FibEntry.NO_ROUTE;
        }
        return tables[vrf].lookup(high, low);
    }

    @Override
    public void lookup6(int vrf, Ip6Batch batch) {
        Ip6Table[] tables = tables6;
        if (vrf < 0 || vrf >= tables.length) {
            Arrays.fill(batch.places(), 0, batch.size(), FibEntry.NO_ROUTE);
        } else {
            tables[vrf].lookup(batch);
        }
    }

    /**
     * Installs an entry under a prefix, in place of the one that is there. Routes that share an entry take less memory.
     * Writer's thread only; not for tables that a {@link Rib} fills.
     *
     * @throws IllegalArgumentException for {@link FibAction#NO_ROUTE}, which is what the absence of an entry means, for an
     *     entry of another length than the prefix, and for a VRF id outside 0 to {@link #MAX_VRFS} - 1
     */
    public void put(int vrf, IpPrefix prefix, FibEntry entry) {
        if (entry.action() == FibAction.NO_ROUTE || entry.prefixLength() != prefix.length()) {
            throw new IllegalArgumentException("not an entry to install under " + prefix + ": " + entry);
        }
        hold(vrf, prefix, new Given(entry));
        refresh(vrf, prefix);
    }

    /**
     * Takes out the entry of exactly this prefix. Writer's thread only; not for tables that a {@link Rib} fills.
     *
     * @return whether there was one
     */
    public boolean remove(int vrf, IpPrefix prefix) {
        if (release(vrf, prefix) == null) {
            return false;
        }
        refresh(vrf, prefix);
        return true;
    }

    /** Takes out all entries of all VRFs. Writer's thread only. */
    public void clear() {
        for (Ip4Table table : tables4) {
            table.clear();
        }
        for (Ip6Table table : tables6) {
            table.clear();
        }
    }

    /** All installed entries of a VRF. Writer's thread only. */
    public Map<IpPrefix, FibEntry> entries(int vrf) {
        Map<IpPrefix, FibEntry> entries = new HashMap<>();
        forEachHolding(vrf, (prefix, held) -> {
            FibEntry entry = held.installed(prefix.length());
            if (entry != null) {
                entries.put(prefix, entry);
            }
        });
        return entries;
    }

    /** How many VRFs may have routes: those from 0 on. */
    int vrfs() {
        return Math.max(tables4.length, tables6.length);
    }

    void forEachHolding(int vrf, BiConsumer<IpPrefix, Holding> visitor) {
        if (vrf >= 0 && vrf < tables4.length) {
            tables4[vrf].book().forEach(visitor::accept);
        }
        if (vrf >= 0 && vrf < tables6.length) {
            tables6[vrf].book().forEach(visitor::accept);
        }
    }

    /** What the book says of a prefix. */
    @Nullable
    Holding held(int vrf, IpPrefix prefix) {
        if (prefix instanceof Ip4Prefix ip4) {
            return vrf < 0 || vrf >= tables4.length ? null : tables4[vrf].book().get(ip4.address(), ip4.length());
        }
        return prefix instanceof Ip6Prefix ip6 && vrf >= 0 && vrf < tables6.length
                ? tables6[vrf].book().get(ip6.high(), ip6.low(), ip6.length())
                : null;
    }

    /** Writes down what the book is to say of a prefix; lanes see it after {@link #refresh}. */
    void hold(int vrf, IpPrefix prefix, Holding held) {
        if (vrf < 0 || vrf >= MAX_VRFS) {
            throw new IllegalArgumentException("VRF ids are 0 to " + (MAX_VRFS - 1) + ", got " + vrf);
        }
        if (prefix instanceof Ip4Prefix ip4) {
            table4(vrf).book().put(ip4.address(), ip4.length(), held);
        } else if (prefix instanceof Ip6Prefix ip6) {
            table6(vrf).book().put(ip6.high(), ip6.low(), ip6.length(), held);
        }
    }

    /** Strikes a prefix from the book and tells what was there; lanes see it after {@link #refresh}. */
    @Nullable
    Holding release(int vrf, IpPrefix prefix) {
        if (prefix instanceof Ip4Prefix ip4) {
            return vrf < 0 || vrf >= tables4.length ? null : tables4[vrf].book().remove(ip4.address(), ip4.length());
        }
        return prefix instanceof Ip6Prefix ip6 && vrf >= 0 && vrf < tables6.length
                ? tables6[vrf].book().remove(ip6.high(), ip6.low(), ip6.length())
                : null;
    }

    /** Lets lanes see what the book says of a prefix. */
    void refresh(int vrf, IpPrefix prefix) {
        if (prefix instanceof Ip4Prefix ip4 && vrf < tables4.length) {
            tables4[vrf].refresh(ip4.address(), ip4.length());
        } else if (prefix instanceof Ip6Prefix ip6 && vrf < tables6.length) {
            tables6[vrf].refresh(ip6.high(), ip6.low(), ip6.length());
        }
    }

    private Ip4Table table4(int vrf) {
        Ip4Table[] tables = tables4;
        if (vrf >= tables.length) {
            int known = tables.length;
            tables = Arrays.copyOf(tables, vrf + 1);
            for (int id = known; id <= vrf; id++) {
                tables[id] = new Ip4Table();
            }
            tables4 = tables;
        }
        return tables[vrf];
    }

    private Ip6Table table6(int vrf) {
        Ip6Table[] tables = tables6;
        if (vrf >= tables.length) {
            int known = tables.length;
            tables = Arrays.copyOf(tables, vrf + 1);
            for (int id = known; id <= vrf; id++) {
                tables[id] = new Ip6Table();
            }
            tables6 = tables;
        }
        return tables[vrf];
    }

    /** An entry without any candidates behind it. */
    private record Given(FibEntry entry) implements Holding {
        @Override
        public FibEntry installed(int length) {
            return entry;
        }
    }
}
