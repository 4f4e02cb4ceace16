// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.config.StageSettings;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.net.MacAddress;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.spi.FibView;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.NeighborSignals;
import io.culvert.spi.NeighborView;
import io.culvert.spi.NextHop;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.Settings;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs one stage alone: vectors in, outputs, drops and counters out, with tables, settings and time set by the test. No
 * Akka, no threads.
 *
 * <p>Keeps the stage's account: {@link #assertBalanced} fails when a packet was lost or used twice.
 *
 * <pre>{@code
 * var harness = StageHarness.of(Ip4TtlStage.DESCRIPTOR);
 * harness.process(harness.packet(bytes));
 * assertThat(harness.dropped("ttl-expired")).isEqualTo(1);
 * }</pre>
 */
public final class StageHarness implements StageContext, StageSetup, AccountsExtension.Accountable {
    private static final int POOL_PACKETS = 128;

    private static final int ONLY_STAGE = 0;

    /** Where {@link #punt} leads, among the outputs. */
    private static final String KERNEL = "punt";

    /** A packet and the moment at which the stage gets it back. */
    private record Deferred(PacketBuffer packet, long due) {}

    private final StageDescriptor descriptor;
    private final BufferPool pool;
    private final Map<String, List<PacketBuffer>> outputs = new LinkedHashMap<>();
    private final Map<String, Integer> drops = new HashMap<>();
    private final Map<String, Long> counters = new HashMap<>();
    private final Map<String, String> settings = new HashMap<>();
    private final Map<Class<?>, Object> shared = new HashMap<>();
    private final Map<Class<?>, Object> kept = new HashMap<>();
    private FibView fib = new FixedFib();
    private FixedNeighbors neighbors = new FixedNeighbors();
    private InterfaceTable interfaces = InterfaceTable.EMPTY;
    private final RecordedSignals signals = new RecordedSignals();
    private @Nullable PacketStage stage;
    private long now = 1_000_000_000L;
    private long timerAt = Long.MAX_VALUE;
    private final List<Deferred> deferred = new ArrayList<>();
    private boolean signalled;
    private int decided;
    private int originated;
    private int consumed;
    private int generated;
    private int received;
    private boolean stopped;

    /** Where the test or the stage took a packet, while {@link BalancedAccounts} looks. */
    private final IdentityHashMap<PacketBuffer, String> origins = new IdentityHashMap<>();

    private StageHarness(StageDescriptor descriptor, int poolPackets) {
        this.descriptor = descriptor;
        this.pool = BufferPool.allocate(poolPackets);
        AccountsExtension.made(this, "the harness of " + descriptor.id());
    }

    /** A harness for a stage, with default settings and empty tables. */
    public static StageHarness of(StageDescriptor descriptor) {
        return new StageHarness(descriptor, POOL_PACKETS);
    }

    /** A harness whose pool holds only so many packets, to see exhaustion. */
    public static StageHarness of(StageDescriptor descriptor, int poolPackets) {
        return new StageHarness(descriptor, poolPackets);
    }

    /**
     * Sets a setting before the stage is made: as written in a file, without quotes; a list in brackets. Interfaces are those
     * of {@link #interfaces} by name.
     */
    public StageHarness setting(String key, String value) {
        settings.put(key, value);
        return this;
    }

    /** The router's interfaces, in the order of their ids. */
    public StageHarness interfaces(RouterInterface... all) {
        interfaces = new InterfaceTable(List.of(all));
        return this;
    }

    public StageHarness fib(FibView view) {
        fib = view;
        return this;
    }

    /** The neighbors that are resolved or failed; add to them as the test goes. */
    public FixedNeighbors neighborTable() {
        return neighbors;
    }

    /** What the stage has told the slow path. */
    public RecordedSignals signals() {
        return signals;
    }

