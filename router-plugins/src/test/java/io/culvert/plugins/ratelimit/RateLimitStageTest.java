// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.ratelimit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.culvert.packet.PacketBuffer;
import io.culvert.plugins.ratelimit.RateLimitStage.Count;
import io.culvert.plugins.ratelimit.RateLimitStage.Out;
import io.culvert.testkit.BalancedAccounts;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import io.culvert.testkit.StageHarness;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@BalancedAccounts
final class RateLimitStageTest {
    private static final int LAN = 0;
    private static final int WAN = 1;

    private final StageHarness harness = StageHarness.of(RateLimitStage.OUTPUT)
            .interfaces(
                    InterfaceBuilder.ethernet(LAN).name("lan").build(),
                    InterfaceBuilder.ethernet(WAN).name("wan").build());

    private void limits(String... limits) {
        harness.setting("limits", "[" + String.join(", ", limits) + "]");
    }

    private void send(PacketBuilder packet, int in, int out) {
        PacketBuffer buffer = packet.take(harness.pool());
        buffer.setReceiveInterface(in);
        buffer.setTransmitInterface(out);
        harness.process(buffer);
    }

    /** How many of so many equal packets pass at once. */
    private int passOf(int count, PacketBuilder packet) {
        harness.clear();
        for (int i = 0; i < count; i++) {
            send(packet, LAN, WAN);
        }
        assertThat(harness.out(Out.NEXT).size() + harness.dropped("over-rate")).isEqualTo(count);
        return harness.out(Out.NEXT).size();
    }

    private boolean passesSuperpacketOf13600Bytes() {
        harness.clear();
        PacketBuffer packet = Packets.ip4().tcp(1, 2).payload(9600).take(harness.pool());
        packet.setGso(PacketBuffer.Gso.TCP4, 96, false); // 100 segments of 136 bytes
        packet.setTransmitInterface(WAN);
        harness.process(packet);
        return harness.out(Out.NEXT).size() == 1;
    }

    /** 1000 bytes of IP. */
    private static PacketBuilder kilobyte() {
        return Packets.ip4().udp(1, 2).payload(972);
    }

    @Test
    void letsTheBurstPassAndThenTheRate() {
        limits("{ interface = wan, rate = 8Mbit/s, burst = 10000 }");
        assertThat(passOf(20, kilobyte())).isEqualTo(10);
        harness.advanceMillis(5);
        assertThat(passOf(20, kilobyte())).isEqualTo(5);
        harness.advanceMillis(1000);
        assertThat(passOf(20, kilobyte())).isEqualTo(10);
    }

    /** Offers twice the rate for long enough that half passes, once the burst is gone. */
    @ParameterizedTest
    @CsvSource({"1Mbit/s, 1000000", "10Mbit/s, 10000000", "999Mbit/s, 999000000", "40Gbit/s, 40000000000"})
    void overTimeTheRateIsMet(String written, long bitsPerSecond) {
        limits("{ interface = wan, rate = " + written + ", burst = 64KiB }");
        passOf(100, kilobyte());
        int offered = 2000;
        long everyNanos = 4_000_000_000_000L / bitsPerSecond;
        int passed = 0;
        for (int i = 0; i < offered; i++) {
            harness.advanceNanos(everyNanos);
            passed += passOf(1, kilobyte());
        }
        assertThat((double) passed).isCloseTo(offered / 2.0, within(offered * 0.01));
    }

    @Test
    void aRateOfPacketsCountsPackets() {
        limits("{ interface = wan, packets = \"1000/s\" }");
        assertThat(passOf(120, kilobyte())).isEqualTo(100);
        harness.advanceMillis(10);
        assertThat(passOf(20, Packets.ip4().udp(1, 2))).isEqualTo(10);
    }

    @Test
    void aSuperpacketIsChargedWhatItIsOnTheWire() {
        limits("{ interface = wan, rate = 8Mbit/s, burst = 60000 }");
        assertThat(passesSuperpacketOf13600Bytes()).isTrue();
        assertThat(passOf(60, kilobyte())).isEqualTo(46);
    }

    @Test
    void aSuperpacketBeyondTheBurstPassesAFullBucketAndLeavesDebt() {
        limits("{ interface = wan, rate = 8Mbit/s, burst = 2000 }");
        assertThat(passesSuperpacketOf13600Bytes()).isTrue();
        harness.advanceMillis(12);
        assertThat(passOf(1, kilobyte())).isZero();
        harness.advanceMillis(1);
        assertThat(passOf(2, kilobyte())).isEqualTo(1);
    }

    @Test
    void eachHostHasARateOfItsOwnAndAnIp6HostIsItsNetwork() {
        limits("{ interface = wan, per = source, packets = \"100/s\" }");
        assertThat(passOf(70, Packets.ip4().from("10.0.0.2").udp(1, 2))).isEqualTo(64);
        assertThat(passOf(70, Packets.ip4().from("10.0.0.3").udp(1, 2))).isEqualTo(64);
        assertThat(passOf(70, Packets.ip4().from("10.0.0.2").udp(9, 9))).isZero();
        assertThat(passOf(70, Packets.ip6().from("fd00:0:0:1::2").udp(1, 2))).isEqualTo(64);
        assertThat(passOf(70, Packets.ip6().from("fd00:0:0:1::3").udp(1, 2))).isZero();
        assertThat(passOf(70, Packets.ip6().from("fd00:0:0:2::3").udp(1, 2))).isEqualTo(64);
    }

