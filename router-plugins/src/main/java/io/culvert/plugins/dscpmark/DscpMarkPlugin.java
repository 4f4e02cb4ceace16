// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.dscpmark;

import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import java.util.List;

/** Brings a {@link DscpMarkStage} for each family. */
public final class DscpMarkPlugin implements RouterPlugin {
    @Override
    public String name() {
        return "dscp-mark";
    }

    @Override
    public int apiVersion() {
        return API_VERSION;
    }

    @Override
    public List<StageDescriptor> stages() {
        return List.of(DscpMarkStage.IP4, DscpMarkStage.IP6);
    }
}
