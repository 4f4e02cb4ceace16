// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.udp;

import io.culvert.spi.InterfaceKind;
import io.culvert.spi.RouterPlugin;
import java.util.List;

/** Brings {@link UdpKind}. */
public final class UdpPlugin implements RouterPlugin {
    @Override
    public String name() {
        return "udp";
    }

    @Override
    public int apiVersion() {
        return RouterPlugin.API_VERSION;
    }

    @Override
    public List<InterfaceKind> interfaceKinds() {
        return List.of(new UdpKind());
    }
}