    @Test
    void eachFlowHasARateOfItsOwnAndFragmentsAreOneFlow() {
        limits("{ interface = wan, per = flow, packets = \"100/s\" }");
        assertThat(passOf(70, Packets.ip4().udp(1, 2))).isEqualTo(64);
        assertThat(passOf(70, Packets.ip4().udp(1, 3))).isEqualTo(64);
        assertThat(passOf(70, Packets.ip4().tcp(1, 2))).isEqualTo(64);
        assertThat(passOf(70, Packets.ip4().from("10.0.0.2").to("10.0.0.1").udp(1, 2)))
                .isEqualTo(64);
        assertThat(passOf(50, Packets.ip4().fragment(0, true).udp(5, 6).payload(8)))
                .isEqualTo(50);
        assertThat(passOf(50, Packets.ip4().fragment(16, false).udp(7, 8))).isEqualTo(14);
    }

    @Test
    void eachPrefixHasARateOfItsOwn() {
        limits("{ interface = wan, per = prefix, to = [\"10.1.0.0/16\", \"10.2.0.0/16\"], packets = \"100/s\" }");
        assertThat(passOf(70, Packets.ip4().to("10.1.0.1").udp(1, 2))).isEqualTo(64);
        assertThat(passOf(70, Packets.ip4().to("10.1.9.9").udp(1, 2))).isZero();
        assertThat(passOf(70, Packets.ip4().to("10.2.0.1").udp(1, 2))).isEqualTo(64);
        assertThat(passOf(70, Packets.ip4().to("10.3.0.1").udp(1, 2))).isEqualTo(70);
        assertThat(harness.counted(Count.WITHIN_RATE)).isZero();
    }

    @Test
    void isAboutItsInterfaceDirectionAndPacketsAlone() {
        limits(
                "{ interface = wan, packets = \"1/s\", protocol = udp }",
                "{ interface = lan, direction = in, packets = \"1/s\" }");
        assertThat(passOf(70, Packets.ip4().tcp(1, 2))).isEqualTo(70);
        assertThat(passOf(70, Packets.ip4().udp(1, 2))).isEqualTo(64);
        harness.clear();
        send(Packets.ip4().udp(1, 2), WAN, LAN);
        assertThat(harness.out(Out.NEXT)).hasSize(1);
    }

    @Test
    void aPacketMustKeepEveryLimitThatIsAboutIt() {
        limits(
                "{ interface = wan, rate = 8Mbit/s, burst = 10000 }",
                "{ interface = wan, per = source, rate = 8Mbit/s, burst = 4000 }");
        assertThat(passOf(5, Packets.ip4().from("10.0.0.2").udp(1, 2).payload(972)))
                .isEqualTo(4);
        assertThat(passOf(5, Packets.ip4().from("10.0.0.3").udp(1, 2).payload(972)))
                .isEqualTo(4);
        assertThat(harness.counted(Count.WITHIN_RATE)).isEqualTo(4);
        assertThat(passOf(5, Packets.ip4().from("10.0.0.4").udp(1, 2).payload(972)))
                .as("the dropped ones took from the first limit, too")
                .isZero();
    }

    @Test
    void whatFindsNoRoomInTheTableSharesARateAndIsCounted() {
        limits("{ interface = wan, per = source, packets = \"1/s\", buckets = 8 }");
        int passed = 0;
        for (int i = 1; i <= 200; i++) {
            passed += passOf(1, Packets.ip4().from("10.0.0." + i).udp(1, 2));
        }
        assertThat(passed).isEqualTo(8 + 64);
        for (int i = 1; i <= 8; i++) {
            assertThat(passOf(1, Packets.ip4().from("10.0.0." + i).udp(1, 2)))
                    .as("the first hosts keep their own")
                    .isEqualTo(1);
        }
        passOf(1, Packets.ip4().from("10.0.0.250").udp(1, 2));
        assertThat(harness.counted(Count.WITHOUT_BUCKET)).isEqualTo(1);
    }

