// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * {@code culvert bench}: stands here for help and completion. The launcher runs the benchmarks, which are not shipped, so
 * whoever comes here started Java without the launcher.
 */
@Command(name = "bench", description = "Measure Culvert beside C forwarders and the kernel, from the source tree.")
final class BenchCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        spec.commandLine().getErr().println("culvert: run ./culvert bench in the source tree");
        return Culvert.EXIT_USAGE;
    }
}
