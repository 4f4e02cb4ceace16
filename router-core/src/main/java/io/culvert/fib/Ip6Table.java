// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.Ip6Prefix;
import io.culvert.spi.FibEntry;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Longest-prefix match over IPv6 by a path-compressed trie: the first 16 bits index an array, then each node tests 4 bits
 * at once, and stretches in which nothing branches and no route ends are skipped.
 *
 * <p>A node stands where an address's bits up to its {@code offset} (16, 20, ... 124) are known. It holds the routes of
 * {@code offset + 1} to {@code offset + 4} bits that share those bits, as 16 slots with the full answer or a deeper
 * node, and the answer for addresses that came its way but differ in the bits that were skipped.
 *
 * <p>A node exists only if a route ends in it or two deeper nodes hang on it, so there are fewer than two per route:
 * at 120 bytes each, plus about 120 per route for the writer's own books and 256 KiB for the first level, 250,000 routes
 * take at most 90 MiB, however they lie. A lookup visits one node per branching, with random prefixes about
 * {@code log16} of the routes that share 16 bits, never more than 28. Changing a route writes the slots that it is the
 * answer of: at most 65,536 and all nodes below for the default route.
 *
 * <p>Why a reader is never wrong: as in {@link Ip4Table}, the one last read decides, because slots hold full answers.
 * A node is complete before it is published; one that was taken out is not written again, and all that still hangs on it
 * was in place when it was taken out.
 */
final class Ip6Table {
    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(Object[].class);
    private static final int ROOT_BITS = 16;
    private static final int STRIDE = 4;
    private static final int WIDTH = 1 << STRIDE;

    private final Map<Ip6Prefix, FibEntry> installed = new HashMap<>();
    private final int[] countOfLength = new int[129];

    /** Slots of the first level; empty before the first route. */
    private volatile Object[] root = {};

    FibEntry lookup(long high, long low) {
        Object[] slots = root;
        if (slots.length == 0) {
            return FibEntry.NO_ROUTE;
        }
        Object at = SLOT.getAcquire(slots, (int) (high >>> (64 - ROOT_BITS)));
        while (!(at instanceof FibEntry)) {
            Node node = (Node) at;
            if (node.differs(high, low)) {
                return node.outside;
            }
            at = SLOT.getAcquire(node.slots, bits(high, low, node.offset));
        }
        return (FibEntry) at;
    }

    void put(Ip6Prefix prefix, FibEntry entry) {
        FibEntry old = installed.put(prefix, entry);
        if (old == null) {
            countOfLength[prefix.length()]++;
        }
        if (root.length == 0) {
            Object[] empty = new Object[1 << ROOT_BITS];
            Arrays.fill(empty, FibEntry.NO_ROUTE);
            root = empty;
        }
        Change change = new Change(old, entry, prefix.length());
        int first = (int) (prefix.high() >>> (64 - ROOT_BITS));
        if (prefix.length() <= ROOT_BITS) {
            repaint(root, first, 1 << (ROOT_BITS - prefix.length()), change);
        } else {
            insert(root, first, prefix, change);
        }
    }

    boolean remove(Ip6Prefix prefix) {
        FibEntry old = installed.remove(prefix);
        if (old == null) {
            return false;
        }
        countOfLength[prefix.length()]--;
        Change change = new Change(old, covering(prefix), prefix.length());
        int first = (int) (prefix.high() >>> (64 - ROOT_BITS));
        if (prefix.length() <= ROOT_BITS) {
            repaint(root, first, 1 << (ROOT_BITS - prefix.length()), change);
        } else {
            delete(root, first, prefix, change);
        }
        return true;
    }

    Collection<FibEntry> entries() {
        return installed.values();
    }

