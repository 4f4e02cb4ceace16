// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import akka.Done;
import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.Behavior;
import akka.actor.typed.DispatcherSelector;
import akka.actor.typed.SupervisorStrategy;
import akka.actor.typed.Terminated;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Adapter;
import akka.actor.typed.javadsl.AskPattern;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import io.culvert.config.Catalog;
import io.culvert.config.InterfaceConfig;
import io.culvert.config.NeighborConfig;
import io.culvert.config.RouterAdvertisementConfig;
import io.culvert.config.RouterConfig;
import io.culvert.ffi.NativeException;
import io.culvert.ffi.NativeMemory;
import io.culvert.fib.Fib;
import io.culvert.fib.RouteSource;
import io.culvert.graph.FaultPolicy;
import io.culvert.graph.Lane;
import io.culvert.graph.LaneActor;
import io.culvert.graph.LaneDispatcher;
import io.culvert.graph.PluginDispatcher;
import io.culvert.graph.RouterGraph;
import io.culvert.graph.StageWatch;
import io.culvert.iface.EventLoop;
import io.culvert.iface.InterfaceActor;
import io.culvert.neighbor.NeighborTable;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip4Address;
import io.culvert.net.MacAddress;
import io.culvert.net.VrfId;
import io.culvert.packet.BufferPool;
import io.culvert.spi.Device;
import io.culvert.spi.FibView;
import io.culvert.spi.InterfaceKind;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.ManagementCommand;
import io.culvert.spi.NeighborView;
import io.culvert.spi.PluginContext;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.Settings;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * The guardian: makes every other actor of a router, passes the news of interfaces on to those they concern, and ends the
 * router in order: first the lanes, which drain, then the devices.
 */
public final class RouterActor extends AbstractBehavior<RouterActor.Command> {
    /** What the actor is told. */
    public sealed interface Command {}

    /** Drain, remove what was made, and end. */
    public record Stop() implements Command {}

    /** Tell how the router stands. */
    public record Inspect(ActorRef<View> replyTo) implements Command {}

    /**
     * The router at one moment. The tables in it go on changing.
     *
     * @param counters of all lanes
     * @param graph the stages as they are to run
     * @param lanes each with the graph that it runs
     * @param buffersOutstanding packets of all pools that are in use
     */
    public record View(
            RouterConfig config,
            InterfaceTable interfaces,
            RouterCounters counters,
            RouterGraph graph,
            List<Lane> lanes,
            int buffersOutstanding) {
        public View {
            lanes = List.copyOf(lanes);
        }
    }

    private record DeviceNews(InterfaceActor.Event event) implements Command {}

    private record NeighborNews(NeighborActor.Event event) implements Command {}

    private record NeighborsRestarted() implements Command {}

    private record RoutesRestarted() implements Command {}

    private record NeighborsStopped() implements Command {}

    private record LocalDeliverySettled() implements Command {}

    private record LocalDeliveryStopped() implements Command {}

    private record LossesCounted(ActorRef<View> replyTo) implements Command {}

    private record LanesLate() implements Command {}

    private record InterfacesLate() implements Command {}

    private record ManagementNews(ManagementActor.Status status) implements Command {}

    private record RoutesApplied(RouteActor.Applied applied) implements Command {}

    private record PluginsStarted(List<PluginControls.Side> sides) implements Command {}

    private record PluginActorEnded(String plugin) implements Command {}

    private record StageEndsRouter(String why) implements Command {}

    private record PluginsTold() implements Command {}

    private record PluginsLate() implements Command {}

    /** Have all lanes run other stages. */
    private record RunStages(RouterGraph graph, RouterConfig config, ActorRef<StagesRun> replyTo) implements Command {}

    /** All lanes do. */
    private record StagesRun() {}

    private record LaneRuns(LaneActor.Runs news) implements Command {}

    private record LaneNews(LaneActor.Settled settled) implements Command {}

    /** What becomes of the router, told to whoever started it. Called on the actor's thread. */
    public interface Outcome {
        /** Every interface has been tried: packets flow through those that are up. */
        void ready(int up, int all);

        /** The router has ended, with these counters. */
        void ended(InterfaceTable interfaces, RouterCounters counters);

        /** A part of the router that it can't do without has failed: the router ends. */
        void failed(String what);

        /**
         * The router ends because it lacks a right: trying again is of no use. Told once for each interface.
         *
         * @param what for which it is lacking, as an operator would say: {@code interface lan}
         */
        void missingRight(String what, IOException cause);
    }

    /** Makes what opens an interface; tests open other devices than the kernel's. */
    @FunctionalInterface
    public interface Openers {
        InterfaceKind.Opener opener(int interfaceId, InterfaceConfig config, MacAddress mac, List<EventLoop> loops);
    }

