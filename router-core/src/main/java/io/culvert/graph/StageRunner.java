// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import akka.stream.Inlet;
import akka.stream.Outlet;
import akka.stream.UniformFanOutShape;
import akka.stream.stage.InHandler;
import akka.stream.stage.OutHandler;
import akka.stream.stage.TimerGraphStageLogic;
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
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.telemetry.LaneLedger;
import io.culvert.telemetry.StageCounters;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs one {@link PacketStage} in one lane: the running half of {@link VectorStage}. It owns demand, completion,
 * exceptions, the breaker and the release of buffers; the stage owns nothing but its logic.
 *
 * <p>Demand: the inlet is pulled when every outlet has been pulled, so whatever a vector turns into can be pushed at once.
 * A stage may turn one vector into many (segments, fragments); those behind the first wait at their outlet and the inlet
 * stays shut meanwhile. Timers and signals run under the same condition.
 */
final class StageRunner extends TimerGraphStageLogic implements InHandler, OutHandler, StageContext, StageSetup {
    private static final String TIMER = "timer";
    private static final int NOT_PASSING = -1;
    private static final long NEVER = TimerWheel.NEVER;

    private final Lane lane;
    private final StageDescriptor descriptor;
    /** Marks the packets that the stage holds. */
    private final int number;

    private final StageCounters counters;
    private final LaneLedger ledger;
    private final Inlet<PacketVector> in;
    private final Outlet<PacketVector>[] outlets;
    /** By output ordinal: the outlet's index, or -1 - entry for a recirculation. */
    private final int[] routes;

    private final @Nullable PacketVector[] staged;
    private final ArrayDeque<PacketVector>[] overflow;
    private final boolean observesDrops;
    private final int dropOutlet;
    private int closedOutlets;
    /** What {@link #flush} answered last: it flushes whatever a call of the stage leaves, and nothing else changes it. */
    private boolean clear;

    /** None while the breaker is open. */
    private @Nullable PacketStage stage;

    private final LaneActivity activity;
    /** None but in the debug mode. */
    private final @Nullable BufferDebug debug;

    private final BufferDebug.@Nullable Given given;

    private final StageBreaker breaker = new StageBreaker();
    private final FaultPolicy policy;
    private final int bypassRoute;

    /** Whether the fault at hand is one after which there is no going on. */
    private boolean broken;

    private @Nullable PacketVector stash;
    private @Nullable PacketVector current;
    private boolean currentForwarded;
    private int decided;

    /**
     * How many packets of the current vector were sent to {@link #passRoute}, from the first on and in order: while that
     * is all that has been sent, the vector itself can go on instead of a copy, and {@link #decided} counts them at its end.
     * {@link #NOT_PASSING} once it can't.
     */
    private int passed = NOT_PASSING;

    private int passRoute;
    private final PacketBuffer[] originated;
    private final boolean[] isListed;
    private int originatedCount;

    private boolean signalDue;
    /** When the stage wants to be woken. */
    private long timerAt = NEVER;
    /** The packets it has deferred; made for the first. */
    private @Nullable TimerWheel deferred;
    /** The earlier of the two. */
    private long dueAt = NEVER;
    /** When the runner will be called for it. */
    private long calledAt = NEVER;

    private @Nullable LaneCall signal;
    private LaneTimers.@Nullable Timer laneTimer;

    @SuppressWarnings({"unchecked", "rawtypes"}) // arrays of generic types
    StageRunner(
            UniformFanOutShape<PacketVector, PacketVector> shape,
            Lane lane,
            StageDescriptor descriptor,
            int[] routes,
            int dropOutlet) {
        super(shape);
        this.lane = lane;
        this.descriptor = descriptor;
        this.number = lane.numberStage();
        this.counters = lane.countersOf(descriptor);
        this.ledger = lane.ledger();
        this.in = shape.in();
        this.outlets = new Outlet[shape.getOutlets().size()];
        this.routes = routes;
        this.dropOutlet = dropOutlet;
        this.observesDrops = dropOutlet >= 0;
        this.staged = new PacketVector[outlets.length];
        this.overflow = new ArrayDeque[outlets.length];
        this.originated = new PacketBuffer[lane.pool().capacity()];
        this.isListed = new boolean[originated.length];
        this.activity = lane.activity();
        this.debug = lane.debug();
        this.given = debug == null ? null : debug.new Given();
        this.policy = lane.environment().faultPolicy().apply(descriptor);
        this.bypassRoute = policy == FaultPolicy.BYPASS ? nextOutput(descriptor) : StageBreaker.NO_BYPASS;
        setHandler(in, this);
        for (int i = 0; i < outlets.length; i++) {
            outlets[i] = shape.out(i);
            overflow[i] = new ArrayDeque<>();
            setHandler(outlets[i], this);
        }
    }

