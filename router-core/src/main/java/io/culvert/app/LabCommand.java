// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import io.culvert.config.BadConfigException;
import io.culvert.config.Catalog;
import io.culvert.config.LabConfig;
import io.culvert.config.LabFile;
import io.culvert.ffi.Capability;
import io.culvert.lab.Lab;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert lab}: runs a lab file and answers 0 when each of its checks passed. */
@Command(name = "lab", description = "Make the network of a lab file, run its checks, and remove everything.")
final class LabCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "The lab; conf/labs/ has some.")
    private Path file;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        return run(file, spec);
    }

    static int run(Path file, CommandSpec spec) {
        PrintWriter err = spec.commandLine().getErr();
        Catalog catalog = Plugins.found();
        Plugins.refused(catalog).forEach(err::println);
        LabConfig lab;
        try {
            lab = LabFile.read(file, catalog);
        } catch (BadConfigException e) {
            CheckCommand.report(e, err);
            return Culvert.EXIT_BAD_CONFIG;
        }
        try {
            Set<Capability> missing = EnumSet.of(Capability.CAP_NET_ADMIN, Capability.CAP_SYS_ADMIN);
            missing.removeAll(Capability.effective());
            if (!missing.isEmpty()) {
                err.println("culvert: network namespaces need "
                        + missing.stream().map(Enum::name).collect(Collectors.joining(" and ")) + "; run as root");
                return Culvert.EXIT_NO_PERMISSION;
            }
            boolean passed = new Lab(lab, culvert(), spec.commandLine().getOut()).run();
            return passed ? Culvert.EXIT_OK : Culvert.EXIT_FAILED;
        } catch (IOException e) {
            err.println("culvert: " + e.getMessage());
            return Culvert.EXIT_FAILED;
        }
    }

    /** The command that started this process: the same Java with the same options and classes. */
    private static List<String> culvert() {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current()
                .info()
                .command()
                .orElse(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Culvert.class.getName()));
        return command;
    }
}
