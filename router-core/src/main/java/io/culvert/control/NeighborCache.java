// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.neighbor.Neighbor;
import io.culvert.neighbor.NeighborState;
import io.culvert.neighbor.NeighborTable;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.MacAddress;
import java.time.Duration;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Decides what the neighbor table says: the states and timers of RFC 4861 section 7.3 and appendix C for both families,
 * and the merge rule of RFC 826.
 *
 * <pre>
 *  (none) --packet--&gt; INCOMPLETE --answer--&gt; REACHABLE --30 s--&gt; STALE --packet--&gt; DELAY --5 s--&gt; PROBE
 *                         |                      ^                                            |
 *                     no answer                  +------------------ answer ------------------+
 *                         v                                                                   |
 *                      FAILED --3 s--&gt; (none) &lt;------------------ no answer -----------------+
 * </pre>
 *
 * <p>A probe without answer removes the entry (RFC 4861 section 7.3.3): the next packet asks everybody, as the address may
 * have moved to another MAC. Not implemented: hints of upper layers that a neighbor is reachable. Confined to its actor.
 */
final class NeighborCache {
    /** How often stale neighbors are looked through for ones that packets went to. */
    private static final Duration STALE_SCAN = Duration.ofSeconds(1);

    private static final Object SCAN = "stale-scan";

    private final NeighborTable table;
    private final NeighborFrames frames;
    private final FrameSender sender;
    private final Alarms alarms;
    private final NeighborSettings settings;
    private final LongSupplier clockNanos;
    private final RandomGenerator random;
    private final PortLookup ports;

    private boolean scanning;
    private boolean decided;
    private long limited;
    private long refused;
    private long evicted;

    /** Finds an interface that is up and has neighbors. */
    interface PortLookup {
        @Nullable
        NeighborPort find(int interfaceId);
    }

    NeighborCache(
            NeighborTable table,
            NeighborFrames frames,
            FrameSender sender,
            Alarms alarms,
            NeighborSettings settings,
            LongSupplier clockNanos,
            RandomGenerator random,
            PortLookup ports) {
        this.table = table;
        this.frames = frames;
        this.sender = sender;
        this.alarms = alarms;
        this.settings = settings;
        this.clockNanos = clockNanos;
        this.random = random;
        this.ports = ports;
    }

    /** Whether a neighbor that packets may wait for was resolved or failed since the last call. */
    boolean takeDecided() {
        boolean was = decided;
        decided = false;
        return was;
    }

    /** New neighbors that were not asked for because too many were already. */
    long limited() {
        return limited;
    }

    /** New neighbors for which there was no room. */
    long refused() {
        return refused;
    }

    /** Neighbors that lost their place to a newer one. */
    long evicted() {
        return evicted;
    }

    /** Packets wait for a neighbor. */
    void resolve(int interfaceId, IpAddress address) {
        NeighborPort port = ports.find(interfaceId);
        if (port == null) {
            return;
        }
        Neighbor known = table.find(interfaceId, address);
        if (known != null) {
            // It was resolved while the lane asked, and the lane may have looked just before.
            decided |= known.isResolved();
            return;
        }
        if (!isOneStation(address) || port.owns(address)) {
            return;
        }
        if (!port.admitsNew(clockNanos.getAsLong())) {
            limited++;
            return;
        }
        Neighbor neighbor = enter(interfaceId, address);
        if (neighbor != null) {
            ask(neighbor);
        }
    }

    /**
     * An ARP packet told its sender's addresses: merged into what is known; entered only when it was for the router. A
     * reply shows that the sender hears the router if it was for the router, or one was waited for.
     */
    void arp(int interfaceId, Ip4Address sender, long mac, boolean reply, boolean mayCreate) {
        NeighborPort port = ports.find(interfaceId);
        if (port == null || !isOneStation(sender) || !isOneStation(mac) || port.owns(sender)) {
            return;
        }
        Neighbor neighbor = table.find(interfaceId, sender);
        if (neighbor == null) {
            if (mayCreate && port.isOnLink(sender)) {
                enterStale(interfaceId, sender, mac);
            }
        } else if (reply && (mayCreate || isAsked(neighbor))) {
            confirm(neighbor, mac);
        } else if (neighbor.link() != mac) {
            suspect(neighbor, mac);
        }
    }

