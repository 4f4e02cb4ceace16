// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code culvert set}: changes something in the running router, until it ends. */
@Command(
        name = "set",
        description = "Change something in the running router until it ends, where a plugin offers "
                + "that; without a name, list what can be set.")
final class SetCommand implements Callable<Integer> {
    @Mixin
    private final RouterQuestion question = new RouterQuestion(new RouterSocket());

    @Override
    public Integer call() {
        return question.ask("set");
    }
}
