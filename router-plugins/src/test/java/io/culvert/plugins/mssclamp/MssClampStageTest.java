// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.mssclamp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.packet.PacketBuffer;
import io.culvert.plugins.mssclamp.MssClampStage.Count;
import io.culvert.plugins.mssclamp.MssClampStage.Out;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import io.culvert.testkit.StageHarness;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class MssClampStageTest {
    private static final int LAN = 0;
    private static final int WAN = 1;
    private static final int DMZ = 2;

    private final StageHarness harness = StageHarness.of(MssClampStage.DESCRIPTOR)
            .interfaces(
                    InterfaceBuilder.ethernet(LAN).name("lan").mtu(1500).build(),
                    InterfaceBuilder.ethernet(WAN).name("wan").mtu(1400).build(),
                    InterfaceBuilder.ethernet(DMZ).name("dmz").mtu(1500).build());

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private static PacketBuilder syn4(int... options) {
        return Packets.ip4().tcp(1000, 80).flags("S").tcpOptions(options);
    }

    private static PacketBuilder syn6(int... options) {
        return Packets.ip6().tcp(1000, 80).flags("S").tcpOptions(options);
    }

    private static int[] mss(int value) {
        return new int[] {2, 4, value >>> 8, value & 0xff};
    }

    /** Runs one packet through the stage. */
    private byte[] pass(PacketBuilder packet, int in, int out) {
        harness.clear();
        PacketBuffer buffer = packet.take(harness.pool());
        buffer.setReceiveInterface(in);
        buffer.setTransmitInterface(out);
        harness.process(buffer);
        return harness.single(Out.NEXT).toByteArray();
    }

    private void staysAsItIs(PacketBuilder packet) {
        assertThat(pass(packet, LAN, WAN)).isEqualTo(packet.bytes());
        assertThat(harness.counted(Count.CLAMPED)).isZero();
    }

    @Test
    void lowersTheMssToTheSmallerMtuLessTheHeadersInBothDirectionsAndFamilies() {
        assertThat(pass(syn4(mss(1460)), LAN, WAN)).isEqualTo(syn4(mss(1360)).bytes());
        assertThat(pass(syn4(mss(1460)), WAN, LAN)).isEqualTo(syn4(mss(1360)).bytes());
        assertThat(pass(syn6(mss(1440)), LAN, WAN)).isEqualTo(syn6(mss(1340)).bytes());
        assertThat(pass(syn6(mss(1440)), WAN, LAN)).isEqualTo(syn6(mss(1340)).bytes());
        assertThat(harness.counted(Count.CLAMPED)).isEqualTo(1);
    }

    @Test
    void treatsTheAnswerLikeTheQuestion() {
        assertThat(pass(syn4(mss(1460)).flags("SA"), WAN, LAN))
                .isEqualTo(syn4(mss(1360)).flags("SA").bytes());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 536, 1359, 1360})
    void neverRaisesIt(int small) {
        staysAsItIs(syn4(mss(small)));
    }

    @Test
    void addsNoOption() {
        staysAsItIs(syn4());
    }

    @Test
    void leavesAllButSynsAsTheyAre() {
        staysAsItIs(Packets.ip4().tcp(1000, 80).flags("A").tcpOptions(mss(1460)));
        staysAsItIs(Packets.ip4().udp(1, 2).payload(new byte[] {2, 4, 5, (byte) 0xb4}));
        staysAsItIs(Packets.ip6().udp(1, 2).payload(new byte[] {2, 4, 5, (byte) 0xb4}));
    }

    /** The value then lies across two words of the checksum. */
    @Test
    void keepsTheChecksumRightWhereTheValueIsAtAnOddOffset() {
        assertThat(pass(syn4(1, 2, 4, 0x05, 0xb4, 1, 1, 1), LAN, WAN))
                .isEqualTo(syn4(1, 2, 4, 0x05, 0x50, 1, 1, 1).bytes());
        assertThat(pass(syn6(1, 1, 1, 2, 4, 0xff, 0xff), LAN, WAN))
                .isEqualTo(syn6(1, 1, 1, 2, 4, 0x05, 0x3c).bytes());
    }

    @Test
    void findsItAmongOtherOptionsAndLowersEachOfSeveral() {
        assertThat(pass(
                        syn4(4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 2, 4, 0x05, 0xb4, 3, 3, 7, 2, 4, 0xff, 0xff),
                        LAN,
                        WAN))
                .isEqualTo(syn4(4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 2, 4, 0x05, 0x50, 3, 3, 7, 2, 4, 0x05, 0x50)
                        .bytes());
    }

    @ParameterizedTest
    @CsvSource({"'1,1,1,1,1,1,2,4'", "'8,0,2,4,5,180'", "'8,1,2,4,5,180'", "'8,9,2,4,5,180'", "'1,1,1,2'"})
    void stopsAtAMalformedOption(String octets) {
        staysAsItIs(syn4(
                Arrays.stream(octets.split(",")).mapToInt(Integer::parseInt).toArray()));
        assertThat(harness.counted(Count.MALFORMED)).isEqualTo(1);
    }

    @Test
    void readsNothingBehindTheEndOfTheOptionsAndNoMssOfAnotherLength() {
        staysAsItIs(syn4(0, 2, 4, 0x05, 0xb4));
        staysAsItIs(syn4(2, 6, 0x05, 0xb4, 0x05, 0xb4));
        staysAsItIs(syn4(2, 3, 0x05));
    }

    @Test
    void findsTcpBehindIp4OptionsAndExtensionHeaders() {
        assertThat(pass(Packets.ip4().options(148, 4, 0, 0).tcp(1, 2).flags("S").tcpOptions(mss(1460)), LAN, WAN))
                .isEqualTo(Packets.ip4()
                        .options(148, 4, 0, 0)
                        .tcp(1, 2)
                        .flags("S")
                        .tcpOptions(mss(1360))
                        .bytes());
        assertThat(pass(
                        Packets.ip6()
                                .hopByHop()
                                .destinationOptions()
                                .tcp(1, 2)
                                .flags("S")
                                .tcpOptions(mss(1440)),
                        LAN,
                        WAN))
                .isEqualTo(Packets.ip6()
                        .hopByHop()
                        .destinationOptions()
                        .tcp(1, 2)
                        .flags("S")
                        .tcpOptions(mss(1340))
                        .bytes());
    }

    @Test
    void treatsAFirstFragmentAndLeavesLaterOnesAlone() {
        assertThat(pass(Packets.ip4().fragment(0, true).tcp(1, 2).flags("S").tcpOptions(mss(1460)), LAN, WAN))
                .isEqualTo(Packets.ip4()
                        .fragment(0, true)
                        .tcp(1, 2)
                        .flags("S")
                        .tcpOptions(mss(1360))
                        .bytes());
        staysAsItIs(Packets.ip4().fragment(8, true).tcp(1, 2).flags("S").tcpOptions(mss(1460)));
        staysAsItIs(
                Packets.ip6().fragmentHeader(8, true, 7).tcp(1, 2).flags("S").tcpOptions(mss(1440)));
    }

    /** A header that its packet cuts short, one that claims too little, and packets cut anywhere. */
    @Test
    void leavesWhatIsNoWholeTcpHeader() {
        staysAsItIs(syn4(mss(1460)).headerWords(9));
        staysAsItIs(syn4(mss(1460)).headerWords(4));
        for (byte[] whole : List.of(syn4(mss(1460)).bytes(), syn6(mss(1440)).bytes())) {
            for (int length = 1; length < whole.length; length++) {
                harness.clear();
                byte[] cut = Arrays.copyOf(whole, length);
                PacketBuffer packet = harness.packet(cut);
                packet.setTransmitInterface(WAN);
                harness.process(packet);
                assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(cut);
            }
        }
    }

    @Test
    void leavesAnUnfinishedChecksumToBeFinished() {
        assertThat(pass(syn4(mss(1460)).partialChecksum(), LAN, WAN))
                .isEqualTo(syn4(mss(1360)).partialChecksum().bytes());
        assertThat(harness.single(Out.NEXT).checksum()).isEqualTo(PacketBuffer.Checksum.PARTIAL);
    }

    @Test
    void aWrongChecksumStaysAsWrong() {
        byte[] passed = pass(syn4(mss(1460)).checksum(0x1234), LAN, WAN);
        int right = checksum(syn4(mss(1460)).bytes());
        int rightAfter = checksum(syn4(mss(1360)).bytes());
        assertThat((checksum(passed) - rightAfter + 0xffff) % 0xffff).isEqualTo((0x1234 - right + 0xffff) % 0xffff);
    }

    private static int checksum(byte[] packet) {
        return (packet[36] & 0xff) << 8 | (packet[37] & 0xff);
    }

    @Test
    void clampsOnlyWhatPassesTheInterfacesThatAreNamed() {
        harness.setting("interfaces", "[wan]").setting("mss", "1200");
        assertThat(pass(syn4(mss(1460)), LAN, WAN)).isEqualTo(syn4(mss(1200)).bytes());
        assertThat(pass(syn4(mss(1460)), WAN, DMZ)).isEqualTo(syn4(mss(1200)).bytes());
        assertThat(pass(syn4(mss(1460)), LAN, DMZ)).isEqualTo(syn4(mss(1460)).bytes());
    }

    @Test
    void aFixedMssIsTheOneOfIp4AndOfIp6TwentyLess() {
        harness.setting("mss", "1300");
        assertThat(pass(syn4(mss(1460)), LAN, WAN)).isEqualTo(syn4(mss(1300)).bytes());
        assertThat(pass(syn6(mss(1440)), LAN, WAN)).isEqualTo(syn6(mss(1280)).bytes());
    }

    @ParameterizedTest
    @ValueSource(strings = {"87", "65496", "small", "-1", "99999999999"})
    void refusesAnMssThatMakesNoSense(String mss) {
        harness.setting("mss", mss);
        assertThatThrownBy(harness::settings)
                .hasMessageContaining("mss is \"" + mss + "\"; expected auto, or a number from 88 to 65495");
    }

    @Test
    void clampsConnectionsThroughARouter() {
        try (ScriptedRouter router = ScriptedRouter.with(new MssClampPlugin(), """
                interfaces {
                  lan { type = tun, device = a, addresses = ["10.0.0.1/24", "fd00::1/64"] }
                  wan { type = tun, device = b, addresses = ["10.1.0.1/24", "fd01::1/64"], mtu = 1400 }
                }
                plugins { mss-clamp { interfaces = [wan] } }
                """)) {
            router.arrive(
                    "lan",
                    Packets.ip4()
                            .from("10.0.0.2")
                            .to("10.1.0.2")
                            .tcp(1, 2)
                            .flags("S")
                            .tcpOptions(mss(1460))
                            .bytes());
            assertThat(router.awaitSent("wan"))
                    .isEqualTo(Packets.ip4()
                            .from("10.0.0.2")
                            .to("10.1.0.2")
                            .ttl(63)
                            .tcp(1, 2)
                            .flags("S")
                            .tcpOptions(mss(1360))
                            .bytes());
            router.arrive(
                    "wan",
                    Packets.ip6()
                            .from("fd01::2")
                            .to("fd00::2")
                            .tcp(1, 2)
                            .flags("S")
                            .tcpOptions(mss(1440))
                            .bytes());
            assertThat(router.awaitSent("lan"))
                    .isEqualTo(Packets.ip6()
                            .from("fd01::2")
                            .to("fd00::2")
                            .hopLimit(63)
                            .tcp(1, 2)
                            .flags("S")
                            .tcpOptions(mss(1340))
                            .bytes());
        }
    }
}
