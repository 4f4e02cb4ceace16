// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import akka.Done;
import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import akka.actor.typed.javadsl.TimerScheduler;
import io.culvert.neighbor.NeighborStatus;
import io.culvert.neighbor.NeighborTable;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.spi.RouterInterface;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Speaks ARP (RFC 826, 5227) and neighbor discovery (RFC 4861, 4862) on the router's Ethernet interfaces, and is the one
 * writer of the {@link NeighborTable}.
 *
 * <p>In: interfaces as they come and go, and what the lanes saw, through {@link NeighborMailbox}. Out: frames through
 * {@link FrameSender}, the neighbor table, and an {@link Event} for each own address that may be used or must not. Stages
 * answer requests for own addresses themselves; here is what needs time and memory. Point-to-point interfaces and the one
 * for local delivery have no neighbors: their addresses may be used at once.
 *
 * <p>State is lost when the actor restarts: it must be told its interfaces again.
 */
public final class NeighborActor extends AbstractBehavior<NeighborActor.Command> {
    /** What the actor is told. */
    public sealed interface Command {}

    /**
     * An interface can be used, for the first time or again after a loss.
     *
     * @param addresses all that are configured; those of RouterInterface may be fewer, as they are usable ones. A
     *     link-local one takes the place of that made from the MAC address
     * @param advertisement what to tell hosts, or null to be no router to them
     */
    public record InterfaceUp(
            RouterInterface iface,
            List<InterfaceAddress> addresses,
            @Nullable RouterAdvertisement advertisement) implements Command {
        public InterfaceUp {
            addresses = List.copyOf(addresses);
        }
    }

    /** An interface is lost or taken down: its neighbors are forgotten, its addresses no longer announced. */
    public record InterfaceDown(int interfaceId) implements Command {}

    /** Tell what is known. */
    public record Inspect(ActorRef<Listing> replyTo) implements Command {}

    /** Withdraw the router from its hosts and stop. */
    public record Stop(ActorRef<Done> replyTo) implements Command {}

    /** What a lane saw. */
    sealed interface Signal extends Command {}

    record Resolve(int interfaceId, IpAddress address) implements Signal {}

    record Arp(int interfaceId, Ip4Address sender, long mac, boolean reply, boolean mayCreate) implements Signal {}

    record Conflict(int interfaceId, IpAddress address, long mac) implements Signal {}

    record Solicitation(int interfaceId, Ip6Address source, long mac) implements Signal {}

    record Advertisement(
            int interfaceId, Ip6Address target, long mac, boolean router, boolean solicited, boolean override)
            implements Signal {}

    record RouterSolicitation(int interfaceId, Ip6Address source, long mac) implements Signal {}

    private record Due(Runnable action) implements Command {}

    /** What the actor tells its owner. */
    public sealed interface Event {}

    /** An own address may be used from now on; a link-local one is the interface's. */
    public record AddressUsable(int interfaceId, InterfaceAddress address) implements Event {}

    /** Another station has this address: it is not used. */
    public record AddressDuplicate(int interfaceId, InterfaceAddress address) implements Event {}

    /**
     * What is known at one moment.
     *
     * @param signalsLost signals of lanes that the actor did not keep up with
     * @param limited new neighbors that packets asked for at too high a rate
     * @param refused new neighbors without a place in the table
     * @param evicted neighbors that lost their place to a newer one
     */
    public record Listing(
            List<NeighborStatus> neighbors,
            List<AddressStatus> addresses,
            long signalsLost,
            long limited,
            long refused,
            long evicted) {}

    private static final int LINK_LOCAL_PREFIX = 64;

    private final TimerScheduler<Command> timers;
    private final NeighborMailbox mailbox;
    private final NeighborTable table;
    private final FrameSender sender;
    private final NeighborSettings settings;
    private final ActorRef<? super Event> owner;
    private final LongSupplier clockNanos;
    private final RandomGenerator random;
    private final NeighborFrames frames = new NeighborFrames();
    private final NeighborCache cache;
    private final OwnAddresses own;
    private final Alarms alarms;
    private final Map<Integer, NeighborPort> ports = new HashMap<>();
    private final Map<Integer, RouterAdvertiser> advertisers = new HashMap<>();

    private NeighborActor(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            NeighborMailbox mailbox,
            FrameSender sender,
            NeighborSettings settings,
            ActorRef<? super Event> owner,
            LongSupplier clockNanos,
            RandomGenerator random) {
        super(context);
        this.timers = timers;
        this.mailbox = mailbox;
        this.table = mailbox.table();
        this.sender = sender;
        this.settings = settings;
        this.owner = owner;
        this.clockNanos = clockNanos;
        this.random = random;
        this.alarms = new TimerAlarms();
        this.cache = new NeighborCache(table, frames, sender, alarms, settings, clockNanos, random, ports::get);
        this.own =
                new OwnAddresses(frames, sender, alarms, settings, clockNanos, context.getLog(), new AddressListener());
    }

    /**
     * Starts with an empty table and without interfaces.
     *
     * @param mailbox what the lanes hold; it names the table
     * @param owner told which addresses may be used
     * @param clockNanos monotonic, in step with the actor system's scheduler
     */
    public static Behavior<Command> create(
            NeighborMailbox mailbox,
            FrameSender sender,
            NeighborSettings settings,
            ActorRef<? super Event> owner,
            LongSupplier clockNanos) {
        return create(mailbox, sender, settings, owner, clockNanos, new SplittableRandom());
    }

