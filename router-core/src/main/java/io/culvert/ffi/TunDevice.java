// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.io.Closeable;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A tun or tap device: created, or attached to if one of that name exists, with one descriptor per queue.
 *
 * <p>A read from a queue's descriptor gives one packet that the kernel sent to the device, a write hands one packet to the
 * kernel; both are preceded by {@link #packetInformationBytes} and then {@link #vnetHeaderBytes} bytes of headers.
 * Descriptors are nonblocking. A packet that is longer than the memory of a read is cut without a word (with packet
 * information, {@link #TUN_PKT_STRIP} tells).
 *
 * <p>The device appears in the network namespace of the thread that opens it (see {@link NetworkNamespace}) and vanishes
 * when the last descriptor is closed, unless it is persistent. Everything but reading and writing belongs to the owner's
 * thread. Reading and writing a device that was deleted gives EBADFD (77), writing to one that is down EIO.
 *
 * <p>Source: {@code Documentation/networking/tuntap.rst} and {@code linux/if_tun.h} of the kernel.
 */
public final class TunDevice implements Closeable {
    /** Whether packets start with an IP header or with an Ethernet header. */
    public enum Kind {
        TUN,
        TAP
    }

    /** {@link #offloads}: accepts packets whose checksum is not filled in. */
    public static final int TUN_F_CSUM = 0x01;

    /** {@link #offloads}: accepts TCP superpackets over IPv4. */
    public static final int TUN_F_TSO4 = 0x02;

    /** {@link #offloads}: accepts TCP superpackets over IPv6. */
    public static final int TUN_F_TSO6 = 0x04;

    /** {@link #offloads}: accepts TCP superpackets with ECN's CWR bit. */
    public static final int TUN_F_TSO_ECN = 0x08;

    /** {@link #offloads}: accepts UDP superpackets over IPv4 (Linux 6.2). */
    public static final int TUN_F_USO4 = 0x20;

    /** {@link #offloads}: accepts UDP superpackets over IPv6 (Linux 6.2). The kernel grants both families or none. */
    public static final int TUN_F_USO6 = 0x40;

    /** Everything that {@link #offloads} may grant. */
    public static final int ALL_OFFLOADS =
            TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6;

    /** Length of packet information: flags (host order), then the EtherType (network order), 16 bits each. */
    public static final int PACKET_INFORMATION_BYTES = 4;

    /** Flag in the packet information: the packet was longer than the memory it was read into. */
    public static final int TUN_PKT_STRIP = 1;

    static final long TUNSETIFF = 0x400454caL;
    static final long TUNSETPERSIST = 0x400454cbL;
    static final long TUNSETOWNER = 0x400454ccL;
    static final long TUNSETGROUP = 0x400454ceL;
    static final long TUNGETFEATURES = 0x800454cfL;
    static final long TUNSETOFFLOAD = 0x400454d0L;
    static final long TUNGETIFF = 0x800454d2L;
    static final long TUNSETVNETHDRSZ = 0x400454d8L;
    static final long TUNSETQUEUE = 0x400454d9L;
    static final long TUNSETVNETLE = 0x400454dcL;
    static final long TUNSETCARRIER = 0x400454e2L;

    static final int IFF_TUN = 0x0001;
    static final int IFF_TAP = 0x0002;
    static final int IFF_MULTI_QUEUE = 0x0100;
    static final int IFF_ATTACH_QUEUE = 0x0200;
    static final int IFF_DETACH_QUEUE = 0x0400;
    static final int IFF_PERSIST = 0x0800;
    static final int IFF_NO_PI = 0x1000;
    static final int IFF_VNET_HDR = 0x4000;

    /** struct ifreq: a name, then a union. */
    static final int IFREQ_BYTES = 40;

    static final int IFR_NAME = 0;
    static final int IFR_FLAGS = 16;
    static final int IFNAMSIZ = 16;

    /** The kernel's MAX_TAP_QUEUES. */
    private static final int MAX_QUEUES = 256;

    /** What rtnetlink calls tun and tap devices. */
    private static final String LINK_KIND = "tun";

    private static final String CLONE_DEVICE = "/dev/net/tun";

    private final Kind kind;
    private final String name;
    private final int[] fds;
    private final boolean packetInformation;
    private final int vnetHeaderBytes;
    private final int offloads;
    private boolean closed;

    private TunDevice(Builder builder, String name, int[] fds, int offloads) {
        this.kind = builder.kind;
        this.name = name;
        this.fds = fds;
        this.offloads = offloads;
        this.packetInformation = builder.packetInformation;
        this.vnetHeaderBytes = builder.vnetHeaderBytes;
    }

    /**
     * Describes a device that {@link Builder#open} makes or attaches to.
     *
     * @param name up to 15 bytes; {@code %d} in it stands for the first free number; empty for {@code tun%d} or
     *     {@code tap%d}
     */
    public static Builder builder(Kind kind, String name) {
        return new Builder(kind, name);
    }

    /** Tun or tap. */
    public Kind kind() {
        return kind;
    }

    /** The name that the device had when it was opened, {@code %d} replaced. */
    public String name() {
        return name;
    }

    /** The name that the device has now, should somebody have renamed it. */
    public String currentName() throws NativeException {
        return readName(interfaceRequest());
    }

    /** Number of queues. */
    public int queues() {
        return fds.length;
    }

    /** The descriptor of a queue. The device keeps owning it. */
    public int fd(int queue) {
        if (closed) {
            throw new IllegalStateException(name + " is closed");
        }
        return fds[queue];
    }

    /** 4 if each packet is preceded by packet information, otherwise 0. */
    public int packetInformationBytes() {
        return packetInformation ? PACKET_INFORMATION_BYTES : 0;
    }

    /** 10 or 12 if each packet is preceded by a {@link VirtioNetHeader} (after packet information), otherwise 0. */
    public int vnetHeaderBytes() {
        return vnetHeaderBytes;
    }

    /** Which of the wanted offloads, bits {@code TUN_F_*}, the kernel granted: what may come out of the device. */
    public int offloads() {
        return offloads;
    }

    /** Makes the device outlive its last descriptor, or not. */
    public void setPersistent(boolean persistent) throws NativeException {
        NativeException.check(Syscalls.ioctl(fd(0), TUNSETPERSIST, persistent ? 1L : 0L), "ioctl(TUNSETPERSIST)", name);
    }

    /** Whether the device outlives its last descriptor. */
    public boolean isPersistent() throws NativeException {
        return (interfaceRequest().getShort(IFR_FLAGS) & IFF_PERSIST) != 0;
    }

    /** Tells the kernel whether the link works ({@code LOWER_UP} in {@code ip link}); it does when a device is opened. */
    public void setCarrier(boolean up) throws NativeException {
        ByteBuffer value = Syscalls.nativeStruct(Integer.BYTES).putInt(0, up ? 1 : 0);
        NativeException.check(Syscalls.ioctl(fd(0), TUNSETCARRIER, value), "ioctl(TUNSETCARRIER)", name);
    }

    /**
     * Takes a queue out of the kernel's choice of queues, or back in. A queue that is out gets no packets; the kernel
     * spreads flows over the others. Only for devices with more than one queue.
     */
    public void setQueueEnabled(int queue, boolean enabled) throws NativeException {
        ByteBuffer request = Syscalls.nativeStruct(IFREQ_BYTES);
        request.putShort(IFR_FLAGS, (short) (enabled ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE));
        NativeException.check(
                Syscalls.ioctl(fd(queue), TUNSETQUEUE, request), "ioctl(TUNSETQUEUE)", name + " queue " + queue);
    }

    /** Closes all queues. Nobody may be using their descriptors any more. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            closeAll(fds);
        }
    }

    /** Flags and name as the kernel has them. */
    private ByteBuffer interfaceRequest() throws NativeException {
        ByteBuffer request = Syscalls.nativeStruct(IFREQ_BYTES);
        NativeException.check(Syscalls.ioctl(fd(0), TUNGETIFF, request), "ioctl(TUNGETIFF)", name);
        return request;
    }

    private static void closeAll(int[] fds) {
        for (int fd : fds) {
            if (fd >= 0) {
                Syscalls.close(fd);
            }
        }
    }

    private static String readName(ByteBuffer request) {
        byte[] bytes = new byte[IFNAMSIZ];
        request.get(IFR_NAME, bytes);
        int length = 0;
        while (length < IFNAMSIZ && bytes[length] != 0) {
            length++;
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    /** What a device shall be like. */
    public static final class Builder {
        private final Kind kind;
        private final String name;
        private boolean packetInformation;
        private int vnetHeaderBytes;
        private int offloads = ALL_OFFLOADS;
        private boolean multiQueue;
        private int queues = 1;
        private boolean persistent;
        private int owner = -1;
        private int group = -1;

        private Builder(Kind kind, String name) {
            this.kind = kind;
            this.name = name;
        }

        /** Puts 4 bytes of packet information before each packet. Default: no. */
        public Builder packetInformation(boolean wanted) {
            packetInformation = wanted;
            return this;
        }

        /** Puts a virtio header of 10 or 12 bytes before each packet; 0, the default, for none. */
        public Builder vnetHeader(int bytes) {
            if (bytes != 0 && bytes != VirtioNetHeader.BYTES && bytes != VirtioNetHeader.BYTES_WITH_NUM_BUFFERS) {
                throw new IllegalArgumentException("a virtio header has 10 or 12 bytes, not " + bytes);
            }
            vnetHeaderBytes = bytes;
            return this;
        }

        /**
         * Which offloads to ask for, bits {@code TUN_F_*}. Default: {@link TunDevice#ALL_OFFLOADS}. Without a virtio header
         * there are none.
         */
        public Builder offloads(int wanted) {
            offloads = wanted;
            return this;
        }

        /**
         * Number of queues, 1 to 256. More than one makes a multi-queue device, over whose queues the kernel spreads flows.
         */
        public Builder queues(int count) {
            if (count < 1 || count > MAX_QUEUES) {
                throw new IllegalArgumentException("a device has 1 to " + MAX_QUEUES + " queues, not " + count);
            }
            queues = count;
            multiQueue |= count > 1;
            return this;
        }

        /** Makes, or attaches to, a multi-queue device even with one queue. */
        public Builder multiQueue() {
            multiQueue = true;
            return this;
        }

        /** Makes the device persistent. Without this call a device that is persistent stays so. */
        public Builder persistent() {
            persistent = true;
            return this;
        }

        /** Lets a user attach to the device without CAP_NET_ADMIN. */
        public Builder owner(int uid) {
            owner = uid;
            return this;
        }

        /** Lets the members of a group attach to the device without CAP_NET_ADMIN. */
        public Builder group(int gid) {
            group = gid;
            return this;
        }

        /**
         * Opens the device in the network namespace of the calling thread. On failure nothing is left behind.
         *
         * @throws NativeException with words on what to do
         */
        public TunDevice open() throws NativeException {
            checkName();
            int[] fds = new int[queues];
            Arrays.fill(fds, -1);
            try {
                fds[0] = openClone();
                checkFeatures(fds[0]);
                String actualName = attach(fds[0], name);
                for (int queue = 1; queue < queues; queue++) {
                    fds[queue] = openClone();
                    attach(fds[queue], actualName);
                }
                int granted = configure(fds[0], actualName);
                return new TunDevice(this, actualName, fds, granted);
            } catch (NativeException | RuntimeException e) {
                closeAll(fds);
                throw e;
            }
        }

        private void checkName() {
            if (name.getBytes(StandardCharsets.UTF_8).length >= IFNAMSIZ) {
                throw new IllegalArgumentException("device name \"" + name + "\" is longer than 15 bytes");
            }
            if (name.equals(".") || name.equals("..") || name.chars().anyMatch(c -> c <= ' ' || c == '/' || c == ':')) {
                throw new IllegalArgumentException(
                        "device name \"" + name + "\" may not contain blanks, slashes or colons, nor be . or ..");
            }
        }

        private int flags() {
            return (kind == Kind.TUN ? IFF_TUN : IFF_TAP)
                    | (packetInformation ? 0 : IFF_NO_PI)
                    | (vnetHeaderBytes > 0 ? IFF_VNET_HDR : 0)
                    | (multiQueue ? IFF_MULTI_QUEUE : 0);
        }

        private static int openClone() throws NativeException {
            int fd = Syscalls.open(CLONE_DEVICE, Syscalls.O_RDWR | Syscalls.O_NONBLOCK | Syscalls.O_CLOEXEC);
            String advice = switch (-fd) {
                case Errno.ENOENT, Errno.ENXIO, Errno.ENODEV ->
                    CLONE_DEVICE + ": the tun driver is not there; load it with: modprobe tun";
                case Errno.EACCES, Errno.EPERM ->
                    CLONE_DEVICE + ": needs read and write access, or root; a container has to be given the device";
                default -> CLONE_DEVICE;
            };
            return NativeException.check(fd, "open", advice);
        }

        private void checkFeatures(int fd) throws NativeException {
            ByteBuffer features = Syscalls.nativeStruct(Integer.BYTES);
            NativeException.check(Syscalls.ioctl(fd, TUNGETFEATURES, features), "ioctl(TUNGETFEATURES)", CLONE_DEVICE);
            int missing = flags() & ~features.getInt(0);
            if (missing != 0) {
                throw new NativeException(
                        "ioctl(TUNGETFEATURES)",
                        Errno.EOPNOTSUPP,
                        "this kernel's tun driver lacks "
                                + ((missing & IFF_MULTI_QUEUE) != 0
                                        ? "multi-queue devices; use one queue"
                                        : "flags 0x" + Integer.toHexString(missing)));
            }
        }

        /** Makes the descriptor a queue of the device, which is created if there is none. Returns the device's name. */
        private String attach(int fd, String wanted) throws NativeException {
            ByteBuffer request = Syscalls.nativeStruct(IFREQ_BYTES);
            request.put(IFR_NAME, wanted.getBytes(StandardCharsets.UTF_8));
            request.putShort(IFR_FLAGS, (short) flags());
            int result = Syscalls.ioctl(fd, TUNSETIFF, request);
            if (result < 0) {
                throw new NativeException("ioctl(TUNSETIFF)", -result, wanted + ": " + explainAttach(wanted, -result));
            }
            return readName(request);
        }

        private String explainAttach(String wanted, int errno) {
            String asked = (kind == Kind.TUN ? "a tun" : "a tap")
                    + (multiQueue ? " device with several queues" : " device with one queue");
            return switch (errno) {
                case Errno.EINVAL -> explainMismatch(wanted, asked);
                case Errno.EBUSY -> "the device exists and another program has it open";
                case Errno.EPERM ->
                    "needs CAP_NET_ADMIN in the network namespace, or a device that was made for this user or group";
                case Errno.E2BIG -> "the device has as many queues open as the kernel allows";
                default -> "while asking for " + asked;
            };
        }

        /** The kernel tells no more than that something about an existing device does not fit. */
        private static String explainMismatch(String wanted, String asked) {
            try (Rtnetlink kernel = Rtnetlink.open()) {
                String kind = kernel.link(wanted).map(KernelLink::kind).orElse(LINK_KIND);
                if (!kind.equals(LINK_KIND)) {
                    return "a device of this name exists and is no tun or tap device"
                            + (kind.isEmpty() ? "" : " but a " + kind);
                }
            } catch (NativeException e) {
                // then without this detail
            }
            return "a device of this name exists and is not " + asked
                    + "; an existing device is used with the type and queues that it was made with";
        }

        /** Sets what belongs to the device as a whole. Returns the offloads granted. */
        private int configure(int fd, String device) throws NativeException {
            int granted = 0;
            if (vnetHeaderBytes > 0) {
                ByteBuffer value = Syscalls.nativeStruct(Integer.BYTES);
                NativeException.check(
                        Syscalls.ioctl(fd, TUNSETVNETHDRSZ, value.putInt(0, vnetHeaderBytes)),
                        "ioctl(TUNSETVNETHDRSZ)",
                        device + ": virtio header of " + vnetHeaderBytes + " bytes");
                NativeException.check(
                        Syscalls.ioctl(fd, TUNSETVNETLE, value.putInt(0, 1)), "ioctl(TUNSETVNETLE)", device);
                granted = negotiateOffloads(fd, device);
            }
            if (owner >= 0) {
                NativeException.check(
                        Syscalls.ioctl(fd, TUNSETOWNER, owner), "ioctl(TUNSETOWNER)", device + ": user " + owner);
            }
            if (group >= 0) {
                NativeException.check(
                        Syscalls.ioctl(fd, TUNSETGROUP, group), "ioctl(TUNSETGROUP)", device + ": group " + group);
            }
            if (persistent) {
                NativeException.check(Syscalls.ioctl(fd, TUNSETPERSIST, 1L), "ioctl(TUNSETPERSIST)", device);
            }
            return granted;
        }

        /**
         * The kernel refuses a set with a bit that it does not know, or that lacks the checksum bit, as a whole; so ask for
         * less until it agrees.
         */
        private int negotiateOffloads(int fd, String device) throws NativeException {
            int noUso = offloads & ~(TUN_F_USO4 | TUN_F_USO6);
            int[] attempts = {offloads, noUso, noUso & ~TUN_F_TSO_ECN, offloads & TUN_F_CSUM};
            for (int attempt : attempts) {
                int result = Syscalls.ioctl(fd, TUNSETOFFLOAD, attempt);
                if (result >= 0) {
                    return attempt;
                }
                if (result != -Errno.EINVAL) {
                    throw new NativeException("ioctl(TUNSETOFFLOAD)", -result, device);
                }
            }
            NativeException.check(Syscalls.ioctl(fd, TUNSETOFFLOAD, 0L), "ioctl(TUNSETOFFLOAD)", device);
            return 0;
        }
    }
}
