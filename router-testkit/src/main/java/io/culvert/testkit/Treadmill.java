// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import akka.actor.typed.ActorSystem;
import akka.actor.typed.javadsl.Behaviors;
import akka.stream.Materializer;
import com.typesafe.config.ConfigFactory;
import io.culvert.config.StageSettings;
import io.culvert.ffi.EventFd;
import io.culvert.ffi.NativeException;
import io.culvert.ffi.NativeMemory;
import io.culvert.fib.Fib;
import io.culvert.graph.BuiltInStages;
import io.culvert.graph.FaultPolicy;
import io.culvert.graph.Lane;
import io.culvert.graph.LaneDispatcher;
import io.culvert.graph.RouterGraph;
import io.culvert.iface.EventLoop;
import io.culvert.neighbor.NeighborState;
import io.culvert.neighbor.NeighborTable;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.FibView;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.NeighborView;
import io.culvert.spi.NextHop;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.TransmitQueue;
import io.culvert.telemetry.LaneLedger;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * One lane of a router, all stages included, between two devices that cost next to nothing: one never runs dry of packets
 * of 64 flows, the other takes all it gets. Shows what the router itself takes for a packet, in time, in memory, in copies
 * and in waiting.
 *
 * <pre>{@code
 * try (Treadmill treadmill = Treadmill.start(Treadmill.Traffic.TUN4)) {
 *     treadmill.forward(1_000_000);
 * }
 * }</pre>
 *
 * <p>Driven by one thread; the lane runs on another.
 */
public final class Treadmill implements AutoCloseable {
    /** What is forwarded: UDP datagrams of 18 bytes, between two links of a kind. */
    public enum Traffic {
        /** IPv4 without link headers, as between two tuns. */
        TUN4(false, false),
        /** IPv6 without link headers. */
        TUN6(false, true),
        /** IPv4 in Ethernet frames. */
        ETHERNET4(true, false),
        /** IPv6 in Ethernet frames. */
        ETHERNET6(true, true);

        private final boolean ethernet;
        private final boolean ip6;

        Traffic(boolean ethernet, boolean ip6) {
            this.ethernet = ethernet;
            this.ip6 = ip6;
        }

        /** The packet of a flow, by its number from 0, as it comes from the sender's link. */
        public byte[] packet(int flow) {
            PacketBuilder packet = ethernet ? Packets.ethernet(SENDER_MAC, ROUTER_MAC) : new PacketBuilder();
            packet = ip6
                    ? packet.ip6().from("fd00::2").to("fd00:9::" + Integer.toHexString(flow + 1))
                    : packet.ip4().from("10.0.0.2").to("10.9.0." + (flow + 1));
            return packet.udp(1000 + flow, 2000).payload(18).bytes();
        }
    }

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String SENDER_MAC = "02:aa:00:00:00:01";
    private static final String ROUTER_MAC = "02:00:00:00:00:00";
    private static final long NEXT_ROUTER_MAC = 0x02aa_0000_0002L;
    private static final int FLOWS = 64;
    private static final int VECTOR_PACKETS = 64;
    /** A lane sends one vector before it reads the next: room for two is enough, and shows that it is so. */
    private static final int BUFFERS = 2 * VECTOR_PACKETS;

    /** Of each packet what routers do not change: UDP header and payload. */
    private static final int UDP_BYTES = 8 + 18;

    private static final int NEIGHBORS = 16;
    private static final int LONGEST_PACKET = 2048;
    private static final int IN = 0;
    private static final int OUT = 1;

    private final ActorSystem<Void> system =
            ActorSystem.create(Behaviors.empty(), "treadmill", ConfigFactory.defaultReference());
    private final EventLoop loop;
    private final Supply supply;
    private final Sink sink;
    private final Lane lane;
    private final RouterGraph.Running running;
    private volatile @Nullable String fault;
    private long wanted;

    private Treadmill(Traffic traffic, List<StageDescriptor> stages) {
        try {
            loop = new EventLoop();
            supply = new Supply(traffic, loop);
            sink = new Sink(supply);
        } catch (NativeException noDescriptors) {
            throw new IllegalStateException(noDescriptors);
        }
        lane = new Lane(
                0,
                nativeBuffers(),
                new Lane.Environment(
                        1,
                        VECTOR_PACKETS,
                        tables(traffic),
                        new StageHarness.RecordedSignals(),
                        StageSettings::defaults,
                        stage -> FaultPolicy.DROP,
                        new ConcurrentHashMap<>(),
                        System::nanoTime,
                        (number, stage, cause) -> fault = stage + ": " + cause));
        running = new RouterGraph(stages)
                .run(
                        lane,
                        List.of(supply),
                        List.of(sink),
                        (id, cause) -> fault = cause.toString(),
                        LaneDispatcher.register(system, lane, loop),
                        Materializer.createMaterializer(system));
    }

