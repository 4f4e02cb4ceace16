// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import io.culvert.config.Catalog;
import io.culvert.config.ConfigFile;
import io.culvert.config.ManagementConfig;
import io.culvert.config.RouterConfig;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import io.culvert.spi.StageDescriptor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ManagementActorTest {
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final ManagementServer.Limits LIMITS =
            new ManagementServer.Limits(3, Duration.ofMillis(400), Duration.ofMillis(400), Duration.ofMillis(600));

    private final ActorTestKit kit = ActorTestKit.create();
    private final TestProbe<ManagementActor.Status> status = kit.createTestProbe();

    @TempDir
    private Path folder;

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    @Test
    void answersATable() throws IOException {
        Path socket = open(command(
                "pets",
                () -> CompletableFuture.completedFuture(ManagementAnswer.Table.titled("all pets")
                        .text("name")
                        .number("legs")
                        .flag("tame")
                        .row("cat \"Tom\"", 4, true)
                        .row("snake", 0L, null)
                        .answer())));

        assertThat(ask(socket, "{\"v\":1,\"command\":\"show\",\"what\":\"pets\"}\n"))
                .isEqualTo("{\"v\":1,\"title\":\"all pets\",\"columns\":["
                        + "{\"name\":\"name\",\"type\":\"text\",\"align\":\"left\"},"
                        + "{\"name\":\"legs\",\"type\":\"number\",\"align\":\"right\"},"
                        + "{\"name\":\"tame\",\"type\":\"boolean\",\"align\":\"left\"}],"
                        + "\"rows\":[[\"cat \\\"Tom\\\"\",4,true],[\"snake\",0,null]]}\n");
    }

    @Test
    void answersATextWithItsDocument() throws IOException {
        Path socket = open(command(
                "poem", () -> CompletableFuture.completedFuture(ManagementAnswer.of("two\nlines", "{\"lines\":2}"))));

        assertThat(ask(socket, "{\"command\":\"show\",\"what\":\"poem\",\"v\":1,\"later\":{\"deep\":[1]}}\n"))
                .isEqualTo("{\"v\":1,\"text\":\"two\\nlines\",\"document\":{\"lines\":2}}\n");
    }

    @Test
    void listsWhatThereIsAndLearnsMore() throws IOException {
        ActorRef<ManagementActor.Command> actor = spawn(folder.resolve("m.sock"), null, command("b", never()));
        Path socket = status.expectMessageClass(ManagementActor.Ready.class).socket();
        actor.tell(new ManagementActor.Register(command("a", never())));

        await().untilAsserted(() -> assertThat(ask(socket, "{\"v\":1,\"command\":\"show\"}\n"))
                .endsWith("\"rows\":[[\"a\",\"\",\"router\",\"about a\"],[\"b\",\"\",\"router\",\"about b\"]]}\n"));
    }

    @Test
    void showsTheConfigurationInForce() throws Exception {
        Path file = Files.writeString(folder.resolve("r.conf"), "router { name = r7 }");
        RouterConfig config = ConfigFile.read(file, Catalog.of(List.of()));
        Path socket = open(new ShowConfig(() -> config));

        assertThat(ask(socket, "{\"v\":1,\"command\":\"show\",\"what\":\"config\"}\n"))
                .contains("name=r7\\n", "vector-size=61\\n", "\"document\":{\"router\":{", "\"name\":\"r7\"");
    }

    @Test
    void showsTheVersion() throws IOException {
        Instant started = Instant.parse("2026-01-02T03:04:05Z");
        Clock clock = Clock.fixed(started.plusSeconds(90), ZoneOffset.UTC);
        Path socket = open(new ShowVersion("r7", "1.2.3", started, clock));

        assertThat(ask(socket, "{\"v\":1,\"command\":\"show\",\"what\":\"version\"}\n"))
                .contains("[[\"r7\",\"1.2.3\",\"" + System.getProperty("java.version") + "\",")
                .endsWith("," + ProcessHandle.current().pid() + ",\"2026-01-02T03:04:05Z\",90]]}\n");
    }

    @Test
    void showsPluginsThatAreUsedAndThoseThatAreNot() throws Exception {
        Catalog catalog = Catalog.of(List.of())
                .with(plugin("nat", "1.2", "", "ip4-nat", "ip4-alg"))
                .with(plugin("mirror", "", "", "mirror"))
                .with(plugin("kinds", "", ""))
                .with(plugin("dpi", "", "", "ip4-dpi"))
                .with(new Catalog.Plugin(null, "wires", "", 1, "wires.jar", List.of(), List.of(new EthernetKind()), ""))
                .with(plugin("old", "0.9", "it is made for version 7"));
        Path file = Files.writeString(folder.resolve("r.conf"), "router { plugins { ip4-nat {}, ip4-dpi {} } }");
        RouterConfig config = ConfigFile.read(file, catalog);
        Path socket = open(new ShowPlugins(
                catalog, () -> config, name -> name.equals("dpi") ? "its actor has ended by itself" : ""));

        assertThat(ask(socket, "{\"v\":1,\"command\":\"show\",\"what\":\"plugins\"}\n"))
                .contains("[\"nat\",\"1.2\",1,\"nat.jar\",\"ip4-nat ip4-alg\",\"\",\"used\","
                        + "\"no section plugins.ip4-alg in the file\"]")
                .contains("[\"mirror\",\"\",1,\"mirror.jar\",\"mirror\",\"\",\"off\","
                        + "\"no section plugins.mirror in the file\"]")
                .contains(
                        "[\"dpi\",\"\",1,\"dpi.jar\",\"ip4-dpi\",\"\",\"impaired\",\"its actor has ended by itself\"]")
                .contains("[\"kinds\",\"\",1,\"kinds.jar\",\"\",\"\",\"used\",\"\"]")
                .contains("[\"wires\",\"\",1,\"wires.jar\",\"\",\"wire\",\"off\","
                        + "\"no interface of type wire in the file\"]")
                .contains("[\"old\",\"0.9\",1,\"old.jar\",\"\",\"\",\"refused\",\"it is made for version 7\"]");
    }

    private static Catalog.Plugin plugin(String name, String version, String problem, String... stages) {
        return new Catalog.Plugin(
                null,
                name,
                version,
                1,
                name + ".jar",
                Stream.of(stages)
                        .map(id -> StageDescriptor.named(id, "Does nothing.").factory(setup -> {
                            throw new AssertionError("no instance is needed");
                        }))
                        .toList(),
                List.of(),
                problem);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
                    garbage                                       | bad-request         | the request is not JSON
                    []                                            | bad-request         | a request is a JSON object in one line
                    {"v":1,"command":"show"                       | bad-request         | the request is not JSON
                    {"v":1,"command":"show"} {}                   | bad-request         | there is more than one JSON object
                    {"v":1}                                       | bad-request         | the request has no \\"command\\"
                    {"v":1,"command":7}                           | bad-request         | the request has no \\"command\\"
                    {"v":1,"command":{"a":[{}]},"what":"x"}       | bad-request         | the request has no \\"command\\"
                    {"command":"show"}                            | unsupported-version | speaks version 1 of the protocol, the request names none
                    {"v":2,"command":"show"}                      | unsupported-version | speaks version 1 of the protocol, the request is of version 2
                    {"v":99999999999999,"command":"show"}         | bad-request         | the request is not JSON
                    {"v":1,"command":"eat"}                       | unknown-command     | there is no command \\"eat\\", expected one of clear, set, show
                    {"v":1,"command":"clear","what":"a"}          | unknown-command     | there is nothing to clear as \\"a\\", nor anything else
                    {"v":1,"command":"show","what":"a","arguments":["x","y z"]} | bad-argument | show a: it takes no arguments, got \\"x y z\\"; usage: culvert show a
                    {"v":1,"command":"show","what":"a","arguments":"x"}   | bad-request | the \\"arguments\\" of a request are an array of strings
                    {"v":1,"command":"show","what":"a","arguments":["x",1]} | bad-request | the \\"arguments\\" of a request are an array of strings
                    {"v":1,"command":"show","what":"a","arguments":[["x"]]} | bad-request | the \\"arguments\\" of a request are an array of strings
                    {"v":1,"command":"show","arguments":["x"]}    | bad-request         | the request has \\"arguments\\", but no \\"what\\" that they are for
                    {"v":1,"command":"show","what":"nothing"}     | unknown-command     | there is nothing to show as \\"nothing\\", expected one of a
                    {"v":1,"command":"show","what":"a"}           | timeout             | no answer within
                    """)
    void aRequestThatCannotBeAnsweredGetsAReason(String request, String code, String message) throws IOException {
        Path socket = open(command("a", never()));

        assertThat(ask(socket, request + "\n"))
                .startsWith("{\"v\":1,\"error\":{\"code\":\"" + code + "\",\"message\":\"")
                .contains(message)
                .endsWith("\"}}\n");
    }

    @Test
    void bytesThatAreNoTextAreRefusedLikeOtherGarbage() throws IOException {
        Path socket = open();

        assertThat(ask(socket, "\0\u0001ÿ\0\n")).contains("\"code\":\"bad-request\"");
    }

    @Test
    void aCommandThatFailsIsReported() throws IOException {
        Path socket = open(
                command("a", () -> CompletableFuture.failedFuture(new IllegalStateException("the actor is gone"))),
                command("b", () -> {
                    throw new IllegalStateException("at once");
                }));

        assertThat(ask(socket, "{\"v\":1,\"command\":\"show\",\"what\":\"a\"}\n"))
                .isEqualTo("{\"v\":1,\"error\":{\"code\":\"failed\",\"message\":\"java.lang.IllegalStateException: the"
                        + " actor is gone\"}}\n");
        assertThat(ask(socket, "{\"v\":1,\"command\":\"show\",\"what\":\"b\"}\n"))
                .contains("failed", "at once");
    }

    @Test
    void aLineWithoutEndIsCutOff() throws IOException {
        Path socket = open();

        assertThat(ask(socket, "x".repeat(1_000_000)))
                .isEqualTo(
                        "{\"v\":1,\"error\":{\"code\":\"bad-request\",\"message\":\"the request has no newline within 4096"
                                + " bytes\"}}\n");
    }

    @Test
    void aClientThatSaysNothingIsSentAway() throws IOException {
        Path socket = open();
        try (SocketChannel silent = connect(socket)) {
            assertThat(readAll(silent)).contains("\"code\":\"timeout\"", "no request within 400 ms");
        }
    }

    @Test
    void aClientThatSpeaksTooSlowlyIsSentAwayWhileItSpeaks() throws IOException {
        Path socket = open();
        try (SocketChannel slow = connect(socket)) {
            await().pollInterval(Duration.ofMillis(50)).until(() -> {
                try {
                    slow.write(utf8(" "));
                    return false;
                } catch (IOException closed) {
                    return true;
                }
            });
            assertThat(readAll(slow)).contains("\"code\":\"timeout\"");
        }
    }

    @Test
    void aClientThatDoesNotReadHoldsNothingForLong() throws IOException {
        List<Object> row = List.of("x".repeat(1000));
        ManagementAnswer.Table table = new ManagementAnswer.Table(
                "long",
                List.of(new ManagementAnswer.Column("x", ManagementAnswer.Type.TEXT)),
                Collections.nCopies(100_000, row));
        Path socket = open(command("long", () -> CompletableFuture.completedFuture(ManagementAnswer.of(table))));
        List<SocketChannel> deaf = new ArrayList<>();
        for (int i = 0; i < LIMITS.clients(); i++) {
            SocketChannel client = connect(socket);
            client.write(utf8("{\"v\":1,\"command\":\"show\",\"what\":\"long\"}\n"));
            deaf.add(client);
        }
        await().untilAsserted(() -> assertThat(ask(socket, "{\"v\":1,\"command\":\"show\"}\n"))
                .contains("\"code\":\"busy\"", "the router has 3 management clients already"));
        await().untilAsserted(() ->
                assertThat(ask(socket, "{\"v\":1,\"command\":\"show\"}\n")).contains("about long"));
        for (SocketChannel client : deaf) {
            client.close();
        }
    }

    @Test
    void aLongAnswerArrivesWhole() throws IOException {
        List<Object> row = List.of("x".repeat(1000));
        ManagementAnswer.Table table = new ManagementAnswer.Table(
                "long",
                List.of(new ManagementAnswer.Column("x", ManagementAnswer.Type.TEXT)),
                Collections.nCopies(10_000, row));
        Path socket = open(command("long", () -> CompletableFuture.completedFuture(ManagementAnswer.of(table))));

        String answer = ask(socket, "{\"v\":1,\"command\":\"show\",\"what\":\"long\"}\n");
        assertThat(answer).endsWith("]]}\n").hasSizeGreaterThan(10_000 * 1000);
    }

    @Test
    void thePeerIsCheckedByTheCredentialsOfTheKernel() throws IOException {
        AtomicReference<SocketAccess.Peer> asked = new AtomicReference<>();
        spawn(
                folder.resolve("m.sock"),
                peer -> {
                    asked.set(peer);
                    return false;
                },
                command("a", never()));
        Path socket = status.expectMessageClass(ManagementActor.Ready.class).socket();

        assertThat(ask(socket, "{\"v\":1,\"command\":\"show\"}\n"))
                .contains("\"code\":\"not-allowed\"", " may not manage this router", socket.toString());
        assertThat(asked.get().pid()).isEqualTo((int) ProcessHandle.current().pid());
        assertThat(asked.get().uid()).isEqualTo(Files.getAttribute(socket, "unix:uid"));
        assertThat(asked.get().gid()).isEqualTo(Files.getAttribute(socket, "unix:gid"));
    }

    @Test
    void rootTheOwnerAndTheGroupMayAsk() throws IOException {
        Path socket = open();
        int uid = (Integer) Files.getAttribute(socket, "unix:uid");
        int gid = (Integer) Files.getAttribute(socket, "unix:gid");
        SocketAccess access = SocketAccess.ofOwnerAndGroup(socket);
        int none = Integer.MAX_VALUE;

        assertThat(access.allows(new SocketAccess.Peer(none, 0, none))).isTrue();
        assertThat(access.allows(new SocketAccess.Peer(none, uid, none))).isTrue();
        assertThat(access.allows(new SocketAccess.Peer(none, none, gid))).isTrue();
        assertThat(access.allows(new SocketAccess.Peer(none, none, none))).isFalse();
        Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-rw-rw-"));
        assertThat(SocketAccess.ofOwnerAndGroup(socket).allows(new SocketAccess.Peer(none, none, none)))
                .isTrue();
    }

    @Test
    void theSocketHasTheModeOfTheConfigurationInAFolderThatIsMade() throws IOException {
        Path path = folder.resolve("made/here/m.sock");
        spawn(path, null);
        status.expectMessage(PATIENCE, new ManagementActor.Ready(path));

        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                .isEqualTo("rw-rw----");
    }

    @Test
    void otherModesCountToo() throws IOException {
        Path path = folder.resolve("m.sock");
        kit.spawn(ManagementActor.create(new ManagementConfig(path, 0604, null), List.of(), status.ref()));
        status.expectMessage(PATIENCE, new ManagementActor.Ready(path));

        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                .isEqualTo("rw----r--");
    }

    @Test
    void theSocketOfADeadRouterIsReplaced() throws IOException {
        Path path = folder.resolve("m.sock");
        try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(path));
        }
        assertThat(path).exists();
        spawn(path, null, command("a", never()));
        status.expectMessage(PATIENCE, new ManagementActor.Ready(path));

        assertThat(ask(path, "{\"v\":1,\"command\":\"show\"}\n")).contains("about a");
    }

    @Test
    void theSocketOfALivingRouterIsAnError() throws IOException {
        Path path = open(command("first", never()));
        spawn(path, null, command("second", never()));

        assertThat(status.expectMessageClass(ManagementActor.Failed.class).message())
                .isEqualTo("a router answers at management socket " + path
                        + " already: stop it, or give this one another name or management.socket");
        assertThat(ask(path, "{\"v\":1,\"command\":\"show\"}\n")).contains("about first");
    }

    @Test
    void aFileInTheWayIsLeftAlone() throws IOException {
        Path path = Files.writeString(folder.resolve("m.sock"), "precious");
        spawn(path, null);

        assertThat(status.expectMessageClass(ManagementActor.Failed.class).message())
                .isEqualTo("management socket " + path + " can't be made: there is a file of that name");
        assertThat(path).hasContent("precious");
    }

    @Test
    void aGroupThatIsNotThereIsNamed() {
        Path path = folder.resolve("m.sock");
        kit.spawn(ManagementActor.create(
                new ManagementConfig(path, 0660, "no-such-group-here"), List.of(), status.ref()));

        assertThat(status.expectMessageClass(ManagementActor.Failed.class).message())
                .isEqualTo("management socket " + path
                        + " can't be given to group no-such-group-here: there is no such group");
        assertThat(path).doesNotExist();
    }

    @Test
    void stoppingCutsClientsOffAndRemovesTheSocket() throws IOException {
        ActorRef<ManagementActor.Command> actor = kit.spawn(ManagementActor.create(
                new ManagementConfig(folder.resolve("m.sock"), 0660, null), List.of(), status.ref()));
        Path path = status.expectMessageClass(ManagementActor.Ready.class).socket();
        try (SocketChannel waiting = connect(path)) {
            waiting.write(utf8("{"));
            kit.stop(actor);

            assertThat(path).doesNotExist();
            // Cut off in the middle of its request, or before it was served at all.
            assertThat(readAll(waiting))
                    .satisfiesAnyOf(
                            said -> assertThat(said).isEmpty(),
                            said -> assertThat(said).contains("\"code\":\"bad-request\""));
        }
        await().untilAsserted(() -> assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .noneMatch(name -> name.startsWith("management-")));
    }

    /** Closes at ever later moments after the connection, so that some fall between its being accepted and served. */
    @RepeatedTest(300)
    void aClientThatComesWhileTheServerClosesIsCutOff(RepetitionInfo repetition) throws IOException {
        ManagementServer server = ManagementServer.open(
                new ManagementConfig(folder.resolve("m.sock"), 0660, null),
                (request, within) -> ManagementAnswer.of("never asked"),
                null,
                ManagementServer.Limits.DEFAULT);
        try (SocketChannel late = connect(server.path())) {
            long closing = System.nanoTime() + repetition.getCurrentRepetition() * 1_000L;
            while (System.nanoTime() - closing < 0) {
                Thread.onSpinWait();
            }
            server.close();

            assertThat(readAll(late)).doesNotContain("timeout");
        }
    }

    private Path open(ManagementCommand... commands) {
        spawn(folder.resolve("m.sock"), null, commands);
        return status.expectMessageClass(ManagementActor.Ready.class).socket();
    }

    private ActorRef<ManagementActor.Command> spawn(Path path, SocketAccess access, ManagementCommand... commands) {
        return kit.spawn(ManagementActor.create(
                new ManagementConfig(path, 0660, null), List.of(commands), status.ref(), access, LIMITS));
    }

    private static ManagementCommand command(String what, Supplier<CompletionStage<ManagementAnswer>> answer) {
        return new ManagementCommand() {
            @Override
            public String what() {
                return what;
            }

            @Override
            public String summary() {
                return "about " + what;
            }

            @Override
            public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
                return answer.get();
            }
        };
    }

    private static Supplier<CompletionStage<ManagementAnswer>> never() {
        return CompletableFuture::new;
    }

    private static String ask(Path socket, String request) throws IOException {
        try (SocketChannel client = connect(socket)) {
            try {
                ByteBuffer out = utf8(request);
                while (out.hasRemaining()) {
                    client.write(out);
                }
            } catch (IOException cutOff) {
                // The answer says why.
            }
            return readAll(client);
        }
    }

    private static SocketChannel connect(Path socket) throws IOException {
        SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX);
        client.connect(UnixDomainSocketAddress.of(socket));
        return client;
    }

    private static ByteBuffer utf8(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String readAll(SocketChannel client) throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        ByteBuffer buffer = ByteBuffer.allocate(64 * 1024);
        try {
            while (client.read(buffer) >= 0) {
                read.write(buffer.array(), 0, buffer.position());
                buffer.clear();
            }
        } catch (IOException reset) {
            // What the router did not read of the request comes back as a reset behind the answer.
        }
        return read.toString(StandardCharsets.UTF_8);
    }
}
