// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.ffi.NativeMemory;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.ffi.Syscalls;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

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
    private static final int SOCKADDR_IN_BYTES = 16;
    private static final int SOCKADDR_IN6_BYTES = 28;

    /** Where numbers are received, apart from where another thread sends them. */
    private static final int RECEIVE_AT = 1 << 15;

    private final int fd;
    private final boolean ip6;
    private final ByteBuffer memory = NativeMemory.allocate(1 << 16);
    private final long address = NativeMemory.address(memory);

    private RawDatagrams(int fd, boolean ip6) {
        this.fd = fd;
        this.ip6 = ip6;
    }

    static RawDatagrams open(TestHost host, InetSocketAddress to) throws IOException {
        return open(host, null, to);
    }

    /** One that sends from, and receives at, a given address and port. */
    static RawDatagrams open(TestHost host, @Nullable InetSocketAddress own, InetSocketAddress to) throws IOException {
        boolean ip6 = to.getAddress().getAddress().length > 4;
        int fd = NetworkNamespace.call(
                host.namespace,
                () -> Syscalls.socket(
                        ip6 ? Syscalls.AF_INET6 : Syscalls.AF_INET, Syscalls.SOCK_DGRAM | Syscalls.SOCK_CLOEXEC, 0));
        assertThat(fd).isPositive();
        if (own != null) {
            assertThat(Syscalls.bind(fd, sockaddr(own))).isZero();
        }
        assertThat(Syscalls.connect(fd, sockaddr(to))).isZero();
        return new RawDatagrams(fd, ip6);
    }

    private static ByteBuffer sockaddr(InetSocketAddress of) {
        byte[] bytes = of.getAddress().getAddress();
        boolean ip6 = bytes.length > 4;
        ByteBuffer sockaddr = NativeMemory.allocate(ip6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES);
        sockaddr.putShort(0, (short) (ip6 ? Syscalls.AF_INET6 : Syscalls.AF_INET));
        sockaddr.order(ByteOrder.BIG_ENDIAN).putShort(2, (short) of.getPort());
        sockaddr.put(ip6 ? 8 : 4, bytes);
        return sockaddr;
    }

    /** Has the kernel cut what is sent into datagrams of so many bytes. */
    void segmented(int bytes) {
        assertThat(Syscalls.setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, bytes)).isZero();
    }

    /** Sends whole what the first link takes, whatever is known about the path. */
    void dontFragment() {
        int level = ip6 ? IPPROTO_IPV6 : IPPROTO_IP;
        int option = ip6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER;
        assertThat(Syscalls.setsockopt(fd, level, option, PMTUDISC_PROBE)).isZero();
    }

    /** Lets so many bytes wait to be received. */
    void receiveBuffer(int bytes) {
        assertThat(Syscalls.setsockopt(fd, Syscalls.SOL_SOCKET, Syscalls.SO_RCVBUFFORCE, bytes))
                .isZero();
    }

    int fd() {
        return fd;
    }

    /** Answers how many bytes were sent, or a negated errno. */
    int send(byte[] bytes) {
        memory.put(0, bytes);
        return Syscalls.sendto(fd, address, bytes.length, 0, 0, 0);
    }

    /** Sends a number as a datagram of {@code bytes}. Answers false when it was not taken. */
    boolean sendNumber(long number, int bytes) {
        memory.putLong(0, number);
        return Syscalls.sendto(fd, address, bytes, Syscalls.MSG_DONTWAIT, 0, 0) == bytes;
    }

    /** The number in the next datagram, or -1 when there is none. */
    long receiveNumber() {
        int length = Syscalls.recvfrom(fd, address + RECEIVE_AT, Long.BYTES, Syscalls.MSG_DONTWAIT, 0, 0);
        return length == Long.BYTES ? memory.getLong(RECEIVE_AT) : -1;
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
