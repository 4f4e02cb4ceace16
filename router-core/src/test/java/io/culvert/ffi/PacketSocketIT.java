// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Packet sockets on a veth pair: the kernel holds 10.79.0.1 on {@code near}, the sockets are on {@code far}. */
@RequiresNamespaces
class PacketSocketIT {
    private static final int MESSAGES = 16;
    private static final int ROOM = 2048;
    private static final int ETHERTYPE = 12;
    private static final int IP = 14;
    private static final int UDP = 17;
    private static final long NEAR_MAC = 0x02cf00000001L;
    private static final long FAR_MAC = 0x02cf00000002L;

    private final ByteBuffer frames = NativeMemory.allocate(MESSAGES * ROOM).order(ByteOrder.BIG_ENDIAN);
    private final long address = NativeMemory.address(frames);
    private final MessageVector vector = new MessageVector(MESSAGES, 1, true);
    private final ByteBuffer pollfd = NativeMemory.allocate(8);

    private ScratchNamespace namespace;

    @BeforeEach
    void makeVethPair() throws IOException {
        namespace = new ScratchNamespace();
        namespace.call(() -> Files.writeString(Path.of("/proc/sys/net/ipv6/conf/default/disable_ipv6"), "1"));
        namespace.ip("link add near address 02:cf:00:00:00:01 type veth peer name far address 02:cf:00:00:00:02");
        namespace.ip("addr add 10.79.0.1/24 dev near");
        namespace.ip("link set near up");
        namespace.ip("link set far up");
        namespace.ip("neigh add 10.79.0.2 lladdr 02:cf:00:00:00:02 dev near nud permanent");
        await().until(() -> namespace.ip("link show near").contains("LOWER_UP"));
        for (int i = 0; i < MESSAGES; i++) {
            vector.set(i, address + (long) i * ROOM, ROOM);
        }
    }

    @AfterEach
    void removeNamespace() throws IOException {
        namespace.close();
    }

    @Test
    void tellsWithAVirtioHeaderThatTheSenderLeftTheChecksumOpen() throws Exception {
        try (PacketSocket socket = open("far", false)) {
            assertThat(socket.vnetHeaderBytes()).isZero();
            sendDatagram(1000);
            assertThat(receive(socket, 0)).isEqualTo(1);
            assertThat(vector.length(0)).isEqualTo(14 + 20 + 8 + 5);
            assertThat(vector.auxdataStatus(0) & PacketSocket.TP_STATUS_CSUMNOTREADY)
                    .isNotZero();
        }
        try (PacketSocket socket = open("far", true)) {
            assertThat(socket.vnetHeaderBytes()).isEqualTo(10);
            sendDatagram(1000);
            assertThat(receive(socket, 0)).isEqualTo(1);
            assertThat(vector.length(0)).isEqualTo(10 + 14 + 20 + 8 + 5);
            assertThat(VirtioNetHeader.flags(frames, 0)).isEqualTo(VirtioNetHeader.VIRTIO_NET_HDR_F_NEEDS_CSUM);
            assertThat(VirtioNetHeader.checksumStart(frames, 0)).isEqualTo(IP + 20);
            assertThat(VirtioNetHeader.checksumOffset(frames, 0)).isEqualTo(6);
            assertThat(frames.getLong(10) >>> 16).isEqualTo(FAR_MAC);
        }
    }

    @Test
    void sendsFramesWhoseChecksumTheKernelCompletes() throws Exception {
        try (PacketSocket socket = open("far", true);
                DatagramSocket kernel =
                        namespace.call(() -> new DatagramSocket(new InetSocketAddress("10.79.0.1", 5001)))) {
            sendDatagram(1000);
            assertThat(receive(socket, 0)).isEqualTo(1);
            turnAround(10, 5001);
            vector.set(0, address, vector.length(0));

            assertThat(vector.send(socket.fd(0), 0, 1)).isEqualTo(1);

            kernel.setSoTimeout(10_000);
            DatagramPacket received = new DatagramPacket(new byte[16], 16);
            kernel.receive(received);
            assertThat(received.getLength()).isEqualTo(5);
            assertThat(received.getAddress().getHostAddress()).isEqualTo("10.79.0.2");
            vector.set(0, address, ROOM);
            assertThat(vector.receive(socket.fd(0), MESSAGES))
                    .as("own outgoing frames")
                    .isEqualTo(-Errno.EAGAIN);
        }
    }

