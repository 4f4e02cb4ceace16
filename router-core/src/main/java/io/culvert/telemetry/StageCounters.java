// SPDX-License-Identifier: Apache-2.0
package io.culvert.telemetry;

import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.StageDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** One lane's counts of one stage: vectors and packets in, drops by reason, and what the stage itself counts. */
public final class StageCounters {
    private static final int VECTORS = 0;
    private static final int PACKETS = 1;

    private final String stage;
    private final List<DropReason> commonDrops;
    private final List<DropReason> ownDrops;
    private final List<CounterId> ownCounters;
    private final List<CounterId> commonCounters;
    private final CounterArray traffic = new CounterArray(2);
    private final CounterArray commonDropCounts;
    private final CounterArray ownDropCounts;
    private final CounterArray ownCounts;
    private final CounterArray commonCounts;

    /** By reasons of the kinds of interfaces, which the stage can't know. */
    private final Map<DropReason, CounterArray> otherDropCounts = new ConcurrentHashMap<>();

    /**
     * @param descriptor declares the stage's own drops and counters
     * @param commonDrops the reasons for which the graph itself drops packets at any stage, by their ordinals
     * @param commonCounters what the graph itself counts of any stage, by their ordinals
     */
    public StageCounters(
            StageDescriptor descriptor,
            List<? extends DropReason> commonDrops,
            List<? extends CounterId> commonCounters) {
        this.stage = descriptor.id();
        this.commonDrops = List.copyOf(commonDrops);
        this.ownDrops = descriptor.drops();
        this.ownCounters = descriptor.counters();
        this.commonCounters = List.copyOf(commonCounters);
        this.commonCounts = new CounterArray(commonCounters.size());
        this.commonDropCounts = new CounterArray(commonDrops.size());
        this.ownDropCounts = new CounterArray(ownDrops.size());
        this.ownCounts = new CounterArray(ownCounters.size());
    }

    public String stage() {
        return stage;
    }

    public void vector(int packets) {
        traffic.add(VECTORS, 1);
        traffic.add(PACKETS, packets);
    }

    /** Counts drops for one of the stage's declared reasons, or one that belongs to the kind of an interface. */
    public void drop(DropReason reason, long packets) {
        if (isOwn(reason)) {
            ownDropCounts.add(reason.ordinal(), packets);
        } else {
            otherDropCounts
                    .computeIfAbsent(reason, first -> new CounterArray(1))
                    .add(0, packets);
        }
    }

    private boolean isOwn(DropReason reason) {
        return reason.ordinal() < ownDrops.size() && ownDrops.get(reason.ordinal()) == reason;
    }

    /** Counts a drop for one of the graph's reasons. */
    public void dropCommon(DropReason reason, long packets) {
        commonDropCounts.add(reason.ordinal(), packets);
    }

    public void count(CounterId counter, long amount) {
        ownCounts.add(counter.ordinal(), amount);
    }

    /** Counts what the graph counts of any stage. */
    public void countCommon(CounterId counter, long amount) {
        commonCounts.add(counter.ordinal(), amount);
    }

    public long vectors() {
        return traffic.get(VECTORS);
    }

    public long packets() {
        return traffic.get(PACKETS);
    }

    /** The stage's declared reasons, then the graph's, then those of interfaces that have occurred. */
    public List<DropReason> dropReasons() {
        List<DropReason> all = new ArrayList<>(ownDrops);
        all.addAll(commonDrops);
        all.addAll(otherDropCounts.keySet());
        return all;
    }

    public long drops(DropReason reason) {
        if (isOwn(reason)) {
            return ownDropCounts.get(reason.ordinal());
        }
        CounterArray other = otherDropCounts.get(reason);
        if (other != null) {
            return other.get(0);
        }
        if (reason.ordinal() < commonDrops.size() && commonDrops.get(reason.ordinal()) == reason) {
            return commonDropCounts.get(reason.ordinal());
        }
        throw new IllegalArgumentException(stage + " declares no drop reason " + reason.id());
    }

    /** The stage's declared counters, then the graph's. */
    public List<CounterId> counterIds() {
        return java.util.stream.Stream.concat(ownCounters.stream(), commonCounters.stream())
                .toList();
    }

    public long count(CounterId counter) {
        int ordinal = counter.ordinal();
        if (ordinal < commonCounters.size() && commonCounters.get(ordinal) == counter) {
            return commonCounts.get(ordinal);
        }
        return ownCounts.get(ordinal);
    }
}
