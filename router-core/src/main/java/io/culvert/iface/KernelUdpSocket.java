// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.ConnectedUdp;
import io.culvert.ffi.Errno;
import io.culvert.ffi.MessageVector;
import io.culvert.ffi.NativeException;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Device;
import io.culvert.spi.DropReason;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.TransmitQueue;
import io.culvert.spi.UdpSocket;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * A UDP socket that lanes read by recvmmsg and write by sendmmsg.
 *
 * <p>The kernel reports what the network answered to an earlier datagram in place of whatever is asked next, which it then
 * has not done: the answer is counted, and that call made once more.
 */
final class KernelUdpSocket implements UdpSocket {
    private static final int SOCKET_BUFFER_BYTES = 4 << 20;

    private final int interfaceId;
    private final ConnectedUdp socket;
    private final InetSocketAddress peer;
    private final EventLoop.Watch watch;
    private final AtomicLongArray counted = new AtomicLongArray(Counter.values().length);
    private final AtomicBoolean told = new AtomicBoolean();
    private volatile Runnable changed = () -> {};
    private volatile boolean stale;

    private KernelUdpSocket(int interfaceId, ConnectedUdp socket, InetSocketAddress peer, EventLoop.Watch watch) {
        this.interfaceId = interfaceId;
        this.socket = socket;
        this.peer = peer;
        this.watch = watch;
    }

    /** @param fragments whether what the path does not take leaves in fragments */
    static KernelUdpSocket open(
            int interfaceId, InetSocketAddress local, InetSocketAddress peer, boolean fragments, List<EventLoop> loops)
            throws IOException {
        ConnectedUdp socket;
        try {
            socket = ConnectedUdp.open(local, peer, fragments, SOCKET_BUFFER_BYTES);
        } catch (NativeException refused) {
            if (refused.errno() == Errno.EACCES && refused.call().equals("connect")) {
                throw new IOException(refused.getMessage(), refused); // no right would help, but another route may
            }
            throw refused;
        }
        try {
            return new KernelUdpSocket(interfaceId, socket, peer, loops.get(0).watch(socket.fd()));
        } catch (NativeException failed) {
            socket.close();
            throw failed;
        }
    }

    @Override
    public InetSocketAddress local() {
        return socket.local();
    }

    @Override
    public InetSocketAddress peer() {
        return peer;
    }

    @Override
    public ReceiveQueue receiveQueue() {
        return new Receiver();
    }

    @Override
    public TransmitQueue transmitQueue(int lane) {
        return new Transmitter();
    }

    @Override
    public void sendEmpty() {
        int result = socket.sendEmpty();
        if (isAnswer(-result)) {
            int again = socket.sendEmpty();
            if (again == 0) {
                answered(-result);
            }
            result = again;
        }
        if (result < 0) {
            refusalOf(-result); // a stale socket is noticed here too
        }
    }

    @Override
    public boolean hasArrived() {
        return socket.isReadable();
    }

    @Override
    public int pathMtu() throws IOException {
        return socket.pathMtu();
    }

    @Override
    public boolean isStale() {
        return stale;
    }

    @Override
    public void onChange(Runnable changed) {
        this.changed = changed;
        told.set(false);
    }

    private void tellOnce() {
        if (told.compareAndSet(false, true)) {
            changed.run();
        }
    }

    @Override
    public List<Device.Count> counts() {
        List<Device.Count> counts = new ArrayList<>();
        for (Counter counter : Counter.values()) {
            counts.add(new Device.Count(counter, counted.get(counter.ordinal())));
        }
        return counts;
    }

    @Override
    public void close() {
        watch.close();
        socket.close();
    }

    /** Whether an error may be the answer to an earlier datagram. */
    private static boolean isAnswer(int errno) {
        return switch (errno) {
            case Errno.ECONNREFUSED,
                    Errno.EHOSTUNREACH,
                    Errno.ENETUNREACH,
                    Errno.EMSGSIZE,
                    Errno.ENOPROTOOPT,
                    Errno.EACCES,
                    Errno.EOPNOTSUPP,
                    Errno.EHOSTDOWN -> true;
            default -> false;
        };
    }

    private void answered(int errno) {
        Counter counter = switch (errno) {
            case Errno.ECONNREFUSED, Errno.ENOPROTOOPT -> Counter.PORT_UNREACHABLE;
            case Errno.EHOSTUNREACH, Errno.ENETUNREACH, Errno.EACCES, Errno.EHOSTDOWN -> Counter.HOST_UNREACHABLE;
            case Errno.EMSGSIZE -> Counter.PATH_TOO_SMALL;
            default -> Counter.OTHER_ERRORS;
        };
        counted.incrementAndGet(counter.ordinal());
        if (counter == Counter.PATH_TOO_SMALL) {
            tellOnce();
        }
    }

