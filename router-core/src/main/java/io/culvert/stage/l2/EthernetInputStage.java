// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.l2;

import io.culvert.net.MacAddress;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.DropReason;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.EtherType;
import io.culvert.wire.EthernetView;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.VlanView;

/**
 * Takes the Ethernet header off frames that are for the router and sends what they carry to IPv4, IPv6 or ARP.
 *
 * <p>In: frames, the window starting at the link header. Out: the window starts at the L3 header, whose offset is set; the
 * link header stays in front of it, 14 bytes long, at the L2 offset. A tag that names no VLAN, only a priority (IEEE 802.1Q),
 * is taken out, by moving the addresses over it; one that names a VLAN is for a VLAN interface, and no stage here has one.
 * Frames to a group are marked, as no ICMP error may answer them. IEEE 802.3 frames with a length and LLC (RFC 1042) are
 * not read: RFC 1122 section 2.3.3 recommends it, and nobody sends them. State: none.
 */
public final class EthernetInputStage implements PacketStage {
    enum Out implements OutPort {
        IP4(Target.arc(Arc.IP4_UNICAST)),
        IP6(Target.arc(Arc.IP6_UNICAST)),
        ARP(Target.stage("arp-input"));

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
        TOO_SHORT("The frame ends before its Ethernet header or VLAN tag does."),
        NOT_FOR_US("The frame is for another station's MAC address."),
        SOURCE_IS_GROUP("The frame's source is a multicast or broadcast MAC address."),
        VLAN_UNKNOWN("The frame is tagged for a VLAN, and no interface is configured for it."),
        LENGTH_FIELD("The frame has an IEEE 802.3 length where its EtherType should be."),
        ETHERTYPE_UNKNOWN("The frame carries a protocol other than IPv4, IPv6 and ARP.");

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
                    "ethernet-input", "Takes the Ethernet header off frames for the router.")
            .spec("IEEE 802.3 3.2", "RFC 894", "RFC 2464 3", "RFC 1812 4.3.2.7")
            .arc(Arc.L2_INPUT)
            .terminal()
            .outputs(Out.values())
            .drops(Drop.values())
            .factory(setup -> new EthernetInputStage());

    /** Destination and source: what stands in front of a tag. */
    private static final int ADDRESSES_BYTES = 12;

    private final EthernetView ethernet = new EthernetView();
    private final VlanView vlan = new VlanView();

    private EthernetInputStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        InterfaceTable interfaces = context.interfaces();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer frame = packets.get(i);
            receive(frame, interfaces.get(frame.receiveInterface()).mac(), context);
        }
    }

    private void receive(PacketBuffer frame, long ownMac, StageContext context) {
        if (ethernet.wrap(frame, frame.start()).check() != HeaderCheck.OK) {
            context.drop(frame, Drop.TOO_SHORT);
            return;
        }
        long destination = ethernet.destination();
        boolean group = MacAddress.isGroup(destination);
        if (destination != ownMac && !group) {
            context.drop(frame, Drop.NOT_FOR_US);
            return;
        }
        if (MacAddress.isGroup(ethernet.source())) {
            context.drop(frame, Drop.SOURCE_IS_GROUP);
            return;
        }
        if (EtherType.isVlan(ethernet.etherType())) {
            if (vlan.wrap(frame, ethernet.tagOffset()).check() != HeaderCheck.OK) {
                context.drop(frame, Drop.TOO_SHORT);
                return;
            }
            if (vlan.vid() != VlanView.PRIORITY_ONLY || EtherType.isVlan(vlan.etherType())) {
                context.drop(frame, Drop.VLAN_UNKNOWN);
                return;
            }
            frame.copyFrom(frame, frame.start(), frame.start() + VlanView.TAG_BYTES, ADDRESSES_BYTES);
            frame.trimFront(VlanView.TAG_BYTES);
            ethernet.wrap(frame, frame.start());
        }
        frame.setLinkBroadcast(group);
        frame.setL2Offset(frame.start());
        frame.trimFront(EthernetView.HEADER_BYTES);
        frame.setL3Offset(frame.start());
        dispatch(frame, ethernet.etherType(), context);
    }

    private static void dispatch(PacketBuffer frame, int etherType, StageContext context) {
        if (etherType == EtherType.IP4) {
            context.send(frame, Out.IP4);
        } else if (etherType == EtherType.IP6) {
            context.send(frame, Out.IP6);
        } else if (etherType == EtherType.ARP) {
            context.send(frame, Out.ARP);
        } else {
            context.drop(frame, etherType < EtherType.LOWEST ? Drop.LENGTH_FIELD : Drop.ETHERTYPE_UNKNOWN);
        }
    }
}
