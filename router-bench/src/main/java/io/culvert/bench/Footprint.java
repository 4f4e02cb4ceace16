// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.culvert.ffi.KernelLink;
import io.culvert.ffi.NetworkNamespace;
import io.culvert.ffi.Rtnetlink;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a router of four interfaces (two tun, one tap, one packet) costs to start and to keep: the time from starting the
 * launcher to the first packet that it has forwarded between two hosts, and at rest its memory, processor time and
 * threads; under load, how long the JVM stops all threads.
 *
 * <p>The hosts are network namespaces. One sends a UDP packet every 2 ms from before the start, whether there is a way or
 * not; the other notes when the first one arrives. Needs root, and {@code iperf3} for the load.
 */
public final class Footprint {
    private static final String ROUTER = "cvfp-r";
    private static final String CLIENT = "cvfp-a";
    private static final String SERVER = "cvfp-b";
    private static final InetSocketAddress DESTINATION = new InetSocketAddress("10.2.0.2", 4000);
    private static final long PROBE_EVERY_NANOS = 2_000_000;
    private static final Duration FORWARDS_WITHIN = Duration.ofSeconds(30);
    private static final Duration SETTLES_WITHIN = Duration.ofSeconds(10);
    private static final double MILLI_NANOS = 1e6;
    private static final Pattern READY = Pattern.compile("is ready in (\\d+) ms");
    private static final Pattern PAUSE =
            Pattern.compile("Safepoint \"(\\w+)\".* Reaching safepoint: +(\\d+) ns.* Total: +(\\d+) ns");

    private static final String CONFIGURATION = """
            router {
              name = footprint
              interfaces {
                a { type = tun, device = cvfp0, addresses = ["10.1.0.1/24", "fd01::1/64"], netns = cvfp-a
                    kernel { addresses = ["10.1.0.2/24", "fd01::2/64"], routes = ["0.0.0.0/0", "::/0"] } }
                b { type = tun, device = cvfp1, addresses = ["10.2.0.1/24", "fd02::1/64"], netns = cvfp-b
                    kernel { addresses = ["10.2.0.2/24", "fd02::2/64"], routes = ["0.0.0.0/0", "::/0"] } }
                c { type = tap, device = cvfp2, addresses = ["10.3.0.1/24", "fd03::1/64"], netns = cvfp-a
                    kernel { addresses = ["10.3.0.2/24", "fd03::2/64"] } }
                d { type = packet, device = cvfp3, addresses = ["10.4.0.1/24", "fd04::1/64"] }
              }
              management { socket = "%s" }
            }
            """;

    /**
     * What is done to one router.
     *
     * @param idle how long it rests before it is measured, and again while its processor time is; zero for not at all
     * @param load how long each kind of load lasts; zero for none
     */
    public record Plan(Duration idle, Duration load) {
        /** The start alone. */
        public static final Plan START = new Plan(Duration.ZERO, Duration.ZERO);
    }

    /**
     * What was measured of one router. Memory and processor are 0 where the plan has no rest.
     *
     * @param firstPacketMillis from starting the launcher to the first packet at the other host
     * @param readyMillis what the router itself says it took
     * @param residentMib resident memory at rest
     * @param anonymousMib the part of it that is not a file's
     * @param cpuPercent of one processor, at rest
     * @param threads of the process, at rest
     */
    public record Figures(
            double firstPacketMillis,
            double readyMillis,
            double residentMib,
            double anonymousMib,
            double cpuPercent,
            int threads,
            List<Load> loads) {}

    /**
     * One kind of load.
     *
     * @param gigabits per second, that arrived
     * @param pauses how often the JVM stopped all threads, while they ran
     * @param longestPauseMillis 0 when it never did
     * @param longestPause what for, and how much of it went by until all threads had stopped
     * @param residentMib resident memory behind the load
     */
    public record Load(
            String kind,
            double gigabits,
            int pauses,
            double longestPauseMillis,
            String longestPause,
            double residentMib) {}

    private record Pauses(int count, double longestMillis, String longest) {}

    private final Path launcher;
    private final List<String> javaOptions;