    static Behavior<Command> create(
            NeighborMailbox mailbox,
            FrameSender sender,
            NeighborSettings settings,
            ActorRef<? super Event> owner,
            LongSupplier clockNanos,
            RandomGenerator random) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            mailbox.table().all().forEach(mailbox.table()::remove);
            mailbox.attach(context.getSelf());
            return new NeighborActor(context, timers, mailbox, sender, settings, owner, clockNanos, random);
        }));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Due.class, due -> {
                    due.action.run();
                    return done();
                })
                .onMessage(Signal.class, this::onSignal)
                .onMessage(InterfaceUp.class, this::onInterfaceUp)
                .onMessage(InterfaceDown.class, this::onInterfaceDown)
                .onMessage(Inspect.class, this::onInspect)
                .onMessage(Stop.class, this::onStop)
                .onSignal(PostStop.class, signal -> {
                    mailbox.detach();
                    return this;
                })
                .build();
    }

    private Behavior<Command> done() {
        if (cache.takeDecided()) {
            mailbox.runResolutionSignals();
        }
        return this;
    }

    private Behavior<Command> onSignal(Signal signal) {
        mailbox.taken();
        if (signal instanceof Resolve resolve) {
            cache.resolve(resolve.interfaceId, resolve.address);
        } else if (signal instanceof Arp arp) {
            cache.arp(arp.interfaceId, arp.sender, arp.mac, arp.reply, arp.mayCreate);
        } else if (signal instanceof Conflict conflict) {
            own.conflict(conflict.interfaceId, conflict.address, conflict.mac);
        } else if (signal instanceof Solicitation solicitation) {
            cache.solicitation(solicitation.interfaceId, solicitation.source, solicitation.mac);
        } else if (signal instanceof Advertisement advertisement) {
            onAdvertisement(advertisement);
        } else if (signal instanceof RouterSolicitation solicitation) {
            onRouterSolicitation(solicitation);
        }
        return done();
    }

    private void onAdvertisement(Advertisement told) {
        if (own.isClaimed(told.interfaceId, told.target)) {
            own.conflict(told.interfaceId, told.target, told.mac);
        } else {
            cache.advertisement(told.interfaceId, told.target, told.mac, told.router, told.solicited, told.override);
        }
    }

    private void onRouterSolicitation(RouterSolicitation asked) {
        if (asked.mac >= 0) {
            cache.solicitation(asked.interfaceId, asked.source, asked.mac);
        }
        cache.isHost(asked.interfaceId, asked.source);
        RouterAdvertiser advertiser = advertisers.get(asked.interfaceId);
        if (advertiser != null) {
            advertiser.advertiseSoon();
        }
    }

    private Behavior<Command> onInterfaceUp(InterfaceUp up) {
        RouterInterface iface = up.iface;
        release(iface.id());
        if (iface.link() != RouterInterface.Link.ETHERNET || iface.role() != RouterInterface.Role.TRANSIT) {
            up.addresses.forEach(address -> owner.tell(new AddressUsable(iface.id(), address)));
            return done();
        }
        NeighborPort port = new NeighborPort(iface, up.addresses, settings.newPerSecond());
        ports.put(iface.id(), port);
        if (up.advertisement != null) {
            advertisers.put(
                    iface.id(),
                    new RouterAdvertiser(port, up.advertisement, frames, sender, alarms, clockNanos, random));
        }
        if (up.addresses.stream().noneMatch(NeighborActor::isLinkLocal)) {
            own.claim(port, new InterfaceAddress(Ip6Address.linkLocal(iface.macAddress()), LINK_LOCAL_PREFIX));
        }
        up.addresses.forEach(address -> own.claim(port, address));
        return done();
    }

    private static boolean isLinkLocal(InterfaceAddress address) {
        return address.address() instanceof Ip6Address ip6 && Ip6Address.isLinkLocal(ip6.high());
    }

    private Behavior<Command> onInterfaceDown(InterfaceDown down) {
        RouterAdvertiser advertiser = advertisers.get(down.interfaceId);
        if (advertiser != null) {
            advertiser.withdraw();
        }
        release(down.interfaceId);
        return done();
    }

    private void release(int interfaceId) {
        own.release(interfaceId);
        cache.forgetInterface(interfaceId);
        ports.remove(interfaceId);
        RouterAdvertiser advertiser = advertisers.remove(interfaceId);
        if (advertiser != null) {
            alarms.cancel(advertiser);
        }
    }

    private Behavior<Command> onInspect(Inspect inspect) {
        inspect.replyTo.tell(new Listing(
                table.snapshot(clockNanos.getAsLong()),
                own.snapshot(),
                mailbox.lost(),
                cache.limited(),
                cache.refused(),
                cache.evicted()));
        return this;
    }

    private Behavior<Command> onStop(Stop stop) {
        advertisers.values().forEach(RouterAdvertiser::withdraw);
        stop.replyTo.tell(Done.getInstance());
        return Behaviors.stopped();
    }

    private final class TimerAlarms implements Alarms {
        @Override
        public void set(Object key, Duration delay, Runnable action) {
            timers.startSingleTimer(key, new Due(action), delay);
        }

        @Override
        public void cancel(Object key) {
            timers.cancel(key);
        }
    }

    private final class AddressListener implements OwnAddresses.Listener {
        @Override
        public void usable(NeighborPort port, InterfaceAddress address) {
            owner.tell(new AddressUsable(port.id(), address));
            RouterAdvertiser advertiser = advertisers.get(port.id());
            if (advertiser != null && address.address() instanceof Ip6Address) {
                advertiser.advertiseSoon();
            }
        }

        @Override
        public void duplicate(NeighborPort port, InterfaceAddress address) {
            owner.tell(new AddressDuplicate(port.id(), address));
        }
    }
}
