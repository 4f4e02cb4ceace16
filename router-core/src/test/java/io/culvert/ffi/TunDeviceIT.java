// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@RequiresNamespaces
class TunDeviceIT {
    private static final int ICMP = 1;
    private static final int UDP = 17;
    private static final int IPV4_ETHERTYPE = 0x0800;
    private static final int ARP_ETHERTYPE = 0x0806;

    private final ByteBuffer buffer = NativeMemory.allocate(70_000).order(ByteOrder.BIG_ENDIAN);
    private final long address = NativeMemory.address(buffer);
    private final ByteBuffer pollfd = NativeMemory.allocate(8);

    private ScratchNamespace namespace;

    @BeforeEach
    void makeNamespace() throws IOException {
        namespace = new ScratchNamespace();
    }

    @AfterEach
    void removeNamespace() throws IOException {
        namespace.close();
    }

    @Test
    void namesADeviceByPatternAndRemovesItWithItsLastDescriptor() throws Exception {
        try (TunDevice first = open(TunDevice.builder(TunDevice.Kind.TUN, "cv%d"));
                TunDevice second = open(TunDevice.builder(TunDevice.Kind.TAP, "cv%d"))) {
            assertThat(first.name()).isEqualTo("cv0");
            assertThat(second.name()).isEqualTo("cv1");
            assertThat(namespace.ip("-d link show cv0"))
                    .contains("tun type tun")
                    .contains("POINTOPOINT");
            assertThat(namespace.ip("-d link show cv1"))
                    .contains("tun type tap")
                    .contains("link/ether");
            namespace.ip("link set cv1 name renamed");
            assertThat(second.currentName()).isEqualTo("renamed");
        }
        assertThat(namespace.ip("-br link")).doesNotContain("cv0").doesNotContain("renamed");
    }

