// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code culvert clear}: has the running router forget something. */
@Command(
        name = "clear",
        description = "Have the running router forget something, such as counts or what a plugin has "
                + "learned; without a name, list what can be cleared.")
final class ClearCommand implements Callable<Integer> {
    @Mixin
    private final RouterQuestion question = new RouterQuestion(new RouterSocket());

    @Override
    public Integer call() {
        return question.ask("clear");
    }
}
