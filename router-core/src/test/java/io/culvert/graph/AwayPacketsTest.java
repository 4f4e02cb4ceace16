// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class AwayPacketsTest {
    private final BufferPool pool = BufferPool.allocate(8);
    private final AwayPackets away = new AwayPackets(4);

    private PacketBuffer packet(int length) {
        PacketBuffer packet = Objects.requireNonNull(pool.take());
        packet.setWindow(300, length);
        for (int i = 0; i < length; i++) {
            packet.bytes().put(300 + i, (byte) i);
        }
        return packet;
    }

    private static PacketBuffer present(@Nullable PacketBuffer packet) {
        return Objects.requireNonNull(packet);
    }

    private AwayPackets.Copy home() {
        return Objects.requireNonNull(away.pollHome());
    }

    @Test
    void aCopyIsExactAndShieldsTheOriginal() {
        PacketBuffer packet = packet(60_000);
        packet.setL2Offset(286);
        packet.setL3Offset(300);
        packet.setL4Offset(320);
        packet.setPartialChecksum(320, 16);
        packet.setGso(PacketBuffer.Gso.TCP4, 1448, true);
        packet.setReceiveInterface(3);
        packet.setTransmitInterface(4);
        packet.setNextHop6(5, 6);
        packet.setFlowHash(7);

        PacketBuffer copy = present(away.copy(packet, 0));

        assertThat(copy.toByteArray()).isEqualTo(packet.toByteArray());
        assertThat(copy.start()).isEqualTo(300);
        assertThat(copy.headroom()).isEqualTo(packet.headroom());
        assertThat(copy.tailroom()).isEqualTo(packet.tailroom());
        assertThat(copy.l2Offset()).isEqualTo(286);
        assertThat(copy.l3Offset()).isEqualTo(300);
        assertThat(copy.l4Offset()).isEqualTo(320);
        assertThat(copy.checksum()).isEqualTo(PacketBuffer.Checksum.PARTIAL);
        assertThat(copy.checksumStart()).isEqualTo(320);
        assertThat(copy.checksumOffset()).isEqualTo(16);
        assertThat(copy.gso()).isEqualTo(PacketBuffer.Gso.TCP4);
        assertThat(copy.gsoSize()).isEqualTo(1448);
        assertThat(copy.gsoEcn()).isTrue();
        assertThat(copy.receiveInterface()).isEqualTo(3);
        assertThat(copy.transmitInterface()).isEqualTo(4);
        assertThat(copy.nextHopIs6()).isTrue();
        assertThat(copy.flowHash()).isEqualTo(7);
        copy.bytes().put(300, (byte) 99);
        assertThat(packet.bytes().get(300)).isZero();
    }

    @Test
    void aChainIsCopiedWholeAndCountsForAllItsMembers() {
        PacketBuffer head = packet(100);
        head.append(packet(50));
        head.append(packet(60));

        PacketBuffer copy = present(away.copy(head, 0));

        assertThat(copy.chainCount()).isEqualTo(3);
        assertThat(copy.toByteArray()).isEqualTo(head.toByteArray());
        assertThat(away.count()).isEqualTo(3);
        assertThat(away.copy(packet(10), 0)).isNotNull();
        assertThat(away.copy(packet(10), 0)).as("a fifth").isNull();
        assertThat(away.home(present(copy.nextInChain()), false))
                .as("a member by itself")
                .isFalse();
        assertThat(away.home(copy, false)).isTrue();
        AwayPackets.Copy back = home();
        assertThat(back.members()).isEqualTo(3);
        away.release(back);
        assertThat(away.count()).isEqualTo(1);
    }

    @Test
    void aPacketComesHomeOnceAndItsMemoryServesAgain() {
        PacketBuffer copy = present(away.copy(packet(10), 0));
        assertThat(away.home(copy, true)).isTrue();
        assertThat(away.home(copy, false)).isFalse();
        AwayPackets.Copy back = home();
        assertThat(back.isDiscarded()).isTrue();
        away.release(back);
        assertThat(away.pollHome()).isNull();
        assertThat(away.home(copy, false)).as("at home already").isFalse();
        for (int i = 0; i < 100; i++) {
            PacketBuffer again = present(away.copy(packet(10), i));
            assertThat(again).isSameAs(copy);
            assertThat(away.home(again, false)).isTrue();
            away.release(home());
            pool.reclaim();
        }
    }

    @Test
    void whatIsMissedIsNeitherAwaitedNorUsedAgain() {
        PacketBuffer first = present(away.copy(packet(10), 100));
        PacketBuffer second = present(away.copy(packet(10), 200));
        PacketBuffer third = present(away.copy(packet(10), 300));
        assertThat(away.home(first, false)).isTrue();
        assertThat(away.earliest()).isEqualTo(100);

        assertThat(away.miss(199)).as("the first is on its way home").isZero();
        assertThat(away.miss(250)).isEqualTo(1);
        assertThat(away.miss(250)).isZero();

        assertThat(away.home(second, false)).isFalse();
        assertThat(home().packet()).isSameAs(first);
        PacketBuffer next = present(away.copy(packet(10), 400));
        assertThat(next).isNotSameAs(second).isNotSameAs(third);
        assertThat(away.count()).isEqualTo(3);
    }

    @Test
    void aPacketThatCouldNotGoIsRecalled() {
        PacketBuffer copy = present(away.copy(packet(10), 0));
        assertThat(away.recall(copy)).isEqualTo(1);
        assertThat(away.count()).isZero();
        assertThatThrownBy(() -> away.recall(copy)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void packetsOfOthersAreNotTaken() {
        assertThat(away.home(PacketBuffer.detached(100, 0), false)).isFalse();
        assertThat(away.home(PacketBuffer.detached(100, 1000), false)).isFalse();
    }
}