    /** Of memory that has an address, as that of devices has. */
    private static BufferPool nativeBuffers() {
        ByteBuffer memory = NativeMemory.allocate(BUFFERS * BufferPool.BUFFER_BYTES);
        return new BufferPool(memory, NativeMemory.address(memory));
    }

    /** A router of the built-in stages, idle. */
    public static Treadmill start(Traffic traffic) {
        return new Treadmill(traffic, BuiltInStages.all());
    }

    /** The same with further stages. */
    public static Treadmill start(Traffic traffic, List<StageDescriptor> extraStages) {
        List<StageDescriptor> stages = new ArrayList<>(BuiltInStages.all());
        stages.addAll(extraStages);
        return new Treadmill(traffic, stages);
    }

    /** The tables of a router that forwards this traffic from interface 0, fd00::1 and 10.0.0.1, to interface 1. */
    public static Lane.Tables tables(Traffic traffic) {
        return new Tables(traffic);
    }

    /**
     * Forwards so many packets and waits until the last has left.
     *
     * @throws AssertionError when some do not leave
     */
    public void forward(long packets) {
        wanted += packets;
        sink.wake(wanted, Thread.currentThread());
        supply.allow(wanted);
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (sink.taken < wanted) {
            LockSupport.parkNanos(this, PATIENCE.toNanos());
            if (fault != null || System.nanoTime() > deadline) {
                throw new AssertionError(sink.taken + " of " + wanted + " packets have left; " + fault + "; "
                        + lane.ledger() + lane.stageCounters());
            }
        }
    }

    /** Bytes of the packet that left last; while nothing is being forwarded. */
    public byte[] lastSent() {
        return Arrays.copyOf(sink.last, sink.lastLength);
    }

    /** From now on looks where the bytes of packets are, for {@link #copied}; while nothing is being forwarded. */
    public void watchMemory() {
        supply.origins = new Origins();
    }

    /**
     * How many packets since {@link #watchMemory} have left with a payload at another address of memory than that at which
     * the receiving device put it, or with another one; while nothing is being forwarded.
     */
    public long copied() {
        Origins origins = supply.origins;
        if (origins == null) {
            throw new IllegalStateException("nobody has watched");
        }
        return origins.copied;
    }

    /** How often the lane has asked the receiving device to wake it, as it does before it waits. */
    public long arms() {
        return supply.arms.get();
    }

    public LaneLedger ledger() {
        return lane.ledger();
    }

    @Override
    public void close() {
        running.stop();
        running.ended().toCompletableFuture().join();
        system.terminate();
        system.getWhenTerminated().toCompletableFuture().join();
        supply.close();
        loop.close();
    }

    /** Has packets as long as it is allowed to; as a device does, it has a descriptor that is readable when there are more. */
    private static final class Supply implements ReceiveQueue {
        private final byte[][] packets = new byte[FLOWS][];
        private final boolean ethernet;
        private final AtomicLong arms = new AtomicLong();
        private @Nullable Origins origins;
        private volatile long allowed;
        private long given;
        private int flow;
        private final EventFd readable = EventFd.create();
        private final EventLoop.Watch watch;

        Supply(Traffic traffic, EventLoop loop) throws NativeException {
            watch = loop.watch(readable.fd());
            ethernet = traffic.ethernet;
            for (int i = 0; i < FLOWS; i++) {
                packets[i] = traffic.packet(i);
            }
        }

        void allow(long packetsInAll) {
            allowed = packetsInAll;
            readable.signal();
        }

        void close() {
            watch.close();
            readable.close();
        }

        @Override
        public int interfaceId() {
            return IN;
        }

        @Override
        public int receive(PacketVector into, BufferPool pool) {
            if (allowed == given) {
                readable.drain();
            }
            int received = 0;
            long left = allowed - given;
            while (received < left && !into.isFull()) {
                PacketBuffer packet = pool.take();
                if (packet == null) {
                    break;
                }
                byte[] bytes = packets[flow];
                flow = (flow + 1) % FLOWS;
                packet.setWindow(PacketBuffer.HEADROOM, bytes.length);
                packet.copyFrom(bytes, 0, packet.start(), bytes.length);
                packet.setReceiveInterface(IN);
                if (ethernet) {
                    packet.setL2Offset(packet.start());
                } else {
                    packet.setL3Offset(packet.start());
                }
                if (origins != null) {
                    origins.put(packet, bytes);
                }
                into.add(packet);
                received++;
            }
            given += received;
            return received;
        }

