// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static io.culvert.testkit.PacketCheck.assertPacket;
import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.typed.ActorSystem;
import com.typesafe.config.ConfigFactory;
import io.culvert.config.Catalog;
import io.culvert.config.ConfigFile;
import io.culvert.config.RouterConfig;
import io.culvert.ffi.Errno;
import io.culvert.ffi.NativeException;
import io.culvert.graph.BuiltInStages;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.Arc;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.OutPort;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.telemetry.LaneLedger.Entry;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Whole routers over interfaces without devices: what the failure policy promises, and how parts come together. */
class RouterActorTest {
    private static final String TWO_TUNS = """
            name = scripted, lanes = 1, buffers = 256
            interfaces {
              a { type = tun, device = "a0", addresses = ["10.1.0.1/24", "fd00:1::1/64"] }
              b { type = tun, device = "b0", addresses = ["10.2.0.1/24", "fd00:2::1/64"] }
            }
            """;

    private static byte[] aToB() {
        return Packets.ip4()
                .from("10.1.0.2")
                .to("10.2.0.2")
                .ttl(64)
                .udp(1000, 2000)
                .payload(18)
                .bytes();
    }

    @Test
    void forwardsBetweenPointToPointInterfaces() {
        try (ScriptedRouter router = ScriptedRouter.start(TWO_TUNS)) {
            router.arrive("a", aToB());
            assertPacket(router.awaitSent("b"))
                    .ip4()
                    .from("10.1.0.2")
                    .to("10.2.0.2")
                    .ttl(63);
        }
    }

    @Test
    void answersPingsOfItsOwnAddresses() {
        try (ScriptedRouter router = ScriptedRouter.start(TWO_TUNS)) {
            router.arrive(
                    "a",
                    Packets.ip4()
                            .from("10.1.0.2")
                            .to("10.2.0.1")
                            .echoRequest(7, 1)
                            .payload(56)
                            .bytes());
            assertPacket(router.awaitSent("a"))
                    .ip4()
                    .from("10.2.0.1")
                    .to("10.1.0.2")
                    .ttl(64);
        }
    }

    @Test
    void aRouteActorThatFailsStartsAgainAndKnowsTheInterfaces() {
        try (ScriptedRouter router = ScriptedRouter.start(TWO_TUNS)) {
            router.send("routes", new RouteActor.Inspect(null)); // nobody to answer: an exception
            router.arrive("a", aToB());
            router.await(
                    () -> {
                        router.arrive("a", aToB());
                        return router.at("b").hasSent();
                    },
                    "packets to be forwarded again");
            router.unplug("b");
            router.await(
                    () -> {
                        router.arrive("a", aToB());
                        return router.at("a").hasSent();
                    },
                    "the withdrawn route to be refused");
            assertPacket(router.awaitSent("a")).ip4().icmp(3, 0);
        }
    }

    @Test
    void withdrawsRoutesOfAVanishedDeviceAndTakesThemBackUp() {
        try (ScriptedRouter router = ScriptedRouter.start(TWO_TUNS)) {
            router.unplug("b");
            router.awaitRoute("10.2.0.0/24", false);
            router.plugIn("b");
            router.awaitRoute("10.2.0.0/24", true);
            router.arrive("a", aToB());
            assertThat(router.awaitSent("b")).isNotEmpty();
        }
    }

    @Test
    void refusesWhatWouldLeaveByAVanishedDeviceAndLooksForItLessAndLessOften() {
        try (ScriptedRouter router = ScriptedRouter.start(TWO_TUNS)) {
            router.unplug("b");
            router.await(() -> !router.view().interfaces().get(1).up(), "b to be down");
            router.await(
                    () -> {
                        router.arrive("a", aToB());
                        return router.at("a").hasSent();
                    },
                    "an error about a route that is gone");
            assertPacket(router.awaitSent("a")).ip4().from("10.1.0.1").icmp(3, 0);
            router.await(() -> router.openings("b").size() >= 5, "four tries to open b");
            List<Long> tries = router.openings("b");
            for (int i = 1, least = 100; i <= 3; i++, least *= 2) {
                assertThat(tries.get(i + 1) - tries.get(i))
                        .as("between tries %d and %d", i, i + 1)
                        .isGreaterThan(2L * least * 900_000);
            }
            router.plugIn("b");
            router.await(() -> router.view().interfaces().get(1).up(), "b to be up again");
            router.at("b").takeSent();
            router.await(
                    () -> {
                        router.arrive("a", aToB());
                        return router.at("b").hasSent();
                    },
                    "a packet out of b");
        }
    }

    /** Stands in the way of forwarded packets, and throws on one of TTL 63. */
    private static StageDescriptor faulty() {
        OutPort next = new OutPort() {
            @Override
            public String name() {
                return "NEXT";
            }

            @Override
            public int ordinal() {
                return 0;
            }

            @Override
            public Target target() {
                return Target.next();
            }
        };
        return StageDescriptor.named("faulty", "Throws when the test wants it to.")
                .arc(Arc.IP4_OUTPUT)
                .outputs(new OutPort[] {next})
                .factory(setup -> (packets, context) -> {
                    for (int i = 0; i < packets.size(); i++) {
                        PacketBuffer packet = packets.get(i);
                        if (packet.bytes().get(packet.l3Offset() + 8) == 62) {
                            throw new IllegalStateException("told to throw");
                        }
                        context.send(packet, next);
                    }
                });
    }

