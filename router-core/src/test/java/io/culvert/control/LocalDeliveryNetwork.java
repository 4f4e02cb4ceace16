// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.app.Culvert;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A LAN host, a router and a WAN host, each in a namespace of its own, and the router's program in a process of its own. The
 * router's kernel is as unfriendly as one can be: it filters by reverse path, and it forwards.
 *
 * <pre>
 *  lan 192.168.1.9 fd00:1::9 --- 192.168.1.1 fd00:1::1 router 203.0.113.2 2001:db8::2 --- 203.0.113.9 2001:db8::9 wan
 * </pre>
 */
final class LocalDeliveryNetwork implements AutoCloseable {
    static final int KERNEL_TTL = 77;

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    final TestNamespace lan;
    final TestNamespace router;
    final TestNamespace wan;

    /** Where the kernel's end of the TAP is: the router's namespace, or one of its own. */
    final TestNamespace host;

    private final Path folder;
    private final Path config;

    LocalDeliveryNetwork(Path folder, boolean hostOfItsOwn) throws IOException {
        this.folder = folder;
        lan = new TestNamespace("l");
        router = new TestNamespace("r");
        wan = new TestNamespace("w");
        host = hostOfItsOwn ? new TestNamespace("h") : router;
        router.sh("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
        host.sh("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.ip_default_ttl=" + KERNEL_TTL);
        link(lan, "cvlan", "192.168.1.9/24", "fd00:1::9/64", "192.168.1.1", "fd00:1::1");
        link(wan, "cvwan", "203.0.113.9/24", "2001:db8::9/64", "203.0.113.2", "2001:db8::2");
        config = Files.writeString(folder.resolve("router.conf"), """
                router {
                  name = cvloc
                  lanes = 2
                  interfaces {
                    lan  { type = packet, device = cvlan, addresses = ["192.168.1.1/24", "fd00:1::1/64"] }
                    wan  { type = packet, device = cvwan, mtu = 1400, addresses = ["203.0.113.2/24", "2001:db8::2/64"] }
                    host { type = tap, device = cvhost, role = local-delivery %s }
                  }
                  routes = [
                    { prefix = "198.51.100.0/24", via = "203.0.113.9" }
                    { prefix = "10.66.0.0/16", action = unreachable }
                  ]
                  management { socket = "%s" }
                }
                """.formatted(
                        hostOfItsOwn ? ", netns = " + host.name : "", folder.resolve("router.sock")));
    }

    private void link(TestNamespace end, String device, String ip4, String ip6, String router4, String router6)
            throws IOException {
        router.ip("link add " + device + " type veth peer name eth0 netns " + end.name);
        router.ip("link set " + device + " up");
        end.ip("addr add " + ip4 + " dev eth0");
        end.ip("addr add " + ip6 + " dev eth0 nodad");
        end.ip("link set eth0 up");
        end.ip("route add default via " + router4);
        end.ip("route add default via " + router6);
    }

    /** Starts the router and waits until the kernel has all its addresses. */
    Process startRouter() throws IOException {
        return startRouter("true");
    }

    /** The same in a mount namespace that a shell command has prepared. */
    Process startRouter(String preparation) throws IOException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Process process = router.start(
                folder.resolve("router.log"),
                "sh",
                "-c",
                preparation + " && exec \"$@\"",
                "sh",
                java,
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Culvert.class.getName(),
                "run",
                config.toString());
        awaitAddresses(process);
        return process;
    }

    void awaitAddresses(Process process) {
        await().atMost(PATIENCE).until(() -> !process.isAlive() || hasAddresses());
        assertThat(process.isAlive()).as(() -> "the router says: " + log()).isTrue();
    }

    private boolean hasAddresses() throws IOException {
        String there = host.sh("ip addr; ip -6 route");
        return Stream.of(
                        "192.168.1.1/32",
                        "fd00:1::1/128",
                        "203.0.113.2/32",
                        "2001:db8::2/128",
                        "2001:db8::/64 via fe80::1")
                .allMatch(there::contains);
    }

    /** Stops the router as an operator does. */
    void stop(Process process) {
        process.destroy();
        assertThat(process.onExit()
                        .orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                        .join()
                        .exitValue())
                .as(() -> "the router says: " + log())
                .isZero();
    }

    String log() {
        try {
            return Files.readString(folder.resolve("router.log"));
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** A web server of one page, bound to an address. */
    void startWebServer(String address) throws IOException {
        Path pages = Files.createDirectories(folder.resolve("pages"));
        Files.writeString(pages.resolve("index.html"), "the router's page\n");
        Files.write(pages.resolve("big"), new byte[1_000_000]);
        host.start(
                folder.resolve("web.log"),
                "python3",
                "-m",
                "http.server",
                "--bind",
                address,
                "--directory",
                pages.toString(),
                "80");
        await().atMost(PATIENCE).until(() -> host.sh("ss -Hltn").contains(address));
    }

    /** Runs a Python program somewhere and returns what it printed. */
    String python(TestNamespace where, String program, String... arguments) throws IOException {
        Path file = Files.writeString(Files.createTempFile(folder, "run", ".py"), program);
        return where.sh("python3 " + file + " " + String.join(" ", arguments));
    }

    Process startPython(TestNamespace where, String program, String... arguments) throws IOException {
        Path file = Files.writeString(Files.createTempFile(folder, "run", ".py"), program);
        String[] command = new String[2 + arguments.length];
        command[0] = "python3";
        command[1] = file.toString();
        System.arraycopy(arguments, 0, command, 2, arguments.length);
        return where.start(folder.resolve(file.getFileName() + ".log"), command);
    }

    /** What a command makes pass a device, as tcpdump tells it. */
    String captured(TestNamespace where, String device, String command) throws IOException {
        Path file = folder.resolve("capture.pcap");
        Files.deleteIfExists(file);
        Process tcpdump = where.start(
                folder.resolve("tcpdump.log"),
                "tcpdump",
                "--immediate-mode",
                "-Z",
                "root",
                "-U",
                "-n",
                "-i",
                device,
                "-w",
                file.toString());
        await().atMost(PATIENCE)
                .until(() -> Files.readString(folder.resolve("tcpdump.log")).contains("listening on"));
        try {
            where.sh(command);
        } finally {
            tcpdump.destroy();
            tcpdump.onExit().join();
        }
        return where.sh("tcpdump -n -e -r " + file);
    }

    @Override
    public void close() throws IOException {
        lan.close();
        wan.close();
        if (host != router) {
            host.close();
        }
        router.close();
    }
}
