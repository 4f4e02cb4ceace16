// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * {@code culvert test}: stands here for help and completion. The launcher runs it before any class of Culvert is built,
 * so whoever comes here started Java without the launcher.
 */
@Command(name = "test", description = "Build from the source tree and run every test.")
final class TestCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        spec.commandLine().getErr().println("culvert: run ./culvert test in the source tree");
        return Culvert.EXIT_USAGE;
    }
}
