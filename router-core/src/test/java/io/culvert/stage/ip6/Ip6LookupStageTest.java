// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import static io.culvert.stage.TestRouter6.KERNEL;
import static io.culvert.stage.TestRouter6.LAN;
import static io.culvert.stage.TestRouter6.TUN;
import static io.culvert.stage.TestRouter6.WAN;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip6Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.FibView;
import io.culvert.stage.TestRouter6;
import io.culvert.stage.ip6.Ip6LookupStage.Count;
import io.culvert.stage.ip6.Ip6LookupStage.Out;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip6LookupStageTest {
    private TestRouter6 router = TestRouter6.around(Ip6LookupStage.DESCRIPTOR);
    private StageHarness harness = router.harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private PacketBuffer packet(String from, String to) {
        return harness.packet(Packets.ip6().from(from).to(to).udp(1, 2).bytes());
    }

    private PacketBuffer transit(String to) {
        return packet("fd00:1::10", to);
    }

    private PacketBuffer generated(String from, String to) {
        PacketBuffer packet = packet(from, to);
        packet.setGenerated(true);
        return packet;
    }

    private void useKernel() {
        router = TestRouter6.withKernel(Ip6LookupStage.DESCRIPTOR);
        harness = router.harness();
    }

    private PacketBuffer fromKernel(String from, String to) {
        PacketBuffer packet = packet(from, to);
        packet.setReceiveInterface(KERNEL);
        return packet;
    }

    private static String nextHop(PacketBuffer packet) {
        assertThat(packet.nextHopIs6()).isTrue();
        return Ip6Address.toText(packet.nextHop6High(), packet.nextHop6Low());
    }

    private void assertDropped(String reason) {
        assertThat(harness.dropped(reason)).as("%s", harness.drops()).isEqualTo(1);
        assertThat(harness.outputs()).isEmpty();
    }

    private void assertRefused(int code, Count count) {
        PacketBuffer refused = harness.single(Out.ERROR);
        assertThat(refused.icmpType()).isEqualTo(1);
        assertThat(refused.icmpCode()).isEqualTo(code);
        assertThat(refused.icmpValue()).isZero();
        assertThat(harness.counted(count)).isEqualTo(1);
        assertThat(harness.outputs()).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource({
        "2001:db8::77, 1, 2001:db8::77",
        "2001:db8:9::1, 1, fe80::99",
        "fd00:1::20, 0, fd00:1::20",
        "fd00:3::9, 2, fd00:3::9"
    })
    void forwardsToTheInterfaceAndNextHopOfTheLongestPrefix(String to, int out, String nextHop) {
        harness.process(transit(to));

        PacketBuffer packet = harness.single(Out.FORWARD);
        assertThat(packet.transmitInterface()).isEqualTo(out);
        assertThat(nextHop(packet)).isEqualTo(nextHop);
    }

    /** The routes of a vector's packets are looked up together; what needs none stays among them. */
    @Test
    void decidesEachPacketOfAVectorAsIfItWereAlone() {
        router.route("2001:db8:dead::/48", FibAction.BLACKHOLE);
        harness.process(
                transit("2001:db8::77"),
                transit("ff02::1"),
                transit("fe80::1"),
                transit("2001:db8:dead::1"),
                transit("fe80::99"),
                transit("2001:db8:9::1"),
                transit("fd00:1::1"),
                transit("fd00:3::9"));
        assertThat(harness.out(Out.FORWARD))
                .extracting(Ip6LookupStageTest::nextHop)
                .containsExactly("2001:db8::77", "fe80::99", "fd00:3::9");
        assertThat(harness.out(Out.FORWARD))
                .extracting(PacketBuffer::transmitInterface)
                .containsExactly(WAN, WAN, TUN);
        assertThat(harness.out(Out.LOCAL)).hasSize(3);
        assertThat(harness.dropped("blackhole")).isEqualTo(1);
        assertThat(harness.dropped("link-local-destination")).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8})
    void asksTheTableOfThePacketsOwnVrf(int count) {
        FibEntry blackhole = new FibEntry(0, FibAction.BLACKHOLE, List.of());
        harness.fib(new FibView() {
            @Override
            public FibEntry lookup4(int vrf, int destination) {
                throw new AssertionError("not an IPv6 lookup");
            }

            @Override
            public FibEntry lookup6(int vrf, long high, long low) {
                return vrf == 1 ? blackhole : FibEntry.NO_ROUTE;
            }
        });
        for (int others = 0; others <= count; others++) {
            PacketBuffer[] packets = new PacketBuffer[count];
            for (int i = 0; i < count; i++) {
                packets[i] = transit("2001:db8::77");
                packets[i].setVrf(i < others ? 1 : 0);
            }
            long refused = harness.out(Out.ERROR).size();
            long dropped = harness.dropped("blackhole");
            harness.process(packets);
            assertThat(harness.dropped("blackhole") - dropped).isEqualTo(others);
            assertThat(harness.out(Out.ERROR).size() - refused).isEqualTo(count - others);
        }
    }

    @Test
    void leavesTheBytesAlone() {
        byte[] sent = Packets.ip6()
                .from("fd00:1::10")
                .to("2001:db8:9::1")
                .hopLimit(1)
                .udp(1, 2)
                .bytes();
        harness.process(harness.packet(sent));
        assertThat(harness.single(Out.FORWARD).toByteArray()).isEqualTo(sent);
    }

    /** Equal hash, equal choice; and with many flows, every next hop. */
    @Test
    void spreadsFlowsOverEqualCostRoutes() {
        router.route("2001:db8:e::/48", TestRouter6.via(WAN, "fe80::a"), TestRouter6.via(LAN, "fe80::b"));
        for (int i = 0; i < 4; i++) {
            PacketBuffer packet = transit("2001:db8:e::1");
            packet.setFlowHash((i & 1) << 31 | 1);
            harness.process(packet);
        }
        assertThat(harness.out(Out.FORWARD))
                .extracting(Ip6LookupStageTest::nextHop)
                .containsExactly("fe80::a", "fe80::b", "fe80::a", "fe80::b");
    }

    @ParameterizedTest
    @ValueSource(strings = {"fd00:1::1", "2001:db8::2", "fd00:3::1", "fe80::1"})
    void ownAddressesAreLocalWhereverThePacketCameIn(String own) {
        harness.process(transit(own));
        assertThat(harness.out(Out.LOCAL)).hasSize(1);
    }

    /** RFC 8200 3: the hop limit concerns forwarding alone. */
    @Test
    void acceptsAHopLimitOfOneForTheRouterItself() {
        harness.process(harness.packet(Packets.ip6()
                .from("fd00:1::10")
                .to("fd00:1::1")
                .hopLimit(1)
                .udp(1, 2)
                .bytes()));
        assertThat(harness.out(Out.LOCAL)).hasSize(1);
    }

    @Test
    void refusesWithoutARouteByCode0() {
        router = TestRouter6.around(Ip6LookupStage.DESCRIPTOR).route("2001:db8:dead::/48", FibAction.NO_ROUTE);
        harness = router.harness();
        harness.process(transit("2001:db8:dead::1"));
        assertRefused(0, Count.NO_ROUTE);
    }

    @Test
    void refusesByAnUnreachableRouteByCode3() {
        router.route("2001:db8:dead::/48", FibAction.UNREACHABLE);
        harness.process(transit("2001:db8:dead::1"));
        assertRefused(3, Count.UNREACHABLE);
    }

    @Test
    void refusesByAProhibitRouteByCode1() {
        router.route("2001:db8:dead::/48", FibAction.PROHIBIT);
        harness.process(transit("2001:db8:dead::1"));
        assertRefused(1, Count.PROHIBITED);
    }

    @Test
    void aBlackholeIsSilent() {
        router.route("2001:db8:dead::/48", FibAction.BLACKHOLE);
        harness.process(transit("2001:db8:dead::1"));
        assertDropped("blackhole");
    }

    @ParameterizedTest
    @CsvSource({"UNREACHABLE, unreachable", "PROHIBIT, prohibited", "NO_ROUTE, no-route", "BLACKHOLE, blackhole"})
    void theRoutersOwnPacketsAreDroppedByNameInstead(FibAction action, String reason) {
        router.route("2001:db8:dead::/48", action);
        harness.process(generated("fd00:1::1", "2001:db8:dead::1"));
        assertDropped(reason);
    }

    @Test
    void theKernelIsToldLikeAnyOtherSender() {
        useKernel();
        router.route("2001:db8:dead::/48", FibAction.PROHIBIT);
        harness.process(fromKernel("fd00:1::1", "2001:db8:dead::1"));
        assertRefused(1, Count.PROHIBITED);
    }

    @Test
    void whatRouterAndKernelSendIsNotForwardedButPutOut() {
        useKernel();
        harness.process(generated("fd00:1::1", "2001:db8:9::1"), fromKernel("fd00:1::1", "fd00:1::10"));
        assertThat(harness.out(Out.OUTPUT))
                .extracting(PacketBuffer::transmitInterface)
                .containsExactly(WAN, LAN);
    }

    @Test
    void aFrameToManyIsNotForwarded() {
        PacketBuffer packet = transit("2001:db8:9::1");
        packet.setLinkBroadcast(true);
        harness.process(packet);
        assertDropped("link-broadcast");
    }

    /** RFC 4291 2.5.6 and RFC 4443 3.1: nothing leaves the link that its source address belongs to. */
    @Test
    void refusesToForwardFromALinkLocalSourceByCode2() {
        harness.process(packet("fe80::10", "2001:db8:9::1"));
        assertRefused(2, Count.BEYOND_SCOPE);
    }

    @Test
    void refusesALinkLocalSourceEvenBackToItsOwnLink() {
        harness.process(packet("fe80::10", "fd00:1::20"));
        assertRefused(2, Count.BEYOND_SCOPE);
    }

    @Test
    void aLinkLocalSourceMayReachTheRouterItself() {
        harness.process(packet("fe80::10", "2001:db8::2"));
        assertThat(harness.out(Out.LOCAL)).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"fe80::10", "fe80::2", "febf::1"})
    void neverForwardsToALinkLocalDestination(String to) {
        harness.process(transit(to));
        assertDropped("link-local-destination");
    }

    @Test
    void answersToALinkLocalNeighborLeaveWhereTheQuestionCameIn() {
        PacketBuffer answer = generated("fe80::2", "fe80::10");
        answer.setReceiveInterface(WAN);
        harness.process(answer);

        PacketBuffer packet = harness.single(Out.OUTPUT);
        assertThat(packet.transmitInterface()).isEqualTo(WAN);
        assertThat(nextHop(packet)).isEqualTo("fe80::10");
    }

    @Test
    void aGivenInterfaceDecidesForALinkLocalDestination() {
        PacketBuffer packet = generated("fe80::3", "fe80::10");
        packet.setReceiveInterface(InterfaceId.NONE);
        packet.setTransmitInterface(TUN);
        harness.process(packet);
        assertThat(harness.single(Out.OUTPUT).transmitInterface()).isEqualTo(TUN);
    }

    @Test
    void aLinkLocalDestinationWithoutALinkIsDropped() {
        PacketBuffer packet = generated("fd00:1::1", "fe80::10");
        packet.setReceiveInterface(InterfaceId.NONE);
        harness.process(packet);
        assertDropped("link-local-destination");
    }

    @ParameterizedTest
    @CsvSource({"fe80::1, 0", "fd00:1::1, 0", "fe80::2, 1", "2001:db8::2, 1"})
    void theKernelsAnswerToALinkLocalNeighborLeavesByTheLinkOfItsSource(String from, int out) {
        useKernel();
        harness.process(fromKernel(from, "fe80::10"));
        assertThat(harness.single(Out.OUTPUT).transmitInterface()).isEqualTo(out);
    }

    @Test
    void aKernelsPacketToALinkLocalNeighborFromNobodysAddressIsDropped() {
        useKernel();
        harness.process(fromKernel("fe80::77", "fe80::10"));
        assertDropped("link-local-destination");
    }

    /** RFC 4007 9: an answer from a link-local address stays on its link, or is not sent. */
    @Test
    void theRoutersOwnPacketFromALinkLocalAddressStaysOnItsLink() {
        PacketBuffer stays = generated("fe80::1", "fd00:1::10");
        PacketBuffer leaves = generated("fe80::1", "2001:db8:9::1");
        harness.process(stays, leaves);
        assertThat(harness.single(Out.OUTPUT).transmitInterface()).isEqualTo(LAN);
        assertThat(harness.dropped("beyond-scope")).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ff02::1", "ff02::2", "ff05::2", "ff02::1:ff00:1"})
    void ownGroupsAreLocal(String group) {
        harness.process(transit(group));
        assertThat(harness.out(Out.LOCAL)).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ff02::5", "ff02::fb", "ff05::1", "ff0e::1234", "ff02::1:ff00:10", "ff02::2:1", "ff08::2"})
    void otherGroupsAreDroppedAndNeverForwarded(String group) {
        harness.process(transit(group));
        assertDropped("multicast-not-joined");
    }

    /** RFC 4862 5.4.3: a probe for an address that is still tentative here must be seen. */
    @Test
    void neighborDiscoveryToAnySolicitedNodeGroupIsLocal() {
        harness.process(harness.packet(Packets.ip6()
                .from("::")
                .to("ff02::1:ff12:3456")
                .neighborSolicitation("fe80::12:3456")
                .bytes()));
        assertThat(harness.out(Out.LOCAL)).hasSize(1);
    }

    @Test
    void daemonsBehindTheTapHearTheGroupsOfTheLinkButNotThemselves() {
        useKernel();
        harness.process(transit("ff02::5"), fromKernel("fe80::1", "ff02::5"));
        assertThat(harness.out(Out.LOCAL)).hasSize(1);
        assertThat(harness.dropped("multicast-not-joined")).isEqualTo(1);
    }

    @Test
    void theRoutersOwnMulticastLeavesByTheInterfaceGiven() {
        PacketBuffer packet = generated("fe80::2", "ff02::1");
        packet.setTransmitInterface(WAN);
        harness.process(packet);
        assertThat(harness.single(Out.OUTPUT).transmitInterface()).isEqualTo(WAN);
        assertThat(nextHop(harness.single(Out.OUTPUT))).isEqualTo("ff02::1");
    }
}
