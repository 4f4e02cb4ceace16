// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.l2;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.InterfaceId;
import io.culvert.net.MacAddress;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.Arc;
import io.culvert.spi.NeighborView;
import io.culvert.spi.Target;
import io.culvert.stage.l2.ArpInputStage.Count;
import io.culvert.stage.l2.ArpInputStage.Out;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ArpInputStageTest {
    private static final String OWN = "02:00:00:00:00:00";
    private static final String HOST = "02:00:00:00:00:aa";
    private static final String BROADCAST = "ff:ff:ff:ff:ff:ff";
    private static final String NOBODY = "00:00:00:00:00:00";

    private final StageHarness harness = StageHarness.of(ArpInputStage.DESCRIPTOR)
            .interfaces(
                    InterfaceBuilder.ethernet(0)
                            .address("10.0.0.1/24")
                            .address("10.0.5.1/24")
                            .address("fd00::1/64")
                            .build(),
                    InterfaceBuilder.ethernet(1).address("10.0.1.1/24").build());

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    /** The packet as ethernet-input hands it over. */
    private PacketBuffer received(PacketBuilder frame) {
        PacketBuffer received = frame.take(harness.pool());
        received.setReceiveInterface(0);
        received.setLinkBroadcast(true);
        received.trimFront(14);
        received.setL3Offset(received.start());
        return received;
    }

    private static PacketBuilder arp(int operation, String senderMac, String senderIp, String targetIp) {
        return Packets.ethernet(HOST, BROADCAST).arp(operation, senderMac, senderIp, NOBODY, targetIp);
    }

    private void knows(String address, String mac) {
        harness.neighborTable().put(0, address, MacAddress.parse(mac).value());
    }

    @Test
    void standsOnNoArcAndRepliesToTheDevice() {
        assertThat(ArpInputStage.DESCRIPTOR.arc()).isNull();
        assertThat(Out.REPLY.target()).isEqualTo(Target.arc(Arc.DEVICE_OUTPUT));
    }

    @Test
    void rfc826AnswersARequestForAnOwnAddress() {
        harness.process(
                received(Packets.arpRequest(HOST, "10.0.0.2", "10.0.0.1").padding(18)));

        PacketBuffer reply = harness.single(Out.REPLY);
        assertThat(reply.toByteArray())
                .isEqualTo(Packets.arpReply(OWN, "10.0.0.1", HOST, "10.0.0.2").bytes());
        assertThat(reply.transmitInterface()).isZero();
        assertThat(reply.receiveInterface()).isEqualTo(InterfaceId.NONE);
        assertThat(reply.l2Offset()).isEqualTo(reply.start());
        assertThat(reply.l3Offset()).isEqualTo(reply.start() + 14);
        assertThat(reply.linkBroadcast()).isFalse();
        assertThat(reply.generated()).isTrue();
        assertThat(harness.consumed()).as("the request").isEqualTo(1);
        assertThat(harness.generated()).as("the reply").isEqualTo(1);
        assertThat(harness.counted(Count.ANSWERED)).isEqualTo(1);
        assertThat(harness.signals().lines()).containsExactly("arp 0 10.0.0.2 " + HOST + " request create");
    }

    @Test
    void answersForASecondAddress() {
        harness.process(received(Packets.arpRequest(HOST, "10.0.5.9", "10.0.5.1")));

        assertThat(harness.single(Out.REPLY).toByteArray())
                .isEqualTo(Packets.arpReply(OWN, "10.0.5.1", HOST, "10.0.5.9").bytes());
    }

    @Test
    void doesNotAnswerForOthersNorForTheAddressOfAnotherInterface() {
        harness.process(
                received(Packets.arpRequest(HOST, "10.0.0.2", "10.0.0.3")),
                received(Packets.arpRequest(HOST, "10.0.0.2", "10.0.1.1")));

        assertThat(harness.outputs()).isEmpty();
        assertThat(harness.consumed()).isEqualTo(2);
        assertThat(harness.signals().lines())
                .as("heard, but not asked for")
                .containsExactly(
                        "arp 0 10.0.0.2 " + HOST + " request update", "arp 0 10.0.0.2 " + HOST + " request update");
    }

    @Test
    void rfc5227AnswersAProbeAndLearnsNothingFromIt() {
        harness.process(received(arp(1, HOST, "0.0.0.0", "10.0.0.1")));

        assertThat(harness.single(Out.REPLY).toByteArray())
                .isEqualTo(Packets.arpReply(OWN, "10.0.0.1", HOST, "0.0.0.0").bytes());
        assertThat(harness.signals().lines()).isEmpty();
    }

    @Test
    void aProbeForAnotherAddressIsConsumed() {
        harness.process(received(arp(1, HOST, "0.0.0.0", "10.0.0.7")));

        assertThat(harness.consumed()).isEqualTo(1);
        assertThat(harness.signals().lines()).isEmpty();
    }

    @Test
    void aKnownNeighborThatAsksAgainDoesNotTroubleTheSlowPath() {
        knows("10.0.0.2", HOST);
        harness.process(received(Packets.arpRequest(HOST, "10.0.0.2", "10.0.0.1")));

        assertThat(harness.out(Out.REPLY)).hasSize(1);
        assertThat(harness.signals().lines()).isEmpty();
    }

    @Test
    void aNeighborWithAnotherMacIsReported() {
        knows("10.0.0.2", "02:00:00:00:00:bb");
        harness.process(received(Packets.arpRequest(HOST, "10.0.0.2", "10.0.0.1")));

        assertThat(harness.signals().lines()).containsExactly("arp 0 10.0.0.2 " + HOST + " request create");
    }

    @Test
    void aFailedNeighborThatSpeaksIsReported() {
        harness.neighborTable().put(0, "10.0.0.2", NeighborView.FAILED);
        harness.process(received(Packets.arpRequest(HOST, "10.0.0.2", "10.0.0.9")));

        assertThat(harness.signals().lines()).containsExactly("arp 0 10.0.0.2 " + HOST + " request update");
    }

    @Test
    void everyReplyIsReportedAsItMayConfirmAProbedNeighbor() {
        knows("10.0.0.2", HOST);
        harness.process(received(Packets.arpReply(HOST, "10.0.0.2", OWN, "10.0.0.1")));

        assertThat(harness.signals().lines()).containsExactly("arp 0 10.0.0.2 " + HOST + " reply create");
        assertThat(harness.outputs()).isEmpty();
        assertThat(harness.consumed()).isEqualTo(1);
    }

    @Test
    void unsolicitedAnnouncementsUpdateOnly() {
        harness.process(received(arp(1, HOST, "10.0.0.2", "10.0.0.2")), received(arp(2, HOST, "10.0.0.3", "10.0.0.3")));

        assertThat(harness.signals().lines())
                .containsExactly(
                        "arp 0 10.0.0.2 " + HOST + " request update", "arp 0 10.0.0.3 " + HOST + " reply update");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void rfc5227ReportsAClaimToAnOwnAddressAndBelievesNothing(int operation) {
        harness.process(received(arp(operation, HOST, "10.0.0.1", "10.0.0.1")));

        assertThat(harness.signals().lines()).containsExactly("conflict4 0 10.0.0.1 " + HOST);
        assertThat(harness.outputs()).isEmpty();
        assertThat(harness.consumed()).isEqualTo(1);
        assertThat(harness.counted(Count.CONFLICTS)).isEqualTo(1);
    }

    @Test
    void ownAnnouncementsThatComeBackAreNoConflict() {
        harness.process(received(arp(1, OWN, "10.0.0.1", "10.0.0.1")), received(arp(1, OWN, "0.0.0.0", "10.0.0.1")));

        assertThat(harness.signals().lines()).isEmpty();
        assertThat(harness.outputs()).isEmpty();
        assertThat(harness.consumed()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"224.0.0.1", "255.255.255.255", "240.0.0.1", "127.0.0.1", "0.1.2.3"})
    void dropsSendersThatCanBeNoStation(String senderIp) {
        harness.process(received(arp(1, HOST, senderIp, "10.0.0.1")));

        assertThat(harness.dropped("sender-invalid")).isEqualTo(1);
        assertThat(harness.signals().lines()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {NOBODY, BROADCAST, "01:00:5e:00:00:01"})
    void dropsSendersWithAMacOfNoStation(String senderMac) {
        harness.process(received(arp(1, senderMac, "10.0.0.2", "10.0.0.1")));

        assertThat(harness.dropped("sender-invalid")).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3, 4, 8, 9, 0xffff})
    void dropsOtherOperations(int operation) {
        harness.process(received(arp(operation, HOST, "10.0.0.2", "10.0.0.1")));

        assertThat(harness.dropped("operation-unknown")).isEqualTo(1);
    }

    @Test
    void dropsEveryTruncation() {
        for (int length = 0; length < 28; length++) {
            PacketBuffer packet = received(Packets.arpRequest(HOST, "10.0.0.2", "10.0.0.1"));
            packet.setEnd(packet.start() + length);
            harness.process(packet);
        }

        assertThat(harness.dropped("too-short")).isEqualTo(28);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5})
    void dropsOtherAddressTypesAndLengths(int octet) {
        PacketBuffer packet = received(Packets.arpRequest(HOST, "10.0.0.2", "10.0.0.1"));
        packet.bytes().put(packet.start() + octet, (byte) 0x55);
        harness.process(packet);

        assertThat(harness.dropped("not-ip4-over-ethernet")).isEqualTo(1);
    }

    @Test
    void aReplyNeedsNoHeadroomBeyondTheFramesOwnHeader() {
        PacketBuffer packet = received(Packets.arpRequest(HOST, "10.0.0.2", "10.0.0.1"));
        byte[] arp = packet.toByteArray();
        packet.setWindow(14, arp.length);
        packet.copyFrom(arp, 0, 14, arp.length);
        packet.setL3Offset(14);
        harness.process(packet);

        assertThat(harness.single(Out.REPLY).start()).isZero();
    }
}
