// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static io.culvert.testkit.PacketCheck.assertPacket;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.telemetry.LaneLedger.Entry;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** What a plugin's stage may do with packets, and what a router makes of one at fault, in whole routers. */
final class RouterFaultsTest {
    private static final String TUNS = """
            name = scripted, lanes = 1, buffers = 256
            plugins { odd {} }
            interfaces {
              a { type = tun, device = a, addresses = ["10.1.0.1/24"] }
              b { type = tun, device = b, addresses = ["10.2.0.1/24"] }
              %s
            }
            """;

    private static final String ROUTER = TUNS.formatted("");
    private static final String WITH_KERNEL =
            TUNS.formatted("host { type = tap, device = h, role = local-delivery, mac = \"02:00:00:00:0e:02\" }");

    private enum Out implements OutPort {
        NEXT;

        @Override
        public Target target() {
            return Target.next();
        }
    }

    /** A plugin with a stage that does something to forwarded packets, and a second one that does nothing. */
    private record Odd(PacketStage stage) implements RouterPlugin {
        /** With a stage that does the same to each packet. */
        static Odd each(BiConsumer<PacketBuffer, StageContext> what) {
            return new Odd((packets, context) -> {
                for (int i = 0; i < packets.size(); i++) {
                    what.accept(packets.get(i), context);
                }
            });
        }

        @Override
        public String name() {
            return "oddities";
        }

        @Override
        public String version() {
            return "4.2";
        }

        @Override
        public int apiVersion() {
            return API_VERSION;
        }

        @Override
        public List<StageDescriptor> stages() {
            return List.of(
                    stage("odd", stage), stage("second", (packets, context) -> context.sendAll(packets, Out.NEXT)));
        }

        private static StageDescriptor stage(String id, PacketStage stage) {
            return StageDescriptor.named(id, "For the test.")
                    .arc(Arc.IP4_FORWARD)
                    .outputs(Out.values())
                    .factory(setup -> stage);
        }
    }

    /** Has each packet wait for a second. */
    private static final class Deferring implements PacketStage {
        @Override
        public void process(PacketVector packets, StageContext context) {
            for (int i = 0; i < packets.size(); i++) {
                context.defer(packets.get(i), 1_000_000_000L);
            }
        }

        @Override
        public void onDue(PacketVector packets, StageContext context) {
            context.sendAll(packets, Out.NEXT);
        }
    }

    /** What the router tells the operator of its stages. */
    private static final class Told extends AppenderBase<ILoggingEvent> implements AutoCloseable {
        private final List<String> lines = new CopyOnWriteArrayList<>();
        private final Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);

        Told() {
            start();
            root.addAppender(this);
        }

        @Override
        protected void append(ILoggingEvent event) {
            if (event.getFormattedMessage().startsWith("stage ")) {
                lines.add(event.getFormattedMessage());
            }
        }