        @Override
        public void arm(Runnable wake) {
            arms.incrementAndGet();
            watch.arm(wake);
        }
    }

    /** Where the bytes of packets on their way have been put. The lane keeps their order, so that the first in is the first out. */
    private static final class Origins {
        private final long[] addresses = new long[BUFFERS];
        private final byte[][] payloads = new byte[BUFFERS][];
        private int oldest;
        private int underWay;
        private long copied;

        void put(PacketBuffer packet, byte[] bytes) {
            int at = (oldest + underWay++) % BUFFERS;
            addresses[at] = packet.address() + packet.end();
            payloads[at] = Arrays.copyOfRange(bytes, bytes.length - UDP_BYTES, bytes.length);
        }

        void take(PacketBuffer packet) {
            byte[] payload = new byte[UDP_BYTES];
            packet.bytes().get(packet.end() - UDP_BYTES, payload);
            boolean inPlace = packet.address() + packet.end() == addresses[oldest];
            copied += inPlace && Arrays.equals(payload, payloads[oldest]) ? 0 : 1;
            oldest = (oldest + 1) % BUFFERS;
            underWay--;
        }
    }

    /** Counts packets, and wakes who waits for the last. */
    private static final class Sink implements TransmitQueue {
        private final Supply supply;
        private volatile long taken;
        private volatile long wakeAt;
        private volatile @Nullable Thread waiting;
        private final byte[] last = new byte[LONGEST_PACKET];
        private int lastLength;

        Sink(Supply supply) {
            this.supply = supply;
        }

        void wake(long atPackets, Thread thread) {
            waiting = thread;
            wakeAt = atPackets;
        }

        @Override
        public int interfaceId() {
            return OUT;
        }

        @Override
        public int transmit(PacketVector sent, int from) {
            int accepted = sent.size() - from;
            Origins origins = supply.origins;
            for (int i = from; origins != null && i < sent.size(); i++) {
                origins.take(sent.get(i));
            }
            long now = taken + accepted;
            if (now == wakeAt) {
                PacketBuffer packet = sent.get(sent.size() - 1);
                lastLength = packet.length();
                packet.bytes().get(packet.start(), last, 0, lastLength);
            }
            taken = now;
            if (now == wakeAt) {
                LockSupport.unpark(waiting);
            }
            return accepted;
        }

        @Override
        public Refusal refusal() {
            throw new IllegalStateException("nothing is refused");
        }
    }

    private static final class Tables implements Lane.Tables {
        private final Fib fib = new Fib();
        private final NeighborTable neighbors = new NeighborTable(NEIGHBORS, 1);
        private final InterfaceTable interfaces;

        Tables(Traffic traffic) {
            InterfaceBuilder in = traffic.ethernet ? InterfaceBuilder.ethernet(IN) : InterfaceBuilder.pointToPoint(IN);
            InterfaceBuilder out =
                    traffic.ethernet ? InterfaceBuilder.ethernet(OUT) : InterfaceBuilder.pointToPoint(OUT);
            interfaces = new InterfaceTable(List.of(
                    in.address("10.0.0.1/24").address("fd00::1/64").build(),
                    out.address("10.0.1.1/24").address("fd00:1::1/64").build()));
            route("10.0.0.0/24", FibAction.FORWARD, IN, null);
            route("10.0.0.1/32", FibAction.LOCAL, IN, null);
            route("fd00::/64", FibAction.FORWARD, IN, null);
            route("fd00::1/128", FibAction.LOCAL, IN, null);
            route("10.9.0.0/16", FibAction.FORWARD, OUT, traffic.ethernet ? "10.0.1.2" : null);
            route("fd00:9::/48", FibAction.FORWARD, OUT, traffic.ethernet ? "fd00:1::2" : null);
            for (String nextRouter : List.of("10.0.1.2", "fd00:1::2")) {
                neighbors.resolve(
                        neighbors.add(OUT, IpAddress.parse(nextRouter), 0),
                        NeighborState.REACHABLE,
                        NEXT_ROUTER_MAC,
                        0);
            }
        }

        private void route(String prefix, FibAction action, int interfaceId, @Nullable String gateway) {
            IpAddress via = gateway == null ? null : IpAddress.parse(gateway);
            IpPrefix parsed = IpPrefix.parse(prefix);
            NextHop hop = new NextHop(interfaceId, via, null);
            fib.put(0, parsed, new FibEntry(parsed.length(), action, List.of(hop)));
        }

        @Override
        public FibView fib() {
            return fib;
        }

        @Override
        public NeighborView neighbors() {
            return neighbors;
        }

        @Override
        public InterfaceTable interfaces() {
            return interfaces;
        }
    }
}
