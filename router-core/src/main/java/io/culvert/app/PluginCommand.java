// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert plugin}: what authors of plugins begin with. */
@Command(
        name = "plugin",
        description = "Make a project for a plugin of your own.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = PluginCommand.New.class)
final class PluginCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        throw new ParameterException(spec.commandLine(), "plugin needs a command: new");
    }

    /** {@code culvert plugin new NAME}: a Maven project in the folder NAME, which builds and passes its tests. */
    @Command(
            name = "new",
            description = {
                "Make the Maven project of a plugin in a new folder.",
                "It holds a small stage that works, with its tests: change it into yours."
            })
    static final class New implements Callable<Integer> {
        @Parameters(paramLabel = "NAME", description = "The plugin's name, in kebab-case: mss-clamp.")
        private String name;

        @Option(
                names = "--package",
                paramLabel = "PACKAGE",
                description = "The Java package; com.example.NAME without hyphens by default.")
        private String javaPackage;

        @Option(
                names = "--directory",
                paramLabel = "FOLDER",
                defaultValue = ".",
                description = "Where the project's folder is made; here by default.")
        private Path directory;

        @Spec
        private CommandSpec spec;

        @Override
        public Integer call() {
            PluginProject project;
            try {
                project = PluginProject.named(name, javaPackage == null ? PluginProject.packageOf(name) : javaPackage);
            } catch (IllegalArgumentException unusable) {
                throw new ParameterException(spec.commandLine(), unusable.getMessage());
            }
            PrintWriter err = spec.commandLine().getErr();
            String top = System.getProperty("culvert.home");
            Path home = top == null ? null : PluginProject.distribution(Path.of(top));
            if (top == null || home == null) {
                err.println(
                        "culvert: the folder maven/ of the distribution, against which plugins are built, is missing"
                                + (top == null ? ": start culvert by its launcher" : " in " + top));
                return Culvert.EXIT_FAILED;
            }
            Path folder = directory.resolve(name).toAbsolutePath().normalize();
            if (Files.exists(folder)) {
                err.println("culvert: " + folder + " exists; choose another name, or another place by --directory");
                return Culvert.EXIT_FAILED;
            }
            try {
                project.write(folder, home, VersionCommand.version());
            } catch (IOException failed) {
                err.println("culvert: can't write " + folder + ": " + failed);
                return Culvert.EXIT_FAILED;
            }
            Path launcher = Path.of(top, Files.exists(Path.of(top, "bin")) ? "bin/culvert" : "culvert");
            PrintWriter out = spec.commandLine().getOut();
            out.println("Made the project of plugin " + name + " in " + folder + ". Next:");
            out.println("    cd " + folder);
            out.println("    mvn verify");
            out.println("    mkdir -p " + top + "/plugins && cp target/" + name + "-1.0.jar " + top + "/plugins/");
            out.println("    " + launcher + " lab src/lab/" + name + ".conf");
            out.println("Its stage is in " + project.stageFile() + ".");
            return Culvert.EXIT_OK;
        }
    }
}
