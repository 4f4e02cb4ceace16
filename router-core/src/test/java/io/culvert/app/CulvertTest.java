// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

final class CulvertTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void helpListsCommandsAndExitCodes() {
        assertThat(execute("--help")).isZero();
        assertThat(out.toString())
                .contains("version", "77", "a capability or permission is missing", "78", "bad configuration");
    }

    @Test
    void versionNamesJava() {
        assertThat(execute("version")).isZero();
        assertThat(out.toString()).startsWith("culvert ").contains("Java " + System.getProperty("java.version"));
    }

    @Test
    void unknownOptionIsAUsageErrorWithAHint() {
        assertThat(execute("--nonsense")).isEqualTo(Culvert.EXIT_USAGE);
        assertThat(err.toString()).contains("--nonsense", "Try 'culvert --help'");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void unknownCommandSuggestsTheNearest() {
        assertThat(execute("versoin")).isEqualTo(Culvert.EXIT_USAGE);
        assertThat(err.toString()).contains("versoin", "version");
    }

    private int execute(String... args) {
        CommandLine command = Culvert.commandLine();
        command.setOut(new PrintWriter(out, true));
        command.setErr(new PrintWriter(err, true));
        return command.execute(args);
    }
}
