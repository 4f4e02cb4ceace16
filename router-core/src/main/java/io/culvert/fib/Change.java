// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.IpPrefix;
import io.culvert.spi.FibEntry;
import org.jspecify.annotations.Nullable;

/**
 * One route put, replaced or removed, as the slots of a table see it: which answers give way, and to what.
 *
 * <p>With an old entry, its own slots give way, whether to its successor or to the next shorter prefix. Without one, every
 * slot in the new prefix gives way whose answer comes from a shorter prefix.
 */
final class Change {
    private final @Nullable FibEntry old;
    private final FibEntry fresh;
    private final int length;
    // Neighboring slots mostly have the same answer: judge it once.
    private @Nullable FibEntry judged;
    private boolean verdict;

    /** @param length of the prefix that changes */
    Change(@Nullable FibEntry old, FibEntry fresh, int length) {
        this.old = old;
        this.fresh = fresh;
        this.length = length;
    }

    FibEntry fresh() {
        return fresh;
    }

    boolean replaces(FibEntry answer) {
        if (old != null) {
            return answer == old;
        }
        if (answer != judged) {
            judged = answer;
            IpPrefix prefix = answer.prefix();
            verdict = prefix == null || prefix.length() < length;
        }
        return verdict;
    }
}
