// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VirtioNetHeaderTest {
    private static final byte[] TSO_WITH_ECN = HexFormat.of().parseHex("01813600a80522001000");

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void decodesLiteralBytesWhateverTheBuffersOrder(boolean bigEndian) {
        ByteBuffer buffer = dirty(bigEndian);
        buffer.put(3, TSO_WITH_ECN);

        assertThat(VirtioNetHeader.flags(buffer, 3)).isEqualTo(VirtioNetHeader.VIRTIO_NET_HDR_F_NEEDS_CSUM);
        assertThat(VirtioNetHeader.gsoType(buffer, 3))
                .isEqualTo(VirtioNetHeader.VIRTIO_NET_HDR_GSO_TCPV4 | VirtioNetHeader.VIRTIO_NET_HDR_GSO_ECN);
        assertThat(VirtioNetHeader.headerLength(buffer, 3)).isEqualTo(54);
        assertThat(VirtioNetHeader.gsoSize(buffer, 3)).isEqualTo(1448);
        assertThat(VirtioNetHeader.checksumStart(buffer, 3)).isEqualTo(34);
        assertThat(VirtioNetHeader.checksumOffset(buffer, 3)).isEqualTo(16);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void encodesIntoADirtyBufferWhateverItsOrder(boolean bigEndian) {
        ByteBuffer buffer = dirty(bigEndian);

        VirtioNetHeader.write(buffer, 3, 1, 0x81, 54, 1448, 34, 16);

        byte[] expected = new byte[24];
        Arrays.fill(expected, (byte) 0xa5);
        System.arraycopy(TSO_WITH_ECN, 0, expected, 3, TSO_WITH_ECN.length);
        assertThat(buffer).isEqualTo(ByteBuffer.wrap(expected));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void keepsUnsignedValues(boolean bigEndian) {
        ByteBuffer buffer = dirty(bigEndian);
        VirtioNetHeader.write(buffer, 0, 0xff, 0xff, 0xfffe, 0x8000, 0xff01, 0xffff);
        assertThat(VirtioNetHeader.flags(buffer, 0)).isEqualTo(0xff);
        assertThat(VirtioNetHeader.headerLength(buffer, 0)).isEqualTo(0xfffe);
        assertThat(VirtioNetHeader.gsoSize(buffer, 0)).isEqualTo(0x8000);
        assertThat(VirtioNetHeader.checksumStart(buffer, 0)).isEqualTo(0xff01);
        assertThat(VirtioNetHeader.checksumOffset(buffer, 0)).isEqualTo(0xffff);
    }

    @ParameterizedTest
    @ValueSource(ints = {VirtioNetHeader.BYTES, VirtioNetHeader.BYTES_WITH_NUM_BUFFERS})
    void clearsItsLengthAndNothingElse(int bytes) {
        ByteBuffer buffer = dirty(true);
        VirtioNetHeader.clear(buffer, 2, bytes);
        byte[] expected = new byte[24];
        Arrays.fill(expected, (byte) 0xa5);
        Arrays.fill(expected, 2, 2 + bytes, (byte) 0);
        assertThat(buffer).isEqualTo(ByteBuffer.wrap(expected));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 5, 9})
    void rejectsATruncatedHeader(int bytes) {
        ByteBuffer buffer = ByteBuffer.allocate(bytes);
        assertThatThrownBy(() -> VirtioNetHeader.checksumOffset(buffer, 0))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    private static ByteBuffer dirty(boolean bigEndian) {
        byte[] bytes = new byte[24];
        Arrays.fill(bytes, (byte) 0xa5);
        return ByteBuffer.wrap(bytes).order(bigEndian ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
    }
}
