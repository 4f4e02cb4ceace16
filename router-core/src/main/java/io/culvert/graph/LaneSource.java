// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import akka.stream.AbstractShape;
import akka.stream.Attributes;
import akka.stream.Inlet;
import akka.stream.Outlet;
import akka.stream.Shape;
import akka.stream.stage.AbstractOutHandler;
import akka.stream.stage.GraphStage;
import akka.stream.stage.GraphStageLogic;
import io.culvert.ffi.NativeMemory;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.DropReason;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.StageDescriptor;
import io.culvert.telemetry.LaneLedger;
import io.culvert.telemetry.StageCounters;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Where every packet enters a lane: reads the receive queues in turn and emits what it finds as vectors.
 * Packets that go round again and frames of the control plane enter here too, ahead of the devices, each at its own outlet.
 *
 * <p>While there is work it polls. A queue that stays empty while others are busy is left alone until it wakes the lane;
 * when all are empty and the lane has nothing else to do, the source waits, costing nothing, until one does.
 */
final class LaneSource extends GraphStage<LaneSource.Entries> {
    /** Empty reads in a row after which a queue is no longer polled while others are busy. */
    private static final int EMPTY_READS_TO_ARM = 16;

    /**
     * Nanoseconds after which a queue that was left alone is read once while others are busy: its call comes only when the
     * lane's thread looks at its descriptors, and a busy lane may not for longer than a device's queue holds.
     */
    private static final long LEFT_ALONE_NANOS = 100_000;

    /** Buffers to read into, and drop, when the pool has none left: so that loss is counted here and not guessed. */
    private static final int SPARE_BUFFERS = 8;

    /** How much of that to drop at a time, so that a flood leaves room for what frees buffers. */
    private static final int VECTORS_TO_DISCARD = 32;

    static final StageDescriptor DESCRIPTOR = StageDescriptor.named(
                    "lane-source", "Reads the receive queues and takes in what the router itself sends.")
            .spec("local")
            .factory(setup -> {
                throw new IllegalStateException("the source is no packet stage");
            });

    /** Told of a queue whose device is gone. */
    @FunctionalInterface
    interface QueueFailure {
        void queueFailed(int interfaceId, IOException cause);
    }

    /** One outlet per place where packets enter. */
    static final class Entries extends AbstractShape {
        private final List<Outlet<PacketVector>> outlets;

        Entries(List<Outlet<PacketVector>> outlets) {
            this.outlets = List.copyOf(outlets);
        }

        Outlet<PacketVector> outlet(int entry) {
            return outlets.get(entry);
        }

        @Override
        public List<Inlet<?>> allInlets() {
            return List.of();
        }

        @Override
        public List<Outlet<?>> allOutlets() {
            return List.copyOf(outlets);
        }

        @Override
        public Shape deepCopy() {
            List<Outlet<PacketVector>> copies = new ArrayList<>();
            for (Outlet<PacketVector> outlet : outlets) {
                copies.add(outlet.carbonCopy());
            }
            return new Entries(copies);
        }
    }

    /** Stops a running source: devices are read no more, what is on its way is finished. Any thread. */
    static final class StopSwitch {
        private final Lane lane;
        private volatile boolean requested;

        StopSwitch(Lane lane) {
            this.lane = lane;
        }

        void stop() {
            requested = true;
            lane.wake();
        }
    }

    static final int DEVICE_ENTRY = 0;

    private final Lane lane;
    private final List<ReceiveQueue> queues;
    private final int injectEntry;
    private final QueueFailure failures;
    private final StopSwitch stopSwitch;
    private final Entries shape;

    /**
     * @param entries names of the places where packets enter; the first is for received ones
     * @param injectEntry the place for frames of the control plane
     */
    LaneSource(
            Lane lane,
            List<ReceiveQueue> queues,
            List<String> entries,
            int injectEntry,
            QueueFailure failures,
            StopSwitch stopSwitch) {
        this.lane = lane;
        this.queues = List.copyOf(queues);
        this.injectEntry = injectEntry;
        this.failures = failures;
        this.stopSwitch = stopSwitch;
        List<Outlet<PacketVector>> outlets = new ArrayList<>();
        for (String entry : entries) {
            outlets.add(Outlet.create("lane-source." + entry));
        }
        this.shape = new Entries(outlets);
    }

    @Override
    public Entries shape() {
        return shape;
    }

