// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** {@code culvert reload}: puts the changed configuration file in force, or says why not. */
final class ReloadRequest implements ManagementCommand {
    private final Supplier<CompletionStage<ReloadActor.Result>> reload;

    ReloadRequest(Supplier<CompletionStage<ReloadActor.Result>> reload) {
        this.reload = reload;
    }

    @Override
    public String command() {
        return "reload";
    }

    @Override
    public String what() {
        return "";
    }

    @Override
    public String summary() {
        return "reads the configuration file again and applies changed routes, settings of stages and sections of plugins";
    }

    @Override
    public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
        return reload.get().thenCompose(result -> switch (result.what()) {
            case APPLIED -> CompletableFuture.completedFuture(ManagementAnswer.of(result.message()));
            case BAD_CONFIG ->
                CompletableFuture.failedFuture(
                        new ManagementProtocol.Refusal(ManagementProtocol.Code.BAD_CONFIG, result.message()));
            case REFUSED -> CompletableFuture.failedFuture(new Declined(result.message()));
        });
    }
}
