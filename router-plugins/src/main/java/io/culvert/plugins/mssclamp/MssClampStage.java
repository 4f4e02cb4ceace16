// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.mssclamp;

import io.culvert.packet.PacketBuffer;
import io.culvert.packet.PacketVector;
import io.culvert.spi.Arc;
import io.culvert.spi.BadSettingException;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.CounterId;
import io.culvert.spi.InterfaceTable;
import io.culvert.spi.OutPort;
import io.culvert.spi.PacketStage;
import io.culvert.spi.Settings;
import io.culvert.spi.StageContext;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.StageSetup;
import io.culvert.spi.Target;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.InternetChecksum;
import io.culvert.wire.Ip4View;
import io.culvert.wire.Ip6ExtensionChain;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.TcpView;

/**
 * Lowers the maximum segment size in the SYN and SYN-ACK of TCP connections in transit, so that no segment needs a
 * packet that is too big for the router's links: for paths where the ICMP errors that would say so get lost (RFC 2923
 * section 2.1).
 *
 * <p>In: IPv4 and IPv6 packets with their transmit interface set, the window starting at the IP header. Out: {@code
 * NEXT}, all of them. Writes the value of the MSS option and the TCP checksum, by an incremental update (RFC 1624),
 * unless the checksum is still to be computed over what the packet then holds. The value is only ever lowered, and no
 * option is added: a SYN without one says 536 or 1220 bytes (RFC 9293 section 3.7.1). What is subtracted from an MTU
 * are the headers without options, as RFC 6691 section 2 has it. A first fragment is treated as far as its options are
 * whole; later ones have none. Options behind a malformed one are not read. State: none.
 *
 * <pre>{@code plugins { mss-clamp { interfaces = [wan], mss = auto } }}</pre>
 */
public final class MssClampStage implements PacketStage {
    enum Key implements ConfigKey {
        INTERFACES(
                "interfaces",
                ConfigType.INTERFACES,
                "[]",
                "Connections that pass one of these interfaces, in either direction, are clamped; empty: all."),
        MSS(
                "mss",
                ConfigType.TEXT,
                AUTO,
                "The most bytes of a TCP segment over IPv4, from 88; over IPv6, whose header is larger, it is 20 less. auto: what"
                        + " fits the MTU of the two interfaces that a connection passes.");

        private final String key;
        private final ConfigType type;
        private final String defaultText;
        private final String text;

        Key(String key, ConfigType type, String defaultText, String text) {
            this.key = key;
            this.type = type;
            this.defaultText = defaultText;
            this.text = text;
        }

        @Override
        public String key() {
            return key;
        }

        @Override
        public ConfigType type() {
            return type;
        }

        @Override
        public String defaultText() {
            return defaultText;
        }

        @Override
        public String text() {
            return text;
        }
    }

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

    enum Count implements CounterId {
        CLAMPED("SYN and SYN-ACK packets whose maximum segment size was lowered."),
        MALFORMED("SYN and SYN-ACK packets whose TCP options end in a malformed one.");

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
                    "mss-clamp", "Lowers the maximum segment size of TCP connections in transit.")
            .spec("RFC 9293 3.7.1", "RFC 6691 2", "RFC 1624 3", "RFC 2923 2.1")
            .arc(Arc.L2_OUTPUT)
            .before("l2-rewrite")
            .settings("mss-clamp", Key.values())
            .check(MssClampStage::check)
            .outputs(Out.values())
            .counters(Count.values())
            .factory(MssClampStage::new);

    private static final String AUTO = "auto";
    private static final int FROM_MTU = 0;
    private static final int LEAST = 88;
    /** The largest IPv4 packet less the headers. */
    private static final int MOST = 65535 - Ip4View.HEADER_BYTES - TcpView.HEADER_BYTES;

    private static final int HEADERS4 = Ip4View.HEADER_BYTES + TcpView.HEADER_BYTES;
    private static final int HEADERS6 = Ip6View.HEADER_BYTES + TcpView.HEADER_BYTES;

    private static final int END_OF_OPTIONS = 0;
    private static final int NO_OPERATION = 1;
    private static final int MAXIMUM_SEGMENT_SIZE = 2;
    private static final int MAXIMUM_SEGMENT_SIZE_BYTES = 4;

    private final int[] interfaces;
    private final int mss;

    private final Ip4View ip4 = new Ip4View();
    private final Ip6View ip6 = new Ip6View();
    private final Ip6ExtensionChain extensions = new Ip6ExtensionChain();
    private final TcpView tcp = new TcpView();

    private MssClampStage(StageSetup setup) {
        interfaces = setup.settings().interfaceIds(Key.INTERFACES);
        mss = mss(setup.settings().text(Key.MSS));
    }

