// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code culvert show}: asks the running router for one of its tables. */
@Command(
        name = "show",
        description =
                "Show a table of the running router: interfaces, routes, neighbors, counters, drops, graph, memory,"
                        + " plugins, metrics, config, version, or what plugins bring; without a name, list what there is.")
final class ShowCommand implements Callable<Integer> {
    @Mixin
    private final RouterQuestion question;

    ShowCommand() {
        this(new RouterSocket());
    }

    ShowCommand(RouterSocket router) {
        question = new RouterQuestion(router);
    }

    @Override
    public Integer call() {
        return question.ask("show");
    }
}
