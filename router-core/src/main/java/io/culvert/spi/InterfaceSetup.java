// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.OptionalInt;

/**
 * What the device of one interface is opened from, and the sockets of the kernel that may carry it.
 *
 * @since 0.1
 */
@Provided
public interface InterfaceSetup {
    /** Index into {@link InterfaceTable}. */
    int interfaceId();

    /** The name in the configuration. */
    String name();

    Settings settings();

    /** The configured MTU in bytes, or empty to choose one. */
    OptionalInt mtu();

    /** The MAC address that the router has made up for the interface, always the same one. */
    long madeUpMac();

    /** How many lanes will read and write the device. */
    int laneCount();

    /**
     * Opens a UDP socket of the kernel in the router's network namespace, bound and connected. Blocks for a moment; to be
     * called in {@link InterfaceKind.Opener#open}.
     *
     * <p>All datagrams leave with DF set, and what the path does not take is refused, if no MTU is configured. One that is
     * configured holds: larger datagrams than the path takes leave in fragments.
     *
     * @param local the address may be the wildcard, the port may be 0
     * @param peer of the same family
     * @throws IOException when the address is not the host's or in use, or no route leads to the peer
     */
    UdpSocket openUdp(InetSocketAddress local, InetSocketAddress peer) throws IOException;
}
