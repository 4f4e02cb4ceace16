// SPDX-License-Identifier: Apache-2.0
package com.example.ttlguard;

import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import java.util.List;
import java.util.Objects;

/** Brings {@link TtlGuardStage}. Named in {@code META-INF/services}, by which a router finds it. */
public final class TtlGuardPlugin implements RouterPlugin {
    @Override
    public String name() {
        return "ttl-guard";
    }

    @Override
    public int apiVersion() {
        return API_VERSION;
    }

    @Override
    public String version() {
        return Objects.requireNonNullElse(getClass().getPackage().getImplementationVersion(), "");
    }

    @Override
    public List<StageDescriptor> stages() {
        return List.of(TtlGuardStage.DESCRIPTOR);
    }
}