    @Override
    public GraphStageLogic createLogic(Attributes attributes) {
        return new Logic();
    }

    private static BufferPool spareBuffers() {
        ByteBuffer memory = NativeMemory.allocate(SPARE_BUFFERS * BufferPool.BUFFER_BYTES);
        return new BufferPool(memory, NativeMemory.address(memory));
    }

    /** One queue and whether it is polled or has been asked to call. */
    private static final class PolledQueue implements Runnable {
        private final ReceiveQueue queue;
        private final Runnable wakeLane;
        private final ReceiveQueue.DropLog dropLog;
        private int emptyReads;
        private boolean armed;
        private boolean failed;
        private long readAt;
        private volatile boolean fired;

        PolledQueue(ReceiveQueue queue, Runnable wakeLane, ReceiveQueue.DropLog dropLog) {
            this.queue = queue;
            this.wakeLane = wakeLane;
            this.dropLog = dropLog;
        }

        /** Whether reading it may find something. */
        boolean worthReading(long now) {
            if (armed && fired) {
                armed = false;
                emptyReads = 0;
            }
            if (failed || (armed && now - readAt < LEFT_ALONE_NANOS)) {
                return false;
            }
            readAt = now;
            return true;
        }

        void arm() {
            if (!armed && !failed) {
                armed = true;
                fired = false;
                queue.arm(this);
            }
        }

        /** The device has something to read. */
        @Override
        public void run() {
            fired = true;
            wakeLane.run();
        }
    }

    private final class Logic extends GraphStageLogic {
        private final PolledQueue[] polled = new PolledQueue[queues.size()];
        private final StageCounters counters = lane.countersOf(DESCRIPTOR);
        private final BufferPool spare = spareBuffers();
        private final PacketVector spareVector = new PacketVector(SPARE_BUFFERS);
        private final AtomicInteger callsUnderWay = lane.callsUnderWay();
        private volatile @Nullable Thread waiting;
        private int next;

        Logic() {
            super(shape);
            AbstractOutHandler handler = new AbstractOutHandler() {
                @Override
                public void onPull() {
                    emitNext();
                }
            };
            for (Outlet<PacketVector> outlet : shape.outlets) {
                setHandler(outlet, handler);
            }
        }

        @Override
        public void preStart() {
            LaneCall call = new LaneCall(callsUnderWay, createAsyncCallback(arriving -> {
                arriving.arrived();
                emitNext();
            }));
            Runnable wake = () -> {
                if (Thread.currentThread() != waiting) {
                    call.run();
                }
            };
            for (int i = 0; i < polled.length; i++) {
                int interfaceId = queues.get(i).interfaceId();
                polled[i] = new PolledQueue(
                        queues.get(i), wake, (reason, packets, bytes) -> dropped(interfaceId, reason, packets, bytes));
            }
            lane.setWaker(wake);
            lane.timers().afterwards(call); // to wait here again
            // The graph starts within the system message that makes its actor, and those that came with it can't be
            // seen before they have their turn: until this call arrives nothing waits for devices.
            call.run();
        }

        @Override
        public void postStop() {
            lane.setWaker(null);
            lane.timers().afterwards(() -> {});
            lane.stageStopped();
        }

        private void emitNext() {
            for (int entry = 0; entry < shape.outlets.size(); entry++) {
                if (!isAvailable(shape.outlet(entry))) {
                    return;
                }
            }
            lane.readClock();
            lane.timers().callDue(lane.now());
            if (lane.hasRecirculated()) {
                emitRecirculated();
            } else if (lane.hasInjected()) {
                emitInjected();
            } else if (stopSwitch.requested) {
                completeStage();
            } else if (!emitReceived()) {
                awaitReceived();
            }
        }

        /**
         * Asks all queues to call and, where nothing else has to be done by this thread, waits here for the first that does:
         * what it has is on its way before anything else. Other stages' events are seen as long as no stage pulls right after it
         * has pushed.
         */
        private void awaitReceived() {
            boolean alone = true;
            boolean received = false;
            while (alone && !received) {
                for (PolledQueue queue : polled) {
                    arm(queue);
                }
                if (callsUnderWay.get() != 0 || interpreter().isSuspended()) {
                    return; // stages have been called, or have events
                }
                waiting = Thread.currentThread();
                alone = lane.awaitDevices();
                waiting = null;
                lane.readClock();
                received = emitReceived();
            }
        }

