// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.ratelimit;

import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import java.util.List;

/** Brings a {@link RateLimitStage} for what arrives over each family, and one for what leaves. */
public final class RateLimitPlugin implements RouterPlugin {
    @Override
    public String name() {
        return "rate-limit";
    }

    @Override
    public int apiVersion() {
        return API_VERSION;
    }

    @Override
    public List<StageDescriptor> stages() {
        return List.of(RateLimitStage.INPUT4, RateLimitStage.INPUT6, RateLimitStage.OUTPUT);
    }
}
