// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import io.culvert.ffi.KernelLink;
import io.culvert.ffi.KernelRoute;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.ffi.Rtnetlink;
import io.culvert.ffi.Sysctl;
import io.culvert.lab.LabNetwork;
import io.culvert.lab.LabProcess;
import io.culvert.net.Ip4Prefix;
import io.culvert.net.MacAddress;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Two hosts and a forwarder between them, each in a network namespace of its own. All beds of a run stand side by side,
 * and an idle one costs nothing, so that subjects can be measured in turn without being started anew.
 *
 * <p>Used by one thread, on whose end the processes end too. Needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
 */
final class TestBed implements Closeable {
    private static final Duration DEVICE_WITHIN = Duration.ofSeconds(5);
    private static final Duration FORWARDS_WITHIN = Duration.ofMinutes(3);
    private static final Duration STOPPED_WITHIN = Duration.ofSeconds(10);
    private static final long POLL_MS = 5;
    private static final int IPERF_PORT = 5201;

    private final String name;
    private final Path folder;
    private @Nullable LabProcess forwarder;

    /**
     * @param name prefix of the namespaces' names
     * @param folder for the output of processes
     */
    TestBed(String name, Path folder) {
        this.name = name;
        this.folder = folder;
    }

    static List<String> namespaces(String name) {
        return List.of(name + "-r", name + "-a", name + "-b");
    }

    String routerNamespace() {
        return name + "-r";
    }

    String hostNamespace(Side side) {
        return name + "-" + side.letter();
    }

    /** The process that forwards; none where the kernel does. */
    OptionalLong forwarderPid() {
        return forwarder == null ? OptionalLong.empty() : OptionalLong.of(forwarder.pid());
    }

    /** Makes the namespaces, with nothing but a loopback device in each. */
    void create() throws IOException {
        for (String namespace : namespaces(name)) {
            NetworkNamespace.create(namespace);
            NetworkNamespace.call(namespace, TestBed::behaveAsAHost);
            try (Rtnetlink kernel = Rtnetlink.open(namespace)) {
                kernel.setUp(index(kernel, "lo"), true);
            }
        }
        answerForAll(RouteFiles.SPREAD);
    }

    /** The host of side B takes packets to any address of a network as its own. */
    private void answerForAll(Ip4Prefix network) throws IOException {
        try (Rtnetlink kernel = Rtnetlink.open(hostNamespace(Side.B))) {
            kernel.addRoute(KernelRoute.to(Side.address(network.first().toString()), network.length())
                    .ofType(KernelRoute.Type.LOCAL)
                    .inTable(KernelRoute.LOCAL_TABLE)
                    .out(index(kernel, "lo")));
        }
    }

    /** A new namespace may inherit settings from the machine; here only the kernel's own bed forwards. */
    private static boolean behaveAsAHost() throws IOException {
        Sysctl.write("net/ipv4/ip_forward", "0");
        for (String scope : List.of("all", "default")) {
            String parameters = "net/ipv6/conf/" + scope + "/";
            Sysctl.write(parameters + "disable_ipv6", "0");
            Sysctl.write(parameters + "forwarding", "0");
            Sysctl.write(parameters + "accept_ra", "0");
            Sysctl.write(parameters + "accept_dad", "0");
        }
        return true;
    }

    /** Lets the kernel forward between two pairs of veth. */
    void forwardByKernel() throws IOException {
        NetworkNamespace.call(routerNamespace(), () -> {
            Sysctl.write("net/ipv4/ip_forward", "1");
            Sysctl.write("net/ipv6/conf/all/forwarding", "1");
            return true;
        });
        for (Side side : Side.values()) {
            addVeth(side);
            try (Rtnetlink kernel = Rtnetlink.open(routerNamespace())) {
                int index = index(kernel, side.routerDevice());
                kernel.addAddress(index, Side.address(side.routerIp4()), Side.IP4_LENGTH, true);
                kernel.addAddress(index, Side.address(side.routerIp6()), Side.IP6_LENGTH, true);
            }
            setUpHost(side, true);
        }
    }

