// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.Ip4Prefix;
import io.culvert.spi.FibEntry;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Longest-prefix match over IPv4: the first bits of an address index an array, whose slots hold the answer or a node that
 * knows the answers by the next 6 bits. How many bits that are grows with the routes.
 *
 * <pre>
 *   up to 1024 routes: 12      18         24         30
 *      262,144 routes:     18             24         30
 *                more:                24             30
 *                   [2^18] ---&gt; Node(64) ---&gt; Node(64) ---&gt; Node(4)
 *                     |             |              |             |
 *                  FibEntry      FibEntry       FibEntry      FibEntry
 * </pre>
 *
 * <p>A node writes neighboring slots with one answer as a single run: a bit for each slot that starts a run, and an array of
 * the runs' answers, which a slot indexes by counting bits. Routes of a length with the same next hops share an entry, so
 * their runs grow together.
 *
 * <p>Lookup: with the Internet's routes 1 read, and 3 for what is longer than /24. Memory: nothing before the first route,
 * 16 KiB then, 1 MiB and about 20 bytes per route in the middle, 64 MiB for the Internet (twice that where references
 * take 8 bytes), and always 15 to 23 bytes per route in {@link Ip4Book}. Changing a route builds at most four
 * nodes or writes the slots it is the answer of; the default route is that of 16 million.
 *
 * <p>Why a reader is never wrong: nodes never change. A change builds new ones and puts each in place by one write to the
 * first array, so a lookup's one read there gives it everything that was right for its address at that moment. The
 * collector frees old nodes when the last reader has left them, which spares the epochs that recycled memory would need.
 */
final class Ip4Table {
    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(Object[].class);
    private static final int STRIDE = 6;
    private static final int FEW_BITS = 12;
    private static final int MANY_BITS = 18;
    private static final int MANY_ROUTES = 1 << 10;
    private static final int MOST_BITS = 24;
    private static final int MOST_ROUTES = 1 << 18;
    private static final Object[] EMPTY = {FibEntry.NO_ROUTE};

    private final Ip4Book<Holding> book = new Ip4Book<>();

    /** One slot without routes, else one for each value of the first 12, 18 or 24 bits of the address. */
    private volatile Object[] root = EMPTY;

    FibEntry lookup(int address) {
        Object[] slots = root;
        int unindexed = Integer.numberOfLeadingZeros(slots.length);
        Object at = SLOT.getAcquire(slots, address >>> 1 >>> unindexed);
        int rest = address << (31 - unindexed);
        while (at instanceof Node node) {
            at = node.answer(rest >>> (32 - STRIDE));
            rest <<= STRIDE;
        }
        return (FibEntry) at;
    }

    /** What the writer wants under each prefix. A change there is seen by readers after {@link #refresh}. */
    Ip4Book<Holding> book() {
        return book;
    }

    /** Brings the answers for a prefix's addresses in line with the book. */
    void refresh(int address, int length) {
        if (book.size() == 0) {
            root = EMPTY;
            return;
        }
        Holding held = book.get(address, length);
        FibEntry fresh = held == null ? null : held.installed(length);
        Object[] slots = makeRoom();
        int bits = 31 - Integer.numberOfLeadingZeros(slots.length);
        int first = address >>> 1 >>> (31 - bits);
        if (length > bits) {
            SLOT.setRelease(slots, first, below(slots[first], bits, address, length, fresh));
            return;
        }
        FibEntry answer = fresh != null ? fresh : covering(address, length, -1, FibEntry.NO_ROUTE);
        for (int i = first; i < first + (1 << (bits - length)); i++) {
            Object old = slots[i];
            Object replacement = within(old, length, answer);
            if (replacement != old) {
                SLOT.setRelease(slots, i, replacement);
            }
        }
    }

    /** Forgets all routes. */
    void clear() {
        root = EMPTY;
        book.clear();
    }

    /** The first array, large enough for the routes in the book. */
    private Object[] makeRoom() {
        if (root.length == 1) {
            Object[] slots = new Object[1 << FEW_BITS];
            Arrays.fill(slots, FibEntry.NO_ROUTE);
            root = slots;
        }
        if (root.length < 1 << MANY_BITS && book.size() > MANY_ROUTES) {
            root = widened(root);
        }
        if (root.length < 1 << MOST_BITS && book.size() > MOST_ROUTES) {
            root = widened(root);
        }
        return root;
    }

