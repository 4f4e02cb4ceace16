// SPDX-License-Identifier: Apache-2.0
package io.culvert.fib;

import io.culvert.net.Ip6Prefix;
import io.culvert.spi.FibEntry;
import io.culvert.spi.Ip6Batch;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Longest-prefix match over IPv6: like {@link Ip4Table} with path compression, as stretches of an address in which nothing
 * branches and no route ends are skipped.
 *
 * <p>A node stands where an address's bits up to its {@code offset} (a multiple of 6) are known. It holds the routes of
 * {@code offset + 1} to {@code offset + 6} bits that share those bits, as runs of slots with the full answer or a deeper
 * node, and the answer for addresses that came its way but differ in the bits that were skipped. A node exists only if a
 * route ends in it or two deeper nodes hang on it, so there are fewer than two per route.
 *
 * <p>Lookup: one read in the first array, two for each node on the way and one for a leaf, with random prefixes about {@code log64} of the
 * routes that share the bits which the first array knows, never more than 22 nodes. Each read that misses the caches waits
 * for the one before; {@link #lookup(Ip6Batch)} lets those of different addresses wait together. Memory: nothing before the
 * first route, 2 KiB then, 128 KiB from 1024 routes on, 8 MiB from 131,072 on; 60 to 90 bytes per route in nodes, and 26 to 40
 * in {@link Ip6Book}. Changing a route builds its node and those on the way to it, and those that inherit from it.
 *
 * <p>Why a reader is never wrong: as in {@link Ip4Table}, its one read in the first array decides.
 */
final class Ip6Table {
    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(Object[].class);
    private static final int STRIDE = 6;
    private static final int FEW_BITS = 12;
    private static final int MANY_BITS = 18;
    private static final int MANY_ROUTES = 1024;
    private static final int MOST_BITS = 24;
    private static final int MOST_ROUTES = 1 << 17;
    /** All unicast addresses given out so far start with 001 (RFC 4291 section 2.4, IANA's registry). */
    private static final long GLOBAL_UNICAST = 0x2000_0000_0000_0000L;

    private static final int GROUP_BITS = 3;
    private static final int GROUPS = 1 << GROUP_BITS;
    private static final Object[] EMPTY = slots(GROUP_BITS);

    private final Ip6Book<Holding> book = new Ip6Book<>();

    /**
     * A slot for each value of an address's first three bits, and behind those one for each value of its first {@link
     * #FEW_BITS}, {@link #MANY_BITS} or {@link #MOST_BITS} that makes it a global unicast address.
     */
    private volatile Object[] root = EMPTY;

    FibEntry lookup(long high, long low) {
        Object[] slots = root;
        Object at = SLOT.getAcquire(slots, slot(high, bits(slots)));
        while (at instanceof Node node) {
            if (node.differs(high, low)) {
                return node.above;
            }
            if (node.isLeaf()) {
                return (FibEntry) node.inside;
            }
            at = node.answer(bits(high, low, node.offset));
        }
        return (FibEntry) at;
    }

    /**
     * Looks all addresses of a batch up, level by level: reads that miss the caches wait together where they do not depend on
     * each other. So each loop has few instructions and no branch that hangs on a read of the same loop.
     */
    void lookup(Ip6Batch batch) {
        Object[] slots = root;
        int bits = bits(slots);
        long[] addresses = batch.addresses();
        Object[] places = batch.places();
        if (bits < MANY_BITS) {
            // So small a table is all in the caches, where there is nothing to wait for.
            for (int i = 0; i < batch.size(); i++) {
                places[i] = lookup(addresses[2 * i], addresses[2 * i + 1]);
            }
            return;
        }
        for (int i = 0; i < batch.size(); i++) {
            places[i] = SLOT.getAcquire(slots, slot(addresses[2 * i], bits));
        }
        int[] open = batch.open();
        int left = 0;
        for (int i = 0; i < batch.size(); i++) {
            open[left] = i;
            left += places[i] instanceof Node ? 1 : 0;
        }
        while (left > 0) {
            left = descend(batch, left);
        }
    }

    /** Takes those addresses of a batch that are at a node one level on, and tells how many are at a node then. */
    private static int descend(Ip6Batch batch, int count) {
        long[] addresses = batch.addresses();
        Object[] places = batch.places();
        int[] open = batch.open();
        int[] runs = batch.runs();
        int touched = 0;
        for (int k = 0; k < count; k++) {
            Node node = (Node) places[open[k]];
            touched += node.offset + (int) node.deeper;
        }
        // Only that the compiler does not leave out what fetches the nodes.
        runs[0] = touched;
        int left = 0;
        int inside = 0;
        for (int k = 0; k < count; k++) {
            int i = open[k];
            Node node = (Node) places[i];
            long high = addresses[2 * i];
            long low = addresses[2 * i + 1];
            if (node.differs(high, low)) {
                places[i] = node.above;
            } else if (node.isLeaf()) {
                places[i] = node.inside;
            } else {
                int slot = bits(high, low, node.offset);
                places[i] = node.inside;
                runs[inside] = i << STRIDE | node.run(slot);
                inside++;
                open[left] = i;
                left += (int) (node.deeper >>> slot & 1);
            }
        }
        for (int k = 0; k < inside; k++) {
            int i = runs[k] >>> STRIDE;
            places[i] = ((Object[]) places[i])[runs[k] & (1 << STRIDE) - 1];
        }
        return left;
    }

    /** What the writer wants under each prefix. A change there is seen by readers after {@link #refresh}. */
    Ip6Book<Holding> book() {
        return book;
    }

    /** Brings the answers for a prefix's addresses in line with the book. */
    void refresh(long high, long low, int length) {
        if (book.size() == 0) {
            root = EMPTY;
            return;
        }
        Holding held = book.get(high, low, length);
        FibEntry fresh = held == null ? null : held.installed(length);
        Object[] slots = makeRoom();
        int bits = bits(slots);
        int slot = slot(high, bits);
        if (length > (slot < GROUPS ? GROUP_BITS : bits)) {
            SLOT.setRelease(slots, slot, below(slots[slot], high, low, length, fresh));
            return;
        }
        FibEntry answer = fresh != null ? fresh : covering(high, low, length, -1, FibEntry.NO_ROUTE);
        if (length > GROUP_BITS) {
            paint(slots, slot, slot + (1 << (bits - length)), length, answer);
            return;
        }
        int first = (int) (high >>> (64 - GROUP_BITS));
        for (int group = first; group < first + (1 << (GROUP_BITS - length)); group++) {
            int from = slot((long) group << (64 - GROUP_BITS), bits);
            paint(slots, from, from < GROUPS ? from + 1 : slots.length, length, answer);
        }
    }

    private static void paint(Object[] slots, int from, int to, int length, FibEntry answer) {
        for (int i = from; i < to; i++) {
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
        Object[] slots = root;
        if (slots == EMPTY) {
            slots = slots(FEW_BITS);
            root = slots;
        }
        if (bits(slots) == FEW_BITS && book.size() > MANY_ROUTES) {
            slots = grown(slots, MANY_BITS);
            root = slots;
        }
        if (bits(slots) == MANY_BITS && book.size() > MOST_ROUTES) {
            slots = grown(slots, MOST_BITS);
            root = slots;
        }
        return slots;
    }

    /** What a first array says, in one that knows a stride more of the address. */
    private static Object[] grown(Object[] slots, int bits) {
        Object[] larger = slots(bits);
        System.arraycopy(slots, 0, larger, 0, GROUPS);
        for (int i = GROUPS; i < larger.length; i++) {
            Object at = slots[GROUPS + (i - GROUPS >>> STRIDE)];
            long firstBits = GLOBAL_UNICAST | (long) (i - GROUPS) << (64 - bits);
            larger[i] = at instanceof Node node ? node.from(firstBits, bits) : at;
        }
        return larger;
    }

    /** A first array without routes. */
    private static Object[] slots(int bits) {
        Object[] slots = new Object[GROUPS + (1 << (bits - GROUP_BITS))];
        Arrays.fill(slots, FibEntry.NO_ROUTE);
        return slots;
    }

    /** How many bits of a global unicast address a first array knows. */
    private static int bits(Object[] slots) {
        return GROUP_BITS + 31 - Integer.numberOfLeadingZeros(slots.length - GROUPS);
    }

    /** Where an address is in a first array. */
    private static int slot(long high, int bits) {
        long rest = high ^ GLOBAL_UNICAST;
        int group = (int) (rest >>> (64 - GROUP_BITS));
        return group != 0 ? group : GROUPS + (int) (rest >>> (64 - bits));
    }

    /**
     * The longest installed route over a prefix that is longer than {@code depth}, else {@code above}. What a shorter one
     * would answer is known where this is asked.
     */
    private FibEntry covering(long high, long low, int length, int depth, FibEntry above) {
        for (int shorter = length - 1; shorter > depth; shorter--) {
            Holding held = book.get(high & Ip6Prefix.highMask(shorter), low & Ip6Prefix.lowMask(shorter), shorter);
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
            // An answer from a route up to the node's offset is the one from above: none is in there if that stays.
            FibEntry above = (FibEntry) within(node.above, length, fresh);
            return above == node.above ? node : node.inheriting(above, length);
        }
        return ((FibEntry) at).prefixLength() <= length ? fresh : at;
    }

    /** What takes the place of {@code at}, in which a longer prefix changes; null to what covers it. */
    private Object below(Object at, long high, long low, int length, @Nullable FibEntry fresh) {
        int offset = (length - 1) / STRIDE * STRIDE;
        if (at instanceof FibEntry above) {
            return fresh == null ? at : ending(Node.empty(high, low, offset, above), high, low, length, fresh);
        }
        Node node = ((Node) at).unfolded();
        int common = Math.min(node.commonBits(high, low), Math.min(node.offset, offset));
        if (common == node.offset) {
            if (node.offset == offset) {
                return ending(node, high, low, length, fresh);
            }
            int slot = bits(high, low, node.offset);
            Object child = node.answer(slot);
            Object replacement = below(child, high, low, length, fresh);
            return replacement == child ? at : node.with(slot, replacement).simplified();
        }
        if (fresh == null) {
            return at;
        }
        // The prefix leaves the skipped stretch of this node, or ends in it: a node has to stand there.
        int fork = common / STRIDE * STRIDE;
        Node forked = Node.empty(high, low, fork, node.above).with(bits(node.high, node.low, fork), at);
        if (fork == offset) {
            return ending(forked, high, low, length, fresh);
        }
        Node leaf = Node.empty(high, low, offset, node.above);
        return forked.with(bits(high, low, fork), ending(leaf, high, low, length, fresh));
    }

    /** What takes the place of the node in which a prefix ends. */
    private Object ending(Node node, long high, long low, int length, @Nullable FibEntry fresh) {
        FibEntry answer = fresh != null ? fresh : covering(high, low, length, node.offset, node.above);
        int from = bits(high, low, node.offset);
        return node.painted(from, from + (1 << (node.offset + STRIDE - length)), length, answer)
                .simplified();
    }

    /** The {@link #STRIDE} bits from {@code offset} on; behind the address's end are zeros. */
    private static int bits(long high, long low, int offset) {
        // Two shifts, because a long shifted by 64 is itself; a shift's distance counts modulo 64.
        long window = offset < 64 ? high << offset | low >>> 1 >>> ~offset : low << offset;
        return (int) (window >>> (64 - STRIDE));
    }

    private static final class Node {
        final long high;
        final long low;
        final int offset;
        /** Takes the place of {@link #starts} in a leaf: no run but the first starts at the first slot. */
        private static final long LEAF = 1;

        /** A bit for each slot but the first that starts a run of equal answers. */
        final long starts;
        /** A bit for each slot with a deeper node, so that nobody has to look into the memory of what is there to see it. */
        final long deeper;
        /**
         * For each run a FibEntry or a deeper node, in an array; a node's run is one slot. In a leaf, which stands for a single
         * prefix of the length {@link #offset}, its FibEntry itself: most routes are alone in their node, and this spares them
         * the array, and the lookup a read.
         */
        final Object inside;
        /** The longest route that ends above this node and holds its addresses, and those of the stretch skipped. */
        final FibEntry above;

        private Node(long high, long low, int offset, long starts, Object inside, FibEntry above) {
            this.high = high;
            this.low = low;
            this.offset = offset;
            this.starts = starts;
            this.inside = inside;
            this.above = above;
            this.deeper = inside instanceof Object[] answers ? deeper(starts, answers) : 0;
        }

        private static long deeper(long starts, Object[] answers) {
            long deeper = 0;
            long left = starts;
            int at = 0;
            for (Object answer : answers) {
                deeper |= answer instanceof Node ? 1L << at : 0;
                at = RunBuilder.end(left);
                left &= left - 1;
            }
            return deeper;
        }

        static Node empty(long high, long low, int offset, FibEntry above) {
            return new Node(high, low, offset, 0, new Object[] {above}, above);
        }

        boolean isLeaf() {
            return (starts & LEAF) != 0;
        }

        Object answer(int slot) {
            return answers()[run(slot)];
        }

        private Object[] answers() {
            return (Object[]) inside;
        }

        int run(int slot) {
            return Long.bitCount(starts & -1L >>> ~slot);
        }

        /** Whether an address differs from this node's in the bits up to its offset. */
        boolean differs(long otherHigh, long otherLow) {
            if (offset <= 64) {
                return Long.numberOfLeadingZeros(high ^ otherHigh) < offset;
            }
            return high != otherHigh || (low ^ otherLow) >>> (128 - offset) != 0;
        }

        /** How many leading bits are equal; those from the offset on mean nothing. */
        int commonBits(long otherHigh, long otherLow) {
            return high != otherHigh
                    ? Long.numberOfLeadingZeros(high ^ otherHigh)
                    : 64 + Long.numberOfLeadingZeros(low ^ otherLow);
        }

        /** What stands for the addresses with these first bits, which are at most one stride more than this node's place. */
        Object from(long firstBits, int count) {
            Node node = unfolded();
            if (node.offset < count) {
                return node.answer(bits(firstBits, 0, node.offset));
            }
            return commonBits(firstBits, 0) >= count ? this : above;
        }

        /** With an answer in place of those of shorter routes, and of one of this length itself, for some slots. */
        Node painted(int from, int to, int length, FibEntry answer) {
            Object[] answers = answers();
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
            return new Node(high, low, offset, runs.starts(), runs.answers(), above);
        }

        /** With something else in one slot. */
        Node with(int slot, Object replacement) {
            Object[] answers = answers();
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
            return new Node(high, low, offset, runs.starts(), runs.answers(), above);
        }

        /** With another answer from above, wherever no longer route says otherwise. */
        Node inheriting(FibEntry fresh, int length) {
            if (isLeaf()) {
                return new Node(high, low, offset, starts, inside, fresh);
            }
            Object[] answers = answers();
            Object[] inherited = new Object[answers.length];
            for (int i = 0; i < answers.length; i++) {
                inherited[i] = within(answers[i], length, fresh);
            }
            return new Node(high, low, offset, starts, inherited, fresh);
        }

        /** What can stand in this node's place: itself, a leaf, or the single route or single node it has come to. */
        Object simplified() {
            Object[] answers = answers();
            Object only = null;
            int from = 0;
            int to = 0;
            long left = starts;
            int at = 0;
            for (Object answer : answers) {
                int end = RunBuilder.end(left);
                if (answer != above) {
                    if (only != null) {
                        return this;
                    }
                    only = answer;
                    from = at;
                    to = end;
                }
                left &= left - 1;
                at = end;
            }
            if (only == null) {
                return above;
            }
            if (only instanceof Node child) {
                return child.above == above ? child : this;
            }
            int slots = to - from;
            boolean onePrefix = slots < Long.SIZE && Integer.bitCount(slots) == 1 && from % slots == 0;
            return onePrefix ? leaf(from, STRIDE - Integer.numberOfTrailingZeros(slots), (FibEntry) only) : this;
        }

        /** The answer for the addresses that have some bits more in common: the first ones of a slot. */
        private Node leaf(int slot, int more, FibEntry answer) {
            long leafHigh = high & Ip6Prefix.highMask(offset);
            long leafLow = low & Ip6Prefix.lowMask(offset);
            int shift = 128 - STRIDE - offset;
            if (shift >= 64) {
                leafHigh |= (long) slot << (shift - 64);
            } else if (shift >= 0) {
                leafHigh |= (long) slot >>> (64 - shift);
                leafLow |= (long) slot << shift;
            } else {
                leafLow |= (long) slot >>> -shift;
            }
            return new Node(leafHigh, leafLow, offset + more, LEAF, answer, above);
        }

        /** This node, and for a leaf the node of runs that it stands for. */
        Node unfolded() {
            if (!isLeaf()) {
                return this;
            }
            FibEntry answer = (FibEntry) inside;
            int place = (offset - 1) / STRIDE * STRIDE;
            int from = bits(high, low, place);
            int to = from + (1 << (place + STRIDE - offset));
            RunBuilder runs = new RunBuilder(3);
            runs.add(0, from == 0 ? answer : above);
            runs.add(from, answer);
            if (to < Long.SIZE) {
                runs.add(to, above);
            }
            return new Node(high, low, place, runs.starts(), runs.answers(), above);
        }
    }
}
