// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import static io.culvert.stage.TestRouter6.LAN;
import static io.culvert.stage.TestRouter6.WAN;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.Ip6Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.RouterInterface;
import io.culvert.stage.TestRouter6;
import io.culvert.stage.ip6.Ip6RedirectStage.Count;
import io.culvert.stage.ip6.Ip6RedirectStage.Out;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class Ip6RedirectStageTest {
    private final StageHarness harness = StageHarness.of(Ip6RedirectStage.DESCRIPTOR);

    @BeforeEach
    void switchRedirectsOn() {
        use(lan(true));
    }

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private void use(RouterInterface lan) {
        harness.interfaces(lan, TestRouter6.ethernet(WAN, 1400, "fe80::2", "2001:db8::2/64"));
    }

    private static RouterInterface lan(boolean redirects) {
        return of(TestRouter6.ethernet(LAN, 1500, "fe80::1", "fd00:1::1/64"), RouterInterface.Link.ETHERNET, redirects);
    }

    private static RouterInterface of(RouterInterface like, RouterInterface.Link link, boolean redirects) {
        return new RouterInterface(
                like.id(),
                like.name(),
                like.device(),
                link,
                like.role(),
                like.vrf(),
                like.up(),
                like.mtu(),
                like.mac(),
                like.kernelMac(),
                like.addresses(),
                like.linkLocal(),
                like.offloads(),
                redirects,
                true);
    }

    private static byte[] bytes(String from, String to, int payload) {
        return Packets.ip6().from(from).to(to).udp(1, 2).payload(payload).bytes();
    }

    private PacketBuffer packet(byte[] bytes, String nextHop) {
        PacketBuffer packet = harness.packet(bytes);
        packet.setTransmitInterface(LAN);
        Ip6Address hop = Ip6Address.parse(nextHop);
        packet.setNextHop6(hop.high(), hop.low());
        return packet;
    }

    private void assertPassedInSilence() {
        assertThat(harness.out(Out.NEXT)).hasSize(1);
        assertThat(harness.out(Out.REDIRECT)).isEmpty();
    }

    private static byte[] redirectedHeader(byte[] packet, int length) {
        return ByteBuffer.allocate(8 + length)
                .put((byte) 4)
                .put((byte) (1 + length / 8))
                .position(8)
                .put(packet, 0, length)
                .array();
    }

    /** RFC 4861 8.2: with the better hop as target, what is known of it, and the packet. */
    @Test
    void namesABetterRouterByItsLinkLocalAddress() {
        harness.neighborTable().put(LAN, "fe80::77", 0x0200_0000_0077L);
        byte[] sent = bytes("fd00:1::10", "2001:db8:9::1", 16);
        harness.process(packet(sent, "fe80::77"));

        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(sent);
        PacketBuffer redirect = harness.single(Out.REDIRECT);
        assertThat(redirect.toByteArray())
                .isEqualTo(Packets.ip6()
                        .from("fe80::1")
                        .to("fd00:1::10")
                        .redirect("fe80::77", "2001:db8:9::1")
                        .targetLinkLayer("02:00:00:00:00:77")
                        .append(redirectedHeader(sent, sent.length))
                        .bytes());
        assertThat(redirect.generated()).isTrue();
        assertThat(redirect.transmitInterface()).isEqualTo(LAN);
        assertThat(Ip6Address.toText(redirect.nextHop6High(), redirect.nextHop6Low()))
                .isEqualTo("fd00:1::10");
        assertThat(harness.counted(Count.REDIRECTED)).isEqualTo(1);
    }

    @Test
    void namesADestinationOnTheLinkItself() {
        byte[] sent = bytes("fd00:1::10", "fd00:1::20", 3);
        harness.process(packet(sent, "fd00:1::20"));
        assertThat(harness.single(Out.REDIRECT).toByteArray())
                .isEqualTo(Packets.ip6()
                        .from("fe80::1")
                        .to("fd00:1::10")
                        .redirect("fd00:1::20", "fd00:1::20")
                        .append(redirectedHeader(sent, 48))
                        .bytes());
    }

    @Test
    void quotesNoMoreThanFitsTheMinimumMtu() {
        byte[] sent = bytes("fd00:1::10", "fd00:1::20", 1400);
        harness.process(packet(sent, "fd00:1::20"));
        PacketBuffer redirect = harness.single(Out.REDIRECT);
        assertThat(redirect.length()).isEqualTo(1280);
        byte[] bytes = redirect.toByteArray();
        assertThat(Arrays.copyOfRange(bytes, 88, 1280)).isEqualTo(Arrays.copyOf(sent, 1192));
    }

    @Test
    void isOffUnlessSwitchedOn() {
        use(lan(false));
        harness.process(packet(bytes("fd00:1::10", "fd00:1::20", 3), "fd00:1::20"));
        assertPassedInSilence();
    }

    /** S12. */
    @Test
    void neverOnAPointToPointLink() {
        use(of(lan(true), RouterInterface.Link.POINT_TO_POINT, true));
        harness.process(packet(bytes("fd00:1::10", "fd00:1::20", 3), "fd00:1::20"));
        assertPassedInSilence();
    }

    @Test
    void notWhenThePacketLeavesByAnotherInterface() {
        PacketBuffer packet = packet(bytes("fd00:1::10", "2001:db8:9::1", 3), "fe80::99");
        packet.setTransmitInterface(WAN);
        harness.process(packet);
        assertPassedInSilence();
    }

    /** The source must be a neighbor, and the better hop must have a name that hosts accept. */
    @ParameterizedTest
    @CsvSource({"2001:db8:7::1, fe80::77", "fd00:1::10, fd00:1::77"})
    void notForSourcesBehindAnotherRouterNorForHopsWithoutALinkLocalName(String from, String nextHop) {
        harness.process(packet(bytes(from, "2001:db8:9::1", 3), nextHop));
        assertPassedInSilence();
    }

    @Test
    void sharesTheRateLimitOfIcmpErrors() {
        harness.setting("rate-limit", "10/s");
        byte[] sent = bytes("fd00:1::10", "fd00:1::20", 3);
        harness.process(packet(sent, "fd00:1::20"), packet(sent, "fd00:1::20"));
        assertThat(harness.out(Out.NEXT)).hasSize(2);
        assertThat(harness.out(Out.REDIRECT)).hasSize(1);
    }
}
