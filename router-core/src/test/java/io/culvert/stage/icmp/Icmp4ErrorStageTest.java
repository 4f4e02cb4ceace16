// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.icmp;

import static io.culvert.stage.TestRouter.KERNEL;
import static io.culvert.stage.TestRouter.LAN;
import static io.culvert.stage.TestRouter.WAN;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip4Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.NextHop;
import io.culvert.stage.TestRouter;
import io.culvert.stage.icmp.Icmp4ErrorStage.Count;
import io.culvert.stage.icmp.Icmp4ErrorStage.Out;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp4View;
import io.culvert.wire.Ip4View;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Icmp4ErrorStageTest {
    private TestRouter router = TestRouter.around(Icmp4ErrorStage.DESCRIPTOR);
    private StageHarness harness = router.harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private static PacketBuilder transit() {
        return Packets.ip4().from("192.168.1.10").to("198.51.100.1").ttl(1);
    }

    private PacketBuffer expired(PacketBuilder builder) {
        return expired(builder.bytes());
    }

    private PacketBuffer expired(byte[] bytes) {
        PacketBuffer packet = harness.packet(bytes);
        packet.setIcmpError(11, 0, 0);
        return packet;
    }

    private static String source(PacketBuffer packet) {
        return Ip4Address.toText(new Ip4View().wrap(packet, packet.start()).source());
    }

    private void silent(String reason, PacketBuffer packet) {
        harness.process(packet);
        assertThat(harness.dropped(reason)).as("drops: %s", harness.drops()).isEqualTo(1);
        assertThat(harness.out(Out.SEND)).isEmpty();
        harness.clear();
    }

    /** RFC 792, RFC 1812 section 4.3.2: every byte. */
    @Test
    void quotesASmallPacketWhole() {
        byte[] original =
                transit().trafficClass(3).udp(33434, 33435).payload(32).bytes();
        harness.process(expired(original));

        PacketBuffer error = harness.single(Out.SEND);
        assertThat(error.toByteArray())
                .isEqualTo(Packets.ip4()
                        .from("192.168.1.1")
                        .to("192.168.1.10")
                        .ttl(64)
                        .trafficClass(0xc0)
                        .id(0)
                        .icmp(11, 0)
                        .quoting(original)
                        .bytes());
        assertThat(error.generated()).isTrue();
        assertThat(error.receiveInterface()).isEqualTo(InterfaceId.NONE);
        assertThat(error.l3Offset()).isEqualTo(error.start());
        assertThat(error.l4Offset()).isEqualTo(error.start() + 20);
        assertThat(harness.counted(Count.TIME_EXCEEDED)).isEqualTo(1);
        assertThat(harness.consumed()).isEqualTo(1);
        assertThat(harness.generated()).isEqualTo(1);
    }

    /** RFC 1812 section 4.3.2.3. */
    @Test
    void quotesAsMuchAsFits576Bytes() {
        byte[] original = transit().udp(1, 2).payload(1400).bytes();
        PacketBuffer packet = expired(original);
        packet.setGso(PacketBuffer.Gso.UDP, 700, false);
        packet.setPartialChecksum(packet.start() + 20, 6);
        harness.process(packet);

        PacketBuffer error = harness.single(Out.SEND);
        assertThat(error.length()).isEqualTo(576);
        assertThat(Arrays.copyOfRange(error.toByteArray(), 28, 576)).isEqualTo(Arrays.copyOf(original, 548));
        assertThat(new Ip4View().wrap(error, error.start()).check()).isEqualTo(HeaderCheck.OK);
        assertThat(new Icmp4View().wrap(error, error.start() + 20).check()).isEqualTo(HeaderCheck.OK);
        assertThat(error.gso()).isEqualTo(PacketBuffer.Gso.NONE);
        assertThat(error.checksum()).isEqualTo(PacketBuffer.Checksum.UNVERIFIED);
    }

    /** RFC 6864 section 4.3: an error may be fragmented on its way. */
    @Test
    void numbersErrorsApart() {
        harness.process(expired(transit().udp(1, 2)), expired(transit().udp(1, 2)));
        assertThat(harness.out(Out.SEND).stream()
                        .map(packet ->
                                new Ip4View().wrap(packet, packet.start()).identification()))
                .containsExactly(0, 1);
    }

    @ParameterizedTest
    @CsvSource({
        "3, 0, 0, UNREACHABLE",
        "3, 4, 1400, FRAGMENTATION_NEEDED",
        "5, 1, -889275714, REDIRECT",
        "11, 1, 0, TIME_EXCEEDED",
        "12, 0, 335544320, OTHER"
    })
    void saysWhatTheStageAsked(int type, int code, int value, Count count) {
        PacketBuffer packet = harness.packet(transit().udp(1, 2).bytes());
        packet.setIcmpError(type, code, value);
        harness.process(packet);

        PacketBuffer error = harness.single(Out.SEND);
        assertThat(error.bytes().get(error.start() + 20)).isEqualTo((byte) type);
        assertThat(error.bytes().get(error.start() + 21)).isEqualTo((byte) code);
        assertThat(error.bytes().getInt(error.start() + 24)).isEqualTo(value);
        assertThat(harness.counted(count)).isEqualTo(1);
    }

    @Test
    void worksWhereTheLinkHeaderIsStillInFront() {
        PacketBuffer packet = expired(transit().udp(1, 2));
        packet.setL3Offset(packet.start());
        packet.prepend(14);
        harness.process(packet);
        assertThat(harness.single(Out.SEND).length()).isEqualTo(56);
    }

    /** RFC 1812 section 4.3.2.4: an address of the interface by which the error leaves. */
    @Test
    void comesFromTheInterfaceThatTheRouteBackLeadsTo() {
        PacketBuffer packet = expired(transit().from("203.0.113.50"));
        packet.setReceiveInterface(LAN);
        harness.process(packet);
        assertThat(source(harness.single(Out.SEND))).isEqualTo("203.0.113.2");
    }

    @Test
    void comesFromWhatTheRoutePrefers() {
        router.route("100.64.0.0/10", new NextHop(WAN, Ip4Address.parse("203.0.113.1"), Ip4Address.parse("10.0.0.1")));
        harness.process(expired(transit().from("100.64.1.1")));
        assertThat(source(harness.single(Out.SEND))).isEqualTo("10.0.0.1");
    }

    @Test
    void comesFromTheAddressInTheNeighborsNetwork() {
        router.with(InterfaceBuilder.ethernet(0)
                .address("192.168.1.1/24")
                .address("10.77.0.1/16")
                .build());
        harness.process(expired(transit().from("10.77.3.3")));
        assertThat(source(harness.single(Out.SEND))).isEqualTo("10.77.0.1");
    }

    @Test
    void comesFromTheAddressThatRefused() {
        harness.process(expired(transit().to("203.0.113.2").udp(1, 2)));
        assertThat(source(harness.single(Out.SEND))).isEqualTo("203.0.113.2");
    }

    /** RFC 7600 section 4.8, RFC 8950: a router without an IPv4 address of its own. */
    @Test
    void comesFromTheDummyAddressWhenThereIsNoOther() {
        harness.interfaces(
                InterfaceBuilder.ethernet(0).build(),
                InterfaceBuilder.ethernet(1).build());
        harness.process(expired(transit().from("100.64.1.1")));
        assertThat(source(harness.single(Out.SEND))).isEqualTo("192.0.0.8");
    }

    @Test
    void takesNoAddressOfAnotherVrf() {
        harness.interfaces(
                InterfaceBuilder.ethernet(0).vrf(1).address("192.168.1.1/24").build(),
                InterfaceBuilder.ethernet(1).build());
        PacketBuffer packet = expired(transit().from("100.64.1.1"));
        packet.setReceiveInterface(WAN);
        harness.process(packet);
        assertThat(source(harness.single(Out.SEND))).isEqualTo("192.0.0.8");
    }

    @Test
    void comesFromAnotherInterfaceWhenTheRightOneHasNoAddress() {
        harness.interfaces(
                InterfaceBuilder.ethernet(0).address("192.168.1.1/24").build(),
                InterfaceBuilder.ethernet(1).build());
        PacketBuffer packet = expired(transit().from("100.64.1.1"));
        packet.setReceiveInterface(WAN);
        harness.process(packet);
        assertThat(source(harness.single(Out.SEND))).isEqualTo("192.168.1.1");
    }

    /** The kernel would take nothing from outside that claims one of its own addresses. */
    @Test
    void tellsTheKernelFromTheDummyAddress() {
        harness = TestRouter.withKernel(Icmp4ErrorStage.DESCRIPTOR).harness();
        PacketBuffer packet = harness.packet(
                transit().from("192.168.1.1").tcp(80, 4000).payload(1400).bytes());
        packet.setReceiveInterface(KERNEL);
        packet.setIcmpError(3, 4, 1400);
        harness.process(packet);

        PacketBuffer error = harness.single(Out.SEND);
        assertThat(source(error)).isEqualTo("192.0.0.8");
        assertThat(new Ip4View().wrap(error, error.start()).destination()).isEqualTo(0xc0a80101);
    }

    /** RFC 1812 section 4.3.2.7, RFC 1122 section 3.2.2. */
    @ParameterizedTest
    @ValueSource(ints = {3, 4, 5, 11, 12})
    void isSilentAboutIcmpErrors(int type) {
        silent("icmp-error", expired(transit().icmp(type, 0).quoting(transit().bytes())));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 8, 13, 14})
    void tellsAboutOtherIcmp(int type) {
        harness.process(expired(transit().icmp(type, 0)));
        assertThat(harness.out(Out.SEND)).hasSize(1);
    }

    @Test
    void isSilentAboutIcmpCutTooShortToTell() {
        silent("icmp-error", expired(transit().nextProtocol(1)));
    }

    @Test
    void isSilentAboutLaterFragmentsButNotTheFirst() {
        silent("later-fragment", expired(transit().fragment(8, true).payload(8)));
        harness.process(expired(transit().fragment(0, true).udp(1, 2).payload(8)));
        assertThat(harness.out(Out.SEND)).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"255.255.255.255", "224.0.0.1", "239.1.2.3", "203.0.113.255"})
    void isSilentAboutBroadcastsAndMulticasts(String to) {
        silent("broadcast", expired(transit().to(to).udp(1, 2)));
    }

    @Test
    void isSilentAboutLinkBroadcasts() {
        PacketBuffer packet = expired(transit().udp(1, 2));
        packet.setLinkBroadcast(true);
        silent("broadcast", packet);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"0.0.0.0", "0.0.0.9", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.168.1.255"})
    void isSilentTowardsInvalidSources(String from) {
        silent("invalid-source", expired(transit().from(from).udp(1, 2)));
    }

    @Test
    void isSilentAboutItsOwnPackets() {
        PacketBuffer packet = expired(transit().udp(1, 2));
        packet.setGenerated(true);
        silent("own-packet", packet);
    }

    @Test
    void quotesAChecksumThatTheSenderLeftToItsDeviceAsItShouldBe() {
        byte[] right = transit().udp(1, 2).payload(900).bytes();
        PacketBuffer packet = expired(transit().udp(1, 2).partialChecksum().payload(900));
        packet.setPartialChecksum(packet.start() + 20, 6);
        harness.process(packet);

        assertThat(Arrays.copyOfRange(harness.single(Out.SEND).toByteArray(), 28, 576))
                .isEqualTo(Arrays.copyOf(right, 548));
    }

    @Test
    void isSilentWithoutRoomForItsHeaders() {
        PacketBuffer packet = harness.packet(new byte[300]);
        byte[] original = transit().udp(1, 2).bytes();
        packet.setWindow(20, original.length);
        packet.copyFrom(original, 0, 20, original.length);
        packet.setL3Offset(20);
        packet.setIcmpError(11, 0, 0);
        silent("no-room", packet);
    }

    @Test
    void isSilentAboutWhatIsNotIp4() {
        silent("not-ip4", expired(Packets.ip6().udp(1, 2).bytes()));
        silent("not-ip4", expired(Arrays.copyOf(transit().bytes(), 19)));
        PacketBuffer lost = expired(transit());
        lost.setL3Offset(PacketBuffer.UNKNOWN);
        silent("not-ip4", lost);
    }

    /** RFC 1812 section 4.3.2.8. */
    @Test
    void keepsToTheRateLimit() {
        harness.setting("rate-limit", "30/s");
        for (int i = 0; i < 10; i++) {
            harness.process(expired(transit().udp(1, 2)));
        }
        assertThat(harness.out(Out.SEND)).hasSize(3);
        assertThat(harness.dropped("rate-limited")).isEqualTo(7);

        harness.advanceMillis(1000);
        harness.process(expired(transit().udp(1, 2)));
        assertThat(harness.out(Out.SEND)).hasSize(4);
    }

    @Test
    void spendsNoTokenOnWhatItMayNotTellAbout() {
        harness.setting("rate-limit", "10/s");
        for (int i = 0; i < 10; i++) {
            silent("later-fragment", expired(transit().fragment(8, true).payload(8)));
        }
        harness.process(expired(transit().udp(1, 2)));
        assertThat(harness.out(Out.SEND)).hasSize(1);
    }

    @Test
    void hasNoLimitWhenTheLimitIsOff() {
        harness.setting("rate-limit", "off");
        for (int i = 0; i < 5000; i++) {
            harness.process(expired(transit().udp(1, 2)));
            assertThat(harness.out(Out.SEND)).hasSize(1);
            harness.clear();
        }
    }
}
