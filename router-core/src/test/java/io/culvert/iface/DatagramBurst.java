// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.ffi.MessageVector;
import io.culvert.ffi.NativeMemory;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.ffi.Syscalls;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.SplittableRandom;

/** A connected UDP socket of a host that sends many datagrams by one sendmmsg. */
final class DatagramBurst implements AutoCloseable {
    private static final int DATAGRAMS = 64;
    private static final int DATAGRAM_BYTES = 2048;
    private static final int PATIENCE_MS = 10_000;

    private final ByteBuffer memory = NativeMemory.allocate(DATAGRAMS * DATAGRAM_BYTES);
    private final MessageVector messages = new MessageVector(DATAGRAMS, 1, false);
    private final int fd;

    DatagramBurst(TestHost from, InetSocketAddress to) throws IOException {
        byte[] address = to.getAddress().getAddress();
        boolean ip4 = address.length == 4;
        int family = ip4 ? Syscalls.AF_INET : Syscalls.AF_INET6;
        ByteBuffer sockaddr = NativeMemory.allocate(ip4 ? 16 : 28);
        sockaddr.putShort(0, (short) family);
        sockaddr.order(ByteOrder.BIG_ENDIAN).putShort(2, (short) to.getPort()).put(ip4 ? 4 : 8, address);
        fd = NetworkNamespace.call(from.namespace, () -> {
            int socket = Syscalls.socket(family, Syscalls.SOCK_DGRAM, 0);
            assertThat(socket).as("socket").isNotNegative();
            assertThat(Syscalls.connect(socket, sockaddr)).as("connect").isZero();
            return socket;
        });
    }

    /** Sends a burst. Datagram {@code i} is {@code lengths[i]} bytes that no other of this seed has. */
    private void send(long seed, int[] lengths) throws IOException {
        for (int i = 0; i < lengths.length; i++) {
            memory.put(i * DATAGRAM_BYTES, content(seed, i, lengths[i]));
            messages.set(i, NativeMemory.address(memory) + (long) i * DATAGRAM_BYTES, lengths[i]);
        }
        assertThat(messages.send(fd, 0, lengths.length)).isEqualTo(lengths.length);
    }

    private static byte[] content(long seed, int number, int length) {
        byte[] bytes = new byte[length];
        new SplittableRandom(seed * 31 + number).nextBytes(bytes);
        bytes[0] = (byte) number;
        return bytes;
    }

    /** Sends bursts of datagrams of mixed lengths and checks that the other end gets each of them, as it was, in order. */
    static void exchange(TestHost from, TestHost to, String toAddress, int bursts) throws IOException {
        long seed = System.nanoTime();
        System.out.println("DatagramBurst seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        try (DatagramSocket sink = to.datagrams(toAddress);
                DatagramBurst source = new DatagramBurst(from, (InetSocketAddress) sink.getLocalSocketAddress())) {
            sink.setSoTimeout(PATIENCE_MS);
            DatagramPacket arrived = new DatagramPacket(new byte[DATAGRAM_BYTES], DATAGRAM_BYTES);
            for (int burst = 0; burst < bursts; burst++) {
                int[] lengths = new int[DATAGRAMS];
                int usual = new int[] {1, 17, 18, 19, 100, 600, 1200}[random.nextInt(7)];
                Arrays.setAll(lengths, i -> random.nextInt(20) == 0 ? 1 + random.nextInt(1200) : usual);
                source.send(seed + burst, lengths);
                for (int i = 0; i < DATAGRAMS; i++) {
                    sink.receive(arrived);
                    assertThat(Arrays.copyOf(arrived.getData(), arrived.getLength()))
                            .as("datagram %d of burst %d, seed %d", i, burst, seed)
                            .isEqualTo(content(seed + burst, i, lengths[i]));
                }
            }
        }
    }

    @Override
    public void close() {
        Syscalls.close(fd);
    }
}