    private record Attaching(RouterInterface iface, Set<Integer> lanes) {}

    private static final Openers KERNEL = InterfaceActor::opener;
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(3);
    private static final Duration LANES_STOP_WITHIN = Duration.ofSeconds(8);
    private static final Duration INTERFACES_CLOSE_WITHIN = Duration.ofSeconds(5);
    private static final Duration COUNTED_WITHIN = Duration.ofSeconds(1);
    /** A file of a million routes takes seconds to read, longer on a machine that is busy forwarding. */
    private static final Duration RELOAD_WITHIN = Duration.ofSeconds(55);

    /** A lane first finishes what it has at hand. */
    private static final Duration STAGES_RUN_WITHIN = Duration.ofSeconds(10);

    private static final Duration PLUGIN_ACTORS_STOP_WITHIN = Duration.ofSeconds(1);
    private static final int LOCALLY_ADMINISTERED = 0x02;

    private final RouterConfig config;
    private final Openers openers;
    private final LongSupplier clock;
    private volatile RouterConfig configInForce;
    private final Outcome outcome;
    private RouterGraph graph;
    private final Catalog catalog;
    private final PluginControls plugins;
    /** The objects that stages share over all lanes, and plugins with theirs, by type. */
    private final Map<Class<?>, Object> shared = new ConcurrentHashMap<>();
    /** What operators can ask of the router itself. */
    private final List<ManagementCommand> commands = new ArrayList<>();

    private final ActorRef<ManagementActor.Command> management;
    private boolean pluginsStarted;
    private boolean pluginsStopped;
    /** One for each lane. */
    private final List<EventLoop> loops = new ArrayList<>();

    private final PublishedTables tables;
    private final List<Lane> lanes = new ArrayList<>();
    private final List<ShowMemory.Pool> pools = new ArrayList<>();
    private final List<ActorRef<LaneActor.Command>> laneActors = new ArrayList<>();
    private final List<ActorRef<InterfaceActor.Command>> interfaceActors = new ArrayList<>();
    private final NeighborMailbox neighborMailbox;
    private final ActorRef<NeighborActor.Command> neighbors;
    private final ActorRef<RouteActor.Command> routes;
    private final ActorRef<RouteActor.Applied> routeNews;
    private int routeRequests;
    /** Interfaces that some lanes have not attached yet: which lanes, and what to announce when all have. */
    private final Map<Integer, Attaching> attaching = new HashMap<>();

    /** Own addresses by interface of which it is not known yet whether another station has them. */
    private final Map<Integer, List<InterfaceAddress>> undecided = new HashMap<>();

    /** Interfaces that some lanes still use. */
    private final Map<Integer, Set<Integer>> releasing = new HashMap<>();

    private @Nullable StageWatch watch;
    /** Packets that each interface's device has lost, its receive queue being full. */
    private final Map<Integer, Long> missed = new HashMap<>();
    /** What each interface's devices have counted by themselves. */
    private final Map<Integer, List<Device.Count>> deviceCounts = new HashMap<>();

    private final Set<Integer> tried = new HashSet<>();
    private final Set<Integer> lackingRight = new HashSet<>();
    private final ActorRef<LaneActor.Settled> laneNews;
    private final @Nullable ActorRef<LocalDeliveryActor.Command> localDelivery;
    private @Nullable ActorRef<StagesRun> stagesAwaited;
    private int lanesToRun;
    private int lanesRunning;
    private int interfacesOpen;
    private boolean stopping;
    private boolean readyAsked;
    private boolean readyTold;

    /**
     * The behavior of a router.
     *
     * @param reader reads the configuration again
     * @param catalog what it can be made of
     * @param moreCommands what operators can ask besides what the control plane itself answers
     * @throws IllegalArgumentException when the stages can't be put in order
     */
    public static Behavior<Command> create(
            RouterConfig config,
            ReloadActor.Reader reader,
            Catalog catalog,
            List<ManagementCommand> moreCommands,
            Outcome outcome) {
        return create(config, reader, catalog, moreCommands, outcome, KERNEL);
    }

    /** The same with devices of another making. */
    public static Behavior<Command> create(
            RouterConfig config,
            ReloadActor.Reader reader,
            Catalog catalog,
            List<ManagementCommand> moreCommands,
            Outcome outcome,
            Openers openers) {
        return create(config, reader, catalog, moreCommands, outcome, openers, System::nanoTime);
    }

    /**
     * The same in another time.
     *
     * @param clock monotonic nanoseconds, in step with the actor system's scheduler
     */
    public static Behavior<Command> create(
            RouterConfig config,
            ReloadActor.Reader reader,
            Catalog catalog,
            List<ManagementCommand> moreCommands,
            Outcome outcome,
            Openers openers,
            LongSupplier clock) {
        RouterGraph graph = new RouterGraph(catalog.stagesOf(config), catalog::describe);
        return Behaviors.setup(context ->
                new RouterActor(context, config, reader, catalog, graph, moreCommands, outcome, openers, clock));
    }

