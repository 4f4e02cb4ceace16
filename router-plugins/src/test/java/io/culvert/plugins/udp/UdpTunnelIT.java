// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.udp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.app.Culvert;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.testkit.RequiresNamespaces;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tunnels between routers, each a process in a network namespace of its own, over a host between them.
 *
 * <pre>
 *             .1                 .2     .5                .6
 *           left ---- 192.0.2.0 ---- mid ---- 192.0.2.4 ---- right
 *  10.1.0.2  |  \________________ 198.51.100.0 ______________/  |  10.2.0.2
 *  fd00:1::2 |                     (standby)                    |  fd00:2::2
 *         leftHost                                          rightHost
 * </pre>
 */
@RequiresNamespaces
@Timeout(180)
final class UdpTunnelIT {
    private static final Duration PATIENCE = Duration.ofSeconds(40);
    private static final String PREFIX = "cvudp" + ProcessHandle.current().pid() + "-";
    private static final String LEFT = PREFIX + "l";
    private static final String MID = PREFIX + "m";
    private static final String RIGHT = PREFIX + "r";
    private static final String LEFT_HOST = PREFIX + "lh";
    private static final String RIGHT_HOST = PREFIX + "rh";
    private static final List<String> ALL = List.of(LEFT, MID, RIGHT, LEFT_HOST, RIGHT_HOST);

    /** Answers echo requests inside datagrams, and first says what is no packet at all; prints each datagram. */
    private static final String INDEPENDENT_PEER = """
            import socket, struct

            def total(data):
                data = data + b"\\0" * (len(data) % 2)
                value = sum(struct.unpack("!%dH" % (len(data) // 2), data))
                while value >> 16:
                    value = (value & 0xffff) + (value >> 16)
                return ~value & 0xffff

            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("192.0.2.6", 4790))
            sock.connect(("192.0.2.1", 4790))
            for garbage in (b"no packet", b"\\x00" * 40, b"\\xff" * 1400, b"E"):
                sock.send(garbage)
            sock.send(b"")
            while True:
                data = sock.recv(65536)
                print(data.hex(), flush=True)
                if data[:1] == b"E" and data[9] == 1 and data[20] == 8:
                    icmp = b"\\0\\0\\0\\0" + data[24:]
                    icmp = b"\\0\\0" + struct.pack("!H", total(icmp)) + data[24:]
                    head = data[:10] + b"\\0\\0" + data[16:20] + data[12:16]
                    head = head[:10] + struct.pack("!H", total(head)) + head[12:]
                    sock.send(head + icmp)
                elif data[:1] == b"\\x60" and data[6] == 58 and data[40] == 128:
                    pseudo = data[24:40] + data[8:24] + struct.pack("!II", len(data) - 40, 58)
                    sum6 = total(pseudo + b"\\x81\\0\\0\\0" + data[44:])
                    icmp = b"\\x81\\0" + struct.pack("!H", sum6) + data[44:]
                    sock.send(data[:8] + data[24:40] + data[8:24] + icmp)
            """;

    private static final String TCP_SERVER = """
            import socket, sys
            server = socket.create_server(("::", 7000), family=socket.AF_INET6, dualstack_ipv6=True)
            print("listening", flush=True)
            while True:
                with server.accept()[0] as one:
                    one.sendall(bytes(range(256)) * 16384)
            """;

    private static final String TCP_CLIENT = """
            import socket, sys
            with socket.create_connection((sys.argv[1], 7000), 10) as one:
                got = b""
                while piece := one.recv(65536):
                    got += piece
            print("intact" if got == bytes(range(256)) * 16384 else "broken")
            """;

    @TempDir
    private Path folder;

    private final List<Process> started = new ArrayList<>();

