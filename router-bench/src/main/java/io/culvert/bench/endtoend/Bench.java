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
    private static final double BYTES_PER_MIB = 1 << 20;
    private static final double BYTES_PER_MB = 1e6;
    private static final Duration PAUSES_DURING = Duration.ofSeconds(60);
    /** Half the time from the log's word that a router is ready to the load: the collection that ends its start is over. */
    private static final Duration STARTED_WITHIN = Duration.ofSeconds(1);

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
        Traffic traffic = new Traffic(yardsticks.program("udpgen"), plan);
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
        if (!plan.quick()) {
            measureTables();
        }
    }

    private static String bedName(Pair pair, Subject subject) {
        return NAME + "-" + pair.id() + "-" + subject.id();
    }

    // ---- pairs of interfaces

    private record Stand(Subject subject, TestBed bed) {}

    private void run(Pair pair, Traffic traffic, Path folder) throws IOException, InterruptedException {
        List<Measure> measures = plan.measures(pair);
        List<Subject> subjects = plan.subjects(pair).stream()
                .filter(subject -> measures.stream().anyMatch(measure -> measure.appliesTo(subject)))
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
                warmUp(stand.bed(), measures, traffic);
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
                Path routes = folder.resolve(name + "-routes.txt");
                if (subject == Subject.CULVERT_MILLION) {
                    RouteFiles.writeMany(routes, pair);
                } else {
                    RouteFiles.writeOne(routes, pair);
                }
                file.withRouteFile(routes);
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

    /** Until the JVM has compiled what packets go through. */
    private void warmUp(TestBed bed, List<Measure> measures, Traffic traffic) throws IOException, InterruptedException {
        traffic.tcp(bed, Side.B.hostIp4(), 1, plan.warmUpSeconds());
        traffic.flood(bed, Side.B.hostIp4(), SMALL, plan.warmUpSeconds());
        if (measures.contains(Measure.UDP_18_SPREAD)) {
            traffic.spread(bed, SMALL, plan.warmUpSeconds());
        }
    }

    private void measure(Pair pair, Measure measure, int round, List<Stand> stands, Traffic traffic)
            throws IOException, InterruptedException {
        List<Stand> order = new ArrayList<>(stands.stream()
                .filter(stand -> measure.appliesTo(stand.subject()))
                .toList());
        Collections.rotate(order, round);
        Map<Subject, String> shown = new EnumMap<>(Subject.class);
        String title = "";
        for (Stand stand : order) {
            Subject subject = stand.subject();
            List<Traffic.Value> values;
            try {
                values = traffic.measure(measure, stand.bed());
            } catch (IOException e) {
                fail(pair.id() + "/" + measure.id() + " of " + subject.id() + ", round " + (round + 1), e);
                continue;
            }
            for (Traffic.Value value : values) {
                results.add(new Figure(pair.id(), value.quantity(), subject.id()), value.value());
            }
            Quantity first = values.get(0).quantity();
            title = first.text() + ", " + first.unit();
            shown.put(subject, subject.id() + " " + first.written(values.get(0).value()));
        }
        say("  %d  %-40s %s".formatted(round + 1, title, String.join("  ", shown.values())));
    }

    // ---- the process as such

    /** What a run can do without: when it fails, the rest is measured all the same. */
    private interface Part {
        void measure() throws IOException, InterruptedException;
    }

    private void attempt(String scenario, Part part) throws InterruptedException {
        if (plan.wants(scenario)) {
            try {
                part.measure();
            } catch (IOException e) {
                fail(scenario, e);
            }
        }
    }

    private void fail(String what, IOException why) throws InterruptedException {
        if (Thread.interrupted()) { // not a failure: the end of the run
            throw new InterruptedException();
        }
        String sentence = what + ": " + why.getMessage();
        results.fail(sentence);
        say("  FAILED " + sentence);
    }

    private void measureProcess(Traffic traffic, Path folder) throws InterruptedException {
        Footprint footprint = new Footprint(culvert, List.of());
        for (int start = 0; start < plan.starts(); start++) {
            attempt("process/start", () -> {
                Footprint.Figures figures = footprint.measure(Footprint.Plan.START);
                add(Bar.PROCESS, Quantity.START, figures.firstPacketMillis());
            });
        }
        for (int rest = 0; rest < plan.rests(); rest++) {
            attempt("process/idle", () -> {
                Footprint.Figures figures = footprint.measure(new Footprint.Plan(plan.idle(), Duration.ZERO));
                add(Bar.PROCESS, Quantity.IDLE_MEMORY, figures.residentMib() * BYTES_PER_MIB / BYTES_PER_MB);
                add(Bar.PROCESS, Quantity.IDLE_CPU, figures.cpuPercent());
            });
        }
        if (!plan.quick()) {
            attempt("process/pauses", () -> measurePauses(footprint));
            attempt("process/allocated", () -> measureAllocation(traffic, folder));
        }
    }

    private void measurePauses(Footprint footprint) throws IOException, InterruptedException {
        Footprint.Plan load = new Footprint.Plan(STARTED_WITHIN, PAUSES_DURING.dividedBy(2));
        double longest = -1;
        for (Footprint.Load half : footprint.measure(load).loads()) {
            add(Bar.PROCESS, Quantity.LONGEST_PAUSE, half.longestPauseMillis());
            if (half.longestPauseMillis() > longest) {
                longest = half.longestPauseMillis();
                results.remark(
                        Quantity.LONGEST_PAUSE,
                        "The longest was for %s, during %s; there were %d in that half."
                                .formatted(half.longestPause(), half.kind(), half.pauses()));
            }
        }
        results.remark(Quantity.LONGEST_PAUSE).ifPresent(remark -> say("    " + remark));
    }

    private void measureTables() throws InterruptedException {
        for (Quantity lookup : List.of(Quantity.LOOKUP_IP4, Quantity.LOOKUP_IP6_VECTOR, Quantity.LOOKUP_IP6)) {
            attempt("tables/lookups", () -> addAll(lookup, Tables.lookups(lookup)));
        }
        attempt("tables/changes", () -> addAll(Quantity.ROUTE_CHANGES, Tables.changes()));
        attempt("tables/memory", () -> add(Bar.TABLES, Quantity.TABLE_MEMORY, Tables.memory()));
    }

    private void addAll(Quantity quantity, List<Double> values) {
        Figure figure = new Figure(Bar.TABLES, quantity, Subject.CULVERT.id());
        values.forEach(value -> results.add(figure, value));
        say("  %-58s %s %s".formatted(quantity.text(), PairTable.cell(quantity, new Series(values)), quantity.unit()));
    }

    private void add(String scenario, Quantity quantity, double value) {
        results.add(new Figure(scenario, quantity, Subject.CULVERT.id()), value);
        say("  %-58s %s %s".formatted(quantity.text(), quantity.written(value), quantity.unit()));
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
        add(Bar.PROCESS, Quantity.ALLOCATED, sum / (double) count.packets());
        List<String> greediest = byThread.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                .limit(GREEDIEST)
                .map(thread -> "%d bytes by %s".formatted(thread.getValue(), thread.getKey()))
                .toList();
        greediest.forEach(line -> say("    " + line));
        results.remark(
                Quantity.ALLOCATED,
                "During %d packets most was allocated as follows: %s."
                        .formatted(count.packets(), String.join(", ", greediest)));
        bed.close();
        beds.remove(bed);
    }

    private void say(String line) {
        out.println(line);
        out.flush();
    }
}
