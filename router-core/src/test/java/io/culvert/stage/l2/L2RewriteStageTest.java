// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.l2;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.MacAddress;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.Arc;
import io.culvert.spi.NeighborView;
import io.culvert.spi.Target;
import io.culvert.stage.l2.L2RewriteStage.Count;
import io.culvert.stage.l2.L2RewriteStage.Out;
import io.culvert.testkit.InterfaceBuilder;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class L2RewriteStageTest {
    private static final int LAN = 0;
    private static final int TUN = 1;
    private static final int WAN = 2;
    private static final int DOWN = 3;

    private static final String OWN = "02:00:00:00:00:00";
    private static final String GATEWAY = "02:00:00:00:00:aa";
    private static final long GATEWAY_MAC = MacAddress.parse(GATEWAY).value();

    private StageHarness harness = harness(128);

    private static StageHarness harness(int poolPackets) {
        return StageHarness.of(L2RewriteStage.DESCRIPTOR, poolPackets)
                .interfaces(
                        InterfaceBuilder.ethernet(LAN)
                                .address("10.0.0.1/24")
                                .address("10.0.9.0/31")
                                .address("fd00::1/64")
                                .build(),
                        InterfaceBuilder.pointToPoint(TUN).build(),
                        InterfaceBuilder.ethernet(WAN).address("10.0.2.1/24").build(),
                        InterfaceBuilder.ethernet(DOWN).down().build());
    }

    /** Ends the stage first, so that what it still holds comes back. */
    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.stop();
        harness.assertBalanced();
    }

    private PacketBuffer packet(PacketBuilder bytes, int transmitInterface, String nextHop) {
        PacketBuffer packet = bytes.take(harness.pool());
        packet.setReceiveInterface(WAN);
        packet.setTransmitInterface(transmitInterface);
        IpAddress address = IpAddress.parse(nextHop);
        if (address instanceof Ip6Address ip6) {
            packet.setNextHop6(ip6.high(), ip6.low());
        } else if (address instanceof Ip4Address ip4) {
            packet.setNextHop4(ip4.value());
        }
        return packet;
    }

    /** A datagram that can be told from others by its source port. */
    private PacketBuffer numbered(int number, String nextHop) {
        return packet(Packets.ip4().to("10.7.7.7").udp(number, 9), LAN, nextHop);
    }

    private static List<Integer> numbers(List<PacketBuffer> packets) {
        List<Integer> numbers = new ArrayList<>();
        for (PacketBuffer packet : packets) {
            numbers.add(packet.bytes().getShort(packet.l3Offset() + 20) & 0xffff);
        }
        return numbers;
    }

    private static PacketBuilder frameTo(String mac) {
        return Packets.ethernet(OWN, mac);
    }

    private void resolves(String address) {
        harness.neighborTable().put(LAN, address, GATEWAY_MAC);
    }

    private void fails(String address) {
        harness.neighborTable().put(LAN, address, NeighborView.FAILED);
    }

    private void theTableSignals() {
        harness.signals().resolutionHappened();
        harness.deliverSignal();
    }

    @Test
    void endsTheL2OutputArc() {
        assertThat(L2RewriteStage.DESCRIPTOR.arc()).isEqualTo(Arc.L2_OUTPUT);
        assertThat(L2RewriteStage.DESCRIPTOR.terminal()).isTrue();
        assertThat(Out.READY.target()).isEqualTo(Target.arc(Arc.DEVICE_OUTPUT));
        assertThat(Out.UNREACHABLE4.target()).isEqualTo(Target.stage("icmp4-error"));
        assertThat(Out.UNREACHABLE6.target()).isEqualTo(Target.stage("icmp6-error"));
    }

    // --- packets that go at once

    @Test
    void writesTheHeaderOfAResolvedIp4Neighbor() {
        resolves("10.0.0.2");
        harness.process(packet(Packets.ip4().to("10.7.7.7").udp(1, 2).payload(5), LAN, "10.0.0.2"));

        PacketBuffer frame = harness.single(Out.READY);
        assertThat(frame.toByteArray())
                .isEqualTo(frameTo(GATEWAY)
                        .ip4()
                        .to("10.7.7.7")
                        .udp(1, 2)
                        .payload(5)
                        .bytes());
        assertThat(frame.l2Offset()).isEqualTo(frame.start());
        assertThat(frame.l3Offset()).isEqualTo(frame.start() + 14);
        assertThat(harness.signals().lines()).isEmpty();
    }

    @Test
    void writesTheHeaderOfAResolvedIp6Neighbor() {
        resolves("fe80::2");
        harness.process(packet(Packets.ip6().to("2001:db8::9").udp(1, 2), LAN, "fe80::2"));

        assertThat(harness.single(Out.READY).toByteArray())
                .isEqualTo(frameTo(GATEWAY).ip6().to("2001:db8::9").udp(1, 2).bytes());
    }

    @Test
    void rfc8950SendsIp4ToAnIp6NeighborAsIp4() {
        resolves("fe80::2");
        harness.process(packet(Packets.ip4().to("10.7.7.7").udp(1, 2), LAN, "fe80::2"));

        assertThat(harness.single(Out.READY).toByteArray())
                .isEqualTo(frameTo(GATEWAY).ip4().to("10.7.7.7").udp(1, 2).bytes());
    }

    @Test
    void aPointToPointLinkHasNoHeaderAndNoNeighbors() {
        PacketBuffer packet = packet(Packets.ip4().to("10.1.0.2").udp(1, 2), TUN, "10.1.0.2");
        packet.setL2Offset(packet.start() - 14);
        harness.process(packet);

        PacketBuffer out = harness.single(Out.READY);
        assertThat(out.toByteArray())
                .isEqualTo(Packets.ip4().to("10.1.0.2").udp(1, 2).bytes());
        assertThat(out.l2Offset()).isEqualTo(PacketBuffer.UNKNOWN);
        assertThat(harness.signals().lines()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "224.0.0.5, 01:00:5e:00:00:05",
        "239.255.255.250, 01:00:5e:7f:ff:fa",
        "255.255.255.255, ff:ff:ff:ff:ff:ff",
        "10.0.0.255, ff:ff:ff:ff:ff:ff"
    })
    void ip4GroupsAndBroadcastsNeedNoNeighbor(String destination, String mac) {
        harness.process(packet(Packets.ip4().to(destination).udp(1, 2), LAN, destination));

        assertThat(harness.single(Out.READY).toByteArray())
                .isEqualTo(frameTo(mac).ip4().to(destination).udp(1, 2).bytes());
        assertThat(harness.signals().lines()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"ff02::1, 33:33:00:00:00:01", "ff02::1:ff12:3456, 33:33:ff:12:34:56"})
    void ip6GroupsNeedNoNeighbor(String destination, String mac) {
        harness.process(packet(Packets.ip6().to(destination).udp(1, 2), LAN, destination));

        assertThat(harness.single(Out.READY).toByteArray())
                .isEqualTo(frameTo(mac).ip6().to(destination).udp(1, 2).bytes());
    }

    @Test
    void theBroadcastAddressOfAnotherNetworkIsAnOrdinaryDestination() {
        resolves("10.0.0.2");
        harness.process(packet(Packets.ip4().to("10.0.2.255").udp(1, 2), LAN, "10.0.0.2"));

        assertThat(harness.single(Out.READY).toByteArray())
                .isEqualTo(frameTo(GATEWAY).ip4().to("10.0.2.255").udp(1, 2).bytes());
    }

    @Test
    void theBroadcastAddressIsNoneWhenItIsRoutedThroughAGateway() {
        resolves("10.0.0.2");
        harness.process(packet(Packets.ip4().to("10.0.0.255").udp(1, 2), LAN, "10.0.0.2"));

        assertThat(harness.single(Out.READY).toByteArray())
                .isEqualTo(frameTo(GATEWAY).ip4().to("10.0.0.255").udp(1, 2).bytes());
    }

    @Test
    void rfc3021HasNoBroadcastAddress() {
        resolves("10.0.9.1");
        harness.process(packet(Packets.ip4().to("10.0.9.1").udp(1, 2), LAN, "10.0.9.1"));

        assertThat(harness.single(Out.READY).toByteArray())
                .isEqualTo(frameTo(GATEWAY).ip4().to("10.0.9.1").udp(1, 2).bytes());
    }

    @Test
    void offloadStateIsKeptAndItsPlacesStayTrue() {
        resolves("10.0.0.2");
        PacketBuffer packet = packet(Packets.ip4().tcp(1, 2).partialChecksum().payload(4000), LAN, "10.0.0.2");
        packet.setGso(PacketBuffer.Gso.TCP4, 1448, false);
        harness.process(packet);

        PacketBuffer frame = harness.single(Out.READY);
        assertThat(frame.gso()).isEqualTo(PacketBuffer.Gso.TCP4);
        assertThat(frame.checksumStart()).isEqualTo(frame.start() + 14 + 20);
    }

    @ParameterizedTest
    @ValueSource(ints = {InterfaceId.NONE, DOWN, 4})
    void dropsWhatHasNoUsableInterface(int interfaceId) {
        harness.process(packet(Packets.ip4(), interfaceId, "10.0.0.2"));

        assertThat(harness.dropped("interface-down")).isEqualTo(1);
    }

    @Test
    void dropsWhatIsNotIp() {
        PacketBuffer cutShort = packet(Packets.ip6(), LAN, "fd00::2");
        cutShort.setEnd(cutShort.start() + 39);
        harness.process(packet(Packets.ip4().version(7), LAN, "10.0.0.2"), cutShort);

        assertThat(harness.dropped("not-ip")).isEqualTo(2);
    }

    // --- packets that wait

    @Test
    void packetsForAnUnresolvedNeighborWaitAndTheSlowPathIsAskedOnce() {
        harness.process(numbered(1, "10.0.0.2"), numbered(2, "10.0.0.2"));
        harness.process(
                numbered(3, "10.0.0.2"), packet(Packets.ip6().to("fd00::2").udp(4, 9), LAN, "fd00::2"));

        assertThat(harness.outputs()).isEmpty();
        assertThat(harness.dropped()).isZero();
        assertThat(harness.counted(Count.HELD)).isEqualTo(4);
        assertThat(harness.signals().lines()).containsExactly("resolve4 0 10.0.0.2", "resolve6 0 fd00::2");
    }

    @Test
    void whatWaitsIsSentInOrderOnceResolved() {
        harness.process(numbered(1, "10.0.0.2"), numbered(50, "10.0.0.3"), numbered(2, "10.0.0.2"));
        resolves("10.0.0.2");
        theTableSignals();

        assertThat(numbers(harness.out(Out.READY))).containsExactly(1, 2);
        assertThat(harness.out(Out.READY).get(0).toByteArray())
                .isEqualTo(frameTo(GATEWAY).ip4().to("10.7.7.7").udp(1, 9).bytes());
        assertThat(harness.counted(Count.RELEASED)).isEqualTo(2);
    }

    @Test
    void aPacketThatComesBeforeTheSignalDoesNotOvertakeThoseThatWait() {
        harness.process(numbered(1, "10.0.0.2"), numbered(50, "10.0.0.3"), numbered(2, "10.0.0.2"));
        resolves("10.0.0.2");
        harness.process(numbered(3, "10.0.0.2"));

        assertThat(numbers(harness.out(Out.READY))).containsExactly(1, 2, 3);
        theTableSignals();
        assertThat(harness.out(Out.READY)).hasSize(3);
    }

    @Test
    void theSameAddressOnAnotherInterfaceIsAnotherNeighbor() {
        harness.process(
                packet(Packets.ip4().udp(1, 9), LAN, "10.0.0.2"),
                packet(Packets.ip4().udp(2, 9), WAN, "10.0.0.2"));
        assertThat(harness.signals().lines()).containsExactly("resolve4 0 10.0.0.2", "resolve4 2 10.0.0.2");
        resolves("10.0.0.2");
        theTableSignals();

        assertThat(numbers(harness.out(Out.READY))).containsExactly(1);
    }

    @Test
    void theOldestMakesRoomAtOneNeighborsLimit() {
        harness.process(numbered(900, "10.0.0.3"));
        for (int i = 1; i <= L2RewriteStage.HELD_PER_NEIGHBOR + 3; i++) {
            harness.process(numbered(i, "10.0.0.2"));
        }
        assertThat(harness.dropped("neighbor-queue-full")).isEqualTo(3);
        resolves("10.0.0.2");
        theTableSignals();

        List<Integer> sent = numbers(harness.out(Out.READY));
        assertThat(sent).hasSize(L2RewriteStage.HELD_PER_NEIGHBOR).startsWith(4).isSorted();
        resolves("10.0.0.3");
        theTableSignals();
        assertThat(numbers(harness.out(Out.READY))).as("another neighbor's").endsWith(900);
    }

    @Test
    void theOldestOfAllMakesRoomUnderAScan() {
        harness = harness(L2RewriteStage.HELD_IN_ALL + 1);
        for (int i = 0; i < L2RewriteStage.HELD_IN_ALL + 10; i++) {
            harness.process(numbered(i, "10.1." + (i >> 8) + "." + (i & 0xff)));
        }

        assertThat(harness.dropped("neighbor-queue-full")).isEqualTo(10);
        assertThat(harness.pool().outstanding()).isEqualTo(L2RewriteStage.HELD_IN_ALL);
        resolves("10.1.0.9");
        resolves("10.1.0.10");
        theTableSignals();
        assertThat(numbers(harness.out(Out.READY))).as("9 went first").containsExactly(10);
    }

    @Test
    void theSlowPathIsAskedAgainEverySecondForEachNeighborOnce() {
        harness.process(numbered(1, "10.0.0.2"), numbered(2, "10.0.0.2"), numbered(3, "10.0.0.3"));
        harness.signals().lines().clear();
        harness.advanceMillis(1000);

        assertThat(harness.signals().lines()).containsExactly("resolve4 0 10.0.0.2", "resolve4 0 10.0.0.3");
        harness.advanceMillis(1000);
        assertThat(harness.signals().lines()).hasSize(4);
    }

    @Test
    void aLostSignalIsMadeUpForByTheTimer() {
        harness.process(numbered(1, "10.0.0.2"));
        resolves("10.0.0.2");
        harness.advanceMillis(1000);

        assertThat(numbers(harness.out(Out.READY))).containsExactly(1);
    }

    @Test
    void whatWaitsTooLongIsDropped() {
        harness.process(numbered(1, "10.0.0.2"));
        harness.advanceMillis(2500);
        harness.process(numbered(2, "10.0.0.2"));
        harness.advanceMillis(2400);
        assertThat(harness.dropped()).isZero();
        harness.advanceMillis(100);

        assertThat(harness.dropped("neighbor-silent")).isEqualTo(1);
        resolves("10.0.0.2");
        theTableSignals();
        assertThat(numbers(harness.out(Out.READY))).containsExactly(2);
    }

    @Test
    void eachPacketsWaitIsItsOwn() {
        harness.process(numbered(1, "10.0.0.2"));
        harness.advanceMillis(3000);
        harness.process(numbered(2, "10.0.0.3"));
        resolves("10.0.0.2");
        theTableSignals();
        harness.advanceMillis(4900);
        assertThat(harness.dropped()).isZero();
        harness.advanceMillis(1000);

        assertThat(harness.dropped("neighbor-silent")).isEqualTo(1);
    }

    @Test
    void nothingIsAskedOrWokenOnceNothingWaits() {
        harness.process(numbered(1, "10.0.0.2"));
        resolves("10.0.0.2");
        theTableSignals();
        harness.signals().lines().clear();
        harness.advanceMillis(60_000);

        assertThat(harness.signals().lines()).isEmpty();
    }

    @Test
    void whatWaitsForAnInterfaceThatGoesDownIsDropped() {
        harness.process(numbered(1, "10.0.0.2"));
        harness.interfaces(InterfaceBuilder.ethernet(LAN).down().build());
        harness.advanceMillis(1000);

        assertThat(harness.dropped("interface-down")).isEqualTo(1);
    }

    @Test
    void aStoppedLaneDropsWhatWaits() {
        harness.process(numbered(1, "10.0.0.2"), numbered(2, "10.0.0.3"));
        harness.stop();

        assertThat(harness.dropped("stopped-while-waiting")).isEqualTo(2);
    }

    // --- neighbors that fail

    @Test
    void rfc1812HostUnreachableForWhatWaitedInVain() {
        harness.process(numbered(1, "10.0.0.2"), numbered(2, "10.0.0.2"), numbered(3, "10.0.0.3"));
        fails("10.0.0.2");
        theTableSignals();

        assertThat(numbers(harness.out(Out.UNREACHABLE4))).containsExactly(1, 2);
        PacketBuffer refused = harness.out(Out.UNREACHABLE4).get(0);
        assertThat(refused.icmpType()).isEqualTo(3);
        assertThat(refused.icmpCode()).isEqualTo(1);
        assertThat(refused.start()).as("no link header").isEqualTo(refused.l3Offset());
        assertThat(harness.counted(Count.REFUSED)).isEqualTo(2);
    }

    @Test
    void rfc4861AddressUnreachableForWhatWaitedInVain() {
        harness.process(packet(Packets.ip6().to("fd00::2").udp(1, 9), LAN, "fd00::2"));
        fails("fd00::2");
        theTableSignals();

        PacketBuffer refused = harness.single(Out.UNREACHABLE6);
        assertThat(refused.icmpType()).isEqualTo(1);
        assertThat(refused.icmpCode()).isEqualTo(3);
    }

    @Test
    void aFailedNeighborRefusesAtOnce() {
        fails("10.0.0.2");
        fails("fe80::2");
        harness.process(
                numbered(1, "10.0.0.2"),
                packet(Packets.ip6().udp(2, 9), LAN, "fe80::2"),
                packet(Packets.ip4().to("10.7.7.7").udp(3, 9), LAN, "fe80::2"));

        assertThat(numbers(harness.out(Out.UNREACHABLE4)))
                .as("the error is of the packet's family, whatever the neighbor's")
                .containsExactly(1, 3);
        assertThat(harness.out(Out.UNREACHABLE6)).hasSize(1);
        assertThat(harness.signals().lines()).isEmpty();
    }

    @Test
    void theRoutersOwnPacketsToAFailedNeighborAreDropped() {
        PacketBuffer waiting = numbered(1, "10.0.0.2");
        waiting.setGenerated(true);
        harness.process(waiting);
        fails("10.0.0.2");
        theTableSignals();
        PacketBuffer late = numbered(2, "10.0.0.2");
        late.setGenerated(true);
        harness.process(late);

        assertThat(harness.dropped("neighbor-failed")).isEqualTo(2);
        assertThat(harness.outputs()).isEmpty();
    }

    // --- any order of events

    /** Whatever happens, no packet of a neighbor overtakes another, limits hold, and every packet ends once. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void keepsTheOrderOfEachNeighborUnderAnySequenceOfEvents(long seed) {
        harness = harness(L2RewriteStage.HELD_IN_ALL + 1 + L2RewriteStage.HELD_PER_NEIGHBOR);
        SplittableRandom random = new SplittableRandom(seed);
        Map<Integer, Integer> lastSent = new HashMap<>();
        int made = 0;
        int ended = 0;
        for (int step = 0; step < 4000; step++) {
            int host = random.nextInt(12);
            String neighbor = "10.0.0." + (host + 2);
            switch (random.nextInt(64)) {
                case 0, 1 -> resolves(neighbor);
                case 2, 3 -> harness.neighborTable().put(LAN, neighbor, NeighborView.UNRESOLVED);
                case 4 -> fails(neighbor);
                case 5, 6 -> theTableSignals();
                case 7, 8 -> harness.advanceMillis(random.nextInt(900));
                default ->
                    harness.process(packet(Packets.ip4().to("10.7.7." + host).udp(made++, 9), LAN, neighbor));
            }
            for (PacketBuffer sent : harness.out(Out.READY)) {
                int to = sent.bytes().get(sent.l3Offset() + 19);
                int number = numbers(List.of(sent)).get(0);
                assertThat(number)
                        .as("seed %d, step %d, neighbor %d", seed, step, to)
                        .isGreaterThan(lastSent.getOrDefault(to, -1));
                lastSent.put(to, number);
            }
            ended += sent() + harness.dropped();
            assertThat(harness.pool().outstanding() - sent())
                    .as("held; seed %d, step %d", seed, step)
                    .isEqualTo(made - ended)
                    .isLessThanOrEqualTo(L2RewriteStage.HELD_IN_ALL);
            harness.clear();
        }
        harness.stop();
        assertThat(ended + harness.dropped())
                .as("packets that ended, seed %d", seed)
                .isEqualTo(made);
        assertThat(lastSent).as("neighbors that got packets").hasSize(12);
        harness.clear();
    }

    private int sent() {
        return harness.outputs().values().stream().mapToInt(List::size).sum();
    }
}
