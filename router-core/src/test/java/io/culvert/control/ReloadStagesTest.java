// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.control.ReloadActor.Result.Kind;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.BadSettingException;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.CounterId;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.telemetry.LaneLedger.Entry;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What {@code culvert reload} does to stages, in a router with traffic. */
final class ReloadStagesTest {
    private static final String INTERFACES = """
            lanes = 2
            interfaces {
              a { type = tun, device = a, addresses = ["10.1.0.1/24"] }
              b { type = tun, device = b, addresses = ["10.2.0.1/24"] }
            }
            """;

    private static final byte[] PACKET = Packets.ip4()
            .from("10.1.0.2")
            .to("10.2.0.2")
            .ttl(64)
            .udp(1000, 2000)
            .payload(64)
            .bytes();

    private enum Out implements OutPort {
        NEXT;

        @Override
        public Target target() {
            return Target.next();
        }
    }

    private enum Count implements CounterId {
        MARKED;

        @Override
        public String id() {
            return "marked";
        }

        @Override
        public String text() {
            return "For the test.";
        }
    }

    private enum Key implements ConfigKey {
        MARK,
        BAD;

        @Override
        public String key() {
            return this == MARK ? "mark" : "bad";
        }

        @Override
        public ConfigType type() {
            return this == MARK ? ConfigType.NUMBER : ConfigType.BOOLEAN;
        }

        @Override
        public @Nullable String defaultText() {
            return this == MARK ? null : "false";
        }

        @Override
        public String text() {
            return "For the test.";
        }
    }

    /** Writes its setting into TOS, and counts in state that is kept. */
    private static final class MarkStage implements PacketStage {
        static final StageDescriptor DESCRIPTOR = StageDescriptor.named("mark", "Marks packets.")
                .arc(Arc.IP4_FORWARD)
                .settings("mark", Key.values())
                .check(settings -> {
                    if (settings.number(Key.MARK) == 13) {
                        throw new BadSettingException(Key.MARK, "is 13, which brings bad luck");
                    }
                })
                .outputs(Out.values())
                .counters(Count.values())
                .factory(MarkStage::new);

        private final long mark;
        private final AtomicLong seen;

        private MarkStage(StageSetup setup) {
            if (setup.settings().bool(Key.BAD)) {
                throw new IllegalStateException("no room for these marks");
            }
            mark = setup.settings().number(Key.MARK);
            seen = setup.kept(AtomicLong.class, AtomicLong::new);
        }

        @Override
        public void process(PacketVector packets, StageContext context) {
            for (int i = 0; i < packets.size(); i++) {
                seen.incrementAndGet();
                context.count(Count.MARKED, mark);
            }
            context.sendAll(packets, Out.NEXT);
        }
    }

    private record MarkPlugin() implements RouterPlugin {
        @Override
        public String name() {
            return "mark";
        }

        @Override
        public int apiVersion() {
            return API_VERSION;
        }

        @Override
        public List<StageDescriptor> stages() {
            return List.of(MarkStage.DESCRIPTOR);
        }
    }

    private static String config(String inPlugins) {
        return INTERFACES + "plugins { " + inPlugins + " }";
    }

    private static void forwardOne(ScriptedRouter router) {
        router.arrive("a", PACKET);
        router.awaitSent("b");
        router.settle();
    }

    private static long marked(ScriptedRouter router) {
        return router.counters().counts().stream()
                .filter(row -> row.stage().equals("mark"))
                .mapToLong(RouterCounters.CountRow::amount)
                .sum();
    }

    @Test
    void sectionsPutStagesIntoTheGraphChangeThemAndTakeThemOut() {
        try (ScriptedRouter router = ScriptedRouter.startWith(config(""), new MarkPlugin())) {
            forwardOne(router);
            assertThat(marked(router)).isZero();

            assertThat(router.reload(config("mark { mark = 5 }")))
                    .isEqualTo(new ReloadActor.Result(Kind.APPLIED, "plugins.mark is new: mark in the graph"));
            forwardOne(router);
            assertThat(marked(router)).isEqualTo(5);

            assertThat(router.reload(config("mark { mark = 100 }")).message())
                    .isEqualTo("plugins.mark changed: mark run with the new settings");
            forwardOne(router);
            assertThat(marked(router)).isEqualTo(105);

            assertThat(router.reload(config("mark { mark = 100 }")).message()).isEqualTo("0 routes changed");

            assertThat(router.reload(config("")).message()).isEqualTo("plugins.mark is gone: mark out of the graph");
            forwardOne(router);
            assertThat(marked(router)).isEqualTo(105);
        }
    }

    @Test
    void whatCanNotBeDoneIsRefusedAsAWholeAndTheRestRunsOn() {
        try (ScriptedRouter router = ScriptedRouter.startWith(config("mark { mark = 1 }"), new MarkPlugin())) {
            String routes = "\nroutes = [ { prefix = \"10.9.0.0/16\", action = blackhole } ]";
            assertThat(router.reload(config("mark { mark = 2, bad = true }") + routes))
                    .isEqualTo(
                            new ReloadActor.Result(
                                    Kind.REFUSED,
                                    "plugins.mark: stage mark of plugin mark can't be made with these settings:"
                                            + " java.lang.IllegalStateException: no room for these marks; nothing was changed"));
            assertThat(router.reload(config("\nmark { mark = 13 }"))).satisfies(result -> {
                assertThat(result.what()).isEqualTo(Kind.BAD_CONFIG);
                assertThat(result.message())
                        .contains(".conf:8: plugins.mark.mark is 13, which brings bad luck\nnothing was changed");
            });
            assertThat(router.reload(config("mark {}")).message()).contains("plugins.mark needs mark, a whole number");
            assertThat(router.reload(config("mrak {}")).message())
                    .contains("plugins.mrak is unknown, did you mean mark?");
            assertThat(router.reload(config("mark { mark = 2 }") + "\nvector-size = 7")
                            .message())
                    .isEqualTo("a change of vector-size needs a restart of the router; nothing was changed");
            forwardOne(router);
            assertThat(marked(router)).isEqualTo(1);
            assertThat(router.view().config().routes()).isEmpty();
        }
    }

    @Test
    void noPacketIsLostWhileStagesChange() throws InterruptedException {
        try (ScriptedRouter router = ScriptedRouter.startWith(config(""), new MarkPlugin())) {
            AtomicBoolean stop = new AtomicBoolean();
            AtomicLong arrived = new AtomicLong();
            Thread traffic = new Thread(() -> {
                while (!stop.get()) {
                    if (router.at("a").unread() < 500) {
                        router.arrive("a", PACKET);
                        router.at("a/1").arrive(PACKET);
                        arrived.addAndGet(2);
                    }
                    Thread.onSpinWait();
                }
            });
            traffic.start();
            for (int i = 0; i < 20; i++) {
                String section = i % 4 == 3 ? "" : "mark { mark = " + (100 + i) + " }";
                assertThat(router.reload(config(section)).what()).isEqualTo(Kind.APPLIED);
            }
            stop.set(true);
            traffic.join();
            router.settle();
            assertThat(router.counters().drops()).isEmpty();
            assertThat(router.counters().ledger(Entry.RECEIVED)).isEqualTo(arrived.get());
            assertThat(router.counters().ledger(Entry.TRANSMITTED)).isEqualTo(arrived.get());
            assertThat(router.view().buffersOutstanding()).isZero();
        }
    }
}