    @ParameterizedTest
    @CsvSource({"81000123, false", "81000123, true", "88a86005, false", "88a86005, true"})
    void givesBackTheTagThatTheKernelTookOut(String tag, boolean vnetHeader) throws Exception {
        try (PacketSocket sender = open("near", false);
                PacketSocket receiver = open("far", vnetHeader)) {
            byte[] frame = HexFormat.of().parseHex("02cf0000000202cf00000001" + tag + "88b5" + "00".repeat(46));
            frames.put(0, frame);
            vector.set(0, address, frame.length);
            assertThat(vector.send(sender.fd(0), 0, 1)).isEqualTo(1);
            vector.set(0, address, ROOM);

            assertThat(receive(receiver, 0)).isEqualTo(1);

            assertThat(vector.vlanTag(0)).isEqualTo(Integer.parseUnsignedInt(tag, 16));
            int header = receiver.vnetHeaderBytes();
            assertThat(vector.length(0)).isEqualTo(header + frame.length - 4);
            assertThat(frames.getShort(header + ETHERTYPE) & 0xffff).isEqualTo(0x88b5);
        }
    }

    @Test
    void hasNoTagForAFrameThatHadNone() throws Exception {
        try (PacketSocket socket = open("far", false)) {
            sendDatagram(1000);
            assertThat(receive(socket, 0)).isEqualTo(1);
            assertThat(vector.vlanTag(0)).isEqualTo(MessageVector.NO_VLAN_TAG);
        }
    }

    @Test
    void spreadsFlowsOverQueuesWithoutCopiesAndWithoutOwnFrames() throws Exception {
        int far = index("far");
        try (PacketSocket socket = namespace.call(() ->
                        PacketSocket.builder(far).queues(2).vnetHeader(true).open());
                PacketSocket alone = open("near", false)) {
            for (int port = 1000; port < 1064; port++) {
                sendDatagram(port);
            }
            Set<Integer> first = portsReceived(socket, 0);
            Set<Integer> second = portsReceived(socket, 1);
            assertThat(first).isNotEmpty().doesNotContainAnyElementsOf(second);
            assertThat(second).isNotEmpty();
            assertThat(first.size() + second.size()).isEqualTo(64);
            assertThat(socket.statistics(0)).isEqualTo(new PacketSocket.Statistics(first.size(), 0));

            frames.put(0, new byte[10]);
            frames.put(10, HexFormat.of().parseHex("02cf0000000102cf0000000288b5" + "00".repeat(46)));
            vector.set(0, address, 70);
            assertThat(vector.send(socket.fd(1), 0, 1)).isEqualTo(1);
            vector.set(0, address, ROOM);
            assertThat(receive(alone, 0)).isEqualTo(1);
            assertThat(vector.receive(socket.fd(0), MESSAGES)).isEqualTo(-Errno.EAGAIN);
            assertThat(vector.receive(socket.fd(1), MESSAGES)).isEqualTo(-Errno.EAGAIN);
        }
    }

    @Test
    void putsTheDeviceIntoTheModesAskedForAsLongAsItIsOpen() throws Exception {
        int far = index("far");
        try (PacketSocket socket = namespace.call(() -> PacketSocket.builder(far)
                .promiscuous(true)
                .allMulticast(true)
                .bypassQdisc(true)
                .receiveBuffer(4 << 20)
                .sendBuffer(4 << 20)
                .open())) {
            assertThat(namespace.ip("-d link show far"))
                    .contains("promiscuity 1")
                    .contains("allmulti 1");
            socket.acceptMulticast(0x01005e000005L);
            assertThat(namespace.ip("maddr show dev far")).contains("01:00:5e:00:00:05");
            socket.acceptUnicast(0x02cf000000aaL);
        }
        assertThat(namespace.ip("-d link show far")).contains("promiscuity 0");
    }

