// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.typed.ActorRef;
import akka.actor.typed.ActorSystem;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.Adapter;
import akka.actor.typed.javadsl.AskPattern;
import akka.actor.typed.javadsl.Behaviors;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.culvert.config.BadConfigException;
import io.culvert.config.Catalog;
import io.culvert.config.ConfigFile;
import io.culvert.config.InterfaceConfig;
import io.culvert.config.RouterConfig;
import io.culvert.control.NeighborActor;
import io.culvert.control.ReloadActor;
import io.culvert.control.RouteActor;
import io.culvert.control.RouterActor;
import io.culvert.control.RouterCounters;
import io.culvert.fib.RouteStatus;
import io.culvert.graph.BuiltInStages;
import io.culvert.graph.PluginStages;
import io.culvert.net.MacAddress;
import io.culvert.spi.Device;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.ReceiveQueue;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import io.culvert.telemetry.LaneLedger.Entry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A whole router, real but for its devices: the graph, the actors and the tables of {@code culvert run}, over interfaces
 * that the test plays the other end of.
 *
 * <pre>{@code
 * try (ScriptedRouter router = ScriptedRouter.with(new MyPlugin(), "interfaces { ... }, plugins { mine {} }")) {
 *     router.arrive("a", packet);
 *     byte[] forwarded = router.awaitSent("b");
 * }
 * }</pre>
 *
 * <p>The time of {@link #with} and {@link #steered} stands still once the router has started, and passes by {@link #advance}
 * alone: for stages, their timers, and every actor. That of {@link #start} is the real one.
 *
 * <p>{@link #close} fails when the router's accounts are not balanced or a buffer has leaked. {@link BalancedAccounts} does
 * the same for routers that a test has not closed.
 */
public final class ScriptedRouter implements AutoCloseable, AccountsExtension.Accountable {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    /** As long as it takes the router to be ready, in both times, when nothing has to be waited for. */
    private static final Duration START_STEP = Duration.ofMillis(50);

    private static final Config STEERED = ConfigFactory.parseString(
                    "akka.scheduler.implementation = \"" + SteeredScheduler.class.getName() + "\"")
            .withFallback(ConfigFactory.defaultReference())
            .resolve();

    private final RouterConfig config;
    private final AtomicReference<String> inside;
    private final ActorSystem<RouterActor.Command> system;
    private final Map<String, ScriptedInterface> interfaces = new ConcurrentHashMap<>();
    private final CompletableFuture<Integer> ready = new CompletableFuture<>();
    private final Map<String, IOException> unavailable = new ConcurrentHashMap<>();
    private final Map<String, List<Long>> openings = new ConcurrentHashMap<>();
    private final AtomicInteger openDevices = new AtomicInteger();
    private final CompletableFuture<RouterCounters> ended = new CompletableFuture<>();
    private final CompletableFuture<String> failure = new CompletableFuture<>();
    private boolean failureExpected;

    private final ActorRef<NeighborActor.Command> neighbors;
    private final @Nullable SteeredScheduler scheduler;
    private boolean closed;

    private ScriptedRouter(
            RouterConfig config,
            ReloadActor.Reader reader,
            AtomicReference<String> inside,
            Catalog catalog,
            boolean steered) {
        this.inside = inside;
        this.config = config;
        RouterActor.Outcome outcome = new RouterActor.Outcome() {
            @Override
            public void ready(int up, int all) {
                ready.complete(up);
            }

            @Override
            public void ended(InterfaceTable table, RouterCounters counters) {
                ended.complete(counters);
            }

            @Override
            public void failed(String what) {
                failure.complete(what);
                ready.completeExceptionally(new AssertionError(what));
            }

            @Override
            public void missingRight(String what, IOException cause) {
                ready.completeExceptionally(cause);
            }
        };
        Behavior<RouterActor.Command> router = Behaviors.setup(context -> RouterActor.create(
                config,
                reader,
                catalog,
                List.of(),
                outcome,
                (id, one, mac, loops) -> () -> open(id, one, mac, loops.size()),
                steered ? schedulerOf(context.getSystem())::nanos : System::nanoTime));
        system = ActorSystem.create(router, "scripted-router", steered ? STEERED : ConfigFactory.defaultReference());
        scheduler = steered ? schedulerOf(system) : null;
        view(); // answered once the actors have been made
        neighbors = actor("neighbors");
        AccountsExtension.made(this, "the router " + config.name());
        awaitReady();
    }

    private static SteeredScheduler schedulerOf(ActorSystem<?> system) {
        return (SteeredScheduler) Adapter.toClassic(system).scheduler();
    }

    /** With a time of its own the router gets some more of it until it is ready: addresses are probed for, by and by. */
    private void awaitReady() {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!ready.isDone() && System.nanoTime() < deadline) {
            try {
                ready.get(START_STEP.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException notYet) {
                if (scheduler != null) {
                    advance(START_STEP);
                }
            } catch (ExecutionException | InterruptedException failed) {
                break; // which join tells
            }
        }
        if (!ready.isDone()) {
            throw new AssertionError("the router was not ready within " + PATIENCE.toSeconds() + " s");
        }
        ready.join();
    }

    /** Starts a router from what stands inside {@code router { ... }}, and waits until its interfaces are up. */
    public static ScriptedRouter start(String hocon) {
        return start(hocon, catalog(), false);
    }

    /** The same with further stages, which are in the graph as the built-in ones are. */
    public static ScriptedRouter start(String hocon, List<StageDescriptor> extraStages) {
        List<StageDescriptor> stages = new ArrayList<>(BuiltInStages.all());
        stages.addAll(extraStages);
        return start(hocon, Catalog.of(stages), false);
    }

    /** The same with plugins, whose stages are in the graph when their sections stand under {@code plugins}. */
    public static ScriptedRouter startWith(String hocon, RouterPlugin... plugins) {
        return start(hocon, catalog(plugins), false);
    }

    /** Starts a router with a plugin; from then on time passes by {@link #advance} alone. */
    public static ScriptedRouter with(RouterPlugin plugin, String hocon) {
        return steered(hocon, plugin);
    }

    /** Starts a router, with plugins perhaps; from then on time passes by {@link #advance} alone. */
    public static ScriptedRouter steered(String hocon, RouterPlugin... plugins) {
        return start(hocon, catalog(plugins), true);
    }

    private static Catalog catalog(RouterPlugin... plugins) {
        Catalog catalog = Catalog.of(BuiltInStages.all());
        for (RouterPlugin plugin : plugins) {
            catalog = catalog.with(PluginStages.of(plugin, "the test"));
        }
        for (Catalog.Plugin plugin : catalog.plugins()) {
            String problem = PluginStages.problemOfOrder(plugin, catalog);
            if (problem != null) {
                throw new IllegalArgumentException("plugin " + plugin.name() + ": " + problem);
            }
        }
        return catalog;
    }

    private static ScriptedRouter start(String hocon, Catalog catalog, boolean steered) {
        try {
            Path file = Files.createTempFile("scripted-router", ".conf");
            AtomicReference<String> inside = new AtomicReference<>(hocon);
            ReloadActor.Reader reader = () -> read(file, Objects.requireNonNull(inside.get()), catalog);
            return new ScriptedRouter(reader.read(), reader, inside, catalog, steered);
        } catch (BadConfigException bad) {
            throw new AssertionError(bad.problems().toString(), bad);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    private static RouterConfig read(Path file, String inside, Catalog catalog) throws BadConfigException {
        try {
            Files.writeString(file, "router { management.socket = \"" + file + ".sock\"\n" + inside + "\n}\n");
            try {
                return ConfigFile.read(file, catalog);
            } finally {
                Files.delete(file);
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /**
     * Changes what stands inside {@code router { ... }} and has the router put that in force, as {@code culvert reload} does.
     *
     * @return what has come of it, which may be a refusal
     */
    public ReloadActor.Result reload(String hocon) {
        inside.set(hocon);
        ActorRef<ReloadActor.Command> reload = actor("reload");
        return AskPattern.<ReloadActor.Command, ReloadActor.Result>ask(
                        reload, ReloadActor.Reload::new, PATIENCE, system.scheduler())
                .toCompletableFuture()
                .join();
    }

    private Device open(int id, InterfaceConfig one, MacAddress madeUp, int lanes) throws IOException {
        openings.computeIfAbsent(one.name(), name -> new CopyOnWriteArrayList<>())
                .add(System.nanoTime());
        IOException missing = unavailable.get(one.name());
        if (missing != null) {
            throw missing;
        }
        boolean ethernet = one.link() == RouterInterface.Link.ETHERNET;
        ScriptedInterface scripted = ethernet ? ScriptedInterface.ethernet(id) : ScriptedInterface.pointToPoint(id);
        interfaces.put(one.name(), scripted);
        List<ReceiveQueue> receive = new ArrayList<>(List.of(scripted));
        for (int lane = 1; lane < lanes; lane++) {
            ScriptedInterface further = ethernet ? ScriptedInterface.ethernet(id) : ScriptedInterface.pointToPoint(id);
            interfaces.put(one.name() + "/" + lane, further);
            receive.add(further);
        }
        openDevices.incrementAndGet();
        MacAddress configured = one.mac();
        long mac = !ethernet ? 0 : configured != null ? configured.value() : madeUp.value();
        return new Device(
                one.device(),
                ethernet ? RouterInterface.Link.ETHERNET : RouterInterface.Link.POINT_TO_POINT,
                one.mtu().orElse(1500),
                mac,
                one.role() == RouterInterface.Role.LOCAL_DELIVERY ? mac ^ 1 : 0,
                RouterInterface.Offloads.NONE,
                receive,
                java.util.Collections.nCopies(lanes, scripted),
                () -> new Device.Status(Device.State.USABLE, 0),
                openDevices::decrementAndGet);
    }

    /** Makes a device vanish, and stay away until {@link #plugIn}. */
    public void unplug(String name) {
        unavailable.put(name, new IOException("there is no device " + name));
        at(name).vanish();
    }

    /** Brings a device back, for the next time that the router looks for it. */
    public void plugIn(String name) {
        unavailable.remove(name);
    }

    /** When the router tried to open an interface, as {@link System#nanoTime} tells. */
    public List<Long> openings(String name) {
        return openings.getOrDefault(name, List.of());
    }

    /** Devices that were opened and not closed again. */
    public int openDevices() {
        return openDevices.get();
    }

    /** The other end of an interface, with the queue that lane 0 reads; those of further lanes are {@code NAME/LANE}. */
    public ScriptedInterface at(String name) {
        return Objects.requireNonNull(interfaces.get(name), () -> "no interface " + name);
    }

    /** Lets a packet arrive on an interface. */
    public ScriptedRouter arrive(String name, byte[] packet) {
        at(name).arrive(packet);
        return this;
    }

    /** Waits for the next packet out of an interface, and takes it. */
    public byte[] awaitSent(String name) {
        await(() -> at(name).hasSent(), "a packet out of " + name);
        return at(name).takeFirstSent();
    }

    /**
     * Lets time pass. Whatever falls due in it happens at its moment, one after the other, each when what came before has
     * been dealt with.
     */
    public ScriptedRouter advance(Duration time) {
        SteeredScheduler steered = Objects.requireNonNull(scheduler, "this router's time is the real one");
        long until = steered.nanos() + time.toNanos();
        rest();
        while (steered.step(until)) {
            rest();
        }
        rest();
        return this;
    }

    /** The router's monotonic time, in nanoseconds. */
    public long nanos() {
        return scheduler == null ? System.nanoTime() : scheduler.nanos();
    }

    /**
     * Waits until actors and lanes have dealt with what has come to them. Each is asked in turn, behind what it has to do;
     * what one has told another is dealt with in the second round. A call of a lane may be merged with one that is under way
     * already, and what it makes the lane do may come to it by a further call: so there are three.
     */
    private void rest() {
        for (int round = 0; round < 2; round++) {
            view();
            ask(neighbors, NeighborActor.Inspect::new);
        }
        for (int call = 0; call < 3; call++) {
            interfaces.values().forEach(ScriptedInterface::call);
            await(() -> interfaces.values().stream().allMatch(ScriptedInterface::isWaitedFor), "the lanes to rest");
        }
    }

    private <T> ActorRef<T> actor(String name) {
        return Adapter.toTyped(Adapter.toClassic(system)
                .actorSelection("/user/" + name)
                .resolveOne(PATIENCE)
                .toCompletableFuture()
                .join());
    }

    private <Q, A> A ask(ActorRef<Q> actor, akka.japi.function.Function<ActorRef<A>, Q> question) {
        return AskPattern.ask(actor, question, PATIENCE, system.scheduler())
                .toCompletableFuture()
                .orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .join();
    }

    /** Waits until every packet that has arrived has left in some way, but for those that wait for a neighbor. */
    public ScriptedRouter settle() {
        await(
                () -> interfaces.values().stream().allMatch(one -> one.unread() == 0)
                        && counters().ledger(Entry.RECEIVED) + counters().ledger(Entry.GENERATED)
                                == counters().ledger(Entry.TRANSMITTED)
                                        + counters().ledger(Entry.DROPPED)
                                        + counters().ledger(Entry.PUNTED)
                                        + counters().ledger(Entry.CONSUMED),
                "rest");
        return this;
    }

    /** Waits for a condition, looking often. */
    public void await(BooleanSupplier condition, String what) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("waited " + PATIENCE.toSeconds() + " s for " + what + "; drops: "
                        + counters().drops());
            }
            Thread.onSpinWait();
        }
    }

    /** Sends a message to one of the router's actors by its name, such as one that makes it fail. */
    public void send(String actor, Object message) {
        Adapter.toClassic(system).actorSelection("/user/" + actor).tell(message, akka.actor.ActorRef.noSender());
    }

    /** The router as it stands. */
    public RouterActor.View view() {
        return ask(system, RouterActor.Inspect::new);
    }

    /** All routes, once the forwarding table is as the news that have reached their actor make it. */
    public List<RouteStatus> routes() {
        return ask(actor("routes"), RouteActor.Inspect::new).routes();
    }

    /**
     * Waits until packets to a prefix are forwarded, or not any more. {@link #view} may show an interface as up a moment before
     * its routes are in the forwarding table.
     */
    public void awaitRoute(String prefix, boolean installed) {
        await(
                () -> routes().stream()
                                .anyMatch(one -> one.installed()
                                        && one.route().prefix().toString().equals(prefix))
                        == installed,
                "the route to " + prefix + (installed ? "" : " to be withdrawn"));
    }

    public RouterCounters counters() {
        return view().counters();
    }

    /** Packets dropped for a reason, anywhere, by the reason's id. */
    public long dropped(String reasonId) {
        return counters().drops().stream()
                .filter(row -> row.reason().id().equals(reasonId))
                .mapToLong(RouterCounters.DropRow::packets)
                .sum();
    }

    public RouterConfig config() {
        return config;
    }

    /** Waits until the router ends by itself as something that it can't do without has failed, and answers what that is. */
    public String awaitFailure() {
        failureExpected = true;
        await(failure::isDone, "the router to fail");
        return failure.join();
    }

    /** Stops the router, unless it has ended already, and answers what it has counted. */
    public RouterCounters stop() {
        system.tell(new RouterActor.Stop());
        RouterCounters counters = ended.join();
        // As in culvert run, what a plugin has left hanging is not waited for.
        system.getWhenTerminated()
                .thenApply(done -> true)
                .toCompletableFuture()
                .completeOnTimeout(false, 1, TimeUnit.SECONDS)
                .join();
        return counters;
    }

    /** Stops the router and checks its accounts. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        RouterCounters counters = stop();
        if (!failureExpected) {
            assertThat(failure.getNow(null))
                    .as("why the router has ended by itself")
                    .isNull();
        }
        long in = counters.ledger(Entry.RECEIVED) + counters.ledger(Entry.GENERATED);
        long out = counters.ledger(Entry.TRANSMITTED)
                + counters.ledger(Entry.DROPPED)
                + counters.ledger(Entry.PUNTED)
                + counters.ledger(Entry.CONSUMED);
        assertThat(out).as("packets that left, of those that came or were made").isEqualTo(in);
        long named = counters.drops().stream()
                .mapToLong(RouterCounters.DropRow::packets)
                .sum();
        assertThat(named).as("packets dropped for a reason, of all dropped").isEqualTo(counters.ledger(Entry.DROPPED));
    }

    @Override
    public void endBalanced() {
        close();
    }
}
