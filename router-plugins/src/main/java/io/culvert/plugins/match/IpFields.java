// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.match;

import io.culvert.packet.PacketBuffer;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Ip4View;
import io.culvert.wire.Ip6ExtensionChain;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;

/**
 * The fields of one packet that rules are about, of either family. Reusable, for one thread; allocates nothing.
 *
 * <p>An IPv4 address stands in the low 32 bits of the low half, above zeros.
 */
public final class IpFields {
    /** What {@link #sourcePort} and {@link #destinationPort} are where the packet has no ports, or not here. */
    public static final int NO_PORT = -1;

    private static final long LOW_32 = 0xffff_ffffL;

    private final Ip4View ip4 = new Ip4View();
    private final Ip6View ip6 = new Ip6View();
    private final Ip6ExtensionChain extensions = new Ip6ExtensionChain();

    private boolean is6;
    private long sourceHigh;
    private long sourceLow;
    private long destinationHigh;
    private long destinationLow;
    private int protocol;
    private int sourcePort;
    private int destinationPort;
    private boolean fragment;
    private int transport;

    /**
     * Reads a packet.
     *
     * @param at position of its IP header
     * @return false when there is none that is sound as far as it is read
     */
    public boolean read(PacketBuffer packet, int at) {
        sourcePort = NO_PORT;
        destinationPort = NO_PORT;
        if (ip4.wrap(packet, at).checkQuoted() == HeaderCheck.OK) {
            is6 = false;
            sourceHigh = 0;
            sourceLow = ip4.source() & LOW_32;
            destinationHigh = 0;
            destinationLow = ip4.destination() & LOW_32;
            protocol = ip4.protocol();
            fragment = ip4.isFragment();
            transport = ip4.payloadOffset();
            if (!ip4.isLaterFragment()) {
                readPorts(packet);
            }
            return true;
        }
        if (ip6.wrap(packet, at).checkQuoted() != HeaderCheck.OK) {
            return false;
        }
        is6 = true;
        sourceHigh = ip6.sourceHigh();
        sourceLow = ip6.sourceLow();
        destinationHigh = ip6.destinationHigh();
        destinationLow = ip6.destinationLow();
        Ip6ExtensionChain.Outcome outcome = extensions.walk(ip6);
        protocol = extensions.upperProtocol();
        fragment = extensions.fragmentHeaderOffset() != PacketBuffer.UNKNOWN && extensions.isFragment();
        transport = extensions.upperOffset();
        if (outcome == Ip6ExtensionChain.Outcome.COMPLETE) {
            readPorts(packet);
        }
        return true;
    }

    private void readPorts(PacketBuffer packet) {
        if (IpProtocol.hasPorts(protocol) && transport <= packet.end() - 4) {
            int ports = packet.bytes().getInt(transport);
            sourcePort = ports >>> 16;
            destinationPort = ports & 0xffff;
        }
    }

    public boolean is6() {
        return is6;
    }

    public long sourceHigh() {
        return sourceHigh;
    }

    public long sourceLow() {
        return sourceLow;
    }

    public long destinationHigh() {
        return destinationHigh;
    }

    public long destinationLow() {
        return destinationLow;
    }

    /** What the packet carries, behind extension headers, as {@link IpProtocol} numbers it. */
    public int protocol() {
        return protocol;
    }

    /** The source port, or {@link #NO_PORT}: a later fragment has none. */
    public int sourcePort() {
        return sourcePort;
    }

    /** The destination port, or {@link #NO_PORT}: a later fragment has none. */
    public int destinationPort() {
        return destinationPort;
    }

    /** Whether the packet is a part of another one: its ports, if it has any, are no way to tell its flow. */
    public boolean isFragment() {
        return fragment;
    }

    /** Position of what the packet carries, behind options and extension headers. */
    public int transportOffset() {
        return transport;
    }
}
