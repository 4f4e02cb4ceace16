// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The {@code culvert} command: reads the command line, runs one sub-command in the calling thread and ends the process
 * with its exit code. Each sub-command has a file of its own in this package.
 */
@Command(
        name = "culvert",
        description = "A userspace IP router for Linux.",
        mixinStandardHelpOptions = true,
        versionProvider = VersionCommand.Provider.class,
        synopsisSubcommandLabel = "COMMAND",
        scope = CommandLine.ScopeType.INHERIT,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:done",
            "1:failed at run time",
            "2:wrong usage",
            "3:no router at the management socket",
            "77:a capability or permission is missing",
            "78:bad configuration"
        },
        subcommands = {
            BenchCommand.class,
            CheckCommand.class,
            ClearCommand.class,
            DemoCommand.class,
            LabCommand.class,
            PluginCommand.class,
            ReloadCommand.class,
            RunCommand.class,
            SetCommand.class,
            ShowCommand.class,
            TestCommand.class,
            VersionCommand.class
        })
public final class Culvert {
    /** The command did what it was asked for. */
    public static final int EXIT_OK = 0;
    /** The command failed while running. */
    public static final int EXIT_FAILED = 1;
    /** The command line makes no sense. */
    public static final int EXIT_USAGE = 2;
    /** Nobody answers at the management socket. */
    public static final int EXIT_NO_ROUTER = 3;
    /** A capability, a permission or a program is missing (EX_NOPERM of sysexits.h). */
    public static final int EXIT_NO_PERMISSION = 77;
    /** The configuration has mistakes (EX_CONFIG of sysexits.h). */
    public static final int EXIT_BAD_CONFIG = 78;

    /** Runs the command that {@code args} names, and exits the JVM. */
    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    /** Returns the whole command line, ready to execute; tests redirect its writers. */
    static CommandLine commandLine() {
        return new CommandLine(new Culvert())
                .setParameterExceptionHandler(Culvert::reportUsage)
                .setExecutionExceptionHandler(Culvert::reportFailure);
    }

    private static int reportUsage(ParameterException mistake, String[] args) {
        CommandLine command = mistake.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("culvert: " + mistake.getMessage());
        UnmatchedArgumentException.printSuggestions(mistake, err);
        err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
        return EXIT_USAGE;
    }

    private static int reportFailure(Exception failure, CommandLine command, CommandLine.ParseResult parsed) {
        // Whatever a command expects to go wrong it reports itself: what arrives here is a bug and keeps its trace.
        command.getErr().print("culvert: unexpected failure: ");
        failure.printStackTrace(command.getErr());
        return EXIT_FAILED;
    }
}
