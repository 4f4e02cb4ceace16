// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert reload}: has the running router put its changed configuration file in force, all of it or nothing. */
@Command(
        name = "reload",
        description = "Have the running router read its configuration again. Changed routes, settings of"
                + " stages and sections of plugins are applied; what needs a restart, or has a mistake, is refused and"
                + " nothing changes.")
final class ReloadCommand implements Callable<Integer> {
    @Mixin
    private final RouterSocket router = new RouterSocket();

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        return router.ask("reload", null, List.of(), spec.commandLine().getErr(), answer -> {
            spec.commandLine().getOut().println(answer.text());
            spec.commandLine().getOut().flush();
        });
    }
}