    private RouterActor(
            ActorContext<Command> context,
            RouterConfig config,
            ReloadActor.Reader reader,
            Catalog catalog,
            RouterGraph graph,
            List<ManagementCommand> moreCommands,
            Outcome outcome,
            Openers openers,
            LongSupplier clock)
            throws NativeException {
        super(context);
        this.clock = clock;
        this.config = config;
        this.configInForce = config;
        this.outcome = outcome;
        this.graph = graph;
        this.catalog = catalog;
        Fib fib = new Fib();
        NeighborTable neighborTable = new NeighborTable(config.neighbor().maxEntries(), System.nanoTime());
        tables = new PublishedTables(fib, neighborTable);
        tables.publish(new InterfaceTable(interfacesDown()));
        routes = context.spawn(restarted(RouteActor.create(fib), new RoutesRestarted()), "routes");
        neighborMailbox = new NeighborMailbox(neighborTable, NeighborMailbox.DEFAULT_LIMIT);
        neighbors = context.spawn(
                restarted(
                        NeighborActor.create(
                                neighborMailbox,
                                this::sendFrame,
                                neighborSettings(config.neighbor()),
                                context.messageAdapter(NeighborActor.Event.class, NeighborNews::new),
                                clock),
                        new NeighborsRestarted()),
                "neighbors");
        routeNews = context.messageAdapter(RouteActor.Applied.class, RoutesApplied::new);
        askRoutes(new RouteActor.ReplaceRoutes(RouteSource.STATIC, StaticRoutes.of(config), routeNews));
        laneNews = context.messageAdapter(LaneActor.Settled.class, LaneNews::new);
        PluginDispatcher.register(Adapter.toClassic(context.getSystem()));
        plugins = new PluginControls(context, catalog.plugins(), new SeenByPlugins(), PluginActorEnded::new);
        // Where devices are not the kernel's, it has no side of them.
        localDelivery = openers == KERNEL ? startLocalDelivery() : null;
        startLanes();
        this.openers = openers;
        management = startManagement(reader, moreCommands);
    }

    private void startLanes() throws NativeException {
        ActorRef<Command> self = getContext().getSelf();
        int count = config.lanes().orElse(Runtime.getRuntime().availableProcessors());
        Lane.Environment environment = new Lane.Environment(
                count,
                config.vectorSize(),
                tables,
                neighborMailbox,
                config::settings,
                stage -> FaultPolicy.valueOf(config.supervision().of(stage.id()).name()),
                shared,
                clock,
                new StageFaults(catalog, getContext().getSystem().log(), why -> self.tell(new StageEndsRouter(why))));
        for (int number = 0; number < count; number++) {
            ByteBuffer memory = NativeMemory.map(config.buffersPerLane() * BufferPool.BUFFER_BYTES);
            BufferPool packets = new BufferPool(memory, NativeMemory.address(memory));
            pools.add(new ShowMemory.Pool(number, packets, memory));
            Lane lane = new Lane(number, packets, environment);
            if (config.supervision().debugBuffers()) {
                lane.debugBuffers();
            }
            lanes.add(lane);
            EventLoop loop = new EventLoop();
            loops.add(loop);
            String dispatcher = LaneDispatcher.register(getContext().getSystem(), lane, loop);
            ActorRef<LaneActor.Command> actor =
                    getContext().spawn(LaneActor.create(lane, graph, this::deviceLost, dispatcher), "lane-" + number);
            getContext().watch(actor);
            laneActors.add(actor);
        }
        lanesRunning = count;
        watch = new StageWatch(lanes, config.supervision().stageTimeBudget());
    }

    /** Once the management socket is this router's: another router of the same name must keep its devices. */
    private void startInterfaces() {
        ActorRef<InterfaceActor.Event> news = getContext().messageAdapter(InterfaceActor.Event.class, DeviceNews::new);
        for (int id = 0; id < config.interfaces().size(); id++) {
            InterfaceConfig one = config.interfaces().get(id);
            InterfaceKind.Opener opener = openers.opener(id, one, madeUpMac(one.name()), loops);
            interfaceActors.add(getContext()
                    .spawn(
                            InterfaceActor.create(id, opener, news),
                            "interface-" + one.name(),
                            DispatcherSelector.blocking()));
        }
        interfacesOpen = interfaceActors.size();
    }

    /** On the thread of the reload. */
    private void inForce(RouterConfig now) {
        configInForce = now;
        if (localDelivery != null) {
            localDelivery.tell(new LocalDeliveryActor.ConfigChanged(now));
        }
    }