    /**
     * @param launcher the {@code culvert} script
     * @param javaOptions handed to it in {@code CULVERT_JAVA_OPTS}
     */
    public Footprint(Path launcher, List<String> javaOptions) {
        this.launcher = launcher;
        this.javaOptions = List.copyOf(javaOptions);
    }

    /**
     * Prints the figures of several routers, and their medians.
     *
     * @param args the launcher, then optionally: how many routers, seconds of rest, seconds of each load, JVM options
     */
    public static void main(String[] args) throws Exception {
        if (args.length == 0) {
            System.err.println("usage: Footprint LAUNCHER [ROUTERS [IDLE-SECONDS [LOAD-SECONDS [JVM-OPTION...]]]]");
            System.exit(2);
        }
        int routers = args.length > 1 ? Integer.parseInt(args[1]) : 5;
        Plan plan = new Plan(
                Duration.ofSeconds(args.length > 2 ? Long.parseLong(args[2]) : 10),
                Duration.ofSeconds(args.length > 3 ? Long.parseLong(args[3]) : 0));
        Footprint footprint = new Footprint(
                Path.of(args[0]).toAbsolutePath(), List.of(args).subList(Math.min(4, args.length), args.length));
        List<Figures> all = new ArrayList<>();
        for (int router = 0; router < routers; router++) {
            Figures one = footprint.measure(plan);
            all.add(one);
            print(Integer.toString(router + 1), one);
            for (Load load : one.loads) {
                System.out.printf(
                        Locale.ROOT,
                        "         %-8s %7.3f Gb/s, resident %.0f MiB, %d pauses, longest %.2f ms (%s)%n",
                        load.kind,
                        load.gigabits,
                        load.residentMib,
                        load.pauses,
                        load.longestPauseMillis,
                        load.longestPause);
            }
        }
        print(
                "median",
                new Figures(
                        median(all, Figures::firstPacketMillis),
                        median(all, Figures::readyMillis),
                        median(all, Figures::residentMib),
                        median(all, Figures::anonymousMib),
                        median(all, Figures::cpuPercent),
                        (int) median(all, Figures::threads),
                        List.of()));
    }

    private static void print(String title, Figures figures) {
        System.out.printf(
                Locale.ROOT,
                "%-8s first packet %.0f ms, ready %.0f ms, resident %.0f MiB (%.0f anonymous), CPU %.2f %%, %d threads%n",
                title,
                figures.firstPacketMillis,
                figures.readyMillis,
                figures.residentMib,
                figures.anonymousMib,
                figures.cpuPercent,
                figures.threads);
    }

