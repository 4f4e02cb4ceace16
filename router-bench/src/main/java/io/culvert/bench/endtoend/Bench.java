// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import io.culvert.bench.Footprint;
import io.culvert.lab.LabClaim;
import io.culvert.lab.LabNetwork;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Makes a run: for each pair of interfaces a bed for each subject, side by side; then round after round each measurement
 * on each of them in turn, each time beginning with another, so that whatever else the machine does meets all alike.
 *
 * <p>Everything that it makes is removed in the end, also after a failure and after SIGINT or SIGTERM; what a run left
 * that was killed, the next one removes. All of it happens in the calling thread.
 */
final class Bench {
    private static final Path STATE = Path.of("/run/culvert");
    private static final String NAME = "cvb";
    private static final int CLEAN_UP_SECONDS = 30;
    private static final int SMALL = 18;
    private static final int IP4_ROUTES = 1_000_000;
    private static final int IP6_ROUTES = 250_000;
    /** Next hops of a million routes on each link of Ethernet. */
    private static final int NEIGHBORS = 4;

    private static final double BYTES_PER_MIB = 1 << 20;
    private static final double BYTES_PER_MB = 1e6;
    private static final Duration PAUSES_DURING = Duration.ofSeconds(60);
    private static final String ALLOCATION_BED = NAME + "-allocation";
    private static final int ALLOCATION_SECONDS = 10;
    private static final long ALLOCATION_SETTLES_MS = 1_200;
    private static final int GREEDIEST = 3;

    private final Plan plan;
    private final Path culvert;
    private final Yardsticks yardsticks;
    private final PrintWriter out;
    private final Results results = new Results();
    private final List<TestBed> beds = new ArrayList<>();

    /**
     * @param culvert the program that runs Culvert
     * @param out for people
     */
    Bench(Plan plan, Path culvert, Yardsticks yardsticks, PrintWriter out) {
        this.plan = plan;
        this.culvert = culvert;
        this.yardsticks = yardsticks;
        this.out = out;
    }

