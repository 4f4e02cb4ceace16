// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.TransmitQueue;
import java.io.IOException;
import java.util.List;

/**
 * A device that is open, whatever its kind.
 *
 * @param name the kernel's name for it
 * @param link whether frames or bare packets pass through it
 * @param mtu the largest IP packet in bytes
 * @param mac the router's own MAC address on it; 0 without Ethernet
 * @param kernelMac the MAC address of a tap's end in the kernel; else 0
 * @param offloads what it finishes by itself
 * @param receive one queue per lane that reads it
 * @param transmit one queue per lane
 * @param probe looks how the kernel's device stands
 * @param closer gives everything back; no queue may be in use
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

    /**
     * How a device stands.
     *
     * @param missed packets lost, since it was opened, because its queue towards the router was full
     */
    public record Status(State state, long missed) {}

    /** Looks at a device. */
    @FunctionalInterface
    public interface Probe {
        /** Looks now. Blocks for a moment; one thread at a time. */
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
