// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.config.RouterConfig;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** {@code show config}: the configuration that is in force, with includes and defaults filled in. */
public final class ShowConfig implements ManagementCommand {
    private final Supplier<RouterConfig> current;

    /** @param current the configuration in force; called from any thread */
    public ShowConfig(Supplier<RouterConfig> current) {
        this.current = current;
    }

    @Override
    public String what() {
        return "config";
    }

    @Override
    public String summary() {
        return "the configuration in force, with defaults filled in";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        RouterConfig config = current.get();
        return CompletableFuture.completedFuture(ManagementAnswer.of(config.render(), config.renderJson()));
    }
}
