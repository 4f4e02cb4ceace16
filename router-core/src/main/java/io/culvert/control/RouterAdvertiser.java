// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.net.Ip6Address;
import java.time.Duration;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;

/**
 * Sends the router advertisements of one interface (RFC 4861 sections 6.2.4 to 6.2.6): some at first, then from time to
 * time, sooner when a host asks, and a last one that withdraws the router. All go to all nodes, so that however many hosts
 * ask, there is at most one every three seconds. Confined to its actor.
 */
final class RouterAdvertiser {
    /** MAX_INITIAL_RTR_ADVERTISEMENTS (RFC 4861 section 10). */
    private static final int INITIAL = 3;
    /** MAX_INITIAL_RTR_ADVERT_INTERVAL. */
    private static final Duration INITIAL_INTERVAL = Duration.ofSeconds(16);
    /** MAX_RA_DELAY_TIME. */
    private static final Duration ANSWER_DELAY = Duration.ofMillis(500);
    /** MIN_DELAY_BETWEEN_RAS. */
    private static final Duration LEAST_DISTANCE = Duration.ofSeconds(3);

    private final NeighborPort port;
    private final RouterAdvertisement settings;
    private final NeighborFrames frames;
    private final FrameSender sender;
    private final Alarms alarms;
    private final LongSupplier clockNanos;
    private final RandomGenerator random;

    private int sent;
    private long sentNanos;
    private boolean soon;

    RouterAdvertiser(
            NeighborPort port,
            RouterAdvertisement settings,
            NeighborFrames frames,
            FrameSender sender,
            Alarms alarms,
            LongSupplier clockNanos,
            RandomGenerator random) {
        this.port = port;
        this.settings = settings;
        this.frames = frames;
        this.sender = sender;
        this.alarms = alarms;
        this.clockNanos = clockNanos;
        this.random = random;
    }

    /** A host asks, or there is something new to tell. */
    void advertiseSoon() {
        if (soon || port.linkLocal() == null) {
            return;
        }
        soon = true;
        long wait = sent == 0 ? 0 : Math.max(0, LEAST_DISTANCE.toNanos() - (clockNanos.getAsLong() - sentNanos));
        long delay = (long) (ANSWER_DELAY.toNanos() * random.nextDouble());
        alarms.set(this, Duration.ofNanos(wait + delay), this::advertise);
    }

    /** Tells hosts to use this router no longer. */
    void withdraw() {
        alarms.cancel(this);
        if (sent > 0) {
            send(0);
        }
    }

    private void advertise() {
        soon = false;
        send((int) settings.lifetime().toSeconds());
        sentNanos = clockNanos.getAsLong();
        long least = settings.minInterval().toNanos();
        long range = settings.maxInterval().toNanos() - least;
        Duration interval = Duration.ofNanos(least + (long) (range * random.nextDouble()));
        if (++sent < INITIAL && interval.compareTo(INITIAL_INTERVAL) > 0) {
            interval = INITIAL_INTERVAL;
        }
        alarms.set(this, interval, this::advertise);
    }

    private void send(int lifetimeSeconds) {
        Ip6Address linkLocal = port.linkLocal();
        if (linkLocal != null) {
            sender.send(
                    port.id(),
                    frames.routerAdvertisement(
                            port.mac(), linkLocal, lifetimeSeconds, port.mtu(), settings, port.prefixes6()));
        }
    }
}
