// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.ffi.NetworkNamespace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** What hosts do through a router, checked at their ends. Addresses of either family. */
final class Traffic {
    private static final int PATIENCE_MS = 15_000;

    private Traffic() {}

    /** Waits until a ping comes through, as it does once both ends have finished duplicate-address detection. */
    static void ping(TestHost from, String to) {
        await().atMost(Duration.ofSeconds(15))
                .pollInterval(Duration.ofMillis(50))
                .untilAsserted(() -> from.run("ping -n -c 1 -W 1 " + to));
    }

    /** Sends seeded bytes both ways over one connection at once, and checks every one. */
    static void transfer(TestHost from, TestHost to, String toAddress, int bytes) throws Exception {
        byte[] there = new byte[bytes];
        byte[] back = new byte[bytes];
        new Random(1).nextBytes(there);
        new Random(2).nextBytes(back);
        try (ServerSocket server = to.listen(toAddress)) {
            server.setSoTimeout(PATIENCE_MS);
            InetSocketAddress address = new InetSocketAddress(toAddress, server.getLocalPort());
            try (Socket client = from.connect(address);
                    Socket accepted = server.accept()) {
                CompletableFuture<Void> clientSends = sends(client, there);
                CompletableFuture<Void> serverSends = sends(accepted, back);
                CompletableFuture<byte[]> clientGets = gets(client, bytes);
                byte[] arrived = gets(accepted, bytes).get(PATIENCE_MS, TimeUnit.MILLISECONDS);
                assertThat(Arrays.equals(arrived, there)).as("bytes there").isTrue();
                byte[] returned = clientGets.get(PATIENCE_MS, TimeUnit.MILLISECONDS);
                assertThat(Arrays.equals(returned, back)).as("bytes back").isTrue();
                clientSends.join();
                serverSends.join();
            }
        }
    }

    private static CompletableFuture<Void> sends(Socket socket, byte[] bytes) {
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        socket.getOutputStream().write(bytes);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                task -> new Thread(task, "sender").start());
    }

    private static CompletableFuture<byte[]> gets(Socket socket, int bytes) {
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return socket.getInputStream().readNBytes(bytes);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                task -> new Thread(task, "receiver").start());
    }

    /** Datagrams of many lengths, echoed one after the other; those above the MTU travel as fragments. */
    static void datagrams(TestHost from, String fromAddress, TestHost to, String toAddress) throws IOException {
        try (DatagramSocket here = from.datagrams(fromAddress);
                DatagramSocket there = to.datagrams(toAddress)) {
            here.setSoTimeout(PATIENCE_MS);
            there.setSoTimeout(PATIENCE_MS);
            for (int length : new int[] {0, 1, 17, 512, 1200, 4000}) {
                byte[] sent = new byte[length];
                new Random(length).nextBytes(sent);
                here.send(new DatagramPacket(sent, length, there.getLocalSocketAddress()));
                DatagramPacket packet = new DatagramPacket(new byte[8192], 8192);
                there.receive(packet);
                there.send(new DatagramPacket(packet.getData(), packet.getLength(), packet.getSocketAddress()));
                DatagramPacket echo = new DatagramPacket(new byte[8192], 8192);
                here.receive(echo);
                assertThat(Arrays.copyOf(echo.getData(), echo.getLength()))
                        .as("a datagram of %d bytes", length)
                        .isEqualTo(sent);
            }
        }
    }

    /** Waits until a datagram comes through, as it does once both ends are set up. */
    static void reach(TestHost from, String fromAddress, TestHost to, String toAddress) {
        await().atMost(Duration.ofSeconds(15))
                .pollInterval(Duration.ofMillis(1))
                .ignoreExceptions()
                .until(() -> {
                    try (DatagramSocket there = to.datagrams(toAddress);
                            DatagramSocket here = from.datagrams(fromAddress)) {
                        there.setSoTimeout(50);
                        here.send(new DatagramPacket(new byte[1], 1, there.getLocalSocketAddress()));
                        there.receive(new DatagramPacket(new byte[1], 1));
                        return true;
                    }
                });
    }

    /** Sends one buffer that the kernel is to cut into datagrams of {@code segment} bytes, and checks each of them. */
    static void segmentedDatagrams(TestHost from, TestHost to, String toAddress, int segment) throws IOException {
        byte[] sent = new byte[Math.min(8_000, 40 * segment) + segment / 2];
        new Random(segment).nextBytes(sent);
        try (DatagramSocket there = to.datagrams(toAddress);
                RawDatagrams here = RawDatagrams.open(from, (InetSocketAddress) there.getLocalSocketAddress())) {
            there.setSoTimeout(PATIENCE_MS);
            here.segmented(segment);
            assertThat(here.send(sent)).isEqualTo(sent.length);
            for (int at = 0; at < sent.length; at += segment) {
                DatagramPacket packet = new DatagramPacket(new byte[8192], 8192);
                there.receive(packet);
                assertThat(Arrays.copyOf(packet.getData(), packet.getLength()))
                        .as("datagram at %d of %d", at, sent.length)
                        .isEqualTo(Arrays.copyOfRange(sent, at, Math.min(at + segment, sent.length)));
            }
        }
    }

    /** A datagram that may not be fragmented and is too big for the link behind the router is answered with its MTU. */
    static void tooBig(TestHost from, String to, int bytes, int mtu) throws IOException {
        try (RawDatagrams here = RawDatagrams.open(from, new InetSocketAddress(to, 9))) {
            here.dontFragment();
            assertThat(here.send(new byte[bytes])).isEqualTo(bytes);
            await().atMost(Duration.ofSeconds(15)).until(() -> here.pathMtu() == mtu);
        }
    }

    /** How many packets a host threw away because their checksum was wrong. */
    static long wrongChecksums(TestHost host) throws IOException {
        return NetworkNamespace.call(host.namespace, () -> {
            long wrong = 0;
            for (String line : Files.readAllLines(Path.of("/proc/thread-self/net/snmp6"))) {
                if (line.startsWith("Udp6InCsumErrors") || line.startsWith("Icmp6InCsumErrors")) {
                    wrong += Long.parseLong(line.substring(line.indexOf(' ')).strip());
                }
            }
            List<String> lines = Files.readAllLines(Path.of("/proc/thread-self/net/snmp"));
            for (int i = 0; i < lines.size(); i += 2) {
                String[] names = lines.get(i).split(" ", -1);
                String[] values = lines.get(i + 1).split(" ", -1);
                for (int column = 1; column < names.length; column++) {
                    if (names[column].equals("InCsumErrors")) {
                        wrong += Long.parseLong(values[column]);
                    }
                }
            }
            return wrong;
        });
    }

    /** The router's address is the only hop on the way. */
    static void traceroute(TestHost from, String to, String router) throws IOException {
        String hops = from.run("traceroute -n -q 1 -w 3 -m 4 " + to);
        assertThat(hops).containsPattern("(?m)^ *1  " + router + " ").containsPattern("(?m)^ *2  " + to + " ");
    }

    /** A packet that is too big for the link behind the router is answered with that link's MTU, which the host keeps. */
    static void pathMtu(TestHost from, String to, int mtu) throws IOException {
        TestHost.Result tooBig = from.attempt("ping -n -c 1 -W 3 -M do -s " + (mtu - 20) + " " + to);
        assertThat(tooBig.exitCode()).as(tooBig.output()).isNotZero();
        assertThat(tooBig.output()).containsPattern("mtu ?= ?" + mtu);
        assertThat(from.run("ip route get " + to)).contains("mtu " + mtu);
    }
}