    private static void check(Settings settings) throws BadSettingException {
        String text = settings.text(Key.MSS);
        if (mss(text) < 0) {
            throw new BadSettingException(
                    Key.MSS, "is \"" + text + "\"; expected auto, or a number from " + LEAST + " to " + MOST);
        }
    }

    /** The segment size that a text means, {@link #FROM_MTU}, or -1 when it means none. */
    private static int mss(String text) {
        if (text.equals(AUTO)) {
            return FROM_MTU;
        }
        try {
            int number = Integer.parseInt(text);
            return number < LEAST || number > MOST ? -1 : number;
        } catch (NumberFormatException notANumber) {
            return -1;
        }
    }

    @Override
    public void process(PacketVector packets, StageContext context) {
        for (int i = 0; i < packets.size(); i++) {
            clamp(packets.get(i), context);
        }
        context.sendAll(packets, Out.NEXT);
    }

    private void clamp(PacketBuffer packet, StageContext context) {
        int headers = findTcp(packet);
        if (headers == 0 || tcp.check() != HeaderCheck.OK || !tcp.hasFlag(TcpView.SYN) || !isClamped(packet)) {
            return;
        }
        int most = mss == FROM_MTU
                ? Math.max(LEAST, mtu(packet, context.interfaces()) - headers)
                : mss + Ip4View.HEADER_BYTES + TcpView.HEADER_BYTES - headers;
        int end = tcp.payloadOffset();
        int option = tcp.offset() + TcpView.HEADER_BYTES;
        boolean lowered = false;
        while (option < end) {
            int kind = packet.bytes().get(option) & 0xff;
            if (kind == END_OF_OPTIONS) {
                break;
            }
            if (kind == NO_OPERATION) {
                option++;
                continue;
            }
            int length = end - option < 2 ? 0 : packet.bytes().get(option + 1) & 0xff;
            if (length < 2 || length > end - option) {
                context.count(Count.MALFORMED, 1);
                break;
            }
            if (kind == MAXIMUM_SEGMENT_SIZE && length == MAXIMUM_SEGMENT_SIZE_BYTES) {
                lowered |= lower(packet, option + 2, most);
            }
            option += length;
        }
        if (lowered) {
            context.count(Count.CLAMPED, 1);
        }
    }

    /** Lays the TCP view over the packet's TCP header; answers what the headers take without options, 0 for no TCP. */
    private int findTcp(PacketBuffer packet) {
        int at = packet.start();
        if (ip4.wrap(packet, at).checkQuoted() == HeaderCheck.OK) {
            if (ip4.protocol() != IpProtocol.TCP || ip4.isLaterFragment()) {
                return 0;
            }
            tcp.wrap(packet, ip4.payloadOffset());
            return HEADERS4;
        }
        if (ip6.wrap(packet, at).checkQuoted() != HeaderCheck.OK
                || extensions.walk(ip6) != Ip6ExtensionChain.Outcome.COMPLETE
                || extensions.upperProtocol() != IpProtocol.TCP) {
            return 0;
        }
        tcp.wrap(packet, extensions.upperOffset());
        return HEADERS6;
    }

    private boolean isClamped(PacketBuffer packet) {
        if (interfaces.length == 0) {
            return true;
        }
        for (int id : interfaces) {
            if (id == packet.transmitInterface() || id == packet.receiveInterface()) {
                return true;
            }
        }
        return false;
    }

    /** The smaller of the MTUs on both sides: a SYN bounds what comes back, its answer what goes forth. */
    private static int mtu(PacketBuffer packet, InterfaceTable interfaces) {
        int least = Integer.MAX_VALUE;
        int in = packet.receiveInterface();
        if (in >= 0 && in < interfaces.size()) {
            least = interfaces.get(in).mtu();
        }
        int out = packet.transmitInterface();
        if (out >= 0 && out < interfaces.size()) {
            least = Math.min(least, interfaces.get(out).mtu());
        }
        return least;
    }

    /** Lowers the value at a position; whether it was higher. */
    private boolean lower(PacketBuffer packet, int position, int most) {
        int before = packet.bytes().getShort(position) & 0xffff;
        if (before <= most) {
            return false;
        }
        packet.bytes().putShort(position, (short) most);
        boolean partial = packet.checksum() == PacketBuffer.Checksum.PARTIAL
                && packet.checksumStart() == tcp.offset()
                && packet.checksumOffset() == TcpView.CHECKSUM_OFFSET;
        if (!partial) {
            // Behind an odd number of bytes the value lies across two of the sum's words, its upper byte in the lower
            // half of the first: there it counts as if its bytes were swapped (RFC 1071 section 2 (B)).
            boolean odd = (position - tcp.offset() & 1) != 0;
            tcp.setChecksum(
                    InternetChecksum.update16(tcp.checksum(), odd ? swap(before) : before, odd ? swap(most) : most));
        }
        return true;
    }

    private static int swap(int value) {
        return (value & 0xff) << 8 | value >>> 8;
    }
}
