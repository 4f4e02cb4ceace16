// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.offload;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface.Offloads;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.InternetChecksum;
import io.culvert.wire.Segmenter;

/**
 * Finishes in software what the transmit interface's device does not finish by itself: cuts superpackets into segments
 * and completes partial checksums. A checksum that a sender left unfilled never leaves unfilled.
 *
 * <p>In: packets complete for the wire, link header included, transmit interface and L3 offset set. Out: {@code NEXT}, in
 * order; packets that the device can take as they are pass untouched. A superpacket becomes its last segment in place and
 * generates the others; when the pool runs dry on the way, the segments made so far go and the rest is dropped. Writes
 * length, identification, sequence, flag and checksum fields. State: none.
 */
public final class DeviceOffloadStage implements PacketStage {
    enum Out implements OutPort {
        NEXT(Target.next());

        private final Target target;

        Out(Target target) {
            this.target = target;
        }

        @Override
        public Target target() {
            return target;
        }
    }

    enum Drop implements DropReason {
        SUPERPACKET_MALFORMED("It was to be cut into segments, and its headers are not those of what it claims to be."),
        NO_BUFFER_FOR_SEGMENT("The packet buffers ran out while it was cut: its later segments are lost."),
        CHECKSUM_PLACE_INVALID("Its checksum was to be completed at a place that is not in the packet.");

        private final String text;

        Drop(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    enum Count implements CounterId {
        CUT("Superpackets cut into segments."),
        SEGMENTS("Segments they were cut into, in packets."),
        CHECKSUMS("Packets, other than segments, whose checksum was completed.");

        private final String text;

        Count(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    public static final StageDescriptor DESCRIPTOR = StageDescriptor.named(
                    "device-offload", "Segments and completes checksums where the device can't.")
            .spec("virtio 1.2 5.1.6.2", "RFC 9293 3.1", "RFC 768", "RFC 6864", "RFC 3168 6.1.2", "RFC 8200 8.1")
            .arc(Arc.DEVICE_OUTPUT)
            .before("device-transmit")
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new DeviceOffloadStage());

    private final Segmenter segmenter = new Segmenter();

    private DeviceOffloadStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        InterfaceTable interfaces = context.interfaces();
        int untouched = 0;
        while (untouched < packets.size()
                && canTake(offloads(packets.get(untouched), interfaces), packets.get(untouched))) {
            untouched++;
        }
        if (untouched == packets.size()) {
            context.sendAll(packets, Out.NEXT);
            return;
        }
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            Offloads offloads = offloads(packet, interfaces);
            if (i < untouched || canTake(offloads, packet)) {
                context.send(packet, Out.NEXT);
            } else if (packet.gso() != PacketBuffer.Gso.NONE) {
                cut(packet, offloads, context);
            } else if (InternetChecksum.finishPartial(packet)) {
                context.count(Count.CHECKSUMS, 1);
                context.send(packet, Out.NEXT);
            } else {
                context.drop(packet, Drop.CHECKSUM_PLACE_INVALID);
            }
        }
    }

    /** What the packet's device does; nothing for a packet without one, which transmission will refuse. */
    private static Offloads offloads(PacketBuffer packet, InterfaceTable interfaces) {
        int id = packet.transmitInterface();
        return id >= 0 && id < interfaces.size() ? interfaces.get(id).offloads() : Offloads.NONE;
    }

    /** Whether a device takes the packet as it is. None can segment that does not compute checksums. */
    private static boolean canTake(Offloads offloads, PacketBuffer packet) {
        return switch (packet.gso()) {
            case NONE -> offloads.checksum() || packet.checksum() != PacketBuffer.Checksum.PARTIAL;
            case TCP4 -> offloads.checksum() && offloads.tcp4() && !Segmenter.isTunneled(packet);
            case TCP6 -> offloads.checksum() && offloads.tcp6() && !Segmenter.isTunneled(packet);
            case UDP -> offloads.checksum() && offloads.udp() && !Segmenter.isTunneled(packet);
        };
    }

    private void cut(PacketBuffer packet, Offloads offloads, StageContext context) {
        if (!segmenter.begin(packet, offloads.checksum())) {
            context.drop(packet, Drop.SUPERPACKET_MALFORMED);
            return;
        }
        context.count(Count.CUT, 1);
        int last = segmenter.count() - 1;
        for (int index = 0; index < last; index++) {
            PacketBuffer segment = context.originate();
            if (segment == null) {
                context.count(Count.SEGMENTS, index);
                context.drop(packet, Drop.NO_BUFFER_FOR_SEGMENT);
                return;
            }
            segmenter.write(index, segment);
            context.send(segment, Out.NEXT);
        }
        segmenter.finish();
        context.count(Count.SEGMENTS, last + 1L);
        context.send(packet, Out.NEXT);
    }
}
