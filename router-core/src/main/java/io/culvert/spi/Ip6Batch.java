// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

/**
 * IPv6 addresses to be looked up together, and the answers to them. Its memory is its own, so that a lookup allocates nothing.
 * Belongs to one lane.
 *
 * @since 0.1
 */
public final class Ip6Batch {
    private final long[] addresses;
    private final Object[] places;
    private final int[] open;
    private final int[] runs;
    private int size;

    /** @param capacity how many addresses it can hold */
    public Ip6Batch(int capacity) {
        addresses = new long[2 * capacity];
        places = new Object[capacity];
        open = new int[capacity];
        runs = new int[capacity];
    }

    /** Forgets addresses and answers. */
    public void clear() {
        size = 0;
    }

    public int size() {
        return size;
    }

    /**
     * Appends an address.
     *
     * @throws IndexOutOfBoundsException when the batch is full
     */
    public void add(long high, long low) {
        addresses[2 * size] = high;
        addresses[2 * size + 1] = low;
        size++;
    }

    /** What {@link FibView#lookup6(int, Ip6Batch)} found for an address, by its place from 0. */
    public FibEntry answer(int index) {
        return (FibEntry) places[index];
    }

    /** For tables: the halves of the addresses, the high one first. */
    public long[] addresses() {
        return addresses;
    }

    /** For tables: for each address what they like until the lookup is over, and then a {@link FibEntry}. */
    public Object[] places() {
        return places;
    }

    /** For tables: a number for each address, of which nothing is expected. */
    public int[] open() {
        return open;
    }

    /** For tables: as {@link #open()}. */
    public int[] runs() {
        return runs;
    }
}