    /** Why a datagram that was tried again was not sent. */
    private DropReason refusalOf(int errno) {
        return switch (errno) {
            case Errno.EAGAIN, Errno.ENOBUFS, Errno.ENOMEM -> TransmitQueue.Refusal.QUEUE_FULL;
            case Errno.EMSGSIZE -> {
                tellOnce();
                yield TransmitQueue.Refusal.PACKET_TOO_BIG;
            }
            case Errno.ECONNREFUSED -> Drop.PEER_REFUSED;
            case Errno.ENETUNREACH, Errno.EHOSTUNREACH, Errno.ENETDOWN, Errno.EHOSTDOWN -> Drop.PEER_UNREACHABLE;
            case Errno.EPERM, Errno.EACCES -> Drop.HOST_FORBIDS;
            case Errno.EINVAL, Errno.EADDRNOTAVAIL -> { // the source address is not the host's any more
                stale = true;
                tellOnce();
                yield TransmitQueue.Refusal.INTERFACE_DOWN;
            }
            default -> TransmitQueue.Refusal.DEVICE_ERROR;
        };
    }

    private final class Receiver implements ReceiveQueue {
        private static final int FEWEST = 4;
        private static final int VECTOR_BYTES = 256 * 1024;

        private final MessageVector messages = new MessageVector(PacketVector.MAX_CAPACITY, 1, false);
        private final PacketBuffer[] offered = new PacketBuffer[PacketVector.MAX_CAPACITY];
        private int offer = FEWEST;

        @Override
        public int interfaceId() {
            return interfaceId;
        }

        @Override
        public int receive(PacketVector into, BufferPool pool) {
            int room = Math.min(offer, into.capacity() - into.size());
            int buffers = 0;
            while (buffers < room) {
                PacketBuffer packet = pool.take();
                if (packet == null) {
                    break;
                }
                int from = PacketBuffer.HEADROOM;
                messages.set(buffers, packet.address() + from, packet.capacity() - from);
                offered[buffers++] = packet;
            }
            int received = buffers == 0 ? 0 : receive(buffers);
            for (int i = received; i < buffers; i++) {
                pool.release(offered[i]);
            }
            long bytes = 0;
            for (int i = 0; i < received; i++) {
                PacketBuffer packet = offered[i];
                packet.setWindow(PacketBuffer.HEADROOM, messages.length(i));
                packet.setReceiveInterface(interfaceId);
                into.add(packet);
                bytes += packet.length();
            }
            adapt(received, bytes);
            return received;
        }

        /** How many datagrams there were: an error is the answer to one that was sent. */
        private int receive(int buffers) {
            int received = messages.receive(socket.fd(), buffers);
            if (received < 0 && received != -Errno.EAGAIN) {
                answered(-received);
                received = messages.receive(socket.fd(), buffers);
            }
            return Math.max(received, 0);
        }

        /** Offers twice as many when all were used, fewer when most were not, and never more bytes than the cache holds. */
        private void adapt(int received, long bytes) {
            if (received == 0) {
                offer = FEWEST;
            } else if (received == offer) {
                int affordable = (int) Math.max(FEWEST, VECTOR_BYTES / Math.max(1, bytes / received));
                offer = Math.min(Math.min(2 * offer, PacketVector.MAX_CAPACITY), affordable);
            } else if (received < offer / 4) {
                offer = Math.max(FEWEST, offer / 2);
            }
        }

        @Override
        public void arm(Runnable wake) {
            watch.arm(wake);
        }
    }

    private final class Transmitter implements TransmitQueue {
        private final MessageVector messages = new MessageVector(PacketVector.MAX_CAPACITY, 1, false);
        private DropReason refusal = TransmitQueue.Refusal.DEVICE_ERROR;

        @Override
        public int interfaceId() {
            return interfaceId;
        }

        @Override
        public int transmit(PacketVector packets, int from) {
            int count = 0;
            while (from + count < packets.size() && packets.get(from + count).chainCount() == 1) {
                PacketBuffer packet = packets.get(from + count);
                messages.set(count++, packet.address() + packet.start(), packet.length());
            }
            int sent = send(count);
            if (sent == count) {
                refusal = TransmitQueue.Refusal.PACKET_TOO_BIG; // of a chain, if there is a next packet at all
            }
            return sent;
        }

        private int send(int count) {
            int sent = 0;
            int answer = 0;
            while (sent < count) {
                int now = messages.send(socket.fd(), sent, count - sent);
                if (now > 0) {
                    sent += now;
                    if (answer != 0) {
                        answered(answer);
                        answer = 0;
                    }
                } else if (answer == 0 && isAnswer(-now)) {
                    answer = -now;
                } else {
                    refusal = refusalOf(-now);
                    return sent;
                }
            }
            return sent;
        }

        @Override
        public DropReason refusal() {
            return refusal;
        }
    }
}
