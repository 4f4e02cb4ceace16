// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.mssclamp;

import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import java.util.List;

/** Brings {@link MssClampStage}. */
public final class MssClampPlugin implements RouterPlugin {
    @Override
    public String name() {
        return "mss-clamp";
    }

    @Override
    public int apiVersion() {
        return API_VERSION;
    }

    @Override
    public List<StageDescriptor> stages() {
        return List.of(MssClampStage.DESCRIPTOR);
    }
}
