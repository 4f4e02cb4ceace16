// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import akka.Done;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.FibView;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.NeighborSignals;
import io.culvert.spi.NeighborView;
import io.culvert.spi.Settings;
import io.culvert.spi.StageDescriptor;
import io.culvert.telemetry.InterfaceCounters;
import io.culvert.telemetry.LaneLedger;
import io.culvert.telemetry.StageCounters;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jctools.queues.atomic.MpscAtomicArrayQueue;
import org.jspecify.annotations.Nullable;

/**
 * What one worker of the router works on: its buffers, queues, counters and view of the tables. Outlives the graph that
 * is materialised over it, so that a new graph goes on with the same accounts.
 *
 * <p>Everything is confined to the thread that runs the lane's graph, but for {@link #inject}, {@link #wake} and reading
 * counters.
 */
public final class Lane {
    /** Frames of the control plane that may wait for a lane. */
    private static final int INJECTION_CAPACITY = 1024;

    /** Packets that may wait to pass through the graph again. */
    private static final int RECIRCULATION_CAPACITY = 1024;

    /** The router's tables, as the control plane publishes them. */
    public interface Tables {
        FibView fib();

        NeighborView neighbors();

        InterfaceTable interfaces();
    }

    /**
     * What all lanes of a router have in common.
     *
     * @param laneCount how many lanes there are
     * @param vectorSize the most packets of a vector
     * @param tables read once per vector
     * @param neighborSignals the slow path of neighbor discovery
     * @param settings each stage's settings at the start
     * @param faultPolicy what an open breaker does, by stage
     * @param shared the objects that stages share over all lanes, by type
     * @param clock monotonic nanoseconds
     * @param faults told of every exception in a stage, on the lane's thread
     */
    public record Environment(
            int laneCount,
            int vectorSize,
            Tables tables,
            NeighborSignals neighborSignals,
            Function<StageDescriptor, Settings> settings,
            Function<StageDescriptor, FaultPolicy> faultPolicy,
            Map<Class<?>, Object> shared,
            LongSupplier clock,
            FaultListener faults) {
        /** The shared object of a type, made when it is first asked for. */
        <T> T shared(Class<T> type, Supplier<T> factory) {
            return type.cast(shared.computeIfAbsent(type, key -> factory.get()));
        }
    }

    /** Hears of what stages do wrong. Called on the lane's thread, but for what {@link StageWatch} tells on its own. */
    @FunctionalInterface
    public interface FaultListener {
        /** The stage, or its factory, has thrown. */
        void stageFailed(int lane, String stage, Throwable cause);

        /** The stage has failed for good as its {@link FaultPolicy#STOP policy} sees it: the router is to end. */
        default void stageEndsRouter(int lane, String stage, Throwable cause) {}

        /** The stage has failed so often that packets are kept from it. Told again after each trial that fails. */
        default void stageLeftAlone(int lane, String stage, StageState now) {}

        /** The stage has the lane's thread for too long. */
        default void stageOverruns(int lane, String stage, Overrun overrun) {}

        /** The lane allocates so much, and it does while it is at this stage. */
        default void stageAllocates(int lane, String stage, long bytesPerSecond) {}

        /** The stage has lost or kept a packet; in the debug mode alone, which tells where it got it. */
        default void stageMisusesBuffers(int lane, String stage, String how) {}
    }

    private static final class InjectedFrame {
        private final int interfaceId;
        private final byte[] bytes;

        InjectedFrame(int interfaceId, byte[] bytes) {
            this.interfaceId = interfaceId;
            this.bytes = bytes;
        }
    }

