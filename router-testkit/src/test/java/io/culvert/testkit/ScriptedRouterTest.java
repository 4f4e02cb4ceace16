// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import static io.culvert.testkit.PacketCheck.assertPacket;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

@BalancedAccounts
final class ScriptedRouterTest {
    private static final String TWO_TUNS = """
            lanes = 1
            interfaces {
              a { type = tun, device = a, addresses = ["10.1.0.1/24"] }
              b { type = tun, device = b, addresses = ["10.2.0.1/24"] }
            }
            """;

    private static final String TWO_TAPS = """
            lanes = 1
            interfaces {
              a { type = tap, device = a, mac = "02:00:00:00:00:0a", addresses = ["10.1.0.1/24"] }
              b { type = tap, device = b, mac = "02:00:00:00:00:0b", addresses = ["10.2.0.1/24"] }
            }
            """;

    private static final byte[] PROBE = Packets.ip4()
            .from("10.1.0.2")
            .to("10.2.0.2")
            .ttl(64)
            .udp(1000, 2000)
            .payload(18)
            .bytes();

    private enum Out implements OutPort {
        NEXT;

        @Override
        public Target target() {
            return Target.next();
        }
    }

    /** Keeps every packet for a second. */
    private static final class LaterStage implements PacketStage {
        static final StageDescriptor DESCRIPTOR = StageDescriptor.named("later", "Keeps every packet for a second.")
                .arc(Arc.IP4_FORWARD)
                .outputs(Out.values())
                .factory(setup -> new LaterStage());

        private final ArrayDeque<PacketBuffer> waiting = new ArrayDeque<>();
        private final ArrayDeque<Long> due = new ArrayDeque<>();

        @Override
        public void process(PacketVector packets, StageContext context) {
            for (int i = 0; i < packets.size(); i++) {
                context.hold(packets.get(i));
                waiting.add(packets.get(i));
                due.add(context.nowNanos() + TimeUnit.SECONDS.toNanos(1));
                context.wakeAfter(TimeUnit.SECONDS.toNanos(1));
            }
        }

        @Override
        public void onTimer(StageContext context) {
            while (!due.isEmpty() && due.element() <= context.nowNanos()) {
                due.remove();
                context.send(waiting.remove(), Out.NEXT);
            }
            if (!due.isEmpty()) {
                context.wakeAfter(due.element() - context.nowNanos());
            }
        }

        @Override
        public void onStop(StageContext context) {
            waiting.forEach(packet -> context.consume(packet));
        }
    }

    private static final class LaterPlugin implements RouterPlugin {
        @Override
        public String name() {
            return "later";
        }

        @Override
        public int apiVersion() {
            return API_VERSION;
        }

        @Override
        public List<StageDescriptor> stages() {
            return List.of(LaterStage.DESCRIPTOR);
        }
    }

    @Test
    void timeOfStagesPassesByTheTestsWordAlone() {
        ScriptedRouter router = ScriptedRouter.with(new LaterPlugin(), TWO_TUNS + "plugins.later {}");
        router.arrive("a", PROBE).advance(Duration.ofMillis(999));
        assertThat(router.at("b").sent()).isEmpty();

        router.arrive("a", PROBE).advance(Duration.ofMillis(1));
        assertPacket(router.awaitSent("b")).ip4().ttl(63).udp(1000, 2000);
        assertThat(router.at("b").sent()).isEmpty();

        router.advance(Duration.ofMillis(999));
        assertPacket(router.awaitSent("b")).ip4().ttl(63);
    }

    @Test
    void timeOfActorsPassesByTheTestsWordAlone() {
        ScriptedRouter router = ScriptedRouter.steered(TWO_TAPS);
        router.advance(Duration.ofSeconds(10)); // its addresses are probed for and announced
        router.at("a").takeSent();
        router.at("b").takeSent();
        router.arrive(
                "a",
                Packets.ethernet("02:00:00:00:00:99", "02:00:00:00:00:0a")
                        .ip4()
                        .from("10.1.0.2")
                        .to("10.2.0.2")
                        .udp(1000, 2000)
                        .bytes());
        assertPacket(router.awaitSent("b"))
                .ethernet("02:00:00:00:00:0b", "ff:ff:ff:ff:ff:ff")
                .arp(1, "02:00:00:00:00:0b", "10.2.0.1", "00:00:00:00:00:00", "10.2.0.2");

        router.advance(Duration.ofMillis(900));
        assertThat(router.at("b").sent()).as("asked again before its time").isEmpty();
        router.advance(Duration.ofSeconds(5));
        assertThat(router.at("b").takeSent())
                .as("asked for twice more")
                .filteredOn(frame -> frame[12] == 0x08 && frame[13] == 0x06 && frame[41] == 2)
                .hasSize(2);
        assertPacket(router.at("a").takeFirstSent())
                .ethernet("02:00:00:00:00:0a", "ff:ff:ff:ff:ff:ff")
                .arp(1, "02:00:00:00:00:0a", "10.1.0.1", "00:00:00:00:00:00", "10.1.0.2");
    }

    @Test
    void tenSecondsOfTheRoutersTimeTakeMuchLess() {
        ScriptedRouter router = ScriptedRouter.with(new LaterPlugin(), TWO_TUNS + "plugins.later {}");
        long begun = System.nanoTime();
        for (int packet = 0; packet < 10; packet++) {
            router.arrive("a", PROBE).advance(Duration.ofSeconds(1));
        }
        assertThat(router.at("b").takeSent()).hasSize(10);
        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(5));
    }
}
