// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.culvert.ffi.MessageVector;
import io.culvert.ffi.NativeMemory;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.ffi.PacketSocket;
import io.culvert.ffi.Syscalls;
import io.culvert.telemetry.LaneLedger;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Two networks that differ in nothing but the router: host A, router, host B on veth pairs, the same addresses, MACs, MTUs
 * and routes. In one the kernel forwards, in the other Culvert. The hosts are packet sockets of this object, which answers
 * for their addresses by ARP and ND.
 *
 * <pre>
 *   A 10.1.0.2 fd01::2 --- 1500 --- 10.1.0.1 fd01::1 router 10.2.0.1 fd02::1 --- 1400 --- B 10.2.0.2 fd02::2
 * </pre>
 */
final class ProbeNetwork implements AutoCloseable {
    static final String A_MAC = "02:00:00:00:00:0a";
    static final String B_MAC = "02:00:00:00:00:0b";
    static final String ROUTER_A_MAC = "02:00:00:00:00:01";
    static final String ROUTER_B_MAC = "02:00:00:00:00:02";
    static final String A4 = "10.1.0.2";
    static final String B4 = "10.2.0.2";
    static final String A6 = "fd01::2";
    static final String B6 = "fd02::2";

    /** Which of the two routers. */
    enum Router {
        KERNEL("k"),
        CULVERT("c");

        private final String prefix;

        Router(String prefix) {
            this.prefix = prefix;
        }
    }

    /** Which of the two hosts. */
    enum Side {
        A,
        B
    }

    /** A frame as a host got it. */
    record Arrival(Side side, byte[] frame, boolean checksumOpen) {}

    private static final Set<String> ROUTER_ADDRESSES =
            Set.of("10.1.0.1", "10.2.0.1", "fd01::1", "fd02::1", "fe80::ff:fe00:1", "fe80::ff:fe00:2");
    private static final String NAME = "cvkc" + ProcessHandle.current().pid();
    private static final String HOSTS = NAME + "-h";
    private static final String KERNEL = NAME + "-k";
    private static final String CULVERT = NAME + "-c";
    private static final int MESSAGES = 64;
    private static final int ROOM = 2048;
    private static final int ETHERTYPE_ARP = 0x0806;
    private static final int MARKER_PORT = 40_000;
    private static final int PATIENCE_SECONDS = 30;
    private static final int ATTEMPTS = 4;

    /** Hosts beside A, 10.1.0.100 and so on. */
    static final int FIRST_OTHER_HOST = 100;

    static final int OTHER_HOSTS = 50;
    private static final int QUIET_MS = 40;
    private static final String CONFIG = """
            router {
              name = compared, lanes = 1
              icmp { rate-limit = off }
              local-delivery { rate-limit = off }
              neighbor { retransmit-time = 100ms, reachable-time = 1h, duplicate-probes = 0 }
              management { socket = "%1$s" }
              interfaces {
                a { type = packet, device = eth0, addresses = ["10.1.0.1/24", "fd01::1/64"], %2$s }
                b { type = packet, device = eth1, addresses = ["10.2.0.1/24", "fd02::1/64"], %2$s }
              }
              routes = [
                { prefix = "10.9.0.0/16", via = "10.2.0.2" }
                { prefix = "10.10.0.0/16", action = unreachable }
                { prefix = "10.11.0.0/16", action = blackhole }
                { prefix = "10.12.0.0/16", action = prohibit }
                { prefix = "fd09::/16", via = "fd02::2" }
                { prefix = "fd10::/16", action = unreachable }
                { prefix = "fd11::/16", action = blackhole }
                { prefix = "fd12::/16", action = prohibit }
              ]
            }
            """;

    private final Path folder;
    private final Map<Router, Map<Side, Port>> ports = new EnumMap<>(Router.class);
    private final ByteBuffer memory = NativeMemory.allocate(MESSAGES * ROOM);
    private final ByteBuffer pollfds = NativeMemory.allocate(4 * 8).order(ByteOrder.nativeOrder());
    private final MessageVector vector = new MessageVector(MESSAGES, 1, true);
    private @Nullable Process culvert;
    private long marker;
    private int answeredNeighbors;

    private record Port(Router router, Side side, PacketSocket socket, List<Arrival> arrivals) {}

    ProbeNetwork(Path folder) throws Exception {
        this.folder = folder;
        try {
            build();
        } catch (Exception | Error e) {
            close();
            throw e;
        }
    }