    private static int nextOutput(StageDescriptor descriptor) {
        int next = StageBreaker.NO_BYPASS;
        for (OutPort port : descriptor.outputs()) {
            if (port.target() instanceof Target.Next) {
                next = port.ordinal();
            }
        }
        return next;
    }

    @Override
    public void preStart() {
        activity.start(number, descriptor.id());
        signal = new LaneCall(lane.callsUnderWay(), createAsyncCallback(arriving -> {
            arriving.arrived();
            signalDue = true;
            proceed();
        }));
        laneTimer = lane.keepsTimers()
                ? lane.timers().add(new LaneCall(lane.callsUnderWay(), createAsyncCallback(arriving -> {
                    arriving.arrived();
                    onTimer(TIMER);
                })))
                : null;
        make();
        if (outlets.length == 0) {
            pull(in);
        }
    }

    @Override
    public void postStop() {
        if (laneTimer != null) {
            lane.timers().remove(laneTimer);
        }
        PacketVector unprocessed = stash;
        stash = null;
        if (unprocessed != null) {
            releaseAll(unprocessed, GraphDrop.LANE_STOPPED);
        }
        stopStage();
        activity.stop(number);
        for (int i = 0; i < outlets.length; i++) {
            PacketVector left = staged[i];
            staged[i] = null;
            if (left != null) {
                releaseAll(left, GraphDrop.LANE_STOPPED);
            }
            for (PacketVector waiting : overflow[i]) {
                releaseAll(waiting, GraphDrop.LANE_STOPPED);
            }
            overflow[i].clear();
        }
        TimerWheel wheel = deferred;
        while (wheel != null && !wheel.isEmpty()) {
            PacketVector left = lane.takeVector();
            wheel.takeDue(NEVER, left);
            releaseAll(left, GraphDrop.LANE_STOPPED);
        }
        lane.stageStopped();
    }

    // --- stream events

    @Override
    public void onPush() {
        stash = grab(in);
        proceed();
    }

    @Override
    public void onUpstreamFinish() {
        if (stash == null && !waitsForOutlets()) {
            completeStage();
        }
    }

    @Override
    public void onPull() {
        proceed();
    }

    @Override
    public void onDownstreamFinish(Throwable cause) {
        // One output that ends ends the stage; the lane is then stopped or materialised anew as a whole.
        closedOutlets++;
        cancelStage(cause);
    }

    @Override
    public void onTimer(Object key) {
        calledAt = NEVER;
        lane.readClock();
        if (dueAt <= lane.now()) {
            proceed();
        } else {
            callWhenDue();
        }
    }

    /** Does whatever the outlets' demand allows. */
    private void proceed() {
        if (closedOutlets != 0 || !(clear || flush())) {
            return;
        }
        if ((signalDue || dueAt <= lane.now()) && !runDue()) {
            return;
        }
        PacketVector vector = stash;
        if (vector != null) {
            stash = null;
            counters.vector(vector.size());
            run(vector, false);
            if (!flush()) {
                return;
            }
        }
        if (isClosed(in)) {
            completeStage();
        } else if (!hasBeenPulled(in)) {
            pull(in);
        }
    }

    private boolean waitsForOutlets() {
        for (int i = 0; i < outlets.length; i++) {
            if (!overflow[i].isEmpty() || staged[i] != null) {
                return true;
            }
        }
        return false;
    }

    /** Pushes what waits at the outlets; true when nothing waits any more and every outlet has been pulled. */
    private boolean flush() {
        boolean nothingWaits = true;
        for (int i = 0; i < outlets.length; i++) {
            if (!isAvailable(outlets[i])) {
                nothingWaits = false;
                continue;
            }
            PacketVector next = overflow[i].pollFirst();
            if (next == null) {
                next = staged[i];
                staged[i] = null;
            }
            if (next != null) {
                push(outlets[i], next);
                nothingWaits = false;
            }
        }
        clear = nothingWaits;
        return nothingWaits;
    }

    // --- running the stage