    /** Starts a yardstick between the two ends of a pair. */
    void forwardBy(Path program, Pair pair) throws IOException, InterruptedException {
        for (Side side : Side.values()) {
            if (end(pair, side) == Pair.End.PACKET) {
                addVeth(side);
                leaveToForwarder(side);
            }
        }
        forwarder = LabProcess.start(
                routerNamespace(),
                List.of(program.toString(), endOfYardstick(pair, Side.A), endOfYardstick(pair, Side.B)),
                folder,
                log("forwarder"));
        for (Side side : Side.values()) {
            Pair.End end = end(pair, side);
            if (end != Pair.End.PACKET) {
                moveToHost(side, end, forwarder);
            }
            setUpHost(side, end != Pair.End.TUN);
            if (end != Pair.End.TUN) {
                tellNeighbor(side);
            }
        }
    }

    /** Makes what Culvert does not make itself: the pairs of veth that packet sockets are on. */
    void prepareForCulvert(Pair pair) throws IOException {
        for (Side side : Side.values()) {
            if (end(pair, side) == Pair.End.PACKET) {
                addVeth(side);
                leaveToForwarder(side);
                setUpHost(side, true);
            }
        }
    }

    /** Starts Culvert in the forwarder's namespace. */
    void forwardByCulvert(List<String> command, CulvertFile file) throws IOException {
        Path config = Files.writeString(folder.resolve(name + ".conf"), file.text());
        List<String> words = new ArrayList<>(command);
        words.add("run");
        words.add(config.toString());
        forwarder = LabProcess.start(routerNamespace(), words, folder, log("forwarder"));
    }

    static Pair.End end(Pair pair, Side side) {
        return side == Side.A ? pair.first() : pair.second();
    }

    private static String endOfYardstick(Pair pair, Side side) {
        return switch (end(pair, side)) {
            case TUN -> "tun," + side.hostDevice();
            case TAP -> "tap," + side.hostDevice() + macs(side);
            case PACKET -> "packet," + side.routerDevice() + macs(side);
        };
    }

    private static String macs(Side side) {
        return "," + MacAddress.toText(side.routerMac()) + "," + MacAddress.toText(side.hostMac());
    }

    private void addVeth(Side side) throws IOException {
        try (Rtnetlink kernel = Rtnetlink.open(routerNamespace())) {
            kernel.addVeth(side.routerDevice(), side.hostDevice(), hostNamespace(side));
            int index = index(kernel, side.routerDevice());
            kernel.setMac(index, side.routerMac());
            kernel.setUp(index, true);
        }
    }

    /** Keeps the kernel from speaking on the forwarder's device. */
    private void leaveToForwarder(Side side) throws IOException {
        NetworkNamespace.call(routerNamespace(), () -> {
            Sysctl.write("net/ipv6/conf/" + side.routerDevice() + "/disable_ipv6", "1");
            Sysctl.write("net/ipv4/conf/" + side.routerDevice() + "/arp_ignore", "8");
            return true;
        });
    }

    private void moveToHost(Side side, Pair.End end, LabProcess maker) throws IOException, InterruptedException {
        try (Rtnetlink kernel = Rtnetlink.open(routerNamespace())) {
            long patience = System.nanoTime() + DEVICE_WITHIN.toNanos();
            Optional<KernelLink> link = kernel.link(side.hostDevice());
            while (link.isEmpty()) {
                if (!maker.isAlive() || System.nanoTime() - patience > 0) {
                    throw new IOException("the yardstick made no " + end.word() + ": "
                            + maker.output().strip());
                }
                Thread.sleep(POLL_MS);
                link = kernel.link(side.hostDevice());
            }
            kernel.moveTo(link.get().index(), hostNamespace(side));
        }
    }

    private void setUpHost(Side side, boolean ethernet) throws IOException {
        try (Rtnetlink kernel = Rtnetlink.open(hostNamespace(side))) {
            int index = index(kernel, side.hostDevice());
            if (ethernet) {
                kernel.setMac(index, side.hostMac());
            }
            kernel.setUp(index, true);
            kernel.addAddress(index, Side.address(side.hostIp4()), Side.IP4_LENGTH, true);
            kernel.addAddress(index, Side.address(side.hostIp6()), Side.IP6_LENGTH, true);
            if (ethernet && side == Side.B) {
                addStations(kernel, index, side);
            }
            addDefault(kernel, index, Side.address("0.0.0.0"), ethernet ? Side.address(side.routerIp4()) : null);
            addDefault(kernel, index, Side.address("::"), ethernet ? Side.address(side.routerIp6()) : null);
        }
    }

