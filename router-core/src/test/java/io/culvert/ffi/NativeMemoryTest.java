// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;
import org.junit.jupiter.api.Test;

final class NativeMemoryTest {
    @Test
    void mappedMemoryIsZeroedAlignedAndInNativeOrder() throws NativeException {
        ByteBuffer memory = NativeMemory.map(3 * NativeMemory.PAGE_BYTES + 1);

        assertThat(NativeMemory.address(memory) % NativeMemory.PAGE_BYTES).isZero();
        assertThat(memory.capacity()).isEqualTo(3 * NativeMemory.PAGE_BYTES + 1);
        assertThat(memory.order()).isEqualTo(ByteOrder.nativeOrder());
        assertThat(memory.getLong(2 * NativeMemory.PAGE_BYTES)).isZero();
    }

    @Test
    void mappedMemoryTakesNoneBeforeItIsTouchedAndThenAPage() throws NativeException {
        ByteBuffer memory = NativeMemory.map(64 << 20);

        long untouched = NativeMemory.residentBytes(memory);
        memory.put(20 << 20, (byte) 1);

        assertThat(untouched).isZero();
        assertThat(NativeMemory.residentBytes(memory)).isEqualTo(NativeMemory.PAGE_BYTES);
    }

    @Test
    void poolOfMappedMemoryTouchesOnlyThePacketsThatAreUsed() throws NativeException {
        ByteBuffer memory = NativeMemory.map(1024 * BufferPool.BUFFER_BYTES);
        BufferPool pool = new BufferPool(memory, NativeMemory.address(memory));
        for (int i = 0; i < 10_000; i++) {
            PacketBuffer packet = Objects.requireNonNull(pool.take());
            packet.setWindow(PacketBuffer.HEADROOM, 100);
            packet.bytes().put(packet.start(), (byte) i);
            pool.release(packet);
        }

        assertThat(NativeMemory.residentBytes(memory)).isEqualTo(NativeMemory.PAGE_BYTES);
    }

    @Test
    void aSliceKeepsMappedMemory() throws NativeException {
        ByteBuffer slice = NativeMemory.map(8 * NativeMemory.PAGE_BYTES).slice(NativeMemory.PAGE_BYTES, 8);
        slice.putLong(0, 42);
        for (int i = 0; i < 3; i++) {
            System.gc();
        }

        assertThat(slice.getLong(0)).isEqualTo(42);
    }

    @Test
    void addressSpaceThatIsNotThereIsRefused() {
        assertThat(Syscalls.mmapAnonymous(1L << 62)).isEqualTo(-Errno.ENOMEM);
    }

    @Test
    void residenceOfAMisalignedBufferIsRefused() throws NativeException {
        ByteBuffer misaligned = NativeMemory.map(NativeMemory.PAGE_BYTES).slice(8, 8);

        assertThatThrownBy(() -> NativeMemory.residentBytes(misaligned)).isInstanceOf(IllegalArgumentException.class);
    }
}
