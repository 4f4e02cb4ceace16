// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

/**
 * A network device as the kernel describes it.
 *
 * @param index its number in its namespace
 * @param name its name
 * @param kind the driver's kind, such as {@code tun}, {@code veth} or {@code bridge}; empty for physical devices and lo
 * @param flags bits {@code IFF_*} of netdevice(7)
 * @param mtu bytes of a packet without link-layer header
 * @param transmitQueueLength packets
 * @param mac the address, 48 bits, first byte on the wire uppermost; 0 if the device has none
 * @param master index of the bridge or other device that this one is a port of; 0 if none
 * @param parent index of the device below, or of the veth peer, perhaps in another namespace; 0 if none
 * @param statistics what the kernel counted
 */
public record KernelLink(
        int index,
        String name,
        String kind,
        int flags,
        int mtu,
        int transmitQueueLength,
        long mac,
        int master,
        int parent,
        Statistics statistics) {
    static final int IFF_UP = 0x1;
    static final int IFF_LOOPBACK = 0x8;
    static final int IFF_POINTOPOINT = 0x10;
    static final int IFF_RUNNING = 0x40;
    static final int IFF_LOWER_UP = 0x10000;

    /** Whether the device is set up. */
    public boolean isUp() {
        return (flags & IFF_UP) != 0;
    }

    /** Whether the device is up and operational (RFC 2863). */
    public boolean isRunning() {
        return (flags & IFF_RUNNING) != 0;
    }

    /** Whether the layer below works: a cable, a peer that is up, an open tun. */
    public boolean hasCarrier() {
        return (flags & IFF_LOWER_UP) != 0;
    }

    /** Whether the device is point to point, as a tun is. */
    public boolean isPointToPoint() {
        return (flags & IFF_POINTOPOINT) != 0;
    }

    /** Whether this is the namespace's loopback device. */
    public boolean isLoopback() {
        return (flags & IFF_LOOPBACK) != 0;
    }

    /** Whether another description of a device differs in nothing but its counters. */
    boolean sameSettings(KernelLink other) {
        return equals(new KernelLink(
                other.index,
                other.name,
                other.kind,
                other.flags,
                other.mtu,
                other.transmitQueueLength,
                other.mac,
                other.master,
                other.parent,
                statistics));
    }

    /**
     * The kernel's counters of a device, from the kernel's point of view: a tun's {@code transmitDropped} are packets that
     * found its queue full because user space did not read.
     */
    public record Statistics(
            long receivePackets,
            long transmitPackets,
            long receiveBytes,
            long transmitBytes,
            long receiveErrors,
            long transmitErrors,
            long receiveDropped,
            long transmitDropped) {}
}