    /** The host stands for all the neighbors that routes lead to. */
    private static void addStations(Rtnetlink kernel, int index, Side side) throws IOException {
        for (int station : RouteFiles.stations()) {
            if (!side.ip4(station).equals(side.hostIp4())) {
                kernel.addAddress(index, Side.address(side.ip4(station)), Side.IP4_LENGTH, true);
            }
        }
    }

    private static void addDefault(Rtnetlink kernel, int index, InetAddress any, @Nullable InetAddress gateway)
            throws IOException {
        KernelRoute route = KernelRoute.to(any, 0).out(index);
        kernel.addRoute(gateway == null ? route : route.via(gateway));
    }

    /** A yardstick answers no question for its MAC address. */
    private void tellNeighbor(Side side) throws IOException {
        try (Rtnetlink kernel = Rtnetlink.open(hostNamespace(side))) {
            int index = index(kernel, side.hostDevice());
            kernel.setNeighbor(index, Side.address(side.routerIp4()), side.routerMac());
            kernel.setNeighbor(index, Side.address(side.routerIp6()), side.routerMac());
        }
    }

    private static int index(Rtnetlink kernel, String device) throws IOException {
        return kernel.link(device)
                .map(KernelLink::index)
                .orElseThrow(() -> new IOException("device " + device + " is gone"));
    }

    /** Waits until both families get through, and starts the server of iperf3. */
    void awaitForwarding() throws IOException, InterruptedException {
        long patience = System.nanoTime() + FORWARDS_WITHIN.toNanos();
        for (String address : List.of(Side.B.hostIp4(), Side.B.hostIp6())) {
            while (!answers(address)) {
                LabProcess process = forwarder;
                boolean ended = process != null && !process.isAlive();
                if (ended || System.nanoTime() - patience > 0) {
                    throw new IOException("nothing gets through " + name
                            + (process == null
                                    ? ""
                                    : (ended ? ", the forwarder ended: " : ": ")
                                            + process.output().strip()));
                }
                Thread.sleep(POLL_MS);
            }
        }
        LabProcess server = start(Side.B, "iperf-server", List.of("iperf3", "--server"));
        while (!server.listens(IPERF_PORT)) {
            if (!server.isAlive() || System.nanoTime() - patience > 0) {
                throw new IOException(
                        "iperf3 does not listen: " + server.output().strip());
            }
            Thread.sleep(POLL_MS);
        }
    }

    private boolean answers(String address) throws IOException, InterruptedException {
        LabProcess ping = start(Side.A, "ping", List.of("ping", "-n", "-c", "1", "-W", "1", address));
        if (!ping.endsWithin(Duration.ofSeconds(3))) {
            ping.kill();
            return false;
        }
        return ping.exitCode() == 0;
    }

    /** Starts a program on a host; its output replaces what an earlier one of that title left. */
    LabProcess start(Side side, String title, List<String> command) throws IOException {
        return LabProcess.start(hostNamespace(side), command, folder, log(title));
    }

    private Path log(String title) {
        return folder.resolve(name + "-" + title + ".log");
    }

    /** Ends the forwarder as an operator would. */
    void stopForwarder() throws IOException, InterruptedException {
        LabProcess process = forwarder;
        forwarder = null;
        if (process != null) {
            process.terminate();
            if (!process.endsWithin(STOPPED_WITHIN)) {
                process.kill();
                throw new IOException("the forwarder of " + name + " did not end");
            }
        }
    }

    /** Removes the namespaces with all that is in them, processes too; does nothing where there are none. */
    @Override
    public void close() throws IOException {
        if (forwarder != null) {
            forwarder.terminate();
            forwarder = null;
        }
        for (String namespace : namespaces(name)) {
            LabNetwork.remove(namespace);
        }
    }
}
