// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.PostStop;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import akka.actor.typed.javadsl.TimerScheduler;
import io.culvert.config.InterfaceConfig;
import io.culvert.config.RouterConfig;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.RouterInterface;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;

/**
 * Keeps the kernel's side of the local-delivery TAP as the router's interfaces are: sets it up when the TAP comes up, follows
 * the router's addresses, starts anew when the TAP was gone, and takes everything back at the end. What the kernel refuses is
 * tried again. Runs on a dispatcher for blocking work.
 *
 * <p>Told: each new table of interfaces, each new configuration, and at last to stop. Tells: that everything is taken back.
 */
public final class LocalDeliveryActor extends AbstractBehavior<LocalDeliveryActor.Command> {
    private static final Duration RETRY = Duration.ofSeconds(2);

    /** What the actor is told. */
    public sealed interface Command {}

    /** Interfaces have come, gone or changed. */
    public record InterfacesChanged(InterfaceTable interfaces) implements Command {}

    /** A reload has put other routes in force. */
    public record ConfigChanged(RouterConfig config) implements Command {}

    /** Take everything back, answer, and end. To be told while the TAP is still there. */
    public record Stop(ActorRef<Stopped> replyTo) implements Command {}

    /** Everything is taken back, and the actor has ended. */
    public record Stopped() {}

    /** Answer when the kernel has what the actor was told so far, or has refused it. */
    public record Settle(ActorRef<Settled> replyTo) implements Command {}

    /** What the actor was told before it was asked has been dealt with. */
    public record Settled() {}

    private record Retry() implements Command {}

    private final TimerScheduler<Command> timers;
    private final LocalDelivery kernel;
    private final Map<Integer, RouterInterface> known = new TreeMap<>();
    private RouterConfig config;
    private InterfaceTable interfaces = InterfaceTable.EMPTY;
    private boolean failed;

    private LocalDeliveryActor(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            RouterConfig config,
            InterfaceConfig.Tap tap) {
        super(context);
        this.config = config;
        this.timers = timers;
        this.kernel = new LocalDelivery(tap.virtual().netns(), context.getLog());
    }

    /**
     * Waits for the TAP to come up.
     *
     * @param tap the interface of the configuration that has the role
     */
    public static Behavior<Command> create(RouterConfig config, InterfaceConfig.Tap tap) {
        return Behaviors.setup(
                context -> Behaviors.withTimers(timers -> new LocalDeliveryActor(context, timers, config, tap)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(InterfacesChanged.class, this::onInterfacesChanged)
                .onMessage(ConfigChanged.class, message -> {
                    config = message.config();
                    follow();
                    return this;
                })
                .onMessage(Settle.class, message -> {
                    message.replyTo().tell(new Settled());
                    return this;
                })
                .onMessage(Retry.class, message -> {
                    follow();
                    return this;
                })
                .onMessage(Stop.class, message -> {
                    takeBack(kernel::close);
                    message.replyTo().tell(new Stopped());
                    return Behaviors.stopped();
                })
                .onSignal(PostStop.class, signal -> {
                    takeBack(kernel::close);
                    return this;
                })
                .build();
    }

    private Behavior<Command> onInterfacesChanged(InterfacesChanged message) {
        interfaces = message.interfaces();
        for (RouterInterface iface : interfaces.all()) {
            if (iface.up() && iface.role() == RouterInterface.Role.TRANSIT) {
                known.put(iface.id(), iface);
            }
        }
        follow();
        return this;
    }

    private void follow() {
        timers.cancel(Retry.class);
        RouterInterface tap = interfaces.localDelivery();
        if (tap == null || !tap.up()) {
            takeBack(kernel::release);
            return;
        }
        try {
            kernel.apply(LocalDeliveryPlan.of(config, tap, known.values()));
            failed = false;
        } catch (IOException refused) {
            if (!failed) {
                failed = true;
                getContext()
                        .getLog()
                        .warn(
                                "local delivery through {} can't be set up and is tried again: {}",
                                tap.device(),
                                refused.getMessage());
            }
            timers.startSingleTimer(Retry.class, new Retry(), RETRY);
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private void takeBack(Work work) {
        try {
            work.run();
        } catch (IOException refused) {
            getContext()
                    .getLog()
                    .warn("not all that local delivery had changed in the kernel could be taken back", refused);
        }
    }
}
