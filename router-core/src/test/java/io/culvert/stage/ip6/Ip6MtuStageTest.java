// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip6;

import static io.culvert.stage.TestRouter6.LAN;
import static io.culvert.stage.TestRouter6.TUN;
import static io.culvert.stage.TestRouter6.WAN;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import io.culvert.stage.TestRouter6;
import io.culvert.stage.ip6.Ip6MtuStage.Count;
import io.culvert.stage.ip6.Ip6MtuStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Ip6ExtensionChain;
import io.culvert.wire.Ip6View;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class Ip6MtuStageTest {
    private StageHarness harness = TestRouter6.around(Ip6MtuStage.DESCRIPTOR).harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private PacketBuffer packet(PacketBuilder built, int out) {
        PacketBuffer packet = harness.packet(built.bytes());
        packet.setTransmitInterface(out);
        packet.setL4Offset(packet.start() + 40);
        return packet;
    }

    private static PacketBuilder udpOfSize(int size) {
        return Packets.ip6().udp(1, 2).payload(size - 48);
    }

    private void assertTooBig(int mtu) {
        PacketBuffer refused = harness.single(Out.ERROR);
        assertThat(refused.icmpType()).isEqualTo(2);
        assertThat(refused.icmpCode()).isZero();
        assertThat(refused.icmpValue()).isEqualTo(mtu);
        assertThat(harness.counted(Count.TOO_BIG)).isEqualTo(1);
        assertThat(harness.out(Out.NEXT)).isEmpty();
    }

    /** RFC 8201, RFC 4443 3.2: with the real MTU of the way out. */
    @ParameterizedTest
    @CsvSource({"0, 1500", "1, 1400", "2, 1280"})
    void passesWhatFitsAndRefusesOneByteMoreWithTheMtuOfTheWayOut(int out, int mtu) {
        byte[] fits = udpOfSize(mtu).bytes();
        harness.process(packet(udpOfSize(mtu), out));
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(fits);
        harness.clear();

        harness.process(packet(udpOfSize(mtu + 1), out));
        assertTooBig(mtu);
    }

    /** RFC 8200 5: a later fragment in transit is refused like any other packet. */
    @Test
    void neverFragmentsInTransit() {
        harness.process(packet(
                Packets.ip6().fragmentHeader(1232, false, 9).nextProtocol(17).payload(1400), WAN));
        assertTooBig(1400);
    }

    @ParameterizedTest
    @CsvSource({"1328, true", "1329, false"})
    void judgesATcpSuperpacketByItsSegments(int segmentSize, boolean fits) {
        // 40 of IPv6, 20 of TCP and 12 of options
        PacketBuffer packet =
                packet(Packets.ip6().tcp(1, 2).tcpOptions(new int[12]).payload(30_000), WAN);
        packet.setPartialChecksum(packet.start() + 40, 16);
        packet.setGso(PacketBuffer.Gso.TCP6, segmentSize, false);
        harness.process(packet);
        if (fits) {
            assertThat(harness.single(Out.NEXT).gsoSize()).isEqualTo(segmentSize);
        } else {
            assertTooBig(1400);
        }
    }

    @ParameterizedTest
    @CsvSource({"1352, true", "1353, false"})
    void judgesAUdpSuperpacketByItsDatagrams(int datagramSize, boolean fits) {
        PacketBuffer packet = packet(Packets.ip6().udp(1, 2).payload(30_000), WAN);
        packet.setGso(PacketBuffer.Gso.UDP, datagramSize, false);
        harness.process(packet);
        if (fits) {
            assertThat(harness.out(Out.NEXT)).hasSize(1);
        } else {
            assertTooBig(1400);
        }
    }

    private PacketBuffer generated(PacketBuilder built, int out) {
        PacketBuffer packet = packet(built, out);
        packet.setGenerated(true);
        return packet;
    }

    private static final Ip6ExtensionChain CHAIN = new Ip6ExtensionChain();

    private static Ip6ExtensionChain chain(PacketBuffer packet) {
        Ip6View ip = new Ip6View().wrap(packet, packet.l3Offset());
        assertThat(ip.check()).isEqualTo(HeaderCheck.OK);
        assertThat(ip.end()).isEqualTo(packet.end());
        CHAIN.walk(ip);
        return CHAIN;
    }

    /** RFC 8200 4.5: by the source alone, which the router is here. */
    @Test
    void fragmentsTheRoutersOwnToTheMinimumMtu() {
        byte[] whole = Packets.ip6()
                .trafficClass(0x48)
                .hopLimit(64)
                .echoReply(1, 2)
                .payload(4000)
                .bytes();
        harness.process(generated(
                Packets.ip6().trafficClass(0x48).hopLimit(64).echoReply(1, 2).payload(4000), LAN));

        List<PacketBuffer> fragments = harness.out(Out.NEXT);
        assertThat(fragments).extracting(PacketBuffer::length).containsExactly(1280, 1280, 1280, 360);
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        joined.writeBytes(Arrays.copyOf(whole, 40));
        long identification = chain(fragments.get(0)).fragment().identification();
        for (PacketBuffer each : fragments) {
            Ip6ExtensionChain chain = chain(each);
            assertThat(chain.fragment().fragmentOffset()).isEqualTo(joined.size() - 40);
            assertThat(chain.fragment().moreFragments()).isEqualTo(each != fragments.get(3));
            assertThat(chain.fragment().nextHeader()).isEqualTo(58);
            assertThat(chain.fragment().identification()).isEqualTo(identification);
            assertThat(each.transmitInterface()).isEqualTo(LAN);
            assertThat(each.generated()).isTrue();
            byte[] bytes = each.toByteArray();
            assertThat(Arrays.copyOfRange(bytes, 0, 4)).isEqualTo(Arrays.copyOf(whole, 4));
            assertThat(Arrays.copyOfRange(bytes, 7, 40)).isEqualTo(Arrays.copyOfRange(whole, 7, 40));
            joined.writeBytes(Arrays.copyOfRange(bytes, 48, bytes.length));
        }
        assertThat(joined.toByteArray()).isEqualTo(whole);
        assertThat(harness.counted(Count.FRAGMENTED)).isEqualTo(1);
        assertThat(harness.counted(Count.FRAGMENTS)).isEqualTo(4);
    }

    @Test
    void aFragmentsIdentificationIsNotTheOneBefore() {
        harness.process(generated(udpOfSize(2000), LAN), generated(udpOfSize(2000), LAN));
        List<PacketBuffer> fragments = harness.out(Out.NEXT);
        assertThat(fragments).hasSize(4);
        assertThat(chain(fragments.get(0)).fragment().identification())
                .isNotEqualTo(chain(fragments.get(2)).fragment().identification());
    }

    @Test
    void repeatsHopByHopOptionsInEveryFragment() {
        harness.process(generated(Packets.ip6().hopByHop(5, 2, 0, 0).udp(1, 2).payload(2000), TUN));
        assertThat(harness.out(Out.NEXT)).hasSize(2).allSatisfy(each -> {
            Ip6ExtensionChain chain = chain(each);
            assertThat(chain.type(0)).isZero();
            assertThat(chain.type(1)).isEqualTo(44);
            assertThat(chain.fragment().nextHeader()).isEqualTo(17);
        });
    }

    @Test
    void dropsItsOwnPacketByNameWhenNoBufferIsLeft() {
        harness = StageHarness.of(Ip6MtuStage.DESCRIPTOR, 2);
        TestRouter6.around(harness);
        harness.process(generated(udpOfSize(4000), LAN));
        assertThat(harness.out(Out.NEXT)).isEmpty();
        assertThat(harness.dropped("no-buffer-for-fragment")).isEqualTo(2);
    }

    @Test
    void dropsItsOwnFragmentThatIsTooBig() {
        harness.process(
                generated(Packets.ip6().fragmentHeader(0, true, 3).udp(1, 2).payload(1600), LAN));
        assertThat(harness.dropped("not-fragmentable")).isEqualTo(1);
    }
}
