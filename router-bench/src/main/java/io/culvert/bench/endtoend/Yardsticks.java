// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The C programs, compiled when they are first used and whenever a source has changed. */
final class Yardsticks {
    private static final List<String> FLAGS = List.of("-O2", "-Wall", "-pthread");
    private static final long COMPILED_WITHIN_SECONDS = 60;

    private final Path sources;
    private final Path programs;

    /**
     * @param sources the folder of the C sources
     * @param programs the folder for the compiled programs; made when it is missing
     */
    Yardsticks(Path sources, Path programs) {
        this.sources = sources;
        this.programs = programs;
    }

    /**
     * Answers the program of a name, ready to run.
     *
     * @throws IOException with the compiler's words, or with what to install
     */
    Path program(String name) throws IOException, InterruptedException {
        Path program = programs.resolve(name);
        if (!isCurrent(program)) {
            Files.createDirectories(programs);
            compile(sources.resolve(name + ".c"), program);
        }
        return program;
    }

    private boolean isCurrent(Path program) throws IOException {
        if (!Files.isExecutable(program)) {
            return false;
        }
        try (Stream<Path> files = Files.list(sources)) {
            for (Path source : files.toList()) {
                if (Files.getLastModifiedTime(source).compareTo(Files.getLastModifiedTime(program)) > 0) {
                    return false;
                }
            }
        }
        return true;
    }

    private static void compile(Path source, Path program) throws IOException, InterruptedException {
        Path unfinished = Files.createTempFile(program.getParent(), "unfinished", "");
        List<String> command = Stream.of(List.of("cc"), FLAGS, List.of("-o", unfinished.toString(), source.toString()))
                .flatMap(List::stream)
                .toList();
        Process compiler;
        try {
            compiler = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            Files.deleteIfExists(unfinished);
            throw new IOException(
                    "there is no C compiler for " + source.getFileName()
                            + "; on Debian, as root: apt-get install -y gcc libc6-dev linux-libc-dev",
                    e);
        }
        String said = new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!compiler.waitFor(COMPILED_WITHIN_SECONDS, TimeUnit.SECONDS) || compiler.exitValue() != 0) {
            compiler.destroyForcibly();
            Files.deleteIfExists(unfinished);
            throw new IOException(source + " can't be compiled:\n" + said);
        }
        Files.move(
                unfinished,
                program,
                java.nio.file.StandardCopyOption.ATOMIC_MOVE,
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    }
}
