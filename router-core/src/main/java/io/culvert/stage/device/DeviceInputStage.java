// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.device;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.DropReason;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;

/**
 * Sends what an interface has received to the first protocol it carries: frames to {@link Arc#L2_INPUT}, and the bare
 * packets of a point-to-point link, which has no type field, to IPv4 or IPv6 by their version (scenario S12: no ARP, no
 * ND on a tun).
 *
 * <p>In: packets as a receive queue made them, window and receive interface set. Out: VRF set from the interface; L2
 * offset of a frame, L3 offset of a bare packet; both are where the window starts. Reads one byte, writes none. State:
 * none.
 */
public final class DeviceInputStage implements PacketStage {
    enum Out implements OutPort {
        ETHERNET(Target.arc(Arc.L2_INPUT)),
        IP4(Target.arc(Arc.IP4_UNICAST)),
        IP6(Target.arc(Arc.IP6_UNICAST));

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
        INTERFACE_DOWN("The interface it came in on is down or no longer there."),
        NOT_IP(
                "It came over a point-to-point link, and is empty, shorter than any IP header, or neither IPv4 nor IPv6.");

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
                    "device-input", "Sends received packets to Ethernet, IPv4 or IPv6, as their interface carries it.")
            .spec("local")
            .arc(Arc.DEVICE_INPUT)
            .terminal()
            .outputs(Out.values())
            .drops(Drop.values())
            .factory(setup -> new DeviceInputStage());

    /** The IPv4 header without options; an IPv6 header that is cut short is for its own stage to name. */
    private static final int SHORTEST_HEADER_BYTES = 20;

    private DeviceInputStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        InterfaceTable interfaces = context.interfaces();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            int id = packet.receiveInterface();
            if (id < 0 || id >= interfaces.size() || !interfaces.get(id).up()) {
                context.drop(packet, Drop.INTERFACE_DOWN);
                continue;
            }
            RouterInterface from = interfaces.get(id);
            packet.setVrf(from.vrf());
            packet.clearOffsets();
            if (from.link() == RouterInterface.Link.ETHERNET) {
                packet.setL2Offset(packet.start());
                context.send(packet, Out.ETHERNET);
            } else {
                receiveBare(packet, context);
            }
        }
    }

    private static void receiveBare(PacketBuffer packet, StageContext context) {
        packet.setL3Offset(packet.start());
        int version =
                packet.length() < SHORTEST_HEADER_BYTES ? 0 : packet.bytes().get(packet.start()) >>> 4 & 0xf;
        if (version == 4) {
            context.send(packet, Out.IP4);
        } else if (version == 6) {
            context.send(packet, Out.IP6);
        } else {
            context.drop(packet, Drop.NOT_IP);
        }
    }
}
