// SPDX-License-Identifier: Apache-2.0
package io.culvert.iface;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import akka.actor.typed.javadsl.TimerScheduler;
import io.culvert.config.InterfaceConfig;
import io.culvert.ffi.Errno;
import io.culvert.ffi.NativeException;
import io.culvert.net.MacAddress;
import io.culvert.spi.CounterId;
import io.culvert.spi.Device;
import io.culvert.spi.InterfaceKind;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Owns the device of one interface: opens it, tells its listener, and when it is lost lets go of it and tries again, with
 * back-off, until it is back. A device that is set down, or has no carrier, is kept, and told as down until it can carry
 * packets again: the kernel tells when it changes, or else it is looked at every now and then. Runs on a dispatcher for
 * blocking work.
 *
 * <p>A device is closed only when the listener has said that no lane uses it any more.
 */
public final class InterfaceActor extends AbstractBehavior<InterfaceActor.Command> {
    private static final Duration FIRST_RETRY = Duration.ofMillis(100);
    private static final Duration LONGEST_RETRY = Duration.ofSeconds(5);

    /**
     * How often the kernel is asked how the device stands where it does not tell: routes over a dead link are followed for so
     * long.
     */
    private static final Duration LOOK_EVERY = Duration.ofMillis(500);

    /** A device that wants to be looked at all the time does not get the whole thread. */
    private static final Duration SHORTEST_PAUSE = Duration.ofMillis(1);

    /** What the actor is told. */
    public sealed interface Command {}

    /** A queue failed because the device is gone. */
    public record DeviceLost(IOException cause) implements Command {}

    /** No lane uses the device any more. */
    public record Released() implements Command {}

    /** Tell the listener what the device has lost until now, and answer then. */
    public record Count(ActorRef<Counted> replyTo) implements Command {}

    /** The listener has been told. */
    public record Counted() {}

    /** Close the device, which no lane uses any more, tell the listener, and stop. */
    public record Close() implements Command {}

    private record Open() implements Command {}

    private record Look() implements Command {}

    /** What the actor tells. */
    public sealed interface Event {}

    /** The device is open. */
    public record Up(int interfaceId, Device device) implements Event {}

    /** The device is lost: let go of it and answer with {@link Released}. */
    public record Down(int interfaceId, IOException cause) implements Event {}

    /** So many packets, since the start, were lost because the device's queue towards the router was full. */
    public record Missed(int interfaceId, long packets) implements Event {}

    /** The largest IP packet that the device takes, in bytes, is another one now. */
    public record MtuChanged(int interfaceId, int mtu) implements Event {}

    /** What the devices of the interface have counted since the start, by their own counters. */
    public record Counts(int interfaceId, List<Device.Count> counts) implements Event {}

    /**
     * The device could not be opened or can't carry packets; it is tried again unless the router gives up.
     *
     * @param attempt from 1
     */
    public record Unavailable(int interfaceId, IOException cause, int attempt) implements Event {}

    /** The device is closed, and the actor has ended. */
    public record Closed(int interfaceId) implements Event {}

    /**
     * What opens a configured interface.
     *
     * @param madeUpMac the router's own MAC address where the configuration leaves it to the router
     * @param loops of the lanes that will read and write the device
     */
    public static InterfaceKind.Opener opener(
            int interfaceId, InterfaceConfig config, MacAddress madeUpMac, List<EventLoop> loops) {
        return opener(
                KernelOffloads.THIS_KERNEL, LinkNotifications.THIS_PROCESS, interfaceId, config, madeUpMac, loops);
    }

    /** What opens an interface on a kernel that may not do right all that it claims, nor tell what happens to devices. */
    static InterfaceKind.Opener opener(
            KernelOffloads kernelOffloads,
            LinkNotifications notifications,
            int interfaceId,
            InterfaceConfig config,
            MacAddress madeUpMac,
            List<EventLoop> loops) {
        notifications.start();
        InterfaceKind kind = config.brought().orElseGet(() -> BuiltInKind.of(config.type()));
        try {
            InterfaceKind.Opener opener = kind.opener(
                    new KernelSetup(interfaceId, config, madeUpMac.value(), loops, kernelOffloads, notifications));
            return () -> checked(kind, opener.open(), interfaceId, loops.size());
        } catch (RuntimeException | Error bug) { // the plugin's, which costs the router this interface alone
            return () -> {
                throw new IOException("interface type " + kind.type() + " failed: " + bug, bug);
            };
        }
    }

