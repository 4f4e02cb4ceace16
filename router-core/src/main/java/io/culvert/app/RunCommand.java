// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import io.culvert.config.BadConfigException;
import io.culvert.config.Catalog;
import io.culvert.config.ConfigFile;
import io.culvert.config.RouterConfig;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code culvert run}: a router in the foreground until SIGTERM or SIGINT, which drain it, remove what it made, and end the
 * process with 0.
 *
 * <p>What runs the router is in {@link RouterProcess}: picocli looks into this class whatever the command is, and would
 * load Akka for {@code culvert --help} if a method here named it.
 */
@Command(name = "run", description = "Run a router in the foreground until it is told to stop.")
final class RunCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "The configuration of the router.")
    private Path file;

    @Option(
            names = "--log-format",
            paramLabel = "FORMAT",
            defaultValue = "text",
            description = "How the log is written: text (default) or json.")
    private LogFormat logFormat;

    @Option(names = "--stats", description = "Print the counters when the router ends.")
    private boolean stats;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        Logging.configure(logFormat);
        Catalog catalog = Plugins.found();
        Plugins.refused(catalog).forEach(LoggerFactory.getLogger("culvert")::error);
        RouterConfig config;
        try {
            config = ConfigFile.read(file, catalog);
        } catch (BadConfigException bad) {
            CheckCommand.report(bad, spec.commandLine().getErr());
            return Culvert.EXIT_BAD_CONFIG;
        }
        return new RouterProcess(
                        file, config, catalog, stats ? spec.commandLine().getOut() : null)
                .run();
    }
}
