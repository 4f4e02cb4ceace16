// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** The literal bytes were made by scapy 2.5. */
final class PacketsTest {
    private static String hex(PacketBuilder packet) {
        return HexFormat.of().formatHex(packet.bytes());
    }

    @Test
    void buildsUdpOverIp4() {
        assertThat(hex(Packets.ip4().df().udp(1000, 2000).payload(18)))
                .isEqualTo(
                        "4500002e00004000401126bd0a0000010a00000203e807d0001a97ae000102030405060708090a0b0c0d0e0f1011");
    }

    @Test
    void buildsTcpWithOptionsInTaggedFrames() {
        PacketBuilder packet = Packets.ethernet("02:00:00:00:00:01", "02:00:00:00:00:02")
                .serviceVlan(100)
                .vlan(0x8100, 5, false, 10)
                .ip4()
                .id(0x1234)
                .trafficClass(0xb9)
                .options(0x94, 4, 0, 0)
                .tcp(40000, 80)
                .flags("SA")
                .sequence(0xdeadbeefL)
                .acknowledgment(0x80000001L)
                .window(0x8000)
                .tcpOptions(2, 4, 1460 >> 8, 1460 & 0xff)
                .payload("hello");

        assertThat(hex(packet))
                .isEqualTo(
                        "02000000000202000000000188a800648100a00a080046b90035123400004006becf0a0000010a00000294040000"
                                + "9c400050deadbeef8000000160128000060d0000020405b468656c6c6f");
    }

    @Test
    void buildsIp6ExtensionHeaders() {
        PacketBuilder packet = Packets.ip6()
                .flowLabel(0xabcde)
                .trafficClass(0x2e)
                .hopByHop(5, 2, 0, 0)
                .fragmentHeader(0, true, 0x89abcdefL)
                .destinationOptions()
                .udp(53, 33434)
                .payload(18);

        assertThat(hex(packet))
                .isEqualTo("62eabcde00320040fd000000000000000000000000000001fd000000000000000000000000000002"
                        + "2c000502000001003c00000189abcdef1100010400000000"
                        + "0035829a001a3a95000102030405060708090a0b0c0d0e0f1011");
    }

    @Test
    void buildsEchoOfBothFamilies() {
        assertThat(hex(Packets.ip6().echoRequest(7, 1).payload(18)))
                .isEqualTo("60000000001a3a40fd000000000000000000000000000001fd000000000000000000000000000002"
                        + "80003d4d00070001000102030405060708090a0b0c0d0e0f1011");
        assertThat(Packets.ip4().echoRequest(7, 1).bytes()).startsWith(0x45).hasSize(28);
    }

    @Test
    void buildsIcmpErrors() {
        byte[] original = Packets.ip4().df().udp(1000, 2000).payload(18).bytes();
        PacketBuilder packet = Packets.ip4()
                .from("10.0.0.254")
                .to("10.0.0.1")
                .icmp(3, 4)
                .value(1400)
                .quoting(original);

        assertThat(hex(packet))
                .isEqualTo("4500004a00000000400165b50a0000fe0a00000103040bb200000578"
                        + HexFormat.of().formatHex(original));
    }

    @Test
    void buildsNeighborDiscovery() {
        PacketBuilder solicitation = Packets.ip6()
                .from("fe80::1")
                .to("ff02::1:ff00:2")
                .neighborSolicitation("fe80::2")
                .sourceLinkLayer("02:00:00:00:00:01");
        PacketBuilder advertisement = Packets.ip6()
                .from("fe80::2")
                .to("fe80::1")
                .neighborAdvertisement("fe80::2", "RSO")
                .targetLinkLayer("02:00:00:00:00:02");

        assertThat(hex(solicitation))
                .isEqualTo("6000000000203afffe800000000000000000000000000001ff0200000000000000000001ff000002"
                        + "87007a9700000000fe8000000000000000000000000000020101020000000001");
        assertThat(hex(advertisement))
                .isEqualTo("6000000000203afffe800000000000000000000000000002fe800000000000000000000000000001"
                        + "88009819e0000000fe8000000000000000000000000000020201020000000002");
    }

    @Test
    void buildsArp() {
        assertThat(hex(Packets.arpRequest("02:00:00:00:00:01", "10.0.0.1", "10.0.0.2")))
                .isEqualTo("ffffffffffff020000000001080600010800060400010200000000010a0000010000000000000a000002");
    }

    @Test
    void overridesMeanTheInnermostHeader() {
        byte[] right = Packets.ip4().udp(1, 2).bytes();
        byte[] badHeader = Packets.ip4().checksum(0xdead).udp(1, 2).bytes();
        byte[] badUdp = Packets.ip4().udp(1, 2).checksum(0xbeef).length(7).bytes();

        assertThat(HexFormat.of().formatHex(badHeader, 10, 12)).isEqualTo("dead");
        assertThat(HexFormat.of().formatHex(badHeader, 12, 28))
                .isEqualTo(HexFormat.of().formatHex(right, 12, 28));
        assertThat(HexFormat.of().formatHex(badUdp, 0, 24))
                .isEqualTo(HexFormat.of().formatHex(right, 0, 24));
        assertThat(HexFormat.of().formatHex(badUdp, 24, 28)).isEqualTo("0007beef");
    }

    @Test
    void fillsAPacketBufferAndItsOffsets() {
        BufferPool pool = BufferPool.allocate(1);
        PacketBuilder built = Packets.ethernet("02:00:00:00:00:01", "02:00:00:00:00:02")
                .vlan(10)
                .ip4()
                .udp(1, 2)
                .partialChecksum()
                .payload(3);
        PacketBuffer packet = built.take(pool);

        assertThat(packet.toByteArray()).isEqualTo(built.bytes());
        assertThat(packet.l2Offset()).isEqualTo(packet.start());
        assertThat(packet.l3Offset()).isEqualTo(packet.start() + 18);
        assertThat(packet.checksum()).isEqualTo(PacketBuffer.Checksum.PARTIAL);
        assertThat(packet.checksumStart()).isEqualTo(packet.start() + 38);
        assertThat(packet.checksumOffset()).isEqualTo(6);
        pool.release(packet);
    }

    @Test
    void saysWhatIsMissing() {
        assertThatThrownBy(() -> Packets.ip4().flowLabel(1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("Ip6");
        assertThatThrownBy(() -> Packets.ip4().from("fd00::1")).hasMessageContaining("family");
    }
}
