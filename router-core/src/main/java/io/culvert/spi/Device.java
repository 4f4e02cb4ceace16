// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.io.IOException;
import java.util.List;

/**
 * A device that is open, whatever its {@link InterfaceKind kind}.
 *
 * @param name the kernel's name for it, or what stands for it in {@code culvert show interfaces}
 * @param link whether frames or bare packets pass through it
 * @param mtu the largest IP packet in bytes
 * @param mac the router's own MAC address on it; 0 without Ethernet
 * @param kernelMac the MAC address of a tap's end in the kernel; else 0
 * @param offloads what it finishes by itself
 * @param receive its receive queues, dealt out over the lanes in turn; fewer than lanes leave some lanes without
 * @param transmit one queue per lane
 * @param probe looks how it stands
 * @param closer gives everything back; no queue may be in use
 * @since 0.1
 */
public record Device(
        String name,
        RouterInterface.Link link,
        int mtu,
        long mac,
        long kernelMac,
        RouterInterface.Offloads offloads,
        List<ReceiveQueue> receive,
        List<TransmitQueue> transmit,
        Probe probe,
        Closer closer) {
    /** Whether a device can carry packets. */
    public enum State {
        USABLE("is usable"),
        SET_DOWN("is set down"),
        NO_CARRIER("has no carrier"),
        PEER_SILENT("hears nothing of its peer"),
        GONE("is gone");

        private final String text;

        State(String text) {
            this.text = text;
        }

        /** What an operator reads behind the device's name. */
        public String text() {
            return text;
        }
    }

    /** So much of what a device counts by itself, since it was opened. */
    public record Count(CounterId counter, long amount) {}

    /**
     * How a device stands.
     *
     * @param missed packets lost, since it was opened, because its queue towards the router was full
     * @param mtu the largest IP packet in bytes as of now; 0 for the same as when it was opened
     * @param counts what else it counts
     */
    public record Status(State state, long missed, int mtu, List<Count> counts) {
        public Status {
            counts = List.copyOf(counts);
        }

        /** Of a device whose MTU stays the same, and that counts nothing else. */
        public Status(State state, long missed) {
            this(state, missed, 0, List.of());
        }
    }

    /** Looks at a device. */
    @FunctionalInterface
    public interface Probe {
        /** Says that nobody has to look again before being told to. */
        long NEVER = Long.MAX_VALUE;

        /**
         * Looks now. Blocks for a moment; one thread at a time, which no lane is.
         *
         * @throws IOException when that can't be told at the moment; the device then counts as what it was
         */
        Status look() throws IOException;

        /**
         * Asks to be told when another look is worth while: when the kernel has set the device up or down, or its carrier or
         * the device itself has come or gone. The counter of lost packets goes up without a word.
         *
         * @param changed called by any thread, once after each look at most; takes the place of an earlier one
         * @return whether it will be called; otherwise, or when called and then asking again gives false, only looking every now
         *     and then helps
         */
        default boolean onChange(Runnable changed) {
            return false;
        }

        /**
         * After how many nanoseconds the device wants to be looked at again though nothing has changed, be it to keep a link
         * alive; {@link #NEVER} by default. Asked behind each look.
         */
        default long lookAgainNanos() {
            return NEVER;
        }
    }

    /** Closes a device. */
    @FunctionalInterface
    public interface Closer {
        void close();
    }

    public Device {
        receive = List.copyOf(receive);
        transmit = List.copyOf(transmit);
    }
}