    /** A packet with these bytes from its start on, the L3 offset there, received on interface 0. */
    public PacketBuffer packet(byte[] bytes) {
        PacketBuffer packet = taken(Objects.requireNonNull(pool.take(), "no free packet"));
        fill(packet, bytes);
        return packet;
    }

    static void fill(PacketBuffer packet, byte[] bytes) {
        packet.setWindow(PacketBuffer.HEADROOM, bytes.length);
        packet.copyFrom(bytes, 0, packet.start(), bytes.length);
        packet.setL3Offset(packet.start());
        packet.setReceiveInterface(0);
    }

    StageDescriptor descriptor() {
        return descriptor;
    }

    /** Runs the stage on packets made by {@link #packet}. */
    public StageHarness process(PacketBuffer... packets) {
        PacketVector vector = new PacketVector(Math.max(1, packets.length));
        for (PacketBuffer packet : packets) {
            packet.setState(PacketBuffer.State.PENDING);
            vector.add(packet);
        }
        received += packets.length;
        run(vector, stage()::process);
        return this;
    }

    private void run(PacketVector vector, BiConsumer<PacketVector, StageContext> method) {
        decided = 0;
        originated = 0;
        method.accept(vector, this);
        assertThat(decided).as("packets decided by %s", descriptor.id()).isEqualTo(vector.size() + originated);
    }

    private PacketStage stage() {
        PacketStage made = stage;
        if (made == null) {
            made = descriptor.create(this);
            stage = made;
            stopped = false;
        }
        return made;
    }

    /** Lets time pass; a timer that falls due runs at its moment, and packets that were deferred come back at theirs. */
    public StageHarness advanceMillis(long millis) {
        return advanceNanos(millis * 1_000_000L);
    }

    /** As {@link #advanceMillis}. */
    public StageHarness advanceNanos(long nanos) {
        long until = now + nanos;
        while (true) {
            long next = deferred.stream().mapToLong(Deferred::due).reduce(timerAt, Math::min);
            if (next > until) {
                now = until;
                return this;
            }
            now = Math.max(now, next);
            if (timerAt == next) {
                timerAt = Long.MAX_VALUE;
                stage().onTimer(this);
            } else {
                giveBackDue(next);
            }
        }
    }

    private void giveBackDue(long moment) {
        PacketVector vector = new PacketVector(PacketVector.MAX_CAPACITY);
        Iterator<Deferred> all = deferred.iterator();
        while (all.hasNext() && !vector.isFull()) {
            Deferred one = all.next();
            if (one.due() == moment) {
                all.remove();
                one.packet().setState(PacketBuffer.State.PENDING);
                vector.add(one.packet());
            }
        }
        run(vector, stage()::onDue);
    }

    /** How many packets wait for their time. */
    public int deferred() {
        return deferred.stream().mapToInt(one -> one.packet().chainCount()).sum();
    }

    /** Makes the stage anew, as a router does whose configuration has changed: it finds what it has kept. */
    public StageHarness restart() {
        stop();
        stage = null;
        return this;
    }

    /** Runs the stage's signal handler if another thread, or {@link FixedNeighbors}, has signalled it. */
    public StageHarness deliverSignal() {
        if (signalled) {
            signalled = false;
            stage().onSignal(this);
        }
        return this;
    }

    /** Ends the stage, as a lane that stops does. */
    public StageHarness stop() {
        stopped = true;
        stage().onStop(this);
        return this;
    }

    /** What went to an output, by the name of its constant, in order. */
    public List<PacketBuffer> out(OutPort port) {
        return outputs.getOrDefault(port.name(), List.of());
    }

    /** The one packet at an output; fails when there is another number. */
    public PacketBuffer single(OutPort port) {
        assertThat(out(port))
                .as("packets at %s of %s (drops: %s)", port.name(), descriptor.id(), drops)
                .hasSize(1);
        return out(port).get(0);
    }