    @SuppressWarnings("NullAway") // the stage is there when it was made
    private void run(PacketVector vector, boolean due) {
        int size = vector.size();
        if (stage == null && !tryAgain()) {
            standIn(vector);
            return;
        }
        for (int i = 0; i < size; i++) {
            vector.get(i).setState(PacketBuffer.State.PENDING);
        }
        current = vector;
        currentForwarded = false;
        decided = 0;
        passed = 0;
        Throwable failure = null;
        activity.enter(number);
        try {
            if (due) {
                stage.onDue(vector, this);
            } else {
                stage.process(vector, this);
            }
        } catch (Throwable thrown) {
            failure = thrown;
        }
        LaneActivity.Ending ending = activity.leave();
        lookAtGiven();
        if (ending != LaneActivity.Ending.IN_TIME) {
            failure = overran(ending, failure);
        }
        if (failure == null) {
            conclude(vector, size);
        } else {
            fault(vector, failure);
        }
        current = null;
        if (!currentForwarded) {
            lane.recycle(vector);
        }
        if (failure != null) {
            retireIfBroken(failure);
        }
        if (debug != null) {
            debug.lookAtHeld(lane.now());
        }
    }

    private void tellMisuse(String stage, String how) {
        lane.environment().faults().stageMisusesBuffers(lane.number(), stage, how);
    }

    /** @param did completes "it was" */
    private void note(PacketBuffer packet, String did) {
        if (debug != null) {
            debug.note(packet, did, descriptor.id(), lane.now());
        }
    }

    /** @param did completes "it was" */
    private void noteGiven(PacketBuffer packet, String did) {
        if (debug != null && given != null) {
            debug.note(packet, did, descriptor.id(), lane.now(), given);
        }
    }

    private void lookAtGiven() {
        if (given != null) {
            given.look();
        }
    }

    private void tellUndecided(PacketBuffer packet) {
        if (debug != null) {
            tellMisuse(descriptor.id(), "has left a packet undecided: " + debug.lastOf(packet));
        }
    }

    private void conclude(PacketVector vector, int size) {
        if (passed == size && size != 0) {
            decided += size;
            passed = NOT_PASSING;
            staged[passRoute] = vector;
            currentForwarded = true;
        } else {
            stopPassing();
        }
        if (decided != size || originatedCount != 0) {
            dropUndecided(vector);
        }
        breaker.succeeded();
    }

    /** Runs what is due, one thing after the other; false when the outlets have no room for more. */
    private boolean runDue() {
        lane.readClock();
        if (timerAt <= lane.now()) {
            timerAt = NEVER;
            run(Call.TIMER);
            if (!flush()) {
                return false; // the outlets' demand brings the runner back here
            }
        }
        if (signalDue) {
            signalDue = false;
            run(Call.SIGNAL);
            if (!flush()) {
                return false;
            }
        }
        TimerWheel wheel = deferred;
        while (wheel != null && wheel.earliest() <= lane.now()) {
            PacketVector vector = lane.takeVector();
            wheel.takeDue(lane.now(), vector);
            run(vector, true);
            if (!flush()) {
                return false;
            }
        }
        callWhenDue();
        return true;
    }

    /** Sees to it that the runner is called at the next moment at which something is due. */
    private void callWhenDue() {
        dueAt = deferred == null ? timerAt : Math.min(timerAt, deferred.earliest());
        if (dueAt < calledAt) {
            calledAt = dueAt;
            if (laneTimer != null) {
                lane.timers().set(laneTimer, dueAt);
            } else {
                long delay = dueAt - lane.environment().clock().getAsLong();
                scheduleOnce(TIMER, Duration.ofNanos(Math.max(1, delay)));
            }
        }
    }

    /** The calls of a stage that come without packets. */
    private enum Call {
        MAKE,
        TIMER,
        SIGNAL,
        STOP
    }

    /** Calls the stage and sees to it that nothing comes of it but its packets; a stage that is broken is not called. */
    private void run(Call what) {
        if (stage == null) {
            return;
        }
        Throwable failure = call(what);
        if (failure != null) {
            dropStaged();
        }
        dropOriginated(GraphDrop.UNDECIDED);
        if (failure != null) {
            failed(failure);
            retireIfBroken(failure);
        }
    }