    /**
     * Measures what the plan says.
     *
     * @throws IOException if something can't be made or does not work
     * @throws InterruptedException on a signal; everything is removed by then
     */
    Results run() throws IOException, InterruptedException {
        CountDownLatch ended = new CountDownLatch(1);
        Thread runner = Thread.currentThread();
        Thread hook = new Thread(
                () -> {
                    runner.interrupt();
                    awaitUninterruptibly(ended);
                },
                "bench-interrupt");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            claimAndRun();
            return results;
        } finally {
            ended.countDown();
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // It runs: the process is about to end.
            }
        }
    }

    private static void awaitUninterruptibly(CountDownLatch ended) {
        try {
            if (!ended.await(CLEAN_UP_SECONDS, TimeUnit.SECONDS)) {
                return; // the next run finds what is left
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void claimAndRun() throws IOException, InterruptedException {
        try (LabClaim claim = LabClaim.tryAcquire(STATE, NAME)) {
            if (claim == null) {
                throw new IOException("another benchmark is running here; two at a time would measure each other");
            }
            for (String made : claim.listed()) {
                remove(made);
            }
            Path folder = Files.createTempDirectory("culvert-bench-");
            try {
                runAll(claim, folder);
            } finally {
                // The interrupt that ended the run shall not end the removal too.
                boolean interrupted = Thread.interrupted();
                for (TestBed bed : beds) {
                    bed.close();
                }
                delete(folder);
                claim.clear();
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }
    }

    private static void remove(String made) throws IOException {
        if (made.startsWith("/")) {
            delete(Path.of(made));
        } else {
            LabNetwork.remove(made);
        }
    }

    private static void delete(Path folder) throws IOException {
        if (Files.isDirectory(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.sorted(Collections.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    private void runAll(LabClaim claim, Path folder) throws IOException, InterruptedException {
        Traffic traffic = new Traffic(yardsticks.program("udpgen"), plan.seconds());
        List<String> made = new ArrayList<>(List.of(folder.toString()));
        for (Pair pair : Pair.values()) {
            for (Subject subject : pair.subjects()) {
                made.addAll(TestBed.namespaces(bedName(pair, subject)));
            }
        }
        made.addAll(TestBed.namespaces(ALLOCATION_BED));
        made.addAll(Footprint.namespaces());
        claim.list(made);
        for (Pair pair : Pair.values()) {
            if (!plan.subjects(pair).isEmpty() && !plan.measures(pair).isEmpty()) {
                run(pair, traffic, folder);
            }
        }
        measureProcess(traffic, folder);
    }

    private static String bedName(Pair pair, Subject subject) {
        return NAME + "-" + pair.id() + "-" + subject.id();
    }

    // ---- pairs of interfaces

    private record Stand(Subject subject, TestBed bed) {}

    private void run(Pair pair, Traffic traffic, Path folder) throws IOException, InterruptedException {
        List<Measure> measures = plan.measures(pair);
        List<Subject> subjects = plan.subjects(pair).stream()
                .filter(subject -> measures.stream().anyMatch(measure -> Plan.applies(measure, subject)))
                .toList();
        say(pair.id() + ": "
                + String.join(", ", subjects.stream().map(Subject::id).toList()));
        List<Stand> stands = new ArrayList<>();
        for (Subject subject : subjects) {
            stands.add(new Stand(subject, makeBed(pair, subject, folder)));
        }
        for (Stand stand : stands) {
            stand.bed().awaitForwarding();
        }
        for (Stand stand : stands) {
            if (stand.subject().kind() == Subject.Kind.CULVERT) {
                warmUp(stand.bed(), traffic);
            }
        }
        for (int round = 0; round < plan.rounds(); round++) {
            for (Measure measure : measures) {
                if (round < plan.rounds(pair, measure)) {
                    measure(pair, measure, round, stands, traffic);
                }
            }
        }
        for (Stand stand : stands) {
            stand.bed().close();
            beds.remove(stand.bed());
        }
        PairTable.of(results, pair).ifPresent(table -> say("\n" + table.text() + "\n"));
    }

    private TestBed makeBed(Pair pair, Subject subject, Path folder) throws IOException, InterruptedException {
        String name = bedName(pair, subject);
        TestBed bed = new TestBed(name, folder);
        beds.add(bed);
        bed.create();
        switch (subject.kind()) {
            case LIMIT -> bed.forwardBy(yardsticks.program(subject.id()), pair);
            case KERNEL -> bed.forwardByKernel();
            case CULVERT -> {
                CulvertFile file = fileFor(bed, pair, folder.resolve(name + ".sock"));
                if (subject == Subject.CULVERT_MILLION) {
                    file.withRouteFile(millionRoutes(pair, folder));
                }
                bed.prepareForCulvert(pair);
                bed.forwardByCulvert(List.of(culvert.toString()), file);
            }
        }
        return bed;
    }

    private static CulvertFile fileFor(TestBed bed, Pair pair, Path socket) {
        CulvertFile file = new CulvertFile(socket);
        for (Side side : Side.values()) {
            file.with(side, TestBed.end(pair, side), bed.hostNamespace(side));
        }
        return file;
    }

    /** Routes by both interfaces; a tun has no neighbors, and on Ethernet a few share the routes. */
    private static Path millionRoutes(Pair pair, Path folder) throws IOException {
        Path file = folder.resolve("routes-" + pair.id() + ".txt");
        if (pair == Pair.TUN_TUN) {
            List<String> hops = List.of("dev " + Side.A.letter(), "dev " + Side.B.letter());
            RouteGenerator.write(file, IP4_ROUTES, IP6_ROUTES, hops, hops);
        } else {
            List<String> hops4 = new ArrayList<>();
            List<String> hops6 = new ArrayList<>();
            for (Side side : Side.values()) {
                for (int neighbor = 2; neighbor < 2 + NEIGHBORS; neighbor++) {
                    hops4.add("via " + side.ip4(neighbor));
                    hops6.add("via " + side.ip6(neighbor));
                }
            }
            RouteGenerator.write(file, IP4_ROUTES, IP6_ROUTES, hops4, hops6);
        }
        return file;
    }

    /** Until the JVM has compiled what packets go through. */
    private void warmUp(TestBed bed, Traffic traffic) throws IOException, InterruptedException {
        traffic.tcp(bed, Side.B.hostIp4(), 1, plan.warmUpSeconds());
        traffic.flood(bed, Side.B.hostIp4(), SMALL, plan.warmUpSeconds());
    }

    private void measure(Pair pair, Measure measure, int round, List<Stand> stands, Traffic traffic)
            throws IOException, InterruptedException {
        List<Stand> order = new ArrayList<>(stands.stream()
                .filter(stand -> Plan.applies(measure, stand.subject()))
                .toList());
        Collections.rotate(order, round);
        Map<Subject, String> shown = new EnumMap<>(Subject.class);
        String title = "";
        for (Stand stand : order) {
            Subject subject = stand.subject();
            List<Traffic.Value> values = traffic.measure(measure, stand.bed());
            for (Traffic.Value value : values) {
                results.add(new Figure(pair.id(), value.quantity(), subject.id()), value.value());
            }
            Quantity first = values.get(0).quantity();
            title = first.text() + ", " + first.unit();
            shown.put(subject, subject.id() + " " + first.written(values.get(0).value()));
        }
        say("  %d  %-26s %s".formatted(round + 1, title, String.join("  ", shown.values())));
    }

    // ---- the process as such

    private void measureProcess(Traffic traffic, Path folder) throws IOException, InterruptedException {
        Footprint footprint = new Footprint(culvert, List.of());
        if (plan.wants("process/start")) {
            for (int start = 0; start < plan.starts(); start++) {
                Footprint.Figures figures = footprint.measure(Footprint.Plan.START);
                add(Quantity.START, figures.firstPacketMillis());
            }
        }
        if (plan.wants("process/idle")) {
            Footprint.Figures figures = footprint.measure(new Footprint.Plan(plan.idle(), Duration.ZERO));
            add(Quantity.IDLE_MEMORY, figures.residentMib() * BYTES_PER_MIB / BYTES_PER_MB);
            add(Quantity.IDLE_CPU, figures.cpuPercent());
        }
        if (!plan.quick() && plan.wants("process/pauses")) {
            Duration half = PAUSES_DURING.dividedBy(2);
            for (Footprint.Load load :
                    footprint.measure(new Footprint.Plan(Duration.ZERO, half)).loads()) {
                add(Quantity.LONGEST_PAUSE, load.longestPauseMillis());
            }
        }
        if (!plan.quick() && plan.wants("process/allocated")) {
            measureAllocation(traffic, folder);
        }
    }

    private void add(Quantity quantity, double value) {
        results.add(new Figure(Bar.PROCESS, quantity, Subject.CULVERT.id()), value);
        say("  %-42s %s %s".formatted(quantity.text(), quantity.written(value), quantity.unit()));
    }

    /** Small packets, as many as go: what is allocated for other reasons then counts least. */
    private void measureAllocation(Traffic traffic, Path folder) throws IOException, InterruptedException {
        TestBed bed = new TestBed(ALLOCATION_BED, folder);
        beds.add(bed);
        bed.create();
        Allocation allocation = new Allocation(folder);
        bed.forwardByCulvert(
                List.of("env", "CULVERT_JAVA_OPTS=" + allocation.option(), culvert.toString()),
                fileFor(bed, Pair.TUN_TUN, folder.resolve(ALLOCATION_BED + ".sock")));
        bed.awaitForwarding();
        traffic.flood(bed, Side.B.hostIp4(), SMALL, ALLOCATION_SECONDS);
        Instant from = Instant.now();
        UdpCount count = traffic.flood(bed, Side.B.hostIp4(), SMALL, ALLOCATION_SECONDS);
        Instant to = Instant.now();
        Thread.sleep(ALLOCATION_SETTLES_MS);
        Map<String, Long> byThread = allocation.between(bed.forwarderPid().orElseThrow(), from, to);
        long sum = byThread.values().stream().mapToLong(Long::longValue).sum();
        add(Quantity.ALLOCATED, sum / (double) count.packets());
        byThread.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                .limit(GREEDIEST)
                .forEach(thread -> say("    %d bytes by %s".formatted(thread.getValue(), thread.getKey())));
        bed.close();
        beds.remove(bed);
    }

    private void say(String line) {
        out.println(line);
        out.flush();
    }
}