        @Override
        public void close() {
            root.detachAppender(this);
        }
    }

    private static byte[] packet(int port) {
        return Packets.ip4()
                .from("10.1.0.2")
                .to("10.2.0.2")
                .ttl(64)
                .udp(1000, port)
                .payload(18)
                .bytes();
    }

    private static int port(PacketBuffer packet) {
        return packet.bytes().getShort(packet.l3Offset() + 22) & 0xffff;
    }

    /** Packets to ports below 10 fail in one way, and those to ports below 20 in another. */
    private static void fail(PacketBuffer packet, StageContext context) {
        if (port(packet) < 10) {
            throw new IllegalStateException("one bug");
        }
        if (port(packet) < 20) {
            throw new IllegalArgumentException("another bug");
        }
        context.send(packet, Out.NEXT);
    }

    private static void arriveAndFail(ScriptedRouter router, int port) {
        long before = router.dropped("stage-fault");
        router.arrive("a", packet(port));
        router.await(() -> router.dropped("stage-fault") == before + 1, "the fault to be counted");
    }

    @Test
    void tellsOnceForEachCauseWhichStageOfWhichPluginFails() {
        try (Told told = new Told();
                ScriptedRouter router = ScriptedRouter.startWith(ROUTER, Odd.each(RouterFaultsTest::fail))) {
            for (int port : new int[] {1, 2, 11, 3}) {
                arriveAndFail(router, port);
            }
            router.arrive("a", packet(80));
            assertPacket(router.awaitSent("b")).ip4().ttl(63);
            assertThat(told.lines)
                    .containsExactly(
                            "stage odd of plugin oddities 4.2 failed in lane 0 and lost what it was at",
                            "stage odd of plugin oddities 4.2 failed in lane 0 and lost what it was at");
        }
    }

    @Test
    void tellsOnceThatPacketsAreKeptFromAStageThatKeepsFailing() {
        try (Told told = new Told();
                ScriptedRouter router = ScriptedRouter.startWith(ROUTER, Odd.each(RouterFaultsTest::fail))) {
            for (int fault = 0; fault < 5; fault++) {
                arriveAndFail(router, 1);
            }
            router.arrive("a", packet(80));
            router.await(() -> router.dropped("stage-broken") == 1, "the breaker to be open");
            assertThat(told.lines)
                    .containsExactly(
                            "stage odd of plugin oddities 4.2 failed in lane 0 and lost what it was at",
                            "stage odd of plugin oddities 4.2 keeps failing: its packets are dropped in lane 0 until it is made"
                                    + " anew and does better, which is tried after a second and then ever more seldom; culvert"
                                    + " show graph tells how it does");
        }
    }

    @Test
    void endsWithTheStageAndItsPluginNamedWhenToldToStopAtABrokenStage() {
        String config = ROUTER + "when-broken { odd = stop }";
        try (ScriptedRouter router = ScriptedRouter.startWith(config, Odd.each(RouterFaultsTest::fail))) {
            for (int fault = 1; fault < 5; fault++) {
                arriveAndFail(router, 1);
            }
            assertThat(router.view().lanes()).hasSize(1);
            router.arrive("a", packet(1));
            assertThat(router.awaitFailure())
                    .isEqualTo("stage odd of plugin oddities 4.2 keeps failing, and when-broken says to stop:"
                            + " java.lang.IllegalStateException: one bug (see the log)");
            assertThat(router.stop().ledger(Entry.DROPPED)).isEqualTo(5);
            assertThat(router.openDevices()).isZero();
        }
    }

    /** The packet that the stage is at is nowhere else, so that the accounts can't be closed. */
    @Test
    void endsThoughAStageNeverComesBack() {
        AtomicBoolean released = new AtomicBoolean();
        AtomicBoolean reached = new AtomicBoolean();
        ScriptedRouter router = ScriptedRouter.startWith(ROUTER, Odd.each((packet, context) -> {
            reached.set(true);
            while (!released.get()) {
                Thread.onSpinWait();
            }
            context.send(packet, Out.NEXT);
        }));
        try {
            router.arrive("a", packet(80));
            router.await(reached::get, "the stage to be reached");
            assertThat(CompletableFuture.supplyAsync(router::stop)).succeedsWithin(Duration.ofSeconds(30));
            assertThat(router.awaitFailure()).isEqualTo("1 of its lanes did not stop within 8 s");
            assertThat(router.openDevices()).isZero();
        } finally {
            released.set(true);
        }
    }

    @Test
    void handsPuntedPacketsToTheKernel() {
        try (ScriptedRouter router =
                ScriptedRouter.startWith(WITH_KERNEL, Odd.each((packet, context) -> context.punt(packet)))) {
            router.arrive("a", packet(80));
            byte[] frame = router.awaitSent("host");
            assertThat(frame).as("to the kernel's side").startsWith(0x02, 0, 0, 0, 0x0e, 0x03);
            assertPacket(Arrays.copyOfRange(frame, 14, frame.length))
                    .ip4()
                    .from("10.1.0.2")
                    .to("10.2.0.2")
                    .udp(1000, 80);
            assertThat(router.at("b").hasSent()).isFalse();
        }
    }

    @Test
    void dropsPuntedPacketsWhereTheKernelGetsNone() {
        try (ScriptedRouter router =
                ScriptedRouter.startWith(ROUTER, Odd.each((packet, context) -> context.punt(packet)))) {
            router.arrive("a", packet(80));
            assertThat(router.settle().dropped("no-local-delivery")).isEqualTo(1);
        }
    }

    @Test
    void sendsACopyBesideItsOriginalAndEachHasItsOwnBytes() {
        int lastByte = packet(80).length - 1;
        try (ScriptedRouter router = ScriptedRouter.startWith(ROUTER, Odd.each((packet, context) -> {
            PacketBuffer copy = context.copy(packet);
            assertThat(copy).isNotNull();
            packet.bytes().put(packet.l3Offset() + lastByte, (byte) 0x5a);
            context.send(packet, Out.NEXT);
            context.send(copy, Out.NEXT);
        }))) {
            byte[] arrived = packet(80);
            router.arrive("a", arrived);
            byte[] original = router.awaitSent("b");
            byte[] copy = router.awaitSent("b");
            assertPacket(copy).ip4().ttl(63).udp(1000, 80);
            assertThat(copy[lastByte]).isEqualTo(arrived[lastByte]);
            copy[lastByte] = 0x5a;
            assertThat(original).isEqualTo(copy);
            RouterCounters counters = router.settle().counters();
            assertThat(counters.ledger(Entry.RECEIVED)).isEqualTo(1);
            assertThat(counters.ledger(Entry.GENERATED)).isEqualTo(1);
            assertThat(counters.ledger(Entry.TRANSMITTED)).isEqualTo(2);
            assertThat(router.view().buffersOutstanding()).isZero();
        }
    }

    @Test
    void accountsForPacketsThatAreDeferredWhenTheStagesAreReloaded() {
        try (ScriptedRouter router = ScriptedRouter.with(new Odd(new Deferring()), ROUTER)) {
            router.arrive("a", packet(80)).advance(Duration.ofMillis(500));
            assertThat(router.view().buffersOutstanding()).isEqualTo(1);
            assertThat(router.reload(ROUTER.replace("odd {}", "odd {}, second {}"))
                            .what())
                    .isEqualTo(ReloadActor.Result.Kind.APPLIED);
            assertThat(router.settle().dropped("lane-stopped")).isEqualTo(1);
            assertThat(router.view().buffersOutstanding()).isZero();

            router.arrive("a", packet(81)).advance(Duration.ofMillis(999));
            assertThat(router.at("b").hasSent()).isFalse();
            router.advance(Duration.ofMillis(2));
            assertPacket(router.awaitSent("b")).ip4().udp(1000, 81);
        }
    }
}
