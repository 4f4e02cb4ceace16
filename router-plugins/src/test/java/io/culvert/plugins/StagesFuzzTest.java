// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins;

import static org.assertj.core.api.Assertions.assertThatCode;

import io.culvert.packet.PacketBuffer;
import io.culvert.plugins.dscpmark.DscpMarkStage;
import io.culvert.plugins.impair.ImpairStage;
import io.culvert.plugins.mirror.MirrorStage;
import io.culvert.plugins.mssclamp.MssClampStage;
import io.culvert.plugins.ratelimit.RateLimitStage;
import io.culvert.spi.StageDescriptor;
import io.culvert.testkit.BalancedAccounts;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever comes, no stage throws, loses a packet or uses one twice. */
@BalancedAccounts
final class StagesFuzzTest {
    private static final int PACKETS = 20_000;
    private static final int LAN = 0;
    private static final int MON = 1;

    private static final List<byte[]> VALID = List.of(
            Packets.ip4()
                    .tcp(1, 2)
                    .flags("S")
                    .tcpOptions(1, 2, 4, 5, 0xb4, 3, 3, 7)
                    .payload(3000)
                    .bytes(),
            Packets.ip6()
                    .hopByHop()
                    .fragmentHeader(0, true, 7)
                    .tcp(1, 2)
                    .flags("S")
                    .tcpOptions(2, 4, 5, 0xb4)
                    .bytes(),
            Packets.ip4().udp(1, 53).payload(700).bytes(),
            Packets.ip6()
                    .destinationOptions()
                    .routing(0, 1)
                    .udp(1, 2)
                    .payload(90)
                    .bytes(),
            Packets.ethernet("02:00:00:00:00:01", "02:00:00:00:00:02")
                    .vlan(3)
                    .ip4()
                    .tcp(1, 2)
                    .payload(99)
                    .bytes(),
            Packets.ethernet("02:00:00:00:00:01", "02:00:00:00:00:02")
                    .ip6()
                    .udp(1, 2)
                    .payload(2000)
                    .bytes(),
            Packets.arpRequest("02:00:00:00:00:aa", "10.0.0.2", "10.0.0.1").bytes());

    static List<Arguments> stages() {
        String match = "from = [\"10.0.0.0/9\", \"fd00::/16\"], to-ports = \"2-60\"";
        return List.of(
                Arguments.of(MssClampStage.DESCRIPTOR, "mss", "500"),
                Arguments.of(DscpMarkStage.IP4, "rules", "[{ dscp = EF, " + match + " }, { dscp = LE }]"),
                Arguments.of(
                        RateLimitStage.OUTPUT,
                        "limits",
                        "[{ interface = lan, per = flow, rate = 1Gbit/s, " + match
                                + " }, { interface = lan, per = source, packets = \"1000/s\", buckets = 64 }]"),
                Arguments.of(MirrorStage.INPUT, "copies", "[{ from = lan, to = mon }, { from = lan, to = tun }]"),
                Arguments.of(MirrorStage.OUTPUT, "copies", "[{ from = tun, to = mon }, { from = tun, to = lan }]"),
                Arguments.of(
                        ImpairStage.INPUT,
                        "links",
                        "[{ interface = lan, direction = in, delay = 1ms, jitter = 1ms, corrupt = 50%, duplicate = 20%, loss = 10%, reorder = 10% }]"),
                Arguments.of(ImpairStage.OUTPUT, "links", "[{ interface = lan, corrupt = 50%, rate = 100Mbit/s }]"));
    }

    @ParameterizedTest
    @MethodSource("stages")
    void takesWhateverComes(StageDescriptor descriptor, String key, String value) {
        long seed = new SplittableRandom().nextLong();
        SplittableRandom random = new SplittableRandom(seed);
        StageHarness harness = StageHarness.of(descriptor, 256)
                .interfaces(
                        InterfaceBuilder.ethernet(LAN).name("lan").build(),
                        InterfaceBuilder.ethernet(MON).name("mon").mtu(1000).build(),
                        InterfaceBuilder.pointToPoint(2).name("tun").build())
                .setting(key, value);
        for (int i = 0; i < PACKETS; i++) {
            PacketBuffer packet = packet(harness, random);
            assertThatCode(() -> harness.process(packet))
                    .as("packet %d of seed %d: %s", i, seed, packet)
                    .doesNotThrowAnyException();
            harness.advanceNanos(random.nextInt(100_000));
            harness.clear();
        }
        harness.advanceMillis(100);
        harness.clear();
    }

    private static PacketBuffer packet(StageHarness harness, SplittableRandom random) {
        byte[] bytes = VALID.get(random.nextInt(VALID.size())).clone();
        for (int changes = random.nextInt(6); changes > 0; changes--) {
            bytes[random.nextInt(Math.min(bytes.length, random.nextBoolean() ? 80 : bytes.length))] =
                    (byte) random.nextInt();
        }
        PacketBuffer packet = harness.packet(bytes);
        if (random.nextInt(4) == 0) {
            packet.setEnd(packet.start() + 1 + random.nextInt(bytes.length));
        }
        packet.setReceiveInterface(random.nextInt(-1, 4));
        packet.setTransmitInterface(random.nextInt(-1, 4));
        packet.setL3Offset(
                switch (random.nextInt(4)) {
                    case 0 -> PacketBuffer.UNKNOWN;
                    case 1 -> packet.start() + 14;
                    case 2 -> random.nextInt(packet.capacity());
                    default -> packet.start();
                });
        if (random.nextInt(3) == 0) {
            packet.setGso(
                    PacketBuffer.Gso.values()[random.nextInt(4)],
                    random.nextInt(5) == 0 ? random.nextInt(4) : random.nextInt(200, 2000),
                    false);
        }
        if (random.nextInt(3) == 0) {
            packet.setPartialChecksum(packet.start() + random.nextInt(100), random.nextInt(20));
        }
        return packet;
    }
}
