// SPDX-License-Identifier: Apache-2.0
package io.culvert.telemetry;

import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.StageDescriptor;
import java.util.List;

/** One lane's counts of one stage: vectors and packets in, drops by reason, and what the stage itself counts. */
public final class StageCounters {
    private static final int VECTORS = 0;
    private static final int PACKETS = 1;

    private final String stage;
    private final List<DropReason> commonDrops;
    private final List<DropReason> ownDrops;
    private final List<CounterId> ownCounters;
    private final CounterArray traffic = new CounterArray(2);
    private final CounterArray commonDropCounts;
    private final CounterArray ownDropCounts;
    private final CounterArray ownCounts;

    /**
     * @param descriptor declares the stage's own drops and counters
     * @param commonDrops the reasons for which the graph itself drops packets at any stage, by their ordinals
     */
    public StageCounters(StageDescriptor descriptor, List<? extends DropReason> commonDrops) {
        this.stage = descriptor.id();
        this.commonDrops = List.copyOf(commonDrops);
        this.ownDrops = descriptor.drops();
        this.ownCounters = descriptor.counters();
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

    /** Counts drops for one of the stage's declared reasons. */
    public void drop(DropReason reason, long packets) {
        ownDropCounts.add(reason.ordinal(), packets);
    }

    /** Counts a drop for one of the graph's reasons. */
    public void dropCommon(DropReason reason, long packets) {
        commonDropCounts.add(reason.ordinal(), packets);
    }

    public void count(CounterId counter, long amount) {
        ownCounts.add(counter.ordinal(), amount);
    }

    public long vectors() {
        return traffic.get(VECTORS);
    }

    public long packets() {
        return traffic.get(PACKETS);
    }

    /** The stage's declared reasons, then the graph's. */
    public List<DropReason> dropReasons() {
        return java.util.stream.Stream.concat(ownDrops.stream(), commonDrops.stream())
                .toList();
    }

    public long drops(DropReason reason) {
        if (reason.ordinal() < ownDrops.size() && ownDrops.get(reason.ordinal()) == reason) {
            return ownDropCounts.get(reason.ordinal());
        }
        if (reason.ordinal() < commonDrops.size() && commonDrops.get(reason.ordinal()) == reason) {
            return commonDropCounts.get(reason.ordinal());
        }
        throw new IllegalArgumentException(stage + " declares no drop reason " + reason.id());
    }

    public List<CounterId> counterIds() {
        return ownCounters;
    }

    public long count(CounterId counter) {
        return ownCounts.get(counter.ordinal());
    }
}
