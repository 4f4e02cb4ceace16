// SPDX-License-Identifier: Apache-2.0
package io.culvert.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

final class ShowCommandTest {
    private static final String TABLE =
            "{\"v\":1,\"title\":\"interfaces\",\"columns\":[{\"name\":\"name\",\"type\":\"text\",\"align\":\"left\"},"
                    + "{\"name\":\"packets\",\"type\":\"number\",\"align\":\"right\"},{\"name\":\"up\",\"type\":\"boolean\"},"
                    + "{\"name\":\"mac\",\"type\":\"text\"}],\"rows\":[[\"lan\",7,true,\"02:00:00:00:00:01\"],"
                    + "[\"p2p\",1234567890123,false,null]],\"later\":[{}]}\n";

    @TempDir
    private Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void aTableIsAligned() throws Exception {
        assertThat(show(TABLE, "interfaces")).isZero();
        assertThat(out.toString()).isEqualTo("""
                        name        packets  up   mac
                        lan               7  yes  02:00:00:00:00:01
                        p2p   1234567890123  no   -
                        """);
    }

    @Test
    void forProgramsATableIsAnArrayOfObjects() throws Exception {
        assertThat(show(TABLE, "interfaces", "--json")).isZero();
        assertThat(out.toString()).isEqualTo("""
                        [
                        {"name":"lan","packets":7,"up":true,"mac":"02:00:00:00:00:01"},
                        {"name":"p2p","packets":1234567890123,"up":false,"mac":null}
                        ]
                        """);
    }

    @Test
    void anEmptyTableIsItsHeadOrAnEmptyArray() throws Exception {
        String empty = "{\"v\":1,\"title\":\"x\",\"columns\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"rows\":[]}\n";
        assertThat(show(empty, "x")).isZero();
        assertThat(show(empty, "x", "--json")).isZero();
        assertThat(out.toString()).isEqualTo("a  b\n[]\n");
    }

    @Test
    void aTextIsPrintedAsItIsAndItsDocumentForPrograms() throws Exception {
        String answer = "{\"v\":1,\"text\":\"router {\\n}\\n\",\"document\":{\"router\":{\"lanes\":2}}}\n";
        assertThat(show(answer, "config")).isZero();
        assertThat(show(answer, "config", "--json")).isZero();
        assertThat(show("{\"v\":1,\"text\":\"a\\\"b\"}\n", "poem", "--json")).isZero();
        assertThat(out.toString()).isEqualTo("router {\n}\n{\"router\":{\"lanes\":2}}\n\"a\\\"b\"\n");
    }

    @Test
    void theRequestIsOneLineOfVersionOne() throws Exception {
        Path socket = folder.resolve("r.sock");
        try (ServerSocketChannel router = listen(socket)) {
            CompletableFuture<String> request = answerOnce(router, TABLE);
            assertThat(execute("show", "interfaces", "-s", socket.toString())).isZero();
            assertThat(request.get(10, TimeUnit.SECONDS))
                    .isEqualTo("{\"v\":1,\"command\":\"show\",\"what\":\"interfaces\"}\n");
            request = answerOnce(router, TABLE);
            assertThat(execute("show", "-s", socket.toString())).isZero();
            assertThat(request.get(10, TimeUnit.SECONDS)).isEqualTo("{\"v\":1,\"command\":\"show\"}\n");
        }
    }

