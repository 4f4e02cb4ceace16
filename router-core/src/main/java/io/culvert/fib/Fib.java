// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.FibView;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The forwarding tables of all VRFs, changed in place by one thread while every lane looks addresses up.
 *
 * <p>A lookup takes no lock, never waits and never retries. Its answer is one that was right for the address at some
 * moment between its start and its end: while a route is put or removed, a reader gets the answer of before or of
 * after, never a third one and never {@link FibEntry#NO_ROUTE} in between. Several changes are not one step: readers may
 * see the first without the second.
 *
 * <p>A VRF's table of a family takes 256 KiB once it has its first route, nothing before.
 */
public final class Fib implements FibView {
    /** VRF ids index an array, so they stay small. */
    public static final int MAX_VRFS = 4096;

    private static final Ip4Table[] NO_TABLES4 = {};
    private static final Ip6Table[] NO_TABLES6 = {};

    // Replaced when a VRF gets its first route of the family; elements never change once they are not null.
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

    /**
     * Installs an entry under its prefix, in place of the one that is there. Writer's thread only.
     *
     * @throws IllegalArgumentException for {@link FibAction#NO_ROUTE}, which is what the absence of an entry means, and for
     *     a VRF id outside 0 to {@link #MAX_VRFS} - 1
     */
    public void put(int vrf, FibEntry entry) {
        IpPrefix prefix = entry.prefix();
        if (prefix == null || entry.action() == FibAction.NO_ROUTE) {
            throw new IllegalArgumentException("not an entry to install: " + entry);
        }
        if (vrf < 0 || vrf >= MAX_VRFS) {
            throw new IllegalArgumentException("VRF ids are 0 to " + (MAX_VRFS - 1) + ", got " + vrf);
        }
        if (prefix instanceof Ip4Prefix ip4) {
            table4(vrf).put(ip4, entry);
        } else if (prefix instanceof Ip6Prefix ip6) {
            table6(vrf).put(ip6, entry);
        }
    }

    /**
     * Takes out the entry of exactly this prefix. Writer's thread only.
     *
     * @return whether there was one
     */
    public boolean remove(int vrf, IpPrefix prefix) {
        if (prefix instanceof Ip4Prefix ip4) {
            return vrf >= 0 && vrf < tables4.length && tables4[vrf].remove(ip4);
        }
        return prefix instanceof Ip6Prefix ip6 && vrf >= 0 && vrf < tables6.length && tables6[vrf].remove(ip6);
    }

    /** Takes out all entries of all VRFs. Writer's thread only. */
    public void clear() {
        for (int vrf = 0; vrf < Math.max(tables4.length, tables6.length); vrf++) {
            for (FibEntry entry : entries(vrf)) {
                IpPrefix prefix = entry.prefix();
                if (prefix != null) {
                    remove(vrf, prefix);
                }
            }
        }
    }

    /** All entries of a VRF in no order. Writer's thread only. */
    public List<FibEntry> entries(int vrf) {
        List<FibEntry> entries = new ArrayList<>();
        if (vrf >= 0 && vrf < tables4.length) {
            entries.addAll(tables4[vrf].entries());
        }
        if (vrf >= 0 && vrf < tables6.length) {
            entries.addAll(tables6[vrf].entries());
        }
        return entries;
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
}
