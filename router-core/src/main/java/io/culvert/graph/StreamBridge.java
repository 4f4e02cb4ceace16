// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import akka.NotUsed;
import akka.actor.ActorSystem;
import akka.stream.ActorAttributes;
import akka.stream.Attributes;
import akka.stream.BoundedSourceQueue;
import akka.stream.Inlet;
import akka.stream.KillSwitches;
import akka.stream.Materializer;
import akka.stream.QueueOfferResult;
import akka.stream.SharedKillSwitch;
import akka.stream.SinkShape;
import akka.stream.SystemMaterializer;
import akka.stream.javadsl.Flow;
import akka.stream.javadsl.Keep;
import akka.stream.javadsl.Sink;
import akka.stream.javadsl.Source;
import akka.stream.stage.GraphStage;
import akka.stream.stage.GraphStageLogic;
import akka.stream.stage.InHandler;
import io.culvert.net.InterfaceId;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.Settings;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.spi.akka.StreamSetup;
import io.culvert.spi.akka.StreamStage;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the flow of a {@link StreamStage} beside a lane, of which it is a stage like any other: it sends copies of packets into
 * the flow, gives the lane's buffers back at once, and puts what comes out of the flow into buffers of the lane again. So no
 * buffer of a lane is ever seen by another thread, whatever the flow does (ADR 11). While packets are away they are in the
 * lane's account as packets that a stage holds.
 *
 * <p>In: packets of the stage's arc. Out: those that the flow lets through, in its order, to the next stage. Each that does not
 * come back is dropped for a reason. A flow that fails or completes is started again after a while; meanwhile packets are
 * dropped, or pass by where the stage is configured to be bypassed when broken.
 */
final class StreamBridge implements PacketStage {
    private static final Logger LOG = LoggerFactory.getLogger(StreamBridge.class);
    private static final long FIRST_BACKOFF_NANOS = 100_000_000L;
    private static final long LONGEST_BACKOFF_NANOS = 60_000_000_000L;

    /** Packets that come back in one call: what they become goes on before more do. */
    private static final int MOST_AT_ONCE = 256;

    /** When the lane has no buffers to spare, how long until it is looked again. */
    private static final long RETRY_NANOS = 200_000;

    /** A flow that has run for so long has recovered. */
    private static final long RECOVERED_NANOS = 10_000_000_000L;

    private enum Out implements OutPort {
        NEXT;

        @Override
        public Target target() {
            return Target.next();
        }
    }

    enum Drop implements DropReason {
        STREAM_FULL("As many packets were in the plugin's flow as it may hold."),
        LOST_IN_STREAM("The plugin's flow did not let the packet out in time, or at all."),
        DISCARDED("The plugin's flow has ended the packet on purpose."),
        STREAM_DOWN("The plugin's flow has ended, which the log tells, and was to be started again."),
        MISSHAPEN("The plugin's flow has left the packet with a window, offsets or interfaces that it can't have.");

        private final String text;

