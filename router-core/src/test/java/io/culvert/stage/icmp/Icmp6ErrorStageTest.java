// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.icmp;

import static io.culvert.stage.TestRouter6.KERNEL;
import static io.culvert.stage.TestRouter6.LAN;
import static io.culvert.stage.TestRouter6.WAN;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip6Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.NextHop;
import io.culvert.spi.TokenBucket;
import io.culvert.stage.TestRouter6;
import io.culvert.stage.icmp.Icmp6ErrorStage.Count;
import io.culvert.stage.icmp.Icmp6ErrorStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp6View;
import io.culvert.wire.Ip6View;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Icmp6ErrorStageTest {
    private TestRouter6 router = TestRouter6.around(Icmp6ErrorStage.DESCRIPTOR);
    private StageHarness harness = router.harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private static PacketBuilder transit() {
        return Packets.ip6().from("fd00:1::10").to("2001:db8:9::1");
    }

    private PacketBuffer refused(PacketBuilder built, int type, int code, int value) {
        PacketBuffer packet = harness.packet(built.bytes());
        packet.setIcmpError(type, code, value);
        return packet;
    }

    private PacketBuffer hopLimitExceeded(PacketBuilder built) {
        return refused(built, 3, 0, 0);
    }

    private void assertDropped(String reason) {
        assertThat(harness.dropped(reason)).as("%s", harness.drops()).isEqualTo(1);
        assertThat(harness.outputs()).isEmpty();
    }

    private String source() {
        PacketBuffer error = harness.single(Out.SEND);
        Ip6View ip = new Ip6View().wrap(error, error.start());
        return Ip6Address.toText(ip.sourceHigh(), ip.sourceLow());
    }

    @ParameterizedTest
    @CsvSource({
        "1, 0, 0, UNREACHABLE",
        "1, 1, 0, UNREACHABLE",
        "1, 2, 0, UNREACHABLE",
        "1, 3, 0, UNREACHABLE",
        "1, 4, 0, UNREACHABLE",
        "2, 0, 1400, PACKET_TOO_BIG",
        "3, 0, 0, TIME_EXCEEDED",
        "3, 1, 0, TIME_EXCEEDED",
        "4, 0, 42, PARAMETER_PROBLEM",
        "4, 1, 6, PARAMETER_PROBLEM",
        "4, 2, 44, PARAMETER_PROBLEM"
    })
    void tellsTheSenderWithTheWholePacketQuoted(int type, int code, int value, String count) {
        byte[] sent = transit().trafficClass(0xb9).udp(1000, 2000).payload(31).bytes();
        PacketBuffer packet =
                refused(transit().trafficClass(0xb9).udp(1000, 2000).payload(31), type, code, value);
        packet.setTransmitInterface(WAN);
        harness.process(packet);

        PacketBuffer error = harness.single(Out.SEND);
        assertThat(error.toByteArray())
                .isEqualTo(Packets.ip6()
                        .from("fd00:1::1")
                        .to("fd00:1::10")
                        .hopLimit(64)
                        .icmp(type, code)
                        .value(value)
                        .quoting(sent)
                        .bytes());
        assertThat(error.generated()).isTrue();
        assertThat(error.l3Offset()).isEqualTo(error.start());
        assertThat(error.l4Offset()).isEqualTo(error.start() + 40);
        assertThat(error.transmitInterface()).isEqualTo(InterfaceId.NONE);
        assertThat(error.receiveInterface()).isEqualTo(LAN);
        assertThat(harness.counted(Count.valueOf(count))).isEqualTo(1);
    }

    /** RFC 4443 2.4 (c): as much as fits the minimum MTU. */
    @ParameterizedTest
    @CsvSource({"1184, 1280", "1185, 1280", "1452, 1280", "1183, 1279"})
    void quotesAsMuchAsFitsTheMinimumMtu(int payload, int expected) {
        byte[] sent = transit().udp(1, 2).payload(payload).bytes();
        harness.process(hopLimitExceeded(transit().udp(1, 2).payload(payload)));

        PacketBuffer error = harness.single(Out.SEND);
        assertThat(error.length()).isEqualTo(expected);
        assertThat(Arrays.copyOfRange(error.toByteArray(), 48, expected)).isEqualTo(Arrays.copyOf(sent, expected - 48));
        Ip6View ip = new Ip6View().wrap(error, error.start());
        assertThat(ip.check()).isEqualTo(HeaderCheck.OK);
        assertThat(new Icmp6View().wrap(error, error.start() + 40).check(ip)).isEqualTo(HeaderCheck.OK);
    }

    @Test
    void quotesTheHeadOfASuperpacket() {
        PacketBuffer packet = refused(transit().tcp(1, 2).payload(30_000).partialChecksum(), 2, 0, 1400);
        packet.setPartialChecksum(packet.start() + 40, 16);
        packet.setGso(PacketBuffer.Gso.TCP6, 1440, false);
        harness.process(packet);

        PacketBuffer error = harness.single(Out.SEND);
        assertThat(error.length()).isEqualTo(1280);
        assertThat(error.gso()).isEqualTo(PacketBuffer.Gso.NONE);
        assertThat(error.checksum()).isEqualTo(PacketBuffer.Checksum.UNVERIFIED);
    }

    @Test
    void finishesTheQuotedChecksumThatTheSenderLeftToItsDevice() {
        byte[] finished = transit().udp(1, 2).payload(100).bytes();
        PacketBuffer packet = refused(transit().udp(1, 2).partialChecksum().payload(100), 3, 0, 0);
        packet.setPartialChecksum(packet.start() + 40, 6);
        harness.process(packet);
        byte[] error = harness.single(Out.SEND).toByteArray();
        assertThat(Arrays.copyOfRange(error, 48, error.length)).isEqualTo(finished);
    }

    /** RFC 4443 2.4 (e.1) and (e.2). */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 100, 127, 137})
    void neverAboutAnErrorOrRedirect(int type) {
        harness.process(
                hopLimitExceeded(transit().destinationOptions().icmp(type, 0).payload(60)));
        assertDropped("about-error");
    }

    @ParameterizedTest
    @ValueSource(ints = {128, 129, 135, 200})
    void aboutInformationalMessagesAsAboutAnything(int type) {
        harness.process(hopLimitExceeded(transit().icmp(type, 0).payload(60)));
        assertThat(harness.out(Out.SEND)).hasSize(1);
    }

    @Test
    void neverAboutAnErrorInAFirstFragment() {
        harness.process(
                hopLimitExceeded(transit().fragmentHeader(0, true, 1).icmp(1, 0).payload(64)));
        assertDropped("about-error");
    }

    @Test
    void neverAboutAMessageThatMayBeAnError() {
        harness.process(hopLimitExceeded(transit().nextProtocol(58)));
        assertDropped("about-error");
    }

    /** RFC 4443 2.4 (e.3) to (e.5), with their two exceptions. */
    @ParameterizedTest
    @CsvSource({"1, 0, false", "3, 0, false", "4, 1, false", "2, 0, true", "4, 2, true"})
    void aboutMulticastOnlyTooBigAndUnknownOptions(int type, int code, boolean told) {
        PacketBuffer toGroup = refused(transit().to("ff0e::1").udp(1, 2), type, code, 1400);
        PacketBuffer toAllOnTheLink = refused(transit().udp(1, 2), type, code, 1400);
        toAllOnTheLink.setLinkBroadcast(true);
        harness.process(toGroup, toAllOnTheLink);
        assertThat(harness.out(Out.SEND))
                .hasSize(told ? 2 : 0)
                .allSatisfy(error -> assertThat(error.linkBroadcast()).isFalse());
        assertThat(harness.dropped("sent-to-many")).isEqualTo(told ? 0 : 2);
    }

    /** RFC 4443 2.4 (e.6). */
    @ParameterizedTest
    @ValueSource(strings = {"::", "::1", "ff02::1", "ff0e::9"})
    void neverToASourceThatIsNoSingleNode(String source) {
        harness.process(hopLimitExceeded(transit().from(source).udp(1, 2)));
        assertDropped("invalid-source");
    }

    @Test
    void neverAboutALaterFragmentUnlessItIsTooBigItself() {
        PacketBuilder later =
                transit().fragmentHeader(1232, false, 4).nextProtocol(17).payload(20);
        harness.process(hopLimitExceeded(later));
        assertDropped("later-fragment");
        harness.clear().process(refused(later, 2, 0, 1400));
        assertThat(harness.out(Out.SEND)).hasSize(1);
    }

    @Test
    void neverAboutWhatCannotBeRead() {
        PacketBuilder deep = transit();
        for (int i = 0; i < 40; i++) {
            deep.destinationOptions();
        }
        harness.process(hopLimitExceeded(deep.icmp(1, 0)));
        assertDropped("unreadable");
    }

    @Test
    void neverAboutTheRoutersOwnPackets() {
        PacketBuffer own = hopLimitExceeded(transit().udp(1, 2));
        own.setGenerated(true);
        harness.process(own);
        assertDropped("own-packet");
    }

    @Test
    void dropsWhatHasNoHeader() {
        PacketBuffer packet = harness.packet(new byte[39]);
        packet.setIcmpError(3, 0, 0);
        harness.process(packet);
        assertDropped("bad-header");
    }

    @Test
    void dropsWhatLeavesNoRoomInFront() {
        PacketBuffer packet = hopLimitExceeded(transit().udp(1, 2));
        byte[] bytes = packet.toByteArray();
        packet.setWindow(47, bytes.length);
        packet.copyFrom(bytes, 0, 47, bytes.length);
        packet.setL3Offset(47);
        harness.process(packet);
        assertDropped("no-room");
    }

    /** RFC 4443 2.4 (f). */
    @Test
    void isRateLimitedByName() {
        harness.setting("rate-limit", "100/s");
        for (int i = 0; i < 12; i++) {
            harness.process(hopLimitExceeded(transit().udp(1, 2)));
        }
        assertThat(harness.out(Out.SEND)).hasSize(10);
        assertThat(harness.dropped("rate-limited")).isEqualTo(2);
        harness.clear().advanceMillis(10).process(hopLimitExceeded(transit().udp(1, 2)));
        assertThat(harness.out(Out.SEND)).hasSize(1);
    }

    @Test
    void theLimitCanBeOff() {
        harness.setting("rate-limit", "off");
        for (int i = 0; i < 100; i++) {
            harness.process(hopLimitExceeded(transit().udp(1, 2)));
        }
        assertThat(harness.out(Out.SEND)).hasSize(100);
    }

    @Test
    void aForbiddenErrorCostsNoToken() {
        harness.setting("rate-limit", "1/s");
        harness.process(hopLimitExceeded(transit().icmp(1, 0)));
        harness.clear().process(hopLimitExceeded(transit().udp(1, 2)));
        assertThat(harness.out(Out.SEND)).hasSize(1);
    }

    @Test
    void sharesItsLimitUnderTheNameOfTheSetting() {
        harness.setting("rate-limit", "10/s");
        assertThat(TokenBucket.shared(harness, "icmp.rate-limit", 10).tryTake(harness.nowNanos()))
                .isTrue();
        harness.process(hopLimitExceeded(transit().udp(1, 2)));
        assertDropped("rate-limited");
    }

    /** RFC 4443 2.2 (a): an error about what was sent to the router bears the address it was sent to. */
    @ParameterizedTest
    @CsvSource({"2001:db8::2, 2001:db8::2", "fd00:3::1, fd00:3::1", "fe80::1, fe80::1"})
    void answersFromTheAddressThatWasAsked(String asked, String source) {
        harness.process(refused(transit().to(asked).udp(1, 53), 1, 4, 0));
        assertThat(source()).isEqualTo(source);
    }

    @Test
    void prefersTheSourceOfTheRouteBack() {
        router.route("fd00:55::/32", new NextHop(LAN, Ip6Address.parse("fe80::7"), Ip6Address.parse("2001:db8::2")));
        harness.process(hopLimitExceeded(transit().from("fd00:55::9").udp(1, 2)));
        assertThat(source()).isEqualTo("2001:db8::2");
    }

    @Test
    void elseTakesTheAddressOfTheInterfaceBack() {
        PacketBuffer packet = hopLimitExceeded(transit().from("fd00:3::9").udp(1, 2));
        packet.setReceiveInterface(WAN);
        harness.process(packet);
        assertThat(source()).isEqualTo("fd00:3::1");
    }

    @Test
    void aLinkLocalSenderIsAnsweredFromALinkLocalAddress() {
        harness.process(refused(transit().from("fe80::10").udp(1, 2), 1, 2, 0));
        assertThat(source()).isEqualTo("fe80::1");
    }

    @Test
    void anInterfaceWithoutAGlobalAddressLendsAnothers() {
        router.with(
                TestRouter6.ethernet(0, 1500, "fe80::1"),
                TestRouter6.ethernet(1, 1500, "fe80::2", "2001:db8::2/64"),
                TestRouter6.ethernet(2, 1500, "fe80::3"));
        harness.process(hopLimitExceeded(transit().udp(1, 2)));
        assertThat(source()).isEqualTo("2001:db8::2");
    }

    @Test
    void theLinkLocalAddressIsTheLastResort() {
        router.with(TestRouter6.ethernet(0, 1500, "fe80::1"), TestRouter6.ethernet(1, 1500, "fe80::2"));
        harness.process(hopLimitExceeded(transit().udp(1, 2)));
        assertThat(source()).isEqualTo("fe80::1");
    }

    @Test
    void withoutAnyAddressNothingIsSent() {
        router.with(TestRouter6.ethernet(0, 1500, null), TestRouter6.ethernet(1, 1500, null));
        harness.process(hopLimitExceeded(transit().udp(1, 2)));
        assertDropped("no-address");
    }

    @Test
    void theKernelIsToldLikeAnyOtherSender() {
        router = TestRouter6.withKernel(Icmp6ErrorStage.DESCRIPTOR);
        harness = router.harness();
        PacketBuffer packet = refused(transit().from("fd00:1::1").udp(1, 2), 2, 0, 1280);
        packet.setReceiveInterface(KERNEL);
        harness.process(packet);
        assertThat(harness.single(Out.SEND).generated()).isTrue();
        assertThat(source()).isEqualTo("fd00:1::1");
    }
}