    @SuppressWarnings("NullAway") // called when the stage is there, or is to be
    private @Nullable Throwable call(Call what) {
        Throwable failure = null;
        if (what == Call.MAKE) {
            activity.enterMaking(number);
        } else {
            activity.enter(number);
        }
        try {
            switch (what) {
                case MAKE -> stage = descriptor.create(this);
                case TIMER -> stage.onTimer(this);
                case SIGNAL -> stage.onSignal(this);
                case STOP -> stage.onStop(this);
            }
        } catch (Throwable thrown) {
            failure = thrown;
        }
        LaneActivity.Ending ending = activity.leave();
        lookAtGiven();
        return ending == LaneActivity.Ending.IN_TIME ? failure : overran(ending, failure);
    }

    // --- faults

    /** Makes the stage. One that can't be made, or not within its time, is broken. */
    private boolean make() {
        Throwable failure = call(Call.MAKE);
        dropOriginated(GraphDrop.UNDECIDED);
        if (failure == null) {
            lane.report(descriptor.id(), StageState.RUNNING);
            return true;
        }
        stage = null;
        broken = true;
        failed(failure);
        retireIfBroken(failure);
        return false;
    }

    /** When it is time to try again: by a new instance, as the old one was stopped. */
    private boolean tryAgain() {
        if (!breaker.mayTry(lane.now())) {
            return false;
        }
        counters.countCommon(GraphCount.RESTARTS, 1);
        return make();
    }

    /** Ends the stage, which gives back what it holds. */
    private void stopStage() {
        if (stage != null) {
            Throwable failure = call(Call.STOP);
            stage = null;
            if (debug != null) {
                debug.tellHeldBy(number, descriptor.id());
            }
            dropOriginated(GraphDrop.UNDECIDED);
            if (failure != null) {
                lane.environment().faults().stageFailed(lane.number(), descriptor.id(), failure);
            }
        }
    }

    /** A call that was interrupted has failed, whatever came of it, and the next one would take as long. */
    private @Nullable Throwable overran(LaneActivity.Ending ending, @Nullable Throwable failure) {
        lane.readClock();
        counters.countCommon(GraphCount.OVERRUNS, 1);
        if (ending != LaneActivity.Ending.INTERRUPTED) {
            return failure;
        }
        broken = true;
        return failure != null
                ? failure
                : new IllegalStateException("it was interrupted, being far over its time budget");
    }

    private void failed(Throwable failure) {
        counters.countCommon(GraphCount.FAULTS, 1);
        lane.environment().faults().stageFailed(lane.number(), descriptor.id(), failure);
        // What an instance has gathered that fills the heap goes with the instance.
        if (broken || failure instanceof OutOfMemoryError) {
            breaker.broken(lane.now());
        } else {
            breaker.failed(lane.now());
        }
        broken = false;
    }

    private void retireIfBroken(Throwable failure) {
        if (!breaker.isOpen()) {
            return;
        }
        lane.report(descriptor.id(), bypassRoute == StageBreaker.NO_BYPASS ? StageState.BROKEN : StageState.BYPASSED);
        stopStage();
        timerAt = NEVER;
        int left = lane.pool().releaseHeldBy(number);
        counters.dropCommon(GraphDrop.STAGE_FAULT, left);
        ledger.add(LaneLedger.Entry.DROPPED, left);
        if (policy == FaultPolicy.STOP) {
            lane.environment().faults().stageEndsRouter(lane.number(), descriptor.id(), failure);
        }
    }

    /** What happens to a vector while the breaker is open. */
    private void standIn(PacketVector vector) {
        if (bypassRoute == StageBreaker.NO_BYPASS) {
            releaseAll(vector, GraphDrop.STAGE_BROKEN);
            return;
        }
        for (int i = 0; i < vector.size(); i++) {
            vector.get(i).setState(PacketBuffer.State.PENDING);
            emit(vector.get(i), bypassRoute);
        }
        lane.recycle(vector);
    }

    private void dropUndecided(PacketVector vector) {
        for (int i = 0; i < vector.size(); i++) {
            if (vector.get(i).state() == PacketBuffer.State.PENDING) {
                tellUndecided(vector.get(i));
                dropCommon(vector.get(i), GraphDrop.UNDECIDED);
            }
        }
        dropOriginated(GraphDrop.UNDECIDED);
    }