    /** What the stage handed to the kernel, in order. */
    public List<PacketBuffer> punted() {
        return outputs.getOrDefault(KERNEL, List.of());
    }

    /** All outputs that got packets; those {@link #punted} stand under {@code punt}. */
    public Map<String, List<PacketBuffer>> outputs() {
        return outputs;
    }

    /** How many packets were dropped for a reason, by its kebab-case id. */
    public int dropped(String reasonId) {
        assertThat(descriptor.drops())
                .as("declared reasons")
                .anyMatch(reason -> reason.id().equals(reasonId));
        return drops.getOrDefault(reasonId, 0);
    }

    /** Drops for every reason together. */
    public int dropped() {
        return drops.values().stream().mapToInt(Integer::intValue).sum();
    }

    public Map<String, Integer> drops() {
        return drops;
    }

    public long counted(CounterId counter) {
        return counters.getOrDefault(counter.id(), 0L);
    }

    public int consumed() {
        return consumed;
    }

    /** Packets the stage has taken from the pool or remade. */
    public int generated() {
        return generated;
    }

    /** Gives the packets at the outputs back and forgets counts, for the next step of a test. */
    public StageHarness clear() {
        outputs.values().forEach(packets -> packets.forEach(pool::release));
        outputs.clear();
        drops.clear();
        counters.clear();
        received = 0;
        consumed = 0;
        generated = 0;
        return this;
    }

    /**
     * Fails unless received + generated = sent + dropped + consumed + deferred, and no packet is out of the pool but those
     * sent and deferred. Each member of a chain is one packet.
     */
    public void assertBalanced() {
        int sent = outputs.values().stream()
                .flatMap(List::stream)
                .mapToInt(PacketBuffer::chainCount)
                .sum();
        assertThat(sent + dropped() + consumed + deferred())
                .as("packets accounted for")
                .isEqualTo(received + generated);
        assertThat(pool.outstanding()).as("packets out of the pool").isEqualTo(sent + deferred());
    }

    private PacketBuffer taken(PacketBuffer packet) {
        if (AccountsExtension.looks()) {
            origins.put(packet, AccountsExtension.callerOfTestkit());
        }
        return packet;
    }

    @Override
    public void endBalanced() {
        if (stage != null && !stopped) {
            stop();
        }
        List<String> left = new ArrayList<>();
        origins.forEach((packet, origin) -> {
            if (packet.state() == PacketBuffer.State.PENDING || packet.state() == PacketBuffer.State.HELD) {
                left.add("one that is " + packet.state().name().toLowerCase(Locale.ROOT) + ", taken at " + origin);
            }
        });
        assertThat(left)
                .as("packets that were neither given to an output, dropped nor consumed")
                .isEmpty();
        assertBalanced();
    }

    public BufferPool pool() {
        return pool;
    }

    // --- StageContext

    private void decide(PacketBuffer packet) {
        assertThat(packet.state()).as("state of %s", packet).isIn(PacketBuffer.State.PENDING, PacketBuffer.State.HELD);
        if (packet.state() == PacketBuffer.State.PENDING) {
            decided++;
        }
    }

    @Override
    public void send(PacketBuffer packet, OutPort out) {
        assertThat(descriptor.outputs()).as("declared outputs").contains(out);
        decide(packet);
        packet.setState(PacketBuffer.State.DECIDED);
        outputs.computeIfAbsent(out.name(), name -> new ArrayList<>()).add(packet);
    }

    @Override
    public void sendAll(PacketVector packets, OutPort out) {
        for (int i = 0; i < packets.size(); i++) {
            send(packets.get(i), out);
        }
    }

    @Override
    public void chain(PacketBuffer head, PacketBuffer follower) {
        assertThat(head.state()).as("state of %s", head).isIn(PacketBuffer.State.PENDING, PacketBuffer.State.HELD);
        decide(follower);
        head.append(follower);
    }

