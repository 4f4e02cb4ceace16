// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import io.culvert.config.StageSettings;
import io.culvert.graph.BuiltInStages;
import io.culvert.graph.Lane;
import io.culvert.graph.RouterGraph;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.FibView;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.NeighborSignals;
import io.culvert.spi.NeighborView;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.Settings;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.ObjIntConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One stage and a vector of 64 packets as they are when they come to it: every packet has gone through the stages before
 * it. The packets come from a pool and go back to it, as in a lane, which holds, chains and the like rely on. Otherwise
 * there is next to nothing around the stage; what sending costs in a lane, the whole router's benchmark shows.
 */
final class StageAlone implements StageContext, StageSetup {
    static final int PACKETS = 64;

    private static final long SECOND_NANOS = 1_000_000_000L;
    private static final int BUFFERS = 4 * PACKETS;

    private final BufferPool pool = BufferPool.allocate(BUFFERS);
    private final Lane.Tables tables;
    private final PacketVector vector = new PacketVector(PACKETS);
    private final PacketBuffer[] asTheyCome = new PacketBuffer[PACKETS];
    private final PacketBuffer[] originated = new PacketBuffer[BUFFERS];
    private final Map<Class<?>, Object> shared = new HashMap<>();
    private final PacketStage stage;
    private StageDescriptor descriptor;
    private int originatedCount;
    private int decided;
    private @Nullable OutPort sentTo;
    private long now;
    private long counted;

    /**
     * @param id the stage
     * @param arrivals makes of an empty packet the one of a number from 0, as a device receives it
     */
    StageAlone(String id, Lane.Tables tables, ObjIntConsumer<PacketBuffer> arrivals) {
        this.tables = tables;
        for (int i = 0; i < PACKETS; i++) {
            PacketBuffer packet = Objects.requireNonNull(pool.take());
            arrivals.accept(packet, i);
            vector.add(packet);
        }
        RouterGraph graph = new RouterGraph(BuiltInStages.all());
        Map<String, StageDescriptor> stages = new HashMap<>();
        Map<String, Map<OutPort, String>> edges = new HashMap<>();
        graph.forEachStage((one, outputs) -> {
            stages.put(one.id(), one);
            edges.put(one.id(), outputs);
        });
        descriptor = Objects.requireNonNull(graph.arcs().get(Arc.DEVICE_INPUT)).get(0);
        while (!descriptor.id().equals(id)) {
            sentTo = null;
            run(descriptor.create(this));
            String next = sentTo == null
                    ? null
                    : Objects.requireNonNull(edges.get(descriptor.id())).get(sentTo);
            if (next == null) {
                throw new IllegalArgumentException("the packets end at " + descriptor.id() + ", before " + id);
            }
            descriptor = Objects.requireNonNull(stages.get(next));
            for (int i = 0; i < PACKETS; i++) {
                vector.get(i).setState(PacketBuffer.State.PENDING);
            }
        }
        for (int i = 0; i < PACKETS; i++) {
            PacketBuffer copy = Objects.requireNonNull(pool.take());
            copy.copyOf(vector.get(i));
            asTheyCome[i] = copy;
        }
        releaseVector();
        stage = descriptor.create(this);
    }

    /** Makes the packets and gives them back: what {@link #process} does besides the stage. */
    long makePackets() {
        takeVector();
        releaseVector();
        return counted;
    }

    /** Runs the stage on such packets; a second passes, so that no rate limit is reached. */
    long process() {
        now += SECOND_NANOS;
        takeVector();
        run(stage);
        for (int i = 0; i < originatedCount; i++) {
            pool.release(originated[i]);
        }
        originatedCount = 0;
        releaseVector();
        return counted;
    }

    /** How many packets are out of the pool between two runs; more than {@value #PACKETS} if the stage keeps some. */
    int outstanding() {
        return pool.outstanding();
    }

    private void takeVector() {
        for (int i = 0; i < PACKETS; i++) {
            PacketBuffer packet = Objects.requireNonNull(pool.take());
            packet.copyOf(asTheyCome[i]);
            vector.add(packet);
        }
    }

    private void run(PacketStage one) {
        decided = 0;
        one.process(vector, this);
        if (decided != PACKETS + originatedCount) {
            throw new IllegalStateException(descriptor.id() + " decided " + decided + " packets of " + PACKETS + " and "
                    + originatedCount + " of its own");
        }
    }

