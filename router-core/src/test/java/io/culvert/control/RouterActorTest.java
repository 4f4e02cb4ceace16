// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static io.culvert.testkit.PacketCheck.assertPacket;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
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
    void withdrawsRoutesOfAVanishedDeviceAndTakesThemBackUp() {
        try (ScriptedRouter router = ScriptedRouter.start(TWO_TUNS)) {
            router.at("b").vanish();
            router.await(() -> !router.view().interfaces().get(1).up(), "b to be down");
            router.await(() -> router.view().interfaces().get(1).up(), "b to be up again");
            router.arrive("a", aToB());
            assertThat(router.awaitSent("b")).isNotEmpty();
        }
    }
}