        Drop(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    enum Counter implements CounterId {
        WENT_OUT("Packets that went into the flow."),
        CAME_BACK("Packets that the flow let out."),
        UNEXPECTED(
                "Packets that the flow let out though they were missed before, were out already, or are not of here."),
        FLOW_ENDED("Times that the flow failed or completed.");

        private final String text;

        Counter(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    /** A counter of the flow's own, behind those above. */
    private record FlowCounter(CounterId declared) implements CounterId {
        @Override
        public String name() {
            return declared.name();
        }

        @Override
        public int ordinal() {
            return Counter.values().length + declared.ordinal();
        }

        @Override
        public String text() {
            return declared.text();
        }

        @Override
        public String id() {
            return declared.id();
        }
    }

    /** What was told of the flows of a router, over all lanes. */
    private static final class Told {
        final Set<String> causes = ConcurrentHashMap.newKeySet();
    }

    static StageDescriptor descriptor(StreamStage stream, String plugin) {
        List<CounterId> counters = new ArrayList<>(List.of(Counter.values()));
        stream.counters().forEach(declared -> counters.add(new FlowCounter(declared)));
        return StageDescriptor.named(stream.id(), stream.job())
                .spec(stream.specs().toArray(String[]::new))
                .arc(stream.arc())
                .after(stream.after().toArray(String[]::new))
                .before(stream.before().toArray(String[]::new))
                .settings(stream.id(), stream.keys().toArray(ConfigKey[]::new))
                .outputs(Out.values())
                .drops(Drop.values())
                .counters(counters.toArray(CounterId[]::new))
                .factory(setup -> new StreamBridge(stream, plugin, setup));
    }

    private final StreamStage stream;
    private final String plugin;
    private final StageSetup setup;
    private final Runnable signal;
    private final Materializer materializer;
    private final Set<String> told;
    private final long awayNanos;
    private final AwayPackets away;

    /** Counted by the flow's threads; the unexpected first. */
    private final AtomicLongArray counted;

    private final List<CounterId> countedAs = new ArrayList<>();
    private final AtomicBoolean countedAnything = new AtomicBoolean();

    private @Nullable Run run;
    private long startedAt;
    /** When the flow is to be started again, once it has ended. */
    private long startAgainAt;

    private boolean hasEndedBefore;
    private int endsInARow;
    private long backoffNanos = FIRST_BACKOFF_NANOS;
    private boolean timerSet;

    private StreamBridge(StreamStage stream, String plugin, StageSetup setup) {
        this.stream = stream;
        this.plugin = plugin;
        this.setup = setup;
        signal = setup.signal();
        ActorSystem system = ((StageRunner) setup).materializer().system();
        PluginDispatcher.register(system);
        // Not the lane's own: a flow that hangs must not keep the lane, and with it the router, from ending.
        materializer = SystemMaterializer.get(system).materializer();
        told = setup.shared(Told.class, Told::new).causes;
        awayNanos = stream.awayAtMost().toNanos();
        away = new AwayPackets(stream.mostAway());
        countedAs.add(Counter.UNEXPECTED);
        stream.counters().forEach(declared -> countedAs.add(new FlowCounter(declared)));
        counted = new AtomicLongArray(countedAs.size());
    }

    // --- on the lane's thread

    @Override
    public void process(PacketVector packets, StageContext context) {
        StageRunner runner = (StageRunner) context;
        arrivals(runner);
        Run to = running(runner);
        if (to == null) {
            standIn(packets, runner);
            return;
        }
        PacketVector copies = new PacketVector(packets.size());
        long now = context.nowNanos();
        int left = 0;
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            PacketBuffer copy = away.copy(packet, now);
            if (copy == null) {
                context.drop(packet, Drop.STREAM_FULL);
                continue;
            }
            left += packet.chainCount();
            copies.add(copy);
            runner.leave(packet);
        }
        if (left != 0) {
            context.count(Counter.WENT_OUT, left);
            hand(copies, to, runner);
        }
        setTimer(runner);
    }

    /** The queue has room for as many vectors as packets may be away; a flow that takes none of them may fill it even so. */
    private void hand(PacketVector copies, Run to, StageRunner runner) {
        QueueOfferResult result = to.offer(copies);
        if (result.isEnqueued()) {
            return;
        }
        boolean full = result == QueueOfferResult.dropped();
        for (int i = 0; i < copies.size(); i++) {
            runner.endElsewhere(full ? Drop.STREAM_FULL : Drop.STREAM_DOWN, away.recall(copies.get(i)));
        }
        if (!full) {
            ended(to, runner);
        }
    }

    private void standIn(PacketVector packets, StageRunner runner) {
        boolean bypass = runner.policy() == FaultPolicy.BYPASS;
        for (int i = 0; i < packets.size(); i++) {
            if (bypass) {
                runner.send(packets.get(i), Out.NEXT);
            } else {
                runner.drop(packets.get(i), Drop.STREAM_DOWN);
            }
        }
    }

    @Override
    public void onSignal(StageContext context) {
        StageRunner runner = (StageRunner) context;
        arrivals(runner);
        Run now = run;
        if (now != null && now.hasEnded) {
            ended(now, runner);
        }
        setTimer(runner);
    }

    @Override
    public void onTimer(StageContext context) {
        StageRunner runner = (StageRunner) context;
        timerSet = false;
        arrivals(runner);
        missThose(context.nowNanos() - awayNanos, runner);
        running(runner);
        setTimer(runner);
    }

    @Override
    public void onStop(StageContext context) {
        StageRunner runner = (StageRunner) context;
        Run now = run;
        run = null;
        if (now != null) {
            now.abort();
        }
        counts(runner);
        runner.endElsewhere(away.count());
    }

    /** Sends on what has come home, as far as there are buffers for it. */
    private void arrivals(StageRunner runner) {
        counts(runner);
        int budget = MOST_AT_ONCE;
        for (AwayPackets.Copy copy = away.peekHome(); copy != null; copy = away.peekHome()) {
            if (budget == 0) {
                signal.run(); // when what was sent has gone on
                return;
            }
            budget--;
            if (copy.isDiscarded()) {
                away.pollHome();
                end(copy, Drop.DISCARDED, runner);
            } else if (runner.mayComeBack(copy.members())) {
                away.pollHome();
                comeBack(copy, runner);
            } else if (budget < MOST_AT_ONCE - 1) {
                signal.run(); // those that were sent free buffers soon
                return;
            } else {
                runner.wakeAfter(RETRY_NANOS);
                return;
            }
        }
    }

    private void comeBack(AwayPackets.Copy copy, StageRunner runner) {
        int members = copy.members();
        runner.count(Counter.CAME_BACK, members);
        PacketBuffer packet = runner.comeBack(members);
        boolean well = restore(copy, packet, runner);
        away.release(copy);
        if (well) {
            runner.send(packet, Out.NEXT);
        } else {
            runner.drop(packet, Drop.MISSHAPEN);
        }
    }

    /** Copies into the lane's buffers, trusting nothing: the flow may write to the packet at this very moment. */
    private static boolean restore(AwayPackets.Copy copy, PacketBuffer packet, StageRunner runner) {
        int interfaces = runner.interfaces().size();
        PacketBuffer into = packet;
        for (AwayPackets.Copy member = copy; member != null && into != null; member = member.follower()) {
            try {
                into.copyOf(member.packet());
            } catch (IndexOutOfBoundsException outside) {
                return false;
            }
            if (!isWithin(into.l2Offset(), into)
                    || !isWithin(into.l3Offset(), into)
                    || !isWithin(into.l4Offset(), into)
                    || !isInterface(into.receiveInterface(), interfaces)
                    || !isInterface(into.transmitInterface(), interfaces)) {
                return false;
            }
            into = into.nextInChain();
        }
        return true;
    }

    private static boolean isWithin(int offset, PacketBuffer packet) {
        return offset == PacketBuffer.UNKNOWN || (offset >= 0 && offset <= packet.end());
    }

    private static boolean isInterface(int id, int interfaces) {
        return id == InterfaceId.NONE || (id >= 0 && id < interfaces);
    }

    private void end(AwayPackets.Copy copy, Drop reason, StageRunner runner) {
        runner.endElsewhere(reason, copy.members());
        away.release(copy);
    }

    private void missThose(long leftBy, StageRunner runner) {
        boolean any = false;
        for (int missed = away.miss(leftBy); missed != 0; missed = away.miss(leftBy)) {
            runner.endElsewhere(Drop.LOST_IN_STREAM, missed);
            any = true;
        }
        Run now = run;
        if (any && now != null && now.errorsSeen != PluginDispatcher.errors()) {
            now.cause =
                    new IllegalStateException("an error on a plugin's thread, which the log tells, left it hanging");
            ended(now, runner);
        }
    }

    private void counts(StageRunner runner) {
        if (!countedAnything.compareAndSet(true, false)) {
            return;
        }
        for (int i = 0; i < counted.length(); i++) {
            long amount = counted.getAndSet(i, 0);
            if (amount != 0) {
                runner.count(countedAs.get(i), amount);
            }
        }
    }

    private void setTimer(StageRunner runner) {
        long at = Long.MAX_VALUE;
        if (run == null && hasEndedBefore) {
            at = startAgainAt;
        }
        if (away.count() != 0) {
            at = Math.min(at, away.earliest() + awayNanos);
        }
        if (!timerSet && at != Long.MAX_VALUE) {
            timerSet = true;
            runner.wakeAfter(Math.max(1, at - runner.nowNanos()));
        }
    }

    // --- the flow's life

    /** The flow that runs, started if it is time to; or null. */
    private @Nullable Run running(StageRunner runner) {
        Run now = run;
        if (now == null && (!hasEndedBefore || runner.nowNanos() - startAgainAt >= 0)) {
            now = start(runner);
        }
        return now;
    }

    private @Nullable Run start(StageRunner runner) {
        startedAt = runner.nowNanos();
        Run made = new Run();
        try {
            made.start(stream.flow(made));
        } catch (RuntimeException | Error fault) {
            made.cause = fault;
            ended(made, runner);
            return null;
        }
        run = made;
        return made;
    }

    /** The flow has failed or completed: what is in it is lost, and it starts again after a while. */
    private void ended(Run of, StageRunner runner) {
        of.abort();
        run = null;
        hasEndedBefore = true;
        arrivals(runner); // of the last moment
        missThose(runner.nowNanos() + Long.MAX_VALUE / 2, runner);
        runner.count(Counter.FLOW_ENDED, 1);
        long now = runner.nowNanos();
        if (now - startedAt > RECOVERED_NANOS) {
            backoffNanos = FIRST_BACKOFF_NANOS;
            endsInARow = 0;
        }
        endsInARow++;
        startAgainAt = now + backoffNanos;
        backoffNanos = Math.min(2 * backoffNanos, LONGEST_BACKOFF_NANOS);
        timerSet = false; // this may be sooner than what it is set to
        setTimer(runner);
        Throwable cause = of.cause;
        if (told.add(stream.id() + " " + cause)) {
            if (cause == null) {
                LOG.error("the flow of plugin {}, stage {}, has completed, and starts again", plugin, stream.id());
            } else {
                LOG.error("the flow of plugin {}, stage {}, has failed, and starts again", plugin, stream.id(), cause);
            }
        }
        if (runner.policy() == FaultPolicy.STOP && endsInARow >= StageBreaker.FAULTS_TO_OPEN) {
            runner.endRouter(cause == null ? new IllegalStateException("its flow completes again and again") : cause);
        }
    }

    // --- on the flow's threads, but for start and abort

    /** One run of the flow, from its start to its end, with the place where its packets come out. */
    private final class Run extends GraphStage<SinkShape<PacketVector>> implements StreamSetup {
        private final Inlet<PacketVector> in = Inlet.create("home");
        private final SinkShape<PacketVector> shape = SinkShape.of(in);
        private @Nullable BoundedSourceQueue<PacketVector> source;
        /** At both ends of the flow, which may not tell one of the other's end. */
        private final SharedKillSwitch killSwitch = KillSwitches.shared(stream.id());

        private volatile @Nullable Throwable cause;
        private volatile boolean hasEnded;
        /** Of all plugins, when this flow let something out last: it has survived them. */
        private volatile long errorsSeen = PluginDispatcher.errors();

        void start(Flow<PacketVector, PacketVector, NotUsed> flow) {
            source = Source.<PacketVector>queue(stream.mostAway())
                    .via(killSwitch.flow())
                    .viaMat(flow, Keep.left())
                    .via(killSwitch.flow())
                    .toMat(Sink.fromGraph(this), Keep.left())
                    .addAttributes(ActorAttributes.dispatcher(PluginDispatcher.ID))
                    .run(materializer);
        }

        QueueOfferResult offer(PacketVector copies) {
            return Objects.requireNonNull(source, "offered before the start").offer(copies);
        }

        void abort() {
            killSwitch.shutdown();
        }

        @Override
        public SinkShape<PacketVector> shape() {
            return shape;
        }

        @Override
        public GraphStageLogic createLogic(Attributes attributes) {
            return new Home();
        }

        private final class Home extends GraphStageLogic implements InHandler {
            Home() {
                super(shape);
                setHandler(in, this);
            }

            @Override
            public void preStart() {
                pull(in);
            }

            @Override
            public void onPush() {
                PacketVector vector = grab(in);
                errorsSeen = PluginDispatcher.errors();
                for (int i = 0; i < vector.size(); i++) {
                    home(vector.get(i), false);
                }
                signal.run();
                pull(in);
            }

            @Override
            public void onUpstreamFailure(Throwable failure) {
                cause = failure;
                failStage(failure);
            }

            @Override
            public void postStop() {
                hasEnded = true;
                signal.run();
            }
        }

        private void home(PacketBuffer packet, boolean discarded) {
            if (!away.home(packet, discarded)) {
                add(0, 1);
            }
        }

        private void add(int index, long amount) {
            counted.addAndGet(index, amount);
            countedAnything.set(true);
        }

        @Override
        public Settings settings() {
            return setup.settings();
        }

        @Override
        public int lane() {
            return setup.lane();
        }

        @Override
        public int laneCount() {
            return setup.laneCount();
        }

        @Override
        public <T> T shared(Class<T> type, Supplier<T> factory) {
            return setup.shared(type, factory);
        }

        @Override
        public void count(CounterId counter, long amount) {
            add(1 + counter.ordinal(), amount);
        }

        @Override
        public void discard(PacketBuffer packet) {
            home(packet, true);
            signal.run();
        }
    }
}
