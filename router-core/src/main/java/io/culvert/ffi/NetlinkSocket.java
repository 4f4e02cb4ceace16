// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static io.culvert.ffi.NetlinkMessage.NLMSGHDR_BYTES;
import static io.culvert.ffi.NetlinkMessage.NLMSG_FLAGS;
import static io.culvert.ffi.NetlinkMessage.NLMSG_LEN;
import static io.culvert.ffi.NetlinkMessage.NLMSG_SEQ;
import static io.culvert.ffi.NetlinkMessage.NLMSG_TYPE;

import java.io.Closeable;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A netlink socket: requests with acknowledgement, transactions, dumps, and notifications of multicast groups. It talks
 * about the network namespace of the thread that opened it. One thread at a time. Source: netlink(7).
 */
final class NetlinkSocket implements Closeable {
    static final int NETLINK_ROUTE = 0;
    static final int NETLINK_NETFILTER = 12;
    static final int SOL_NETLINK = 270;
    static final int NETLINK_CAP_ACK = 10;
    static final int NETLINK_EXT_ACK = 11;
    static final int NLMSG_ERROR = 2;
    static final int NLMSG_DONE = 3;
    static final int NLM_F_DUMP_INTR = 0x10;
    static final int NLM_F_CAPPED = 0x100;
    static final int NLM_F_ACK_TLVS = 0x200;
    static final int NLMSGERR_ATTR_MSG = 1;
    static final int NLMSGERR_BYTES = 20;
    static final int SOCKADDR_NL_BYTES = 12;
    static final int NL_FAMILY = 0;
    static final int NL_GROUPS = 8;

    /** The kernel fills at most 32 KiB per datagram of a dump. */
    private static final int RECEIVE_BYTES = 128 * 1024;

    private static final int DUMP_ATTEMPTS = 10;

    private final int fd;
    private final ByteBuffer received = NativeMemory.allocate(RECEIVE_BYTES);
    private final long receivedAddress = NativeMemory.address(received);
    private int sequence;
    private boolean closed;

    private NetlinkSocket(int fd) {
        this.fd = fd;
    }

    /** Opens a routing socket that also gets the notifications of the groups in a mask {@code RTMGRP_*}; 0 for none. */
    static NetlinkSocket open(int groups) throws NativeException {
        return open(NETLINK_ROUTE, groups);
    }

    /** Opens a socket to the part of the kernel that {@code NETLINK_*} names. */
    static NetlinkSocket open(int protocol, int groups) throws NativeException {
        int fd = NativeException.check(
                Syscalls.socket(Syscalls.AF_NETLINK, Syscalls.SOCK_RAW | Syscalls.SOCK_CLOEXEC, protocol),
                "socket(AF_NETLINK)",
                "");
        try {
            ByteBuffer address = Syscalls.nativeStruct(SOCKADDR_NL_BYTES);
            address.putShort(NL_FAMILY, (short) Syscalls.AF_NETLINK).putInt(NL_GROUPS, groups);
            NativeException.check(Syscalls.bind(fd, address), "bind(AF_NETLINK)", "");
            // words with errors, and errors without the request repeated: kernels before 4.12 do without
            Syscalls.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
            Syscalls.setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
            return new NetlinkSocket(fd);
        } catch (NativeException e) {
            Syscalls.close(fd);
            throw e;
        }
    }

    int fd() {
        return fd;
    }

    /**
     * Sends a request and waits until the kernel has done it.
     *
     * @param what the request in words, for the message of a failure
     */
    void change(NetlinkMessage request, String call, String what) throws NativeException {
        send(request, call, what);
        collect(call, what);
    }

    /** Sends a request for one object and returns its message; the kernel's refusal is an exception. */
    List<ByteBuffer> get(NetlinkMessage request, String call, String what) throws NativeException {
        send(request, call, what);
        List<ByteBuffer> messages = collect(call, what);
        return messages == null ? List.of() : messages;
    }

    /** Sends a request for all objects and returns their messages, as of one moment. */
    List<ByteBuffer> dump(Supplier<NetlinkMessage> request, String call, String what) throws NativeException {
        for (int attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
            send(request.get(), call, what);
            List<ByteBuffer> messages = collect(call, what);
            if (messages != null) {
                return messages;
            }
        }
        throw new NativeException(call, Errno.EAGAIN, what + ": the table changes faster than it can be read");
    }

