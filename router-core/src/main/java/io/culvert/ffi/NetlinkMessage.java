// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * One netlink request under construction, and the reading of attributes from replies.
 *
 * <pre>
 *  nlmsghdr { u32 len, u16 type, u16 flags, u32 seq, u32 pid }   family's own header   rtattr { u16 len, u16 type } data ...
 * </pre>
 *
 * <p>Everything is in host order and starts at a multiple of 4; lengths do not count the padding after them, nested
 * attributes count all they contain. Source: netlink(7), rtnetlink(7), {@code linux/netlink.h}.
 */
final class NetlinkMessage {
    static final int NLMSGHDR_BYTES = 16;
    static final int NLMSG_LEN = 0;
    static final int NLMSG_TYPE = 4;
    static final int NLMSG_FLAGS = 6;
    static final int NLMSG_SEQ = 8;
    static final int RTATTR_BYTES = 4;
    static final int RTA_LEN = 0;
    static final int RTA_TYPE = 2;

    /** The upper two bits of an attribute's type are flags. */
    static final int NLA_TYPE_MASK = 0x3fff;

    static final int NLM_F_REQUEST = 0x1;
    static final int NLM_F_ACK = 0x4;
    static final int NLM_F_DUMP = 0x300;
    static final int NLM_F_REPLACE = 0x100;
    static final int NLM_F_EXCL = 0x200;
    static final int NLM_F_CREATE = 0x400;

    private static final int MAX_BYTES = 4096;

    private final ByteBuffer buffer = Syscalls.nativeStruct(MAX_BYTES);

    NetlinkMessage(int type, int flags) {
        buffer.putShort(NLMSG_TYPE, (short) type);
        buffer.putShort(NLMSG_FLAGS, (short) (NLM_F_REQUEST | flags));
        buffer.position(NLMSGHDR_BYTES);
    }

    NetlinkMessage u8(int value) {
        buffer.put((byte) value);
        return this;
    }

    NetlinkMessage u16(int value) {
        buffer.putShort((short) value);
        return this;
    }

    NetlinkMessage u32(int value) {
        buffer.putInt(value);
        return this;
    }

    NetlinkMessage attribute(int type, byte[] data) {
        u16(RTATTR_BYTES + data.length).u16(type);
        buffer.put(data);
        while (buffer.position() % 4 != 0) {
            u8(0);
        }
        return this;
    }

    NetlinkMessage attribute(int type, int value) {
        return u16(RTATTR_BYTES + Integer.BYTES).u16(type).u32(value);
    }

    NetlinkMessage attribute(int type, String value) {
        byte[] text = value.getBytes(StandardCharsets.UTF_8);
        byte[] terminated = new byte[text.length + 1];
        System.arraycopy(text, 0, terminated, 0, text.length);
        return attribute(type, terminated);
    }

    /** Opens an attribute whose data are what follows until {@link #end}. Returns where it starts. */
    int begin(int type) {
        int start = buffer.position();
        u16(0).u16(type);
        return start;
    }

    /** Closes the attribute that {@link #begin} opened. */
    NetlinkMessage end(int start) {
        buffer.putShort(start + RTA_LEN, (short) (buffer.position() - start));
        return this;
    }

    /** The finished request, with its length and number filled in, from index 0 to its limit. */
    ByteBuffer finish(int sequence) {
        buffer.putInt(NLMSG_LEN, buffer.position()).putInt(NLMSG_SEQ, sequence);
        return buffer.flip();
    }

    /** The type of the message under construction. */
    int type() {
        return buffer.getShort(NLMSG_TYPE) & 0xffff;
    }

    /** Reads the attributes that fill a buffer from {@code from} to its limit: data by type, each a view from index 0. */
    static Map<Integer, ByteBuffer> attributes(ByteBuffer message, int from) {
        Map<Integer, ByteBuffer> attributes = new HashMap<>();
        int at = from;
        while (at + RTATTR_BYTES <= message.limit()) {
            int length = message.getShort(at + RTA_LEN) & 0xffff;
            if (length < RTATTR_BYTES || at + length > message.limit()) {
                break;
            }
            int type = message.getShort(at + RTA_TYPE) & NLA_TYPE_MASK;
            attributes.put(
                    type,
                    message.slice(at + RTATTR_BYTES, length - RTATTR_BYTES).order(message.order()));
            at += align(length);
        }
        return attributes;
    }

    /** A string attribute without its terminating zero. */
    static String text(ByteBuffer data) {
        return StandardCharsets.UTF_8.decode(data.duplicate()).toString().replace("\0", "");
    }

    /** All bytes of an attribute. */
    static byte[] bytes(ByteBuffer data) {
        byte[] bytes = new byte[data.limit()];
        data.get(0, bytes);
        return bytes;
    }

    /** The length with padding up to a multiple of 4. */
    static int align(int length) {
        return (length + 3) & ~3;
    }
}
