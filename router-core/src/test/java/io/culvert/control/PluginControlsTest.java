// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.Scheduler;
import akka.actor.typed.javadsl.AskPattern;
import akka.actor.typed.javadsl.Behaviors;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementAnswer.Column;
import io.culvert.spi.ManagementAnswer.Table;
import io.culvert.spi.ManagementCommand;
import io.culvert.spi.Metric;
import io.culvert.spi.PluginContext;
import io.culvert.spi.PluginControl;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.akka.ActorPlugin;
import io.culvert.testkit.ScriptedRouter;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Plugins with control sides, good and bad, in a whole router that is asked as operators ask. */
final class PluginControlsTest {
    private static final String ROUTER = "lanes = 1, interfaces { a { type = tun } }";

    /** A plugin without stages, made of its control side. */
    private record ControlPlugin(String name, Function<PluginContext, PluginControl> make) implements RouterPlugin {
        @Override
        public int apiVersion() {
            return API_VERSION;
        }

        @Override
        public PluginControl control(PluginContext context) {
            return make.apply(context);
        }
    }

    private record OneCommand(
            String command, String what, String usage, Function<List<String>, CompletionStage<ManagementAnswer>> does)
            implements ManagementCommand {
        @Override
        public String summary() {
            return "about " + what;
        }

        @Override
        public CompletionStage<ManagementAnswer> answer(List<String> arguments) {
            return does.apply(arguments);
        }
    }

    private static RouterPlugin with(String name, ManagementCommand... commands) {
        return new ControlPlugin(name, context -> control(List.of(commands), List.of()));
    }

    private static PluginControl control(List<ManagementCommand> commands, List<Metric> metrics) {
        return new PluginControl() {
            @Override
            public List<ManagementCommand> commands() {
                return commands;
            }

            @Override
            public List<Metric> metrics() {
                return metrics;
            }
        };
    }

    private static CompletionStage<ManagementAnswer> text(String text) {
        return CompletableFuture.completedFuture(ManagementAnswer.of(text));
    }

    @Test
    void commandsOfAPluginReachTheOperatorWithTheirArguments() throws IOException {
        AtomicLong limit = new AtomicLong(5);
        RouterPlugin plugin = with(
                "limits",
                new OneCommand("show", "limit", "", arguments -> text("limit is " + limit.get())),
                new OneCommand("set", "limit", "PACKETS", arguments -> {
                    if (arguments.size() != 1) {
                        throw new ManagementCommand.BadArgument("one number is needed");
                    }
                    limit.set(Long.parseLong(arguments.get(0)));
                    return text("set");
                }),
                new OneCommand("clear", "limit", "", arguments -> {
                    limit.set(0);
                    return text("cleared");
                }));
        try (ScriptedRouter router = ScriptedRouter.startWith(ROUTER, plugin)) {
            assertThat(ask(router, "show", "limit")).contains("\"text\":\"limit is 5\"");
            assertThat(ask(router, "set", "limit", "17")).contains("\"text\":\"set\"");
            assertThat(ask(router, "show", "limit")).contains("\"text\":\"limit is 17\"");
            assertThat(ask(router, "clear", "limit")).contains("\"text\":\"cleared\"");
            assertThat(ask(router, "show", "limit")).contains("\"text\":\"limit is 0\"");

            assertThat(ask(router, "set", "limit"))
                    .contains("bad-argument", "set limit: one number is needed; usage: culvert set limit PACKETS");
            assertThat(ask(router, "set")).contains("[\"limit\",\"PACKETS\",\"plugin limits\",\"about limit\"]");
            assertThat(ask(router, "clear")).contains("[\"limit\",\"\",\"plugin limits\",\"about limit\"]");
            assertThat(ask(router, "set", "speed"))
                    .contains("unknown-command", "there is nothing to set as \\\"speed\\\", expected one of limit");
            assertThat(ask(router, "show", "plugins"))
                    .contains(
                            "[\"limits\",\"\"," + RouterPlugin.API_VERSION + ",\"the test\",\"\",\"\",\"used\",\"\"]");
        }
    }

