// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.io.Closeable;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A UDP socket that is bound and connected, in the network namespace of the thread that opens it. Its descriptor is
 * nonblocking and made for {@link MessageVector}, whose messages then need no addresses.
 *
 * <p>What the network answers to a datagram is reported by the next call on the descriptor, once, as its error:
 * ECONNREFUSED, EHOSTUNREACH, EMSGSIZE. That call then has sent or received nothing.
 *
 * <p>Any thread. Source: ip(7), ipv6(7), udp(7), {@code linux/in.h}, {@code linux/in6.h}.
 */
public final class ConnectedUdp implements Closeable {
    private static final int IPPROTO_IP = 0;
    private static final int IP_MTU_DISCOVER = 10;
    private static final int IP_MTU = 14;
    private static final int IPPROTO_IPV6 = 41;
    private static final int IPV6_MTU_DISCOVER = 23;
    private static final int IPV6_MTU = 24;

    /** IP_PMTUDISC_WANT and IPV6_PMTUDISC_WANT: what the path does not take is fragmented by this host. */
    private static final int PMTUDISC_WANT = 1;

    /** IP_PMTUDISC_DO and IPV6_PMTUDISC_DO: it is refused, and all else leaves with DF set. */
    private static final int PMTUDISC_DO = 2;

    /** sockaddr_in: u16 family, then in network order u16 port, u32 address; 8 bytes of padding. */
    private static final int SOCKADDR_IN_BYTES = 16;

    /** sockaddr_in6: u16 family, then in network order u16 port, u32 flow, 16 bytes address; u32 scope. */
    private static final int SOCKADDR_IN6_BYTES = 28;

    private static final int FAMILY = 0;
    private static final int PORT = 2;
    private static final int ADDRESS4 = 4;
    private static final int ADDRESS6 = 8;

    private final int fd;
    private final boolean ip6;
    private final InetSocketAddress local;
    private boolean closed;

    private ConnectedUdp(int fd, boolean ip6, InetSocketAddress local) {
        this.fd = fd;
        this.ip6 = ip6;
        this.local = local;
    }

    /**
     * Opens one. On failure nothing is left behind.
     *
     * @param fragments whether what the path does not take leaves in fragments
     * @param bufferBytes of the receive and the send buffer, beyond the system's limits if CAP_NET_ADMIN is there
     * @throws NativeException with words on what to do
     */
    public static ConnectedUdp open(InetSocketAddress local, InetSocketAddress peer, boolean fragments, int bufferBytes)
            throws NativeException {
        boolean ip6 = !(peer.getAddress() instanceof Inet4Address);
        if (ip6 == local.getAddress() instanceof Inet4Address) {
            throw new IllegalArgumentException(local + " and " + peer + " are of different families");
        }
        int family = ip6 ? Syscalls.AF_INET6 : Syscalls.AF_INET;
        int fd = NativeException.check(
                Syscalls.socket(family, Syscalls.SOCK_DGRAM | Syscalls.SOCK_NONBLOCK | Syscalls.SOCK_CLOEXEC, 0),
                "socket(SOCK_DGRAM)",
                "");
        try {
            NativeException.check(
                    Syscalls.setsockopt(
                            fd,
                            ip6 ? IPPROTO_IPV6 : IPPROTO_IP,
                            ip6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER,
                            fragments ? PMTUDISC_WANT : PMTUDISC_DO),
                    "setsockopt(IP_MTU_DISCOVER)",
                    "");
            setBuffer(fd, Syscalls.SO_RCVBUFFORCE, Syscalls.SO_RCVBUF, bufferBytes);
            setBuffer(fd, Syscalls.SO_SNDBUFFORCE, Syscalls.SO_SNDBUF, bufferBytes);
            NativeException.check(Syscalls.bind(fd, sockaddr(local)), "bind", show(local));
            int connected = Syscalls.connect(fd, sockaddr(peer));
            NativeException.check(connected, "connect", show(peer) + advice(connected));
            return new ConnectedUdp(fd, ip6, localAddress(fd, ip6));
        } catch (NativeException | RuntimeException failed) {
            Syscalls.close(fd);
            throw failed;
        }
    }