        private void emitRecirculated() {
            int entry = lane.recirculatedEntry();
            PacketVector vector = lane.takeVector();
            while (!vector.isFull() && lane.hasRecirculated() && lane.recirculatedEntry() == entry) {
                vector.add(lane.takeRecirculated());
            }
            push(shape.outlet(entry), vector);
        }

        private void emitInjected() {
            PacketVector vector = lane.takeVector();
            lane.takeInjected(vector, counters);
            if (vector.isEmpty()) {
                lane.recycle(vector);
                lane.wake();
            } else {
                push(shape.outlet(injectEntry), vector);
            }
        }

        /** Reads the queues in turn until one has something; false when none has. */
        private boolean emitReceived() {
            for (int tried = 0; tried < polled.length; tried++) {
                PolledQueue queue = polled[next];
                next = next + 1 == polled.length ? 0 : next + 1;
                if (queue.worthReading(lane.now()) && emitReceived(queue)) {
                    return true;
                }
            }
            return false;
        }

        private boolean emitReceived(PolledQueue queue) {
            if (lane.pool().available() == 0) {
                return discard(queue);
            }
            PacketVector vector = lane.takeVector();
            if (receive(queue, vector, lane.pool()) == 0) {
                lane.recycle(vector);
                return false;
            }
            count(queue, vector);
            push(shape.outlet(DEVICE_ENTRY), vector);
            return true;
        }

        /** Reads what finds no buffer, so that it is counted as lost here. Always false: there is nothing to emit. */
        private boolean discard(PolledQueue queue) {
            for (int vectors = 0; vectors < VECTORS_TO_DISCARD && receive(queue, spareVector, spare) != 0; vectors++) {
                int lost = spareVector.size();
                count(queue, spareVector);
                counters.dropCommon(GraphDrop.POOL_EXHAUSTED, lost);
                lane.ledger().add(LaneLedger.Entry.DROPPED, lost);
                for (int i = 0; i < lost; i++) {
                    spare.release(spareVector.get(i));
                }
                spareVector.clear();
            }
            return false;
        }

        private int receive(PolledQueue queue, PacketVector into, BufferPool from) {
            int inUse = from.outstanding();
            try {
                queue.queue.receive(into, from);
                queue.queue.reportDropped(queue.dropLog);
                if (!into.isEmpty()) {
                    queue.armed = false;
                    queue.emptyReads = 0;
                } else if (++queue.emptyReads == EMPTY_READS_TO_ARM) {
                    queue.arm();
                }
            } catch (IOException gone) {
                fail(queue, gone);
            } catch (RuntimeException | Error bug) {
                fail(queue, new IOException("its receive queue failed: " + bug, bug));
                if (from == lane.pool()) { // what it has taken and lost comes back when the graph ends, as dropped
                    lane.ledger().add(LaneLedger.Entry.RECEIVED, from.outstanding() - inUse - into.size());
                }
            }
            return into.size(); // be it all that a queue has got until it failed
        }

        private void arm(PolledQueue queue) {
            try {
                queue.arm();
            } catch (RuntimeException | Error bug) {
                fail(queue, new IOException("its receive queue failed: " + bug, bug));
            }
        }

        /** Leaves a queue alone from now on, and the lane as it is. */
        private void fail(PolledQueue queue, IOException cause) {
            queue.failed = true;
            failures.queueFailed(queue.queue.interfaceId(), cause);
        }

        /** What a queue has dropped has been received all the same. */
        private void dropped(int interfaceId, DropReason reason, int packets, long bytes) {
            counters.drop(reason, packets);
            lane.ledger().add(LaneLedger.Entry.RECEIVED, packets);
            lane.ledger().add(LaneLedger.Entry.DROPPED, packets);
            lane.interfaceCounters(interfaceId).received(packets, bytes);
        }

        private void count(PolledQueue queue, PacketVector vector) {
            long bytes = 0;
            for (int i = 0; i < vector.size(); i++) {
                PacketBuffer packet = vector.get(i);
                packet.setState(PacketBuffer.State.DECIDED);
                bytes += packet.length();
            }
            counters.vector(vector.size());
            lane.ledger().add(LaneLedger.Entry.RECEIVED, vector.size());
            lane.interfaceCounters(queue.queue.interfaceId()).received(vector.size(), bytes);
        }
    }
}