    @Test
    void aCommandThatGoesWrongCostsItsClientAnErrorThatNamesThePlugin() throws IOException {
        Iterable<List<Object>> failing = () -> {
            throw new IllegalStateException("no rows today");
        };
        RouterPlugin plugin = with(
                "bad",
                new OneCommand("show", "throwing", "", arguments -> {
                    throw new IllegalStateException("at once");
                }),
                new OneCommand("show", "linking", "", arguments -> {
                    throw new NoSuchMethodError("made for another version");
                }),
                new OneCommand(
                        "show", "later", "", arguments -> CompletableFuture.failedFuture(new IOException("later"))),
                new OneCommand(
                        "show",
                        "declined",
                        "",
                        arguments -> CompletableFuture.failedFuture(new ManagementCommand.Declined("not on Sundays"))),
                new OneCommand(
                        "show",
                        "rows",
                        "",
                        arguments -> CompletableFuture.completedFuture(ManagementAnswer.of(
                                new Table("t", List.of(new Column("a", ManagementAnswer.Type.TEXT)), failing)))),
                new OneCommand(
                        "show",
                        "ragged",
                        "",
                        arguments -> CompletableFuture.completedFuture(ManagementAnswer.of(new Table(
                                "t",
                                List.of(new Column("a", ManagementAnswer.Type.TEXT)),
                                List.of(List.of("1", "2")))))),
                new OneCommand(
                        "show",
                        "document",
                        "",
                        arguments -> CompletableFuture.completedFuture(ManagementAnswer.of("x", "{\n\"a\": tru"))));
        try (ScriptedRouter router = ScriptedRouter.startWith(ROUTER, plugin)) {
            for (String what : List.of("throwing", "linking", "later", "rows", "ragged", "document")) {
                assertThat(ask(router, "show", what))
                        .contains("\"code\":\"failed\"", "plugin bad failed to answer show " + what + ": ");
            }
            assertThat(ask(router, "show", "throwing")).contains("at once");
            assertThat(ask(router, "show", "declined")).contains("\"code\":\"failed\",\"message\":\"not on Sundays\"");
            assertThat(ask(router, "show", "interfaces")).contains("\"title\":\"interfaces\"");
        }
    }

    @Test
    void commandsThatHangLeaveClientsToOthers() throws Exception {
        CountDownLatch entered = new CountDownLatch(4);
        RouterPlugin plugin = with("slow", new OneCommand("show", "nothing", "", arguments -> {
            entered.countDown();
            try {
                Thread.sleep(Duration.ofMinutes(5).toMillis());
            } catch (InterruptedException e) {
                return text("the router ended");
            }
            return text("too late");
        }));
        List<CompletableFuture<String>> hanging = new ArrayList<>();
        try (ScriptedRouter router = ScriptedRouter.startWith(ROUTER, plugin)) {
            for (int i = 0; i < 4; i++) {
                hanging.add(CompletableFuture.supplyAsync(
                        () -> {
                            try {
                                return ask(router, "show", "nothing");
                            } catch (IOException cutOff) {
                                return "";
                            }
                        },
                        work -> new Thread(work).start()));
            }
            assertThat(entered.await(10, TimeUnit.SECONDS)).isTrue();

            assertThat(ask(router, "show", "nothing"))
                    .contains("plugin slow is busy: it has not answered 4 earlier requests");
            assertThat(ask(router, "show", "interfaces")).contains("\"title\":\"interfaces\"");
        }
        for (CompletableFuture<String> client : hanging) { // cut off, they wait no longer than the router runs
            assertThat(client.get(10, TimeUnit.SECONDS)).doesNotContain("too late");
        }
    }

    @Test
    void aCommandThatIsTakenOrMisnamedIsLeftOutAndTold() throws IOException {
        RouterPlugin first = with(
                "first",
                new OneCommand("show", "routes", "", arguments -> text("mine")),
                new OneCommand("show", "flows", "", arguments -> text("of first")),
                new OneCommand("show", "Big Flows", "", arguments -> text("")),
                new OneCommand("reload", "all", "", arguments -> text("")));
        RouterPlugin second = with("second", new OneCommand("show", "flows", "", arguments -> text("of second")));
        try (ScriptedRouter router = ScriptedRouter.startWith(ROUTER, first, second)) {
            assertThat(ask(router, "show", "routes")).contains("\"columns\"");
            assertThat(ask(router, "show", "flows")).contains("of first");
            assertThat(ask(router, "show", "plugins"))
                    .contains("its command \\\"show routes\\\" is left out: the router has one of that name")
                    .contains("its command \\\"show flows\\\" is left out: plugin first has one of that name")
                    .contains("the word of a command is in kebab-case, and show \\\"Big Flows\\\" is not")
                    .contains("a plugin's command is one of show, clear, set, not \\\"reload\\\"");
        }
    }