    @BeforeEach
    void makeNetwork() throws Exception {
        for (String namespace : ALL) {
            NetworkNamespace.create(namespace);
        }
        connect(LEFT, "eth0", "192.0.2.1/30", MID, "left", "192.0.2.2/30");
        connect(MID, "right", "192.0.2.5/30", RIGHT, "eth0", "192.0.2.6/30");
        connect(LEFT, "eth1", "198.51.100.1/30", RIGHT, "eth1", "198.51.100.2/30");
        succeed("ip -n " + LEFT + " route add default via 192.0.2.2");
        succeed("ip -n " + RIGHT + " route add default via 192.0.2.5");
        succeed("ip netns exec " + MID + " sysctl -q -w net.ipv4.ip_forward=1");
    }

    private static void connect(String a, String deviceA, String addressA, String b, String deviceB, String addressB)
            throws Exception {
        succeed("ip -n " + a + " link add " + deviceA + " type veth peer name " + deviceB + " netns " + b);
        succeed("ip -n " + a + " addr add " + addressA + " dev " + deviceA);
        succeed("ip -n " + b + " addr add " + addressB + " dev " + deviceB);
        succeed("ip -n " + a + " link set " + deviceA + " up");
        succeed("ip -n " + b + " link set " + deviceB + " up");
    }

    @AfterEach
    void removeNetwork() throws IOException {
        for (Process process : started) {
            process.destroyForcibly();
            process.onExit().join();
        }
        for (String namespace : ALL) {
            NetworkNamespace.delete(namespace);
        }
    }

    @Test
    void carriesPingsAndTcpOfBothFamiliesWhole() throws Exception {
        startBoth("");

        assertThat(ping(LEFT_HOST, "10.2.0.2", "")).isTrue();
        assertThat(ping(RIGHT_HOST, "fd00:1::2", "")).isTrue();
        Process server = start(RIGHT_HOST, "server", "python3", "-c", TCP_SERVER);
        await().atMost(PATIENCE).until(() -> output("server").contains("listening"));
        assertThat(run("ip netns exec " + LEFT_HOST, "python3", "-c", TCP_CLIENT, "10.2.0.2"))
                .isEqualTo("intact");
        assertThat(run("ip netns exec " + LEFT_HOST, "python3", "-c", TCP_CLIENT, "fd00:2::2"))
                .isEqualTo("intact");
        assertThat(server.isAlive()).isTrue();
        assertThat(interfaceNow("left", "far").state()).isEqualTo("up");
        assertThat(interfaceNow("left", "far").mtu()).isEqualTo(1500 - 28);
    }

    @Test
    void tellsSendersHowLargeAPacketThePathTakes() throws Exception {
        startBoth("");
        for (String end : List.of(MID + " link set right", RIGHT + " link set eth0")) {
            succeed("ip -n " + end + " mtu 1300");
        }

        // The first is lost on the path, whose host says so; then the router knows, and says it in turn.
        await().atMost(PATIENCE).until(() -> {
            ping(LEFT_HOST, "10.2.0.2", "-M do -s 1400");
            return interfaceNow("left", "far").mtu() == 1300 - 28;
        });
        assertThat(run(
                        "ip netns exec " + LEFT_HOST,
                        "ping",
                        "-M",
                        "do",
                        "-s",
                        "1400",
                        "-c",
                        "1",
                        "-W",
                        "1",
                        "10.2.0.2"))
                .containsAnyOf("mtu = 1272", "mtu=1272");
        assertThat(ping(LEFT_HOST, "10.2.0.2", "-M do -s 1244")).isTrue();
    }

    @Test
    void leavesARouteToTheStandbyWhileThePeerIsNotHeard() throws Exception {
        startBoth("keepalive = 200ms");
        assertThat(ping(LEFT_HOST, "10.2.0.2", "")).isTrue();
        assertThat(interfaceNow("left", "standby").txPackets()).isZero();

        succeed("ip -n " + MID + " link set left down");

        awaitState("left", "far", "down");
        awaitState("right", "far", "down");
        assertThat(output("left")).contains("192.0.2.6:4790 hears nothing of its peer");
        assertThat(ping(LEFT_HOST, "10.2.0.2", "")).isTrue();
        assertThat(interfaceNow("left", "standby").txPackets()).isPositive();

        succeed("ip -n " + MID + " link set left up");

        awaitState("left", "far", "up");
        awaitState("right", "far", "up");
        long standby = interfaceNow("left", "standby").txPackets();
        assertThat(ping(LEFT_HOST, "10.2.0.2", "")).isTrue();
        assertThat(interfaceNow("left", "standby").txPackets()).isEqualTo(standby);
    }

