// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.config.Catalog;
import io.culvert.graph.BuiltInStages;
import io.culvert.graph.Lane;
import io.culvert.graph.RouterGraph;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.ManagementAnswer;
import io.culvert.spi.ManagementCommand;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class ShowGraphTest {
    private static final String CONFIG = """
            lanes = 2
            interfaces {
              a { type = tun, device = a, addresses = ["10.1.0.1/24"] }
              b { type = tun, device = b, addresses = ["10.2.0.1/24"] }
            }
            plugins.picky {}
            """;

    private enum Out implements OutPort {
        NEXT;

        @Override
        public Target target() {
            return Target.next();
        }
    }

    /** Throws on long packets. */
    private static final class PickyStage implements PacketStage {
        static final StageDescriptor DESCRIPTOR = StageDescriptor.named("picky", "Dislikes long packets.")
                .arc(Arc.IP4_FORWARD)
                .before("ip4-ttl")
                .outputs(Out.values())
                .factory(setup -> new PickyStage());

        @Override
        public void process(PacketVector packets, StageContext context) {
            if (packets.get(0).length() > 200) {
                throw new IllegalStateException("too long");
            }
            context.sendAll(packets, Out.NEXT);
        }
    }

    private record Picky() implements RouterPlugin {
        @Override
        public String name() {
            return "picky-plugin";
        }

        @Override
        public int apiVersion() {
            return API_VERSION;
        }

        @Override
        public List<StageDescriptor> stages() {
            return List.of(PickyStage.DESCRIPTOR);
        }
    }

    private static byte[] packet(int payload) {
        return Packets.ip4()
                .from("10.1.0.2")
                .to("10.2.0.2")
                .ttl(64)
                .udp(1000, 2000)
                .payload(payload)
                .bytes();
    }

    private static ManagementAnswer show(RouterActor.View view, String... arguments) {
        Catalog catalog = Catalog.of(BuiltInStages.all()).with(Catalog.Plugin.of(new Picky(), "the test"));
        return new ShowGraph(() -> CompletableFuture.completedFuture(view), catalog)
                .answer(List.of(arguments))
                .toCompletableFuture()
                .join();
    }

    private static List<List<? extends @Nullable Object>> rows(ManagementAnswer answer) {
        List<List<? extends @Nullable Object>> rows = new ArrayList<>();
        Objects.requireNonNull(answer.table()).rows().forEach(rows::add);
        return rows;
    }

    private static List<List<? extends @Nullable Object>> rowsOf(ManagementAnswer answer, String stage) {
        return rows(answer).stream().filter(row -> stage.equals(row.get(3))).toList();
    }

    @Test
    void showsInEachLaneWhatRunsThereAndHowItDoes() {
        try (ScriptedRouter router = ScriptedRouter.startWith(CONFIG, new Picky())) {
            router.arrive("a", packet(8));
            router.awaitSent("b");
            router.settle();
            assertThat(rowsOf(show(router.view()), "picky").toString())
                    .isEqualTo("[[0, false, ip4-forward, picky, picky-plugin, running, 1, 1, 0, NEXT=ip4-ttl],"
                            + " [1, false, ip4-forward, picky, picky-plugin, running, 0, 0, 0, NEXT=ip4-ttl]]");

            for (int i = 0; i < 5; i++) {
                router.at("a/1").arrive(packet(300));
                router.settle();
            }
            ManagementAnswer broken = show(router.view());
            assertThat(rowsOf(broken, "picky").toString())
                    .isEqualTo("[[0, false, ip4-forward, picky, picky-plugin, running, 1, 1, 0, NEXT=ip4-ttl],"
                            + " [1, false, ip4-forward, picky, picky-plugin, broken, 5, 5, 5, NEXT=ip4-ttl]]");
            assertThat(String.valueOf(show(router.view(), "dot").text()))
                    .contains(
                            "\"1/picky\" [label=\"picky\\nplugin picky-plugin\\n5 packets, 5 vectors, 5 faults\\nbroken\","
                                    + " color=red]");
        }
    }

    @Test
    void aLaneThatRunsAnotherGraphOrNoneIsVisible() {
        try (ScriptedRouter router = ScriptedRouter.startWith(CONFIG, new Picky())) {
            RouterActor.View view = router.view();
            RouterGraph planned = new RouterGraph(BuiltInStages.all());
            RouterActor.View behind = new RouterActor.View(
                    view.config(),
                    view.interfaces(),
                    view.counters(),
                    planned,
                    view.lanes(),
                    view.buffersOutstanding());
            assertThat(rows(show(behind)))
                    .allSatisfy(row -> assertThat(row.get(1)).isEqualTo(true));
            assertThat(String.valueOf(show(behind, "dot").text())).contains("label=\"lane 1 differs\"");

            List<Lane> lanes = view.lanes();
            router.stop();
            RouterActor.View ended =
                    new RouterActor.View(view.config(), view.interfaces(), view.counters(), planned, lanes, 0);
            assertThat(rows(show(ended)))
                    .hasSize(2)
                    .allSatisfy(row -> assertThat(row.get(5)).isEqualTo("lane-stopped"));
            new Dot(String.valueOf(show(ended, "dot").text())).graph();
        }
    }

    @Test
    void stagesStandInTheOrderInWhichTheyRun() {
        try (ScriptedRouter router = ScriptedRouter.startWith(CONFIG, new Picky())) {
            List<String> onArc = rows(show(router.view())).stream()
                    .filter(row -> Objects.equals(row.get(0), 0) && "ip4-forward".equals(row.get(2)))
                    .map(row -> String.valueOf(row.get(3)))
                    .toList();
            assertThat(onArc).containsSubsequence("picky", "ip4-ttl");
        }
    }

    @Test
    void theDrawingIsWhatGraphvizReads() {
        try (ScriptedRouter router = ScriptedRouter.startWith(CONFIG, new Picky())) {
            Dot dot = new Dot(String.valueOf(show(router.view(), "dot").text()));
            dot.graph();
            assertThat(dot.nodes)
                    .contains("0/picky", "1/picky", "0/device-transmit")
                    .doesNotHaveDuplicates();
            assertThat(dot.edges).contains("0/picky -> 0/ip4-ttl", "1/picky -> 1/ip4-ttl");
            assertThat(dot.edges).allSatisfy(edge -> assertThat(dot.nodes).contains(edge.split(" -> ", -1)));
        }
    }

    @Test
    void anotherFormIsRefused() {
        try (ScriptedRouter router = ScriptedRouter.startWith(CONFIG, new Picky())) {
            assertThatThrownBy(() -> show(router.view(), "svg"))
                    .isInstanceOf(ManagementCommand.BadArgument.class)
                    .hasMessage("\"svg\" is no form of the graph, expected dot or nothing");
        }
    }

    /** Reads the DOT language, as far as it is used, and nothing else (https://graphviz.org/doc/info/lang.html). */
    private static final class Dot {
        private static final Pattern TOKEN =
                Pattern.compile("\\s+|(->|[{}\\[\\]=,]|[A-Za-z_][A-Za-z_0-9]*|\"(?:[^\"\\\\]|\\\\[n\"\\\\])*\")");

        private final List<String> tokens = new ArrayList<>();
        private final List<String> nodes = new ArrayList<>();
        private final List<String> edges = new ArrayList<>();
        private int at;

        Dot(String text) {
            Matcher matcher = TOKEN.matcher(text);
            int end = 0;
            while (matcher.find() && matcher.start() == end) {
                end = matcher.end();
                if (matcher.group(1) != null) {
                    tokens.add(matcher.group(1));
                }
            }
            assertThat(end).as("read of %s", text).isEqualTo(text.length());
        }

        private String next() {
            return tokens.get(at++);
        }

        private boolean skip(String token) {
            if (at < tokens.size() && tokens.get(at).equals(token)) {
                at++;
                return true;
            }
            return false;
        }

        private void expect(String token) {
            assertThat(next()).isEqualTo(token);
        }

        private String id() {
            String token = next();
            assertThat(token).matches("[A-Za-z_].*|\".*\"");
            return token.startsWith("\"") ? token.substring(1, token.length() - 1) : token;
        }

        void graph() {
            expect("digraph");
            id();
            statements();
            assertThat(at).isEqualTo(tokens.size());
        }

        private void statements() {
            expect("{");
            while (!skip("}")) {
                if (skip("subgraph")) {
                    id();
                    statements();
                    continue;
                }
                boolean isDefault = tokens.get(at).equals("node");
                String first = id();
                if (skip("=")) {
                    id();
                } else if (skip("->")) {
                    edges.add(first + " -> " + id());
                    attributes();
                } else {
                    attributes();
                    if (!isDefault) {
                        nodes.add(first);
                    }
                }
            }
        }

        private void attributes() {
            if (skip("[")) {
                do {
                    id();
                    expect("=");
                    id();
                } while (skip(","));
                expect("]");
            }
        }
    }
}
