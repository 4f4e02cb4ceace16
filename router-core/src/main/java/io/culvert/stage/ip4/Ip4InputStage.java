// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import io.culvert.net.InterfaceId;
import io.culvert.net.Ip4Address;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibView;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.RouterInterface;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import io.culvert.wire.FlowHash;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp4View;
import io.culvert.wire.Ip4Options;
import io.culvert.wire.Ip4View;
import org.jspecify.annotations.Nullable;

/**
 * Lets only valid IPv4 packets into the router, and finds out what later stages want to know of them.
 *
 * <p>In: packets whose window starts at what claims to be an IPv4 header. Out: {@code NEXT}, with link padding trimmed,
 * the L4 offset set except on later fragments, and the flow hash computed; {@code ERROR}, a parameter problem that points
 * at an option of an impossible length (RFC 1812 section 4.3.3.5). Bytes are not changed.
 *
 * <p>A source of the router's own is right on packets that the kernel sent through the local-delivery TAP, and a forgery
 * on all others. A source of 0.0.0.0 is right only where a host without an address asks for one: towards a broadcast or
 * multicast address (RFC 1122 section 3.2.1.3, RFC 2131, RFC 3376). Source-routed packets are dropped in silence (RFC 7126
 * sections 4.3 and 4.4); other options, unknown ones too, pass.
 */
public final class Ip4InputStage implements PacketStage {
    enum Out implements OutPort {
        NEXT(Target.next()),
        ERROR(Target.stage("icmp4-error"));

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
        TOO_SHORT("The packet ended before its IPv4 header did."),
        BAD_VERSION("The version field did not say 4."),
        BAD_HEADER_LENGTH("The header claimed to be shorter than 20 bytes or longer than the packet."),
        BAD_TOTAL_LENGTH("The total length was below the header's or more than was received."),
        BAD_CHECKSUM("The header checksum did not agree with the header."),
        SOURCE_ROUTE("The packet carried a loose or strict source route option."),
        MARTIAN_SOURCE("The source was an address that no single host has: 0/8, 127/8, multicast, or reserved."),
        MARTIAN_DESTINATION("The destination was in 0/8, 127/8 or reserved space."),
        OWN_SOURCE("The source was one of the router's own addresses, but the packet came from outside."),
        BROADCAST_SOURCE("The source was the broadcast address of a connected network.");

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
        BAD_OPTION("Packets refused because an option had an impossible length.");

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
                    "ip4-input", "Checks IPv4 headers and addresses and drops what no router may pass on.")
            .spec(
                    "RFC 791 3.1",
                    "RFC 1812 4.3.3.5",
                    "RFC 1812 5.2.2",
                    "RFC 1812 5.3.7",
                    "RFC 6274 3.13.2",
                    "RFC 7126 4.3")
            .arc(Arc.IP4_UNICAST)
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(setup -> new Ip4InputStage());

    private static final int LIMITED_BROADCAST = 0xffff_ffff;
    private static final int WELL_FORMED = -1;

    private final Ip4View ip = new Ip4View();
    private final Ip4Options options = new Ip4Options();

    /** Where in the packet's header the option is that has an impossible length, or {@link #WELL_FORMED}. */
    private int badOption;

    private Ip4InputStage() {}

    @Override
    public void process(PacketVector packets, StageContext context) {
        FibView fib = context.fib();
        RouterInterface delivery = context.interfaces().localDelivery();
        int kernelSide = delivery == null ? InterfaceId.NONE : delivery.id();
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            Drop reason = judge(packet, fib, packet.receiveInterface() == kernelSide);
            if (reason != null) {
                context.drop(packet, reason);
            } else if (badOption != WELL_FORMED) {
                context.count(Count.BAD_OPTION, 1);
                packet.setIcmpError(
                        Icmp4View.PARAMETER_PROBLEM, Icmp4View.POINTER_SAYS_WHERE, Icmp4View.pointerValue(badOption));
                context.send(packet, Out.ERROR);
            } else {
                context.send(packet, Out.NEXT);
            }
        }
    }

    private @Nullable Drop judge(PacketBuffer packet, FibView fib, boolean fromKernel) {
        HeaderCheck check = ip.wrap(packet, packet.start()).check();
        if (check != HeaderCheck.OK) {
            return reasonOf(check);
        }
        packet.setEnd(ip.end());
        badOption = WELL_FORMED;
        if (ip.optionsLength() != 0) {
            if (options.check(ip) != HeaderCheck.OK) {
                badOption = options.offset() - packet.start();
            } else if (options.hasSourceRoute(ip)) {
                return Drop.SOURCE_ROUTE;
            }
        }
        int source = ip.source();
        int destination = ip.destination();
        if (isMartianDestination(destination)) {
            return Drop.MARTIAN_DESTINATION;
        }
        if (source == 0) {
            if (destination != LIMITED_BROADCAST && !Ip4Address.isMulticast(destination)) {
                return Drop.MARTIAN_SOURCE;
            }
        } else if (isMartianSource(source)) {
            return Drop.MARTIAN_SOURCE;
        } else {
            FibAction owner = fib.lookup4(packet.vrf(), source).action();
            if (owner == FibAction.LOCAL && !fromKernel) {
                return Drop.OWN_SOURCE;
            }
            if (owner == FibAction.BROADCAST) {
                return Drop.BROADCAST_SOURCE;
            }
        }
        packet.setL4Offset(ip.isLaterFragment() ? PacketBuffer.UNKNOWN : ip.payloadOffset());
        packet.setFlowHash(FlowHash.ip4(ip));
        return null;
    }

    private static boolean isMartianSource(int address) {
        int network = address >>> 24;
        return network == 0 || network == 127 || network >= 224;
    }

    private static boolean isMartianDestination(int address) {
        int network = address >>> 24;
        return network == 0 || network == 127 || network >= 240 && address != LIMITED_BROADCAST;
    }

    private static Drop reasonOf(HeaderCheck check) {
        return switch (check) {
            case TOO_SHORT -> Drop.TOO_SHORT;
            case BAD_VERSION -> Drop.BAD_VERSION;
            case BAD_HEADER_LENGTH -> Drop.BAD_HEADER_LENGTH;
            case BAD_TOTAL_LENGTH -> Drop.BAD_TOTAL_LENGTH;
            case BAD_CHECKSUM -> Drop.BAD_CHECKSUM;
            case OK, BAD_TYPE, BAD_CODE, BAD_HOP_LIMIT, BAD_ADDRESS, BAD_OPTION ->
                throw new IllegalArgumentException("not an answer of an IPv4 header check: " + check);
        };
    }
}