    private void dropOriginated(GraphDrop reason) {
        for (int i = 0; i < originatedCount; i++) {
            PacketBuffer packet = originated[i];
            isListed[packet.slot()] = false;
            if (packet.state() == PacketBuffer.State.PENDING) {
                if (reason == GraphDrop.UNDECIDED) {
                    tellUndecided(packet);
                }
                dropCommon(packet, reason);
            }
        }
        originatedCount = 0;
    }

    /** The stage threw: its vector is lost, with all that came of it in this call. */
    private void fault(PacketVector vector, Throwable failure) {
        stopPassing();
        dropStaged();
        for (int i = 0; i < vector.size(); i++) {
            if (vector.get(i).state() == PacketBuffer.State.PENDING) {
                dropCommon(vector.get(i), GraphDrop.STAGE_FAULT);
            }
        }
        dropOriginated(GraphDrop.STAGE_FAULT);
        currentForwarded = false;
        failed(failure);
    }

    private void dropStaged() {
        for (int i = 0; i < outlets.length; i++) {
            if (i == dropOutlet) {
                continue; // dropped already, each for its own reason
            }
            PacketVector vector = staged[i];
            staged[i] = null;
            if (vector != null) {
                dropFaulty(vector);
            }
            for (PacketVector waiting : overflow[i]) {
                dropFaulty(waiting);
            }
            overflow[i].clear();
        }
    }

    private void dropFaulty(PacketVector vector) {
        if (vector != current) {
            releaseAll(vector, GraphDrop.STAGE_FAULT);
            return;
        }
        for (int i = 0; i < vector.size(); i++) { // the stage sent it on whole; run() gives it back
            dropCommon(vector.get(i), GraphDrop.STAGE_FAULT);
        }
    }

    private void releaseAll(PacketVector vector, GraphDrop reason) {
        int released = 0;
        for (int i = 0; i < vector.size(); i++) {
            released += lane.pool().release(vector.get(i));
        }
        counters.dropCommon(reason, released);
        ledger.add(LaneLedger.Entry.DROPPED, released);
        lane.recycle(vector);
    }

    private void dropCommon(PacketBuffer packet, GraphDrop reason) {
        counters.dropCommon(reason, packet.chainCount());
        endDropped(packet);
    }

    private void endDropped(PacketBuffer packet) {
        if (observesDrops) {
            packet.setState(PacketBuffer.State.DECIDED);
            stageAt(dropOutlet, packet);
        } else {
            ledger.add(LaneLedger.Entry.DROPPED, lane.pool().release(packet));
        }
    }

    private void decide(PacketBuffer packet) {
        if (packet.isPending()) {
            decided++;
        } else {
            requireHeld(packet);
        }
    }

    /** What is not pending, the stage may use only if it holds it itself: anything else is in other hands. */
    private void requireHeld(PacketBuffer packet) {
        if (packet.isHeldBy(number)) {
            return;
        }
        String why = switch (packet.state()) {
            case FREE -> " used a packet that it had given away: ";
            case PENDING, DECIDED -> " used a packet that it had sent already: ";
            case HELD -> " used a packet that another stage holds: ";
            case CHAINED -> " used a packet that is behind another: ";
            case DEFERRED -> " used a packet that it has deferred: ";
        };
        throw new IllegalStateException(
                descriptor.id() + why + packet + (debug == null ? "" : "; " + debug.lastOf(packet)));
    }

    private void emit(PacketBuffer packet, int output) {
        int route = routes[output];
        packet.setState(PacketBuffer.State.DECIDED);
        if (route >= 0) {
            stopPassing();
            stageAt(route, packet);
        } else if (!lane.recirculate(packet, -1 - route)) {
            dropCommon(packet, GraphDrop.RECIRCULATION_FULL);
        }
    }

    /** Whether a packet that is sent continues the run of those that go on as they came; if so, it is decided. */
    private boolean passes(PacketBuffer packet, int route) {
        PacketVector vector = current;
        int place = passed;
        if (vector == null
                || place == NOT_PASSING
                || place >= vector.size()
                || vector.get(place) != packet
                || !packet.isPending()
                || (place == 0 ? route < 0 : route != passRoute)) {
            return false;
        }
        packet.setState(PacketBuffer.State.DECIDED);
        passRoute = route;
        passed = place + 1;
        return true;
    }

    /** Stages the packets sent so far one by one: those that follow go elsewhere. */
    private void stopPassing() {
        PacketVector vector = current;
        int count = passed;
        passed = NOT_PASSING;
        if (vector != null && count > 0) {
            decided += count;
            for (int i = 0; i < count; i++) {
                stageAt(passRoute, vector.get(i));
            }
        }
    }