    private static double median(List<Figures> all, ToDoubleFunction<Figures> of) {
        double[] sorted = all.stream().mapToDouble(of).sorted().toArray();
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** The namespaces that exist while a router is measured. */
    public static List<String> namespaces() {
        return List.of(ROUTER, CLIENT, SERVER);
    }

    /** Starts one router, measures it and stops it. */
    public Figures measure(Plan plan) throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory("culvert-footprint");
        try {
            makeNetwork();
            return measureIn(directory, plan);
        } finally {
            removeNetwork();
            try (Stream<Path> files = Files.list(directory)) {
                for (Path file : files.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(directory);
        }
    }

    private Figures measureIn(Path directory, Plan plan) throws IOException, InterruptedException {
        Path configuration = directory.resolve("router.conf");
        Path log = directory.resolve("log");
        Path pauses = directory.resolve("pauses");
        Files.writeString(configuration, CONFIGURATION.formatted(directory.resolve("socket")));
        List<String> options = new ArrayList<>(javaOptions);
        if (!plan.load.isZero()) {
            options.add("-Xlog:safepoint:file=" + pauses);
        }
        ProcessBuilder builder = new ProcessBuilder(launcher.toString(), "run", configuration.toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile());
        builder.environment().put("CULVERT_JAVA_OPTS", String.join(" ", options));
        try (DatagramSocket from = NetworkNamespace.call(CLIENT, () -> new DatagramSocket(null));
                DatagramSocket to = NetworkNamespace.call(SERVER, () -> new DatagramSocket(DESTINATION.getPort()))) {
            from.bind(new InetSocketAddress(0));
            AtomicBoolean arrived = new AtomicBoolean();
            Thread prober = new Thread(() -> probe(from, arrived), "prober");
            prober.start();
            long begun = System.nanoTime();
            Process router = NetworkNamespace.call(ROUTER, builder::start);
            try {
                double firstPacketMillis;
                try {
                    to.setSoTimeout((int) FORWARDS_WITHIN.toMillis());
                    to.receive(new DatagramPacket(new byte[1], 1));
                    firstPacketMillis = (System.nanoTime() - begun) / MILLI_NANOS;
                } catch (SocketTimeoutException never) {
                    throw new IOException("the router forwards nothing; it says: " + Files.readString(log), never);
                } finally {
                    arrived.set(true);
                    prober.join();
                }
                return measureRunning(router.pid(), plan, log, pauses, firstPacketMillis);
            } finally {
                router.destroy();
                if (!router.waitFor(SETTLES_WITHIN.toSeconds(), TimeUnit.SECONDS)) {
                    router.destroyForcibly();
                }
            }
        }
    }

    private static Figures measureRunning(
            long pid, Plan plan, Path log, @Nullable Path pauses, double firstPacketMillis)
            throws IOException, InterruptedException {
        double readyMillis = awaitReady(log);
        double resident = 0;
        double anonymous = 0;
        double cpu = 0;
        int threads = 0;
        if (!plan.idle.isZero()) {
            Thread.sleep(plan.idle.toMillis());
            resident = status(pid, "VmRSS:") / 1024.0;
            anonymous = status(pid, "RssAnon:") / 1024.0;
            threads = (int) status(pid, "Threads:");
            long usedBefore = processorNanos(pid);
            long from = System.nanoTime();
            Thread.sleep(plan.idle.toMillis());
            cpu = 100.0 * (processorNanos(pid) - usedBefore) / (System.nanoTime() - from);
        }
        List<Load> loads = new ArrayList<>();
        if (!plan.load.isZero() && pauses != null) {
            loads.add(load("tcp", pid, pauses, plan.load));
            loads.add(load("udp-18", pid, pauses, plan.load, "-u", "-b", "0", "-l", "18"));
        }
        return new Figures(firstPacketMillis, readyMillis, resident, anonymous, cpu, threads, loads);
    }

    private static void probe(DatagramSocket from, AtomicBoolean arrived) {
        DatagramPacket packet = new DatagramPacket(new byte[1], 1, DESTINATION);
        while (!arrived.get()) {
            try {
                from.send(packet);
            } catch (IOException noWayYet) {
                // The router makes the host's device and route.
            }
            LockSupport.parkNanos(PROBE_EVERY_NANOS);
        }
    }

    private static Load load(String kind, long pid, Path pauses, Duration lasts, String... clientOptions)
            throws IOException, InterruptedException {
        Process server = NetworkNamespace.call(
                SERVER,
                new ProcessBuilder("iperf3", "-s", "-1").redirectOutput(ProcessBuilder.Redirect.DISCARD)::start);
        try {
            awaitListening(server.pid());
            int before = pausesSince(0, pauses).count;
            if (before == 0) { // the start ends with a collection: its log is not in the form that is looked for
                throw new IOException("no pause in " + pauses + ": this JVM writes another log");
            }
            List<String> command = new ArrayList<>(List.of(
                    "iperf3", "-f", "m", "-t", Long.toString(lasts.toSeconds()), "-c", DESTINATION.getHostString()));
            command.addAll(List.of(clientOptions));
            Process client =
                    NetworkNamespace.call(CLIENT, new ProcessBuilder(command).redirectErrorStream(true)::start);
            String report = new String(client.getInputStream().readAllBytes(), UTF_8);
            if (client.waitFor() != 0) {
                throw new IOException("iperf3 failed: " + report);
            }
            Pauses during = pausesSince(before, pauses);
            return new Load(
                    kind,
                    received(report),
                    during.count,
                    during.longestMillis,
                    during.longest,
                    status(pid, "VmRSS:") / 1024.0);
        } finally {
            server.destroy();
            server.waitFor();
        }
    }

    private static double received(String report) throws IOException {
        Matcher line = Pattern.compile("([0-9.]+) Mbits/sec.*receiver").matcher(report);
        if (!line.find()) {
            throw new IOException("iperf3 does not say what arrived: " + report);
        }
        return Double.parseDouble(line.group(1)) / 1000;
    }

    private static Pauses pausesSince(int skip, Path pauses) throws IOException {
        int count = 0;
        double longest = 0;
        String what = "none";
        for (String line : Files.readAllLines(pauses)) {
            Matcher pause = PAUSE.matcher(line);
            if (pause.find() && ++count > skip) {
                double millis = Long.parseLong(pause.group(3)) / MILLI_NANOS;
                if (millis > longest) {
                    longest = millis;
                    what = String.format(
                            Locale.ROOT,
                            "%s, %.2f of %.2f ms until all threads had stopped",
                            pause.group(1),
                            Long.parseLong(pause.group(2)) / MILLI_NANOS,
                            millis);
                }
            }
        }
        return new Pauses(Math.max(0, count - skip), longest, what);
    }

    private static double awaitReady(Path log) throws IOException, InterruptedException {
        long until = System.nanoTime() + SETTLES_WITHIN.toNanos();
        while (System.nanoTime() < until) {
            Matcher ready = READY.matcher(Files.readString(log));
            if (ready.find()) {
                return Double.parseDouble(ready.group(1));
            }
            Thread.sleep(10);
        }
        throw new IOException("the router does not become ready; it says: " + Files.readString(log));
    }

    /** Waits until a process has a socket, in its namespace, that listens to iperf3's port 5201 (hexadecimal 1451). */
    private static void awaitListening(long pid) throws IOException, InterruptedException {
        long until = System.nanoTime() + SETTLES_WITHIN.toNanos();
        while (System.nanoTime() < until) {
            for (String table : List.of("tcp", "tcp6")) {
                if (Files.readString(Path.of("/proc/" + pid + "/net/" + table)).contains(":1451 ")) {
                    return;
                }
            }
            Thread.sleep(10);
        }
        throw new IOException("iperf3 does not listen");
    }

    /** A number of /proc/PID/status, which has kibibytes; the JVM has the launcher's process id. */
    private static long status(long pid, String key) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
            if (line.startsWith(key)) {
                return Long.parseLong(
                        line.substring(key.length()).replace("kB", "").strip());
            }
        }
        throw new IOException("no " + key + " of process " + pid);
    }

