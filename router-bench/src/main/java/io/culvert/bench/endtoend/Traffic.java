// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import io.culvert.lab.LabProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** Sends traffic through a bed, from side A to side B, and tells what came of it. Used by one thread. */
final class Traffic {
    private static final Duration GRACE = Duration.ofSeconds(10);
    private static final double BITS_PER_GIGABIT = 1e9;
    private static final double BYTES_PER_GIGABYTE = 1e9;
    private static final double PACKETS_PER_KILO = 1e3;
    /** Long enough for every thread to sleep again. */
    private static final double IDLE_INTERVAL_SECONDS = 0.005;

    /** Long enough for the processor's caches to be cold, and for a virtual one to be given away. */
    private static final double RESTED_INTERVAL_SECONDS = 0.02;

    private static final long POLL_MS = 5;
    private static final int SMALL = 18;
    private static final int MIDDLING = 512;
    private static final int LARGE = 1400;

    private final Path udpgen;
    private final Plan plan;

    /**
     * @param udpgen the program
     * @param plan tells how long each measurement lasts
     */
    Traffic(Path udpgen, Plan plan) {
        this.udpgen = udpgen;
        this.plan = plan;
    }

    /** A value and what it is about. */
    record Value(Quantity quantity, double value) {}

    /** Measures once; the first of the figures is the one to show. */
    List<Value> measure(Measure measure, TestBed bed) throws IOException, InterruptedException {
        String ip4 = Side.B.hostIp4();
        String ip6 = Side.B.hostIp6();
        int time = plan.seconds(measure);
        return switch (measure) {
            case TCP_1 -> tcpWithCpu(bed, time);
            case TCP_8 -> List.of(new Value(Quantity.TCP_8, gigabits(tcp(bed, ip4, 8, time))));
            case TCP_1_IP6 -> List.of(new Value(Quantity.TCP_1_IP6, gigabits(tcp(bed, ip6, 1, time))));
            case TCP_8_IP6 -> List.of(new Value(Quantity.TCP_8_IP6, gigabits(tcp(bed, ip6, 8, time))));
            case UDP_18 -> List.of(udp(Quantity.UDP_18, flood(bed, ip4, SMALL, time)));
            case UDP_512 -> List.of(udp(Quantity.UDP_512, flood(bed, ip4, MIDDLING, time)));
            case UDP_1400 -> List.of(udp(Quantity.UDP_1400, flood(bed, ip4, LARGE, time)));
            case UDP_18_SPREAD -> List.of(udp(Quantity.UDP_18_SPREAD, spread(bed, SMALL, time)));
            case UDP_18_IP6 -> List.of(udp(Quantity.UDP_18_IP6, flood(bed, ip6, SMALL, time)));
            case UDP_512_IP6 -> List.of(udp(Quantity.UDP_512_IP6, flood(bed, ip6, MIDDLING, time)));
            case UDP_1400_IP6 -> List.of(udp(Quantity.UDP_1400_IP6, flood(bed, ip6, LARGE, time)));
            case RTT_IDLE ->
                roundTrips(bed, ip4, IDLE_INTERVAL_SECONDS, Quantity.RTT_IDLE_MEDIAN, Quantity.RTT_IDLE_P99);
            case RTT_IDLE_IP6 ->
                roundTrips(bed, ip6, IDLE_INTERVAL_SECONDS, Quantity.RTT_IDLE_IP6_MEDIAN, Quantity.RTT_IDLE_IP6_P99);
            case RTT_RESTED ->
                roundTrips(bed, ip4, RESTED_INTERVAL_SECONDS, Quantity.RTT_RESTED_MEDIAN, Quantity.RTT_RESTED_P99);
            case RTT_LOADED -> loadedRoundTrips(bed, ip4, Quantity.RTT_LOADED_MEDIAN, Quantity.RTT_LOADED_P99);
            case RTT_LOADED_IP6 ->
                loadedRoundTrips(bed, ip6, Quantity.RTT_LOADED_IP6_MEDIAN, Quantity.RTT_LOADED_IP6_P99);
        };
    }

