// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.dscpmark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.packet.PacketBuffer;
import io.culvert.plugins.dscpmark.DscpMarkStage.Count;
import io.culvert.plugins.dscpmark.DscpMarkStage.Out;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class DscpMarkStageTest {
    private static final int EF = 46;

    private final StageHarness harness = StageHarness.of(DscpMarkStage.IP4)
            .interfaces(
                    InterfaceBuilder.ethernet(0).name("lan").build(),
                    InterfaceBuilder.ethernet(1).name("wan").build());

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private byte[] pass(PacketBuilder packet) {
        return pass(packet, 0, 1);
    }

    private byte[] pass(PacketBuilder packet, int in, int out) {
        harness.clear();
        PacketBuffer buffer = packet.take(harness.pool());
        buffer.setReceiveInterface(in);
        buffer.setTransmitInterface(out);
        harness.process(buffer);
        return harness.single(Out.NEXT).toByteArray();
    }

    private static int dscp(byte[] packet) {
        return packet[0] >> 4 == 4
                ? (packet[1] & 0xff) >>> 2
                : ((packet[0] & 0xf) << 4 | (packet[1] & 0xff) >>> 4) >>> 2;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void marksBothFamiliesAndLeavesEcnAlone(int ecn) {
        harness.setting("rules", "[{ dscp = EF }]");
        assertThat(pass(Packets.ip4().dscp(10).ecn(ecn).id(9).udp(1, 2).payload(5)))
                .isEqualTo(Packets.ip4()
                        .dscp(EF)
                        .ecn(ecn)
                        .id(9)
                        .udp(1, 2)
                        .payload(5)
                        .bytes());
        assertThat(pass(Packets.ip6().dscp(10).ecn(ecn).flowLabel(0xabcde).udp(1, 2)))
                .isEqualTo(Packets.ip6()
                        .dscp(EF)
                        .ecn(ecn)
                        .flowLabel(0xabcde)
                        .udp(1, 2)
                        .bytes());
        assertThat(harness.counted(Count.MARKED)).isEqualTo(1);
    }

    @Test
    void countsApartWhatHasTheMarkAlready() {
        harness.setting("rules", "[{ dscp = 46 }]");
        assertThat(pass(Packets.ip4().dscp(EF).udp(1, 2)))
                .isEqualTo(Packets.ip4().dscp(EF).udp(1, 2).bytes());
        assertThat(harness.counted(Count.KEPT)).isEqualTo(1);
        assertThat(harness.counted(Count.MARKED)).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "DF, 0",
        "CS0, 0",
        "CS1, 8",
        "CS2, 16",
        "CS3, 24",
        "CS4, 32",
        "CS5, 40",
        "CS6, 48",
        "CS7, 56",
        "AF11, 10",
        "AF12, 12",
        "AF13, 14",
        "AF21, 18",
        "AF22, 20",
        "AF23, 22",
        "AF31, 26",
        "AF32, 28",
        "AF33, 30",
        "AF41, 34",
        "AF42, 36",
        "AF43, 38",
        "ef, 46",
        "voice-admit, 44",
        "LE, 1",
        "0, 0",
        "63, 63"
    })
    void knowsTheNamesOfCodePoints(String name, int codePoint) {
        assertThat(CodePoint.parse(name)).isEqualTo(codePoint);
    }

    @ParameterizedTest
    @ValueSource(strings = {"64", "AF44", "AF14", "-1", "0x2e", "", "100"})
    void refusesWhatIsNoCodePoint(String text) {
        harness.setting("rules", "[{ dscp = \"" + text + "\" }]");
        assertThatThrownBy(harness::settings).hasMessageContaining("dscp is \"" + text + "\"; expected a name");
    }

    @Test
    void theFirstRuleThatIsAboutAPacketDecides() {
        harness.setting(
                "rules",
                "[{ dscp = AF41, protocol = udp, to-ports = \"5000-5999\" }, { dscp = LE, in = lan }, { dscp = CS6 }]");
        assertThat(dscp(pass(Packets.ip4().udp(1, 5000)))).isEqualTo(34);
        assertThat(dscp(pass(Packets.ip4().udp(1, 6000)))).isEqualTo(1);
        assertThat(dscp(pass(Packets.ip4().tcp(1, 5000), 1, 0))).isEqualTo(48);
    }

    @Test
    void leavesWhatNoRuleIsAbout() {
        harness.setting("rules", "[{ dscp = EF, out = lan }, { dscp = EF, from = [\"10.9.0.0/16\"] }]");
        assertThat(dscp(pass(Packets.ip4().dscp(3).udp(1, 2)))).isEqualTo(3);
        assertThat(harness.counted(Count.KEPT)).isZero();
    }

    @Test
    void rulesNameAddressesAndPortsOfBothEnds() {
        harness.setting(
                "rules",
                "[{ dscp = 1, from = [\"10.9.0.0/16\", \"fd09::/16\"], from-ports = \"53\" },"
                        + " { dscp = 2, to = [\"10.8.0.0/16\"] }, { dscp = 3, protocol = icmp }]");
        assertThat(dscp(pass(Packets.ip4().from("10.9.1.1").udp(53, 7)))).isEqualTo(1);
        assertThat(dscp(pass(Packets.ip4().from("10.9.1.1").udp(54, 7)))).isZero();
        assertThat(dscp(pass(Packets.ip4().from("10.7.1.1").to("10.8.1.1").udp(53, 7))))
                .isEqualTo(2);
        assertThat(dscp(pass(Packets.ip6().from("fd09::1").hopByHop().udp(53, 7))))
                .isEqualTo(1);
        assertThat(dscp(pass(Packets.ip6().echoRequest(1, 1)))).isEqualTo(3);
        assertThat(dscp(pass(Packets.ip4().echoRequest(1, 1)))).isEqualTo(3);
    }

    /** Only the first has the ports; a rule without ports is about all. */
    @Test
    void aLaterFragmentHasNoPorts() {
        harness.setting(
                "rules", "[{ dscp = 1, protocol = udp, to-ports = \"0-65535\" }, { dscp = 2, protocol = udp }]");
        assertThat(dscp(pass(Packets.ip4().fragment(0, true).udp(1, 2).payload(8))))
                .isEqualTo(1);
        assertThat(dscp(pass(Packets.ip4().fragment(8, false).udp(1, 2).payload(8))))
                .isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{ dscp = EF, protocol = blah } | protocol is \"blah\"; expected tcp",
                "{ dscp = EF, protocol = 256 } | protocol is \"256\"; expected tcp",
                "{ dscp = EF, to-ports = \"70000\" } | to-ports is \"70000\"; expected ports",
                "{ dscp = EF, from-ports = \"9-2\" } | from-ports is \"9-2\"; expected ports",
                "{ dscp = EF, protocol = icmp, to-ports = \"1\" } | to-ports can't be given with protocol icmp",
                "{ dscp = EF, in = lam } | there is no interface lam",
                "{ in = lan } | dscp"
            })
    void refusesRulesThatMakeNoSense(String rule, String problem) {
        harness.setting("rules", "[" + rule + "]");
        assertThatThrownBy(harness::settings).hasMessageContaining(problem);
    }

    /** Also the fragments that the router makes of a marked packet. */
    @Test
    void marksWhatARouterSends() {
        try (ScriptedRouter router = ScriptedRouter.with(new DscpMarkPlugin(), """
                interfaces {
                  lan { type = tun, device = a, addresses = ["10.0.0.1/24", "fd00::1/64"] }
                  wan { type = tun, device = b, addresses = ["10.1.0.1/24", "fd01::1/64"], mtu = 1300 }
                }
                plugins { dscp-mark { rules = [ { dscp = EF, out = wan, protocol = udp, to-ports = "7" } ] } }
                """)) {
            router.arrive(
                    "lan",
                    Packets.ip4()
                            .from("10.0.0.2")
                            .to("10.1.0.2")
                            .udp(1, 7)
                            .payload(1400)
                            .bytes());
            assertThat(dscp(router.awaitSent("wan"))).isEqualTo(EF);
            assertThat(dscp(router.awaitSent("wan"))).isEqualTo(EF);
            router.arrive(
                    "lan", Packets.ip6().from("fd00::2").to("fd01::2").udp(1, 7).bytes());
            assertThat(dscp(router.awaitSent("wan"))).isEqualTo(EF);
        }
    }
}