    @Test
    void aPluginWhoseControlSideCannotStartIsImpairedAndTheRouterRuns() throws IOException {
        RouterPlugin throwing = new ControlPlugin("throwing", context -> {
            throw new IllegalStateException("no licence");
        });
        RouterPlugin linking = new ControlPlugin("linking", context -> {
            throw new NoClassDefFoundError("com/example/Gone");
        });
        RouterPlugin hanging = new ControlPlugin("hanging", context -> {
            try {
                Thread.sleep(Duration.ofMinutes(5).toMillis());
            } catch (InterruptedException given) {
                throw new IllegalStateException(given);
            }
            return PluginControl.NONE;
        });
        RouterPlugin fine = with("fine", new OneCommand("show", "fine", "", arguments -> text("well")));
        try (ScriptedRouter router = ScriptedRouter.startWith(ROUTER, throwing, linking, hanging, fine)) {
            assertThat(ask(router, "show", "fine")).contains("well");
            assertThat(ask(router, "show", "plugins"))
                    .contains(
                            "\"impaired\",\"its control side failed to start: java.lang.IllegalStateException: no licence\"")
                    .contains("com/example/Gone")
                    .contains("\"impaired\",\"its control side did not start within 5 s\"");
        }
    }

    @Test
    void metricsAreReadPluginByPluginAndOneThatFailsHidesNoOther() throws IOException {
        AtomicLong entries = new AtomicLong(3);
        RouterPlugin plugin = new ControlPlugin(
                "cache",
                context -> control(
                        List.of(),
                        List.of(
                                Metric.gauge("entries", "entries", "What is remembered.", entries::get),
                                Metric.counter("misses", "lookups", "What was not there.", () -> {
                                    throw new IllegalStateException("lost count");
                                }))));
        RouterPlugin other = new ControlPlugin(
                "other",
                context -> control(
                        List.of(),
                        List.of(Metric.counter(
                                "named", "letters", "Of the router's name.", context.routerName()::length))));
        try (ScriptedRouter router = ScriptedRouter.startWith("name = r17, " + ROUTER, plugin, other)) {
            entries.set(41);
            assertThat(ask(router, "show", "metrics"))
                    .contains("[\"cache\",\"entries\",\"gauge\",41,\"entries\",\"What is remembered.\"]")
                    .contains("[\"cache\",\"misses\",\"counter\",null,\"lookups\",\"What was not there. (not read:"
                            + " java.lang.IllegalStateException: lost count)\"]")
                    .contains("[\"other\",\"named\",\"counter\",3,\"letters\",\"Of the router's name.\"]");
        }
    }

    /** Counts, fails when it is told to, and notes its end. */
    private static final class Counting implements ActorPlugin<Counting.Message> {
        sealed interface Message {}

        record Add(long amount) implements Message {}

        record Fail(Throwable cause) implements Message {}

        record Ask(ActorRef<Long> replyTo) implements Message {}

        final List<String> ends = new CopyOnWriteArrayList<>();
        final AtomicInteger starts = new AtomicInteger();

        @Override
        public String name() {
            return "counting";
        }

        @Override
        public int apiVersion() {
            return API_VERSION;
        }

        @Override
        public Behavior<Message> actor(PluginContext context) {
            starts.incrementAndGet();
            AtomicLong sum = new AtomicLong();
            return Behaviors.receive(Message.class)
                    .onMessage(Add.class, add -> {
                        sum.addAndGet(add.amount());
                        return Behaviors.same();
                    })
                    .onMessage(Ask.class, ask -> {
                        ask.replyTo().tell(sum.get());
                        return Behaviors.same();
                    })
                    .onMessage(Fail.class, fail -> {
                        if (fail.cause() instanceof Error error) {
                            throw error;
                        }
                        throw (RuntimeException) fail.cause();
                    })
                    .onSignal(PostStop.class, signal -> {
                        ends.add("actor");
                        return Behaviors.same();
                    })
                    .build();
        }

        @Override
        public PluginControl control(ActorRef<Message> actor, Scheduler scheduler, PluginContext context) {
            return new PluginControl() {
                @Override
                public List<ManagementCommand> commands() {
                    return List.of(
                            new OneCommand(
                                    "show",
                                    "sum",
                                    "",
                                    arguments -> AskPattern.<Message, Long>ask(
                                                    actor, Ask::new, Duration.ofSeconds(5), scheduler)
                                            .thenApply(sum -> ManagementAnswer.of("sum " + sum))),
                            new OneCommand("set", "sum", "AMOUNT", arguments -> {
                                actor.tell(new Add(Long.parseLong(arguments.get(0))));
                                return text("told");
                            }),
                            new OneCommand("clear", "sum", "", arguments -> {
                                actor.tell(new Fail(new IllegalStateException("as told")));
                                return text("told");
                            }),
                            new OneCommand("clear", "classes", "", arguments -> {
                                actor.tell(new Fail(new NoSuchMethodError("as told")));
                                return text("told");
                            }));
                }

                @Override
                public void onStop() {
                    ends.add("control");
                }
            };
        }
    }

