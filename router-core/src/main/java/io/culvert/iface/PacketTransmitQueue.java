// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.MessageVector;
import io.culvert.ffi.PacketSocket;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.TransmitQueue;

/** Writes one packet socket by sendmmsg. */
final class PacketTransmitQueue implements TransmitQueue {
    private final int interfaceId;
    private final PacketSocket socket;
    private final int queue;
    private final MessageVector messages = new MessageVector(PacketVector.MAX_CAPACITY, 1, false);
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
        int headerBytes = socket.vnetHeaderBytes();
        int count = packets.size() - from;
        for (int i = 0; i < count; i++) {
            PacketBuffer packet = packets.get(from + i);
            int start = packet.start() - headerBytes;
            if (headerBytes != 0) {
                VirtioOffload.write(packet, start, headerBytes);
            }
            messages.set(i, packet.address() + start, packet.length() + headerBytes);
        }
        int sent = 0;
        while (sent < count) {
            int accepted = messages.send(socket.fd(queue), sent, count - sent);
            if (accepted < 0) {
                refusal = TunTransmitQueue.refusalOf(-accepted);
                return sent;
            }
            sent += accepted;
        }
        return sent;
    }

    @Override
    public Refusal refusal() {
        return refusal;
    }
}
