// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.offload;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketBuffer.Checksum;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import java.util.Arrays;

/** A UDP or TCP packet of coalescing tests, field by field. */
final class CoalescePacket {
    /** The four kinds of flows, each over a tun or over Ethernet. */
    enum Kind {
        UDP4(false, false),
        UDP6(true, false),
        TCP4(false, true),
        TCP6(true, true);

        final boolean overIp6;
        final boolean isTcp;

        Kind(boolean overIp6, boolean isTcp) {
            this.overIp6 = overIp6;
            this.isTcp = isTcp;
        }
    }

    final Kind kind;
    boolean ethernet;
    String sourceMac = "02:00:00:00:00:0a";
    String destinationMac = "02:00:00:00:00:0b";
    int vlan = -1;
    int serviceVlan = -1;
    int source = 1;
    int destination = 2;
    int ttl = 64;
    int trafficClass;
    int flowLabel = 0x12345;
    int id = 100;
    boolean df;
    int fragmentOffset;
    boolean moreFragments;
    int[] options = {};
    boolean extension;
    int sourcePort = 4000;
    int destinationPort = 53;
    long sequence = 1000;
    long acknowledgment = 77;
    int window = 500;
    String flags = "A";
    int[] tcpOptions = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
    int payload = 100;
    int fill;
    int padding;
    Checksum checksum = Checksum.PARTIAL;
    int wrongChecksum = -1;
    int wrongIpChecksum = -1;
    int wrongUdpLength = -1;
    int transmitInterface;
    int flow;

    CoalescePacket(Kind kind) {
        this.kind = kind;
    }

    /** The packet of a kind that may follow those with lower indices, all of the same payload length. */
    static CoalescePacket of(Kind kind, int index) {
        CoalescePacket packet = new CoalescePacket(kind);
        packet.id += index;
        packet.sequence += (long) index * packet.payload;
        packet.fill = index;
        return packet;
    }

    private PacketBuilder build(boolean partial) {
        PacketBuilder builder;
        if (ethernet) {
            builder = Packets.ethernet(sourceMac, destinationMac);
            if (serviceVlan >= 0) {
                builder.serviceVlan(serviceVlan);
            }
            if (vlan >= 0) {
                builder.vlan(vlan);
            }
            builder = kind.overIp6 ? builder.ip6() : builder.ip4();
        } else {
            builder = kind.overIp6 ? Packets.ip6() : Packets.ip4();
        }
        if (kind.overIp6) {
            builder.from("fd00::" + source).to("fd00::" + destination).flowLabel(flowLabel);
            builder.hopLimit(ttl).trafficClass(trafficClass);
            if (extension) {
                builder.destinationOptions(1, 4, 0, 0, 0, 0);
            }
        } else {
            builder.from("10.0.0." + source).to("10.0.0." + destination).id(id);
            builder.ttl(ttl).trafficClass(trafficClass);
            if (df) {
                builder.df();
            }
            if (fragmentOffset != 0 || moreFragments) {
                builder.fragment(fragmentOffset, moreFragments);
            }
            if (options.length != 0) {
                builder.options(options);
            }
            if (wrongIpChecksum >= 0) {
                builder.checksum(wrongIpChecksum);
            }
        }
        if (kind.isTcp) {
            builder.tcp(sourcePort, destinationPort)
                    .sequence(sequence & 0xffff_ffffL)
                    .acknowledgment(acknowledgment)
                    .window(window)
                    .flags(flags);
            if (tcpOptions.length != 0) {
                builder.tcpOptions(tcpOptions);
            }
        } else {
            builder.udp(sourcePort, destinationPort);
            if (wrongUdpLength >= 0) {
                builder.length(wrongUdpLength);
            }
        }
        if (partial) {
            builder.partialChecksum();
        } else if (wrongChecksum >= 0) {
            builder.checksum(wrongChecksum);
        }
        byte[] bytes = new byte[payload];
        Arrays.fill(bytes, (byte) fill);
        builder.payload(bytes);
        return padding == 0 ? builder : builder.padding(padding);
    }

    /** As it is on the wire, its checksum computed. */
    byte[] onTheWire() {
        return build(false).bytes();
    }

    PacketBuffer take(BufferPool pool) {
        PacketBuffer packet = build(checksum == Checksum.PARTIAL).take(pool);
        if (checksum == Checksum.VALID) {
            packet.setChecksum(Checksum.VALID);
        }
        packet.setReceiveInterface(0);
        packet.setTransmitInterface(transmitInterface);
        return packet;
    }

    @Override
    public String toString() {
        return kind + " flow " + flow + " id " + id + " seq " + sequence + " payload " + payload + " ttl " + ttl
                + " tc " + trafficClass + " df " + df + " flags " + flags + " " + checksum;
    }
}
