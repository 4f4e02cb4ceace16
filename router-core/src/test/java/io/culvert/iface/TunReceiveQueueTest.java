// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.ffi.EventFd;
import io.culvert.ffi.NativeMemory;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketVector;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

/** The device is an eventfd, each of whose reads gives 8 bytes: an IPv4 header's first, or no more than device headers. */
class TunReceiveQueueTest {
    private static final int PACKETS = 4;

    private final ByteBuffer memory = NativeMemory.allocate(PACKETS * BufferPool.BUFFER_BYTES);
    private final BufferPool pool = new BufferPool(memory, NativeMemory.address(memory));
    private final PacketVector vector = new PacketVector(PACKETS);

    private void read(int packetInformationBytes, int vnetHeaderBytes) throws Exception {
        try (EventLoop loop = new EventLoop();
                EventFd device = EventFd.create();
                EventLoop.Watch watch = loop.watch(device.fd())) {
            device.signal();
            TunReceiveQueue queue = new TunReceiveQueue(
                    3, "tun", 0, device.fd(), watch, false, packetInformationBytes, vnetHeaderBytes);
            assertThat(queue.receive(vector, pool)).isEqualTo(1);
            assertThat(queue.receive(vector, pool)).isZero();
        }
        assertThat(vector.size()).isEqualTo(1);
        assertThat(vector.get(0).receiveInterface()).isEqualTo(3);
        assertThat(pool.outstanding()).isEqualTo(1);
    }

    @Test
    void handsOnWhatIsBehindTheDeviceHeaders() throws Exception {
        read(4, 0);
        assertThat(vector.get(0).length()).isEqualTo(4);
    }

    @Test
    void handsOnAnEmptyPacketWhereNothingIsBehindTheDeviceHeaders() throws Exception {
        read(8, 0);
        assertThat(vector.get(0).length()).isZero();
    }

    @Test
    void handsOnAnEmptyPacketWhereTheDeviceHeadersAreCutShort() throws Exception {
        read(0, 10);
        assertThat(vector.get(0).length()).isZero();
    }
}