    @Test
    void bucketsOutliveAChangedRate() {
        limits("{ interface = wan, rate = 8Mbit/s, burst = 10000 }");
        assertThat(passOf(20, kilobyte())).isEqualTo(10);
        harness.restart();
        limits("{ interface = wan, rate = 16Mbit/s, burst = 10000 }");
        assertThat(passOf(1, kilobyte()))
                .as("without the buckets it would be 10 at once")
                .isLessThanOrEqualTo(1);
        harness.advanceMillis(100);
        assertThat(passOf(20, kilobyte())).isEqualTo(10);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{ interface = wan } | rate and packets can't both be given, nor both be off",
                "{ interface = wan, rate = 1Mbit/s, packets = \"5/s\" } | rate and packets can't both be given",
                "{ interface = wan, packets = \"0/s\" } | packets is 0, which would let nothing pass",
                "{ interface = wan, rate = 10bit/s } | rate is below 1kbit/s",
                "{ interface = wan, rate = 1kbit/s, burst = 1GiB } | burst is 1073741824 bytes",
                "{ interface = wan, rate = 1kbit/s, burst = 0 } | burst is 0 bytes",
                "{ interface = wan, rate = 1Mbit/s, per = prefix } | per is prefix, and so either from or to",
                "{ interface = wan, rate = 1Mbit/s, buckets = 3 } | buckets",
                "{ interface = wlan, rate = 1Mbit/s } | there is no interface wlan",
                "{ rate = 1Mbit/s } | interface"
            })
    void refusesLimitsThatMakeNoSense(String limit, String problem) {
        limits(limit);
        assertThatThrownBy(harness::settings).hasMessageContaining(problem);
    }

    @Test
    void limitsWhatARouterForwardsInBothDirectionsAndFamilies() {
        try (ScriptedRouter router = ScriptedRouter.with(new RateLimitPlugin(), """
                interfaces {
                  lan { type = tun, device = a, addresses = ["10.0.0.1/24", "fd00::1/64"] }
                  wan { type = tun, device = b, addresses = ["10.1.0.1/24", "fd01::1/64"] }
                }
                plugins { rate-limit { limits = [
                  { interface = wan, rate = 80kbit/s, burst = 1000 }
                  { interface = wan, direction = in, packets = "1/s" }
                ] } }
                """)) {
            byte[] out = Packets.ip4()
                    .from("10.0.0.2")
                    .to("10.1.0.2")
                    .udp(1, 2)
                    .payload(472)
                    .bytes();
            byte[] out6 = Packets.ip6()
                    .from("fd00::2")
                    .to("fd01::2")
                    .udp(1, 2)
                    .payload(452)
                    .bytes();
            router.arrive("lan", out).arrive("lan", out6).arrive("lan", out).settle();
            assertThat(router.at("wan").takeSent()).hasSize(2);
            assertThat(router.dropped("over-rate")).isEqualTo(1);
            router.advance(Duration.ofMillis(100));
            router.arrive("lan", out).arrive("lan", out).arrive("lan", out).settle();
            assertThat(router.at("wan").takeSent()).hasSize(2);
            byte[] in6 = Packets.ip6().from("fd01::2").to("fd00::2").udp(1, 2).bytes();
            for (int i = 0; i < 70; i++) {
                router.arrive("wan", in6);
            }
            router.settle();
            assertThat(router.at("lan").takeSent()).hasSize(64);
            router.arrive(
                    "wan",
                    Packets.ip4().from("10.1.0.2").to("10.0.0.2").udp(1, 2).bytes());
            router.settle();
            assertThat(router.at("lan").takeSent())
                    .as("of the other family, out of the same bucket")
                    .isEmpty();
        }
    }

    @Test
    void bucketsOutliveAReloadOfTheRouter() {
        String router = """
                interfaces {
                  lan { type = tun, device = a, addresses = ["10.0.0.1/24"] }
                  wan { type = tun, device = b, addresses = ["10.1.0.1/24"] }
                }
                plugins { rate-limit { limits = [ { interface = wan, rate = %s, burst = 1000 } ] } }
                """;
        byte[] packet = Packets.ip4()
                .from("10.0.0.2")
                .to("10.1.0.2")
                .udp(1, 2)
                .payload(472)
                .bytes();
        try (ScriptedRouter running = ScriptedRouter.with(new RateLimitPlugin(), router.formatted("8kbit/s"))) {
            running.arrive("lan", packet)
                    .arrive("lan", packet)
                    .arrive("lan", packet)
                    .settle();
            assertThat(running.at("wan").takeSent()).hasSize(2);
            running.reload(router.formatted("16kbit/s"));
            assertThat(running.at("wan").takeSent()).isEmpty();
            running.arrive("lan", packet).settle();
            assertThat(running.at("wan").takeSent())
                    .as("a new bucket would be full")
                    .isEmpty();
            running.advance(Duration.ofSeconds(2));
            running.arrive("lan", packet)
                    .arrive("lan", packet)
                    .arrive("lan", packet)
                    .settle();
            assertThat(running.at("wan").takeSent()).hasSize(2);
        }
    }

    @Test
    void lanesShareARate() {
        try (ScriptedRouter router = ScriptedRouter.with(new RateLimitPlugin(), """
                lanes = 2
                interfaces {
                  lan { type = tun, device = a, addresses = ["10.0.0.1/24"] }
                  wan { type = tun, device = b, addresses = ["10.1.0.1/24"] }
                }
                plugins { rate-limit { limits = [ { interface = wan, packets = "1/s" } ] } }
                """)) {
            byte[] packet =
                    Packets.ip4().from("10.0.0.2").to("10.1.0.2").udp(1, 2).bytes();
            for (int i = 0; i < 40; i++) {
                router.arrive("lan", packet).arrive("lan/1", packet);
            }
            router.settle();
            assertThat(router.at("wan").takeSent()).hasSize(64);
            assertThat(router.dropped("over-rate")).isEqualTo(16);
        }
    }
}
