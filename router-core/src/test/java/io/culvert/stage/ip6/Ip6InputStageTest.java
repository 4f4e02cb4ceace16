// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import static io.culvert.stage.TestRouter6.KERNEL;
import static io.culvert.stage.TestRouter6.WAN;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.InterfaceAddress;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.RouterInterface;
import io.culvert.stage.TestRouter6;
import io.culvert.stage.ip6.Ip6InputStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip6InputStageTest {
    private StageHarness harness = TestRouter6.around(Ip6InputStage.DESCRIPTOR).harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private static PacketBuilder transit() {
        return Packets.ip6().from("fd00:1::10").to("2001:db8:9::1");
    }

    private PacketBuffer process(PacketBuilder packet) {
        harness.process(harness.packet(packet.bytes()));
        return harness.single(Out.NEXT);
    }

    private void assertDropped(String reason) {
        assertThat(harness.dropped(reason)).as("%s", harness.drops()).isEqualTo(1);
        assertThat(harness.dropped()).isEqualTo(1);
    }

    @Test
    void passesASoundPacketUntouchedWithTransportOffsetAndFlowHash() {
        byte[] sent = transit()
                .trafficClass(0xb9)
                .flowLabel(0xabcde)
                .hopLimit(1)
                .udp(1000, 2000)
                .payload(18)
                .bytes();
        harness.process(harness.packet(sent));

        PacketBuffer packet = harness.single(Out.NEXT);
        assertThat(packet.toByteArray()).isEqualTo(sent);
        assertThat(packet.l4Offset()).isEqualTo(packet.l3Offset() + 40);
        assertThat(packet.flowHash()).isNotZero();
    }

    @Test
    void dropsEveryTruncationOfASoundPacket() {
        byte[] whole = transit().udp(1, 2).payload(8).bytes();
        for (int length = 0; length < whole.length; length++) {
            harness.process(harness.packet(Arrays.copyOf(whole, length)));
        }
        assertThat(harness.dropped("too-short")).isEqualTo(40);
        assertThat(harness.dropped("bad-length")).isEqualTo(16);
    }

    @Test
    void dropsAnotherVersion() {
        harness.process(harness.packet(transit().version(4).udp(1, 2).bytes()));
        assertDropped("bad-version");
    }

    @Test
    void trimsLinkPadding() {
        PacketBuffer packet = process(transit().udp(1, 2).padding(6));
        assertThat(packet.length()).isEqualTo(48);
    }

    @Test
    void aPayloadLengthOfZeroLeavesTheHeaderAlone() {
        PacketBuffer packet = process(transit().nextProtocol(59).padding(20));
        assertThat(packet.length()).isEqualTo(40);
    }

    /** RFC 2675. */
    @Test
    void dropsJumbogramsByName() {
        byte[] jumbo = transit().hopByHop(0xc2, 4, 0, 1, 0, 0).udp(1, 2).bytes();
        jumbo[4] = 0;
        jumbo[5] = 0;
        harness.process(harness.packet(jumbo));
        assertDropped("jumbogram");
    }

    @Test
    void passesASuperpacketWhole() {
        PacketBuffer sent = harness.packet(transit().tcp(1, 2).payload(60_000).bytes());
        sent.setPartialChecksum(sent.start() + 40, 16);
        sent.setGso(PacketBuffer.Gso.TCP6, 1400, false);
        harness.process(sent);

        PacketBuffer packet = harness.single(Out.NEXT);
        assertThat(packet.length()).isEqualTo(60_060);
        assertThat(packet.gso()).isEqualTo(PacketBuffer.Gso.TCP6);
        assertThat(packet.checksum()).isEqualTo(PacketBuffer.Checksum.PARTIAL);
    }

    /** RFC 4291 2.5.2, 2.5.3, 2.5.5.2, 2.7: what no packet on a wire may have as its source. */
    @ParameterizedTest
    @ValueSource(strings = {"ff02::1", "ff0e::1", "::1", "::", "::ffff:10.0.0.1"})
    void dropsMartianSources(String source) {
        harness.process(harness.packet(
                Packets.ip6().from(source).to("2001:db8:9::1").udp(1, 2).bytes()));
        assertDropped("martian-source");
    }

    @ParameterizedTest
    @ValueSource(strings = {"::1", "::", "ff00::1", "ff01::1", "ff11::1"})
    void dropsMartianDestinations(String destination) {
        harness.process(harness.packet(transit().to(destination).udp(1, 2).bytes()));
        assertDropped("martian-destination");
    }

    @Test
    void letsANodeWithoutAnAddressSpeakToAGroup() {
        process(Packets.ip6().from("::").to("ff02::1:ff00:1").neighborSolicitation("fd00:1::1"));
    }

    /** RFC 1812 5.3.7's own source, for IPv6. */
    @ParameterizedTest
    @ValueSource(strings = {"fd00:1::1", "2001:db8::2", "fe80::1"})
    void dropsWhatClaimsToBeFromTheRouter(String own) {
        harness.process(harness.packet(transit().from(own).udp(1, 2).bytes()));
        assertDropped("own-source");
    }

    @Test
    void aLinkLocalAddressIsTheRoutersOnItsOwnLinkOnly() {
        PacketBuffer packet = harness.packet(transit().from("fe80::1").udp(1, 2).bytes());
        packet.setReceiveInterface(WAN);
        harness.process(packet);
        assertThat(harness.out(Out.NEXT)).hasSize(1);
    }

    @Test
    void anOwnAddressInAnotherVrfIsNotTheRoutersHere() {
        var lan = TestRouter6.ethernet(0, 1500, "fe80::1", "fd00:1::1/64");
        var other = new RouterInterface(
                1,
                "other",
                "other",
                lan.link(),
                lan.role(),
                7,
                true,
                1500,
                1,
                0,
                List.of(InterfaceAddress.parse("fd00:7::1/64")),
                null,
                lan.offloads(),
                false,
                true);
        harness.interfaces(lan, other);
        process(transit().from("fd00:7::1").udp(1, 2));
    }

    @Test
    void theKernelSpeaksFromTheRoutersAddresses() {
        harness = TestRouter6.withKernel(Ip6InputStage.DESCRIPTOR).harness();
        PacketBuffer packet =
                harness.packet(transit().from("fd00:1::1").tcp(80, 2000).bytes());
        packet.setReceiveInterface(KERNEL);
        harness.process(packet);
        assertThat(harness.out(Out.NEXT)).hasSize(1);
    }

    /** RFC 4862 5.4.4: the owner of a duplicate address makes itself known from that address. */
    @Test
    void neighborDiscoveryFromAnOwnAddressIsLetThrough() {
        process(Packets.ip6().from("fd00:1::1").to("ff02::1").neighborAdvertisement("fd00:1::1", "O"));
        harness.clear();
        harness.process(harness.packet(Packets.ip6()
                .from("fd00:1::1")
                .to("ff02::1")
                .hopLimit(254)
                .neighborAdvertisement("fd00:1::1", "O")
                .hopLimit(254)
                .bytes()));
        assertDropped("own-source");
    }

    @Test
    void findsTheTransportHeaderBehindExtensionHeaders() {
        PacketBuffer packet = process(
                transit().hopByHop(5, 2, 0, 0).destinationOptions().udp(1, 2).payload(4));
        assertThat(packet.l4Offset()).isEqualTo(packet.l3Offset() + 40 + 8 + 8);
    }

    /** RFC 8200 4: what the router need not read is the destination's to judge; here: options that nobody knows. */
    @Test
    void ignoresOptionsOfPacketsInTransit() {
        process(transit().hopByHop(0xde, 4, 1, 2, 3, 4).udp(1, 2));
    }

    @Test
    void aLaterFragmentHasNoTransportHeader() {
        PacketBuffer packet = process(
                transit().fragmentHeader(1232, false, 7).nextProtocol(17).payload(100));
        assertThat(packet.l4Offset()).isEqualTo(PacketBuffer.UNKNOWN);
    }

    @Test
    void aChainTooLongToReadPassesWithoutTransportOffset() {
        PacketBuilder deep = transit();
        for (int i = 0; i < 40; i++) {
            deep.destinationOptions();
        }
        assertThat(process(deep.udp(1, 2)).l4Offset()).isEqualTo(PacketBuffer.UNKNOWN);
    }

    @Test
    void aChainThatLeadsOutOfThePacketPassesWithoutTransportOffset() {
        PacketBuffer packet =
                process(transit().extension(60, new byte[] {1, 4, 0, 0, 0, 0}).length(7));
        assertThat(packet.l4Offset()).isEqualTo(PacketBuffer.UNKNOWN);
    }

    @Test
    void allFragmentsOfAPacketHashAlikeAndFlowsApart() {
        int first = process(transit().fragmentHeader(0, true, 7).udp(1000, 2000).payload(1000))
                .flowHash();
        harness.clear();
        int later = process(transit()
                        .fragmentHeader(1008, false, 7)
                        .nextProtocol(17)
                        .payload(100))
                .flowHash();
        harness.clear();
        int flow = process(transit().udp(1000, 2000)).flowHash();
        harness.clear();
        int sameFlow = process(transit().udp(1000, 2000).payload(99)).flowHash();
        harness.clear();
        int otherFlow = process(transit().udp(1001, 2000)).flowHash();

        assertThat(first).isEqualTo(later);
        assertThat(flow).isEqualTo(sameFlow).isNotEqualTo(otherFlow);
    }
}