    @Test
    void countsWhatAFullReceiveBufferLost() throws Exception {
        int far = index("far");
        try (PacketSocket socket = namespace.call(
                () -> PacketSocket.builder(far).receiveBuffer(4096).open())) {
            for (int i = 0; i < 100; i++) {
                sendDatagram(1000);
            }
            PacketSocket.Statistics statistics = socket.statistics(0);
            assertThat(statistics.queued()).isPositive();
            assertThat(statistics.dropped()).isPositive();
            assertThat(statistics.queued() + statistics.dropped()).isEqualTo(100);
            assertThat(socket.statistics(0)).isEqualTo(new PacketSocket.Statistics(0, 0));
        }
    }

    @Test
    void reportsOnceThatTheDeviceWentDownAndReceivesAgainWhenItIsUp() throws Exception {
        try (PacketSocket socket = open("far", false)) {
            namespace.ip("link set far down");
            assertThat(vector.receive(socket.fd(0), MESSAGES)).isEqualTo(-Errno.ENETDOWN);
            assertThat(vector.receive(socket.fd(0), MESSAGES)).isEqualTo(-Errno.EAGAIN);
            namespace.ip("link set far up");
            await().until(() -> namespace.ip("link show near").contains("LOWER_UP"));
            sendDatagram(1000);
            assertThat(receive(socket, 0)).isEqualTo(1);

            namespace.ip("link del far");
            assertThat(vector.receive(socket.fd(0), MESSAGES)).isEqualTo(-Errno.ENETDOWN);
            assertThat(vector.send(socket.fd(0), 0, 1)).isEqualTo(-Errno.ENXIO);
        }
    }

    @Test
    void saysThatThereIsNoSuchDevice() {
        assertThatThrownBy(() -> namespace.call(() -> PacketSocket.builder(999).open()))
                .isInstanceOf(NativeException.class)
                .hasMessageContaining("ENODEV")
                .hasMessageContaining("there is no interface 999");
    }

    private int index(String device) throws IOException {
        return namespace.call(() -> Syscalls.ifNameToIndex(device));
    }

    private PacketSocket open(String device, boolean vnetHeader) throws IOException {
        int index = index(device);
        return namespace.call(
                () -> PacketSocket.builder(index).vnetHeader(vnetHeader).open());
    }

    private void sendDatagram(int port) throws IOException {
        namespace.call(() -> {
            try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress("10.79.0.1", 5000))) {
                byte[] payload = "hello".getBytes(StandardCharsets.US_ASCII);
                socket.send(new DatagramPacket(payload, payload.length, InetAddress.getByName("10.79.0.2"), port));
            }
            return 0;
        });
    }

    private int receive(PacketSocket socket, int queue) {
        pollfd.putInt(0, socket.fd(queue)).putShort(4, (short) Syscalls.POLLIN);
        Syscalls.poll(NativeMemory.address(pollfd), 1, (int) TimeUnit.SECONDS.toMillis(10));
        return vector.receive(socket.fd(queue), MESSAGES);
    }

    private Set<Integer> portsReceived(PacketSocket socket, int queue) {
        Set<Integer> ports = new HashSet<>();
        while (true) {
            int count = vector.receive(socket.fd(queue), MESSAGES);
            if (count < 0) {
                assertThat(count).isEqualTo(-Errno.EAGAIN);
                return ports;
            }
            for (int i = 0; i < count; i++) {
                int ip = i * ROOM + socket.vnetHeaderBytes() + IP;
                assertThat(frames.get(ip + 9)).isEqualTo((byte) UDP);
                assertThat(ports.add(frames.getShort(ip + 22) & 0xffff))
                        .as("each frame once")
                        .isTrue();
            }
        }
    }

    /** Turns the datagram of message 0 back to its sender; swapped addresses keep a pseudo header's sum. */
    private void turnAround(int ethernet, int port) {
        putMac(ethernet, NEAR_MAC);
        putMac(ethernet + 6, FAR_MAC);
        int ip = ethernet + IP;
        int source = frames.getInt(ip + 12);
        frames.putInt(ip + 12, frames.getInt(ip + 16)).putInt(ip + 16, source);
        frames.putShort(ip + 22, (short) port);
    }

    private void putMac(int at, long mac) {
        frames.putShort(at, (short) (mac >>> 32)).putInt(at + 2, (int) mac);
    }
}
