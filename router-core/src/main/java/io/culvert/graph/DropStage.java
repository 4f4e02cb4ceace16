// SPDX-License-Identifier: Apache-2.0
package io.culvert.graph;

import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.telemetry.LaneLedger;

/** Ends the drop arc: gives back the buffers of packets that were dropped, behind the stages that look at them. */
final class DropStage implements PacketStage {
    static final StageDescriptor DESCRIPTOR = StageDescriptor.named("drop-end", "Releases dropped packets.")
            .spec("local")
            .arc(Arc.DROP)
            .terminal()
            .factory(setup -> new DropStage());

    @Override
    public void process(PacketVector packets, StageContext context) {
        StageRunner runner = (StageRunner) context;
        for (int i = 0; i < packets.size(); i++) {
            runner.end(packets.get(i), LaneLedger.Entry.DROPPED);
        }
    }
}
