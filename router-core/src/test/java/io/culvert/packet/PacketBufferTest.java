// SPDX-License-Identifier: Apache-2.0
package io.culvert.packet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Objects;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class PacketBufferTest {
    private PacketBuffer packet;

    @BeforeEach
    void take() {
        packet = Objects.requireNonNull(BufferPool.allocate(1).take());
        packet.setWindow(PacketBuffer.HEADROOM, 100);
        packet.setL2Offset(PacketBuffer.HEADROOM);
        packet.setL3Offset(PacketBuffer.HEADROOM + 14);
        packet.setL4Offset(PacketBuffer.HEADROOM + 34);
    }

    private void assertRefused(ThrowingCallable change) {
        int start = packet.start();
        int end = packet.end();
        assertThatThrownBy(change).isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(packet.start()).isEqualTo(start);
        assertThat(packet.end()).isEqualTo(end);
    }

    @Test
    void aSuperpacketFitsBehindTheHeadroomAndALinkHeader() {
        assertThat(packet.capacity()).isGreaterThanOrEqualTo(PacketBuffer.HEADROOM + 14 + 8 + 0x10000);
        packet.setWindow(PacketBuffer.HEADROOM, 14 + 8 + 0x10000);
        assertThat(packet.tailroom()).isNotNegative();
    }

    @Test
    void movingTheFrontLeavesTheOffsetsValid() {
        packet.bytes().put(packet.l3Offset(), (byte) 0x45);
        packet.trimFront(14);

        assertThat(packet.start()).isEqualTo(packet.l3Offset());
        assertThat(packet.length()).isEqualTo(86);
        assertThat(packet.bytes().get(packet.l3Offset())).isEqualTo((byte) 0x45);

        packet.prepend(50);
        assertThat(packet.length()).isEqualTo(136);
        assertThat(packet.headroom()).isEqualTo(PacketBuffer.HEADROOM + 14 - 50);
        assertThat(packet.bytes().get(packet.l3Offset())).isEqualTo((byte) 0x45);
    }

    @Test
    void theWindowStaysWithinTheMemory() {
        packet.prepend(PacketBuffer.HEADROOM);
        assertThat(packet.start()).isZero();
        assertRefused(() -> packet.prepend(1));
        assertRefused(() -> packet.trimFront(packet.length() + 1));
        assertRefused(() -> packet.setEnd(packet.start() - 1));
        assertRefused(() -> packet.setEnd(packet.capacity() + 1));
        assertRefused(() -> packet.setWindow(-1, 10));
        assertRefused(() -> packet.setWindow(0, -1));
        assertRefused(() -> packet.setWindow(Integer.MAX_VALUE, 1));
        assertRefused(() -> packet.setWindow(1, Integer.MAX_VALUE));

        packet.setEnd(packet.capacity());
        assertThat(packet.tailroom()).isZero();
        packet.trimFront(packet.length());
        assertThat(packet.length()).isZero();
    }

    @Test
    void copiesBetweenPacketsAndWithinOne() {
        byte[] content = {1, 2, 3, 4, 5, 6, 7, 8};
        packet.setWindow(PacketBuffer.HEADROOM, 8);
        packet.copyFrom(content, 0, packet.start(), 8);
        assertThat(packet.toByteArray()).isEqualTo(content);

        packet.copyFrom(packet, packet.start(), packet.start() + 2, 6);
        assertThat(packet.toByteArray()).isEqualTo(new byte[] {1, 2, 1, 2, 3, 4, 5, 6});

        PacketBuffer other = Objects.requireNonNull(BufferPool.allocate(1).take());
        other.setWindow(0, 3);
        other.copyFrom(packet, packet.start() + 4, 0, 3);
        assertThat(other.toByteArray()).isEqualTo(new byte[] {3, 4, 5});
        assertThatThrownBy(() -> other.copyFrom(packet, packet.capacity() - 1, 0, 2))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void keepsTheOffloadStateUntilItIsFinished() {
        packet.setPartialChecksum(packet.l4Offset(), 16);
        packet.setGso(PacketBuffer.Gso.TCP6, 1428, true);

        assertThat(packet.checksum()).isEqualTo(PacketBuffer.Checksum.PARTIAL);
        assertThat(packet.checksumStart()).isEqualTo(packet.l4Offset());
        assertThat(packet.checksumOffset()).isEqualTo(16);
        assertThat(packet.gso()).isEqualTo(PacketBuffer.Gso.TCP6);
        assertThat(packet.gsoSize()).isEqualTo(1428);
        assertThat(packet.gsoEcn()).isTrue();

        packet.setChecksum(PacketBuffer.Checksum.VALID);
        assertThat(packet.checksum()).isEqualTo(PacketBuffer.Checksum.VALID);
        assertThat(packet.gso()).isEqualTo(PacketBuffer.Gso.TCP6);
        packet.clearOffloads();
        assertThat(packet.gso()).isEqualTo(PacketBuffer.Gso.NONE);
        assertThat(packet.checksum()).isEqualTo(PacketBuffer.Checksum.UNVERIFIED);
    }

    @Test
    void aPartialChecksumNeedsItsPlace() {
        assertThatThrownBy(() -> packet.setChecksum(PacketBuffer.Checksum.PARTIAL))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void theLastNextHopCounts() {
        packet.setNextHop6(0xfe80_0000_0000_0000L, 1);
        assertThat(packet.nextHopIs6()).isTrue();
        assertThat(packet.nextHop6High()).isEqualTo(0xfe80_0000_0000_0000L);
        assertThat(packet.nextHop6Low()).isEqualTo(1);
        packet.setNextHop4(0x0a00_0001);
        assertThat(packet.nextHopIs6()).isFalse();
        assertThat(packet.nextHop4()).isEqualTo(0x0a00_0001);
    }

    @Test
    void takesOverTheRoutingOfAnotherAndNothingElse() {
        PacketBuffer other = Objects.requireNonNull(BufferPool.allocate(1).take());
        other.setReceiveInterface(1);
        other.setTransmitInterface(2);
        other.setVrf(3);
        other.setFlowHash(4);
        other.setGenerated(true);
        other.setLinkBroadcast(true);
        other.setNextHop6(5, 6);
        other.setGso(PacketBuffer.Gso.UDP, 1472, false);
        packet.copyRoutingFrom(other);

        assertThat(packet.receiveInterface()).isEqualTo(1);
        assertThat(packet.transmitInterface()).isEqualTo(2);
        assertThat(packet.vrf()).isEqualTo(3);
        assertThat(packet.flowHash()).isEqualTo(4);
        assertThat(packet.generated()).isTrue();
        assertThat(packet.linkBroadcast()).isTrue();
        assertThat(packet.nextHopIs6()).isTrue();
        assertThat(packet.nextHop6High()).isEqualTo(5);
        assertThat(packet.nextHop6Low()).isEqualTo(6);
        assertThat(packet.gso()).isEqualTo(PacketBuffer.Gso.NONE);
        assertThat(packet.length()).isEqualTo(100);
    }

    // --- chains

    private PacketBuffer follower(BufferPool pool, int value) {
        PacketBuffer follower = Objects.requireNonNull(pool.take());
        follower.setWindow(PacketBuffer.HEADROOM, 2);
        follower.bytes().putShort(follower.start(), (short) value);
        return follower;
    }

    @Test
    void aChainHoldsItsMembersBytesInOrder() {
        BufferPool pool = BufferPool.allocate(2);
        packet.setWindow(PacketBuffer.HEADROOM, 1);
        packet.bytes().put(packet.start(), (byte) 1);
        assertThat(packet.chainCount()).isEqualTo(1);
        assertThat(packet.chainBytes()).isEqualTo(1);
        PacketBuffer second = follower(pool, 0x0203);
        PacketBuffer third = follower(pool, 0x0405);
        packet.append(second);
        packet.append(third);

        assertThat(packet.chainCount()).isEqualTo(3);
        assertThat(packet.chainBytes()).isEqualTo(5);
        assertThat(packet.nextInChain()).isSameAs(second);
        assertThat(second.nextInChain()).isSameAs(third);
        assertThat(third.nextInChain()).isNull();
        assertThat(second.state()).isEqualTo(PacketBuffer.State.CHAINED);
        assertThat(packet.toByteArray()).containsExactly(1, 2, 3, 4, 5);
        packet.prepend(1);
        packet.bytes().put(packet.start(), (byte) 0);
        assertThat(packet.toByteArray()).containsExactly(0, 1, 2, 3, 4, 5);
        packet.reset();
        assertThat(packet.chainCount()).isEqualTo(1);
        assertThat(packet.nextInChain()).isNull();
    }

    @Test
    void aChainIsNeverATreeNorACircle() {
        BufferPool pool = BufferPool.allocate(3);
        PacketBuffer second = follower(pool, 2);
        PacketBuffer third = follower(pool, 3);
        packet.append(second);
        for (ThrowingCallable wrong : List.<ThrowingCallable>of(
                () -> packet.append(packet),
                () -> packet.append(second),
                () -> second.append(third),
                () -> second.append(packet),
                () -> third.append(packet))) {
            assertThatThrownBy(wrong).isInstanceOf(IllegalStateException.class).hasMessageContaining("can't chain");
        }
        assertThat(packet.chainCount()).isEqualTo(2);
    }

    @Test
    void aChainHasABound() {
        BufferPool pool = BufferPool.allocate(PacketBuffer.MAX_CHAIN);
        for (int i = 1; i < PacketBuffer.MAX_CHAIN; i++) {
            packet.append(follower(pool, i));
        }
        PacketBuffer oneMore = follower(pool, 0);
        assertThatThrownBy(() -> packet.append(oneMore))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("at most 64");
        assertThat(oneMore.state()).isEqualTo(PacketBuffer.State.PENDING);
    }
}