    @Test
    void countsWhatAClosedPortAnswersAndGoesOnWhenThePeerIsBack() throws Exception {
        Process right = startBoth("keepalive = 200ms");

        right.destroyForcibly();

        awaitState("left", "far", "down");
        await().atMost(PATIENCE).until(() -> count("left", "interface far", "port-unreachable") > 0);

        startRouter(RIGHT, "right");

        awaitState("left", "far", "up");
        awaitState("right", "far", "up");
        assertThat(ping(LEFT_HOST, "10.2.0.2", "")).isTrue();
    }

    @Test
    void speaksToAnyProgramThatPutsPacketsIntoDatagramsAndDropsWhatIsNone() throws Exception {
        write("left", LEFT_HOST, 1, 2, "192.0.2.1", "192.0.2.6", "");
        startRouter(LEFT, "left");
        awaitState("left", "far", "up");
        start(RIGHT, "peer", "python3", "-c", INDEPENDENT_PEER);

        await().atMost(PATIENCE).until(() -> count("left", "device-input", "not-ip") == 4);
        await().atMost(PATIENCE).until(() -> ping(LEFT_HOST, "10.2.0.2", ""));
        assertThat(ping(LEFT_HOST, "fd00:2::2", "")).isTrue();
        assertThat(output("peer").lines().filter(line -> line.startsWith("4500")))
                .isNotEmpty()
                .allMatch(line -> line.length() == 2 * Integer.parseInt(line.substring(4, 8), 16))
                .allMatch(line -> line.startsWith("0a0100020a020002", 24));
        assertThat(output("peer").lines().filter(line -> line.startsWith("6")))
                .isNotEmpty()
                .allMatch(line -> line.length() == 2 * (40 + Integer.parseInt(line.substring(8, 12), 16)));
        assertThat(interfaceNow("left", "far").state()).isEqualTo("up");
    }

    @Test
    void theLabPasses() throws Exception {
        Process lab = start(
                LEFT,
                "lab",
                java(),
                "-cp",
                System.getProperty("java.class.path"),
                Culvert.class.getName(),
                "lab",
                Path.of("..", "conf", "labs", "udp-tunnel.conf").toString());

        assertThat(lab.waitFor(150, TimeUnit.SECONDS)).isTrue();
        assertThat(output("lab")).contains("7 checks passed in ");
        assertThat(lab.exitValue()).isZero();
    }

    // --- routers

    private static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    private Process startBoth(String more) throws Exception {
        write("left", LEFT_HOST, 1, 2, "192.0.2.1", "192.0.2.6", more);
        write("right", RIGHT_HOST, 2, 1, "192.0.2.6", "192.0.2.1", more);
        startRouter(LEFT, "left");
        Process right = startRouter(RIGHT, "right");
        for (String name : List.of("left", "right")) {
            awaitState(name, "lan", "up");
            awaitState(name, "far", "up");
        }
        return right;
    }

    private void write(String name, String host, int own, int other, String local, String peer, String more)
            throws IOException {
        Files.writeString(
                folder.resolve(name + ".conf"), """
                router {
                  name = cvudp, lanes = 1, management.socket = "%1$s/%2$s.sock"
                  interfaces {
                    lan {
                      type = tun, device = cvtun, netns = %3$s, addresses = ["10.%4$d.0.1/24", "fd00:%4$d::1/64"]
                      kernel { addresses = ["10.%4$d.0.2/24", "fd00:%4$d::2/64"], routes = ["0.0.0.0/0", "::/0"] }
                    }
                    far { type = udp, local = "%6$s:4790", peer = "%7$s:4790", addresses = ["10.9.0.%4$d/30"], %8$s }
                    standby {
                      type = udp, local = "198.51.100.%4$d:4791", peer = "198.51.100.%5$d:4791"
                      addresses = ["10.9.1.%4$d/30"]
                    }
                  }
                  routes = [
                    { prefix = "10.%5$d.0.0/24", interface = far }
                    { prefix = "10.%5$d.0.0/16", interface = standby }
                    { prefix = "fd00:%5$d::/64", interface = far }
                  ]
                }
                """.formatted(folder, name, host, own, other, local, peer, more));
    }

