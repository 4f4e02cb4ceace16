// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The virtio network header that tun devices with {@code IFF_VNET_HDR} and packet sockets with {@code PACKET_VNET_HDR} put
 * before each packet, both ways: what is left to do about checksum and segmentation.
 *
 * <pre>
 *  0        1        2        4        6          8           10           12
 *  +--------+--------+--------+--------+----------+-----------+------------+
 *  | flags  |gso_type| hdr_len|gso_size|csum_start|csum_offset| num_buffers|
 *  +--------+--------+--------+--------+----------+-----------+------------+
 * </pre>
 *
 * <p>Fields of 16 bits are little-endian: a tun set up by {@link TunDevice} is told so (TUNSETVNETLE), and a packet socket
 * uses the host's order, which is little-endian on all supported machines. The methods here read and write little-endian
 * whatever the order of the buffer is, at an absolute index, bounds-checked by the buffer, without allocation.
 *
 * <p>{@code csum_start} counts from the first byte after the header (and {@code csum_offset} from there): the Ethernet
 * header on tap and packet sockets, the IP header on tun. {@code num_buffers}, in the form of 12 bytes, is of no use with
 * tun and is 0. Source: virtio 1.2 section 5.1.6, {@code linux/virtio_net.h}.
 */
public final class VirtioNetHeader {
    /** Length of the form that packet sockets use and that tun uses by default. */
    public static final int BYTES = 10;

    /** Length of the form with {@code num_buffers}, which tun uses when told so. */
    public static final int BYTES_WITH_NUM_BUFFERS = 12;

    /** {@link #flags}: the checksum at {@code csum_start + csum_offset} holds the pseudo header's sum only. */
    public static final int VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;

    /** {@link #flags}: the checksum was verified; meaningful on receive only. */
    public static final int VIRTIO_NET_HDR_F_DATA_VALID = 2;

    /** {@link #gsoType}: one ordinary packet. */
    public static final int VIRTIO_NET_HDR_GSO_NONE = 0;

    /** {@link #gsoType}: TCP over IPv4, to be cut into segments of {@link #gsoSize} payload bytes. */
    public static final int VIRTIO_NET_HDR_GSO_TCPV4 = 1;

    /** {@link #gsoType}: UDP to be cut into IP fragments (obsolete). */
    public static final int VIRTIO_NET_HDR_GSO_UDP = 3;

    /** {@link #gsoType}: TCP over IPv6. */
    public static final int VIRTIO_NET_HDR_GSO_TCPV6 = 4;

    /** {@link #gsoType}: UDP of either family, to be cut into datagrams of {@link #gsoSize} payload bytes (USO). */
    public static final int VIRTIO_NET_HDR_GSO_UDP_L4 = 5;

    /** Bit in {@link #gsoType} beside a TCP type: the TCP header has CWR set, which only the first segment may keep. */
    public static final int VIRTIO_NET_HDR_GSO_ECN = 0x80;

    static final int FLAGS = 0;
    static final int GSO_TYPE = 1;
    static final int HDR_LEN = 2;
    static final int GSO_SIZE = 4;
    static final int CSUM_START = 6;
    static final int CSUM_OFFSET = 8;
    static final int NUM_BUFFERS = 10;

    private VirtioNetHeader() {}

    /** Bits {@code VIRTIO_NET_HDR_F_*} of the header at {@code index}. */
    public static int flags(ByteBuffer buffer, int index) {
        return buffer.get(index + FLAGS) & 0xff;
    }

    /** One of {@code VIRTIO_NET_HDR_GSO_*}, perhaps with {@link #VIRTIO_NET_HDR_GSO_ECN}. */
    public static int gsoType(ByteBuffer buffer, int index) {
        return buffer.get(index + GSO_TYPE) & 0xff;
    }

    /** Length of all headers of a packet to be segmented, in bytes: a hint, not to be trusted. */
    public static int headerLength(ByteBuffer buffer, int index) {
        return littleEndian16(buffer, index + HDR_LEN);
    }

    /** Payload bytes per segment. */
    public static int gsoSize(ByteBuffer buffer, int index) {
        return littleEndian16(buffer, index + GSO_SIZE);
    }

    /** Where the bytes to be summed start, counted from the first byte after the header. */
    public static int checksumStart(ByteBuffer buffer, int index) {
        return littleEndian16(buffer, index + CSUM_START);
    }

    /** Where the checksum field is, counted from {@link #checksumStart}. */
    public static int checksumOffset(ByteBuffer buffer, int index) {
        return littleEndian16(buffer, index + CSUM_OFFSET);
    }

    /** Writes {@link #BYTES} bytes at {@code index}. */
    public static void write(
            ByteBuffer buffer,
            int index,
            int flags,
            int gsoType,
            int headerLength,
            int gsoSize,
            int checksumStart,
            int checksumOffset) {
        buffer.put(index + FLAGS, (byte) flags);
        buffer.put(index + GSO_TYPE, (byte) gsoType);
        putLittleEndian16(buffer, index + HDR_LEN, headerLength);
        putLittleEndian16(buffer, index + GSO_SIZE, gsoSize);
        putLittleEndian16(buffer, index + CSUM_START, checksumStart);
        putLittleEndian16(buffer, index + CSUM_OFFSET, checksumOffset);
    }

    /** Writes a header that asks for nothing: {@code bytes} (10 or 12) zero bytes. */
    public static void clear(ByteBuffer buffer, int index, int bytes) {
        buffer.putLong(index, 0L);
        buffer.putShort(index + CSUM_OFFSET, (short) 0);
        if (bytes == BYTES_WITH_NUM_BUFFERS) {
            buffer.putShort(index + NUM_BUFFERS, (short) 0);
        }
    }

    private static int littleEndian16(ByteBuffer buffer, int index) {
        short value = buffer.getShort(index);
        return (buffer.order() == ByteOrder.LITTLE_ENDIAN ? value : Short.reverseBytes(value)) & 0xffff;
    }

    private static void putLittleEndian16(ByteBuffer buffer, int index, int value) {
        short low = (short) value;
        buffer.putShort(index, buffer.order() == ByteOrder.LITTLE_ENDIAN ? low : Short.reverseBytes(low));
    }
}
