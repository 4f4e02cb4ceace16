// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import akka.actor.typed.ActorRef;
import akka.actor.typed.Behavior;
import akka.actor.typed.javadsl.AbstractBehavior;
import akka.actor.typed.javadsl.ActorContext;
import akka.actor.typed.javadsl.Behaviors;
import akka.actor.typed.javadsl.Receive;
import io.culvert.fib.Fib;
import io.culvert.fib.Rib;
import io.culvert.fib.Route;
import io.culvert.fib.RouteSource;
import io.culvert.fib.RouteStatus;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.Ip6Address;
import io.culvert.spi.RouterInterface;
import java.util.ArrayList;
import java.util.List;

/**
 * Owns the candidate routes and is the one writer of the forwarding table, which lanes read while it changes.
 *
 * <p>In: interfaces with their usable addresses as they come and go, and routes in batches. Each message is one step: its
 * changes are all in the table when its answer goes out.
 */
public final class RouteActor extends AbstractBehavior<RouteActor.Command> {
    /** What the actor is told. */
    public sealed interface Command {}

    /** An interface is there, or something about it has changed: its addresses, its VRF, whether it is up. */
    public record InterfaceChanged(RouterInterface iface) implements Command {}

    /** An interface cannot be used: what leads through it is withdrawn, its own addresses stay local. */
    public record InterfaceDown(int interfaceId) implements Command {}

    /** An interface was taken out of the configuration, and its addresses with it. */
    public record InterfaceRemoved(int interfaceId) implements Command {}

    /** One more address of a known interface may be used: duplicate address detection has passed it. */
    public record AddressUsable(int interfaceId, InterfaceAddress address) implements Command {}

    /** Enter these routes, each in place of the one with its key. */
    public record AddRoutes(List<Route> routes, ActorRef<Applied> replyTo) implements Command {
        public AddRoutes {
            routes = List.copyOf(routes);
            routes.forEach(route -> requireGiven(route.source()));
        }
    }

    /** Take these routes out. */
    public record RemoveRoutes(List<Route.Key> keys, ActorRef<Applied> replyTo) implements Command {
        public RemoveRoutes {
            keys = List.copyOf(keys);
            keys.forEach(key -> requireGiven(key.source()));
        }
    }

    /** Make a source's routes exactly these. */
    public record ReplaceRoutes(RouteSource source, List<Route> routes, ActorRef<Applied> replyTo) implements Command {
        public ReplaceRoutes {
            routes = List.copyOf(routes);
            requireGiven(source);
            routes.forEach(route -> {
                if (route.source() != source) {
                    throw new IllegalArgumentException(route + " is not from " + source);
                }
            });
        }
    }

    /** Tell all routes. */
    public record Inspect(ActorRef<Listing> replyTo) implements Command {}

    /**
     * What a batch has done.
     *
     * @param changed routes that were entered, changed or taken out; the others were as asked for already
     * @param installed entries of the forwarding table that were put or removed for it
     */
    public record Applied(int changed, int installed) {}

    /** All routes, ordered by VRF, family, prefix and rank. */
    public record Listing(List<RouteStatus> routes) {}

    private final Rib rib;

    private RouteActor(ActorContext<Command> context, Fib fib) {
        super(context);
        rib = new Rib(fib);
        // After a restart the table holds what the actor does not know any more.
        fib.clear();
    }

    /** Starts without interfaces and routes. */
    public static Behavior<Command> create(Fib fib) {
        return Behaviors.setup(context -> new RouteActor(context, fib));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(InterfaceChanged.class, message -> {
                    rib.setInterface(message.iface);
                    rib.commit();
                    return this;
                })
                .onMessage(InterfaceDown.class, message -> {
                    RouterInterface iface = rib.findInterface(message.interfaceId);
                    if (iface != null) {
                        rib.setInterface(with(iface, false, iface.addresses()));
                        rib.commit();
                    }
                    return this;
                })
                .onMessage(InterfaceRemoved.class, message -> {
                    rib.removeInterface(message.interfaceId);
                    rib.commit();
                    return this;
                })
                .onMessage(AddressUsable.class, this::onAddressUsable)
                .onMessage(AddRoutes.class, message -> {
                    int changed = 0;
                    for (Route route : message.routes) {
                        changed += rib.put(route) ? 1 : 0;
                    }
                    return answer(message.replyTo, changed);
                })
                .onMessage(RemoveRoutes.class, message -> {
                    int changed = 0;
                    for (Route.Key key : message.keys) {
                        changed += rib.remove(key) ? 1 : 0;
                    }
                    return answer(message.replyTo, changed);
                })
                .onMessage(
                        ReplaceRoutes.class,
                        message -> answer(message.replyTo, rib.replaceAll(message.source, message.routes)))
                .onMessage(Inspect.class, message -> {
                    message.replyTo.tell(new Listing(rib.routes()));
                    return this;
                })
                .build();
    }

    private Behavior<Command> answer(ActorRef<Applied> replyTo, int changed) {
        replyTo.tell(new Applied(changed, rib.commit()));
        return this;
    }

    private Behavior<Command> onAddressUsable(AddressUsable message) {
        RouterInterface iface = rib.findInterface(message.interfaceId);
        boolean linkLocal = message.address.address() instanceof Ip6Address ip6 && Ip6Address.isLinkLocal(ip6.high());
        if (iface != null && !linkLocal && !iface.addresses().contains(message.address)) {
            List<InterfaceAddress> addresses = new ArrayList<>(iface.addresses());
            addresses.add(message.address);
            rib.setInterface(with(iface, iface.up(), addresses));
            rib.commit();
        }
        return this;
    }

    private static RouterInterface with(RouterInterface iface, boolean up, List<InterfaceAddress> addresses) {
        return new RouterInterface(
                iface.id(),
                iface.name(),
                iface.device(),
                iface.link(),
                iface.role(),
                iface.vrf(),
                up,
                iface.mtu(),
                iface.mac(),
                iface.kernelMac(),
                addresses,
                iface.linkLocal(),
                iface.offloads(),
                iface.redirects(),
                iface.gro());
    }

    private static void requireGiven(RouteSource source) {
        if (source.derived()) {
            throw new IllegalArgumentException(source + " routes come from the interfaces alone");
        }
    }
}
