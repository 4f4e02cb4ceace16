// SPDX-License-Identifier: Apache-2.0
package io.culvert.telemetry;

/** One lane's counts of one interface. Written by the lane's thread alone. */
public final class InterfaceCounters {
    private static final int RX_PACKETS = 0;
    private static final int RX_BYTES = 1;
    private static final int TX_PACKETS = 2;
    private static final int TX_BYTES = 3;
    private static final int TX_REFUSED = 4;

    private final CounterArray counts = new CounterArray(5);

    public void received(long packets, long bytes) {
        counts.add(RX_PACKETS, packets);
        counts.add(RX_BYTES, bytes);
    }

    public void transmitted(long packets, long bytes) {
        counts.add(TX_PACKETS, packets);
        counts.add(TX_BYTES, bytes);
    }

    public void refused(long packets) {
        counts.add(TX_REFUSED, packets);
    }

    public long rxPackets() {
        return counts.get(RX_PACKETS);
    }

    /** Bytes from the link header on, or from the IP header on a link without one. */
    public long rxBytes() {
        return counts.get(RX_BYTES);
    }

    /** Packets the device took; each member of a superpacket that the router put together counts as one. */
    public long txPackets() {
        return counts.get(TX_PACKETS);
    }

    /** Bytes of these packets, each with its headers, counted from where {@link #rxBytes} does. */
    public long txBytes() {
        return counts.get(TX_BYTES);
    }

    /** Packets the device did not take; the reasons stand with the transmit stage's drops. */
    public long txRefused() {
        return counts.get(TX_REFUSED);
    }
}