    private List<Value> tcpWithCpu(TestBed bed, int time) throws IOException, InterruptedException {
        OptionalLong pid = bed.forwarderPid();
        double machineBefore = CpuTimes.ofMachine();
        double processBefore = pid.isPresent() ? CpuTimes.ofProcess(pid.getAsLong()) : 0;
        IperfReport report = tcp(bed, Side.B.hostIp4(), 1, time);
        double gigabytes = report.bytes() / BYTES_PER_GIGABYTE;
        List<Value> values = new ArrayList<>();
        values.add(new Value(Quantity.TCP_1, gigabits(report)));
        values.add(new Value(Quantity.TCP_1_SYSTEM_CPU, (CpuTimes.ofMachine() - machineBefore) / gigabytes));
        if (pid.isPresent()) {
            double used = CpuTimes.ofProcess(pid.getAsLong()) - processBefore;
            values.add(new Value(Quantity.TCP_1_PROCESS_CPU, used / gigabytes));
        }
        return values;
    }

    private static double gigabits(IperfReport report) {
        return report.bitsPerSecond() / BITS_PER_GIGABIT;
    }

    /** TCP to an address of side B, for a time. */
    IperfReport tcp(TestBed bed, String address, int streams, int time) throws IOException, InterruptedException {
        return IperfReport.parse(finish(startTcp(bed, address, streams, time), time));
    }

    private static LabProcess startTcp(TestBed bed, String address, int streams, int time) throws IOException {
        return bed.start(
                Side.A,
                "iperf-client",
                List.of(
                        "iperf3",
                        "--client",
                        address,
                        "--time",
                        Integer.toString(time),
                        "--parallel",
                        Integer.toString(streams),
                        "--json"));
    }

    private static Value udp(Quantity quantity, UdpCount arrived) {
        return new Value(quantity, arrived.packetsPerSecond() / PACKETS_PER_KILO);
    }

    /** UDP packets of one flow as fast as they go, for a time: those that arrived. */
    UdpCount flood(TestBed bed, String address, int bytes, int time) throws IOException, InterruptedException {
        return flood(bed, List.of("send", address), bytes, time);
    }

    /** The same, to many addresses in turn. */
    UdpCount spread(TestBed bed, int bytes, int time) throws IOException, InterruptedException {
        return flood(bed, List.of("spread", RouteFiles.SPREAD.toString()), bytes, time);
    }

    private UdpCount flood(TestBed bed, List<String> where, int bytes, int time)
            throws IOException, InterruptedException {
        LabProcess receiver = bed.start(
                Side.B,
                "udp-receiver",
                List.of(udpgen.toString(), "receive", Long.toString(time + GRACE.toSeconds() / 2)));
        awaitReady(receiver);
        List<String> command = new ArrayList<>(List.of(udpgen.toString()));
        command.addAll(where);
        command.addAll(List.of(Integer.toString(bytes), Integer.toString(time)));
        LabProcess sender = bed.start(Side.A, "udp-sender", command);
        finish(sender, time);
        return UdpCount.parse(finish(receiver, time));
    }

    /** Waits until a program that says so is ready. */
    static void awaitReady(LabProcess process) throws IOException, InterruptedException {
        long patience = System.nanoTime() + GRACE.toNanos();
        while (!process.output().startsWith("ready")) {
            if (!process.isAlive() || System.nanoTime() - patience > 0) {
                throw new IOException(
                        "a program did not become ready: " + process.output().strip());
            }
            Thread.sleep(POLL_MS);
        }
    }

    private List<Value> roundTrips(TestBed bed, String address, double interval, Quantity median, Quantity p99)
            throws IOException, InterruptedException {
        LabProcess ping = bed.start(
                Side.A,
                "ping",
                List.of(
                        "ping",
                        "-n",
                        "-i",
                        Double.toString(interval),
                        "-c",
                        Long.toString(Math.round(plan.seconds() / interval)),
                        "-W",
                        "1",
                        address));
        List<Double> replies = PingReplies.micros(finish(ping, plan.seconds()));
        if (replies.isEmpty()) {
            throw new IOException("no ping was answered");
        }
        Series times = new Series(replies);
        return List.of(new Value(median, times.median()), new Value(p99, times.percentile(99)));
    }

    private List<Value> loadedRoundTrips(TestBed bed, String address, Quantity median, Quantity p99)
            throws IOException, InterruptedException {
        int longer = plan.seconds() + 1;
        LabProcess load = startTcp(bed, address, 1, longer);
        List<Value> values = roundTrips(bed, address, RESTED_INTERVAL_SECONDS, median, p99);
        IperfReport.parse(finish(load, longer));
        return values;
    }

    /** Waits for the end of a program that should take so long, and answers its output. */
    private static String finish(LabProcess process, int time) throws IOException, InterruptedException {
        if (!process.endsWithin(GRACE.plusSeconds(time))) {
            process.kill();
            throw new IOException(
                    "a program did not end in time: " + process.output().strip());
        }
        return process.output();
    }
}