    private void stageAt(int outlet, PacketBuffer packet) {
        PacketVector vector = staged[outlet];
        if (vector == null) {
            vector = lane.takeVector();
            staged[outlet] = vector;
        } else if (vector.isFull()) {
            overflow[outlet].addLast(vector);
            vector = lane.takeVector();
            staged[outlet] = vector;
        }
        vector.add(packet);
    }

    // --- StageContext

    @Override
    public void send(PacketBuffer packet, OutPort out) {
        int output = out.ordinal();
        if (passes(packet, routes[output])) {
            noteGiven(packet, "sent");
        } else {
            decide(packet);
            noteGiven(packet, "sent");
            emit(packet, output);
        }
    }

    @Override
    public void sendAll(PacketVector packets, OutPort out) {
        int route = routes[out.ordinal()];
        if (packets != current || decided != 0 || passed > 0) {
            throw new IllegalStateException(descriptor.id() + " may send all only of a vector that is as it came");
        }
        if (route < 0 || staged[route] != null) {
            for (int i = 0; i < packets.size(); i++) {
                send(packets.get(i), out);
            }
            return;
        }
        decided = packets.size();
        for (int i = 0; i < packets.size(); i++) {
            noteGiven(packets.get(i), "sent");
            packets.get(i).setState(PacketBuffer.State.DECIDED);
        }
        staged[route] = packets;
        currentForwarded = true;
    }

    @Override
    public void chain(PacketBuffer head, PacketBuffer follower) {
        if (head.state() != PacketBuffer.State.PENDING) {
            requireHeld(head);
        }
        decide(follower);
        note(follower, "chained");
        head.append(follower);
    }

    @Override
    public void drop(PacketBuffer packet, DropReason reason) {
        decide(packet);
        noteGiven(packet, "dropped");
        counters.drop(reason, packet.chainCount());
        endDropped(packet);
    }

    @Override
    public void consume(PacketBuffer packet) {
        end(packet, LaneLedger.Entry.CONSUMED);
    }

    /** Ends a packet, with all behind it, under any heading of the ledger; for transmission. */
    void end(PacketBuffer packet, LaneLedger.Entry entry) {
        decide(packet);
        noteGiven(packet, "consumed");
        ledger.add(entry, lane.pool().release(packet));
    }

    /** Drops for one of the graph's reasons; for transmission. */
    void dropFor(PacketBuffer packet, GraphDrop reason) {
        decide(packet);
        dropCommon(packet, reason);
    }

    // --- for StreamBridge: packets that leave the lane as copies, and are in its account all the while

    /** Gives back the buffers of a packet, with all behind it, that goes on elsewhere. */
    void leave(PacketBuffer packet) {
        decide(packet);
        lane.pool().release(packet);
    }

    /** Whether there are buffers to spare for a packet that comes back. It can wait for them; what is received can't. */
    boolean mayComeBack(int packets) {
        return !buffersScarce() && lane.pool().available() >= packets;
    }

    /**
     * Buffers for a packet that comes back, chained; the packet is then to be decided like any other. There must be as many.
     *
     * @param packets how many it has in its chain
     */
    PacketBuffer comeBack(int packets) {
        PacketBuffer head = taken();
        for (int i = 1; i < packets; i++) {
            head.append(taken());
        }
        toDecide(head);
        return head;
    }

    /** Ends packets that do not come back. */
    void endElsewhere(DropReason reason, int packets) {
        counters.drop(reason, packets);
        ledger.add(LaneLedger.Entry.DROPPED, packets);
    }

    /** Ends those that have not come back when the lane stops. */
    void endElsewhere(int packets) {
        counters.dropCommon(GraphDrop.LANE_STOPPED, packets);
        ledger.add(LaneLedger.Entry.DROPPED, packets);
    }

    FaultPolicy policy() {
        return policy;
    }

    void endRouter(Throwable cause) {
        lane.environment().faults().stageEndsRouter(lane.number(), descriptor.id(), cause);
    }

    @Override
    public void hold(PacketBuffer packet) {
        decide(packet);
        note(packet, "held");
        packet.hold(number);
    }

    @Override
    public @Nullable PacketBuffer originate() {
        PacketBuffer packet = lane.pool().take();
        if (packet == null) {
            noBuffers(1);
            return null;
        }
        packet.setGenerated(true);
        ledger.add(LaneLedger.Entry.GENERATED, 1);
        toDecide(packet);
        return packet;
    }

