// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.icmp;

import io.culvert.net.InterfaceId;
import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.CounterId;
import io.culvert.spi.DropReason;
import io.culvert.spi.FibAction;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp4View;
import io.culvert.wire.InternetChecksum;
import io.culvert.wire.Ip4Options;
import io.culvert.wire.Ip4View;
import org.jspecify.annotations.Nullable;

/**
 * Answers ICMP echo requests for the router's own addresses, in place.
 *
 * <p>In: checked, whole IPv4 packets that hold an ICMP message. Out: {@code REPLY}, from the address that was asked to the
 * one that asked, with identifier, sequence number, data and DSCP as they were; record route and timestamp options are
 * carried on with this router's entry (RFC 1122 section 3.2.2.6, RFC 1812 section 4.3.3.6), all others as they are.
 * Broadcasts and multicasts are not answered, which RFC 1122 permits: it keeps the router from being an amplifier.
 */
public final class Icmp4EchoStage implements PacketStage {
    enum Out implements OutPort {
        REPLY(Target.recirculate("ip4-lookup"));

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
        NOT_AN_ECHO_REQUEST("The packet held no whole ICMP echo request."),
        BAD_CHECKSUM("The ICMP checksum did not agree with the message."),
        NOT_UNICAST("The echo request was for a broadcast or multicast address, which are not answered.");

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
        ANSWERED("Echo requests answered.");

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
                    "icmp4-echo", "Answers ICMP echo requests for the router's own addresses.")
            .spec("RFC 792", "RFC 1122 3.2.2.6", "RFC 1812 4.3.3.6", "RFC 6864 4.1")
            .outputs(Out.values())
            .drops(Drop.values())
            .counters(Count.values())
            .factory(Icmp4EchoStage::new);

    private static final int TTL = 64;
    private static final int DSCP_MASK = 0xfc;
    /** Flags of the timestamp option. */
    private static final int TIMES_ONLY = 0;

    private static final int TIMES_OF_GIVEN_ADDRESSES = 3;
    private static final int DAY_MILLIS = 86_400_000;

    private final Ip4View ip = new Ip4View();
    private final Icmp4View icmp = new Icmp4View();
    private final Ip4Options options = new Ip4Options();
    private final Identification identification;

    private Icmp4EchoStage(StageSetup setup) {
        identification = Identification.of(setup);
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        for (int i = 0; i < packets.size(); i++) {
            PacketBuffer packet = packets.get(i);
            Drop reason = judge(packet, context);
            if (reason == null) {
                answer(packet);
                context.reuse(packet);
                context.count(Count.ANSWERED, 1);
                context.send(packet, Out.REPLY);
            } else {
                context.drop(packet, reason);
            }
        }
    }

    private @Nullable Drop judge(PacketBuffer packet, StageContext context) {
        ip.wrap(packet, packet.start());
        icmp.wrap(packet, ip.payloadOffset());
        if (packet.checksum() == PacketBuffer.Checksum.PARTIAL && !InternetChecksum.finishPartial(packet)) {
            return Drop.BAD_CHECKSUM;
        }
        HeaderCheck check = icmp.check();
        if (check == HeaderCheck.BAD_CHECKSUM) {
            return Drop.BAD_CHECKSUM;
        }
        if (check != HeaderCheck.OK || icmp.type() != Icmp4View.ECHO_REQUEST || ip.isFragment()) {
            return Drop.NOT_AN_ECHO_REQUEST;
        }
        boolean unicast = !packet.linkBroadcast()
                && context.fib().lookup4(packet.vrf(), ip.destination()).action() == FibAction.LOCAL;
        return unicast ? null : Drop.NOT_UNICAST;
    }

    private void answer(PacketBuffer packet) {
        int asked = ip.destination();
        int asker = ip.source();
        if (ip.optionsLength() != 0) {
            options.wrap(ip);
            while (options.next()) {
                if (options.type() == Ip4Options.RECORD_ROUTE) {
                    recordRoute(packet, asked);
                } else if (options.type() == Ip4Options.TIMESTAMP) {
                    recordTime(packet, asked);
                }
            }
        }
        ip.rewriteSource(asked);
        ip.rewriteDestination(asker);
        ip.rewriteTrafficClass(ip.trafficClass() & DSCP_MASK);
        ip.setIdentification(identification.next());
        ip.setFragment(false, false, 0);
        ip.setTtl(TTL);
        ip.updateChecksum();
        icmp.rewriteType(Icmp4View.ECHO_REPLY);
        packet.clearOffloads();
        packet.setReceiveInterface(InterfaceId.NONE);
    }

    /** RFC 791 section 3.1: type, length, pointer counted from 1, addresses. */
    private void recordRoute(PacketBuffer packet, int address) {
        int at = options.offset();
        int length = options.length();
        if (length < 3) {
            return;
        }
        int pointer = packet.bytes().get(at + 2) & 0xff;
        if (pointer >= 4 && pointer + 3 <= length) {
            packet.bytes().putInt(at + pointer - 1, address);
            packet.bytes().put(at + 2, (byte) (pointer + 4));
        }
    }

    /** RFC 791 section 3.1: type, length, pointer counted from 1, overflow and flag, then times, with addresses or without. */
    private void recordTime(PacketBuffer packet, int address) {
        int at = options.offset();
        int length = options.length();
        if (length < 4) {
            return;
        }
        int pointer = packet.bytes().get(at + 2) & 0xff;
        int overflowAndFlag = packet.bytes().get(at + 3) & 0xff;
        int flag = overflowAndFlag & 0xf;
        int entry = flag == TIMES_ONLY ? 4 : 8;
        if (pointer < 5) {
            return;
        }
        if (pointer + entry - 1 > length) {
            if (flag != TIMES_OF_GIVEN_ADDRESSES && overflowAndFlag < 0xf0) {
                packet.bytes().put(at + 3, (byte) (overflowAndFlag + 0x10));
            }
            return;
        }
        int entryAt = at + pointer - 1;
        if (flag == TIMES_OF_GIVEN_ADDRESSES && packet.bytes().getInt(entryAt) != address) {
            return;
        }
        if (entry == 8) {
            packet.bytes().putInt(entryAt, address);
        }
        packet.bytes().putInt(entryAt + entry - 4, (int) (System.currentTimeMillis() % DAY_MILLIS));
        packet.bytes().put(at + 2, (byte) (pointer + entry));
    }
}
