// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.local;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.DropReason;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.EtherType;
import io.culvert.wire.EthernetView;

/**
 * Hands packets for the router's own addresses to the kernel: frames them for the TAP whose role is local delivery
 * (scenario S9).
 *
 * <p>In: IPv4 and IPv6 packets for the router, the window starting at the L3 header, offload state as received: the kernel
 * takes superpackets and unfinished checksums as the TAP's offloads say. Out: complete frames, addressed to the kernel's
 * side of the TAP whatever the IP destination, so that broadcasts and multicasts arrive there too. Nothing is resolved.
 * State: none.
 */
public final class LocalDeliveryStage implements PacketStage {
    enum Out implements OutPort {
        KERNEL(Target.arc(Arc.DEVICE_OUTPUT));

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
        NO_LOCAL_DELIVERY("It is for the host, and no interface with the role local-delivery is up."),
        NOT_IP("It is neither IPv4 nor IPv6.");

        private final String text;

        Drop(String text) {
            this.text = text;
        }

        @Override
        public String text() {
            return text;
        }
    }

    public static final StageDescriptor DESCRIPTOR = StageDescriptor.named(
                    "local-delivery", "Hands packets for the router's own addresses to the kernel.")
            .spec("local")
            .outputs(Out.values())
            .drops(Drop.values())
            .factory(setup -> new LocalDeliveryStage());

    private final EthernetView ethernet = new EthernetView();

    private LocalDeliveryStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        RouterInterface tap = context.interfaces().localDelivery();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            if (tap == null || !tap.up()) {
                context.drop(packet, Drop.NO_LOCAL_DELIVERY);
                continue;
            }
            int etherType = etherType(packet);
            if (etherType == 0) {
                context.drop(packet, Drop.NOT_IP);
                continue;
            }
            packet.prepend(EthernetView.HEADER_BYTES);
            ethernet.wrap(packet, packet.start()).encode(tap.kernelMac(), tap.mac(), etherType);
            packet.setL2Offset(packet.start());
            packet.setTransmitInterface(tap.id());
            context.send(packet, Out.KERNEL);
        }
    }

    /** The type for the packet's IP version, or 0 for none. */
    private static int etherType(PacketBuffer packet) {
        if (packet.length() == 0) {
            return 0;
        }
        int version = packet.bytes().get(packet.start()) >>> 4 & 0xf;
        return version == 4 ? EtherType.IP4 : version == 6 ? EtherType.IP6 : 0;
    }
}