    @Override
    public @Nullable PacketBuffer copy(PacketBuffer packet) {
        int members = packet.chainCount();
        if (lane.pool().available() < members) {
            noBuffers(members);
            return null;
        }
        PacketBuffer copy = taken();
        copy.copyOf(packet);
        for (PacketBuffer member = packet.nextInChain(); member != null; member = member.nextInChain()) {
            PacketBuffer follower = taken();
            follower.copyOf(member);
            copy.append(follower);
        }
        ledger.add(LaneLedger.Entry.GENERATED, members);
        toDecide(copy);
        return copy;
    }

    private PacketBuffer taken() {
        return Objects.requireNonNull(lane.pool().take(), "as many as are available can be taken");
    }

    /** Nothing was generated and nothing is lost but the opportunity; both sides keep the account balanced. */
    private void noBuffers(int packets) {
        counters.dropCommon(GraphDrop.POOL_EXHAUSTED, packets);
        ledger.add(LaneLedger.Entry.GENERATED, packets);
        ledger.add(LaneLedger.Entry.DROPPED, packets);
    }

    /** One more packet that the stage has to decide. */
    private void toDecide(PacketBuffer packet) {
        note(packet, "originated");
        if (!isListed[packet.slot()]) { // it may have been consumed and taken again in this very call
            isListed[packet.slot()] = true;
            originated[originatedCount++] = packet;
        }
        decided--;
    }

    @Override
    public void defer(PacketBuffer packet, long delayNanos) {
        decide(packet);
        note(packet, "deferred");
        packet.setState(PacketBuffer.State.DEFERRED);
        TimerWheel wheel = deferred;
        if (wheel == null) {
            wheel = new TimerWheel(lane.pool().capacity());
            deferred = wheel;
        }
        long due = lane.now() + Math.max(0, delayNanos);
        wheel.add(packet, due < 0 && lane.now() > 0 ? NEVER - TimerWheel.TICK_NANOS : due);
        callWhenDue();
    }

    @Override
    public void punt(PacketBuffer packet) {
        decide(packet);
        noteGiven(packet, "punted");
        packet.setState(PacketBuffer.State.DECIDED);
        if (lane.kernelEntry() < 0) {
            dropCommon(packet, GraphDrop.NO_LOCAL_DELIVERY);
        } else if (!lane.recirculate(packet, lane.kernelEntry())) {
            dropCommon(packet, GraphDrop.RECIRCULATION_FULL);
        }
    }

    @Override
    public boolean buffersScarce() {
        return lane.pool().available() < lane.pool().capacity() / 4;
    }

    @Override
    public void reuse(PacketBuffer packet) {
        ledger.add(LaneLedger.Entry.CONSUMED, 1);
        ledger.add(LaneLedger.Entry.GENERATED, 1);
        packet.setGenerated(true);
    }

    @Override
    public void count(CounterId counter, long amount) {
        counters.count(counter, amount);
    }

    @Override
    public void wakeAfter(long delayNanos) {
        timerAt = Math.min(timerAt, lane.environment().clock().getAsLong() + delayNanos);
        callWhenDue();
    }

    @Override
    public long nowNanos() {
        return lane.now();
    }

    @Override
    public FibView fib() {
        return lane.environment().tables().fib();
    }

    @Override
    public NeighborView neighbors() {
        return lane.environment().tables().neighbors();
    }

    @Override
    public InterfaceTable interfaces() {
        return lane.environment().tables().interfaces();
    }

    // --- StageSetup

    @Override
    public Settings settings() {
        return lane.settings(descriptor);
    }

    @Override
    public int lane() {
        return lane.number();
    }

    Lane laneState() {
        return lane;
    }

    @Override
    public int laneCount() {
        return lane.environment().laneCount();
    }

    @Override
    public <T> T kept(Class<T> type, Supplier<T> factory) {
        return lane.kept(descriptor.id(), type, factory);
    }

    @Override
    public <T> T shared(Class<T> type, Supplier<T> factory) {
        return lane.environment().shared(type, factory);
    }

    @Override
    public Runnable signal() {
        return Objects.requireNonNull(signal, "the stage is set up once its graph runs");
    }

    @Override
    public NeighborSignals neighborSignals() {
        return lane.environment().neighborSignals();
    }
}
