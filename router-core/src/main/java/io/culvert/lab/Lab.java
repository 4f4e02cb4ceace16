// SPDX-License-Identifier: Apache-2.0
package io.culvert.lab;

import io.culvert.config.LabConfig;
import io.culvert.ffi.NetworkNamespace;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Runs a lab: makes its network, starts routers and services as processes in their namespaces, runs the checks in order
 * and removes everything, also after a failed step, after SIGINT, SIGTERM or SIGHUP, and after an earlier run that was
 * killed.
 *
 * <p>All of it happens in the calling thread; a signal interrupts that thread and lets it clean up before the process
 * ends. Needs CAP_SYS_ADMIN, CAP_NET_ADMIN, and the programs ip, setsid and setpriv.
 */
public final class Lab {
    private static final Path STATE = Path.of("/run/culvert");
    private static final Duration OTHER_RUN_WITHIN = Duration.ofMinutes(2);
    private static final Duration READY_WITHIN = Duration.ofMinutes(1);
    /** 128 and the number of SIGTERM. */
    private static final int ENDED_BY_SIGTERM = 143;

    private static final Duration STOPPED_WITHIN = Duration.ofSeconds(10);
    private static final Duration POLL = Duration.ofMillis(20);
    private static final int CLEAN_UP_SECONDS = 30;
    private static final int OUTPUT_LINES = 12;

    /** In a command of the lab file: this program, run as this process was. */
    private static final String CULVERT = "culvert";

    /** What {@code culvert run} says when packets flow. */
    private static final Pattern READY = Pattern.compile("\\bready\\b.*");

    private static final Pattern GROUP = Pattern.compile("\\$(\\d+)");

    private final LabConfig config;
    private final List<String> culvert;
    private final LabReport report;
    private final LabNetwork network;
    private final List<Running> routers = new ArrayList<>();
    private final Deque<LabProcess> services = new ArrayDeque<>();
    private volatile boolean interrupted;
    private boolean mayRemove;
    private int passed;
    private int failed;

    private record Running(LabConfig.Router config, LabProcess process) {}

    /** A step that failed, told already: nothing after it makes sense. */
    private static final class StepFailed extends Exception {
        private static final long serialVersionUID = 1L;
    }

    /**
     * @param culvert the command that runs Culvert: a JVM, its options and the main class
     * @param out for people: one line for each step
     */
    public Lab(LabConfig config, List<String> culvert, PrintWriter out) {
        this.config = config;
        this.culvert = List.copyOf(culvert);
        this.report = new LabReport(out);
        this.network = new LabNetwork(config);
    }

