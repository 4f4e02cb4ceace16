// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.testkit.Packets;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** What is found out about frames whose checksum the kernel says is open, and no more than that. */
final class UnfilledChecksumTest {
    private static final int MTU = 1500;
    private static final int ETHERNET_BYTES = 14;

    private static PacketBuffer located(byte[] ipPacket, int etherType) {
        BufferPool pool = new BufferPool(ByteBuffer.allocateDirect(BufferPool.BUFFER_BYTES), 0);
        PacketBuffer frame = Objects.requireNonNull(pool.take());
        frame.setWindow(PacketBuffer.HEADROOM, ETHERNET_BYTES + ipPacket.length);
        frame.bytes().putShort(frame.start() + 12, (short) etherType);
        frame.copyFrom(ipPacket, 0, frame.start() + ETHERNET_BYTES, ipPacket.length);
        UnfilledChecksum.locate(frame, MTU);
        return frame;
    }

    private static byte[] tcp4(int payload) {
        return Packets.ip4()
                .from("10.0.0.1")
                .to("10.0.0.2")
                .tcp(1, 2)
                .payload(payload)
                .bytes();
    }

    @Test
    void findsTheChecksumOfTcp() {
        PacketBuffer frame = located(tcp4(1460), 0x0800);
        assertThat(frame.checksum()).isEqualTo(PacketBuffer.Checksum.PARTIAL);
        assertThat(frame.checksumStart() - frame.start()).isEqualTo(ETHERNET_BYTES + 20);
        assertThat(frame.checksumOffset()).isEqualTo(16);
        assertThat(frame.gso()).isEqualTo(PacketBuffer.Gso.NONE);
    }

    @Test
    void takesTcpAboveTheMtuForSegmentsThatFit() {
        PacketBuffer frame = located(tcp4(1461), 0x0800);
        assertThat(frame.gso()).isEqualTo(PacketBuffer.Gso.TCP4);
        assertThat(frame.gsoSize()).isEqualTo(1460);
    }

    @Test
    void takesTcpOverIp6AboveTheMtuForSegmentsThatFit() {
        byte[] packet = Packets.ip6()
                .from("fd00::1")
                .to("fd00::2")
                .tcp(1, 2)
                .payload(9000)
                .bytes();
        PacketBuffer frame = located(packet, 0x86dd);
        assertThat(frame.gso()).isEqualTo(PacketBuffer.Gso.TCP6);
        assertThat(frame.gsoSize()).isEqualTo(1440);
    }

    @Test
    void leavesUdpAboveTheMtuAlone() {
        byte[] packet = Packets.ip4()
                .from("10.0.0.1")
                .to("10.0.0.2")
                .udp(1, 2)
                .payload(3000)
                .bytes();
        PacketBuffer frame = located(packet, 0x0800);
        assertThat(frame.checksum()).isEqualTo(PacketBuffer.Checksum.PARTIAL);
        assertThat(frame.gso()).isEqualTo(PacketBuffer.Gso.NONE);
    }

    @Test
    void leavesWhatIsNoIpAlone() {
        assertThat(located(tcp4(1), 0x0806).checksum()).isNotEqualTo(PacketBuffer.Checksum.PARTIAL);
    }
}