    private void build() throws Exception {
        for (String namespace : List.of(HOSTS, KERNEL, CULVERT)) {
            NetworkNamespace.create(namespace);
        }
        String silent = "net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1";
        inside(HOSTS, "sysctl -q -w " + silent);
        inside(CULVERT, "sysctl -q -w " + silent);
        inside(
                KERNEL,
                "sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.forwarding=1"
                        + " net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0"
                        + " net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0"
                        + " net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_ratemask=0 net.ipv6.icmp.ratelimit=0"
                        + " net.ipv6.conf.default.accept_dad=0 net.ipv6.auto_flowlabels=0");
        for (Router router : Router.values()) {
            String namespace = router == Router.KERNEL ? KERNEL : CULVERT;
            link(router.prefix + "a", A_MAC, namespace, "eth0", ROUTER_A_MAC, 1500);
            link(router.prefix + "b", B_MAC, namespace, "eth1", ROUTER_B_MAC, 1400);
        }
        // Neighbors' timers are settings of devices alone, except in the first namespace.
        for (String family : List.of("net.ipv4.neigh.eth", "net.ipv6.neigh.eth")) {
            for (int device = 0; device < 2; device++) {
                String neighbors = family + device;
                inside(
                        KERNEL,
                        "sysctl -q -w " + neighbors + ".retrans_time_ms=100 " + neighbors
                                + ".base_reachable_time_ms=3600000");
            }
        }
        for (String arguments : List.of(
                "link set lo up",
                "addr add 10.1.0.1/24 brd + dev eth0",
                "addr add 10.2.0.1/24 brd + dev eth1",
                "addr add fd01::1/64 dev eth0 nodad",
                "addr add fd02::1/64 dev eth1 nodad",
                "route add 10.9.0.0/16 via 10.2.0.2",
                "route add unreachable 10.10.0.0/16",
                "route add blackhole 10.11.0.0/16",
                "route add prohibit 10.12.0.0/16",
                "route add fd09::/16 via fd02::2",
                "route add unreachable fd10::/16",
                "route add blackhole fd11::/16",
                "route add prohibit fd12::/16")) {
            run("ip -n " + KERNEL + " " + arguments);
        }
        for (Router router : Router.values()) {
            Map<Side, Port> sides = new EnumMap<>(Side.class);
            ports.put(router, sides);
            for (Side side : Side.values()) {
                String device = router.prefix + (side == Side.A ? "a" : "b");
                PacketSocket socket = NetworkNamespace.call(
                        HOSTS,
                        () -> PacketSocket.builder(Syscalls.ifNameToIndex(device))
                                .promiscuous(true)
                                .allMulticast(true)
                                .receiveBuffer(8 << 20)
                                .sendBuffer(8 << 20)
                                .open());
                sides.put(side, new Port(router, side, socket, new ArrayList<>()));
            }
        }
        startCulvert("");
        for (Router router : Router.values()) {
            settle(router);
            meetHosts(router);
        }
    }

    /** Ends Culvert and starts it with these settings of its interfaces. */
    void restartCulvert(String ofInterfaces) throws Exception {
        stopCulvert();
        startCulvert(ofInterfaces);
        settle(Router.CULVERT);
        meetHosts(Router.CULVERT);
    }

    /** Lets every host that probes come from or go to talk to the router, until it knows all their MACs. */
    private void meetHosts(Router router) throws IOException {
        List<byte[]> hellos = new ArrayList<>();
        for (int host = FIRST_OTHER_HOST; host < FIRST_OTHER_HOST + OTHER_HOSTS; host++) {
            hellos.add(fromA().ip4()
                    .from("10.1.0." + host)
                    .to("10.1.0.1")
                    .echoRequest(1, host)
                    .bytes());
        }
        hellos.add(fromA().ip6().from(A6).to("fd01::1").echoRequest(1, 1).bytes());
        hellos.add(fromA().ip6()
                .from("fe80::a")
                .to("fe80::ff:fe00:1")
                .echoRequest(1, 2)
                .bytes());
        hellos.add(fromA().ip6().from(A6).to(B6).udp(MARKER_PORT, MARKER_PORT).bytes());
        for (String lowest : List.of("10.1.0.0", "10.2.0.0")) {
            hellos.add(fromA().ip4()
                    .from(A4)
                    .to(lowest)
                    .udp(MARKER_PORT, MARKER_PORT)
                    .bytes());
        }
        if (router == Router.CULVERT) {
            // To the kernel these are addresses of its own, the subnet-router anycast ones.
            for (String lowest : List.of("fd01::", "fd02::")) {
                hellos.add(fromA().ip6()
                        .from(A6)
                        .to(lowest)
                        .udp(MARKER_PORT, MARKER_PORT)
                        .bytes());
            }
        }
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        Set<String> met = new HashSet<>();
        do {
            assertThat(System.nanoTime())
                    .as("hosts that %s reaches: %s", router, met)
                    .isLessThan(deadline);
            send(router, Side.A, hellos);
            quiet(router);
            for (Arrival arrival : arrivals(router)) {
                met.add(ProbeOutput.destination(arrival.frame));
            }
        } while (met.size() < hellos.size());
        quiet(router);
    }