    /** The device, if lanes can work with it. */
    private static Device checked(InterfaceKind kind, Device device, int interfaceId, int lanes) throws IOException {
        String problem = null;
        if (device.transmit().size() != lanes) {
            problem = device.transmit().size() + " transmit queues for " + lanes + " lanes";
        } else if (device.mtu() <= 0) {
            problem = "an MTU of " + device.mtu() + " bytes";
        } else if (device.transmit().stream().anyMatch(queue -> queue.interfaceId() != interfaceId)
                || device.receive().stream().anyMatch(queue -> queue.interfaceId() != interfaceId)) {
            problem = "a queue of another interface";
        }
        if (problem != null) {
            device.closer().close();
            throw new IOException("interface type " + kind.type() + " failed: its device has " + problem);
        }
        return device;
    }

    private enum Phase {
        CLOSED,
        /** The listener knows of the device. */
        SERVING,
        /** The listener is asked to let go of it. */
        RELEASING,
        /** It is open, but can't carry packets, and the listener does not use it. */
        IDLE
    }

    private final int interfaceId;
    private final InterfaceKind.Opener opener;
    private final ActorRef<Event> listener;
    private final TimerScheduler<Command> timers;
    private final Runnable lookSoon;
    private @Nullable Device device;
    private Phase phase = Phase.CLOSED;
    private boolean keep;
    private int attempts;
    private long missedByEarlierDevices;
    private long missed;
    private int mtu;
    private boolean failureTold;
    private Map<CounterId, Long> countsOfEarlierDevices = Map.of();
    private Map<CounterId, Long> counts = Map.of();
    private Duration retry = FIRST_RETRY;
    /** The device was lost by a fault of its queues, which opening it again need not mend. */
    private boolean queuesFail;

    private InterfaceActor(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            int interfaceId,
            InterfaceKind.Opener opener,
            ActorRef<Event> listener) {
        super(context);
        this.timers = timers;
        ActorRef<Command> self = context.getSelf();
        this.lookSoon = () -> self.tell(new Look());
        this.interfaceId = interfaceId;
        this.opener = opener;
        this.listener = listener;
    }

