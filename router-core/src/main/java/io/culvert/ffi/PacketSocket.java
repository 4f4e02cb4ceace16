// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.io.Closeable;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Packet sockets on one network device: every frame that the device receives, from the link-layer header on, and frames to
 * send. With several queues the sockets form a fanout group, over which the kernel spreads flows by hash.
 *
 * <p>Descriptors are nonblocking and made for {@link MessageVector}, with auxdata. If asked for, a {@link VirtioNetHeader}
 * of 10 bytes precedes each frame: then frames arrive as superpackets and with unfilled checksums, as the sender on this
 * host left them, and may be sent so. Without it the kernel gives the frame as it is in memory, with no way to tell that
 * its checksum is unfilled but {@link #TP_STATUS_CSUMNOTREADY} in the auxdata. VLAN tags that the kernel took out of
 * the frame are in the auxdata as well.
 *
 * <p>The device is looked up in the network namespace of the thread that opens it. When it goes down, receiving reports
 * ENETDOWN once and frames come again when it is up; when it is deleted, ENODEV or ENXIO on sending, and the sockets are
 * of no more use. Everything but receiving and sending belongs to the owner's thread. Needs CAP_NET_RAW.
 *
 * <p>Source: packet(7) and {@code linux/if_packet.h}.
 */
public final class PacketSocket implements Closeable {
    /** Auxdata: the frame's checksum is not filled in. */
    public static final int TP_STATUS_CSUMNOTREADY = 1 << 3;

    /** Auxdata: a VLAN tag was taken out of the frame. */
    public static final int TP_STATUS_VLAN_VALID = 1 << 4;

    /** Auxdata: the protocol identifier of that tag is given as well. */
    public static final int TP_STATUS_VLAN_TPID_VALID = 1 << 6;

    /** Auxdata: the checksum was verified. */
    public static final int TP_STATUS_CSUM_VALID = 1 << 7;

    static final int SOL_PACKET = 263;
    static final int PACKET_ADD_MEMBERSHIP = 1;
    static final int PACKET_STATISTICS = 6;
    static final int PACKET_AUXDATA = 8;
    static final int PACKET_VNET_HDR = 15;
    static final int PACKET_FANOUT = 18;
    static final int PACKET_QDISC_BYPASS = 20;
    static final int PACKET_IGNORE_OUTGOING = 23;
    static final int PACKET_FANOUT_HASH = 0;
    static final int PACKET_FANOUT_FLAG_UNIQUEID = 0x2000;

    /** Linux 6.2, ignored before: a group has a hook of its own, which does not heed its members' option. */
    static final int PACKET_FANOUT_FLAG_IGNORE_OUTGOING = 0x4000;

    static final int PACKET_MR_MULTICAST = 0;
    static final int PACKET_MR_PROMISC = 1;
    static final int PACKET_MR_ALLMULTI = 2;
    static final int PACKET_MR_UNICAST = 3;
    static final int ETH_P_ALL = 3;

    static final int SOCKADDR_LL_BYTES = 20;
    static final int SLL_FAMILY = 0;
    static final int SLL_PROTOCOL = 2;
    static final int SLL_IFINDEX = 4;
    static final int PACKET_MREQ_BYTES = 16;
    static final int MR_IFINDEX = 0;
    static final int MR_TYPE = 4;
    static final int MR_ALEN = 6;
    static final int MR_ADDRESS = 8;
    static final int TPACKET_STATS_BYTES = 8;
    static final int TP_PACKETS = 0;
    static final int TP_DROPS = 4;
    static final int SOCK_FPROG_BYTES = 16;
    static final int FPROG_LEN = 0;
    static final int FPROG_FILTER = 8;
    static final int SOCK_FILTER_BYTES = 8;

    /** sock_filter: u16 code, u8 jump if true, u8 jump if false, u32 k. */
    private static final long[] DROP_ALL = {instruction(0x06, 0, 0, 0)};

    /** Drops what the host itself sends: load SKF_AD_PKTTYPE; if PACKET_OUTGOING return 0, else all. */
    private static final long[] DROP_OUTGOING = {
        instruction(0x20, 0, 0, 0xfffff004),
        instruction(0x15, 0, 1, 4),
        instruction(0x06, 0, 0, 0),
        instruction(0x06, 0, 0, -1)
    };

    private static final int MAC_BYTES = 6;

    private final int interfaceIndex;
    private final int[] fds;
    private final boolean vnetHeader;
    private boolean closed;

    private PacketSocket(int interfaceIndex, int[] fds, boolean vnetHeader) {
        this.interfaceIndex = interfaceIndex;
        this.fds = fds;
        this.vnetHeader = vnetHeader;
    }

    /**
     * Describes sockets that {@link Builder#open} opens.
     *
     * @param interfaceIndex the device's index, see {@link Syscalls#ifNameToIndex}
     */
    public static Builder builder(int interfaceIndex) {
        return new Builder(interfaceIndex);
    }

    /** The index of the device. */
    public int interfaceIndex() {
        return interfaceIndex;
    }

    /** Number of queues, one socket each. */
    public int queues() {
        return fds.length;
    }

    /** The descriptor of a queue. This object keeps owning it. */
    public int fd(int queue) {
        if (closed) {
            throw new IllegalStateException("the packet socket on interface " + interfaceIndex + " is closed");
        }
        return fds[queue];
    }

    /** 10 if each frame is preceded by a {@link VirtioNetHeader}, otherwise 0. */
    public int vnetHeaderBytes() {
        return vnetHeader ? VirtioNetHeader.BYTES : 0;
    }

    /** Lets the device accept frames to one more unicast address: 48 bits, first byte on the wire uppermost. */
    public void acceptUnicast(long mac) throws NativeException {
        join(fd(0), interfaceIndex, PACKET_MR_UNICAST, mac);
    }

    /** Lets the device accept frames to a multicast address: 48 bits, first byte on the wire uppermost. */
    public void acceptMulticast(long mac) throws NativeException {
        join(fd(0), interfaceIndex, PACKET_MR_MULTICAST, mac);
    }

    /** What a queue received and lost since the last call, by PACKET_STATISTICS. */
    public Statistics statistics(int queue) throws NativeException {
        ByteBuffer stats = Syscalls.nativeStruct(TPACKET_STATS_BYTES);
        NativeException.check(
                Syscalls.getsockopt(fd(queue), SOL_PACKET, PACKET_STATISTICS, stats),
                "getsockopt(PACKET_STATISTICS)",
                "interface " + interfaceIndex);
        long seen = Integer.toUnsignedLong(stats.getInt(TP_PACKETS));
        long dropped = Integer.toUnsignedLong(stats.getInt(TP_DROPS));
        return new Statistics(seen - dropped, dropped);
    }

    /**
     * Frames of one queue between two calls.
     *
     * @param queued frames that were put into the socket's receive buffer
     * @param dropped frames that were lost because that buffer was full
     */
    public record Statistics(long queued, long dropped) {}

    /** Closes all queues. Nobody may be using their descriptors any more. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            closeAll(fds);
        }
    }

    private static void closeAll(int[] fds) {
        for (int fd : fds) {
            if (fd >= 0) {
                Syscalls.close(fd);
            }
        }
    }

    /** One sock_filter as the little-endian long that it is in memory. */
    private static long instruction(int code, int jumpTrue, int jumpFalse, int k) {
        return code | (long) jumpTrue << 16 | (long) jumpFalse << 24 | (long) k << 32;
    }

    private static void join(int fd, int interfaceIndex, int type, long mac) throws NativeException {
        ByteBuffer request = Syscalls.nativeStruct(PACKET_MREQ_BYTES);
        request.putInt(MR_IFINDEX, interfaceIndex);
        request.putShort(MR_TYPE, (short) type);
        request.putShort(MR_ALEN, (short) MAC_BYTES);
        for (int i = 0; i < MAC_BYTES; i++) {
            request.put(MR_ADDRESS + i, (byte) (mac >>> (8 * (MAC_BYTES - 1 - i))));
        }
        NativeException.check(
                Syscalls.setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, request),
                "setsockopt(PACKET_ADD_MEMBERSHIP)",
                "interface " + interfaceIndex);
    }

    /** What the sockets shall be like. */
    public static final class Builder {
        private final int interfaceIndex;
        private int queues = 1;
        private boolean vnetHeader;
        private boolean promiscuous;
        private boolean allMulticast;
        private boolean bypassQdisc;
        private int receiveBufferBytes;
        private int sendBufferBytes;

        private Builder(int interfaceIndex) {
            this.interfaceIndex = interfaceIndex;
        }

        /** Number of sockets that share the frames by flow. Default: 1. The device must be up for more than one. */
        public Builder queues(int count) {
            if (count < 1) {
                throw new IllegalArgumentException("at least one queue, not " + count);
            }
            queues = count;
            return this;
        }

        /** Puts a {@link VirtioNetHeader} of 10 bytes before each frame. Default: no. */
        public Builder vnetHeader(boolean wanted) {
            vnetHeader = wanted;
            return this;
        }

        /** Receives frames to other stations' addresses as well. Default: no. */
        public Builder promiscuous(boolean wanted) {
            promiscuous = wanted;
            return this;
        }

        /** Receives frames to all multicast addresses. Default: no. */
        public Builder allMulticast(boolean wanted) {
            allMulticast = wanted;
            return this;
        }

        /** Sends past the device's queueing discipline: faster, but a full device drops at once. Default: no. */
        public Builder bypassQdisc(boolean wanted) {
            bypassQdisc = wanted;
            return this;
        }

        /** Receive buffer per queue in bytes, beyond net.core.rmem_max if CAP_NET_ADMIN is there. Default: the system's. */
        public Builder receiveBuffer(int bytes) {
            receiveBufferBytes = bytes;
            return this;
        }

        /** Send buffer per queue in bytes, beyond net.core.wmem_max if CAP_NET_ADMIN is there. Default: the system's. */
        public Builder sendBuffer(int bytes) {
            sendBufferBytes = bytes;
            return this;
        }

        /**
         * Opens the sockets in the network namespace of the calling thread. On failure nothing is left behind.
         *
         * @throws NativeException with words on what to do
         */
        public PacketSocket open() throws NativeException {
            int[] fds = new int[queues];
            Arrays.fill(fds, -1);
            try {
                for (int queue = 0; queue < queues; queue++) {
                    fds[queue] = openSocket();
                    configure(fds[queue]);
                }
                if (queues == 1) {
                    bind(fds[0]);
                } else {
                    bindGroup(fds);
                }
                if (promiscuous) {
                    join(fds[0], interfaceIndex, PACKET_MR_PROMISC, 0);
                }
                if (allMulticast) {
                    join(fds[0], interfaceIndex, PACKET_MR_ALLMULTI, 0);
                }
                return new PacketSocket(interfaceIndex, fds, vnetHeader);
            } catch (NativeException | RuntimeException e) {
                closeAll(fds);
                throw e;
            }
        }

        private int openSocket() throws NativeException {
            // protocol 0: nothing is received until the socket is bound, by when it is fully set up
            int type = Syscalls.SOCK_RAW | Syscalls.SOCK_NONBLOCK | Syscalls.SOCK_CLOEXEC;
            int fd = Syscalls.socket(Syscalls.AF_PACKET, type, 0);
            String advice = switch (-fd) {
                case Errno.EPERM, Errno.EACCES -> "packet sockets need CAP_NET_RAW in the network namespace";
                case Errno.EAFNOSUPPORT -> "this kernel has no packet sockets (CONFIG_PACKET)";
                default -> "";
            };
            return NativeException.check(fd, "socket(AF_PACKET)", advice);
        }

        private void configure(int fd) throws NativeException {
            set(fd, PACKET_AUXDATA, 1, "PACKET_AUXDATA");
            set(fd, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING");
            if (vnetHeader) {
                set(fd, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR");
            }
            if (bypassQdisc) {
                set(fd, PACKET_QDISC_BYPASS, 1, "PACKET_QDISC_BYPASS");
            }
            if (receiveBufferBytes > 0) {
                setBuffer(fd, Syscalls.SO_RCVBUFFORCE, Syscalls.SO_RCVBUF, receiveBufferBytes, "SO_RCVBUF");
            }
            if (sendBufferBytes > 0) {
                setBuffer(fd, Syscalls.SO_SNDBUFFORCE, Syscalls.SO_SNDBUF, sendBufferBytes, "SO_SNDBUF");
            }
        }

        private void set(int fd, int option, int value, String name) throws NativeException {
            NativeException.check(
                    Syscalls.setsockopt(fd, SOL_PACKET, option, value),
                    "setsockopt(" + name + ")",
                    "interface " + interfaceIndex);
        }

        private static void setBuffer(int fd, int forced, int limited, int bytes, String name) throws NativeException {
            if (Syscalls.setsockopt(fd, Syscalls.SOL_SOCKET, forced, bytes) < 0) {
                NativeException.check(
                        Syscalls.setsockopt(fd, Syscalls.SOL_SOCKET, limited, bytes), "setsockopt(" + name + ")", "");
            }
        }

        private void bind(int fd) throws NativeException {
            ByteBuffer address = Syscalls.nativeStruct(SOCKADDR_LL_BYTES);
            address.putShort(SLL_FAMILY, (short) Syscalls.AF_PACKET);
            address.order(ByteOrder.BIG_ENDIAN).putShort(SLL_PROTOCOL, (short) ETH_P_ALL);
            address.order(ByteOrder.nativeOrder()).putInt(SLL_IFINDEX, interfaceIndex);
            int result = Syscalls.bind(fd, address);
            String advice = result == -Errno.ENODEV
                    ? "there is no interface " + interfaceIndex + " in the network namespace"
                    : "interface " + interfaceIndex;
            NativeException.check(result, "bind(AF_PACKET)", advice);
        }

        /**
         * Binds all sockets and joins them to a group. Between the two each socket would get every frame, and frames twice
         * are worse than frames lost: until all have joined a filter drops everything.
         *
         * <p>Afterwards the filter drops outgoing frames, which kernels before 6.2 give to groups.
         *
         * <p>Plain hash: rollover to another socket would reorder flows, and defragmentation would forward packets that
         * nobody sent. Fragments have no ports, so all of one packet go to one socket.
         */
        private void bindGroup(int[] fds) throws NativeException {
            for (int fd : fds) {
                attachFilter(fd, DROP_ALL);
                bind(fd);
            }
            joinGroup(fds[0], 0, PACKET_FANOUT_FLAG_UNIQUEID);
            ByteBuffer value = Syscalls.nativeStruct(Integer.BYTES);
            NativeException.check(
                    Syscalls.getsockopt(fds[0], SOL_PACKET, PACKET_FANOUT, value),
                    "getsockopt(PACKET_FANOUT)",
                    "interface " + interfaceIndex);
            int group = value.getInt(0) & 0xffff;
            for (int queue = 1; queue < fds.length; queue++) {
                joinGroup(fds[queue], group, 0);
            }
            for (int fd : fds) {
                attachFilter(fd, DROP_OUTGOING);
            }
        }

        private void joinGroup(int fd, int group, int flag) throws NativeException {
            int mode = PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_IGNORE_OUTGOING | flag;
            int result = Syscalls.setsockopt(fd, SOL_PACKET, PACKET_FANOUT, mode << 16 | group);
            String advice = result == -Errno.EINVAL
                    ? "interface " + interfaceIndex + " must be up for several queues"
                    : "interface " + interfaceIndex;
            NativeException.check(result, "setsockopt(PACKET_FANOUT)", advice);
        }

        /** Attaches a classic BPF program, in place of one that is there. */
        private void attachFilter(int fd, long[] instructions) throws NativeException {
            ByteBuffer filter = Syscalls.nativeStruct(instructions.length * SOCK_FILTER_BYTES);
            filter.asLongBuffer().put(instructions);
            ByteBuffer program = Syscalls.nativeStruct(SOCK_FPROG_BYTES)
                    .putShort(FPROG_LEN, (short) instructions.length)
                    .putLong(FPROG_FILTER, NativeMemory.address(filter));
            try {
                NativeException.check(
                        Syscalls.setsockopt(fd, Syscalls.SOL_SOCKET, Syscalls.SO_ATTACH_FILTER, program),
                        "setsockopt(SO_ATTACH_FILTER)",
                        "interface " + interfaceIndex);
            } finally {
                Reference.reachabilityFence(filter);
            }
        }
    }
}
