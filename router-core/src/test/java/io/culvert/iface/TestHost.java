// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.ffi.NetworkNamespace;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A network namespace of a test, played by the kernel: a host that knows nothing of the router. */
final class TestHost implements AutoCloseable {
    private static final AtomicInteger COUNT = new AtomicInteger();

    /** What a program printed, and how it ended. */
    record Result(int exitCode, String output) {}

    final String namespace = "cvit" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet();

    TestHost() throws IOException {
        NetworkNamespace.create(namespace);
        run("ip link set lo up");
    }

    /** Runs a shell command inside, which must succeed, and returns what it printed. */
    String run(String command) throws IOException {
        Result result = attempt(command);
        assertThat(result.exitCode()).as("%s: %s", command, result.output()).isZero();
        return result.output();
    }

    /** Runs a shell command inside, however it ends. */
    Result attempt(String command) throws IOException {
        Process process = start(command);
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            return new Result(process.waitFor(), output);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(command, e);
        }
    }

    /** Starts a shell command inside; it ends within 20 s. */
    Process start(String command) throws IOException {
        return new ProcessBuilder(
                        List.of("timeout", "20", "ip", "netns", "exec", namespace, "sh", "-c", "exec " + command))
                .redirectErrorStream(true)
                .start();
    }

    /** A listening TCP socket inside. */
    ServerSocket listen(String address) throws IOException {
        return NetworkNamespace.call(namespace, () -> new ServerSocket(0, 1, InetAddress.getByName(address)));
    }

    /** A TCP connection from inside. */
    Socket connect(InetSocketAddress to) throws IOException {
        SocketChannel channel = NetworkNamespace.call(namespace, SocketChannel::open);
        channel.connect(to);
        return channel.socket();
    }

    /** A UDP socket inside. */
    DatagramSocket datagrams(String address) throws IOException {
        return NetworkNamespace.call(namespace, () -> new DatagramSocket(new InetSocketAddress(address, 0)));
    }

    @Override
    public void close() throws IOException {
        NetworkNamespace.delete(namespace);
    }
}
