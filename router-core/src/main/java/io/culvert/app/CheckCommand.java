// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import io.culvert.config.BadConfigException;
import io.culvert.config.Catalog;
import io.culvert.config.ConfigFile;
import io.culvert.config.RouterConfig;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert check}: reports every mistake in a configuration, as {@code run} would before it starts. */
@Command(name = "check", description = "Check a configuration and report every mistake in it.")
final class CheckCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "The configuration of a router.")
    private Path file;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        Catalog catalog = Plugins.found();
        Plugins.refused(catalog).forEach(spec.commandLine().getErr()::println);
        RouterConfig config;
        try {
            config = ConfigFile.read(file, catalog);
        } catch (BadConfigException e) {
            report(e, spec.commandLine().getErr());
            return Culvert.EXIT_BAD_CONFIG;
        }
        spec.commandLine()
                .getOut()
                .println(file + ": fine: " + count(config.interfaces().size(), "interface") + ", "
                        + count(config.routes().size(), "route"));
        return Culvert.EXIT_OK;
    }

    /** Prints one line for each mistake. */
    static void report(BadConfigException bad, PrintWriter err) {
        bad.problems().forEach(err::println);
        err.flush();
    }

    private static String count(int number, String thing) {
        return number + " " + thing + (number == 1 ? "" : "s");
    }
}