    private @Nullable ActorRef<LocalDeliveryActor.Command> startLocalDelivery() {
        for (InterfaceConfig one : config.interfaces()) {
            if (one instanceof InterfaceConfig.Tap tap && tap.role() == RouterInterface.Role.LOCAL_DELIVERY) {
                return getContext()
                        .spawn(LocalDeliveryActor.create(config, tap), "local-delivery", DispatcherSelector.blocking());
            }
        }
        return null;
    }

    private ActorRef<ManagementActor.Command> startManagement(
            ReloadActor.Reader reader, List<ManagementCommand> moreCommands) {
        ActorSystem<Void> system = getContext().getSystem();
        ActorRef<Command> self = getContext().getSelf();
        Supplier<CompletionStage<View>> view =
                () -> AskPattern.<Command, View>ask(self, Inspect::new, ANSWER_WITHIN, system.scheduler());
        ActorRef<ReloadActor.Command> reload = getContext()
                .spawn(
                        ReloadActor.create(
                                reader,
                                catalog,
                                config,
                                (next, settings) -> AskPattern.<Command, StagesRun>ask(
                                        self,
                                        replyTo -> new RunStages(next, settings, replyTo),
                                        STAGES_RUN_WITHIN,
                                        system.scheduler()),
                                this::inForce,
                                routes),
                        "reload",
                        DispatcherSelector.blocking());
        commands.addAll(moreCommands);
        commands.addAll(List.of(
                new ShowInterfaces(view),
                new ShowCounters(view),
                new ShowDrops(view),
                new ShowGraph(view, catalog),
                new ShowMemory(pools),
                new ShowPlugins(catalog, () -> configInForce, plugins::impairment),
                new ShowRoutes(
                        () -> AskPattern.<RouteActor.Command, RouteActor.Listing>ask(
                                routes, RouteActor.Inspect::new, ANSWER_WITHIN, system.scheduler()),
                        tables::interfaces),
                new ShowNeighbors(
                        () -> AskPattern.<NeighborActor.Command, NeighborActor.Listing>ask(
                                neighbors, NeighborActor.Inspect::new, ANSWER_WITHIN, system.scheduler()),
                        tables::interfaces),
                new ShowConfig(() -> configInForce),
                new ShowMetrics(plugins::metrics),
                new ReloadRequest(() -> AskPattern.<ReloadActor.Command, ReloadActor.Result>ask(
                        reload, ReloadActor.Reload::new, RELOAD_WITHIN, system.scheduler()))));
        return getContext()
                .spawn(
                        ManagementActor.create(
                                config.management(),
                                commands,
                                getContext().messageAdapter(ManagementActor.Status.class, ManagementNews::new)),
                        "management");
    }

    /** A MAC address that is the same at every start and, most likely, no other interface's. */
    private MacAddress madeUpMac(String interfaceName) {
        CRC32 hash = new CRC32();
        hash.update((config.name() + "/" + interfaceName).getBytes(StandardCharsets.UTF_8));
        return new MacAddress((long) LOCALLY_ADMINISTERED << 40 | 0xc0L << 32 | hash.getValue());
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(DeviceNews.class, this::onDeviceNews)
                .onMessage(NeighborNews.class, this::onNeighborNews)
                .onMessage(NeighborsRestarted.class, message -> {
                    upInterfaces().forEach(this::introduce);
                    return this;
                })
                .onMessage(RoutesRestarted.class, message -> onRoutesRestarted())
                .onMessage(NeighborsStopped.class, message -> onNeighborsStopped())
                .onMessage(LocalDeliverySettled.class, message -> {
                    askRoutes(new RouteActor.AddRoutes(List.of(), routeNews));
                    return this;
                })
                .onMessage(LocalDeliveryStopped.class, message -> closeInterfaces())
                .onMessage(RoutesApplied.class, message -> onRoutesApplied())
                .onMessage(LanesLate.class, message -> onLanesLate())
                .onMessage(InterfacesLate.class, message -> onInterfacesLate())
                .onMessage(ManagementNews.class, this::onManagementNews)
                .onMessage(PluginsStarted.class, this::onPluginsStarted)
                .onMessage(PluginActorEnded.class, this::onPluginActorEnded)
                .onMessage(StageEndsRouter.class, this::onStageEndsRouter)
                .onMessage(PluginsTold.class, message -> onPluginsTold())
                .onMessage(PluginsLate.class, message -> onPluginsStopped())
                .onMessage(RunStages.class, this::onRunStages)
                .onMessage(LaneRuns.class, message -> onLaneRuns(message.news()))
                .onMessage(LaneNews.class, message -> onSettled(message.settled()))
                .onMessage(Inspect.class, this::onInspect)
                .onMessage(LossesCounted.class, message -> {
                    message.replyTo().tell(view());
                    return this;
                })
                .onMessage(Stop.class, message -> onStop())
                .onSignal(Terminated.class, signal -> onLaneEnded())
                .build();
    }

