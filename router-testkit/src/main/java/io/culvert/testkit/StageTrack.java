// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
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
import io.culvert.spi.StageSetup;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs one stage over and over on the same vector, with next to nothing around it: for {@link StageBenchmark}. What a
 * harness checks is not checked here.
 */
final class StageTrack implements StageContext, StageSetup {
    static final int PACKETS = 64;

    private static final int BUFFERS = 4 * PACKETS;
    private static final long SECOND_NANOS = 1_000_000_000L;

    private final StageHarness harness;
    private final BufferPool pool = BufferPool.allocate(BUFFERS);
    private final PacketBuffer[] asTheyCome = new PacketBuffer[PACKETS];
    private final PacketVector vector = new PacketVector(PACKETS);
    /** What the stage has decided, to be given back after the run. */
    private final PacketBuffer[] decided = new PacketBuffer[BUFFERS];

    private final PacketStage stage;
    private int decidedCount;
    private long now = SECOND_NANOS;
    private long counted;

    StageTrack(StageHarness harness, byte[]... packets) {
        this.harness = harness;
        for (int i = 0; i < PACKETS; i++) {
            PacketBuffer packet = Objects.requireNonNull(pool.take());
            StageHarness.fill(packet, packets[i % packets.length]);
            asTheyCome[i] = packet;
        }
        stage = harness.descriptor().create(this);
    }

    /** The packets' lengths, as far as they differ. */
    int[] lengths() {
        return Arrays.stream(asTheyCome)
                .mapToInt(PacketBuffer::length)
                .distinct()
                .toArray();
    }

    /** Makes the packets and gives them back: what {@link #run} does besides the stage. */
    long makePackets() {
        take();
        for (int i = 0; i < PACKETS; i++) {
            decided[i] = vector.get(i);
        }
        decidedCount = PACKETS;
        giveBack();
        return counted;
    }

    /** Runs the stage; a second passes, so that no rate limit is reached. */
    long run() {
        now += SECOND_NANOS;
        take();
        stage.process(vector, this);
        giveBack();
        return counted;
    }

    private void take() {
        for (int i = 0; i < PACKETS; i++) {
            PacketBuffer packet = pool.take();
            if (packet == null) {
                throw new IllegalStateException(
                        harness.descriptor().id() + " keeps packets: it can't be measured on vectors of its own");
            }
            packet.copyOf(asTheyCome[i]);
            packet.setState(PacketBuffer.State.PENDING);
            vector.add(packet);
        }
    }

    private void giveBack() {
        for (int i = 0; i < decidedCount; i++) {
            pool.release(decided[i]);
        }
        decidedCount = 0;
        vector.clear();
    }

    private void decide(PacketBuffer packet) {
        packet.setState(PacketBuffer.State.DECIDED);
        decided[decidedCount++] = packet;
        counted += packet.length();
    }

    @Override
    public void send(PacketBuffer packet, OutPort out) {
        decide(packet);
    }

    @Override
    public void sendAll(PacketVector packets, OutPort out) {
        for (int i = 0; i < packets.size(); i++) {
            decide(packets.get(i));
        }
    }

    @Override
    public void chain(PacketBuffer head, PacketBuffer follower) {
        head.append(follower);
    }

    @Override
    public void drop(PacketBuffer packet, DropReason reason) {
        decide(packet);
    }

    @Override
    public void consume(PacketBuffer packet) {
        decide(packet);
    }

    @Override
    public void hold(PacketBuffer packet) {
        packet.setState(PacketBuffer.State.HELD);
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
    public @Nullable PacketBuffer originate() {
        return pool.take();
    }

    @Override
    public @Nullable PacketBuffer copy(PacketBuffer packet) {
        PacketBuffer copy = pool.take();
        if (copy != null) {
            copy.copyOf(packet);
        }
        return copy;
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
        return harness.fib();
    }

    @Override
    public NeighborView neighbors() {
        return harness.neighbors();
    }

    @Override
    public InterfaceTable interfaces() {
        return harness.interfaces();
    }

    @Override
    public Settings settings() {
        return harness.settings();
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
        return harness.kept(type, factory);
    }

    @Override
    public <T> T shared(Class<T> type, Supplier<T> factory) {
        return harness.shared(type, factory);
    }

    @Override
    public Runnable signal() {
        return () -> {};
    }

    @Override
    public NeighborSignals neighborSignals() {
        return harness.neighborSignals();
    }
}