    @ParameterizedTest
    @CsvSource({"false, 0", "true, 0", "false, 10", "true, 10", "false, 12", "true, 12"})
    void carriesAPingEachWayBehindTheHeadersAskedFor(boolean packetInformation, int vnetHeader) throws Exception {
        try (TunDevice tun = open(TunDevice.builder(TunDevice.Kind.TUN, "cv0")
                .packetInformation(packetInformation)
                .vnetHeader(vnetHeader))) {
            assertThat(tun.packetInformationBytes()).isEqualTo(packetInformation ? 4 : 0);
            assertThat(tun.vnetHeaderBytes()).isEqualTo(vnetHeader);
            int ip = tun.packetInformationBytes() + vnetHeader;
            namespace.ip("addr add 10.77.0.1/24 dev cv0");
            namespace.ip("link set cv0 up");
            Process ping = namespace.start("ping -c 1 -W 10 10.77.0.2");

            int length = readIp4(tun, 0, ip, ICMP);

            assertThat(length).isEqualTo(ip + 84);
            if (packetInformation) {
                assertThat(buffer.getShort(0)).isZero();
                assertThat(buffer.getShort(2) & 0xffff).isEqualTo(IPV4_ETHERTYPE);
            }
            if (vnetHeader > 0) {
                assertThat(VirtioNetHeader.gsoType(buffer, tun.packetInformationBytes()))
                        .isEqualTo(VirtioNetHeader.VIRTIO_NET_HDR_GSO_NONE);
                VirtioNetHeader.clear(buffer, tun.packetInformationBytes(), vnetHeader);
            }
            answerEcho(ip);
            assertThat(Syscalls.write(tun.fd(0), address, length)).isEqualTo(length);
            String said = new String(ping.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(ping.waitFor()).as(said).isZero();
        }
    }

    @Test
    void givesEthernetFramesFromATap() throws Exception {
        try (TunDevice tap = open(TunDevice.builder(TunDevice.Kind.TAP, "cvtap"))) {
            namespace.ip("addr add 10.78.0.1/24 dev cvtap");
            namespace.ip("link set cvtap up");
            Process ping = namespace.start("ping -c 1 -W 1 10.78.0.2");

            int length = read(tap, 0, n -> n >= 42 && (buffer.getShort(12) & 0xffff) == ARP_ETHERTYPE);

            assertThat(length).isEqualTo(42);
            assertThat(buffer.getLong(0) >>> 16).isEqualTo(0xffffffffffffL);
            assertThat(buffer.getInt(38)).isEqualTo(0x0a4e0002);
            ping.destroy();
        }
    }

    @Test
    void leavesChecksumsToAReaderThatOffersToFillThem() throws Exception {
        try (TunDevice tun = open(TunDevice.builder(TunDevice.Kind.TUN, "cv0").vnetHeader(10))) {
            int always = TunDevice.TUN_F_CSUM | TunDevice.TUN_F_TSO4 | TunDevice.TUN_F_TSO6;
            assertThat(tun.offloads() & always).isEqualTo(always);
            namespace.ip("addr add 10.77.0.1/24 dev cv0");
            namespace.ip("link set cv0 up");
            sendDatagram("10.77.0.2", 9);

            readIp4(tun, 0, 10, UDP);

            assertThat(VirtioNetHeader.flags(buffer, 0)).isEqualTo(VirtioNetHeader.VIRTIO_NET_HDR_F_NEEDS_CSUM);
            assertThat(VirtioNetHeader.checksumStart(buffer, 0)).isEqualTo(20);
            assertThat(VirtioNetHeader.checksumOffset(buffer, 0)).isEqualTo(6);
        }
    }

    @Test
    void asksForNoMoreOffloadsThanWanted() throws Exception {
        try (TunDevice tun =
                open(TunDevice.builder(TunDevice.Kind.TUN, "cv0").vnetHeader(12).offloads(0))) {
            assertThat(tun.offloads()).isZero();
            namespace.ip("addr add 10.77.0.1/24 dev cv0");
            namespace.ip("link set cv0 up");
            sendDatagram("10.77.0.2", 9);
            readIp4(tun, 0, 12, UDP);
            assertThat(VirtioNetHeader.flags(buffer, 0) & VirtioNetHeader.VIRTIO_NET_HDR_F_NEEDS_CSUM)
                    .isZero();
        }
        // segmentation without checksums: the kernel refuses that, so nothing is granted
        try (TunDevice tun =
                open(TunDevice.builder(TunDevice.Kind.TUN, "cv0").vnetHeader(10).offloads(TunDevice.TUN_F_TSO4))) {
            assertThat(tun.offloads() & TunDevice.TUN_F_CSUM).isZero();
        }
    }

    @Test
    void spreadsFlowsOverTheQueuesThatAreEnabled() throws Exception {
        try (TunDevice tun = open(TunDevice.builder(TunDevice.Kind.TUN, "cv0").queues(2))) {
            assertThat(tun.queues()).isEqualTo(2);
            assertThat(namespace.ip("-d link show cv0")).contains("multi_queue");
            namespace.ip("addr add 10.77.0.1/24 dev cv0");
            namespace.ip("link set cv0 up");
            for (int port = 1000; port < 1064; port++) {
                sendDatagram("10.77.0.2", port);
            }
            Set<Integer> first = portsRead(tun, 0);
            Set<Integer> second = portsRead(tun, 1);
            assertThat(first).isNotEmpty().doesNotContainAnyElementsOf(second);
            assertThat(second).isNotEmpty();
            assertThat(first.size() + second.size()).isEqualTo(64);

            tun.setQueueEnabled(1, false);
            for (int port = 1000; port < 1064; port++) {
                sendDatagram("10.77.0.2", port);
            }
            assertThat(portsRead(tun, 0)).hasSize(64);
            tun.setQueueEnabled(1, true);
            sendDatagram("10.77.0.2", 1000);
            assertThat(portsRead(tun, 0).size() + portsRead(tun, 1).size()).isEqualTo(1);
        }
    }

    @Test
    void persistsWhenToldAndAttachesAgain() throws Exception {
        try (TunDevice tun = open(TunDevice.builder(TunDevice.Kind.TUN, "cvp")
                .persistent()
                .owner(0)
                .group(0))) {
            assertThat(tun.isPersistent()).isTrue();
            assertThatThrownBy(() -> open(TunDevice.builder(TunDevice.Kind.TUN, "cvp")))
                    .isInstanceOf(NativeException.class)
                    .hasMessageContaining("EBUSY")
                    .hasMessageContaining("another program has it open");
        }
        assertThat(namespace.ip("-d link show cvp"))
                .contains("persist on")
                .contains("user root")
                .contains("group root");
        assertThatThrownBy(() -> open(TunDevice.builder(TunDevice.Kind.TAP, "cvp")))
                .hasMessageContaining("EINVAL")
                .hasMessageContaining("cvp: a device of this name exists and is not a tap device with one queue");
        assertThatThrownBy(
                        () -> open(TunDevice.builder(TunDevice.Kind.TUN, "cvp").queues(2)))
                .hasMessageContaining("is not a tun device with several queues");
        try (TunDevice again = open(TunDevice.builder(TunDevice.Kind.TUN, "cvp").vnetHeader(12))) {
            assertThat(again.isPersistent()).isTrue();
            again.setPersistent(false);
            assertThat(again.isPersistent()).isFalse();
        }
        assertThat(namespace.ip("-br link")).doesNotContain("cvp");
    }

    @Test
    void attachesToADeviceThatIproute2Made() throws Exception {
        namespace.ip("tuntap add dev cvx mode tap multi_queue vnet_hdr");
        try (TunDevice tap =
                open(TunDevice.builder(TunDevice.Kind.TAP, "cvx").multiQueue().vnetHeader(10))) {
            assertThat(tap.isPersistent()).isTrue();
            assertThat(tap.queues()).isEqualTo(1);
        }
        assertThat(namespace.ip("-br link")).contains("cvx");
    }

    @Test
    void refusesNamesThatCannotBe() throws Exception {
        namespace.ip("link add cvv type veth peer name cvw");
        assertThatThrownBy(() -> open(TunDevice.builder(TunDevice.Kind.TUN, "cvv")))
                .hasMessageContaining("cvv: a device of this name exists and is no tun or tap device but a veth");
        assertThatThrownBy(() -> open(TunDevice.builder(TunDevice.Kind.TUN, "lo")))
                .hasMessageEndingWith("lo: a device of this name exists and is no tun or tap device");
        assertThatThrownBy(() -> TunDevice.builder(TunDevice.Kind.TUN, "sixteen-letters-")
                        .open())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("longer than 15 bytes");
        assertThatThrownBy(() -> TunDevice.builder(TunDevice.Kind.TUN, "a/b").open())
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void showsTheCarrierThatItIsToldAbout() throws Exception {
        try (TunDevice tap = open(TunDevice.builder(TunDevice.Kind.TAP, "cvc"))) {
            namespace.ip("link set cvc up");
            assertThat(namespace.ip("link show cvc")).contains("LOWER_UP");
            tap.setCarrier(false);
            assertThat(namespace.ip("link show cvc")).contains("NO-CARRIER");
            tap.setCarrier(true);
            assertThat(namespace.ip("link show cvc")).contains("LOWER_UP");
        }
    }

    @Test
    void reportsADeviceThatIsDownAndOneThatWasDeleted() throws Exception {
        try (TunDevice tun = open(TunDevice.builder(TunDevice.Kind.TUN, "cv0"))) {
            buffer.put(0, (byte) 0x45);
            assertThat(Syscalls.write(tun.fd(0), address, 40)).isEqualTo(-Errno.EIO);
            assertThat(Syscalls.read(tun.fd(0), address, 2000)).isEqualTo(-Errno.EAGAIN);
            namespace.ip("link del cv0");
            assertThat(Syscalls.read(tun.fd(0), address, 2000)).isEqualTo(-Errno.EBADFD);
            assertThat(Syscalls.write(tun.fd(0), address, 40)).isEqualTo(-Errno.EBADFD);
            pollfd.putInt(0, tun.fd(0)).putShort(4, (short) Syscalls.POLLIN);
            assertThat(Syscalls.poll(NativeMemory.address(pollfd), 1, 0)).isEqualTo(1);
            assertThat(pollfd.getShort(6) & Syscalls.POLLERR).isNotZero();
        }
    }

    private TunDevice open(TunDevice.Builder builder) throws IOException {
        return namespace.call(builder::open);
    }

    private void sendDatagram(String destination, int port) throws IOException {
        namespace.call(() -> {
            try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress("10.77.0.1", 5000))) {
                byte[] payload = "hello".getBytes(StandardCharsets.US_ASCII);
                socket.send(new DatagramPacket(payload, payload.length, InetAddress.getByName(destination), port));
            }
            return 0;
        });
    }