    /** What devices have lost is asked of the kernel when somebody wants to know. */
    private Behavior<Command> onInspect(Inspect message) {
        List<CompletableFuture<?>> counted = new ArrayList<>();
        for (ActorRef<InterfaceActor.Command> actor : interfaceActors) {
            counted.add(AskPattern.<InterfaceActor.Command, InterfaceActor.Counted>ask(
                            actor,
                            InterfaceActor.Count::new,
                            COUNTED_WITHIN,
                            getContext().getSystem().scheduler())
                    .toCompletableFuture());
        }
        // One that is busy opening its device does not keep the others from being told of.
        getContext()
                .pipeToSelf(
                        CompletableFuture.allOf(counted.toArray(CompletableFuture<?>[]::new)),
                        (all, late) -> new LossesCounted(message.replyTo()));
        return this;
    }

    private View view() {
        int outstanding = lanes.stream().mapToInt(Lane::buffersOutstanding).sum();
        return new View(
                configInForce,
                tables.interfaces(),
                new RouterCounters(lanes, missed, countsByName()),
                graph,
                lanes,
                outstanding);
    }

    private Map<String, List<Device.Count>> countsByName() {
        Map<String, List<Device.Count>> byName = new TreeMap<>();
        deviceCounts.forEach(
                (id, counts) -> byName.put(tables.interfaces().get(id).name(), counts));
        return byName;
    }

    // --- interfaces come and go

    private Behavior<Command> onDeviceNews(DeviceNews news) {
        if (news.event() instanceof InterfaceActor.Up up) {
            onUp(up);
        } else if (news.event() instanceof InterfaceActor.Down down) {
            onDown(down);
        } else if (news.event() instanceof InterfaceActor.Unavailable unavailable) {
            onUnavailable(unavailable);
        } else if (news.event() instanceof InterfaceActor.Missed lost) {
            missed.put(lost.interfaceId(), lost.packets());
        } else if (news.event() instanceof InterfaceActor.Counts counted) {
            deviceCounts.put(counted.interfaceId(), counted.counts());
        } else if (news.event() instanceof InterfaceActor.MtuChanged changed) {
            onMtuChanged(changed);
        } else {
            return onInterfaceClosed();
        }
        return this;
    }

    private void onUp(InterfaceActor.Up up) {
        int id = up.interfaceId();
        InterfaceConfig configured = config.interfaces().get(id);
        Device device = up.device();
        boolean ethernet = device.link() == RouterInterface.Link.ETHERNET;
        RouterInterface iface = new RouterInterface(
                id,
                configured.name(),
                device.name(),
                device.link(),
                configured.role(),
                VrfId.DEFAULT.value(),
                true,
                device.mtu(),
                device.mac(),
                device.kernelMac(),
                // On a link with neighbors an IPv6 address is usable once nobody else turns out to have it.
                ethernet ? ip4Only(configured.addresses()) : configured.addresses(),
                null,
                device.offloads(),
                configured.common().redirects(),
                configured.common().gro());
        attaching.put(id, new Attaching(iface, allLanes()));
        for (int lane = 0; lane < lanes.size(); lane++) {
            List<ReceiveQueue> receive = new ArrayList<>();
            for (int queue = lane; queue < device.receive().size(); queue += lanes.size()) {
                receive.add(device.receive().get(queue));
            }
            laneActors
                    .get(lane)
                    .tell(new LaneActor.Attach(id, receive, device.transmit().get(lane), laneNews));
        }
    }

    private void onMtuChanged(InterfaceActor.MtuChanged changed) {
        Attaching waiting = attaching.get(changed.interfaceId());
        RouterInterface now = tables.interfaces().get(changed.interfaceId());
        if (waiting != null) {
            attaching.put(
                    changed.interfaceId(), new Attaching(waiting.iface().withMtu(changed.mtu()), waiting.lanes()));
        } else if (now.up()) {
            getContext().getLog().info("interface {} has mtu {} now", now.name(), changed.mtu());
            publish(now.withMtu(changed.mtu()));
        }
    }

    /** Every lane reads and writes the interface: from now on it counts. */
    private void announce(RouterInterface iface) {
        getContext().getLog().info("interface {} is up: {} mtu {}", iface.name(), iface.device(), iface.mtu());
        publish(iface);
        introduce(iface);
        tried(iface.id());
    }

    /** Has the neighbors of an interface looked for, where it can have any. */
    private void introduce(RouterInterface iface) {
        if (iface.link() == RouterInterface.Link.ETHERNET) {
            InterfaceConfig configured = config.interfaces().get(iface.id());
            List<InterfaceAddress> toDecide = new ArrayList<>(configured.addresses());
            toDecide.removeAll(iface.addresses());
            undecided.put(iface.id(), toDecide);
            neighbors.tell(new NeighborActor.InterfaceUp(iface, configured.addresses(), advertisement(configured)));
        }
    }

