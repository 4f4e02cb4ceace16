// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.ffi.NativeMemory;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.ffi.Syscalls;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A connected UDP socket of a host, with the options that Java's sockets lack (udp(7), ip(7), ipv6(7)). */
final class RawDatagrams implements AutoCloseable {
    private static final int IPPROTO_IP = 0;
    private static final int IPPROTO_UDP = 17;
    private static final int IPPROTO_IPV6 = 41;
    private static final int UDP_SEGMENT = 103;
    private static final int IP_MTU_DISCOVER = 10;
    private static final int IP_MTU = 14;
    private static final int IPV6_MTU_DISCOVER = 23;
    private static final int IPV6_MTU = 24;
    private static final int PMTUDISC_PROBE = 3;
    private static final int SOCKADDR_IN6_BYTES = 28;

    private final int fd;
    private final boolean ip6;
    private final ByteBuffer memory = NativeMemory.allocate(1 << 16);

    private RawDatagrams(int fd, boolean ip6) {
        this.fd = fd;
        this.ip6 = ip6;
    }

    static RawDatagrams open(TestHost host, InetSocketAddress to) throws IOException {
        InetAddress address = to.getAddress();
        boolean ip6 = address.getAddress().length > 4;
        int fd = NetworkNamespace.call(
                host.namespace,
                () -> Syscalls.socket(
                        ip6 ? Syscalls.AF_INET6 : Syscalls.AF_INET, Syscalls.SOCK_DGRAM | Syscalls.SOCK_CLOEXEC, 0));
        assertThat(fd).isPositive();
        ByteBuffer sockaddr =
                NativeMemory.allocate(ip6 ? SOCKADDR_IN6_BYTES : 16).order(ByteOrder.nativeOrder());
        sockaddr.putShort(0, (short) (ip6 ? Syscalls.AF_INET6 : Syscalls.AF_INET));
        sockaddr.order(ByteOrder.BIG_ENDIAN).putShort(2, (short) to.getPort());
        sockaddr.put(ip6 ? 8 : 4, address.getAddress());
        assertThat(Syscalls.connect(fd, sockaddr)).isZero();
        return new RawDatagrams(fd, ip6);
    }

    /** Has the kernel cut what is sent into datagrams of so many bytes. */
    void segmented(int bytes) {
        assertThat(Syscalls.setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, bytes)).isZero();
    }

    /** Sends whole what the first link takes, whatever is known about the path. */
    void dontFragment() {
        assertThat(Syscalls.setsockopt(
                        fd, ip6 ? IPPROTO_IPV6 : IPPROTO_IP, ip6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, PMTUDISC_PROBE))
                .isZero();
    }

    /** Answers how many bytes were sent, or a negated errno. */
    int send(byte[] bytes) {
        memory.put(0, bytes);
        return Syscalls.sendto(fd, NativeMemory.address(memory), bytes.length, 0, 0, 0);
    }

    /** What the host knows about the path. */
    int pathMtu() {
        ByteBuffer mtu = NativeMemory.allocate(Integer.BYTES);
        assertThat(Syscalls.getsockopt(fd, ip6 ? IPPROTO_IPV6 : IPPROTO_IP, ip6 ? IPV6_MTU : IP_MTU, mtu))
                .isPositive();
        return mtu.getInt(0);
    }

    @Override
    public void close() {
        Syscalls.close(fd);
    }
}
