// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert demo}: the lab {@code conf/labs/demo.conf}. */
@Command(name = "demo", description = "Show a router at work between network namespaces made for the purpose.")
final class DemoCommand implements Callable<Integer> {
    /** The folder that has {@code conf/}; the launcher says where. */
    private static final String HOME = "culvert.home";

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        return LabCommand.run(Path.of(System.getProperty(HOME, "."), "conf", "labs", "demo.conf"), spec);
    }
}