    @Test
    void whatTheRouterRefusesEndsWithACodeForTheReason() throws Exception {
        assertThat(show(error("unknown-command", "there is nothing to show as \\\"x\\\""), "x"))
                .isEqualTo(Culvert.EXIT_USAGE);
        assertThat(show(error("not-allowed", "uid 7 may not"), "x")).isEqualTo(Culvert.EXIT_NO_PERMISSION);
        assertThat(show(error("bad-config", "r.conf:2: no"), "x")).isEqualTo(Culvert.EXIT_BAD_CONFIG);
        assertThat(show(error("failed", "boom"), "x")).isEqualTo(Culvert.EXIT_FAILED);
        assertThat(err.toString()).isEqualTo("""
                        culvert: there is nothing to show as "x"
                        culvert: uid 7 may not
                        culvert: r.conf:2: no
                        culvert: boom
                        """);
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void anAnswerOutsideTheProtocolIsNoRouter() throws Exception {
        for (String nonsense : new String[] {"", "HTTP/1.0 400\n", "[]\n", "{\"v\":1}\n", "{\"v\":1,\"rows\":[[1"}) {
            err.getBuffer().setLength(0);
            assertThat(show(nonsense, "x")).as(nonsense).isEqualTo(Culvert.EXIT_NO_ROUTER);
            assertThat(err.toString()).startsWith("culvert: no router answers at " + folder.resolve("r.sock") + ": ");
        }
    }

    @Test
    void withoutARouterTheSocketIsNamed() {
        Path socket = folder.resolve("none.sock");
        assertThat(execute("show", "version", "-s", socket.toString())).isEqualTo(Culvert.EXIT_NO_ROUTER);
        assertThat(err.toString())
                .isEqualTo("culvert: no router answers at " + socket + ": No such file or directory\n");
    }

    @Test
    void aSocketWhoseRouterIsDeadIsNamed() throws IOException {
        Path socket = folder.resolve("dead.sock");
        listen(socket).close();
        assertThat(execute("show", "version", "-s", socket.toString())).isEqualTo(Culvert.EXIT_NO_ROUTER);
        assertThat(err.toString()).isEqualTo("culvert: no router answers at " + socket + ": Connection refused\n");
    }

    @Test
    void theOnlySocketInTheFolderIsTheRouters() throws Exception {
        assertThat(run(new ShowCommand(new RouterSocket(folder.resolve("nowhere"))), "version"))
                .isEqualTo(Culvert.EXIT_NO_ROUTER);
        assertThat(err.toString())
                .isEqualTo("culvert: no router is running: there is no socket in " + folder.resolve("nowhere")
                        + " (name another with -s)\n");
        try (ServerSocketChannel router = listen(folder.resolve("r1.sock"))) {
            Files.writeString(folder.resolve("notes.txt"), "");
            CompletableFuture<String> request = answerOnce(router, TABLE);
            assertThat(run(new ShowCommand(new RouterSocket(folder)), "version"))
                    .isZero();
            request.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void ofSeveralRoutersOneMustBeNamed() throws Exception {
        listen(folder.resolve("killed.sock")).close(); // the file stays, and does not count
        try (ServerSocketChannel r1 = listen(folder.resolve("r1.sock"));
                ServerSocketChannel r2 = listen(folder.resolve("r2.sock"))) {
            assertThat(run(new ShowCommand(new RouterSocket(folder)), "version"))
                    .isEqualTo(Culvert.EXIT_USAGE);
            assertThat(err.toString())
                    .isEqualTo("culvert: several routers may be running, choose one with -s: "
                            + folder.resolve("r1.sock") + " " + folder.resolve("r2.sock") + "\n");
            r2.accept().close(); // it was only looked whether somebody listens
            CompletableFuture<String> request = answerOnce(r2, TABLE);
            assertThat(run(new ShowCommand(new RouterSocket(folder)), "version", "-s", "r2"))
                    .isZero();
            request.get(10, TimeUnit.SECONDS);
            assertThat(r1.isOpen()).isTrue();
        }
    }

    /** Loading Akka or a native library would cost more than everything else that the command does. */
    @Test
    void theClientLoadsNeitherAkkaNorNativeCodeNorTheLog() throws Exception {
        Path socket = folder.resolve("r.sock");
        try (ServerSocketChannel router = listen(socket)) {
            CompletableFuture<String> request = answerOnce(router, TABLE);
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin/java").toString(),
                            "-Xlog:class+load:stderr",
                            "-cp",
                            System.getProperty("java.class.path"),
                            Culvert.class.getName(),
                            "show",
                            "interfaces",
                            "-s",
                            socket.toString())
                    .redirectError(folder.resolve("classes").toFile())
                    .redirectOutput(folder.resolve("table").toFile())
                    .start();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(process.exitValue()).isZero();
            request.get(10, TimeUnit.SECONDS);
        }
        assertThat(folder.resolve("table")).content().startsWith("name        packets");
        assertThat(Files.readAllLines(folder.resolve("classes")))
                .isNotEmpty()
                .noneMatch(line -> line.matches(".*] (akka|scala|jnr|com\\.kenai|ch\\.qos|org\\.slf4j)\\..*"));
    }

    private static String error(String code, String message) {
        return "{\"v\":1,\"error\":{\"code\":\"" + code + "\",\"message\":\"" + message + "\"}}\n";
    }

    private int show(String answer, String... arguments) throws Exception {
        Path socket = folder.resolve("r.sock");
        Files.deleteIfExists(socket);
        try (ServerSocketChannel router = listen(socket)) {
            CompletableFuture<String> request = answerOnce(router, answer);
            String[] all = new String[arguments.length + 3];
            all[0] = "show";
            all[1] = "-s";
            all[2] = socket.toString();
            System.arraycopy(arguments, 0, all, 3, arguments.length);
            int exit = execute(all);
            request.get(10, TimeUnit.SECONDS);
            return exit;
        }
    }

    private static ServerSocketChannel listen(Path socket) throws IOException {
        return ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(socket));
    }

    /** Plays the router for one client; the result is the client's request. */
    private static CompletableFuture<String> answerOnce(ServerSocketChannel router, String answer) {
        CompletableFuture<String> request = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try (SocketChannel client = router.accept()) {
                ByteBuffer read = ByteBuffer.allocate(4096);
                client.read(read);
                ByteBuffer out = ByteBuffer.wrap(answer.getBytes(StandardCharsets.UTF_8));
                while (out.hasRemaining()) {
                    client.write(out);
                }
                request.complete(new String(read.array(), 0, read.position(), StandardCharsets.UTF_8));
            } catch (IOException e) {
                request.completeExceptionally(e);
            }
        });
        thread.start();
        return request;
    }

    private int execute(String... arguments) {
        return execute(Culvert.commandLine(), arguments);
    }

    private int run(ShowCommand command, String... arguments) {
        return execute(new CommandLine(command), arguments);
    }

    private int execute(CommandLine command, String... arguments) {
        command.setOut(new PrintWriter(out, true));
        command.setErr(new PrintWriter(err, true));
        return command.execute(arguments);
    }
}
