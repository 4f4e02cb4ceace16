// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import akka.actor.typed.ActorRef;
import io.culvert.neighbor.Neighbor;
import io.culvert.neighbor.NeighborTable;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.spi.NeighborSignals;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Takes the lanes' signals to {@link NeighborActor}, never more than so many at a time: what comes on top is lost and
 * counted. Outlives the actor, so that lanes can hold it. Thread-safe.
 */
public final class NeighborMailbox implements NeighborSignals {
    /** Enough for each lane to have some vectors full of strangers on the way. */
    public static final int DEFAULT_LIMIT = 4096;

    private final NeighborTable table;
    private final int limit;
    private final AtomicInteger waiting = new AtomicInteger();
    private final LongAdder lost = new LongAdder();
    private final List<Runnable> resolutionSignals = new CopyOnWriteArrayList<>();
    private volatile @Nullable ActorRef<NeighborActor.Command> actor;

    /**
     * @param table the actor's, to leave out questions that are under way
     * @param limit the most signals that wait for the actor
     */
    public NeighborMailbox(NeighborTable table, int limit) {
        this.table = table;
        this.limit = limit;
    }

    /** Signals that were lost because the actor did not keep up, or was not there. */
    public long lost() {
        return lost.sum();
    }

    NeighborTable table() {
        return table;
    }

    void attach(ActorRef<NeighborActor.Command> self) {
        actor = self;
    }

    void detach() {
        actor = null;
        waiting.set(0);
    }

    /** The actor has one of the signals in its hands. */
    void taken() {
        waiting.decrementAndGet();
    }

    void runResolutionSignals() {
        resolutionSignals.forEach(Runnable::run);
    }

    @Override
    public void resolve4(int interfaceId, int address) {
        if (isUndecided(table.find4(interfaceId, address))) {
            resolve(interfaceId, new Ip4Address(address));
        }
    }

    @Override
    public void resolve6(int interfaceId, long high, long low) {
        if (isUndecided(table.find6(interfaceId, high, low))) {
            resolve(interfaceId, new Ip6Address(high, low));
        }
    }

    private void resolve(int interfaceId, IpAddress address) {
        post(new NeighborActor.Resolve(interfaceId, address));
    }

    /** Not under way nor refused: unknown, or resolved just now, which the asking lane has missed and must be told. */
    private static boolean isUndecided(@Nullable Neighbor neighbor) {
        return neighbor == null || neighbor.isResolved();
    }

    @Override
    public void arp(int interfaceId, int senderAddress, long senderMac, boolean reply, boolean mayCreate) {
        post(new NeighborActor.Arp(interfaceId, new Ip4Address(senderAddress), senderMac, reply, mayCreate));
    }

    @Override
    public void conflict4(int interfaceId, int address, long mac) {
        post(new NeighborActor.Conflict(interfaceId, new Ip4Address(address), mac));
    }

    @Override
    public void solicitation(int interfaceId, long sourceHigh, long sourceLow, long mac) {
        post(new NeighborActor.Solicitation(interfaceId, new Ip6Address(sourceHigh, sourceLow), mac));
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
        Ip6Address target = new Ip6Address(targetHigh, targetLow);
        post(new NeighborActor.Advertisement(interfaceId, target, mac, router, solicited, override));
    }

    @Override
    public void conflict6(int interfaceId, long high, long low) {
        post(new NeighborActor.Conflict(interfaceId, new Ip6Address(high, low), -1));
    }

    @Override
    public void routerSolicitation(int interfaceId, long sourceHigh, long sourceLow, long mac) {
        post(new NeighborActor.RouterSolicitation(interfaceId, new Ip6Address(sourceHigh, sourceLow), mac));
    }

    @Override
    public Runnable onResolution(Runnable signal) {
        resolutionSignals.add(signal);
        return () -> resolutionSignals.remove(signal);
    }

    private void post(NeighborActor.Signal signal) {
        ActorRef<NeighborActor.Command> to = actor;
        if (to == null) {
            lost.increment();
        } else if (waiting.incrementAndGet() > limit) {
            waiting.decrementAndGet();
            lost.increment();
        } else {
            to.tell(signal);
        }
    }
}
