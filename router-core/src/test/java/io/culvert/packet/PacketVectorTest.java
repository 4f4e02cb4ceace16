// SPDX-License-Identifier: Apache-2.0
package io.culvert.packet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class PacketVectorTest {
    private final BufferPool pool = BufferPool.allocate(3);

    private PacketBuffer take() {
        return Objects.requireNonNull(pool.take());
    }

    @Test
    void keepsTheOrder() {
        PacketVector vector = new PacketVector(2);
        PacketBuffer first = take();
        PacketBuffer second = take();
        assertThat(vector.isEmpty()).isTrue();
        vector.add(first);
        assertThat(vector.isFull()).isFalse();
        vector.add(second);

        assertThat(vector.size()).isEqualTo(2);
        assertThat(vector.capacity()).isEqualTo(2);
        assertThat(vector.isFull()).isTrue();
        assertThat(vector.get(0)).isSameAs(first);
        assertThat(vector.get(1)).isSameAs(second);
    }

    @Test
    void takesNoMoreThanItHolds() {
        PacketVector vector = new PacketVector(1);
        vector.add(take());
        PacketBuffer more = take();

        assertThatThrownBy(() -> vector.add(more)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(vector.size()).isEqualTo(1);
    }

    @Test
    void closesUpBehindWhatIsRemoved() {
        PacketVector vector = new PacketVector(3);
        PacketBuffer first = take();
        PacketBuffer last = take();
        vector.add(first);
        vector.add(take());
        vector.add(last);

        vector.remove(1);

        assertThat(vector.size()).isEqualTo(2);
        assertThat(vector.get(0)).isSameAs(first);
        assertThat(vector.get(1)).isSameAs(last);
        vector.remove(1);
        assertThat(vector.size()).isEqualTo(1);
        assertThatThrownBy(() -> vector.remove(1)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void hidesWhatItHasForgotten() {
        PacketVector vector = new PacketVector(2);
        vector.add(take());
        vector.clear();

        assertThat(vector.isEmpty()).isTrue();
        assertThatThrownBy(() -> vector.get(0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> vector.get(-1)).isInstanceOf(IndexOutOfBoundsException.class);
        PacketBuffer next = take();
        vector.add(next);
        assertThat(vector.get(0)).isSameAs(next);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 257})
    void refusesImpossibleCapacities(int capacity) {
        assertThatThrownBy(() -> new PacketVector(capacity)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void holdsUpToTheMostThatCanBeConfigured() {
        assertThat(new PacketVector(PacketVector.MAX_CAPACITY).capacity()).isEqualTo(256);
    }
}
