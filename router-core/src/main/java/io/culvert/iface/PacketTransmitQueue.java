// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.MessageVector;
import io.culvert.ffi.PacketSocket;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.TransmitQueue;

/** Writes one packet socket by sendmmsg: one message a packet, a chain in as many pieces as it has members. */
final class PacketTransmitQueue implements TransmitQueue {
    /** Pieces for each message of a full vector; together they make room for any chain. */
    private static final int SEGMENTS = 2;

    private final int interfaceId;
    private final PacketSocket socket;
    private final int queue;
    private final MessageVector messages = new MessageVector(PacketVector.MAX_CAPACITY, SEGMENTS, false);
    private Refusal refusal = Refusal.DEVICE_ERROR;

    PacketTransmitQueue(int interfaceId, PacketSocket socket, int queue) {
        this.interfaceId = interfaceId;
        this.socket = socket;
        this.queue = queue;
    }

    @Override
    public int interfaceId() {
        return interfaceId;
    }

    @Override
    public int transmit(PacketVector packets, int from) {
        int sent = 0;
        while (from + sent < packets.size()) {
            int count = lay(packets, from + sent);
            int accepted = 0;
            while (accepted < count) {
                int now = messages.send(socket.fd(queue), accepted, count - accepted);
                if (now < 0) {
                    refusal = TunTransmitQueue.refusalOf(-now);
                    return sent + accepted;
                }
                accepted += now;
            }
            sent += count;
        }
        return sent;
    }

    /** Writes messages for the packets from an index on, as many as there is room for, and answers how many. */
    private int lay(PacketVector packets, int from) {
        int headerBytes = socket.vnetHeaderBytes();
        int pieces = 0;
        int count = 0;
        while (from + count < packets.size()) {
            PacketBuffer packet = packets.get(from + count);
            if (pieces + packet.chainCount() > messages.pieces()) {
                break;
            }
            int start = packet.start() - headerBytes;
            if (headerBytes != 0) {
                VirtioOffload.write(packet, start, headerBytes);
            }
            int first = pieces;
            messages.setPiece(pieces++, packet.address() + start, packet.length() + headerBytes);
            for (PacketBuffer follower = packet.nextInChain(); follower != null; follower = follower.nextInChain()) {
                messages.setPiece(pieces++, follower.address() + follower.start(), follower.length());
            }
            messages.gather(count++, first, pieces - first);
        }
        return count;
    }

    @Override
    public Refusal refusal() {
        return refusal;
    }
}