    @Override
    public void drop(PacketBuffer packet, DropReason reason) {
        assertThat(descriptor.drops()).as("declared drop reasons").contains(reason);
        decide(packet);
        drops.merge(reason.id(), pool.release(packet), Integer::sum);
    }

    @Override
    public void consume(PacketBuffer packet) {
        decide(packet);
        consumed += pool.release(packet);
    }

    @Override
    public void hold(PacketBuffer packet) {
        decide(packet);
        packet.hold(ONLY_STAGE);
    }

    @Override
    public @Nullable PacketBuffer originate() {
        PacketBuffer packet = pool.take();
        if (packet != null) {
            taken(packet).setGenerated(true);
            originated++;
            generated++;
        }
        return packet;
    }

    @Override
    public @Nullable PacketBuffer copy(PacketBuffer packet) {
        if (pool.available() < packet.chainCount()) {
            return null;
        }
        PacketBuffer copy = taken(Objects.requireNonNull(pool.take()));
        copy.copyOf(packet);
        for (PacketBuffer member = packet.nextInChain(); member != null; member = member.nextInChain()) {
            PacketBuffer follower = Objects.requireNonNull(pool.take());
            follower.copyOf(member);
            copy.append(follower);
        }
        originated++;
        generated += copy.chainCount();
        return copy;
    }

    @Override
    public void defer(PacketBuffer packet, long delayNanos) {
        decide(packet);
        packet.setState(PacketBuffer.State.DEFERRED);
        deferred.add(new Deferred(packet, now + Math.max(0, delayNanos)));
    }

    @Override
    public void punt(PacketBuffer packet) {
        decide(packet);
        packet.setState(PacketBuffer.State.DECIDED);
        outputs.computeIfAbsent(KERNEL, name -> new ArrayList<>()).add(packet);
    }

    @Override
    public boolean buffersScarce() {
        return pool.available() < pool.capacity() / 4;
    }

    @Override
    public void reuse(PacketBuffer packet) {
        consumed++;
        generated++;
        packet.setGenerated(true);
    }

    @Override
    public void count(CounterId counter, long amount) {
        assertThat(descriptor.counters()).as("declared counters").contains(counter);
        counters.merge(counter.id(), amount, Long::sum);
    }

    @Override
    public void wakeAfter(long delayNanos) {
        timerAt = Math.min(timerAt, now + delayNanos);
    }

