// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import io.culvert.ffi.NativeMemory;
import io.culvert.ffi.Syscalls;
import java.io.IOException;
import java.lang.ref.Reference;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Many UDP flows between two hosts, each datagram with the next number of its flow: what is sent, what arrives, and whether
 * it does so in order. One thread for each direction sends round the flows as fast as it can, one receives.
 */
final class Flows implements AutoCloseable {
    private static final int POLLFD_BYTES = 8;
    private static final int RECEIVE_BUFFER = 4 << 20;

    /** One direction of one flow. */
    static final class Count {
        final AtomicLong sent = new AtomicLong();
        final AtomicLong received = new AtomicLong();
        final AtomicLong disorders = new AtomicLong();
        private long last = -1;

        private void arrived(long number) {
            received.incrementAndGet();
            if (number <= last) {
                disorders.incrementAndGet();
            }
            last = Math.max(last, number);
        }
    }

    private final List<RawDatagrams> here = new ArrayList<>();
    private final List<RawDatagrams> there = new ArrayList<>();
    private final int bytes;
    private final List<Count> forward = new ArrayList<>();
    private final List<Count> back = new ArrayList<>();
    private final List<Thread> senders = new ArrayList<>();
    private final List<Thread> receivers = new ArrayList<>();
    private volatile boolean sending = true;
    private volatile boolean receiving = true;

    /** Opens {@code count} flows whose datagrams have {@code bytes} bytes, from {@code port} on at both ends. */
    Flows(TestHost from, String fromAddress, TestHost to, String toAddress, int port, int count, int bytes)
            throws IOException {
        this.bytes = bytes;
        for (int flow = 0; flow < count; flow++) {
            InetSocketAddress one = new InetSocketAddress(fromAddress, port + flow);
            InetSocketAddress other = new InetSocketAddress(toAddress, port + flow);
            here.add(RawDatagrams.open(from, one, other));
            there.add(RawDatagrams.open(to, other, one));
            here.get(flow).receiveBuffer(RECEIVE_BUFFER);
            there.get(flow).receiveBuffer(RECEIVE_BUFFER);
            forward.add(new Count());
            back.add(new Count());
        }
        receivers.add(start("flow-receiver-there", () -> receive(there, forward)));
        receivers.add(start("flow-receiver-here", () -> receive(here, back)));
    }

    /** Sends from the first host as fast as it can. */
    Flows sendForward() {
        senders.add(start("flow-sender-here", () -> flood(here, forward)));
        return this;
    }

    /** Sends from the second host, too. */
    Flows sendBack() {
        senders.add(start("flow-sender-there", () -> flood(there, back)));
        return this;
    }

    /** Sends one datagram of each flow from the first host. */
    void sendOnce() {
        for (int flow = 0; flow < here.size(); flow++) {
            send(here.get(flow), forward.get(flow));
        }
    }

    /** What the first host sends, flow by flow. */
    List<Count> forward() {
        return forward;
    }

    /** What the second host sends. */
    List<Count> back() {
        return back;
    }

    static long received(List<Count> direction) {
        return direction.stream().mapToLong(count -> count.received.get()).sum();
    }

    static long sent(List<Count> direction) {
        return direction.stream().mapToLong(count -> count.sent.get()).sum();
    }

    /** Datagrams that arrived behind a later one of their flow. */
    long disorders() {
        return forward.stream().mapToLong(count -> count.disorders.get()).sum()
                + back.stream().mapToLong(count -> count.disorders.get()).sum();
    }

    /** Ends sending; what is on its way may still arrive. */
    void stopSending() throws InterruptedException {
        sending = false;
        for (Thread sender : senders) {
            sender.join();
        }
    }

    private static Thread start(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private void flood(List<RawDatagrams> sockets, List<Count> counts) {
        while (sending) {
            for (int flow = 0; flow < sockets.size(); flow++) {
                send(sockets.get(flow), counts.get(flow));
            }
        }
    }

    private void send(RawDatagrams socket, Count count) {
        if (socket.sendNumber(count.sent.get(), bytes)) {
            count.sent.incrementAndGet();
        }
    }

    private void receive(List<RawDatagrams> sockets, List<Count> counts) {
        ByteBuffer pollfds = NativeMemory.allocate(POLLFD_BYTES * sockets.size());
        for (int flow = 0; flow < sockets.size(); flow++) {
            pollfds.putInt(POLLFD_BYTES * flow, sockets.get(flow).fd());
            pollfds.putShort(POLLFD_BYTES * flow + 4, (short) Syscalls.POLLIN);
        }
        long address = NativeMemory.address(pollfds);
        try {
            while (receiving) {
                Syscalls.poll(address, sockets.size(), 20);
                for (int flow = 0; flow < sockets.size(); flow++) {
                    RawDatagrams socket = sockets.get(flow);
                    for (long number = socket.receiveNumber(); number >= 0; number = socket.receiveNumber()) {
                        counts.get(flow).arrived(number);
                    }
                }
            }
        } finally {
            // Compiled code forgets it otherwise: the memory would be freed, and poll write into another's.
            Reference.reachabilityFence(pollfds);
        }
    }

    @Override
    public void close() {
        try {
            stopSending();
            receiving = false;
            for (Thread receiver : receivers) {
                receiver.join();
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        here.forEach(RawDatagrams::close);
        there.forEach(RawDatagrams::close);
    }
}
