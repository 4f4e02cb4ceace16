// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

final class CheckCommandTest {
    @TempDir
    private Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void aFileWithoutMistakesIsSummedUpInOneLine() throws IOException {
        Path file = folder.resolve("fine.conf");
        Files.writeString(file, """
                router.interfaces { a { type = tun }, b { type = tap } }
                router.routes = [ { prefix = "10.0.0.0/8", interface = a } ]
                """);

        assertThat(check(file)).isEqualTo(Culvert.EXIT_OK);
        assertThat(out.toString()).isEqualTo(file + ": fine: 2 interfaces, 1 route\n");
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void everyMistakeGoesToTheErrorStream() throws IOException {
        Path file = folder.resolve("bad.conf");
        Files.writeString(file, "router.nam = x\nrouter.lanes = many\n");

        assertThat(check(file)).isEqualTo(Culvert.EXIT_BAD_CONFIG);
        assertThat(err.toString())
                .isEqualTo(file + ":1: nam is unknown, did you mean name?\n" + file
                        + ":2: lanes is \"many\", expected a whole number from 1 to 64, or auto\n");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void aFileThatIsNotThereIsABadConfiguration() {
        Path file = folder.resolve("none.conf");

        assertThat(check(file)).isEqualTo(Culvert.EXIT_BAD_CONFIG);
        assertThat(err.toString()).isEqualTo(file + ":1: the file does not exist\n");
    }

    private int check(Path file) {
        CommandLine command = Culvert.commandLine();
        command.setOut(new PrintWriter(out, true));
        command.setErr(new PrintWriter(err, true));
        return command.execute("check", file.toString());
    }
}