    private final int number;
    private final Environment environment;
    private final BufferPool pool;
    private final LaneLedger ledger = new LaneLedger();
    private final Map<String, StageCounters> stageCounters = new ConcurrentHashMap<>();
    private final Map<Integer, InterfaceCounters> interfaceCounters = new ConcurrentHashMap<>();
    private final ArrayDeque<PacketVector> freeVectors = new ArrayDeque<>();
    private final MpscAtomicArrayQueue<InjectedFrame> injected = new MpscAtomicArrayQueue<>(INJECTION_CAPACITY);
    private final PacketBuffer[] recirculated = new PacketBuffer[RECIRCULATION_CAPACITY];
    private final int[] recirculatedTo = new int[RECIRCULATION_CAPACITY];
    private int recirculatedHead;
    private int recirculatedCount;
    private final AtomicReference<@Nullable Runnable> waker = new AtomicReference<>();
    private BooleanSupplier wait = () -> false;
    private AtomicInteger callsUnderWay = new AtomicInteger();
    private final Map<String, Map<Class<?>, Object>> kept = new HashMap<>();
    private final LaneTimers timers;
    private final LaneActivity activity = new LaneActivity();
    private boolean timed;
    private @Nullable BufferDebug debug;
    private int kernelEntry = -1;
    private long now;
    private Function<StageDescriptor, Settings> settings;
    private volatile @Nullable RouterGraph graph;
    private final Map<String, StageState> states = new ConcurrentHashMap<>();
    private int runningStages;
    private int stagesMade;
    private CompletableFuture<Done> gone = new CompletableFuture<>();

    /**
     * @param number from 0
     * @param pool the lane's buffers
     */
    public Lane(int number, BufferPool pool, Environment environment) {
        this.number = number;
        this.pool = pool;
        this.environment = environment;
        this.settings = environment.settings();
        this.now = environment.clock().getAsLong();
        this.timers = new LaneTimers(environment.clock());
    }

    public int number() {
        return number;
    }

    public LaneLedger ledger() {
        return ledger;
    }

    /** Packets of the lane's pool that are in use; for accounting at rest. */
    public int buffersOutstanding() {
        return pool.outstanding();
    }

    /** Counts of every stage that has run in this lane. */
    public List<StageCounters> stageCounters() {
        return List.copyOf(stageCounters.values());
    }

    /** Counts of an interface in this lane. */
    public InterfaceCounters interfaceCounters(int interfaceId) {
        return interfaceCounters.computeIfAbsent(interfaceId, id -> new InterfaceCounters());
    }

    /**
     * Hands in a complete frame of the control plane, to be sent out of an interface. Any thread.
     *
     * @return false when too many wait already
     */
    public boolean inject(int interfaceId, byte[] frame) {
        boolean taken = injected.offer(new InjectedFrame(interfaceId, frame));
        wake();
        return taken;
    }

    /** Has the lane look for work soon. Any thread. */
    public void wake() {
        Runnable wake = waker.get();
        if (wake != null) {
            wake.run();
        }
    }

    /**
     * How to wait on the lane's thread for its devices while nothing else wants the thread; answers false when something
     * does. The thread keeps {@link #timers}. Before the lane runs.
     */
    void waitBy(BooleanSupplier wait) {
        this.wait = wait;
        timed = true;
    }

    /** Has the lane remember where stages use packets, to tell it of those that are misused. Before the lane runs. */
    public void debugBuffers() {
        debug = new BufferDebug(pool, (stage, how) -> environment.faults().stageMisusesBuffers(number, stage, how));
    }

    @Nullable
    BufferDebug debug() {
        return debug;
    }

    LaneTimers timers() {
        return timers;
    }

    LaneActivity activity() {
        return activity;
    }

    /** Whether the lane's thread keeps the timers: a graph that runs elsewhere has Akka's, which are coarser. */
    boolean keepsTimers() {
        return timed;
    }

    boolean awaitDevices() {
        return wait.getAsBoolean();
    }

    void setWaker(@Nullable Runnable wake) {
        waker.set(wake);
    }

    Environment environment() {
        return environment;
    }

    BufferPool pool() {
        return pool;
    }

    /** A number that no other stage of the lane has, be it of a graph before. */
    int numberStage() {
        return stagesMade++;
    }

    /** Calls that have been made into the graph that was announced last, and not come there yet. */
    AtomicInteger callsUnderWay() {
        return callsUnderWay;
    }

    /** Has the stages that are made from now on use these settings. Between two graphs. */
    void use(Function<StageDescriptor, Settings> inForce) {
        settings = inForce;
    }

    Settings settings(StageDescriptor stage) {
        return settings.apply(stage);
    }

    void report(String stage, StageState state) {
        states.put(stage, state);
        if (state != StageState.RUNNING) {
            environment.faults().stageLeftAlone(number, stage, state);
        }
    }

    /** How a stage does that is in the lane's graph. Any thread. */
    public StageState state(String stage) {
        return states.getOrDefault(stage, StageState.RUNNING);
    }

    void announce(@Nullable RouterGraph nowRunning) {
        graph = nowRunning;
    }

