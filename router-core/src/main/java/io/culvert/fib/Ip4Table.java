// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.Ip4Prefix;
import io.culvert.spi.FibEntry;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/**
 * Longest-prefix match over IPv4 by direct indexing: the address is cut into 16, 8, 4 and 4 bits, each part indexes an
 * array, and every slot holds the answer itself or the array of the next part.
 *
 * <pre>
 *   bits  0..15      16..23      24..27     28..31
 *       [65536] ---&gt; [256] ---&gt; [16] ---&gt; [16]
 *          |            |          |          |
 *       FibEntry     FibEntry   FibEntry   FibEntry
 * </pre>
 *
 * <p>Lookup: 1 array read for a route of up to 16 bits, 2 up to 24, at most 4. Changing a route writes each slot that it
 * is the answer of: 1 for a /16, /24, /28 or /32, at most 65,536 and all arrays below for the default route. Memory:
 * 256 KiB, 1 KiB for each /16 that holds a longer prefix (64 MiB when all do), 80 bytes for each /24 and each /28 that
 * does, and about 100 bytes per route for the writer's own books.
 *
 * <p>Why a reader is never wrong: every slot holds the full answer for its addresses (routes are pushed down into
 * the arrays), so the last read alone decides; an array is filled before it is published, and one that was taken out is
 * not written again, so a reader still in it gets what was right when it was taken out. The collector keeps what readers
 * still hold, which spares the epochs that recycled indexes would need.
 */
final class Ip4Table {
    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(Object[].class);

    /** Where each level's bits end. */
    private static final int[] LEVEL_END = {16, 24, 28, 32};

    private final Map<Ip4Prefix, FibEntry> installed = new HashMap<>();
    private final int[] countOfLength = new int[33];

    /** Slots of the first level; empty before the first route. */
    private volatile Object[] root = {};

    FibEntry lookup(int address) {
        Object[] slots = root;
        if (slots.length == 0) {
            return FibEntry.NO_ROUTE;
        }
        Object at = SLOT.getAcquire(slots, address >>> 16);
        if (at instanceof FibEntry entry) {
            return entry;
        }
        at = SLOT.getAcquire((Object[]) at, address >>> 8 & 0xff);
        if (at instanceof FibEntry entry) {
            return entry;
        }
        at = SLOT.getAcquire((Object[]) at, address >>> 4 & 0xf);
        if (at instanceof FibEntry entry) {
            return entry;
        }
        return (FibEntry) SLOT.getAcquire((Object[]) at, address & 0xf);
    }

    void put(Ip4Prefix prefix, FibEntry entry) {
        FibEntry old = installed.put(prefix, entry);
        if (old == null) {
            countOfLength[prefix.length()]++;
        }
        if (root.length == 0) {
            Object[] empty = new Object[1 << LEVEL_END[0]];
            Arrays.fill(empty, FibEntry.NO_ROUTE);
            root = empty;
        }
        apply(root, 0, prefix, new Change(old, entry, prefix.length()));
    }

    boolean remove(Ip4Prefix prefix) {
        FibEntry old = installed.remove(prefix);
        if (old == null) {
            return false;
        }
        countOfLength[prefix.length()]--;
        apply(root, 0, prefix, new Change(old, covering(prefix), prefix.length()));
        return true;
    }

    Collection<FibEntry> entries() {
        return installed.values();
    }

    /** The entry that answers for the prefix's addresses when the prefix itself is not there. */
    private FibEntry covering(Ip4Prefix prefix) {
        for (int length = prefix.length() - 1; length >= 0; length--) {
            if (countOfLength[length] != 0) {
                FibEntry entry = installed.get(prefix.first().prefix(length));
                if (entry != null) {
                    return entry;
                }
            }
        }
        return FibEntry.NO_ROUTE;
    }

    /** Changes the prefix's slots in or below {@code slots}, which is an array of {@code level}. */
    private static void apply(Object[] slots, int level, Ip4Prefix prefix, Change change) {
        int end = LEVEL_END[level];
        int index = prefix.address() >>> (32 - end) & (slots.length - 1);
        if (prefix.length() <= end) {
            repaint(slots, index, 1 << (end - prefix.length()), change);
            return;
        }
        Object at = slots[index];
        Object[] child;
        if (at instanceof FibEntry answer) {
            child = new Object[1 << (LEVEL_END[level + 1] - end)];
            Arrays.fill(child, answer);
            SLOT.setRelease(slots, index, child);
        } else {
            child = (Object[]) at;
        }
        apply(child, level + 1, prefix, change);
        if (isUniform(child)) {
            SLOT.setRelease(slots, index, child[0]);
        }
    }

    /** Whether one entry answers for the whole array, which then is not needed. Arrays in slots differ from all else. */
    private static boolean isUniform(Object[] slots) {
        Object first = slots[0];
        for (int i = 1; i < slots.length; i++) {
            if (slots[i] != first) {
                return false;
            }
        }
        return true;
    }

    private static void repaint(Object[] slots, int from, int count, Change change) {
        for (int i = from; i < from + count; i++) {
            Object at = slots[i];
            if (!(at instanceof FibEntry answer)) {
                Object[] child = (Object[]) at;
                repaint(child, 0, child.length, change);
            } else if (change.replaces(answer)) {
                SLOT.setRelease(slots, i, change.fresh());
            }
        }
    }
}
