// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.culvert.ffi.NativeMemory;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Device;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.TransmitQueue;
import io.culvert.spi.UdpSocket;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Over the loopback device of wherever the test runs. */
final class KernelUdpSocketTest {
    private static final int ID = 7;
    private static final int BUFFERS = 16;

    private final ByteBuffer memory = NativeMemory.allocate(BUFFERS * BufferPool.BUFFER_BYTES);
    private final BufferPool pool = new BufferPool(memory, NativeMemory.address(memory));
    private final PacketVector vector = new PacketVector(BUFFERS);
    private EventLoop loop;

    @BeforeEach
    void makeLoop() throws IOException {
        loop = new EventLoop();
    }

    @AfterEach
    void closeLoop() {
        loop.close();
    }

    private UdpSocket open(InetSocketAddress local, InetSocketAddress peer) throws IOException {
        return KernelUdpSocket.open(ID, local, peer, false, List.of(loop));
    }

    private static InetSocketAddress anyPort(String address) throws IOException {
        return new InetSocketAddress(InetAddress.getByName(address), 0);
    }

    private static DatagramSocket other(String address) throws IOException {
        DatagramSocket other = new DatagramSocket(anyPort(address));
        other.setSoTimeout(5000);
        return other;
    }

    private PacketBuffer packet(byte[] payload) {
        PacketBuffer packet = Objects.requireNonNull(pool.take());
        packet.setWindow(PacketBuffer.HEADROOM, payload.length);
        packet.copyFrom(payload, 0, packet.start(), payload.length);
        return packet;
    }

    private static byte[] payload(PacketBuffer packet) {
        byte[] payload = new byte[packet.length()];
        packet.bytes().get(packet.start(), payload);
        return payload;
    }

    private static long count(UdpSocket socket, UdpSocket.Counter counter) {
        return socket.counts().stream()
                .filter(count -> count.counter() == counter)
                .mapToLong(Device.Count::amount)
                .sum();
    }

