// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import io.culvert.graph.Lane;
import io.culvert.spi.CounterId;
import io.culvert.spi.Device;
import io.culvert.spi.DropReason;
import io.culvert.spi.RouterInterface;
import io.culvert.telemetry.InterfaceCounters;
import io.culvert.telemetry.LaneLedger;
import io.culvert.telemetry.StageCounters;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The counters of all lanes added up, as they stand at the moment of asking. Any thread; lanes go on counting meanwhile, so
 * rows may differ by what is on its way.
 */
public final class RouterCounters {
    /**
     * Traffic of an interface, in packets and bytes as the lanes see them: a superpacket is one, but one that the router has
     * put together is what the device makes of it.
     *
     * @param rxMissed packets that the kernel lost because the interface's receive queue was full
     * @param txRefused packets that the device did not take
     */
    public record InterfaceRow(
            String name, long rxPackets, long rxBytes, long rxMissed, long txPackets, long txBytes, long txRefused) {}

    /** What went through a stage. */
    public record StageRow(String stage, long vectors, long packets) {}

    /** Packets dropped at a stage for a reason. */
    public record DropRow(String stage, DropReason reason, long packets) {}

    /** Something else that a stage counts; or an interface, as {@code interface NAME}. */
    public record CountRow(String stage, CounterId counter, long amount) {}

    private final List<Lane> lanes;
    private final Map<Integer, Long> missed;
    private final Map<String, List<Device.Count>> deviceCounts;

    /**
     * @param missed what the devices' receive queues lost, by interface
     * @param deviceCounts what devices have counted by themselves, by the names of their interfaces
     */
    RouterCounters(List<Lane> lanes, Map<Integer, Long> missed, Map<String, List<Device.Count>> deviceCounts) {
        this.deviceCounts = new TreeMap<>(deviceCounts);
        this.missed = Map.copyOf(missed);
        this.lanes = List.copyOf(lanes);
    }

    /** The account of all lanes together. */
    public long ledger(LaneLedger.Entry entry) {
        return lanes.stream().mapToLong(lane -> lane.ledger().get(entry)).sum();
    }

    /** One row for each of these interfaces, in their order. */
    public List<InterfaceRow> interfaces(List<RouterInterface> interfaces) {
        List<InterfaceRow> rows = new ArrayList<>();
        for (RouterInterface iface : interfaces) {
            List<InterfaceCounters> counters = lanes.stream()
                    .map(lane -> lane.interfaceCounters(iface.id()))
                    .toList();
            rows.add(new InterfaceRow(
                    iface.name(),
                    counters.stream().mapToLong(InterfaceCounters::rxPackets).sum(),
                    counters.stream().mapToLong(InterfaceCounters::rxBytes).sum(),
                    missed.getOrDefault(iface.id(), 0L),
                    counters.stream().mapToLong(InterfaceCounters::txPackets).sum(),
                    counters.stream().mapToLong(InterfaceCounters::txBytes).sum(),
                    counters.stream().mapToLong(InterfaceCounters::txRefused).sum()));
        }
        return rows;
    }

    /** One row for each stage that has seen a packet, by name. */
    public List<StageRow> stages() {
        return byStage().entrySet().stream()
                .map(stage -> new StageRow(
                        stage.getKey(),
                        stage.getValue().stream()
                                .mapToLong(StageCounters::vectors)
                                .sum(),
                        stage.getValue().stream()
                                .mapToLong(StageCounters::packets)
                                .sum()))
                .filter(row -> row.vectors() != 0)
                .toList();
    }

    /** One row for each reason for which a stage has dropped packets, the most frequent first. */
    public List<DropRow> drops() {
        List<DropRow> rows = new ArrayList<>();
        byStage().forEach((stage, counters) -> {
            Map<DropReason, Long> sums = new LinkedHashMap<>();
            for (StageCounters lane : counters) {
                lane.dropReasons().forEach(reason -> sums.merge(reason, lane.drops(reason), Long::sum));
            }
            sums.forEach((reason, packets) -> rows.add(new DropRow(stage, reason, packets)));
        });
        rows.removeIf(row -> row.packets() == 0);
        rows.sort(Comparator.comparingLong(DropRow::packets).reversed());
        return rows;
    }

    /** One row for each counter of a stage that is not zero. */
    public List<CountRow> counts() {
        List<CountRow> rows = new ArrayList<>();
        byStage().forEach((stage, counters) -> {
            Map<CounterId, Long> sums = new LinkedHashMap<>();
            for (StageCounters lane : counters) {
                lane.counterIds().forEach(counter -> sums.merge(counter, lane.count(counter), Long::sum));
            }
            sums.forEach((counter, amount) -> rows.add(new CountRow(stage, counter, amount)));
        });
        deviceCounts.forEach((name, counts) ->
                counts.forEach(count -> rows.add(new CountRow("interface " + name, count.counter(), count.amount()))));
        rows.removeIf(row -> row.amount() == 0);
        return rows;
    }

    private Map<String, List<StageCounters>> byStage() {
        Map<String, List<StageCounters>> all = new TreeMap<>();
        for (Lane lane : lanes) {
            lane.stageCounters()
                    .forEach(stage -> all.computeIfAbsent(stage.stage(), id -> new ArrayList<>())
                            .add(stage));
        }
        return all;
    }
}