    private static byte[] withTtl(int ttl) {
        return Packets.ip4().from("10.1.0.2").to("10.2.0.2").ttl(ttl).udp(1, 2).bytes();
    }

    @Test
    void losesTheVectorOfAStageThatThrowsAndLeavesTheStageAloneWhenItGoesOn() {
        try (ScriptedRouter router = ScriptedRouter.start(TWO_TUNS, List.of(faulty()))) {
            router.arrive("a", withTtl(63));
            router.await(() -> router.dropped("stage-fault") == 1, "the fault to be counted");
            router.arrive("a", withTtl(64));
            assertPacket(router.awaitSent("b")).ip4().ttl(63);
            for (int faults = 2; faults <= 6; faults++) {
                int expected = faults;
                router.arrive("a", withTtl(63));
                router.await(() -> router.dropped("stage-fault") == expected, "fault " + faults);
            }
            router.arrive("a", withTtl(64));
            router.await(() -> router.dropped("stage-broken") == 1, "the breaker to be open");
            router.await(
                    () -> {
                        router.arrive("a", withTtl(64));
                        return router.at("b").hasSent();
                    },
                    "a trial that succeeds");
        }
    }

    @Test
    void startsALaneThatDiesAgainWhileAnotherGoesOn() {
        try (ScriptedRouter router = ScriptedRouter.start(TWO_TUNS.replace("lanes = 1", "lanes = 2"))) {
            router.at("a").breakLane();
            router.arrive("a/1", withTtl(50));
            assertPacket(router.awaitSent("b")).ip4().ttl(49);
            router.arrive("a", withTtl(40));
            assertPacket(router.awaitSent("b")).ip4().ttl(39);
        }
    }

    @Test
    void opensAnInterfaceAgainWhoseQueueHasABugWhileOthersGoOn() {
        try (ScriptedRouter router = ScriptedRouter.start(TWO_TUNS.replace("lanes = 1", "lanes = 2"))) {
            router.at("a").breakDown(new IllegalStateException("a bug in a queue"));
            router.await(() -> router.openings("a").size() == 2, "a to be opened again");
            router.arrive(
                    "b",
                    Packets.ip4()
                            .from("10.2.0.2")
                            .to("10.2.0.1")
                            .echoRequest(7, 1)
                            .bytes());
            assertPacket(router.awaitSent("b")).ip4().from("10.2.0.1").to("10.2.0.2");
            router.awaitRoute("10.1.0.0/24", true);
            router.arrive("a", withTtl(40));
            assertPacket(router.awaitSent("b")).ip4().ttl(39);
            router.arrive("a/1", withTtl(50));
            assertPacket(router.awaitSent("b")).ip4().ttl(49);
        }
    }

    @Test
    void closesItsDevicesAndEndsWhenToldTo() {
        try (ScriptedRouter router = ScriptedRouter.start(TWO_TUNS)) {
            assertThat(router.openDevices()).isEqualTo(2);
            for (int i = 0; i < 200; i++) {
                router.arrive("a", aToB());
            }
            router.await(() -> router.at("a").unread() == 0, "all packets to be read");
            RouterCounters counters = router.stop();
            assertThat(router.openDevices()).isZero();
            assertThat(counters.ledger(Entry.RECEIVED)).isEqualTo(200);
            assertThat(router.at("b").sent()).hasSize(200);
        }
    }

    @Test
    void endsAndSaysSoOnceWhenItLacksARight() throws Exception {
        Path file = Files.createTempFile("missing-right", ".conf");
        Files.writeString(file, "router { management.socket = \"" + file + ".sock\"\n" + TWO_TUNS + "}");
        RouterConfig config = ConfigFile.read(file, Catalog.of(BuiltInStages.all()));
        Files.delete(file);
        List<String> told = new CopyOnWriteArrayList<>();
        CountDownLatch tries = new CountDownLatch(3);
        RouterActor.Outcome outcome = new RouterActor.Outcome() {
            @Override
            public void ready(int up, int all) {
                told.add("ready");
            }

            @Override
            public void ended(InterfaceTable interfaces, RouterCounters counters) {
                told.add("ended");
            }

            @Override
            public void failed(String what) {
                throw new AssertionError(what);
            }

            @Override
            public void missingRight(String what, IOException cause) {
                told.add(what + ": " + cause.getMessage());
                try {
                    assertThat(tries.await(10, TimeUnit.SECONDS)).isTrue();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        };
        ActorSystem<RouterActor.Command> system = ActorSystem.create(
                RouterActor.create(
                        config,
                        () -> config,
                        Catalog.of(BuiltInStages.all()),
                        List.of(),
                        outcome,
                        (id, one, mac, loops) -> () -> {
                            if (one.name().equals("a")) {
                                tries.countDown();
                                throw new NativeException("ioctl TUNSETIFF", Errno.EPERM, "a0");
                            }
                            throw new IOException("not yet");
                        }),
                "missing-right",
                ConfigFactory.defaultReference());
        system.getWhenTerminated().toCompletableFuture().get(10, TimeUnit.SECONDS);
        assertThat(told).hasSize(2);
        assertThat(told.get(0)).startsWith("interface a: ioctl TUNSETIFF");
        assertThat(told.get(1)).isEqualTo("ended");
    }
}
