// SPDX-License-Identifier: Apache-2.0
package io.culvert.packet;

/**
 * A bounded list of packets that travel together: the element of every stream in a lane.
 *
 * <p>Holds references, owns nothing by itself; whoever holds the vector owns its packets.
 *
 * @since 0.1
 */
public final class PacketVector {
    /** The most packets a vector can be configured to hold. */
    public static final int MAX_CAPACITY = 256;

    private final PacketBuffer[] packets;
    private int size;

    public PacketVector(int capacity) {
        if (capacity < 1 || capacity > MAX_CAPACITY) {
            throw new IllegalArgumentException("a vector holds 1 to " + MAX_CAPACITY + " packets, not " + capacity);
        }
        packets = new PacketBuffer[capacity];
    }

    public int size() {
        return size;
    }

    public int capacity() {
        return packets.length;
    }

    public boolean isEmpty() {
        return size == 0;
    }

    public boolean isFull() {
        return size == packets.length;
    }

    /**
     * The packet at an index from 0.
     *
     * @throws IndexOutOfBoundsException at or behind {@link #size()}
     */
    public PacketBuffer get(int index) {
        if (index >= size) {
            throw new IndexOutOfBoundsException("packet " + index + " of " + size);
        }
        return packets[index];
    }

    /**
     * Appends a packet.
     *
     * @throws IndexOutOfBoundsException when the vector is full
     */
    public void add(PacketBuffer packet) {
        packets[size] = packet;
        size++;
    }

    /**
     * Forgets a packet; those behind it move up.
     *
     * @throws IndexOutOfBoundsException at or behind {@link #size()}
     */
    @SuppressWarnings("NullAway") // slots behind size are never read
    public void remove(int index) {
        if (index >= size) {
            throw new IndexOutOfBoundsException("packet " + index + " of " + size);
        }
        size--;
        System.arraycopy(packets, index + 1, packets, index, size - index);
        packets[size] = null;
    }

    /** Forgets all packets. */
    @SuppressWarnings("NullAway") // slots behind size are never read
    public void clear() {
        for (int i = 0; i < size; i++) {
            packets[i] = null;
        }
        size = 0;
    }
}