    private void releaseVector() {
        for (int i = 0; i < PACKETS; i++) {
            PacketBuffer packet = vector.get(i);
            if (packet.state() != PacketBuffer.State.CHAINED && packet.state() != PacketBuffer.State.FREE) {
                pool.release(packet); // with those behind it
            }
        }
        vector.clear();
    }

    private void decide(PacketBuffer packet) {
        if (packet.state() == PacketBuffer.State.PENDING) {
            decided++;
        }
        packet.setState(PacketBuffer.State.DECIDED);
    }

    // --- StageContext

    @Override
    public void send(PacketBuffer packet, OutPort out) {
        decide(packet);
        sentTo = out;
    }

    @Override
    public void sendAll(PacketVector packets, OutPort out) {
        for (int i = 0; i < packets.size(); i++) {
            packets.get(i).setState(PacketBuffer.State.DECIDED);
        }
        decided = packets.size();
        sentTo = out;
    }

    @Override
    public void drop(PacketBuffer packet, DropReason reason) {
        throw new IllegalStateException(descriptor.id() + " drops for " + reason.id());
    }

    @Override
    public void consume(PacketBuffer packet) {
        decide(packet);
        counted++;
    }

    @Override
    public void hold(PacketBuffer packet) {
        decide(packet);
    }

    @Override
    public void chain(PacketBuffer head, PacketBuffer follower) {
        decide(follower);
        head.append(follower);
    }

    @Override
    public @Nullable PacketBuffer originate() {
        PacketBuffer packet = pool.take();
        if (packet != null) {
            originated[originatedCount++] = packet;
        }
        return packet;
    }

    @Override
    public @Nullable PacketBuffer copy(PacketBuffer packet) {
        PacketBuffer copy = originate();
        if (copy != null) {
            copy.copyOf(packet);
        }
        return copy;
    }

    @Override
    public void defer(PacketBuffer packet, long delayNanos) {
        decide(packet);
    }

    @Override
    public void punt(PacketBuffer packet) {
        decide(packet);
    }

    @Override
    public boolean buffersScarce() {
        return false;
    }

    @Override
    public void reuse(PacketBuffer packet) {
        packet.setGenerated(true);
    }

    @Override
    public void count(CounterId counter, long amount) {
        counted += amount;
    }

    @Override
    public void wakeAfter(long delayNanos) {}

    @Override
    public long nowNanos() {
        return now;
    }

    @Override
    public FibView fib() {
        return tables.fib();
    }

    @Override
    public NeighborView neighbors() {
        return tables.neighbors();
    }

    @Override
    public InterfaceTable interfaces() {
        return tables.interfaces();
    }

    // --- StageSetup

    @Override
    public Settings settings() {
        return StageSettings.defaults(descriptor);
    }

    @Override
    public int lane() {
        return 0;
    }

    @Override
    public int laneCount() {
        return 1;
    }

    @Override
    public <T> T kept(Class<T> type, Supplier<T> factory) {
        return shared(type, factory);
    }

    @Override
    public <T> T shared(Class<T> type, Supplier<T> factory) {
        return type.cast(shared.computeIfAbsent(type, key -> factory.get()));
    }

    @Override
    public Runnable signal() {
        return () -> {};
    }

    @Override
    public NeighborSignals neighborSignals() {
        return new Deaf();
    }

    /** A slow path that hears nothing. */
    private static final class Deaf implements NeighborSignals {
        @Override
        public void resolve4(int interfaceId, int address) {}

        @Override
        public void resolve6(int interfaceId, long high, long low) {}

        @Override
        public void arp(int interfaceId, int senderAddress, long senderMac, boolean reply, boolean mayCreate) {}

        @Override
        public void conflict4(int interfaceId, int address, long mac) {}

        @Override
        public void solicitation(int interfaceId, long sourceHigh, long sourceLow, long mac) {}

        @Override
        public void advertisement(
                int interfaceId,
                long targetHigh,
                long targetLow,
                long mac,
                boolean router,
                boolean solicited,
                boolean override) {}

        @Override
        public void conflict6(int interfaceId, long high, long low) {}

        @Override
        public void routerSolicitation(int interfaceId, long sourceHigh, long sourceLow, long mac) {}

        @Override
        public Runnable onResolution(Runnable signal) {
            return () -> {};
        }
    }
}