    private static boolean isAsked(Neighbor neighbor) {
        return switch (neighbor.state()) {
            case INCOMPLETE, PROBE, FAILED -> true;
            case REACHABLE, STALE, DELAY -> false;
        };
    }

    /** A solicitation told its sender's addresses (RFC 4861 sections 7.2.3 and, from a host's router search, 6.2.6). */
    void solicitation(int interfaceId, Ip6Address source, long mac) {
        NeighborPort port = ports.find(interfaceId);
        if (port == null || !isOneStation(source) || !isOneStation(mac) || port.owns(source)) {
            return;
        }
        Neighbor neighbor = table.find(interfaceId, source);
        if (neighbor == null) {
            if (port.isOnLink(source)) {
                enterStale(interfaceId, source, mac);
            }
        } else if (neighbor.link() != mac) {
            suspect(neighbor, mac);
        }
    }

    /** Only hosts search for routers (RFC 4861 section 6.2.6). */
    void isHost(int interfaceId, Ip6Address source) {
        Neighbor neighbor = table.find(interfaceId, source);
        if (neighbor != null) {
            neighbor.setRouter(false);
        }
    }

    /**
     * A neighbor advertisement (RFC 4861 section 7.2.5).
     *
     * @param mac -1 when it tells none
     */
    void advertisement(
            int interfaceId, Ip6Address target, long mac, boolean router, boolean solicited, boolean override) {
        Neighbor neighbor = table.find(interfaceId, target);
        if (neighbor == null || ports.find(interfaceId) == null || (mac >= 0 && !isOneStation(mac))) {
            return;
        }
        if (!neighbor.isResolved()) {
            if (mac < 0) {
                return;
            }
            neighbor.setRouter(router);
            if (solicited) {
                confirm(neighbor, mac);
            } else {
                suspect(neighbor, mac);
            }
            return;
        }
        boolean moved = mac >= 0 && mac != neighbor.link();
        if (moved && !override) {
            if (neighbor.state() == NeighborState.REACHABLE) {
                suspect(neighbor, neighbor.link());
            }
            return;
        }
        neighbor.setRouter(router);
        long link = moved ? mac : neighbor.link();
        if (solicited) {
            confirm(neighbor, link);
        } else if (moved) {
            suspect(neighbor, link);
        }
    }

    /** The interface is gone, and its neighbors with it. */
    void forgetInterface(int interfaceId) {
        for (Neighbor neighbor : table.all()) {
            if (neighbor.interfaceId() == interfaceId) {
                decided |= !neighbor.isResolved();
                forget(neighbor);
            }
        }
    }

    private @Nullable Neighbor enter(int interfaceId, IpAddress address) {
        if (table.isFull(address)) {
            Neighbor victim = table.mostDispensable(address);
            if (victim == null) {
                refused++;
                return null;
            }
            evicted++;
            forget(victim);
        }
        return table.add(interfaceId, address, clockNanos.getAsLong());
    }

    private void enterStale(int interfaceId, IpAddress address, long mac) {
        Neighbor neighbor = enter(interfaceId, address);
        if (neighbor != null) {
            suspect(neighbor, mac);
            decided = true;
        }
    }

    /** Asks everybody for a neighbor that is not known. */
    private void ask(Neighbor neighbor) {
        if (neighbor.tries() == settings.solicitations()) {
            table.fail(neighbor, clockNanos.getAsLong());
            decided = true;
            alarms.set(neighbor, settings.failedHold(), () -> forget(neighbor));
            return;
        }
        solicit(neighbor, MacAddress.BROADCAST.value());
        alarms.set(neighbor, settings.retransmit(), () -> ask(neighbor));
    }

