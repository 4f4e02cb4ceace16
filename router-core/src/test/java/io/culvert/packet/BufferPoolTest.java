// SPDX-License-Identifier: Apache-2.0
package io.culvert.packet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class BufferPoolTest {
    private static final long SEED = 0xb0f;

    private static PacketBuffer take(BufferPool pool) {
        return Objects.requireNonNull(pool.take());
    }

    @Test
    void handsOutAllItHasAndThenNull() {
        BufferPool pool = BufferPool.allocate(3);
        Set<PacketBuffer> out = Collections.newSetFromMap(new IdentityHashMap<>());
        for (int i = 0; i < 3; i++) {
            assertThat(pool.available()).isEqualTo(3 - i);
            out.add(take(pool));
            assertThat(pool.outstanding()).isEqualTo(i + 1);
        }

        assertThat(out).hasSize(3);
        assertThat(pool.take()).isNull();
        assertThat(pool.capacity()).isEqualTo(3);
        out.forEach(pool::release);
        assertThat(pool.outstanding()).isZero();
        assertThat(pool.take()).isNotNull();
    }

    @Test
    void handsOutTheMostRecentlyReturnedFirst() {
        BufferPool pool = BufferPool.allocate(4);
        PacketBuffer first = take(pool);
        PacketBuffer second = take(pool);
        pool.release(first);
        pool.release(second);

        assertThat(pool.take()).isSameAs(second);
        assertThat(pool.take()).isSameAs(first);
    }

    @Test
    void startsWithTheLowestMemory() {
        BufferPool pool = new BufferPool(ByteBuffer.allocateDirect(2 * BufferPool.BUFFER_BYTES + 1), 0x10000);

        assertThat(pool.capacity()).isEqualTo(2);
        assertThat(take(pool).address()).isEqualTo(0x10000);
        assertThat(take(pool).address()).isEqualTo(0x10000 + BufferPool.BUFFER_BYTES);
    }

    @Test
    void buffersDoNotOverlap() {
        BufferPool pool = BufferPool.allocate(3);
        List<PacketBuffer> packets = List.of(take(pool), take(pool), take(pool));
        for (int i = 0; i < 3; i++) {
            for (int at = 0; at < packets.get(i).capacity(); at++) {
                packets.get(i).bytes().put(at, (byte) (i + 1));
            }
        }
        for (int i = 0; i < 3; i++) {
            assertThat(packets.get(i).capacity()).isEqualTo(BufferPool.BUFFER_BYTES);
            assertThat(packets.get(i).bytes().order()).isEqualTo(ByteOrder.BIG_ENDIAN);
            assertThat(packets.get(i).bytes().get(0)).isEqualTo((byte) (i + 1));
            assertThat(packets.get(i).bytes().get(BufferPool.BUFFER_BYTES - 1)).isEqualTo((byte) (i + 1));
        }
    }

    @Test
    void handsOutAPacketThatRemembersNothing() {
        BufferPool pool = BufferPool.allocate(1);
        PacketBuffer used = take(pool);
        used.setWindow(0, 100);
        used.setL3Offset(14);
        used.setPartialChecksum(34, 6);
        used.setGso(PacketBuffer.Gso.TCP4, 1448, true);
        used.setReceiveInterface(3);
        used.setTransmitInterface(4);
        used.setFlowHash(5);
        used.setVrf(6);
        used.setGenerated(true);
        used.setLinkBroadcast(true);
        used.setNextHop6(1, 2);
        used.setIcmpError(3, 4, 5);
        pool.release(used);
        PacketBuffer fresh = take(pool);

        assertThat(fresh).isSameAs(used);
        assertThat(fresh.state()).isEqualTo(PacketBuffer.State.PENDING);
        assertThat(fresh.start()).isEqualTo(PacketBuffer.HEADROOM);
        assertThat(fresh.length()).isZero();
        assertThat(fresh.l2Offset()).isEqualTo(PacketBuffer.UNKNOWN);
        assertThat(fresh.l3Offset()).isEqualTo(PacketBuffer.UNKNOWN);
        assertThat(fresh.l4Offset()).isEqualTo(PacketBuffer.UNKNOWN);
        assertThat(fresh.checksum()).isEqualTo(PacketBuffer.Checksum.UNVERIFIED);
        assertThat(fresh.gso()).isEqualTo(PacketBuffer.Gso.NONE);
        assertThat(fresh.gsoEcn()).isFalse();
        assertThat(fresh.receiveInterface()).isEqualTo(-1);
        assertThat(fresh.transmitInterface()).isEqualTo(-1);
        assertThat(fresh.flowHash()).isZero();
        assertThat(fresh.vrf()).isZero();
        assertThat(fresh.generated()).isFalse();
        assertThat(fresh.linkBroadcast()).isFalse();
        assertThat(fresh.nextHopIs6()).isFalse();
        assertThat(fresh.icmpType()).isZero();
        assertThat(fresh.icmpCode()).isZero();
        assertThat(fresh.icmpValue()).isZero();
    }

    @Test
    void refusesAPacketTwice() {
        BufferPool pool = BufferPool.allocate(2);
        PacketBuffer packet = take(pool);
        pool.release(packet);

        assertThatThrownBy(() -> pool.release(packet))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("twice");
        assertThat(pool.available()).isEqualTo(2);
    }

    @Test
    void refusesAnotherPoolsPacket() {
        BufferPool pool = BufferPool.allocate(1);
        BufferPool other = BufferPool.allocate(2);
        PacketBuffer sameSlot = take(other);
        PacketBuffer noSuchSlot = take(other);
        take(pool);

        for (PacketBuffer foreign : List.of(sameSlot, noSuchSlot)) {
            assertThatThrownBy(() -> pool.release(foreign))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("not from");
            assertThat(foreign.state()).isEqualTo(PacketBuffer.State.PENDING);
        }
        assertThat(pool.outstanding()).isEqualTo(1);
    }

    @Test
    void reclaimsWhatIsOut() {
        BufferPool pool = BufferPool.allocate(3);
        take(pool);
        PacketBuffer decided = take(pool);
        decided.setState(PacketBuffer.State.DECIDED);

        assertThat(pool.reclaim()).isEqualTo(2);
        assertThat(pool.available()).isEqualTo(3);
        assertThat(pool.reclaim()).isZero();
    }

    @Test
    void refusesTooLittleMemory() {
        assertThatThrownBy(() -> new BufferPool(ByteBuffer.allocateDirect(BufferPool.BUFFER_BYTES - 1), 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(String.valueOf(BufferPool.BUFFER_BYTES));
    }

    @Test
    void countsStayRightThroughAnyUse() {
        SplittableRandom random = new SplittableRandom(SEED);
        BufferPool pool = BufferPool.allocate(8);
        List<PacketBuffer> out = new ArrayList<>();
        for (int round = 0; round < 10_000; round++) {
            if (random.nextBoolean()) {
                PacketBuffer packet = pool.take();
                assertThat(packet == null).as("seed %d round %d", SEED, round).isEqualTo(out.size() == 8);
                if (packet != null) {
                    assertThat(out).doesNotContain(packet);
                    out.add(packet);
                }
            } else if (!out.isEmpty()) {
                pool.release(out.remove(random.nextInt(out.size())));
            }
            assertThat(pool.outstanding()).isEqualTo(out.size());
            assertThat(pool.available() + pool.outstanding()).isEqualTo(8);
        }
    }

    private static PacketBuffer chain(BufferPool pool, int members) {
        PacketBuffer head = take(pool);
        for (int i = 1; i < members; i++) {
            head.append(take(pool));
        }
        return head;
    }

    @Test
    void takesAChainBackWhole() {
        BufferPool pool = BufferPool.allocate(4);
        PacketBuffer head = chain(pool, 3);
        PacketBuffer follower = Objects.requireNonNull(head.nextInChain());

        assertThat(pool.release(head)).isEqualTo(3);
        assertThat(pool.outstanding()).isZero();
        assertThatThrownBy(() -> pool.release(follower)).hasMessageContaining("released twice");
        for (int i = 0; i < 4; i++) {
            PacketBuffer again = take(pool);
            assertThat(again.chainCount()).isEqualTo(1);
            assertThat(again.nextInChain()).isNull();
        }
    }

    @Test
    void refusesAFollowerApartFromItsHead() {
        BufferPool pool = BufferPool.allocate(4);
        PacketBuffer head = chain(pool, 2);
        PacketBuffer follower = Objects.requireNonNull(head.nextInChain());
        assertThatThrownBy(() -> pool.release(follower)).hasMessageContaining("apart from the head");
        assertThat(pool.release(head)).isEqualTo(2);
    }

    @Test
    void reclaimsChainsMemberByMember() {
        BufferPool pool = BufferPool.allocate(5);
        PacketBuffer first = take(pool);
        PacketBuffer head = take(pool);
        head.append(first); // the follower stands before its head in the pool
        head.append(take(pool));

        assertThat(pool.reclaim()).isEqualTo(3);
        assertThat(pool.outstanding()).isZero();
    }
}
