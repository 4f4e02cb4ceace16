// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.config.InterfaceConfig;
import io.culvert.spi.InterfaceSetup;
import io.culvert.spi.Settings;
import io.culvert.spi.UdpSocket;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.OptionalInt;

/**
 * What an interface over this kernel is opened from.
 *
 * @param loops of the lanes that will read and write the device
 * @param kernelOffloads what the kernel does right of what it claims
 * @param notifications tell what happens to the kernel's devices
 */
record KernelSetup(
        int interfaceId,
        InterfaceConfig config,
        long madeUpMac,
        List<EventLoop> loops,
        KernelOffloads kernelOffloads,
        LinkNotifications notifications)
        implements InterfaceSetup {
    @Override
    public String name() {
        return config.name();
    }

    @Override
    public Settings settings() {
        return config.settings();
    }

    @Override
    public OptionalInt mtu() {
        return config.mtu();
    }

    @Override
    public int laneCount() {
        return loops.size();
    }

    @Override
    public UdpSocket openUdp(InetSocketAddress local, InetSocketAddress peer) throws IOException {
        return KernelUdpSocket.open(interfaceId, local, peer, mtu().isPresent(), loops);
    }
}
