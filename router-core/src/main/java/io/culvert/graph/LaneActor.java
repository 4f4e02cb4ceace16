// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import akka.actor.typed.javadsl.TimerScheduler;
import akka.stream.Materializer;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.Settings;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.TransmitQueue;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the graph of one lane running: materialises it over the queues it is given, anew whenever those or the graph change,
 * and again with back-off when it dies. Other lanes don't notice.
 */
public final class LaneActor extends AbstractBehavior<LaneActor.Command> {
    private static final Duration FIRST_BACKOFF = Duration.ofMillis(10);
    private static final Duration LONGEST_BACKOFF = Duration.ofSeconds(10);

    /** What the actor is told. */
    public sealed interface Command {}

    /**
     * The queues of an interface are there: read and write them, and tell when the graph does. Replaces earlier ones of
     * that interface.
     */
    public record Attach(int interfaceId, List<ReceiveQueue> receive, TransmitQueue transmit, ActorRef<Settled> settled)
            implements Command {
        public Attach {
            receive = List.copyOf(receive);
        }
    }

    /** Let go of an interface's queues; told once no stage uses them any more. */
    public record Detach(int interfaceId, ActorRef<Settled> settled) implements Command {}

    /**
     * Run another graph with other settings, in place of the one that runs; told when the lane does. What is on its way is
     * finished before.
     */
    public record Run(RouterGraph graph, Function<StageDescriptor, Settings> settings, ActorRef<Runs> runs)
            implements Command {}

    /** The lane runs the graph that it was told to. */
    public record Runs(int lane, RouterGraph graph) {}

    /** Finish what is on its way and stop. */
    public record Stop() implements Command {}

    /**
     * The lane's graph runs with what it was told about an interface.
     *
     * @param attached whether it uses the interface's queues now, or no stage does any more
     */
    public record Settled(int lane, int interfaceId, boolean attached) {}

    private record GraphEnded(RouterGraph.Running graph) implements Command {}

    private record Restart() implements Command {}

    private record Queues(List<ReceiveQueue> receive, TransmitQueue transmit) {}

    private final Lane lane;
    private RouterGraph graph;
    private final RouterGraph.DeviceLoss deviceLoss;
    private final String dispatcher;
    private final TimerScheduler<Command> timers;
    private final Materializer materializer;
    private final Map<Integer, Queues> queues = new TreeMap<>();
    private final List<Runnable> toSettle = new ArrayList<>();
    private RouterGraph.@Nullable Running running;
    private @Nullable Function<StageDescriptor, Settings> settings;
    private boolean restartWanted;
    private boolean stopping;
    private Duration backoff = FIRST_BACKOFF;
    private long startedNanos;

    private LaneActor(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            Lane lane,
            RouterGraph graph,
            RouterGraph.DeviceLoss deviceLoss,
            String dispatcher) {
        super(context);
        this.timers = timers;
        this.lane = lane;
        this.graph = graph;
        this.deviceLoss = deviceLoss;
        this.dispatcher = dispatcher;
        this.materializer = Materializer.createMaterializer(context);
    }

    /**
     * Starts the lane without queues.
     *
     * @param deviceLoss told, on the lane's thread, when a queue's device is gone
     * @param dispatcher name of the Akka dispatcher that runs the lane's graph
     */
    public static Behavior<Command> create(
            Lane lane, RouterGraph graph, RouterGraph.DeviceLoss deviceLoss, String dispatcher) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            LaneActor actor = new LaneActor(context, timers, lane, graph, deviceLoss, dispatcher);
            actor.start();
            return actor;
        }));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Attach.class, this::onAttach)
                .onMessage(Detach.class, this::onDetach)
                .onMessage(Run.class, this::onRun)
                .onMessage(GraphEnded.class, this::onGraphEnded)
                .onMessage(Restart.class, message -> {
                    if (running == null) {
                        start();
                    }
                    return this;
                })
                .onMessage(Stop.class, message -> onStop())
                .onSignal(PostStop.class, signal -> this)
                .build();
    }

    private Behavior<Command> onAttach(Attach message) {
        queues.put(message.interfaceId(), new Queues(message.receive(), message.transmit()));
        toSettle.add(() -> message.settled().tell(new Settled(lane.number(), message.interfaceId(), true)));
        rematerialise();
        return this;
    }

    private Behavior<Command> onDetach(Detach message) {
        queues.remove(message.interfaceId());
        toSettle.add(() -> message.settled().tell(new Settled(lane.number(), message.interfaceId(), false)));
        rematerialise();
        return this;
    }

    private Behavior<Command> onRun(Run message) {
        graph = message.graph();
        settings = message.settings();
        toSettle.add(() -> message.runs().tell(new Runs(lane.number(), message.graph())));
        rematerialise();
        return this;
    }

    private Behavior<Command> onStop() {
        stopping = true;
        if (running == null) {
            return Behaviors.stopped();
        }
        running.stop();
        return this;
    }

    private void rematerialise() {
        restartWanted = true;
        if (running == null) {
            start();
        } else {
            running.stop();
        }
    }

    private void start() {
        restartWanted = false;
        if (settings != null) {
            lane.use(settings);
        }
        List<ReceiveQueue> receive = queues.values().stream()
                .flatMap(attached -> attached.receive().stream())
                .toList();
        List<TransmitQueue> transmit =
                queues.values().stream().map(Queues::transmit).toList();
        RouterGraph.Running started = graph.run(lane, receive, transmit, deviceLoss, dispatcher, materializer);
        running = started;
        lane.announce(graph);
        startedNanos = System.nanoTime();
        toSettle.forEach(Runnable::run);
        toSettle.clear();
        getContext().pipeToSelf(started.ended(), (done, failure) -> new GraphEnded(started));
    }

    private Behavior<Command> onGraphEnded(GraphEnded message) {
        if (message.graph() != running) {
            return this;
        }
        running = null;
        lane.announce(null);
        if (stopping) {
            return Behaviors.stopped();
        }
        if (restartWanted) {
            backoff = FIRST_BACKOFF;
            start();
        } else {
            if (System.nanoTime() - startedNanos > LONGEST_BACKOFF.toNanos()) {
                backoff = FIRST_BACKOFF; // it ran well for a while
            }
            getContext().getLog().error("lane {} died; starting it again in {} ms", lane.number(), backoff.toMillis());
            timers.startSingleTimer(new Restart(), backoff);
            backoff =
                    backoff.multipliedBy(2).compareTo(LONGEST_BACKOFF) > 0 ? LONGEST_BACKOFF : backoff.multipliedBy(2);
        }
        return this;
    }
}
