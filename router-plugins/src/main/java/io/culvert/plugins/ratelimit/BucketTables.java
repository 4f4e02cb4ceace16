// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.ratelimit;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The buckets of all limits of the router. They outlive a changed configuration: a limit that is about the same packets
 * finds its buckets as it left them, even when its rate is another. Any thread.
 */
final class BucketTables {
    private final Map<Limit.Identity, BucketTable> tables = new HashMap<>();

    /** The tables of these limits, in their order; those of all others are let go. */
    synchronized BucketTable[] of(List<Limit.Identity> limits) {
        tables.keySet().retainAll(limits);
        BucketTable[] found = new BucketTable[limits.size()];
        for (int i = 0; i < found.length; i++) {
            found[i] = tables.computeIfAbsent(limits.get(i), Limit.Identity::newTable);
        }
        return found;
    }
}