    /** The entry that answers for the prefix's addresses when the prefix itself is not there. */
    private FibEntry covering(Ip6Prefix prefix) {
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

    /** Makes the prefix's node below {@code slots[index]} unless it is there, and changes its slots. */
    private static void insert(Object[] slots, int index, Ip6Prefix prefix, Change change) {
        int offset = nodeOffset(prefix.length());
        Object at = slots[index];
        if (at instanceof FibEntry around) {
            Node leaf = new Node(prefix.high(), prefix.low(), offset, around);
            repaint(leaf, prefix, change);
            SLOT.setRelease(slots, index, leaf);
            return;
        }
        Node node = (Node) at;
        int common = Math.min(node.commonBits(prefix.high(), prefix.low()), Math.min(node.offset, offset));
        if (common == offset && node.offset == offset) {
            repaint(node, prefix, change);
        } else if (common == node.offset) {
            insert(node.slots, bits(prefix.high(), prefix.low(), common), prefix, change);
        } else {
            // The prefix leaves the skipped stretch of this node, or ends in it: a node has to stand there.
            Node fork = new Node(prefix.high(), prefix.low(), common & -STRIDE, node.outside);
            fork.slots[bits(node.high, node.low, fork.offset)] = node;
            if (fork.offset < offset) {
                Node leaf = new Node(prefix.high(), prefix.low(), offset, node.outside);
                repaint(leaf, prefix, change);
                fork.slots[bits(prefix.high(), prefix.low(), fork.offset)] = leaf;
                SLOT.setRelease(slots, index, fork);
            } else {
                SLOT.setRelease(slots, index, fork);
                repaint(fork, prefix, change);
            }
        }
    }

    /** Changes the slots of the prefix's node, which is below {@code slots[index]}, and takes out nodes not needed any more. */
    private static void delete(Object[] slots, int index, Ip6Prefix prefix, Change change) {
        Node node = (Node) slots[index];
        if (node.offset == nodeOffset(prefix.length())) {
            repaint(node, prefix, change);
        } else {
            delete(node.slots, bits(prefix.high(), prefix.low(), node.offset), prefix, change);
        }
        Object rest = node.successor();
        if (rest != node) {
            SLOT.setRelease(slots, index, rest);
        }
    }

    /** The offset of the node in which a prefix longer than the first level ends. */
    private static int nodeOffset(int length) {
        return (length - 1) & -STRIDE;
    }

    /** The {@link #STRIDE} bits from {@code offset} on. */
    private static int bits(long high, long low, int offset) {
        long half = offset < 64 ? high : low;
        return (int) (half >>> (64 - STRIDE - (offset & 63))) & (WIDTH - 1);
    }

    private static void repaint(Node node, Ip6Prefix prefix, Change change) {
        int from = bits(prefix.high(), prefix.low(), node.offset);
        repaint(node.slots, from, 1 << (node.offset + STRIDE - prefix.length()), change);
    }

    private static void repaint(Object[] slots, int from, int count, Change change) {
        for (int i = from; i < from + count; i++) {
            Object at = slots[i];
            if (at instanceof Node node) {
                if (change.replaces(node.outside)) {
                    node.outside = change.fresh();
                }
                repaint(node.slots, 0, WIDTH, change);
            } else if (change.replaces((FibEntry) at)) {
                SLOT.setRelease(slots, i, change.fresh());
            }
        }
    }

    private static final class Node {
        final long high;
        final long low;
        final int offset;
        final Object[] slots = new Object[WIDTH];
        volatile FibEntry outside;

        /** A node without routes of its own: {@code around} answers for it and its skipped stretch. */
        Node(long high, long low, int offset, FibEntry around) {
            this.high = high;
            this.low = low;
            this.offset = offset;
            this.outside = around;
            Arrays.fill(slots, around);
        }

        /** Whether an address differs from this node's in the bits up to its offset. */
        boolean differs(long otherHigh, long otherLow) {
            if (offset <= 64) {
                return (high ^ otherHigh) >>> (64 - offset) != 0;
            }
            return high != otherHigh || (low ^ otherLow) >>> (128 - offset) != 0;
        }

        /** How many leading bits are equal; those from the offset on mean nothing. */
        int commonBits(long otherHigh, long otherLow) {
            return high != otherHigh
                    ? Long.numberOfLeadingZeros(high ^ otherHigh)
                    : 64 + Long.numberOfLeadingZeros(low ^ otherLow);
        }

        /** What can stand in this node's place: itself, or the single entry or single node it has come to. */
        Object successor() {
            @Nullable Node only = null;
            for (Object at : slots) {
                if (at instanceof Node child) {
                    if (only != null || child.outside != outside) {
                        return this;
                    }
                    only = child;
                } else if (at != outside) {
                    return this;
                }
            }
            return only == null ? outside : only;
        }
    }
}