    @Override
    public long nowNanos() {
        return now;
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

    // --- StageSetup

    @Override
    public Settings settings() {
        return StageSettings.written(
                descriptor,
                settings,
                interfaces.all().stream().map(RouterInterface::name).toList());
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
        return type.cast(kept.computeIfAbsent(type, key -> factory.get()));
    }

    @Override
    public <T> T shared(Class<T> type, Supplier<T> factory) {
        return type.cast(shared.computeIfAbsent(type, key -> factory.get()));
    }

    @Override
    public Runnable signal() {
        return () -> signalled = true;
    }

    @Override
    public NeighborSignals neighborSignals() {
        return signals;
    }

    // --- tables

    /** Neighbors as a test sets them; everything else is unresolved. */
    public static final class FixedNeighbors implements NeighborView {
        private final Map<String, Long> entries = new HashMap<>();

        /** Sets a neighbor's MAC, or one of {@link NeighborView#UNRESOLVED} and {@link NeighborView#FAILED}. */
        public FixedNeighbors put(int interfaceId, String address, long mac) {
            entries.put(interfaceId + " " + IpAddress.parse(address), mac);
            return this;
        }

        @Override
        public long lookup4(int interfaceId, int address) {
            return entries.getOrDefault(interfaceId + " " + new Ip4Address(address), UNRESOLVED);
        }

        @Override
        public long lookup6(int interfaceId, long high, long low) {
            return entries.getOrDefault(interfaceId + " " + new Ip6Address(high, low), UNRESOLVED);
        }
    }

    /** A forwarding table as a test sets it: a plain list, the longest match wins. */
    public static final class FixedFib implements FibView {
        private final List<IpPrefix> prefixes = new ArrayList<>();
        private final List<FibEntry> entries = new ArrayList<>();

        /** Adds a route. */
        public FixedFib add(IpPrefix prefix, FibAction action, List<NextHop> nextHops) {
            prefixes.add(prefix);
            entries.add(new FibEntry(prefix.length(), action, nextHops));
            return this;
        }

        @Override
        public FibEntry lookup4(int vrf, int destination) {
            return longest(new Ip4Address(destination));
        }

        @Override
        public FibEntry lookup6(int vrf, long high, long low) {
            return longest(new Ip6Address(high, low));
        }

        private FibEntry longest(IpAddress address) {
            FibEntry best = FibEntry.NO_ROUTE;
            for (int i = 0; i < entries.size(); i++) {
                boolean longer = best == FibEntry.NO_ROUTE || prefixes.get(i).length() > best.prefixLength();
                if (longer && prefixes.get(i).contains(address)) {
                    best = entries.get(i);
                }
            }
            return best;
        }
    }

    /** Writes down every signal as one line of text. */
    public static final class RecordedSignals implements NeighborSignals {
        private final List<String> lines = new ArrayList<>();
        private final List<Runnable> listeners = new ArrayList<>();

        /** The signals so far, such as {@code "resolve4 0 10.0.0.2"}. */
        public List<String> lines() {
            return lines;
        }

        /** Does what the neighbor actor does when a neighbor was resolved or failed. */
        public void resolutionHappened() {
            listeners.forEach(Runnable::run);
        }

        private void add(String what, Object... arguments) {
            StringBuilder line = new StringBuilder(what);
            for (Object argument : arguments) {
                line.append(' ').append(argument);
            }
            lines.add(line.toString());
        }

        private static String mac(long mac) {
            return mac < 0 ? "-" : MacAddress.toText(mac);
        }

        @Override
        public void resolve4(int interfaceId, int address) {
            add("resolve4", interfaceId, new Ip4Address(address));
        }

        @Override
        public void resolve6(int interfaceId, long high, long low) {
            add("resolve6", interfaceId, new Ip6Address(high, low));
        }

        @Override
        public void arp(int interfaceId, int senderAddress, long senderMac, boolean reply, boolean mayCreate) {
            add(
                    "arp",
                    interfaceId,
                    new Ip4Address(senderAddress),
                    mac(senderMac),
                    reply ? "reply" : "request",
                    mayCreate ? "create" : "update");
        }

        @Override
        public void conflict4(int interfaceId, int address, long mac) {
            add("conflict4", interfaceId, new Ip4Address(address), mac(mac));
        }

        @Override
        public void solicitation(int interfaceId, long sourceHigh, long sourceLow, long mac) {
            add("solicitation", interfaceId, new Ip6Address(sourceHigh, sourceLow), mac(mac));
        }

        @Override
        public void advertisement(
                int interfaceId,
                long targetHigh,
                long targetLow,
                long mac,
                boolean router,
                boolean solicited,
                boolean override) {
            add(
                    "advertisement",
                    interfaceId,
                    new Ip6Address(targetHigh, targetLow),
                    mac(mac),
                    (router ? "R" : "-") + (solicited ? "S" : "-") + (override ? "O" : "-"));
        }

        @Override
        public void conflict6(int interfaceId, long high, long low) {
            add("conflict6", interfaceId, new Ip6Address(high, low));
        }

        @Override
        public void routerSolicitation(int interfaceId, long sourceHigh, long sourceLow, long mac) {
            add("routerSolicitation", interfaceId, new Ip6Address(sourceHigh, sourceLow), mac(mac));
        }

        @Override
        public Runnable onResolution(Runnable signal) {
            listeners.add(signal);
            return () -> listeners.remove(signal);
        }
    }
}
