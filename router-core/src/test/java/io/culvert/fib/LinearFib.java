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
    private final List<FibEntry> entries = new ArrayList<>();

    void put(FibEntry entry) {
        remove(entry.prefix());
        entries.add(entry);
    }

    boolean remove(IpPrefix prefix) {
        return entries.removeIf(entry -> entry.prefix().equals(prefix));
    }

    List<FibEntry> entries() {
        return entries;
    }

    @Override
    public FibEntry lookup4(int vrf, int destination) {
        FibEntry best = FibEntry.NO_ROUTE;
        for (FibEntry entry : entries) {
            if (entry.prefix() instanceof Ip4Prefix prefix && prefix.contains(destination) && longer(entry, best)) {
                best = entry;
            }
        }
        return best;
    }

    @Override
    public FibEntry lookup6(int vrf, long high, long low) {
        FibEntry best = FibEntry.NO_ROUTE;
        for (FibEntry entry : entries) {
            if (entry.prefix() instanceof Ip6Prefix prefix && prefix.contains(high, low) && longer(entry, best)) {
                best = entry;
            }
        }
        return best;
    }

    private static boolean longer(FibEntry entry, FibEntry than) {
        return than.prefix() == null || entry.prefix().length() > than.prefix().length();
    }
}
