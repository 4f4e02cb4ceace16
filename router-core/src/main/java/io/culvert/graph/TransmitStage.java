// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.DropReason;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.TransmitQueue;
import io.culvert.telemetry.InterfaceCounters;
import io.culvert.telemetry.LaneLedger;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Ends the device-output arc: hands each packet to the transmit queue of its interface, those of one interface together.
 *
 * <p>In: packets complete for the wire with their transmit interface set. What a device refuses is dropped for the
 * queue's reason; what has no device, as {@code no-interface}. Packets to the kernel's TAP are counted as punted. A chain
 * is accepted or refused as a whole, and counted as the packets that the device makes of it.
 */
final class TransmitStage implements PacketStage {
    private static final String ID = "device-transmit";

    private final Lane lane;
    private final @Nullable TransmitQueue[] queues;
    private final PacketVector batch;

    /** The stage for a lane with these transmit queues. */
    static StageDescriptor descriptor(List<TransmitQueue> queues) {
        return StageDescriptor.named(ID, "Hands packets to the devices.")
                .spec("local")
                .arc(Arc.DEVICE_OUTPUT)
                .terminal()
                .drops(TransmitQueue.Refusal.values())
                .factory(setup -> new TransmitStage(((StageRunner) setup).laneState(), queues));
    }

    private TransmitStage(Lane lane, List<TransmitQueue> transmitQueues) {
        this.lane = lane;
        int most = -1;
        for (TransmitQueue queue : transmitQueues) {
            most = Math.max(most, queue.interfaceId());
        }
        queues = new TransmitQueue[most + 1];
        for (TransmitQueue queue : transmitQueues) {
            queues[queue.interfaceId()] = queue;
        }
        batch = new PacketVector(lane.environment().vectorSize());
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        StageRunner runner = (StageRunner) context;
        int i = 0;
        while (i < packets.size()) {
            int interfaceId = packets.get(i).transmitInterface();
            while (i < packets.size() && packets.get(i).transmitInterface() == interfaceId) {
                batch.add(packets.get(i++));
            }
            try {
                transmit(interfaceId, runner);
            } finally {
                batch.clear(); // whatever a queue throws: the next vector is not to meet this one's packets
            }
        }
    }

    /** Sends the batch out of one interface; order within it is kept. */
    private void transmit(int interfaceId, StageRunner runner) {
        TransmitQueue queue = interfaceId >= 0 && interfaceId < queues.length ? queues[interfaceId] : null;
        if (queue == null) {
            for (int i = 0; i < batch.size(); i++) {
                runner.dropFor(batch.get(i), GraphDrop.NO_INTERFACE);
            }
            return;
        }
        InterfaceTable interfaces = runner.interfaces();
        boolean punt = interfaceId < interfaces.size()
                && interfaces.get(interfaceId).role() == RouterInterface.Role.LOCAL_DELIVERY;
        InterfaceCounters counters = lane.interfaceCounters(interfaceId);
        int from = 0;
        while (from < batch.size()) {
            int accepted;
            DropReason refusal = TransmitQueue.Refusal.DEVICE_ERROR;
            try {
                accepted = Objects.checkIndex(queue.transmit(batch, from), batch.size() - from + 1);
                if (from + accepted < batch.size()) {
                    refusal = Objects.requireNonNull(queue.refusal(), "a refusal without a reason");
                }
            } catch (RuntimeException | Error bug) {
                // It costs what it was given, and not the packets of other interfaces, which an open breaker would.
                lane.environment().faults().stageFailed(lane.number(), ID, bug);
                refuse(from, refusal, counters, runner);
                return;
            }
            long packets = 0;
            long bytes = 0;
            for (int i = from; i < from + accepted; i++) {
                PacketBuffer packet = batch.get(i);
                packets += packet.chainCount();
                bytes += wireBytes(packet);
                runner.end(packet, punt ? LaneLedger.Entry.PUNTED : LaneLedger.Entry.TRANSMITTED);
            }
            counters.transmitted(packets, bytes);
            from += accepted;
            if (from < batch.size()) {
                counters.refused(batch.get(from).chainCount());
                runner.drop(batch.get(from++), refusal);
            }
        }
    }

    /** Drops what is left of the batch. */
    private void refuse(int from, DropReason reason, InterfaceCounters counters, StageRunner runner) {
        for (int i = from; i < batch.size(); i++) {
            counters.refused(batch.get(i).chainCount());
            runner.drop(batch.get(i), reason);
        }
    }

    /** What a packet amounts to when the device sends each member of a chain behind a copy of the head's headers. */
    private static long wireBytes(PacketBuffer packet) {
        int followers = packet.chainCount() - 1;
        return followers == 0
                ? packet.length()
                : packet.chainBytes() + (long) followers * (packet.length() - packet.gsoSize());
    }
}
