// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.nd;

import static io.culvert.stage.TestRouter6.LAN;
import static io.culvert.stage.TestRouter6.TUN;
import static io.culvert.stage.TestRouter6.WAN;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.MacAddress;
import io.culvert.packet.PacketBuffer;
import io.culvert.stage.TestRouter6;
import io.culvert.stage.nd.NdInputStage.Count;
import io.culvert.stage.nd.NdInputStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class NdInputStageTest {
    private static final String ROUTER = "02:00:00:00:00:00";
    private static final String HOST = "02:aa:00:00:00:10";
    private static final String GROUP = "33:33:ff:00:00:01";

    private final StageHarness harness =
            TestRouter6.around(NdInputStage.DESCRIPTOR).harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private PacketBuffer frame(PacketBuilder built) {
        PacketBuffer packet = harness.packet(built.bytes());
        packet.setL2Offset(packet.start());
        packet.trimFront(14);
        packet.setL3Offset(packet.start());
        packet.setL4Offset(packet.start() + 40);
        packet.setLinkBroadcast(true);
        return packet;
    }

    private void process(PacketBuilder built) {
        harness.process(frame(built));
    }

    private static PacketBuilder toGroup(String from) {
        return Packets.ethernet(HOST, GROUP).ip6().from(from).to("ff02::1:ff00:1");
    }

    private static PacketBuilder toRouter(String from) {
        return Packets.ethernet(HOST, ROUTER).ip6().from(from).to("fd00:1::1");
    }

    private void assertDropped(String reason) {
        assertThat(harness.dropped(reason)).as("%s", harness.drops()).isEqualTo(1);
        assertThat(harness.outputs()).isEmpty();
        assertThat(harness.signals().lines()).isEmpty();
    }

    /** RFC 4861 7.2.3 and 7.2.4. */
    @ParameterizedTest
    @CsvSource({"fd00:1::10, fd00:1::1", "fe80::10, fd00:1::1", "fe80::10, fe80::1"})
    void answersASolicitationForAnOwnAddress(String from, String target) {
        process(toGroup(from).neighborSolicitation(target).sourceLinkLayer(HOST));

        PacketBuffer answer = harness.single(Out.ANSWER);
        assertThat(answer.toByteArray())
                .isEqualTo(Packets.ethernet(ROUTER, HOST)
                        .ip6()
                        .from(target)
                        .to(from)
                        .neighborAdvertisement(target, "RSO")
                        .targetLinkLayer(ROUTER)
                        .bytes());
        assertThat(answer.transmitInterface()).isEqualTo(LAN);
        assertThat(answer.generated()).isTrue();
        assertThat(answer.linkBroadcast()).isFalse();
        assertThat(harness.signals().lines()).containsExactly("solicitation 0 " + from + " " + HOST);
        assertThat(harness.counted(Count.SOLICITATIONS_ANSWERED)).isEqualTo(1);
    }

    /** RFC 4861 7.3: a probe for reachability comes to one node, and may leave its link-layer address out. */
    @Test
    void answersAUnicastSolicitationWithoutSourceLinkLayerAddress() {
        process(toRouter("fd00:1::10").neighborSolicitation("fd00:1::1"));
        assertThat(harness.single(Out.ANSWER).toByteArray())
                .isEqualTo(Packets.ethernet(ROUTER, HOST)
                        .ip6()
                        .from("fd00:1::1")
                        .to("fd00:1::10")
                        .neighborAdvertisement("fd00:1::1", "RSO")
                        .targetLinkLayer(ROUTER)
                        .bytes());
        assertThat(harness.signals().lines()).isEmpty();
    }

    @Test
    void answersToTheAddressThatTheOptionNames() {
        process(toGroup("fd00:1::10").neighborSolicitation("fd00:1::1").sourceLinkLayer("02:bb:00:00:00:11"));
        assertThat(harness.single(Out.ANSWER).toByteArray()).startsWith(0x02, 0xbb, 0, 0, 0, 0x11);
    }

    @Test
    void aKnownNeighborIsNotReportedAgain() {
        harness.neighborTable().put(LAN, "fd00:1::10", MacAddress.parse(HOST).value());
        process(toGroup("fd00:1::10").neighborSolicitation("fd00:1::1").sourceLinkLayer(HOST));
        assertThat(harness.out(Out.ANSWER)).hasSize(1);
        assertThat(harness.signals().lines()).isEmpty();
    }

    @Test
    void aChangedNeighborIsReported() {
        harness.neighborTable()
                .put(LAN, "fd00:1::10", MacAddress.parse("02:00:00:00:00:77").value());
        process(toGroup("fd00:1::10").neighborSolicitation("fd00:1::1").sourceLinkLayer(HOST));
        assertThat(harness.signals().lines()).hasSize(1);
    }

    /** RFC 4861 7.2.4, RFC 4862 5.4.3: a probe is told by an advertisement to all, and is a conflict. */
    @Test
    void defendsAnOwnAddressAgainstAProbe() {
        process(toGroup("::").neighborSolicitation("fd00:1::1"));
        assertThat(harness.single(Out.ANSWER).toByteArray())
                .isEqualTo(Packets.ethernet(ROUTER, "33:33:00:00:00:01")
                        .ip6()
                        .from("fd00:1::1")
                        .to("ff02::1")
                        .neighborAdvertisement("fd00:1::1", "RO")
                        .targetLinkLayer(ROUTER)
                        .bytes());
        assertThat(harness.signals().lines()).containsExactly("conflict6 0 fd00:1::1");
        assertThat(harness.counted(Count.CONFLICTS)).isEqualTo(1);
    }

    @Test
    void reportsAProbeForAnAddressThatMayBeTentativeHere() {
        process(toGroup("::").neighborSolicitation("fd00:1::2:1"));
        assertThat(harness.signals().lines()).containsExactly("conflict6 0 fd00:1::2:1");
        assertThat(harness.consumed()).isEqualTo(1);
    }

    /** Only for own addresses, and only those of the interface that was asked. */
    @ParameterizedTest
    @ValueSource(strings = {"fd00:1::77", "2001:db8::2", "fe80::2"})
    void keepsSilentAboutOtherAddresses(String target) {
        process(toGroup("fd00:1::10").neighborSolicitation(target).sourceLinkLayer(HOST));
        assertThat(harness.outputs()).isEmpty();
        assertThat(harness.signals().lines()).isEmpty();
        assertThat(harness.consumed()).isEqualTo(1);
        assertThat(harness.counted(Count.SOLICITATIONS_FOR_OTHERS)).isEqualTo(1);
    }

    /** RFC 4861 7.2.5. */
    @ParameterizedTest
    @CsvSource({"RSO, RSO", "S, -S-", "O, --O", "'', ---"})
    void reportsAdvertisementsWithTheirFlags(String flags, String reported) {
        process(toRouter("fd00:1::10")
                .neighborAdvertisement("fd00:1::10", flags)
                .targetLinkLayer(HOST));
        assertThat(harness.signals().lines()).containsExactly("advertisement 0 fd00:1::10 " + HOST + " " + reported);
        assertThat(harness.consumed()).isEqualTo(1);
        assertThat(harness.counted(Count.ADVERTISEMENTS)).isEqualTo(1);
    }

    @Test
    void reportsAnAdvertisementWithoutLinkLayerAddress() {
        process(toRouter("fd00:1::10").neighborAdvertisement("fd00:1::10", "S"));
        assertThat(harness.signals().lines()).containsExactly("advertisement 0 fd00:1::10 - -S-");
    }

    /** RFC 4862 5.4.4. */
    @Test
    void anAdvertisementOfAnOwnAddressIsAConflict() {
        process(Packets.ethernet(HOST, "33:33:00:00:00:01")
                .ip6()
                .from("fd00:1::1")
                .to("ff02::1")
                .neighborAdvertisement("fd00:1::1", "O")
                .targetLinkLayer(HOST));
        assertThat(harness.signals().lines()).containsExactly("conflict6 0 fd00:1::1");
        assertThat(harness.counted(Count.CONFLICTS)).isEqualTo(1);
    }

    /** RFC 4861 6.2.6. */
    @ParameterizedTest
    @CsvSource({"true", "false"})
    void reportsRouterSolicitations(boolean withOption) {
        PacketBuilder solicitation = Packets.ethernet(HOST, "33:33:00:00:00:02")
                .ip6()
                .from("fe80::10")
                .to("ff02::2")
                .routerSolicitation();
        process(withOption ? solicitation.sourceLinkLayer(HOST) : solicitation);
        assertThat(harness.signals().lines())
                .containsExactly("routerSolicitation 0 fe80::10 " + (withOption ? HOST : "-"));
        assertThat(harness.counted(Count.ROUTER_SOLICITATIONS)).isEqualTo(1);
    }

    /** RFC 4861 6.2.7 and 8.2: a router follows neither. */
    @Test
    void routerAdvertisementsAndRedirectsChangeNothing() {
        process(Packets.ethernet(HOST, "33:33:00:00:00:01")
                .ip6()
                .from("fe80::10")
                .to("ff02::1")
                .routerAdvertisement(64, 1800));
        process(toRouter("fe80::10").redirect("fe80::11", "2001:db8:9::1"));
        assertThat(harness.counted(Count.FOR_HOSTS)).isEqualTo(2);
        assertThat(harness.consumed()).isEqualTo(2);
        assertThat(harness.signals().lines()).isEmpty();
    }

    /** RFC 4861 7.1.1: nothing that has passed a router. */
    @ParameterizedTest
    @ValueSource(ints = {0, 64, 254})
    void dropsAnotherHopLimitThan255(int hopLimit) {
        process(toGroup("fd00:1::10").hopLimit(hopLimit).neighborSolicitation("fd00:1::1"));
        assertDropped("bad-hop-limit");
    }

    @Test
    void dropsAWrongChecksum() {
        process(toGroup("fd00:1::10").neighborSolicitation("fd00:1::1").checksum(0xbad));
        assertDropped("bad-checksum");
    }

    @Test
    void dropsAnotherCodeThan0() {
        process(toGroup("fd00:1::10").hopLimit(255).icmp(135, 1).payload(16));
        assertDropped("bad-code");
    }

    @Test
    void dropsASolicitationCutShort() {
        process(toGroup("fd00:1::10").hopLimit(255).icmp(135, 0).payload(15));
        assertDropped("too-short");
    }

    @Test
    void dropsAMulticastTarget() {
        process(toGroup("fd00:1::10").neighborSolicitation("ff02::1"));
        assertDropped("bad-address");
    }

    @Test
    void dropsAProbeThatIsNotSentToTheSolicitedNodeGroup() {
        process(toRouter("::").neighborSolicitation("fd00:1::1"));
        assertDropped("bad-address");
    }

    @Test
    void dropsASolicitedAdvertisementToAGroup() {
        process(Packets.ethernet(HOST, "33:33:00:00:00:01")
                .ip6()
                .from("fd00:1::10")
                .to("ff02::1")
                .neighborAdvertisement("fd00:1::10", "SO"));
        assertDropped("bad-address");
    }

    @Test
    void dropsAProbeThatNamesItsLinkLayerAddress() {
        process(toGroup("::").neighborSolicitation("fd00:1::1").sourceLinkLayer(HOST));
        assertDropped("bad-option");
    }

    @Test
    void dropsAnOptionOfLengthZero() {
        process(toGroup("fd00:1::10").neighborSolicitation("fd00:1::1").append(new byte[8]));
        assertDropped("bad-option");
    }

    @Test
    void dropsAnOptionThatLeavesTheMessage() {
        process(toGroup("fd00:1::10").neighborSolicitation("fd00:1::1").append(new byte[] {1, 2, 0, 0, 0, 0, 0, 0}));
        assertDropped("bad-option");
    }

    @Test
    void skipsOptionsThatItDoesNotKnow() {
        process(toGroup("fd00:1::10")
                .neighborSolicitation("fd00:1::1")
                .append(new byte[] {99, 1, 0, 0, 0, 0, 0, 0})
                .sourceLinkLayer(HOST));
        assertThat(harness.out(Out.ANSWER)).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"33:33:00:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"})
    void dropsALinkLayerAddressThatIsNoStations(String mac) {
        process(toGroup("fd00:1::10").neighborSolicitation("fd00:1::1").sourceLinkLayer(mac));
        assertDropped("group-link-address");
    }

    /** RFC 6980, also for a fragment that is whole. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void dropsFragmentedMessages(boolean more) {
        PacketBuffer packet = frame(toGroup("fd00:1::10")
                .hopLimit(255)
                .fragmentHeader(0, more, 7)
                .neighborSolicitation("fd00:1::1")
                .sourceLinkLayer(HOST));
        packet.setL4Offset(packet.start() + 48);
        harness.process(packet);
        assertDropped("fragmented");
    }

    /** S12: a tun has no neighbors. */
    @Test
    void doesNothingOnAPointToPointLink() {
        PacketBuffer packet = frame(toGroup("fd00:3::10").neighborSolicitation("fd00:3::1"));
        packet.setL2Offset(PacketBuffer.UNKNOWN);
        packet.setReceiveInterface(TUN);
        harness.process(packet);
        assertDropped("not-on-ethernet");
    }

    @Test
    void dropsItsOwnMessagesThatComeBack() {
        process(Packets.ethernet(ROUTER, GROUP)
                .ip6()
                .from("::")
                .to("ff02::1:ff00:1")
                .neighborSolicitation("fd00:1::1"));
        assertDropped("own-frame");
    }

    @Test
    void answersWithTheAddressesOfTheInterfaceThatWasAsked() {
        PacketBuffer packet =
                frame(toGroup("2001:db8::9").neighborSolicitation("2001:db8::2").sourceLinkLayer(HOST));
        packet.setReceiveInterface(WAN);
        harness.process(packet);
        assertThat(harness.single(Out.ANSWER).transmitInterface()).isEqualTo(WAN);
        assertThat(harness.signals().lines()).containsExactly("solicitation 1 2001:db8::9 " + HOST);
    }

    @Test
    void seesThroughExtensionHeaders() {
        PacketBuffer packet = frame(toGroup("fd00:1::10")
                .hopLimit(255)
                .hopByHop()
                .neighborSolicitation("fd00:1::1")
                .sourceLinkLayer(HOST));
        packet.setL4Offset(packet.start() + 48);
        harness.process(packet);
        assertThat(harness.single(Out.ANSWER).length()).isEqualTo(86);
    }

    @Test
    void everyTruncationOfASolicitationIsDropped() {
        byte[] whole = toGroup("fd00:1::10")
                .neighborSolicitation("fd00:1::1")
                .sourceLinkLayer(HOST)
                .bytes();
        for (int length = 14 + 40; length < whole.length; length++) {
            PacketBuffer packet = frame(
                    toGroup("fd00:1::10").neighborSolicitation("fd00:1::1").sourceLinkLayer(HOST));
            packet.setEnd(packet.l2Offset() + length);
            packet.setChecksum(PacketBuffer.Checksum.VALID);
            harness.process(packet);
        }
        // Without its option at all the message is whole again.
        assertThat(harness.dropped()).isEqualTo(whole.length - 54 - 1);
    }
}