    private void receive(ReceiveQueue queue, int packets) {
        await().atMost(Duration.ofSeconds(5)).until(() -> {
            queue.receive(vector, pool);
            return vector.size() >= packets;
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "::1"})
    void carriesDatagramsBothWays(String loopback) throws IOException {
        try (DatagramSocket other = other(loopback);
                UdpSocket socket = open(anyPort(loopback), (InetSocketAddress) other.getLocalSocketAddress())) {
            byte[] large = new byte[9000];
            Arrays.fill(large, (byte) 0x5a);
            vector.add(packet(new byte[] {1, 2, 3}));
            vector.add(packet(large));
            assertThat(socket.transmitQueue(0).transmit(vector, 0)).isEqualTo(2);
            for (byte[] expected : List.of(new byte[] {1, 2, 3}, large)) {
                DatagramPacket got = new DatagramPacket(new byte[10_000], 10_000);
                other.receive(got);
                assertThat(Arrays.copyOf(got.getData(), got.getLength())).isEqualTo(expected);
                assertThat(got.getSocketAddress()).isEqualTo(socket.local());
            }
            pool.release(vector.get(0));
            pool.release(vector.get(1));
            vector.clear();

            for (byte[] one : List.of(new byte[] {9}, new byte[0], large)) {
                other.send(new DatagramPacket(one, one.length, socket.local()));
            }
            receive(socket.receiveQueue(), 3);

            assertThat(payload(vector.get(0))).containsExactly(9);
            assertThat(vector.get(1).length()).isZero();
            assertThat(payload(vector.get(2))).isEqualTo(large);
            assertThat(vector.get(2).start()).isEqualTo(PacketBuffer.HEADROOM);
            assertThat(vector.get(2).receiveInterface()).isEqualTo(ID);
            assertThat(pool.outstanding()).isEqualTo(3);
        }
    }

    @Test
    void hearsItsPeerAlone() throws IOException {
        try (DatagramSocket peer = other("127.0.0.1");
                DatagramSocket stranger = other("127.0.0.1");
                UdpSocket socket = open(anyPort("127.0.0.1"), (InetSocketAddress) peer.getLocalSocketAddress())) {
            stranger.send(new DatagramPacket(new byte[] {6}, 1, socket.local()));
            assertThat(socket.hasArrived()).isFalse();
            peer.send(new DatagramPacket(new byte[] {5}, 1, socket.local()));

            assertThat(socket.hasArrived()).isTrue();
            receive(socket.receiveQueue(), 1);

            assertThat(payload(vector.get(0))).containsExactly(5);
        }
    }

    @Test
    void countsThatNobodyListensAndSendsOnAllTheSame() throws IOException {
        InetSocketAddress closed;
        try (DatagramSocket other = other("127.0.0.1")) {
            closed = (InetSocketAddress) other.getLocalSocketAddress();
        }
        try (UdpSocket socket = open(anyPort("127.0.0.1"), closed)) {
            TransmitQueue queue = socket.transmitQueue(0);
            vector.add(packet(new byte[] {1}));
            vector.add(packet(new byte[] {2}));
            // On loopback the answer to the first is there before the second leaves.
            for (int i = 0; i < 3; i++) {
                assertThat(queue.transmit(vector, 0)).as("sent in round " + i).isEqualTo(2);
            }
            assertThat(count(socket, UdpSocket.Counter.PORT_UNREACHABLE)).isPositive();

            long before = count(socket, UdpSocket.Counter.PORT_UNREACHABLE);
            PacketVector received = new PacketVector(BUFFERS);
            assertThat(socket.receiveQueue().receive(received, pool)).isZero();
            assertThat(count(socket, UdpSocket.Counter.PORT_UNREACHABLE)).isEqualTo(before + 1);
            socket.sendEmpty();
            socket.sendEmpty();
            assertThat(count(socket, UdpSocket.Counter.PORT_UNREACHABLE)).isEqualTo(before + 2);
            assertThat(pool.outstanding()).isEqualTo(2);
        }
    }

    @Test
    void refusesWhatThePathDoesNotTakeAndTellsToLookAtItsMtu() throws IOException {
        try (DatagramSocket other = other("127.0.0.1");
                UdpSocket socket = open(anyPort("127.0.0.1"), (InetSocketAddress) other.getLocalSocketAddress())) {
            Runnable[] called = new Runnable[1];
            socket.onChange(() -> called[0] = () -> {});
            assertThat(socket.pathMtu()).isBetween(1280, 65536);
            vector.add(packet(new byte[] {1}));
            vector.add(packet(new byte[65_508])); // one byte more than UDP over IPv4 has room for
            TransmitQueue queue = socket.transmitQueue(0);

            assertThat(queue.transmit(vector, 0)).isEqualTo(1);

            assertThat(queue.refusal()).isEqualTo(TransmitQueue.Refusal.PACKET_TOO_BIG);
            assertThat(called[0]).isNotNull();
        }
    }

    @Test
    void saysWhatIsInTheWayOfASocket() throws IOException {
        assertThatThrownBy(
                        () -> open(anyPort("192.0.2.77"), new InetSocketAddress(InetAddress.getLoopbackAddress(), 9)))
                .hasMessageContaining("bind: EADDRNOTAVAIL")
                .hasMessageContaining("192.0.2.77");
        try (DatagramSocket other = other("127.0.0.1")) {
            InetSocketAddress taken = (InetSocketAddress) other.getLocalSocketAddress();
            assertThatThrownBy(() -> open(taken, new InetSocketAddress(InetAddress.getLoopbackAddress(), 9)))
                    .hasMessageContaining("EADDRINUSE");
        }
        assertThatThrownBy(() -> open(anyPort("127.0.0.1"), new InetSocketAddress("127.255.255.255", 9)))
                .as("not as a right that the process lacks, for then the router would end")
                .isExactlyInstanceOf(IOException.class)
                .hasMessageContaining("broadcast");
    }

    @Test
    void wakesTheLaneThatReadsIt() throws Exception {
        try (DatagramSocket other = other("127.0.0.1");
                UdpSocket socket = open(anyPort("127.0.0.1"), (InetSocketAddress) other.getLocalSocketAddress())) {
            EventLoop.Tasks tasks = loop.start(Thread::new);
            CountDownLatch woken = new CountDownLatch(1);
            ReceiveQueue queue = socket.receiveQueue();
            tasks.execute(() -> queue.arm(woken::countDown));
            other.send(new DatagramPacket(new byte[] {5}, 1, socket.local()));

            assertThat(woken.await(5, TimeUnit.SECONDS)).isTrue();
            tasks.shutdown();
            assertThat(tasks.awaitTermination(5, TimeUnit.SECONDS)).isTrue();
        }
    }
}
