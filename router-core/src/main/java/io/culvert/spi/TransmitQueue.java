// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import io.culvert.packet.PacketVector;

/**
 * One transmit queue of an interface, written by one lane, on the lane's thread. Never waits.
 *
 * @since 0.1
 */
public interface TransmitQueue {
    /** Why the packet behind the last accepted one was not taken. */
    enum Refusal implements DropReason {
        QUEUE_FULL("The device's transmit queue was full."),
        INTERFACE_DOWN("The device was down or gone."),
        PACKET_TOO_BIG("The device refused the packet as too big."),
        DEVICE_ERROR("The device refused the packet with an error, or the code that writes to it failed.");

        private final String text;

        Refusal(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    int interfaceId();

    /**
     * Hands packets to the device, in order, until one is refused. A chain goes as the one superpacket that it is, or is
     * refused as a whole. The packets still belong to the caller.
     *
     * @return how many were accepted from index {@code from} on; when fewer than there are, {@link #refusal} tells why the
     *     next was not
     */
    int transmit(PacketVector packets, int from);

    /** A {@link Refusal}, or one of those that the interface's kind declares as its own. */
    DropReason refusal();
}