    @Test
    void aPluginsActorAnswersStartsAgainAndIsToldOfTheEnd() throws IOException {
        Counting plugin = new Counting();
        try (ScriptedRouter router = ScriptedRouter.startWith(ROUTER, plugin)) {
            ask(router, "set", "sum", "5");
            assertThat(ask(router, "show", "sum")).contains("\"text\":\"sum 5\"");
            ask(router, "clear", "sum");
            assertThat(ask(router, "show", "sum")).contains("\"text\":\"sum 0\"");
            assertThat(plugin.starts).hasValue(2);
            ask(router, "clear", "classes"); // an error that Akka would end the process for
            assertThat(ask(router, "show", "sum")).contains("\"text\":\"sum 0\"");
            assertThat(plugin.starts).hasValue(3);
            assertThat(ask(router, "show", "plugins")).contains("\"used\",\"\"");
            plugin.ends.clear();
        }
        assertThat(plugin.ends).containsExactly("control", "actor");
    }

    @Test
    void aPluginsActorThatCannotStartOrEndsIsTold() throws IOException {
        class Ending implements ActorPlugin<Object> {
            final String name;
            final Behavior<Object> first;

            Ending(String name, Behavior<Object> first) {
                this.name = name;
                this.first = first;
            }

            @Override
            public String name() {
                return name;
            }

            @Override
            public int apiVersion() {
                return API_VERSION;
            }

            @Override
            public Behavior<Object> actor(PluginContext context) {
                return first;
            }
        }
        RouterPlugin ending = new Ending("ending", Behaviors.stopped());
        RouterPlugin failing = new Ending("failing", Behaviors.setup(context -> {
            throw new IllegalStateException("never");
        }));
        try (ScriptedRouter router = ScriptedRouter.startWith(ROUTER, ending, failing)) {
            assertThat(ask(router, "show", "plugins"))
                    .contains(
                            "[\"ending\",\"\",1,\"the test\",\"\",\"\",\"impaired\",\"its actor has ended by itself\"]");
        }
    }

    @Test
    void aSideThatStagesAndControlShareIsOneObject() throws IOException {
        List<AtomicLong> seen = Collections.synchronizedList(new ArrayList<>());
        RouterPlugin plugin = new ControlPlugin("sharing", context -> {
            seen.add(context.shared(AtomicLong.class, AtomicLong::new));
            seen.add(context.shared(AtomicLong.class, AtomicLong::new));
            assertThat(context.interfaces().get(0).name()).isEqualTo("a");
            assertThat(context.fib().lookup4(0, 0x01020304).prefixLength()).isZero();
            assertThat(context.settings("no-such-stage")).isNull();
            assertThat(context.settings("icmp4-error")).isNotNull();
            return PluginControl.NONE;
        });
        try (ScriptedRouter router = ScriptedRouter.startWith(ROUTER, plugin)) {
            assertThat(ask(router, "show", "plugins")).contains("\"used\",\"\"");
            assertThat(seen).hasSize(2);
            assertThat(seen.get(0)).isSameAs(seen.get(1));
        }
    }

    private static String ask(ScriptedRouter router, String command, String... words) throws IOException {
        StringBuilder request = new StringBuilder("{\"v\":1,\"command\":\"" + command + "\"");
        if (words.length > 0) {
            request.append(",\"what\":\"").append(words[0]).append('"');
        }
        if (words.length > 1) {
            request.append(",\"arguments\":[\"")
                    .append(String.join("\",\"", List.of(words).subList(1, words.length)))
                    .append("\"]");
        }
        try (SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            client.connect(
                    UnixDomainSocketAddress.of(router.config().management().socket()));
            client.write(ByteBuffer.wrap(request.append("}\n").toString().getBytes(StandardCharsets.UTF_8)));
            StringBuilder answer = new StringBuilder();
            ByteBuffer read = ByteBuffer.allocate(16 * 1024);
            while (client.read(read) >= 0) {
                answer.append(new String(read.array(), 0, read.position(), StandardCharsets.UTF_8));
                read.clear();
            }
            return answer.toString();
        }
    }
}