    private Process startRouter(String namespace, String name) throws IOException {
        return start(
                namespace,
                name,
                java(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Culvert.class.getName(),
                "run",
                folder.resolve(name + ".conf").toString());
    }

    private Process start(String namespace, String name, String... command) throws IOException {
        List<String> all = new ArrayList<>(List.of("ip", "netns", "exec", namespace));
        all.addAll(List.of(command));
        Process process = new ProcessBuilder(all)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        folder.resolve(name + ".out").toFile()))
                .start();
        started.add(process);
        return process;
    }

    private String output(String name) {
        try {
            return Files.readString(folder.resolve(name + ".out"));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private record InterfaceNow(String state, int mtu, long txPackets) {}

    private static final InterfaceNow NOT_THERE = new InterfaceNow("none", 0, 0);

    private InterfaceNow interfaceNow(String router, String name) {
        for (String row : rows(router, "interfaces")) {
            Matcher found = Pattern.compile("\"" + name + "\",\"[^\"]*\",\"point-to-point\",\"(\\w+)\",(\\d+),"
                            + "[^,]*,[^,]*,[^,]*,\\d+,\\d+,\\d+,(\\d+),.*")
                    .matcher(row);
            if (found.matches()) {
                return new InterfaceNow(
                        found.group(1), Integer.parseInt(found.group(2)), Long.parseLong(found.group(3)));
            }
        }
        return NOT_THERE;
    }

    private void awaitState(String router, String name, String state) {
        await().atMost(PATIENCE)
                .alias(name + " of " + router + " is " + state)
                .until(() -> interfaceNow(router, name).state().equals(state));
    }

    /** What a router has counted, be it drops or something else. */
    private long count(String router, String where, String what) {
        for (String show : List.of("drops", "counters")) {
            for (String row : rows(router, show)) {
                Matcher found = Pattern.compile("\"" + where + "\",\"" + what + "\",(\\d+).*")
                        .matcher(row);
                if (found.matches()) {
                    return Long.parseLong(found.group(1));
                }
            }
        }
        return 0;
    }

    /** The rows of an answer of the management socket, each from its first value on; none while the router is not there. */
    private List<String> rows(String router, String what) {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(folder.resolve(router + ".sock")))) {
            channel.write(StandardCharsets.UTF_8.encode("{\"v\":1,\"command\":\"show\",\"what\":\"" + what + "\"}\n"));
            BufferedReader answer = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8));
            String json = String.valueOf(answer.readLine());
            return List.of(json.split("\\[", -1));
        } catch (IOException notThere) {
            return List.of();
        }
    }

    // --- tools

    private static boolean ping(String namespace, String to, String options) throws Exception {
        Process ping = new ProcessBuilder(
                        ("ip netns exec " + namespace + " ping -c 2 -i 0.2 -W 2 " + options + " " + to)
                                .trim()
                                .split("\\s+"))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        assertThat(ping.waitFor(20, TimeUnit.SECONDS)).isTrue();
        return ping.exitValue() == 0;
    }

    private static String run(String before, String... command) throws Exception {
        List<String> all = new ArrayList<>(List.of(before.split(" ")));
        all.addAll(List.of(command));
        Process process = new ProcessBuilder(all).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return output.trim();
    }

    private static void succeed(String command) throws Exception {
        Process process =
                new ProcessBuilder(command.split(" ")).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(command + ": " + output).isZero();
    }
}