    private static String advice(int connected) {
        return switch (-connected) {
            case Errno.EACCES -> ": it is a broadcast address, or a route forbids it";
            case Errno.ENETUNREACH, Errno.EHOSTUNREACH -> ": no route of this host leads there";
            default -> "";
        };
    }

    private static void setBuffer(int fd, int forced, int limited, int bytes) throws NativeException {
        if (Syscalls.setsockopt(fd, Syscalls.SOL_SOCKET, forced, bytes) < 0) {
            NativeException.check(
                    Syscalls.setsockopt(fd, Syscalls.SOL_SOCKET, limited, bytes), "setsockopt(SO_RCVBUF)", "");
        }
    }

    /** The descriptor, which this object keeps owning. */
    public int fd() {
        if (closed) {
            throw new IllegalStateException("the socket at " + local + " is closed");
        }
        return fd;
    }

    /** What it is bound to: an address of the host, which connecting has chosen for the wildcard. */
    public InetSocketAddress local() {
        return local;
    }

    /**
     * The largest IP packet that the kernel knows the path to the peer to take, in bytes.
     *
     * @throws NativeException ENOTCONN while the kernel has no route there
     */
    public int pathMtu() throws NativeException {
        ByteBuffer value = Syscalls.nativeStruct(Integer.BYTES);
        NativeException.check(
                Syscalls.getsockopt(fd(), ip6 ? IPPROTO_IPV6 : IPPROTO_IP, ip6 ? IPV6_MTU : IP_MTU, value),
                "getsockopt(IP_MTU)",
                show(local));
        return value.getInt(0);
    }

    /** Whether a datagram waits to be received; an error that waits is none. */
    public boolean isReadable() {
        ByteBuffer pollfd = Syscalls.nativeStruct(8);
        pollfd.putInt(0, fd()).putShort(4, (short) Syscalls.POLLIN);
        return Syscalls.poll(NativeMemory.address(pollfd), 1, 0) > 0 && (pollfd.getShort(6) & Syscalls.POLLIN) != 0;
    }

    /** Sends a datagram without payload. Returns 0 or the negated errno. */
    public int sendEmpty() {
        return Syscalls.sendto(fd(), 0, 0, Syscalls.MSG_DONTWAIT | Syscalls.MSG_NOSIGNAL, 0, 0);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Syscalls.close(fd);
        }
    }

    private static ByteBuffer sockaddr(InetSocketAddress address) {
        byte[] bytes = address.getAddress().getAddress();
        boolean ip6 = bytes.length == 16;
        ByteBuffer sockaddr = Syscalls.nativeStruct(ip6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES);
        sockaddr.putShort(FAMILY, (short) (ip6 ? Syscalls.AF_INET6 : Syscalls.AF_INET));
        sockaddr.order(ByteOrder.BIG_ENDIAN).putShort(PORT, (short) address.getPort());
        sockaddr.put(ip6 ? ADDRESS6 : ADDRESS4, bytes);
        return sockaddr;
    }

    private static InetSocketAddress localAddress(int fd, boolean ip6) throws NativeException {
        ByteBuffer sockaddr = Syscalls.nativeStruct(ip6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES);
        NativeException.check(Syscalls.getsockname(fd, sockaddr), "getsockname", "");
        byte[] bytes = new byte[ip6 ? 16 : 4];
        sockaddr.get(ip6 ? ADDRESS6 : ADDRESS4, bytes);
        int port = sockaddr.order(ByteOrder.BIG_ENDIAN).getShort(PORT) & 0xffff;
        try {
            return new InetSocketAddress(InetAddress.getByAddress(bytes), port);
        } catch (UnknownHostException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static String show(InetSocketAddress address) {
        String host = address.getAddress().getHostAddress();
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + address.getPort();
    }
}
