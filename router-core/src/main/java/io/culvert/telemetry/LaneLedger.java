// SPDX-License-Identifier: Apache-2.0
package io.culvert.telemetry;

/**
 * A lane's account of packets: what came in must equal what went out, however it went. A superpacket that was received as
 * one is one packet here; one that the router has put together is as many as it was put together from.
 *
 * <p>Written by the lane's thread alone.
 */
public final class LaneLedger {
    /** The ways a packet enters or leaves a lane. */
    public enum Entry {
        RECEIVED("Read from a device."),
        GENERATED("Made by the router: replies, errors, fragments, segments, frames of the control plane."),
        TRANSMITTED("Accepted by a device."),
        DROPPED("Ended by a stage for a reason that is counted there."),
        PUNTED("Handed to the kernel by local delivery."),
        CONSUMED("Ended by a stage that was its destination.");

        private final String text;

        Entry(String text) {
            this.text = text;
        }

        /** One sentence for the operator. */
        public String text() {
            return text;
        }
    }

    private final CounterArray counts = new CounterArray(Entry.values().length);

    public void add(Entry entry, long packets) {
        counts.add(entry.ordinal(), packets);
    }

    public long get(Entry entry) {
        return counts.get(entry.ordinal());
    }

    /**
     * Packets that entered and have not left. Once the lane is at rest this is what stages hold, and what is in the flows of
     * plugins; after it has stopped, zero.
     */
    public long inFlight() {
        return get(Entry.RECEIVED)
                + get(Entry.GENERATED)
                - get(Entry.TRANSMITTED)
                - get(Entry.DROPPED)
                - get(Entry.PUNTED)
                - get(Entry.CONSUMED);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (Entry entry : Entry.values()) {
            text.append(entry).append('=').append(get(entry)).append(' ');
        }
        return text.append("in flight=").append(inFlight()).toString();
    }
}