    private List<RouterInterface> upInterfaces() {
        return tables.interfaces().all().stream().filter(RouterInterface::up).toList();
    }

    private Behavior<Command> onRoutesRestarted() {
        askRoutes(new RouteActor.ReplaceRoutes(RouteSource.STATIC, StaticRoutes.of(configInForce), routeNews));
        tables.interfaces().all().forEach(iface -> {
            routes.tell(new RouteActor.InterfaceChanged(iface));
            if (!iface.up()) {
                routes.tell(new RouteActor.InterfaceDown(iface.id()));
            }
        });
        return this;
    }

    /** Keeps an actor going: after a failure it starts again, and the router tells it anew what it needs to know. */
    private <T> Behavior<T> restarted(Behavior<T> behavior, Command news) {
        ActorRef<Command> self = getContext().getSelf();
        AtomicBoolean again = new AtomicBoolean();
        Behavior<T> announced = Behaviors.setup(context -> {
            if (again.getAndSet(true)) {
                self.tell(news);
            }
            return behavior;
        });
        return Behaviors.supervise(announced).onFailure(SupervisorStrategy.restart());
    }

    private Set<Integer> allLanes() {
        Set<Integer> all = new HashSet<>();
        for (int lane = 0; lane < lanes.size(); lane++) {
            all.add(lane);
        }
        return all;
    }

    private static List<InterfaceAddress> ip4Only(List<InterfaceAddress> addresses) {
        return addresses.stream()
                .filter(address -> address.address() instanceof Ip4Address)
                .toList();
    }

    private void publish(InterfaceTable interfaces) {
        tables.publish(interfaces);
        if (localDelivery != null) {
            localDelivery.tell(new LocalDeliveryActor.InterfacesChanged(interfaces));
        }
    }

    private void publish(RouterInterface iface) {
        publish(tables.interfaces().with(iface));
        routes.tell(new RouteActor.InterfaceChanged(iface));
    }

    private Behavior<Command> onManagementNews(ManagementNews news) {
        if (news.status() instanceof ManagementActor.Failed failed) {
            if (failed.isMissingRight()) {
                outcome.missingRight("management", failed.cause());
            } else {
                outcome.failed(failed.message());
            }
            return onStop();
        }
        getContext()
                .pipeToSelf(plugins.start(), (sides, fault) -> new PluginsStarted(sides == null ? List.of() : sides));
        startInterfaces();
        return this;
    }

    private Behavior<Command> onPluginsStarted(PluginsStarted message) {
        plugins.register(message.sides(), commands, command -> management.tell(new ManagementActor.Register(command)));
        pluginsStarted = true;
        becomeReady();
        return this;
    }

    private Behavior<Command> onNeighborNews(NeighborNews news) {
        if (news.event() instanceof NeighborActor.AddressUsable usable) {
            RouterInterface now = tables.interfaces().get(usable.interfaceId());
            if (now.up() && !now.addresses().contains(usable.address())) {
                publish(now.withAddress(usable.address()));
            }
            decided(usable.interfaceId(), usable.address());
        } else if (news.event() instanceof NeighborActor.AddressDuplicate duplicate) {
            getContext()
                    .getLog()
                    .error(
                            "{} is in use by another station on {}: it is not used here",
                            duplicate.address(),
                            tables.interfaces().get(duplicate.interfaceId()).name());
            decided(duplicate.interfaceId(), duplicate.address());
        }
        return this;
    }

    private void onDown(InterfaceActor.Down down) {
        int id = down.interfaceId();
        RouterInterface now = tables.interfaces().get(id);
        getContext()
                .getLog()
                .warn("interface {} is down: {}", now.name(), down.cause().getMessage());
        publish(tables.interfaces().with(now.down()));
        routes.tell(new RouteActor.InterfaceDown(id));
        neighbors.tell(new NeighborActor.InterfaceDown(id));
        attaching.remove(id);
        undecided.remove(id);
        releasing.put(id, allLanes());
        laneActors.forEach(lane -> lane.tell(new LaneActor.Detach(id, laneNews)));
        tried(id);
    }

    private Behavior<Command> onSettled(LaneActor.Settled news) {
        int id = news.interfaceId();
        if (news.attached()) {
            Attaching waiting = attaching.get(id);
            if (waiting != null
                    && waiting.lanes().remove(news.lane())
                    && waiting.lanes().isEmpty()) {
                attaching.remove(id);
                announce(waiting.iface());
            }
        } else {
            Set<Integer> busy = releasing.get(id);
            if (busy != null && busy.remove(news.lane()) && busy.isEmpty()) {
                releasing.remove(id);
                interfaceActors.get(id).tell(new InterfaceActor.Released());
            }
        }
        return this;
    }