    private static PacketBuilder fromA() {
        return Packets.ethernet(A_MAC, ROUTER_A_MAC);
    }

    private static void link(String near, String mac, String namespace, String far, String farMac, int mtu)
            throws IOException {
        run("ip -n " + HOSTS + " link add " + near + " address " + mac + " mtu " + mtu + " type veth peer name " + far
                + " address " + farMac + " mtu " + mtu + " netns " + namespace);
        run("ip -n " + HOSTS + " link set " + near + " up");
        run("ip -n " + namespace + " link set " + far + " up");
    }

    private void startCulvert(String ofInterfaces) throws IOException {
        Path config = Files.writeString(folder.resolve("compared.conf"), CONFIG.formatted(socketPath(), ofInterfaces));
        List<String> command =
                new ArrayList<>(List.of("ip", "netns", "exec", CULVERT, "setpriv", "--pdeathsig", "TERM", "--"));
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                "io.culvert.app.Culvert",
                "run",
                "--stats",
                config.toString()));
        culvert = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log().toFile())
                .start();
    }

    private Path socketPath() {
        return folder.resolve("culvert.sock");
    }

    private Path log() {
        return folder.resolve("culvert.log");
    }

    /** What Culvert's process said. */
    String culvertLog() throws IOException {
        return Files.exists(log()) ? Files.readString(log()) : "";
    }

    boolean culvertRuns() {
        return culvert != null && culvert.isAlive();
    }

    // ---- traffic ----------------------------------------------------------------------------------------------------

    /**
     * Sends frames from a host and returns what came out at both hosts because of them, but for ARP. Where a router had to
     * ask for a neighbor on the way, which the two do at other moments, it is done again.
     */
    List<Arrival> probe(Router router, Side side, List<byte[]> frames) throws IOException {
        List<Arrival> seen = List.of();
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            ports.get(router).values().forEach(port -> port.arrivals.clear());
            answeredNeighbors = 0;
            for (byte[] frame : frames) {
                send(router, side, frame);
            }
            settle(router);
            // What a stage held while the first marker passed is sent before the second one is.
            settle(router);
            seen = arrivals(router);
            if (answeredNeighbors == 0) {
                break;
            }
            quiet(router);
        }
        return seen;
    }

    /** Returns when nothing has come for a while. */
    void quiet(Router router) throws IOException {
        int before;
        do {
            before = arrivals(router).size();
            receive(router, QUIET_MS);
        } while (arrivals(router).size() != before);
    }

    /** The same for a probe whose answer comes by a timer: waits until there are as many frames. */
    List<Arrival> probe(Router router, Side side, List<byte[]> frames, int answers) throws IOException {
        List<Arrival> seen = probe(router, side, frames);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        while (seen.size() < answers && System.nanoTime() < deadline) {
            receive(router, 50);
            seen = arrivals(router);
        }
        return seen;
    }

    private List<Arrival> arrivals(Router router) {
        List<Arrival> all = new ArrayList<>();
        ports.get(router).values().forEach(port -> all.addAll(port.arrivals));
        return all;
    }

    /** Returns when a datagram each way that is sent now has arrived, and thus what was sent before it. */
    private void settle(Router router) throws IOException {
        byte[] label = ByteBuffer.allocate(16)
                .put("cv-probe".getBytes(StandardCharsets.US_ASCII))
                .putLong(++marker)
                .array();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        Map<Side, Boolean> back = new EnumMap<>(Side.class);
        long again = 0;
        while (back.size() < 2) {
            if (System.nanoTime() >= again) {
                for (Side side : Side.values()) {
                    if (!back.containsKey(side == Side.A ? Side.B : Side.A)) {
                        send(router, side, markerFrame(side, label));
                    }
                }
                again = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(500);
            }
            receive(router, 20);
            for (Port port : ports.get(router).values()) {
                if (port.arrivals.removeIf(arrival -> endsWith(arrival.frame, label))) {
                    back.put(port.side, true);
                }
            }
            if (System.nanoTime() > deadline || !culvertRuns()) {
                throw new AssertionError(router + " forwards no marker; Culvert said: " + culvertLog());
            }
        }
        for (Port port : ports.get(router).values()) {
            // Copies of a marker that was sent twice because the machine is slow.
            port.arrivals.removeIf(arrival -> isMarker(arrival.frame));
        }
    }

    private static byte[] markerFrame(Side side, byte[] label) {
        return Packets.ethernet(side == Side.A ? A_MAC : B_MAC, side == Side.A ? ROUTER_A_MAC : ROUTER_B_MAC)
                .ip4()
                .from(side == Side.A ? A4 : B4)
                .to(side == Side.A ? B4 : A4)
                .udp(MARKER_PORT, MARKER_PORT)
                .payload(label)
                .bytes();
    }

    private static boolean endsWith(byte[] frame, byte[] label) {
        return frame.length == 14 + 20 + 8 + label.length
                && Arrays.equals(frame, frame.length - label.length, frame.length, label, 0, label.length);
    }

    private static boolean isMarker(byte[] frame) {
        return frame.length == 58 && new String(frame, 42, 8, StandardCharsets.ISO_8859_1).equals("cv-probe");
    }

    private void send(Router router, Side side, byte[] frame) throws IOException {
        send(router, side, List.of(frame));
    }

    /** Sends up to 64 frames at once. */
    void send(Router router, Side side, List<byte[]> frames) throws IOException {
        long address = NativeMemory.address(memory);
        for (int i = 0; i < frames.size(); i++) {
            memory.put(i * ROOM, frames.get(i));
            vector.set(i, address + (long) i * ROOM, frames.get(i).length);
        }
        PacketSocket socket = ports.get(router).get(side).socket;
        for (int sent = 0; sent < frames.size(); ) {
            int result = vector.send(socket.fd(0), sent, frames.size() - sent);
            if (result < 0) {
                throw new IOException("sending " + frames.get(sent).length + " bytes: errno " + -result);
            }
            sent += result;
        }
    }

    /** Takes what has arrived at both hosts, waiting a little if there is nothing, and answers as the hosts would. */
    private void receive(Router router, int waitMs) throws IOException {
        int count = 0;
        for (Port port : ports.get(router).values()) {
            pollfds.putInt(count * 8, port.socket.fd(0)).putInt(count * 8 + 4, Syscalls.POLLIN);
            count++;
        }
        Syscalls.poll(NativeMemory.address(pollfds), count, waitMs);
        long address = NativeMemory.address(memory);
        for (Port port : ports.get(router).values()) {
            while (true) {
                for (int i = 0; i < MESSAGES; i++) {
                    vector.set(i, address + (long) i * ROOM, ROOM);
                }
                int received = vector.receive(port.socket.fd(0), MESSAGES);
                if (received <= 0) {
                    break;
                }
                List<Arrival> batch = new ArrayList<>();
                for (int i = 0; i < received; i++) {
                    byte[] frame = new byte[Math.min(ROOM, vector.length(i))];
                    memory.get(i * ROOM, frame);
                    boolean open = (vector.auxdataStatus(i) & PacketSocket.TP_STATUS_CSUMNOTREADY) != 0;
                    batch.add(new Arrival(port.side, frame, open));
                }
                for (Arrival arrival : batch) {
                    take(port, arrival);
                }
            }
        }
    }

    /** Returns when what was sent before is through, and forgets what came of it. */
    void catchUp(Router router) throws IOException {
        settle(router);
        ports.get(router).values().forEach(port -> port.arrivals.clear());
    }

    private void take(Port port, Arrival arrival) throws IOException {
        ByteBuffer frame = ByteBuffer.wrap(arrival.frame);
        int etherType = frame.getShort(12) & 0xffff;
        if (etherType == ETHERTYPE_ARP) {
            answerArp(port, frame);
        } else if (ProbeOutput.isSolicitation(arrival.frame)) {
            answerSolicitation(port, frame);
        } else if (!ProbeOutput.isHousekeeping(arrival.frame)) {
            port.arrivals.add(arrival);
        }
    }

    private void answerArp(Port port, ByteBuffer frame) throws IOException {
        boolean request = frame.capacity() >= 42 && frame.getShort(20) == 1;
        byte[] target = new byte[4];
        if (request) {
            frame.get(38, target);
        }
        String wanted = ProbeOutput.dotted(target);
        if (request && wanted.startsWith(port.side == Side.A ? "10.1.0." : "10.2.0.") && isHost(wanted)) {
            byte[] asker = new byte[4];
            frame.get(28, asker);
            String mac = port.side == Side.A ? A_MAC : B_MAC;
            String routerMac = port.side == Side.A ? ROUTER_A_MAC : ROUTER_B_MAC;
            send(
                    port.router,
                    port.side,
                    Packets.arpReply(mac, wanted, routerMac, ProbeOutput.dotted(asker))
                            .bytes());
            answeredNeighbors++;
        }
    }

    private void answerSolicitation(Port port, ByteBuffer frame) throws IOException {
        byte[] target = new byte[16];
        frame.get(14 + 40 + 8, target);
        byte[] asker = new byte[16];
        frame.get(14 + 8, asker);
        String wanted = ProbeOutput.colons(target);
        boolean onLink = wanted.startsWith("fe80::") || wanted.startsWith(port.side == Side.A ? "fd01::" : "fd02::");
        if (onLink && isHost(wanted) && !ProbeOutput.colons(asker).equals("::")) {
            String mac = port.side == Side.A ? A_MAC : B_MAC;
            send(
                    port.router,
                    port.side,
                    Packets.ethernet(mac, port.side == Side.A ? ROUTER_A_MAC : ROUTER_B_MAC)
                            .ip6()
                            .from(wanted)
                            .to(ProbeOutput.colons(asker))
                            .neighborAdvertisement(wanted, "SO")
                            .targetLinkLayer(mac)
                            .bytes());
            answeredNeighbors++;
        }
    }

    /** The hosts have every address on their link but the router's, and one that nobody has. */
    private static boolean isHost(String address) {
        return !address.endsWith("99") && !ROUTER_ADDRESSES.contains(address);
    }

    // ---- Culvert's management ---------------------------------------------------------------------------------------

    /** What {@code culvert show} gets: one list of cells for each row. */
    List<List<Object>> show(String what) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socketPath()))) {
            String request = "{\"v\":1,\"command\":\"show\",\"what\":\"" + what + "\"}\n";
            channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.UTF_8)));
            ByteArrayOutputStream answer = new ByteArrayOutputStream();
            Channels.newInputStream(channel).transferTo(answer);
            Config parsed = ConfigFactory.parseString(answer.toString(StandardCharsets.UTF_8));
            assertThat(parsed.hasPath("rows"))
                    .as(answer.toString(StandardCharsets.UTF_8))
                    .isTrue();
            List<List<Object>> rows = new ArrayList<>();
            for (Object row : parsed.getList("rows").unwrapped()) {
                rows.add(List.copyOf((List<?>) row));
            }
            return rows;
        }
    }

    /** Tells Culvert to end and returns the account that it prints then: packets by {@link LaneLedger.Entry}. */
    Map<String, Long> stopCulvert() throws Exception {
        Process process = Objects.requireNonNull(culvert);
        process.destroy();
        assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(culvertLog()).isZero();
        Map<String, Long> account = new HashMap<>();
        for (LaneLedger.Entry entry : LaneLedger.Entry.values()) {
            String name = entry.name().toLowerCase(Locale.ROOT);
            Matcher line = Pattern.compile("(?m)^" + name + " +(\\d+)$").matcher(culvertLog());
            assertThat(line.find()).as("%s in: %s", name, culvertLog()).isTrue();
            account.put(name, Long.parseLong(line.group(1)));
        }
        return account;
    }

    // ---- the end ----------------------------------------------------------------------------------------------------

    @Override
    public void close() throws IOException {
        try {
            if (culvert != null) {
                culvert.destroy();
                if (!culvert.waitFor(15, TimeUnit.SECONDS)) {
                    culvert.destroyForcibly();
                }
            }
        } catch (InterruptedException e) {
            culvert.destroyForcibly();
            Thread.currentThread().interrupt();
        } finally {
            ports.values().forEach(sides -> sides.values().forEach(port -> port.socket.close()));
            for (String namespace : List.of(CULVERT, KERNEL, HOSTS)) {
                if (NetworkNamespace.exists(namespace)) {
                    NetworkNamespace.delete(namespace);
                }
            }
        }
    }

    private static void inside(String namespace, String command) throws IOException {
        run("ip netns exec " + namespace + " " + command);
    }

    private static void run(String command) throws IOException {
        Process process = new ProcessBuilder(("timeout 20 " + command).split(" ", -1))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new IOException(command + ": " + output);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(command, e);
        }
    }
}
