// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static io.culvert.testkit.PacketCheck.assertPacket;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.spi.InterfaceKind;
import io.culvert.spi.RouterPlugin;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** An interface of a plugin's kind that has Ethernet frames is like a tap: its neighbors are asked for, and get frames. */
class EthernetKindTest {
    private static final String NEIGHBOR_MAC = "02:00:00:00:00:09";

    private static final class Wires implements RouterPlugin {
        @Override
        public String name() {
            return "wires";
        }

        @Override
        public int apiVersion() {
            return API_VERSION;
        }

        @Override
        public List<InterfaceKind> interfaceKinds() {
            return List.of(new EthernetKind());
        }
    }

    @Test
    void resolvesItsNeighborsAndSendsThemFrames() {
        String config = """
                lanes = 1
                interfaces {
                  a { type = tun, addresses = ["10.1.0.1/24"] }
                  w { type = wire, addresses = ["10.2.0.1/24"] }
                }
                """;
        try (ScriptedRouter router = ScriptedRouter.startWith(config, new Wires())) {
            router.arrive(
                    "a",
                    Packets.ip4()
                            .from("10.1.0.2")
                            .to("10.2.0.2")
                            .ttl(64)
                            .udp(1000, 2000)
                            .payload(18)
                            .bytes());
            byte[] question = awaitFrame(router, 0x0806);
            assertThat(Arrays.copyOfRange(question, 38, 42))
                    .as("who is asked for")
                    .containsExactly(10, 2, 0, 2);
            byte[] own = Arrays.copyOfRange(question, 6, 12);
            router.arrive(
                    "w",
                    Packets.arpReply(NEIGHBOR_MAC, "10.2.0.2", text(own), "10.2.0.1")
                            .bytes());

            byte[] frame = awaitFrame(router, 0x0800);
            assertThat(frame).startsWith(2, 0, 0, 0, 0, 9);
            assertThat(Arrays.copyOfRange(frame, 6, 12)).as("from").isEqualTo(own);
            assertPacket(Arrays.copyOfRange(frame, 14, frame.length))
                    .ip4()
                    .from("10.1.0.2")
                    .to("10.2.0.2")
                    .ttl(63);
        }
    }

    /** The next frame of a type; what the router says of itself in between is of no interest. */
    private static byte[] awaitFrame(ScriptedRouter router, int etherType) {
        while (true) {
            byte[] frame = router.awaitSent("w");
            boolean announcement = etherType == 0x0806 && frame[41] == 1;
            if ((frame[12] & 0xff) << 8 == (etherType & 0xff00)
                    && (frame[13] & 0xff) == (etherType & 0xff)
                    && !announcement) {
                return frame;
            }
        }
    }

    private static String text(byte[] mac) {
        StringBuilder text = new StringBuilder();
        for (byte one : mac) {
            text.append(text.isEmpty() ? "" : ":").append(String.format("%02x", one));
        }
        return text.toString();
    }
}
