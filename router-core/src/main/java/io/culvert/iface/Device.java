// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.TransmitQueue;
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
        Closer closer) {
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