    /** What its threads have used by the scheduler's account, which is finer than the ticks of /proc/PID/stat. */
    private static long processorNanos(long pid) throws IOException {
        long sum = 0;
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/" + pid + "/task"))) {
            for (Path thread : threads) {
                try {
                    String schedstat = Files.readString(thread.resolve("schedstat"));
                    sum += Long.parseLong(schedstat.substring(0, schedstat.indexOf(' ')));
                } catch (NoSuchFileException ended) {
                    // A thread that comes and goes while a router rests counts for little.
                }
            }
        }
        return sum;
    }

    private static void makeNetwork() throws IOException {
        for (String name : namespaces()) {
            NetworkNamespace.create(name);
            setUp(name, "lo");
        }
        try (Rtnetlink kernel = Rtnetlink.open(ROUTER)) {
            kernel.addVeth("cvfp3", "cvfp4", SERVER);
        }
        setUp(ROUTER, "cvfp3");
        setUp(SERVER, "cvfp4");
    }

    private static void setUp(String namespace, String device) throws IOException {
        try (Rtnetlink kernel = Rtnetlink.open(namespace)) {
            KernelLink link = kernel.link(device).orElseThrow(() -> new IOException("no device " + device));
            kernel.setUp(link.index(), true);
        }
    }

    private static void removeNetwork() throws IOException {
        for (String name : namespaces()) {
            if (NetworkNamespace.exists(name)) {
                NetworkNamespace.delete(name);
            }
        }
    }
}
