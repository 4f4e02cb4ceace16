// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import static io.culvert.stage.TestRouter6.KERNEL;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.stage.TestRouter6;
import io.culvert.stage.ip6.Ip6LocalStage.Count;
import io.culvert.stage.ip6.Ip6LocalStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip6LocalStageTest {
    private StageHarness harness = TestRouter6.around(Ip6LocalStage.DESCRIPTOR).harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private void useKernel() {
        harness = TestRouter6.withKernel(Ip6LocalStage.DESCRIPTOR).harness();
    }

    private static PacketBuilder toRouter() {
        return Packets.ip6().from("fd00:1::10").to("fd00:1::1");
    }

    private void process(PacketBuilder packet) {
        harness.process(harness.packet(packet.bytes()));
    }

    private void assertDropped(String reason) {
        assertThat(harness.dropped(reason)).as("%s", harness.drops()).isEqualTo(1);
        assertThat(harness.outputs()).isEmpty();
    }

    private void assertProblem(int code, int pointer) {
        PacketBuffer refused = harness.single(Out.ERROR);
        assertThat(refused.icmpType()).isEqualTo(4);
        assertThat(refused.icmpCode()).isEqualTo(code);
        assertThat(refused.icmpValue()).isEqualTo(pointer);
    }

    @Test
    void echoRequestsAreAnsweredByTheRouterItself() {
        process(toRouter().destinationOptions().echoRequest(1, 2).payload(10));
        PacketBuffer request = harness.single(Out.ECHO);
        assertThat(request.l4Offset()).isEqualTo(request.start() + 48);
    }

    @Test
    void udpTcpAndUnknownProtocolsAreRefused() {
        process(toRouter().udp(1, 53));
        process(toRouter().tcp(1, 80).flags("S"));
        process(toRouter().protocol(132, 1, 2, 3, 4));
        process(toRouter().nextProtocol(253).payload(8));
        assertThat(harness.out(Out.REFUSE)).hasSize(4);
    }

    /** RFC 8200 4 and RFC 4302 3.4.2: without a security association it is a next header like any unknown one. */
    @Test
    void anAuthenticationHeaderIsRefused() {
        process(toRouter().authentication().echoRequest(1, 2));
        assertProblem(1, 6);
        harness.clear();
        process(toRouter().destinationOptions().authentication().echoRequest(1, 2));
        assertProblem(1, 40);
    }

    /** RFC 8200 4.1: Hop-by-Hop Options behind another header is an unknown next header. */
    @Test
    void hopByHopOptionsInTheWrongPlaceAreRefused() {
        process(toRouter().destinationOptions().hopByHop().udp(1, 2));
        assertThat(harness.out(Out.REFUSE)).hasSize(1);
    }

    /** RFC 4443 2.4 (a) and (b): errors end here; so do replies, listener queries and what is informational and unknown. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 99, 129, 130, 131, 143, 200})
    void otherIcmpEndsHere(int type) {
        process(toRouter().icmp(type, 0).payload(48));
        assertThat(harness.consumed()).isEqualTo(1);
        assertThat(harness.counted(Count.ICMP_CONSUMED)).isEqualTo(1);
    }

    @Test
    void aHeaderWithNothingBehindItEndsHere() {
        process(toRouter().nextProtocol(59));
        assertThat(harness.consumed()).isEqualTo(1);
    }

    @Test
    void anIcmpMessageCutShortIsDropped() {
        process(toRouter().nextProtocol(58).payload(7));
        assertDropped("too-short");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void neighborDiscoveryStaysWithTheRouterWithAndWithoutTheKernel(boolean kernel) {
        if (kernel) {
            useKernel();
        }
        process(Packets.ip6().to("ff02::1:ff00:1").neighborSolicitation("fd00:1::1"));
        process(Packets.ip6().to("ff02::2").routerSolicitation());
        process(Packets.ip6().to("fd00:1::1").neighborAdvertisement("fd00:1::10", "S"));
        assertThat(harness.out(Out.NEIGHBOR_DISCOVERY))
                .hasSize(3)
                .allSatisfy(message -> assertThat(message.l4Offset()).isEqualTo(message.start() + 40));
    }

    @Test
    void everythingElseGoesToTheKernelAsItIs() {
        useKernel();
        byte[] odd = toRouter().hopByHop(0x9e, 4, 1, 2, 3, 4).udp(1, 2).bytes();
        process(toRouter().echoRequest(1, 2));
        process(toRouter().tcp(1, 80));
        process(toRouter().fragmentHeader(8, false, 3).nextProtocol(17).payload(8));
        process(toRouter().hopByHop(0x9e, 4, 1, 2, 3, 4).udp(1, 2));
        process(toRouter().icmp(1, 4).payload(60));
        assertThat(harness.out(Out.DELIVER)).hasSize(5);
        assertThat(harness.out(Out.DELIVER).get(3).toByteArray()).isEqualTo(odd);
    }

    @Test
    void whatIsForALinkLocalAddressIsTheRoutersAffairWithTheKernelToo() {
        useKernel();
        process(Packets.ip6().from("fe80::10").to("fe80::1").echoRequest(1, 2));
        process(Packets.ip6().from("fe80::10").to("fe80::1").udp(1, 53));
        assertThat(harness.out(Out.ECHO)).hasSize(1);
        assertThat(harness.out(Out.REFUSE)).hasSize(1);
        assertThat(harness.out(Out.DELIVER)).isEmpty();
    }

    @Test
    void anErrorThatTheRouterMadeForTheKernelReachesIt() {
        useKernel();
        PacketBuffer error = harness.packet(toRouter().icmp(2, 0).payload(60).bytes());
        error.setReceiveInterface(KERNEL);
        error.setGenerated(true);
        harness.process(error);
        assertThat(harness.out(Out.DELIVER)).hasSize(1);
    }

    @Test
    void whatTheKernelSendsToTheRouterDoesNotGoRound() {
        useKernel();
        PacketBuffer packet = harness.packet(toRouter().udp(1, 2).bytes());
        packet.setReceiveInterface(KERNEL);
        harness.process(packet);
        assertDropped("from-kernel");
    }

    /** RFC 8200 4.2: the two highest bits of an unknown option say what to do. */
    @ParameterizedTest
    @ValueSource(ints = {0x1e, 0x3e})
    void skipsAnUnknownOptionOfAction00(int option) {
        process(toRouter().hopByHop(option, 4, 1, 2, 3, 4).udp(1, 2));
        assertThat(harness.out(Out.REFUSE)).hasSize(1);
    }

    @Test
    void dropsForAnUnknownOptionOfAction01() {
        process(toRouter().destinationOptions(0x5e, 4, 1, 2, 3, 4).udp(1, 2));
        assertDropped("unknown-option");
    }

    @ParameterizedTest
    @CsvSource({"0x9e, fd00:1::1", "0x9e, ff02::1", "0xde, fd00:1::1"})
    void reportsAnUnknownOptionOfAction10And11PointingAtIt(int option, String to) {
        process(toRouter().to(to).hopByHop(0, 0, option, 0).udp(1, 2));
        assertProblem(2, 44);
        assertThat(harness.counted(Count.OPTION_REFUSED)).isEqualTo(1);
    }

    @Test
    void dropsForAnUnknownOptionOfAction11InAMulticast() {
        process(toRouter().to("ff02::1").hopByHop(0xde, 4, 1, 2, 3, 4).udp(1, 2));
        assertDropped("unknown-option");
    }

    /** RFC 2711. */
    @Test
    void knowsTheRouterAlert() {
        process(toRouter().hopByHop(5, 2, 0, 0).icmp(130, 0).payload(20));
        assertThat(harness.consumed()).isEqualTo(1);
    }

    @Test
    void dropsAnOptionThatLeavesItsHeader() {
        process(toRouter().extension(0, new byte[] {0x1e, 60, 0, 0, 0, 0}).udp(1, 2));
        assertDropped("bad-option");
    }

    /** RFC 8200 4.4, RFC 5095: an unknown routing type with segments left is an error at the type, without it is skipped. */
    @ParameterizedTest
    @ValueSource(ints = {0, 2, 4, 253})
    void refusesToRouteOnByARoutingHeader(int type) {
        process(toRouter().routing(type, 1).udp(1, 2));
        assertProblem(0, 42);
        assertThat(harness.counted(Count.ROUTE_REFUSED)).isEqualTo(1);
    }

    @Test
    void skipsARoutingHeaderAtItsEnd() {
        process(toRouter().routing(0, 0).echoRequest(1, 2));
        assertThat(harness.out(Out.ECHO)).hasSize(1);
    }

    @Test
    void dropsAChainTooLongToRead() {
        PacketBuilder deep = toRouter();
        for (int i = 0; i < 40; i++) {
            deep.destinationOptions();
        }
        process(deep.udp(1, 2));
        assertDropped("bad-header-chain");
    }

    @Test
    void dropsAFragmentThatNobodyPutTogether() {
        process(toRouter().fragmentHeader(0, true, 3).udp(1, 2).payload(8));
        assertDropped("fragment");
    }
}
