// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.mirror;

import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import java.util.List;

/** Brings a {@link MirrorStage} for what arrives and one for what leaves. */
public final class MirrorPlugin implements RouterPlugin {
    @Override
    public String name() {
        return "mirror";
    }

    @Override
    public int apiVersion() {
        return API_VERSION;
    }

    @Override
    public List<StageDescriptor> stages() {
        return List.of(MirrorStage.INPUT, MirrorStage.OUTPUT);
    }
}
