// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert version}: prints the version of Culvert, of the JVM and of the kernel it runs on. */
@Command(name = "version", description = "Print the version of Culvert, Java and the kernel.")
final class VersionCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        spec.commandLine().getOut().println(describe());
        return Culvert.EXIT_OK;
    }

    /** Culvert's version, from the jar's manifest; classes of a source tree have no manifest. */
    static String version() {
        return Objects.requireNonNullElse(VersionCommand.class.getPackage().getImplementationVersion(), "development");
    }

    static String describe() {
        return "culvert " + version() + " (Java " + System.getProperty("java.version") + ", "
                + System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                + System.getProperty("os.arch") + ")";
    }

    /** Gives {@code culvert --version} the same line. */
    static final class Provider implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {describe()};
        }
    }
}