    private Set<Integer> portsRead(TunDevice tun, int queue) {
        Set<Integer> ports = new HashSet<>();
        while (true) {
            int length = Syscalls.read(tun.fd(queue), address, buffer.capacity());
            if (length < 0) {
                assertThat(length).isEqualTo(-Errno.EAGAIN);
                return ports;
            }
            if (buffer.get(0) == 0x45 && buffer.get(9) == UDP) {
                ports.add(buffer.getShort(22) & 0xffff);
            }
        }
    }

    /** Reads until an IPv4 packet of a protocol comes; the host sends IPv6 housekeeping unasked. */
    private int readIp4(TunDevice tun, int queue, int ip, int protocol) {
        return read(tun, queue, n -> n >= ip + 20 && buffer.get(ip) == 0x45 && buffer.get(ip + 9) == protocol);
    }

    private int read(TunDevice tun, int queue, IntPredicate wanted) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (System.nanoTime() < deadline) {
            int length = Syscalls.read(tun.fd(queue), address, buffer.capacity());
            if (length == -Errno.EAGAIN) {
                pollfd.putInt(0, tun.fd(queue)).putShort(4, (short) Syscalls.POLLIN);
                Syscalls.poll(NativeMemory.address(pollfd), 1, 500);
                continue;
            }
            assertThat(length).isPositive();
            if (wanted.test(length)) {
                return length;
            }
        }
        throw new AssertionError("no such packet within 10 s");
    }

    /** Turns an echo request into its reply: addresses swapped, type 8 to 0, which adds 0x0800 to the checksum. */
    private void answerEcho(int ip) {
        int source = buffer.getInt(ip + 12);
        buffer.putInt(ip + 12, buffer.getInt(ip + 16)).putInt(ip + 16, source);
        buffer.put(ip + 20, (byte) 0);
        int sum = (buffer.getShort(ip + 22) & 0xffff) + 0x0800;
        buffer.putShort(ip + 22, (short) ((sum & 0xffff) + (sum >>> 16)));
    }
}