    /** Opens the device at once. */
    public static Behavior<Command> create(int interfaceId, InterfaceKind.Opener opener, ActorRef<Event> listener) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            context.getSelf().tell(new Open());
            return new InterfaceActor(context, timers, interfaceId, opener, listener);
        }));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Open.class, message -> onOpen())
                .onMessage(Look.class, message -> onLook())
                .onMessage(DeviceLost.class, this::onDeviceLost)
                .onMessage(Released.class, message -> onReleased())
                .onMessage(Count.class, this::onCount)
                .onMessage(Close.class, message -> onClose())
                .onSignal(PostStop.class, signal -> {
                    closeDevice();
                    return this;
                })
                .build();
    }

    private Behavior<Command> onOpen() {
        try {
            Device opened = opener.open();
            device = opened;
            mtu = opened.mtu();
            if (!queuesFail) {
                retry = FIRST_RETRY;
            }
            boolean told = followChanges(opened);
            Device.State state = look(opened).state();
            if (state == Device.State.USABLE) {
                serve(opened);
            } else {
                phase = Phase.IDLE;
                listener.tell(new Unavailable(interfaceId, unusable(opened, state), 1));
            }
            lookLater(opened, told);
        } catch (IOException unavailable) {
            retryAfter(unavailable);
        } catch (RuntimeException | Error bug) {
            // Whatever an opener gets wrong, the interface is tried again like any other that can't be opened.
            getContext().getLog().error("opening an interface failed unexpectedly", bug);
            retryAfter(new IOException("unexpected failure: " + bug, bug));
        }
        return this;
    }

    private void retryAfter(IOException unavailable) {
        closeDevice();
        attempts++;
        listener.tell(new Unavailable(interfaceId, unavailable, attempts));
        tryAgainLater();
    }

    private void serve(Device usable) {
        attempts = 0;
        phase = Phase.SERVING;
        listener.tell(new Up(interfaceId, usable));
        if (mtu != usable.mtu()) {
            listener.tell(new MtuChanged(interfaceId, mtu));
        }
    }

    private static IOException unusable(Device device, Device.State state) {
        return new IOException(device.name() + " " + state.text());
    }

    /** To be called before a look, so that what happens after it is seen by another one. */
    private boolean followChanges(Device open) {
        try {
            return open.probe().onChange(lookSoon);
        } catch (RuntimeException | Error bug) {
            failedUnexpectedly(bug);
            return false;
        }
    }

    /** To be called behind a look. */
    private void lookLater(Device open, boolean changesAreTold) {
        long wanted;
        try {
            wanted = open.probe().lookAgainNanos();
        } catch (RuntimeException | Error bug) {
            failedUnexpectedly(bug);
            wanted = LOOK_EVERY.toNanos();
        }
        long nanos = changesAreTold ? wanted : Math.min(wanted, LOOK_EVERY.toNanos());
        if (nanos != Device.Probe.NEVER) {
            timers.startSingleTimer(new Look(), Duration.ofNanos(Math.max(nanos, SHORTEST_PAUSE.toNanos())));
        }
    }

    private Device.Status look(Device open) throws IOException {
        Device.Status status;
        try {
            status = open.probe().look();
        } catch (RuntimeException | Error bug) {
            failedUnexpectedly(bug);
            throw new IOException("unexpected failure: " + bug, bug);
        }
        long total = missedByEarlierDevices + status.missed();
        if (total != missed) {
            missed = total;
            listener.tell(new Missed(interfaceId, total));
        }
        add(status.counts());
        if (status.mtu() != 0 && status.mtu() != mtu) {
            mtu = status.mtu();
            if (phase == Phase.SERVING) {
                listener.tell(new MtuChanged(interfaceId, mtu));
            }
        }
        return status;
    }

    /** Said once: a device that can't be looked at is asked again and again, and counts as what it was. */
    private void failedUnexpectedly(Throwable bug) {
        if (!failureTold) {
            failureTold = true;
            getContext().getLog().error("looking at a device failed unexpectedly", bug);
        }
    }

    private void add(List<Device.Count> ofThisDevice) {
        if (ofThisDevice.isEmpty()) {
            return;
        }
        Map<CounterId, Long> now = new LinkedHashMap<>(countsOfEarlierDevices);
        ofThisDevice.forEach(count -> now.merge(count.counter(), count.amount(), Long::sum));
        if (!now.equals(counts)) {
            counts = now;
            listener.tell(new Counts(
                    interfaceId,
                    now.entrySet().stream()
                            .map(entry -> new Device.Count(entry.getKey(), entry.getValue()))
                            .toList()));
        }
    }

    private void tryAgainLater() {
        timers.startSingleTimer(new Open(), retry);
        retry = retry.multipliedBy(2).compareTo(LONGEST_RETRY) > 0 ? LONGEST_RETRY : retry.multipliedBy(2);
    }

    private Behavior<Command> onLook() {
        Device open = device;
        if (open == null || phase == Phase.RELEASING) {
            return this;
        }
        boolean told = followChanges(open);
        Device.State state;
        try {
            state = look(open).state();
        } catch (IOException notNow) {
            lookLater(open, false); // should the device be gone, reading it tells
            return this;
        }
        if (phase == Phase.SERVING && state != Device.State.USABLE) {
            lose(unusable(open, state), state != Device.State.GONE);
        } else if (phase == Phase.IDLE && state == Device.State.USABLE) {
            serve(open);
        } else if (phase == Phase.IDLE && state == Device.State.GONE) {
            closeDevice();
            tryAgainLater();
            return this;
        }
        lookLater(open, told);
        return this;
    }

    private Behavior<Command> onDeviceLost(DeviceLost message) {
        Device open = device;
        if (open != null && phase == Phase.SERVING) {
            queuesFail = isBug(message.cause().getCause());
            lose(message.cause(), wasSetDown(message.cause()) && isThere(open));
        }
        return this;
    }

    private static boolean isBug(@Nullable Throwable cause) {
        return cause instanceof RuntimeException || cause instanceof Error;
    }

    /** Closing a device that was only set down would remove a tun; opening it again would set it up behind the operator. */
    private static boolean wasSetDown(IOException cause) {
        return cause instanceof NativeException refused && refused.errno() == Errno.ENETDOWN;
    }

    private boolean isThere(Device open) {
        try {
            return look(open).state() != Device.State.GONE;
        } catch (IOException unknown) {
            return false;
        }
    }

    private void lose(IOException cause, boolean keepDevice) {
        phase = Phase.RELEASING;
        keep = keepDevice;
        listener.tell(new Down(interfaceId, cause));
    }

    private Behavior<Command> onReleased() {
        if (phase == Phase.RELEASING) {
            if (keep) {
                phase = Phase.IDLE;
                return onLook();
            }
            closeDevice();
            tryAgainLater();
        }
        return this;
    }

    private Behavior<Command> onCount(Count message) {
        count();
        message.replyTo().tell(new Counted());
        return this;
    }

    private void count() {
        Device open = device;
        if (open != null) {
            try {
                look(open);
            } catch (IOException notNow) {
                // what was counted last must do
            }
        }
    }

    private Behavior<Command> onClose() {
        closeDevice();
        listener.tell(new Closed(interfaceId));
        return Behaviors.stopped();
    }

    private void closeDevice() {
        count();
        Device open = device;
        device = null;
        phase = Phase.CLOSED;
        missedByEarlierDevices = missed;
        countsOfEarlierDevices = counts;
        if (open != null) {
            try {
                open.closer().close();
            } catch (RuntimeException | Error bug) {
                getContext().getLog().error("closing a device failed unexpectedly", bug);
            }
        }
    }

    /** Whether a failure to open means that the process lacks a right, so that trying again is of no use. */
    public static boolean isMissingRight(IOException cause) {
        return cause instanceof NativeException refused
                && (refused.errno() == Errno.EPERM || refused.errno() == Errno.EACCES);
    }
}