    /** The same answers by {@link #STRIDE} more bits. */
    private static Object[] widened(Object[] slots) {
        Object[] larger = new Object[slots.length << STRIDE];
        for (int i = 0; i < larger.length; i++) {
            Object at = slots[i >>> STRIDE];
            larger[i] = at instanceof Node node ? node.answer(i & (1 << STRIDE) - 1) : at;
        }
        return larger;
    }

    /**
     * The longest installed route over a prefix that is longer than {@code depth}, else {@code above}. What a shorter one
     * would answer is known where this is asked.
     */
    private FibEntry covering(int address, int length, int depth, FibEntry above) {
        for (int shorter = length - 1; shorter > depth; shorter--) {
            Holding held = book.get(address & Ip4Prefix.mask(shorter), shorter);
            FibEntry entry = held == null ? null : held.installed(shorter);
            if (entry != null) {
                return entry;
            }
        }
        return above;
    }

    /** What takes the place of {@code at}, all of whose addresses are in a prefix that now has this answer. */
    private static Object within(Object at, int length, FibEntry fresh) {
        if (at instanceof Node node) {
            // An answer from a route up to the node's depth is the one from above: none is in there if that stays.
            FibEntry above = (FibEntry) within(node.above, length, fresh);
            return above == node.above ? node : node.inheriting(above, length);
        }
        return ((FibEntry) at).prefixLength() <= length ? fresh : at;
    }

    /** What takes the place of {@code at}, in which a longer prefix than {@code depth} changes; null to what covers it. */
    private Object below(Object at, int depth, int address, int length, @Nullable FibEntry fresh) {
        Node node = at instanceof Node there ? there : new Node(0, new Object[] {at}, (FibEntry) at);
        int slot = address << depth >>> (32 - STRIDE);
        if (length > depth + STRIDE) {
            Object child = node.answer(slot);
            Object replacement = below(child, depth + STRIDE, address, length, fresh);
            return replacement == child ? at : node.with(slot, replacement).simplified();
        }
        FibEntry answer = fresh != null ? fresh : covering(address, length, depth, node.above);
        return node.painted(slot, slot + (1 << (depth + STRIDE - length)), length, answer)
                .simplified();
    }

    private static final class Node {
        /** A bit for each slot but the first that starts a run of equal answers. */
        final long starts;
        /** For each run a FibEntry or a deeper node; a node's run is one slot. */
        final Object[] answers;
        /** The longest route that ends above this node and holds its addresses. */
        final FibEntry above;

        Node(long starts, Object[] answers, FibEntry above) {
            this.starts = starts;
            this.answers = answers;
            this.above = above;
        }

        Object answer(int slot) {
            return answers[Long.bitCount(starts & -1L >>> ~slot)];
        }

        /** With an answer in place of those of shorter routes, and of one of this length itself, for some slots. */
        Node painted(int from, int to, int length, FibEntry answer) {
            RunBuilder runs = new RunBuilder(answers.length + 2);
            long left = starts;
            int at = 0;
            for (Object old : answers) {
                int end = RunBuilder.end(left);
                if (at < from || at >= to) {
                    runs.add(at, old);
                }
                if (at < to && end > from) {
                    runs.add(Math.max(at, from), within(old, length, answer));
                }
                if (at < to && end > to) {
                    runs.add(to, old);
                }
                left &= left - 1;
                at = end;
            }
            return new Node(runs.starts(), runs.answers(), above);
        }

        /** With something else in one slot. */
        Node with(int slot, Object replacement) {
            RunBuilder runs = new RunBuilder(answers.length + 2);
            long left = starts;
            int at = 0;
            for (Object old : answers) {
                int end = RunBuilder.end(left);
                if (at != slot) {
                    runs.add(at, old);
                }
                if (at <= slot && end > slot) {
                    runs.add(slot, replacement);
                    if (end > slot + 1) {
                        runs.add(slot + 1, old);
                    }
                }
                left &= left - 1;
                at = end;
            }
            return new Node(runs.starts(), runs.answers(), above);
        }

        /** With another answer from above, wherever no longer route says otherwise. */
        Node inheriting(FibEntry fresh, int length) {
            Object[] inherited = new Object[answers.length];
            for (int i = 0; i < answers.length; i++) {
                inherited[i] = within(answers[i], length, fresh);
            }
            return new Node(starts, inherited, fresh);
        }

        /** What can stand in this node's place: itself, or the one route from above that answers everything. */
        Object simplified() {
            return answers.length == 1 && answers[0] == above ? above : this;
        }
    }
}
