// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.ffi.KernelLink;
import io.culvert.ffi.NativeMemory;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.ffi.PacketSocket;
import io.culvert.ffi.Rtnetlink;
import io.culvert.ffi.Syscalls;
import io.culvert.ffi.TunDevice;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketVector;
import io.culvert.testkit.RequiresNamespaces;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The socket is on a tun, which takes packets that are shorter than any link header. */
@RequiresNamespaces
@Timeout(60)
final class PacketReceiveQueueIT {
    private static final int PACKETS = 16;

    private final ByteBuffer memory = NativeMemory.allocate(PACKETS * BufferPool.BUFFER_BYTES);
    private final BufferPool pool = new BufferPool(memory, NativeMemory.address(memory));
    private final PacketVector vector = new PacketVector(PACKETS);

    @Test
    void handsOnWhatIsTooShortForALinkHeader() throws Exception {
        try (TestHost home = new TestHost();
                TunDevice tun = NetworkNamespace.call(
                        home.namespace,
                        () -> TunDevice.builder(TunDevice.Kind.TUN, "short").open());
                PacketSocket socket = NetworkNamespace.call(home.namespace, () -> open("short"));
                EventLoop loop = new EventLoop();
                EventLoop.Watch watch = loop.watch(socket.fd(0))) {
            PacketReceiveQueue queue = new PacketReceiveQueue(3, "short", socket, 0, watch);
            ByteBuffer packet = NativeMemory.allocate(20).put(0, (byte) 0x45);
            for (int bytes : new int[] {1, 13, 20}) {
                assertThat(Syscalls.write(tun.fd(0), NativeMemory.address(packet), bytes))
                        .isEqualTo(bytes);
            }

            await().untilAsserted(() -> {
                queue.receive(vector, pool);
                assertThat(vector.size()).isEqualTo(3);
            });

            assertThat(vector.get(0).length()).isEqualTo(1);
            assertThat(vector.get(1).length()).isEqualTo(13);
            assertThat(vector.get(2).length()).isEqualTo(20);
            assertThat(pool.outstanding()).isEqualTo(3);
        }
    }

    private static PacketSocket open(String device) throws Exception {
        try (Rtnetlink netlink = Rtnetlink.open()) {
            KernelLink link = netlink.link(device).orElseThrow();
            netlink.setUp(link.index(), true);
            return PacketSocket.builder(link.index()).vnetHeader(true).open();
        }
    }
}