    /**
     * Runs the lab once.
     *
     * @return whether every check passed
     * @throws IOException if the network can't be made or removed
     */
    public boolean run() throws IOException {
        CountDownLatch ended = new CountDownLatch(1);
        Thread runner = Thread.currentThread();
        Thread hook = new Thread(
                () -> {
                    interrupted = true;
                    runner.interrupt();
                    awaitUninterruptibly(ended);
                },
                "lab-interrupt");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            return claimAndRun();
        } catch (InterruptedException e) {
            return false;
        } finally {
            ended.countDown();
            forget(hook);
        }
    }

    private static void forget(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // It runs: the process is about to end.
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

    private boolean claimAndRun() throws IOException, InterruptedException {
        long begun = System.nanoTime();
        report.say((config.title().isEmpty() ? config.file().toString() : config.title()) + " (namespaces "
                + config.name() + "-*)");
        try (LabClaim claim = claim()) {
            removeLeftovers(claim);
            Path folder = Files.createTempDirectory("culvert-" + config.name() + "-");
            boolean complete = false;
            try {
                makeNetwork(claim, folder);
                for (LabConfig.Router router : config.routers()) {
                    start(router, folder);
                }
                for (LabConfig.Service service : config.services()) {
                    start(service, folder);
                }
                runChecks(folder);
                complete = true;
            } catch (StepFailed e) {
                failed++;
            } finally {
                removeAll(claim, folder, complete);
            }
            Duration took = Duration.ofNanos(System.nanoTime() - begun);
            report.say(
                    failed == 0
                            ? passed + (passed == 1 ? " check" : " checks") + " passed in " + LabReport.seconds(took)
                            : failed + " failed, " + passed + " passed in " + LabReport.seconds(took) + "; logs are in "
                                    + folder);
            return failed == 0;
        }
    }

    private LabClaim claim() throws IOException, InterruptedException {
        long patience = System.nanoTime() + OTHER_RUN_WITHIN.toNanos();
        boolean said = false;
        while (true) {
            LabClaim claim = LabClaim.tryAcquire(STATE, config.name());
            if (claim != null) {
                return claim;
            }
            if (!said) {
                report.say("  waiting for another run of this lab to end");
                said = true;
            }
            if (System.nanoTime() - patience > 0) {
                throw new IOException("lab " + config.name() + " is being run by another process");
            }
            Thread.sleep(POLL.toMillis());
        }
    }

    private void removeLeftovers(LabClaim claim) throws IOException {
        List<String> removed = new ArrayList<>();
        for (String made : claim.listed()) {
            if (made.startsWith("/")) {
                delete(Path.of(made));
            } else if (LabNetwork.remove(made)) {
                removed.add(made);
            }
        }
        claim.clear();
        if (!removed.isEmpty()) {
            report.say("  removed what an earlier run left behind: " + String.join(", ", removed));
        }
    }

    private void makeNetwork(LabClaim claim, Path folder) throws IOException, StepFailed {
        int links = config.links().size();
        report.begin(count(config.namespaces().size(), "namespace") + ", " + count(links, "link"));
        List<String> others =
                network.namespaces().stream().filter(NetworkNamespace::exists).toList();
        if (!others.isEmpty()) {
            List<String> explanation = new ArrayList<>();
            for (String name : others) {
                explanation.add("network namespace " + name
                        + " exists already, made by somebody else; if it may go: ip netns delete " + name);
            }
            report.failed(explanation);
            throw new StepFailed();
        }
        List<String> made = new ArrayList<>(network.namespaces());
        made.add(folder.toString());
        claim.list(made);
        mayRemove = true;
        try {
            network.create();
        } catch (IOException e) {
            report.failed(List.of(String.valueOf(e.getMessage())));
            throw new StepFailed();
        }
        report.ok("");
    }

    private void runChecks(Path folder) throws IOException, InterruptedException {
        int number = 0;
        for (LabConfig.Check check : config.checks()) {
            number++;
            run(check, folder.resolve("check-" + number + ".log"));
        }
    }

    // ---- routers

    private void start(LabConfig.Router router, Path folder) throws IOException, InterruptedException, StepFailed {
        report.begin("router " + router.name() + " starts");
        Path file = router.file();
        String text = router.text();
        if (file == null) {
            file = Files.writeString(folder.resolve(router.name() + ".conf"), text == null ? "" : text);
        }
        LabProcess process = start(
                router.namespace(), List.of(CULVERT, "run", file.toString()), folder.resolve(router.name() + ".log"));
        routers.add(new Running(router, process));
        long patience = System.nanoTime() + READY_WITHIN.toNanos();
        while (true) {
            boolean alive = process.isAlive();
            Matcher ready = READY.matcher(process.output());
            if (ready.find()) {
                report.ok(ready.group());
                return;
            }
            if (!alive || System.nanoTime() - patience > 0) {
                List<String> explanation = new ArrayList<>();
                explanation.add("expected  it to be ready within " + READY_WITHIN.toSeconds() + " s");
                explanation.add("seen      " + state(process));
                explanation.addAll(tail(process.output()));
                explanation.add("log       " + process.outputFile());
                report.failed(explanation);
                throw new StepFailed();
            }
            Thread.sleep(POLL.toMillis());
        }
    }

    // ---- services

    private void start(LabConfig.Service service, Path folder) throws IOException, InterruptedException {
        report.begin(service.name() + " starts in " + config.kernelName(service.namespace()));
        LabProcess process = start(service.namespace(), service.command(), folder.resolve(service.name() + ".log"));
        services.push(process);
        long patience = System.nanoTime() + READY_WITHIN.toNanos();
        while (service.listens().isPresent()
                && !process.listens(service.listens().getAsInt())) {
            if (!process.isAlive() || System.nanoTime() - patience > 0) {
                List<String> explanation = new ArrayList<>();
                explanation.add("ran       " + String.join(" ", service.command()));
                explanation.add("expected  it to listen at TCP port "
                        + service.listens().getAsInt() + " within " + READY_WITHIN.toSeconds() + " s");
                explanation.add("seen      " + state(process));
                explanation.addAll(tail(process.output()));
                explanation.addAll(routerLogs());
                report.failed(explanation);
                failed++;
                return; // the checks that need it say so by failing
            }
            Thread.sleep(POLL.toMillis());
        }
        report.ok("");
    }

    // ---- checks

    private void run(LabConfig.Check check, Path log) throws IOException, InterruptedException {
        report.begin(check.title());
        LabProcess process = start(check.namespace(), check.command(), log);
        boolean ended = process.endsWithin(check.within());
        if (!ended) {
            process.kill();
        }
        String output = process.output();
        List<String> caught = new ArrayList<>();
        Pattern missing = firstMissing(check.expect(), output, caught);
        if (interrupted) {
            throw new InterruptedException();
        }
        if (ended && process.exitCode() == check.exit() && missing == null) {
            passed++;
            report.ok(fill(check.figure(), caught));
            if (check.show()) {
                report.quote(output);
            }
            return;
        }
        failed++;
        List<String> explanation = new ArrayList<>();
        explanation.add(
                "ran       " + String.join(" ", check.command()) + "   in " + config.kernelName(check.namespace()));
        explanation.add("expected  exit code " + check.exit() + " within " + LabReport.seconds(check.within())
                + (missing == null ? "" : ", and in the output: " + missing));
        explanation.add("seen      "
                + (ended ? "exit code " + process.exitCode() : "no end")
                + (output.isBlank() ? ", and no output" : ", and this output:"));
        explanation.addAll(tail(output));
        explanation.addAll(routerLogs());
        report.failed(explanation);
    }

    /** Looks for each pattern and collects what their groups caught. */
    private static @Nullable Pattern firstMissing(List<Pattern> expect, String output, List<String> caught) {
        for (Pattern pattern : expect) {
            Matcher matcher = pattern.matcher(output);
            if (!matcher.find()) {
                return pattern;
            }
            for (int group = 1; group <= matcher.groupCount(); group++) {
                String text = matcher.group(group);
                caught.add(text == null ? "" : text);
            }
        }
        return null;
    }

    private static String fill(String figure, List<String> caught) {
        return GROUP.matcher(figure)
                .replaceAll(group -> Matcher.quoteReplacement(caught.get(Integer.parseInt(group.group(1)) - 1)));
    }

    // ---- the end

    private void removeAll(LabClaim claim, Path folder, boolean complete) throws IOException {
        // A signal has done its work by getting us here.
        boolean signalled = Thread.interrupted() || interrupted;
        if (signalled) {
            report.say("interrupted");
        }
        report.begin(routers.isEmpty() ? "everything is removed" : "routers stop, everything is removed");
        List<String> problems = new ArrayList<>();
        services.forEach(LabProcess::terminate);
        for (Running router : routers) {
            router.process().terminate();
        }
        for (Running router : routers) {
            awaitEnd(router, problems);
        }
        boolean removed = true;
        for (String name : mayRemove ? network.namespaces() : List.<String>of()) {
            try {
                LabNetwork.remove(name);
            } catch (IOException e) {
                removed = false;
                problems.add("namespace " + name + " can't be removed: " + e.getMessage());
            }
        }
        if (removed) {
            claim.clear();
        }
        if (problems.isEmpty()) {
            report.ok("");
        } else {
            failed++;
            report.failed(problems);
        }
        if (signalled || (complete && failed == 0)) {
            delete(folder);
        }
    }

    private void awaitEnd(Running router, List<String> problems) throws IOException {
        LabProcess process = router.process();
        boolean ended;
        while (true) {
            try {
                ended = process.endsWithin(STOPPED_WITHIN);
                break;
            } catch (InterruptedException e) {
                interrupted = true; // a signal asks for what is being done
            }
        }
        if (!ended) {
            process.kill();
        }
        // Interrupted while the router starts, it may end by the signal itself, before it has made anything.
        boolean fine = ended && (process.exitCode() == 0 || (interrupted && process.exitCode() == ENDED_BY_SIGTERM));
        if (!fine) {
            problems.add("expected  router " + router.config().name() + " to end with exit code 0 within "
                    + STOPPED_WITHIN.toSeconds() + " s");
            problems.add("seen      " + (ended ? "exit code " + process.exitCode() : "no end"));
            problems.addAll(tail(process.output()));
            problems.add("log       " + process.outputFile());
        }
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }

    // ---- words

    private LabProcess start(String namespace, List<String> command, Path output) throws IOException {
        List<String> words = new ArrayList<>();
        if (command.get(0).equals(CULVERT)) {
            words.addAll(culvert);
            words.addAll(command.subList(1, command.size()));
        } else {
            words.addAll(command);
        }
        Path folder = config.file().getParent();
        return LabProcess.start(config.kernelName(namespace), words, folder == null ? Path.of("/") : folder, output);
    }

    private List<String> routerLogs() {
        return routers.stream()
                .map(router -> "log       " + router.process().outputFile() + " of router "
                        + router.config().name()
                        + (router.process().isAlive() ? "" : ", which has ended: " + state(router.process())))
                .toList();
    }

    private static String state(LabProcess process) {
        return process.isAlive() ? "it runs" : "it ended with exit code " + process.exitCode();
    }

    private static List<String> tail(String output) {
        List<String> lines = output.lines().filter(line -> !line.isBlank()).toList();
        return lines.subList(Math.max(0, lines.size() - OUTPUT_LINES), lines.size()).stream()
                .map(line -> "  | " + line)
                .toList();
    }

    private static String count(int number, String thing) {
        return number + " " + thing + (number == 1 ? "" : "s");
    }
}
