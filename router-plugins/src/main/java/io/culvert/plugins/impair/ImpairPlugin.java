// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.impair;

import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import java.util.List;

/** Brings an {@link ImpairStage} for what arrives and one for what leaves. */
public final class ImpairPlugin implements RouterPlugin {
    @Override
    public String name() {
        return "impair";
    }

    @Override
    public int apiVersion() {
        return API_VERSION;
    }

    @Override
    public List<StageDescriptor> stages() {
        return List.of(ImpairStage.INPUT, ImpairStage.OUTPUT);
    }
}
