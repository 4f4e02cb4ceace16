// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.sample;

import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import java.util.List;

/**
 * Brings {@link SampleStage}. The router finds this class because {@code META-INF/services/io.culvert.spi.RouterPlugin}
 * names it; the class and its constructor must be public.
 */
public final class SamplePlugin implements RouterPlugin {
    @Override
    public String name() {
        return "sample";
    }

    @Override
    public int apiVersion() {
        return API_VERSION; // the compiler puts in the number that this plugin is compiled against
    }

    @Override
    public List<StageDescriptor> stages() {
        return List.of(SampleStage.DESCRIPTOR);
    }
}