    private void onUnavailable(InterfaceActor.Unavailable unavailable) {
        InterfaceConfig configured = config.interfaces().get(unavailable.interfaceId());
        if (InterfaceActor.isMissingRight(unavailable.cause())) {
            // It tries again until it is closed, and would say the same each time.
            if (lackingRight.add(unavailable.interfaceId())) {
                outcome.missingRight("interface " + configured.name(), unavailable.cause());
            }
            onStop();
        } else {
            if (unavailable.attempt() == 1) {
                getContext()
                        .getLog()
                        .warn(
                                "interface {} can't be used yet: {}",
                                configured.name(),
                                unavailable.cause().getMessage());
            }
            tried(unavailable.interfaceId());
        }
    }

    private void tried(int interfaceId) {
        tried.add(interfaceId);
        becomeReady();
    }

    private void decided(int interfaceId, InterfaceAddress address) {
        List<InterfaceAddress> open = undecided.get(interfaceId);
        if (open != null && open.remove(address)) {
            becomeReady();
        }
    }

    /**
     * The router is ready when its plugins' control sides have started, every interface was tried, every own address is usable or refused, the kernel has been set
     * up for local delivery, and the routes are in the table: when their actors have answered what comes last.
     */
    private void becomeReady() {
        boolean settled = undecided.values().stream().allMatch(List::isEmpty);
        if (readyAsked
                || !settled
                || !pluginsStarted
                || tried.size() < config.interfaces().size()) {
            return;
        }
        readyAsked = true;
        if (localDelivery == null) {
            askRoutes(new RouteActor.AddRoutes(List.of(), routeNews));
        } else {
            localDelivery.tell(new LocalDeliveryActor.Settle(
                    getContext().messageAdapter(LocalDeliveryActor.Settled.class, done -> new LocalDeliverySettled())));
        }
    }

    private void askRoutes(RouteActor.Command request) {
        routeRequests++;
        routes.tell(request);
    }

    private Behavior<Command> onRoutesApplied() {
        routeRequests--;
        if (readyAsked && !readyTold && routeRequests == 0) {
            readyTold = true;
            int up = (int) tables.interfaces().all().stream()
                    .filter(RouterInterface::up)
                    .count();
            outcome.ready(up, tried.size());
        }
        return this;
    }

    private Behavior<Command> onRunStages(RunStages message) {
        graph = message.graph();
        stagesAwaited = message.replyTo();
        lanesToRun = laneActors.size();
        ActorRef<LaneActor.Runs> runs = getContext().messageAdapter(LaneActor.Runs.class, LaneRuns::new);
        laneActors.forEach(lane -> lane.tell(new LaneActor.Run(graph, message.config()::settings, runs)));
        return this;
    }

    private Behavior<Command> onLaneRuns(LaneActor.Runs news) {
        if (news.graph() == graph) { // else of a reload before, of which nobody waits any more
            lanesToRun--;
        }
        if (lanesToRun == 0 && stagesAwaited != null) {
            stagesAwaited.tell(new StagesRun());
            stagesAwaited = null;
        }
        return this;
    }

    /** On a lane's thread. */
    private void deviceLost(int interfaceId, IOException cause) {
        interfaceActors.get(interfaceId).tell(new InterfaceActor.DeviceLost(cause));
    }

    // --- the end

    private Behavior<Command> onStop() {
        if (!stopping) {
            stopping = true;
            neighbors.tell(
                    new NeighborActor.Stop(getContext().messageAdapter(Done.class, done -> new NeighborsStopped())));
        }
        return this;
    }

    private Behavior<Command> onNeighborsStopped() {
        laneActors.forEach(lane -> lane.tell(new LaneActor.Stop()));
        getContext().scheduleOnce(LANES_STOP_WITHIN, getContext().getSelf(), new LanesLate());
        return this;
    }

    /** A stage may never come back, and an end without the rest of what is to be done would leave routes in the kernel. */
    private Behavior<Command> onLanesLate() {
        if (lanesRunning == 0) {
            return this;
        }
        outcome.failed(lanesRunning + " of its lanes did not stop within " + LANES_STOP_WITHIN.toSeconds() + " s");
        lanesRunning = 0;
        return stopPlugins();
    }

    private Behavior<Command> stopPlugins() {
        getContext().pipeToSelf(plugins.stop(), (done, fault) -> new PluginsTold());
        return this;
    }

    private Behavior<Command> onStageEndsRouter(StageEndsRouter message) {
        if (stopping) {
            return this;
        }
        outcome.failed(message.why());
        return onStop();
    }

