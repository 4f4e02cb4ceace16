// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Reads and writes capture files in the pcapng format (draft-ietf-opsawg-pcapng), which has the interface of each packet by
 * name: as much of it as packets need. Reads either byte order, enhanced and simple packet blocks.
 */
final class Capture {
    private static final int SECTION_HEADER = 0x0a0d_0d0a;
    private static final int BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
    private static final int INTERFACE_DESCRIPTION = 1;
    private static final int SIMPLE_PACKET = 3;
    private static final int ENHANCED_PACKET = 6;
    private static final int OPTION_END = 0;
    private static final int OPTION_INTERFACE_NAME = 2;
    private static final int LINK_ETHERNET = 1;
    private static final int LINK_RAW_IP = 101;
    private static final int MICROS_PER_SECOND = 1_000_000;
    /** Type and both lengths. */
    private static final int BLOCK_OVERHEAD = 12;

    /**
     * A packet.
     *
     * @param name of its interface
     * @param second of its time
     */
    record Packet(String name, long second, byte[] bytes) {}

    private Capture() {}

    /** All packets of a file, in its order. */
    static List<Packet> read(Path file) throws IOException {
        ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file));
        List<Packet> packets = new ArrayList<>();
        List<String> names = new ArrayList<>();
        while (in.remaining() >= BLOCK_OVERHEAD) {
            int start = in.position();
            int type = in.getInt(start);
            if (type == SECTION_HEADER) {
                in.order(ByteOrder.BIG_ENDIAN);
                in.order(in.getInt(start + 8) == BYTE_ORDER_MAGIC ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
                names.clear();
            }
            type = in.getInt(start);
            int length = in.getInt(start + 4);
            if (length < BLOCK_OVERHEAD || length % 4 != 0 || length > in.remaining()) {
                throw new IOException(file + " is no pcapng file: block of " + length + " bytes at byte " + start);
            }
            switch (type) {
                case INTERFACE_DESCRIPTION ->
                    names.add(interfaceName(in, start + 16, start + length - 4, names.size()));
                case ENHANCED_PACKET -> {
                    long micros = (in.getInt(start + 12) & 0xffff_ffffL) << 32 | in.getInt(start + 16) & 0xffff_ffffL;
                    byte[] bytes = new byte[in.getInt(start + 20)];
                    in.get(start + 28, bytes);
                    packets.add(new Packet(names.get(in.getInt(start + 8)), micros / MICROS_PER_SECOND, bytes));
                }
                case SIMPLE_PACKET -> {
                    byte[] bytes = new byte[Math.min(in.getInt(start + 8), length - 16)];
                    in.get(start + 12, bytes);
                    packets.add(new Packet(names.get(0), 0, bytes));
                }
                default -> {}
            }
            in.position(start + length);
        }
        if (names.isEmpty()) {
            throw new IOException(file + " is no pcapng file; Wireshark saves one as \"pcapng\"");
        }
        return packets;
    }

    private static String interfaceName(ByteBuffer in, int from, int to, int number) {
        int at = from;
        while (at + 4 <= to) {
            int code = in.getShort(at) & 0xffff;
            int length = in.getShort(at + 2) & 0xffff;
            if (code == OPTION_END) {
                break;
            }
            if (code == OPTION_INTERFACE_NAME) {
                byte[] name = new byte[length];
                in.get(at + 4, name);
                return new String(name, StandardCharsets.UTF_8);
            }
            at += 4 + padded(length);
        }
        return "interface " + number;
    }

    /**
     * The bytes of a file.
     *
     * @param links whether each interface is an Ethernet, by its name
     */
    static byte[] write(Map<String, Boolean> links, List<Packet> packets) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteBuffer section = ByteBuffer.allocate(16)
                .putInt(BYTE_ORDER_MAGIC)
                .putShort((short) 1)
                .putShort((short) 0);
        block(out, SECTION_HEADER, section.putLong(-1));
        List<String> names = List.copyOf(links.keySet());
        for (String name : names) {
            byte[] text = name.getBytes(StandardCharsets.UTF_8);
            ByteBuffer body = ByteBuffer.allocate(8 + 4 + padded(text.length) + 4)
                    .putShort((short) (Boolean.TRUE.equals(links.get(name)) ? LINK_ETHERNET : LINK_RAW_IP))
                    .putShort((short) 0)
                    .putInt(0)
                    .putShort((short) OPTION_INTERFACE_NAME)
                    .putShort((short) text.length)
                    .put(Arrays.copyOf(text, padded(text.length)))
                    .putInt(OPTION_END);
            block(out, INTERFACE_DESCRIPTION, body);
        }
        for (Packet packet : packets) {
            byte[] bytes = packet.bytes();
            long micros = packet.second() * MICROS_PER_SECOND;
            ByteBuffer body = ByteBuffer.allocate(20 + padded(bytes.length))
                    .putInt(names.indexOf(packet.name()))
                    .putInt((int) (micros >>> 32))
                    .putInt((int) micros)
                    .putInt(bytes.length)
                    .putInt(bytes.length)
                    .put(Arrays.copyOf(bytes, padded(bytes.length)));
            block(out, ENHANCED_PACKET, body);
        }
        return out.toByteArray();
    }

    private static void block(ByteArrayOutputStream out, int type, ByteBuffer body) {
        int length = body.capacity() + BLOCK_OVERHEAD;
        ByteBuffer block = ByteBuffer.allocate(length)
                .putInt(type)
                .putInt(length)
                .put(body.rewind())
                .putInt(length);
        out.writeBytes(block.array());
    }

    private static int padded(int length) {
        return (length + 3) & ~3;
    }
}
