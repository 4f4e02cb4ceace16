// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import static io.culvert.stage.TestRouter.KERNEL;
import static io.culvert.stage.TestRouter.LAN;
import static io.culvert.stage.TestRouter.TUN;
import static io.culvert.stage.TestRouter.WAN;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.fib.Fib;
import io.culvert.net.InterfaceId;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.stage.TestRouter;
import io.culvert.stage.ip4.Ip4LookupStage.Count;
import io.culvert.stage.ip4.Ip4LookupStage.Out;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip4LookupStageTest {
    private TestRouter router = TestRouter.around(Ip4LookupStage.DESCRIPTOR);
    private StageHarness harness = router.harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private PacketBuffer packet(String from, String to) {
        return harness.packet(Packets.ip4().from(from).to(to).udp(1, 2).bytes());
    }

    private PacketBuffer generated(String to) {
        PacketBuffer packet = packet("192.168.1.1", to);
        packet.setGenerated(true);
        packet.setReceiveInterface(InterfaceId.NONE);
        return packet;
    }

    private PacketBuffer fromKernel(String to) {
        PacketBuffer packet = packet("192.168.1.1", to);
        packet.setReceiveInterface(KERNEL);
        return packet;
    }

    private void useKernel() {
        router = TestRouter.withKernel(Ip4LookupStage.DESCRIPTOR);
        harness = router.harness();
    }

    @ParameterizedTest
    @CsvSource({
        "203.0.113.77, 1, 203.0.113.77",
        "198.51.100.1, 1, 203.0.113.1",
        "10.0.0.2, 2, 10.0.0.2",
        "172.16.9.9, 3, 172.16.9.9"
    })
    void forwardsToTheInterfaceAndNextHopOfTheLongestPrefix(String to, int out, String nextHop) {
        PacketBuffer received = packet("192.168.1.10", to);
        byte[] before = received.toByteArray();
        harness.process(received);

        PacketBuffer packet = harness.single(Out.FORWARD);
        assertThat(packet.transmitInterface()).isEqualTo(out);
        assertThat(packet.nextHopIs6()).isFalse();
        assertThat(Ip4Address.toText(packet.nextHop4())).isEqualTo(nextHop);
        assertThat(packet.toByteArray()).isEqualTo(before);
    }

    /** RFC 8950: an IPv4 route over an IPv6 neighbor. */
    @Test
    void takesAnIp6NextHopForAnIp4Route() {
        router.route("10.9.0.0/16", TestRouter.via(WAN, "fe80::9"));
        harness.process(packet("192.168.1.10", "10.9.1.1"));

        PacketBuffer packet = harness.single(Out.FORWARD);
        assertThat(packet.nextHopIs6()).isTrue();
        assertThat(new Ip6Address(packet.nextHop6High(), packet.nextHop6Low())).hasToString("fe80::9");
    }

    @Test
    void looksInTheTableOfThePacketsVrf() {
        Fib fib = new Fib();
        fib.put(
                1,
                Ip4Prefix.parse("10.9.0.0/16"),
                new FibEntry(16, FibAction.FORWARD, List.of(TestRouter.via(TUN, null))));
        harness.fib(fib);
        PacketBuffer ofVrf1 = packet("192.168.1.10", "10.9.1.1");
        ofVrf1.setVrf(1);
        harness.process(ofVrf1, packet("192.168.1.10", "10.9.1.1"));

        assertThat(harness.single(Out.FORWARD)).isSameAs(ofVrf1);
        assertThat(harness.single(Out.ERROR).icmpCode()).isZero();
    }

    @Test
    void choosesAmongEqualRoutesByFlow() {
        router.route("10.9.0.0/16", TestRouter.via(WAN, "203.0.113.7"), TestRouter.via(TUN, null));
        for (int flow = 0; flow < 64; flow++) {
            PacketBuffer one = packet("192.168.1.10", "10.9.1.1");
            PacketBuffer other = packet("192.168.1.10", "10.9.1.1");
            one.setFlowHash(flow * 0x9e3779b9);
            other.setFlowHash(flow * 0x9e3779b9);
            harness.process(one, other);
            assertThat(one.transmitInterface()).isEqualTo(other.transmitInterface());
        }

        long byWan = harness.out(Out.FORWARD).stream()
                .filter(packet -> packet.transmitInterface() == WAN)
                .count();
        assertThat(byWan).isBetween(40L, 88L);
    }

    @ParameterizedTest
    @ValueSource(strings = {"192.168.1.1", "203.0.113.2", "10.0.0.1"})
    void givesOwnAddressesToTheRouterWhereverTheyCameIn(String own) {
        harness.process(packet("192.168.1.10", own));
        assertThat(harness.single(Out.LOCAL)).isNotNull();
    }

    /** RFC 1812 section 4.3.3.1 and 5.2.7.1. */
    @ParameterizedTest
    @CsvSource({"UNREACHABLE, 1", "PROHIBIT, 13"})
    void refusesWithTheCodeOfTheRoute(FibAction action, int code) {
        router.route("10.66.0.0/16", action);
        harness.process(packet("192.168.1.10", "10.66.1.1"));

        assertThat(harness.single(Out.ERROR).icmpType()).isEqualTo(3);
        assertThat(harness.single(Out.ERROR).icmpCode()).isEqualTo(code);
        assertThat(harness.counted(action == FibAction.PROHIBIT ? Count.PROHIBITED : Count.UNREACHABLE))
                .isEqualTo(1);
    }

    @Test
    void saysNetUnreachableWithoutARoute() {
        harness.fib(new StageHarness.FixedFib());
        harness.process(packet("192.168.1.10", "10.66.1.1"));

        assertThat(harness.single(Out.ERROR).icmpType()).isEqualTo(3);
        assertThat(harness.single(Out.ERROR).icmpCode()).isZero();
        assertThat(harness.counted(Count.NO_ROUTE)).isEqualTo(1);
    }

    @Test
    void dropsIntoABlackholeInSilence() {
        router.route("10.66.0.0/16", FibAction.BLACKHOLE);
        harness.process(packet("192.168.1.10", "10.66.1.1"), generated("10.66.1.1"));

        assertThat(harness.dropped("blackhole")).isEqualTo(2);
    }

    @Test
    void tellsNobodyWhenTheRoutersOwnPacketHasNoRoute() {
        harness.fib(new StageHarness.FixedFib());
        harness.process(generated("10.66.1.1"));

        assertThat(harness.dropped("no-route")).isEqualTo(1);
    }

    @Test
    void sendsWhatTheRouterMadeWithoutForwardingIt() {
        harness.process(generated("198.51.100.1"));
        assertThat(harness.single(Out.OUTPUT).transmitInterface()).isEqualTo(WAN);
    }

    @Test
    void sendsWhatTheKernelMadeWithoutForwardingItAndTellsItOfErrors() {
        useKernel();
        router.route("10.66.0.0/16", FibAction.UNREACHABLE);
        harness.process(fromKernel("198.51.100.1"), fromKernel("10.66.1.1"));

        assertThat(harness.single(Out.OUTPUT).transmitInterface()).isEqualTo(WAN);
        assertThat(harness.single(Out.ERROR).icmpCode()).isEqualTo(1);
    }

    /** RFC 1812 section 5.3.5.1. */
    @Test
    void neverForwardsALimitedBroadcast() {
        useKernel();
        PacketBuffer received = packet("192.168.1.10", "255.255.255.255");
        received.setLinkBroadcast(true);
        harness.process(received, fromKernel("255.255.255.255"));

        assertThat(harness.single(Out.LOCAL)).isSameAs(received);
        assertThat(harness.dropped("limited-broadcast")).isEqualTo(1);
    }

    /** RFC 2644. */
    @Test
    void doesNotForwardADirectedBroadcast() {
        harness.process(packet("192.168.1.10", "203.0.113.255"));
        assertThat(harness.dropped("directed-broadcast")).isEqualTo(1);
    }

    @Test
    void takesTheBroadcastOfTheNetworkThatItCameFrom() {
        PacketBuffer packet = packet("192.168.1.10", "192.168.1.255");
        packet.setLinkBroadcast(true);
        harness.process(packet);
        assertThat(harness.single(Out.LOCAL)).isSameAs(packet);
    }

    @Test
    void letsTheKernelBroadcastOnAConnectedNetwork() {
        useKernel();
        harness.process(fromKernel("203.0.113.255"));

        PacketBuffer packet = harness.single(Out.OUTPUT);
        assertThat(packet.transmitInterface()).isEqualTo(WAN);
        assertThat(Ip4Address.toText(packet.nextHop4())).isEqualTo("203.0.113.255");
    }

    @Test
    void takesLinkLocalMulticastAndForwardsNone() {
        PacketBuffer ospf = packet("192.168.1.10", "224.0.0.5");
        ospf.setLinkBroadcast(true);
        harness.process(ospf, packet("192.168.1.10", "239.1.1.1"), packet("192.168.1.10", "224.0.1.1"));

        assertThat(harness.single(Out.LOCAL)).isSameAs(ospf);
        assertThat(harness.dropped("multicast")).isEqualTo(2);
    }

    @Test
    void letsTheKernelSendMulticastWhereARouteForTheGroupSays() {
        useKernel();
        router.route("224.0.0.0/24", TestRouter.via(LAN, null));
        harness.process(fromKernel("224.0.0.5"), fromKernel("239.1.1.1"));

        assertThat(harness.single(Out.OUTPUT).transmitInterface()).isEqualTo(LAN);
        assertThat(Ip4Address.toText(harness.single(Out.OUTPUT).nextHop4())).isEqualTo("224.0.0.5");
        assertThat(harness.dropped("multicast")).isEqualTo(1);
    }

    /** RFC 1812 section 5.3.4. */
    @ParameterizedTest
    @ValueSource(strings = {"198.51.100.1", "192.168.1.1"})
    void dropsUnicastThatCameAsALinkBroadcast(String to) {
        PacketBuffer packet = packet("192.168.1.10", to);
        packet.setLinkBroadcast(true);
        harness.process(packet);
        assertThat(harness.dropped("link-broadcast")).isEqualTo(1);
    }

    /** RFC 3927 section 7. */
    @Test
    void doesNotForwardLinkLocalAddresses() {
        harness.process(packet("169.254.7.7", "198.51.100.1"), packet("192.168.1.10", "169.254.7.7"));
        assertThat(harness.dropped("link-local")).isEqualTo(2);
    }
}
