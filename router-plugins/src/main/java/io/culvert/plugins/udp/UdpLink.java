// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.udp;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Device;
import io.culvert.spi.DropReason;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.TransmitQueue;
import io.culvert.spi.UdpSocket;
import java.io.IOException;
import java.util.function.LongSupplier;

/**
 * How one tunnel stands: whether its peer is heard, and how large a packet its path takes. The lanes note when something was
 * sent or heard; the interface's own thread sends what keeps the link alive.
 *
 * <p>Only what comes from the peer's address and port is heard at all: the socket is connected.
 */
final class UdpLink implements Device.Probe {
    /** Of silence, after which the link is down: so many keepalives may be lost, less one. */
    private static final int PATIENCE = 3;

    /** While no lane reads, the socket is looked into so often. */
    private static final long LISTEN_AGAIN_NANOS = 100_000_000;

    /** How often the kernel is asked for the path's MTU, which may have grown: it tells only when it has shrunk. */
    private static final long ASK_PATH_NANOS = 10_000_000_000L;

    private final UdpSocket socket;
    private final long keepaliveNanos;
    private final int overheadBytes;
    private final LongSupplier clock;
    /** The largest MTU of a tunnel that follows its path; 0 for one that does not. */
    private int most;

    private int mtu;
    private boolean heard;
    private volatile long sentAt;
    private volatile long heardAt;

    /** @param keepaliveNanos 0 for a link that is always up */
    UdpLink(UdpSocket socket, long keepaliveNanos, int overheadBytes, LongSupplier clock) {
        this.socket = socket;
        this.keepaliveNanos = keepaliveNanos;
        this.overheadBytes = overheadBytes;
        this.clock = clock;
        long now = clock.getAsLong();
        sentAt = now - keepaliveNanos;
        heardAt = now - PATIENCE * keepaliveNanos;
    }

    /** From now on the MTU follows the path; answers what it is. */
    int followPath(int most) throws IOException {
        this.most = most;
        mtu = Math.min(socket.pathMtu() - overheadBytes, most);
        return mtu;
    }

    @Override
    public Device.Status look() {
        Device.State state = Device.State.USABLE;
        if (keepaliveNanos != 0) {
            keepAlive();
            state = heard ? Device.State.USABLE : Device.State.PEER_SILENT;
        }
        if (socket.isStale()) {
            state = Device.State.GONE;
        }
        return new Device.Status(state, 0, pathMtu(), socket.counts());
    }

    private void keepAlive() {
        long now = clock.getAsLong();
        if (now - sentAt >= keepaliveNanos) {
            socket.sendEmpty();
            sentAt = now;
        }
        if (socket.hasArrived()) { // no lane may be there to read it while the link is down
            heardAt = now;
        }
        heard = now - heardAt < PATIENCE * keepaliveNanos;
    }

    private int pathMtu() {
        if (most != 0) {
            try {
                mtu = Math.min(socket.pathMtu() - overheadBytes, most);
            } catch (IOException noRoute) {
                // it stays what it was until there is a path again
            }
        }
        return mtu;
    }

    @Override
    public boolean onChange(Runnable changed) {
        socket.onChange(changed);
        return true;
    }

    @Override
    public long lookAgainNanos() {
        long again = most == 0 ? NEVER : ASK_PATH_NANOS;
        if (keepaliveNanos != 0) {
            long now = clock.getAsLong();
            again = Math.min(again, sentAt + keepaliveNanos - now);
            again = Math.min(again, heard ? heardAt + PATIENCE * keepaliveNanos - now : LISTEN_AGAIN_NANOS);
        }
        return again;
    }

    /** Takes the empty datagrams out of what was received. */
    ReceiveQueue receiver(ReceiveQueue queue) {
        return new ReceiveQueue() {
            @Override
            public int interfaceId() {
                return queue.interfaceId();
            }

            @Override
            public int receive(PacketVector into, BufferPool pool) throws IOException {
                int before = into.size();
                if (queue.receive(into, pool) == 0) {
                    return 0;
                }
                if (keepaliveNanos != 0) {
                    heardAt = clock.getAsLong();
                }
                for (int i = into.size() - 1; i >= before; i--) {
                    PacketBuffer packet = into.get(i);
                    if (packet.length() == 0) {
                        into.remove(i);
                        pool.release(packet);
                    }
                }
                return into.size() - before;
            }

            @Override
            public void reportDropped(DropLog log) {
                queue.reportDropped(log);
            }

            @Override
            public void arm(Runnable wake) {
                queue.arm(wake);
            }
        };
    }

    /** Notes that something was sent. */
    TransmitQueue transmitter(TransmitQueue queue) {
        return new TransmitQueue() {
            @Override
            public int interfaceId() {
                return queue.interfaceId();
            }

            @Override
            public int transmit(PacketVector packets, int from) {
                int sent = queue.transmit(packets, from);
                if (sent != 0 && keepaliveNanos != 0) {
                    sentAt = clock.getAsLong();
                }
                return sent;
            }

            @Override
            public DropReason refusal() {
                return queue.refusal();
            }
        };
    }
}