    private Behavior<Command> onLaneEnded() {
        if (lanesRunning == 0) {
            return this; // it is late
        }
        lanesRunning--;
        if (!stopping) {
            outcome.failed("a lane has ended by itself");
            onStop();
        }
        return lanesRunning == 0 ? stopPlugins() : this;
    }

    private Behavior<Command> onPluginsTold() {
        plugins.stopActors();
        getContext().scheduleOnce(PLUGIN_ACTORS_STOP_WITHIN, getContext().getSelf(), new PluginsLate());
        return plugins.actorsRunning() ? this : onPluginsStopped();
    }

    private Behavior<Command> onPluginActorEnded(PluginActorEnded news) {
        plugins.actorEnded(news.plugin(), stopping);
        return lanesRunning == 0 && !plugins.actorsRunning() ? onPluginsStopped() : this;
    }

    private Behavior<Command> onPluginsStopped() {
        if (pluginsStopped) {
            return this;
        }
        pluginsStopped = true;
        if (localDelivery == null) {
            return closeInterfaces();
        }
        localDelivery.tell(new LocalDeliveryActor.Stop(
                getContext().messageAdapter(LocalDeliveryActor.Stopped.class, stopped -> new LocalDeliveryStopped())));
        return this;
    }

    private Behavior<Command> closeInterfaces() {
        if (interfacesOpen == 0) {
            return end();
        }
        interfaceActors.forEach(actor -> actor.tell(new InterfaceActor.Close()));
        getContext().scheduleOnce(INTERFACES_CLOSE_WITHIN, getContext().getSelf(), new InterfacesLate());
        return this;
    }

    private Behavior<Command> onInterfacesLate() {
        outcome.failed(interfacesOpen + " of its interfaces did not close within " + INTERFACES_CLOSE_WITHIN.toSeconds()
                + " s");
        return end();
    }

    private Behavior<Command> onInterfaceClosed() {
        interfacesOpen--;
        return interfacesOpen == 0 ? end() : this;
    }

    private Behavior<Command> end() {
        outcome.ended(tables.interfaces(), new RouterCounters(lanes, missed, countsByName()));
        if (watch != null) {
            watch.close();
        }
        loops.forEach(EventLoop::close);
        return Behaviors.stopped();
    }

    // --- from the configuration

    private static NeighborSettings neighborSettings(NeighborConfig config) {
        NeighborSettings defaults = NeighborSettings.DEFAULTS;
        return new NeighborSettings(
                config.probes(),
                config.retransmitTime(),
                config.reachableTime(),
                config.delayTime(),
                config.failedTime(),
                config.staleTime(),
                config.newPerSecond(),
                defaults.announcements(),
                defaults.announceInterval(),
                defaults.defendInterval(),
                config.duplicateProbes());
    }

    private static @Nullable RouterAdvertisement advertisement(InterfaceConfig config) {
        RouterAdvertisementConfig wanted = config.advertisement();
        return wanted == null
                ? null
                : new RouterAdvertisement(
                        wanted.lifetime(),
                        wanted.minInterval(),
                        wanted.interval(),
                        wanted.validLifetime(),
                        wanted.preferredLifetime());
    }

    private boolean sendFrame(int interfaceId, byte[] frame) {
        return lanes.get(0).inject(interfaceId, frame);
    }

    private List<RouterInterface> interfacesDown() {
        List<RouterInterface> down = new ArrayList<>();
        for (int id = 0; id < config.interfaces().size(); id++) {
            InterfaceConfig one = config.interfaces().get(id);
            down.add(new RouterInterface(
                    id,
                    one.name(),
                    one.device(),
                    one.link(),
                    one.role(),
                    VrfId.DEFAULT.value(),
                    false,
                    one.mtu().orElse(0),
                    0,
                    0,
                    List.of(),
                    null,
                    RouterInterface.Offloads.NONE,
                    one.common().redirects(),
                    one.common().gro()));
        }
        return down;
    }

    /** Read by plugins, on their threads. */
    private final class SeenByPlugins implements PluginContext {
        @Override
        public String routerName() {
            return config.name();
        }

        @Override
        public <T> T shared(Class<T> type, Supplier<T> factory) {
            return type.cast(shared.computeIfAbsent(type, key -> factory.get()));
        }

        @Override
        public @Nullable Settings settings(String stage) {
            RouterConfig now = configInForce;
            return catalog.stagesOf(now).stream()
                    .filter(one -> one.id().equals(stage))
                    .findFirst()
                    .map(now::settings)
                    .orElse(null);
        }

        @Override
        public InterfaceTable interfaces() {
            return tables.interfaces();
        }

        @Override
        public FibView fib() {
            return tables.fib();
        }

        @Override
        public NeighborView neighbors() {
            return tables.neighbors();
        }
    }
}