    /** The graph that the lane runs, or null while it runs none. Any thread. */
    public @Nullable RouterGraph graph() {
        return graph;
    }

    StageCounters countersOf(StageDescriptor stage) {
        return stageCounters.computeIfAbsent(
                stage.id(), id -> new StageCounters(stage, List.of(GraphDrop.values()), List.of(GraphCount.values())));
    }

    /** The object of a type that a stage keeps in this lane over all its instances. */
    <T> T kept(String stage, Class<T> type, Supplier<T> factory) {
        return type.cast(
                kept.computeIfAbsent(stage, id -> new HashMap<>()).computeIfAbsent(type, key -> factory.get()));
    }

    /** The entry for packets that go to the kernel, or -1 when the graph has none. */
    int kernelEntry() {
        return kernelEntry;
    }

    void setKernelEntry(int entry) {
        kernelEntry = entry;
    }

    /** The time as of the vector at hand. */
    long now() {
        return now;
    }

    void readClock() {
        now = environment.clock().getAsLong();
    }

    /** An empty vector, whose user gives it back by {@link #recycle}. */
    PacketVector takeVector() {
        PacketVector vector = freeVectors.pollLast();
        return vector != null ? vector : new PacketVector(environment.vectorSize());
    }

    void recycle(PacketVector vector) {
        vector.clear();
        freeVectors.addLast(vector);
    }

    /** Queues a packet to enter the graph again; false when the queue is full. */
    boolean recirculate(PacketBuffer packet, int entry) {
        if (recirculatedCount == RECIRCULATION_CAPACITY) {
            return false;
        }
        int tail = (recirculatedHead + recirculatedCount) % RECIRCULATION_CAPACITY;
        recirculated[tail] = packet;
        recirculatedTo[tail] = entry;
        recirculatedCount++;
        if (recirculatedCount == 1) {
            wake();
        }
        return true;
    }

    boolean hasRecirculated() {
        return recirculatedCount != 0;
    }

    /** The entry that the packet which waits longest shall enter at. */
    int recirculatedEntry() {
        return recirculatedTo[recirculatedHead];
    }

    PacketBuffer takeRecirculated() {
        PacketBuffer packet = recirculated[recirculatedHead];
        recirculatedHead = (recirculatedHead + 1) % RECIRCULATION_CAPACITY;
        recirculatedCount--;
        return packet;
    }

    boolean hasInjected() {
        return !injected.isEmpty();
    }

    /**
     * Moves injected frames into packets, as many as the vector and the pool hold. Frames that find no buffer are counted
     * and lost.
     */
    void takeInjected(PacketVector into, StageCounters counters) {
        while (!into.isFull()) {
            InjectedFrame frame = injected.poll();
            if (frame == null) {
                return;
            }
            ledger.add(LaneLedger.Entry.GENERATED, 1);
            PacketBuffer packet = pool.take();
            if (packet == null) {
                ledger.add(LaneLedger.Entry.DROPPED, 1);
                counters.dropCommon(GraphDrop.POOL_EXHAUSTED, 1);
                continue;
            }
            packet.setWindow(PacketBuffer.HEADROOM, frame.bytes.length);
            packet.copyFrom(frame.bytes, 0, packet.start(), frame.bytes.length);
            packet.setL2Offset(packet.start());
            packet.setTransmitInterface(frame.interfaceId);
            packet.setGenerated(true);
            packet.setState(PacketBuffer.State.DECIDED);
            into.add(packet);
        }
    }

    /**
     * Announces a graph of so many stages about to run over this lane.
     *
     * @return completes, on the graph's thread, when the last of them has stopped and their packets are back
     */
    CompletionStage<Done> begin(int stages) {
        runningStages = stages;
        callsUnderWay = new AtomicInteger();
        CompletableFuture<Done> ended = new CompletableFuture<>();
        gone = ended;
        return ended;
    }

    /** One stage of the graph has stopped; behind the last one, whatever the graph left behind is taken back. */
    void stageStopped() {
        runningStages--;
        if (runningStages == 0) {
            recirculatedCount = 0;
            int left = pool.reclaim();
            ledger.add(LaneLedger.Entry.DROPPED, left);
            countersOf(LaneSource.DESCRIPTOR).dropCommon(GraphDrop.LANE_STOPPED, left);
            gone.complete(Done.getInstance());
        }
    }
}
