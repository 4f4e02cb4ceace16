// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibEntry;
import io.culvert.spi.FibView;
import java.util.ArrayList;
import java.util.List;

/** Looks at every route of one VRF for each address: too simple to be wrong. */
final class LinearFib implements FibView {
    private final List<IpPrefix> prefixes = new ArrayList<>();
    private final List<FibEntry> entries = new ArrayList<>();

    void put(IpPrefix prefix, FibEntry entry) {
        remove(prefix);
        prefixes.add(prefix);
        entries.add(entry);
    }

    boolean remove(IpPrefix prefix) {
        int index = prefixes.indexOf(prefix);
        if (index >= 0) {
            prefixes.remove(index);
            entries.remove(index);
        }
        return index >= 0;
    }

    List<IpPrefix> prefixes() {
        return prefixes;
    }

    int size() {
        return prefixes.size();
    }

    @Override
    public FibEntry lookup4(int vrf, int destination) {
        FibEntry best = FibEntry.NO_ROUTE;
        for (int i = 0; i < entries.size(); i++) {
            if (prefixes.get(i) instanceof Ip4Prefix prefix && prefix.contains(destination)) {
                best = longer(entries.get(i), best);
            }
        }
        return best;
    }

    @Override
    public FibEntry lookup6(int vrf, long high, long low) {
        FibEntry best = FibEntry.NO_ROUTE;
        for (int i = 0; i < entries.size(); i++) {
            if (prefixes.get(i) instanceof Ip6Prefix prefix && prefix.contains(high, low)) {
                best = longer(entries.get(i), best);
            }
        }
        return best;
    }

    private static FibEntry longer(FibEntry entry, FibEntry than) {
        return than == FibEntry.NO_ROUTE || entry.prefixLength() > than.prefixLength() ? entry : than;
    }
}
