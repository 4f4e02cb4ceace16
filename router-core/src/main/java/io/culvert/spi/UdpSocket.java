// SPDX-License-Identifier: Apache-2.0
package io.culvert.spi;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;

/**
 * A UDP socket of the kernel that carries an interface: connected to one peer, read and written by lanes without waiting.
 * The host's routes carry the datagrams.
 *
 * <p>What the network answers (RFC 1122 section 4.1.3.3: port or host unreachable, packet too big) is counted, and never
 * ends the socket. {@link #receiveQueue} and {@link #transmitQueue} belong to lanes; all else to the interface's own
 * thread.
 *
 * @since 0.1
 */
@Provided
public interface UdpSocket extends Closeable {
    /** Bytes of an IPv4 header without options (RFC 791) and a UDP header (RFC 768). */
    int OVERHEAD4 = 20 + 8;

    /** Bytes of an IPv6 header (RFC 8200) and a UDP header. */
    int OVERHEAD6 = 40 + 8;

    /** Why the kernel did not take a datagram, beside the reasons of {@link TransmitQueue.Refusal}. */
    enum Drop implements DropReason {
        PEER_REFUSED("The peer's host answered that nobody listens at its port."),
        PEER_UNREACHABLE("No route of this host led to the tunnel's peer."),
        HOST_FORBIDS("A packet filter of this host, or a route of its, forbade sending to the tunnel's peer.");

        private final String text;

        Drop(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    /** What the socket counts. */
    enum Counter implements CounterId {
        PORT_UNREACHABLE("Answers that nobody listens at the peer's port."),
        HOST_UNREACHABLE("Answers that the peer's host or network can't be reached."),
        PATH_TOO_SMALL("Answers that a datagram was larger than the path takes."),
        OTHER_ERRORS("Other errors that receiving or sending has met.");

        private final String text;

        Counter(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    /** The address that datagrams are sent from; chosen by the kernel where the wildcard was given. */
    InetSocketAddress local();

    InetSocketAddress peer();

    /**
     * Takes datagrams into packets whose window is the payload, behind all of a packet's headroom. One queue: the kernel
     * tells flows apart by addresses and ports, and here are only two.
     */
    ReceiveQueue receiveQueue();

    /**
     * Sends each packet's window as one datagram.
     *
     * @param lane from 0
     */
    TransmitQueue transmitQueue(int lane);

    /** Sends a datagram without payload now; what becomes of it shows in the counts alone. */
    void sendEmpty();

    /** Whether a datagram waits to be received. */
    boolean hasArrived();

    /**
     * The largest IP packet, outer headers included, that the kernel knows the path to the peer to take, in bytes.
     *
     * @throws IOException when the kernel can't tell, such as when no route leads there any more
     */
    int pathMtu() throws IOException;

    /** Whether the address that datagrams are sent from is not the host's any more: only opening another socket helps. */
    boolean isStale();

    /** Calls back, on any thread, when sending has met something that {@link #pathMtu} or {@link #isStale} will tell. */
    void onChange(Runnable changed);

    /** What it has counted, by {@link Counter}. */
    List<Device.Count> counts();

    /** No queue may be in use. */
    @Override
    void close();
}