    /**
     * Sends requests that the kernel does all or not at all, in one datagram, and waits until that is decided.
     *
     * @param requests with whatever the protocol wants as first and last message of a transaction
     */
    void transaction(List<NetlinkMessage> requests, String call, String what) throws NativeException {
        List<ByteBuffer> finished = new ArrayList<>();
        int bytes = 0;
        for (NetlinkMessage request : requests) {
            ByteBuffer message = request.finish(++sequence);
            finished.add(message);
            bytes += NetlinkMessage.align(message.limit());
        }
        ByteBuffer datagram = NativeMemory.allocate(bytes);
        int at = 0;
        for (ByteBuffer message : finished) {
            datagram.put(at, message, 0, message.limit());
            at += NetlinkMessage.align(message.limit());
        }
        send(datagram, call, what);
        // The kernel has answered when sendto(2) returns: for each request that it refused, and no more.
        while (true) {
            List<ByteBuffer> answers;
            try {
                answers = receive(Syscalls.MSG_DONTWAIT, call, what);
            } catch (NativeException e) {
                if (e.errno() == Errno.EAGAIN) {
                    return;
                }
                throw e;
            }
            for (ByteBuffer answer : answers) {
                if ((answer.getShort(NLMSG_TYPE) & 0xffff) == NLMSG_ERROR) {
                    checkResult(answer, NLMSG_ERROR, call, what);
                }
            }
        }
    }

    private void send(NetlinkMessage message, String call, String what) throws NativeException {
        send(message.finish(++sequence), call, what);
    }

    private void send(ByteBuffer request, String call, String what) throws NativeException {
        if (closed) {
            throw new NativeException(call, Errno.EBADF, "this netlink socket is closed");
        }
        try {
            NativeException.check(
                    Syscalls.sendto(fd, NativeMemory.address(request), request.limit(), 0, 0, 0), call, what);
        } finally {
            Reference.reachabilityFence(request);
        }
    }

    /** Reads up to the end of the reply. Returns copies of its messages, or null if the table changed meanwhile. */
    private @Nullable List<ByteBuffer> collect(String call, String what) throws NativeException {
        List<ByteBuffer> messages = new ArrayList<>();
        boolean changed = false;
        while (true) {
            for (ByteBuffer message : receive(0, call, what)) {
                if (message.getInt(NLMSG_SEQ) != sequence) {
                    continue;
                }
                changed |= (message.getShort(NLMSG_FLAGS) & NLM_F_DUMP_INTR) != 0;
                int type = message.getShort(NLMSG_TYPE) & 0xffff;
                if (type == NLMSG_ERROR || type == NLMSG_DONE) {
                    checkResult(message, type, call, what);
                    return changed ? null : messages;
                }
                messages.add(message);
            }
        }
    }

    /** Receives one datagram and returns copies of its messages, each from index 0 to its limit. */
    List<ByteBuffer> receive(int flags, String call, String what) throws NativeException {
        int bytes = NativeException.check(
                Syscalls.recvfrom(fd, receivedAddress, RECEIVE_BYTES, flags | Syscalls.MSG_TRUNC, 0, 0), call, what);
        if (bytes > RECEIVE_BYTES) {
            throw new NativeException(call, Errno.EMSGSIZE, what + ": a message of " + bytes + " bytes");
        }
        List<ByteBuffer> messages = new ArrayList<>();
        int at = 0;
        while (at + NLMSGHDR_BYTES <= bytes) {
            int length = received.getInt(at + NLMSG_LEN);
            if (length < NLMSGHDR_BYTES || at + length > bytes) {
                break;
            }
            ByteBuffer copy = ByteBuffer.allocate(length).order(received.order());
            copy.put(0, received, at, length);
            messages.add(copy);
            at += NetlinkMessage.align(length);
        }
        return messages;
    }

    private static void checkResult(ByteBuffer message, int type, String call, String what) throws NativeException {
        int errno = message.limit() >= NLMSGHDR_BYTES + Integer.BYTES ? -message.getInt(NLMSGHDR_BYTES) : 0;
        if (errno <= 0) {
            return;
        }
        int flags = message.getShort(NLMSG_FLAGS);
        String words = "";
        if ((flags & NLM_F_ACK_TLVS) != 0) {
            int attributes = NLMSGHDR_BYTES + Integer.BYTES;
            if (type == NLMSG_ERROR) {
                attributes = NLMSGHDR_BYTES + NLMSGERR_BYTES;
                if ((flags & NLM_F_CAPPED) == 0) {
                    int request = message.getInt(NLMSGHDR_BYTES + Integer.BYTES + NLMSG_LEN);
                    attributes = NLMSGHDR_BYTES + Integer.BYTES + NetlinkMessage.align(request);
                }
            }
            Map<Integer, ByteBuffer> details = NetlinkMessage.attributes(message, attributes);
            ByteBuffer text = details.get(NLMSGERR_ATTR_MSG);
            words = text == null ? "" : ": " + NetlinkMessage.text(text);
        }
        throw new NativeException(call, errno, what + words);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Syscalls.close(fd);
        }
    }
}
