// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.offload;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Segmentation as the protocols' documents describe it, on byte arrays and with a checksum added up octet by octet: slow,
 * and another program than the one under test.
 */
final class PlainSegmentation {
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final int ROUTING = 43;

    private PlainSegmentation() {}

    /**
     * Cuts a packet with right lengths.
     *
     * @param network where the IP header starts, behind a link header that is repeated as it is
     * @param checksums false leaves UDP's at zero
     */
    static List<byte[]> cut(byte[] packet, int network, int segmentBytes, boolean checksums) {
        boolean ip4 = packet[network] >> 4 == 4;
        int protocol = packet[network + (ip4 ? 9 : 6)] & 0xff;
        int transport = network + (ip4 ? (packet[network] & 0xf) * 4 : 40);
        byte[] destination = Arrays.copyOfRange(packet, network + (ip4 ? 16 : 24), network + (ip4 ? 20 : 40));
        while (protocol != TCP && protocol != UDP) {
            if (protocol == ROUTING && packet[transport + 3] != 0) {
                int bytes = ((packet[transport + 1] & 0xff) + 1) * 8;
                destination = Arrays.copyOfRange(packet, transport + bytes - 16, transport + bytes);
            }
            protocol = packet[transport] & 0xff;
            transport += ((packet[transport + 1] & 0xff) + 1) * 8;
        }
        byte[] source = Arrays.copyOfRange(packet, network + (ip4 ? 12 : 8), network + (ip4 ? 16 : 24));
        int payload = transport + (protocol == TCP ? ((packet[transport + 12] & 0xff) >> 4) * 4 : 8);
        List<byte[]> segments = new ArrayList<>();
        int from = payload;
        do {
            int to = Math.min(from + segmentBytes, packet.length);
            byte[] segment = Arrays.copyOf(packet, payload + to - from);
            System.arraycopy(packet, from, segment, payload, to - from);
            if (ip4) {
                put16(segment, network + 2, segment.length - network);
                put16(segment, network + 4, get16(packet, network + 4) + segments.size());
                put16(segment, network + 10, 0);
                put16(segment, network + 10, ~sum(0, segment, network, transport) & 0xffff);
            } else {
                put16(segment, network + 4, segment.length - network - 40);
            }
            if (protocol == TCP) {
                int sequence = (get16(packet, transport + 4) << 16 | get16(packet, transport + 6)) + from - payload;
                put16(segment, transport + 4, sequence >> 16);
                put16(segment, transport + 6, sequence);
                if (from != payload) {
                    segment[transport + 13] &= 0x7f; // CWR
                }
                if (to != packet.length) {
                    segment[transport + 13] &= ~0x09; // PSH, FIN
                }
            } else {
                put16(segment, transport + 4, segment.length - transport);
            }
            if (checksums) {
                putChecksum(segment, source, destination, protocol, transport);
            }
            segments.add(segment);
            from = to;
        } while (from < packet.length);
        return segments;
    }

    private static void putChecksum(byte[] segment, byte[] source, byte[] destination, int protocol, int transport) {
        int field = transport + (protocol == TCP ? 16 : 6);
        put16(segment, field, 0);
        int pseudo = sum(sum(protocol, source, 0, source.length), destination, 0, destination.length);
        int checksum = ~sum(pseudo + segment.length - transport, segment, transport, segment.length) & 0xffff;
        put16(segment, field, protocol == UDP && checksum == 0 ? 0xffff : checksum);
    }

    private static int sum(int before, byte[] bytes, int from, int to) {
        int sum = before;
        for (int i = from; i < to; i++) {
            sum += (bytes[i] & 0xff) << ((i - from) % 2 == 0 ? 8 : 0);
            while (sum > 0xffff) {
                sum -= 0xffff;
            }
        }
        return sum;
    }

    private static int get16(byte[] bytes, int at) {
        return (bytes[at] & 0xff) << 8 | (bytes[at + 1] & 0xff);
    }

    private static void put16(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >> 8);
        bytes[at + 1] = (byte) value;
    }
}