    /** Asks a neighbor at its known link address whether it is still there. */
    private void probe(Neighbor neighbor) {
        if (neighbor.tries() == settings.solicitations()) {
            forget(neighbor);
            return;
        }
        solicit(neighbor, neighbor.link());
        alarms.set(neighbor, settings.retransmit(), () -> probe(neighbor));
    }

    private void solicit(Neighbor neighbor, long to) {
        neighbor.countTry();
        NeighborPort port = ports.find(neighbor.interfaceId());
        if (port == null) {
            return;
        }
        if (neighbor.address() instanceof Ip4Address target) {
            sender.send(port.id(), frames.arpRequest(to, port.mac(), port.sourceFor(target), target.value()));
        } else if (neighbor.address() instanceof Ip6Address target) {
            Ip6Address source = port.sourceFor(target);
            // While all own addresses are tentative there is none to ask with: the next try will have one.
            if (source != null) {
                sender.send(
                        port.id(),
                        to == MacAddress.BROADCAST.value()
                                ? frames.multicastSolicitation(port.mac(), source, target)
                                : frames.unicastSolicitation(to, port.mac(), source, target));
            }
        }
    }

    /** It has shown that it hears the router and is at this link address. */
    private void confirm(Neighbor neighbor, long mac) {
        decided |= !neighbor.isResolved();
        table.resolve(neighbor, NeighborState.REACHABLE, mac, clockNanos.getAsLong());
        long nanos = (long) (settings.reachable().toNanos() * (0.5 + random.nextDouble()));
        alarms.set(neighbor, Duration.ofNanos(nanos), () -> suspect(neighbor, neighbor.link()));
    }

    /** It seems to be at this link address, which the first packet to it will have checked. */
    private void suspect(Neighbor neighbor, long mac) {
        decided |= !neighbor.isResolved();
        table.resolve(neighbor, NeighborState.STALE, mac, clockNanos.getAsLong());
        neighbor.clearUsed();
        alarms.set(neighbor, settings.staleHold(), () -> forget(neighbor));
        if (!scanning) {
            scanning = true;
            alarms.set(SCAN, STALE_SCAN, this::scanStale);
        }
    }

    /** Lanes cannot tell an actor about each packet: they mark the neighbor, and here the marks are collected. */
    private void scanStale() {
        for (Neighbor neighbor : table.stale()) {
            if (neighbor.isUsed()) {
                long now = clockNanos.getAsLong();
                table.resolve(neighbor, NeighborState.DELAY, neighbor.link(), now);
                alarms.set(neighbor, settings.delayFirstProbe(), () -> {
                    table.resolve(neighbor, NeighborState.PROBE, neighbor.link(), clockNanos.getAsLong());
                    probe(neighbor);
                });
            }
        }
        scanning = table.hasStale();
        if (scanning) {
            alarms.set(SCAN, STALE_SCAN, this::scanStale);
        }
    }

    private void forget(Neighbor neighbor) {
        alarms.cancel(neighbor);
        table.remove(neighbor);
    }

    private static boolean isOneStation(IpAddress address) {
        if (address instanceof Ip6Address ip6) {
            return !Ip6Address.isMulticast(ip6.high())
                    && !Ip6Address.isUnspecified(ip6.high(), ip6.low())
                    && !Ip6Address.isLoopback(ip6.high(), ip6.low());
        }
        return address instanceof Ip4Address ip4
                && ip4.value() != 0
                && ip4.value() != -1
                && !Ip4Address.isMulticast(ip4.value())
                && !Ip4Address.isLoopback(ip4.value());
    }

    private static boolean isOneStation(long mac) {
        return mac > 0 && mac >>> 48 == 0 && !MacAddress.isGroup(mac);
    }
}
