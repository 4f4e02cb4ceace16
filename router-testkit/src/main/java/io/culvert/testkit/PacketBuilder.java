// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.MacAddress;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A packet under construction, from the outside in. A method that sets a field means the innermost header that has such a
 * field; {@link #checksum}, {@link #length} and {@link #nextProtocol} mean the innermost header of all, so a wrong
 * checksum is {@code ip4().checksum(0xbad).udp(1, 2)} for the IPv4 header and {@code ip4().udp(1, 2).checksum(0xbad)} for
 * UDP.
 */
public final class PacketBuilder {
    private static final int ETHERTYPE_IP4 = 0x0800;
    private static final int ETHERTYPE_ARP = 0x0806;
    private static final int ETHERTYPE_VLAN = 0x8100;
    private static final int ETHERTYPE_SERVICE_VLAN = 0x88a8;
    private static final int ETHERTYPE_IP6 = 0x86dd;

    private static final int HOP_BY_HOP = 0;
    private static final int ICMP = 1;
    private static final int IPIP = 4;
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final int IP6_IN_IP = 41;
    private static final int ROUTING = 43;
    private static final int FRAGMENT = 44;
    private static final int AUTHENTICATION = 51;
    private static final int ICMP6 = 58;
    private static final int NO_NEXT_HEADER = 59;
    private static final int DESTINATION_OPTIONS = 60;

    /** What a field holds that is to be computed. */
    private static final int AUTO = -1;

    private final List<Layer> layers = new ArrayList<>();
    private byte[] payload = {};
    private int padding;

    PacketBuilder() {}

    // ---- link layer -------------------------------------------------------------------------------------------------

    /** An Ethernet header. */
    public PacketBuilder ethernet(String source, String destination) {
        return add(new Ethernet(mac(source), mac(destination)));
    }

    /** A customer tag (0x8100) of priority 0. */
    public PacketBuilder vlan(int vid) {
        return vlan(ETHERTYPE_VLAN, 0, false, vid);
    }

    /** A service tag (0x88a8) of priority 0. */
    public PacketBuilder serviceVlan(int vid) {
        return vlan(ETHERTYPE_SERVICE_VLAN, 0, false, vid);
    }

    /** A tag. */
    public PacketBuilder vlan(int tpid, int priority, boolean dropEligible, int vid) {
        return add(new Vlan(tpid, priority << 13 | (dropEligible ? 0x1000 : 0) | vid));
    }

    /** An ARP packet for IPv4 over Ethernet. */
    public PacketBuilder arp(int operation, String senderMac, String senderIp, String targetMac, String targetIp) {
        return add(new Arp(operation, mac(senderMac), address(senderIp), mac(targetMac), address(targetIp)));
    }

    /** Overrides what the innermost Ethernet header or tag says about what follows. */
    public PacketBuilder etherType(int etherType) {
        innermost(Link.class).etherType = etherType;
        return this;
    }

    // ---- IP ---------------------------------------------------------------------------------------------------------

    /** An IPv4 header. */
    public PacketBuilder ip4() {
        return add(new Ip4());
    }

    /** An IPv6 header. */
    public PacketBuilder ip6() {
        return add(new Ip6());
    }

    public PacketBuilder from(String source) {
        Ip ip = innermost(Ip.class);
        ip.source = ip.address(source);
        return this;
    }

    public PacketBuilder to(String destination) {
        Ip ip = innermost(Ip.class);
        ip.destination = ip.address(destination);
        return this;
    }

    /** TTL or hop limit. */
    public PacketBuilder ttl(int ttl) {
        innermost(Ip.class).ttl = ttl;
        return this;
    }

    /** TTL or hop limit. */
    public PacketBuilder hopLimit(int hopLimit) {
        return ttl(hopLimit);
    }

    /** The octet of DSCP and ECN. */
    public PacketBuilder trafficClass(int trafficClass) {
        innermost(Ip.class).trafficClass = trafficClass;
        return this;
    }

    public PacketBuilder dscp(int dscp) {
        Ip ip = innermost(Ip.class);
        return trafficClass(dscp << 2 | (ip.trafficClass & 3));
    }

    public PacketBuilder ecn(int ecn) {
        Ip ip = innermost(Ip.class);
        return trafficClass((ip.trafficClass & ~3) | ecn);
    }

    /** The version field of an IPv4 or IPv6 header, for one that lies. */
    public PacketBuilder version(int version) {
        innermost(Ip.class).version = version;
        return this;
    }

    /** Sets IPv4's "don't fragment". */
    public PacketBuilder df() {
        innermost(Ip4.class).dontFragment = true;
        return this;
    }

    /** IPv4's identification. */
    public PacketBuilder id(int identification) {
        innermost(Ip4.class).identification = identification;
        return this;
    }

    /** Makes the IPv4 packet a fragment, at an offset in bytes. */
    public PacketBuilder fragment(int offset, boolean more) {
        Ip4 ip = innermost(Ip4.class);
        ip.fragmentOffset = offset;
        ip.moreFragments = more;
        return this;
    }

    /** IPv4 options; padded to whole words with "end of options". */
    public PacketBuilder options(int... octets) {
        innermost(Ip4.class).options = Arrays.copyOf(octets(octets), (octets.length + 3) & ~3);
        return this;
    }

    /** The header size that an IPv4 or TCP header claims, in words of 4 bytes, for one that lies. */
    public PacketBuilder headerWords(int words) {
        Layer layer = layers.get(layers.size() - 1);
        if (layer instanceof Ip4 ip) {
            ip.headerWords = words;
        } else {
            innermost(Tcp.class).headerWords = words;
        }
        return this;
    }

    public PacketBuilder flowLabel(int flowLabel) {
        innermost(Ip6.class).flowLabel = flowLabel;
        return this;
    }

    /** Overrides the protocol or next header field of the innermost header, which may be an extension header. */
    public PacketBuilder nextProtocol(int number) {
        Layer layer = layers.get(layers.size() - 1);
        if (!(layer instanceof Carrier carrier)) {
            throw new IllegalStateException("the innermost header has no next header field");
        }
        carrier.next = number;
        return this;
    }

    // ---- IPv6 extension headers -------------------------------------------------------------------------------------

    /** A Hop-by-Hop Options header with these option octets; padded with PadN or Pad1. */
    public PacketBuilder hopByHop(int... optionOctets) {
        return add(Extension.options(HOP_BY_HOP, octets(optionOctets)));
    }

    /** A Destination Options header with these option octets; padded with PadN or Pad1. */
    public PacketBuilder destinationOptions(int... optionOctets) {
        return add(Extension.options(DESTINATION_OPTIONS, octets(optionOctets)));
    }

    /** A Routing header with room for as many addresses as the data holds. */
    public PacketBuilder routing(int type, int segmentsLeft, int... data) {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        body.write(type);
        body.write(segmentsLeft);
        body.writeBytes(data.length == 0 ? new byte[4] : octets(data));
        return extension(ROUTING, body.toByteArray());
    }

    /** A Fragment header, with the offset in bytes. */
    public PacketBuilder fragmentHeader(int offset, boolean more, long identification) {
        byte[] body = ByteBuffer.allocate(7)
                .put((byte) 0)
                .putShort((short) ((offset & 0xfff8) | (more ? 1 : 0)))
                .putInt((int) identification)
                .array();
        return add(new Extension(FRAGMENT, body, false));
    }

    /** An Authentication header with a 12-byte integrity value. */
    public PacketBuilder authentication() {
        byte[] body = new byte[23];
        body[0] = 4;
        return add(new Extension(AUTHENTICATION, body, false));
    }

    /** A header of any number in the common form: next header, length in units of 8 bytes, and this body. */
    public PacketBuilder extension(int number, byte[] body) {
        return add(new Extension(number, Arrays.copyOf(body, ((body.length + 2 + 7) & ~7) - 2), true));
    }

    // ---- transport --------------------------------------------------------------------------------------------------

    public PacketBuilder udp(int sourcePort, int destinationPort) {
        return add(new Udp(sourcePort, destinationPort));
    }

    /** A segment with ACK set, sequence and acknowledgment number 1. */
    public PacketBuilder tcp(int sourcePort, int destinationPort) {
        return add(new Tcp(sourcePort, destinationPort));
    }

    /** Flags by their letters: {@code "SA"} is SYN and ACK; F S R P A U E C. */
    public PacketBuilder flags(String letters) {
        int flags = 0;
        for (int i = 0; i < letters.length(); i++) {
            int bit = "FSRPAUEC".indexOf(letters.charAt(i));
            if (bit < 0) {
                throw new IllegalArgumentException("no TCP flag " + letters.charAt(i));
            }
            flags |= 1 << bit;
        }
        innermost(Tcp.class).flags = flags;
        return this;
    }

    public PacketBuilder sequence(long sequence) {
        innermost(Tcp.class).sequence = (int) sequence;
        return this;
    }

    public PacketBuilder acknowledgment(long acknowledgment) {
        innermost(Tcp.class).acknowledgment = (int) acknowledgment;
        return this;
    }

    public PacketBuilder window(int window) {
        innermost(Tcp.class).window = window;
        return this;
    }

    /** TCP options; padded to whole words with "end of options". */
    public PacketBuilder tcpOptions(int... octets) {
        innermost(Tcp.class).options = Arrays.copyOf(octets(octets), (octets.length + 3) & ~3);
        return this;
    }

    /** A header without anything known about it, of any protocol number: its octets. */
    public PacketBuilder protocol(int number, int... octets) {
        return add(new Unknown(number, octets(octets)));
    }

    // ---- ICMP -------------------------------------------------------------------------------------------------------

    /** An ICMP message, of the version that the innermost IP header asks for. */
    public PacketBuilder icmp(int type, int code) {
        return add(new Icmp(innermost(Ip.class) instanceof Ip6 ? ICMP6 : ICMP, type, code));
    }

    public PacketBuilder echoRequest(int identifier, int sequence) {
        return icmp(innermost(Ip.class) instanceof Ip6 ? 128 : 8, 0).value(identifier << 16 | sequence);
    }

    public PacketBuilder echoReply(int identifier, int sequence) {
        return icmp(innermost(Ip.class) instanceof Ip6 ? 129 : 0, 0).value(identifier << 16 | sequence);
    }

    /** The second word of an ICMP message: the MTU of one that is too big, ICMPv6's pointer, and so on. */
    public PacketBuilder value(int value) {
        innermost(Icmp.class).value = value;
        return this;
    }

    /** The packet that an ICMP error is about. */
    public PacketBuilder quoting(byte[] packet) {
        return payload(packet);
    }

    public PacketBuilder routerSolicitation() {
        return neighborDiscovery(133, 0, new byte[0]);
    }

    public PacketBuilder routerAdvertisement(int hopLimit, int lifetimeSeconds) {
        byte[] body = new byte[8];
        return neighborDiscovery(134, hopLimit << 24 | lifetimeSeconds, body);
    }

    public PacketBuilder neighborSolicitation(String target) {
        return neighborDiscovery(135, 0, address6(target));
    }

    /** Flags by their letters: R router, S solicited, O override. */
    public PacketBuilder neighborAdvertisement(String target, String flags) {
        int bits = (flags.contains("R") ? 0x8000_0000 : 0)
                | (flags.contains("S") ? 0x4000_0000 : 0)
                | (flags.contains("O") ? 0x2000_0000 : 0);
        return neighborDiscovery(136, bits, address6(target));
    }

    public PacketBuilder redirect(String target, String destination) {
        byte[] body = Arrays.copyOf(address6(target), 32);
        System.arraycopy(address6(destination), 0, body, 16, 16);
        return neighborDiscovery(137, 0, body);
    }

    private PacketBuilder neighborDiscovery(int type, int value, byte[] body) {
        innermost(Ip6.class).defaultHopLimit = 255;
        return icmp(type, 0).value(value).payload(body);
    }

    /** Appends a source link-layer address option to a Neighbor Discovery message. */
    public PacketBuilder sourceLinkLayer(String mac) {
        return append(new byte[] {1, 1}).append(mac(mac));
    }

    /** Appends a target link-layer address option to a Neighbor Discovery message. */
    public PacketBuilder targetLinkLayer(String mac) {
        return append(new byte[] {2, 1}).append(mac(mac));
    }

    // ---- any layer --------------------------------------------------------------------------------------------------

    /** Overrides the checksum of the innermost header. */
    public PacketBuilder checksum(int checksum) {
        layers.get(layers.size() - 1).checksum = checksum;
        return this;
    }

    /** Overrides the length field of the innermost header: total length, payload length, UDP length. */
    public PacketBuilder length(int length) {
        layers.get(layers.size() - 1).length = length;
        return this;
    }

    /**
     * Leaves the checksum of the innermost header, UDP or TCP, as a kernel with checksum offload does: the field holds the
     * sum of the pseudo header, and a {@link PacketBuffer} says so.
     */
    public PacketBuilder partialChecksum() {
        layers.get(layers.size() - 1).partial = true;
        return this;
    }

    /** So many bytes 0, 1, 2 ... behind the innermost header. */
    public PacketBuilder payload(int length) {
        byte[] pattern = new byte[length];
        for (int i = 0; i < length; i++) {
            pattern[i] = (byte) i;
        }
        return payload(pattern);
    }

    /** These bytes behind the innermost header. */
    public PacketBuilder payload(byte[] bytes) {
        payload = bytes.clone();
        return this;
    }

    /** This text, as UTF-8, behind the innermost header. */
    public PacketBuilder payload(String text) {
        return payload(text.getBytes(StandardCharsets.UTF_8));
    }

    /** More bytes behind the payload that is there. */
    public PacketBuilder append(byte[] bytes) {
        byte[] longer = Arrays.copyOf(payload, payload.length + bytes.length);
        System.arraycopy(bytes, 0, longer, payload.length, bytes.length);
        payload = longer;
        return this;
    }

    /** So many bytes of link padding behind everything, counted by no length; not zero, so that a sum over them shows. */
    public PacketBuilder padding(int length) {
        padding = length;
        return this;
    }

    // ---- the result -------------------------------------------------------------------------------------------------

    public byte[] bytes() {
        return encode(new int[layers.size()]);
    }

    /**
     * A packet of the pool that holds these bytes, its L2 and L3 offsets set where there is such a header, in state
     * {@link PacketBuffer.State#PENDING}.
     */
    public PacketBuffer take(BufferPool pool) {
        return into(Objects.requireNonNull(pool.take(), "the pool is empty"));
    }

    /** The same, in a packet that the caller has. */
    public PacketBuffer into(PacketBuffer packet) {
        int[] offsets = new int[layers.size()];
        byte[] bytes = encode(offsets);
        packet.setWindow(PacketBuffer.HEADROOM, bytes.length);
        packet.copyFrom(bytes, 0, packet.start(), bytes.length);
        packet.clearOffsets();
        packet.clearOffloads();
        for (int i = layers.size() - 1; i >= 0; i--) {
            Layer layer = layers.get(i);
            int offset = packet.start() + offsets[i];
            if (layer instanceof Ethernet) {
                packet.setL2Offset(offset);
            } else if (layer instanceof Ip || layer instanceof Arp) {
                packet.setL3Offset(offset);
            }
            if (layer.partial) {
                packet.setPartialChecksum(offset, layer.checksumOffset());
            }
        }
        return packet;
    }

    /** Fills in where each layer starts, and returns all bytes. */
    private byte[] encode(int[] offsets) {
        byte[] inner = payload;
        int[] lengths = new int[layers.size()];
        for (int i = layers.size() - 1; i >= 0; i--) {
            byte[] header = layers.get(i).header(inner, i + 1 < layers.size() ? layers.get(i + 1) : null, ipAround(i));
            lengths[i] = header.length;
            byte[] outer = Arrays.copyOf(header, header.length + inner.length);
            System.arraycopy(inner, 0, outer, header.length, inner.length);
            inner = outer;
        }
        for (int i = 1; i < offsets.length; i++) {
            offsets[i] = offsets[i - 1] + lengths[i - 1];
        }
        byte[] padded = Arrays.copyOf(inner, inner.length + padding);
        Arrays.fill(padded, inner.length, padded.length, (byte) 0x5a);
        return padded;
    }

    private @Nullable Ip ipAround(int index) {
        for (int i = index - 1; i >= 0; i--) {
            if (layers.get(i) instanceof Ip ip) {
                return ip;
            }
        }
        return null;
    }

    private PacketBuilder add(Layer layer) {
        layers.add(layer);
        return this;
    }

    private <T> T innermost(Class<T> kind) {
        for (int i = layers.size() - 1; i >= 0; i--) {
            if (kind.isInstance(layers.get(i))) {
                return kind.cast(layers.get(i));
            }
        }
        throw new IllegalStateException("the packet has no " + kind.getSimpleName() + " header yet");
    }

    private static byte[] octets(int... values) {
        byte[] octets = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            octets[i] = (byte) values[i];
        }
        return octets;
    }

    static byte[] mac(String text) {
        return Arrays.copyOfRange(
                ByteBuffer.allocate(8).putLong(MacAddress.parse(text).value()).array(), 2, 8);
    }

    static byte[] address(String text) {
        IpAddress address = IpAddress.parse(text);
        return address instanceof Ip4Address ip4
                ? ByteBuffer.allocate(4).putInt(ip4.value()).array()
                : address6(text);
    }

    private static byte[] address6(String text) {
        Ip6Address address = Ip6Address.parse(text);
        return ByteBuffer.allocate(16)
                .putLong(address.high())
                .putLong(address.low())
                .array();
    }

    // ---- layers -----------------------------------------------------------------------------------------------------

    private abstract static class Layer {
        int checksum = AUTO;
        int length = AUTO;
        boolean partial;

        /** The header in front of {@code inner}, which starts with the header {@code next}. */
        abstract byte[] header(byte[] inner, @Nullable Layer next, @Nullable Ip ip);

        /** The number by which IP calls it. */
        int protocol() {
            throw new IllegalStateException("IP carries no " + getClass().getSimpleName());
        }

        int checksumOffset() {
            throw new IllegalStateException(getClass().getSimpleName() + " has no checksum that can be partial");
        }

        final int length(int computed) {
            return length == AUTO ? computed : length;
        }

        /** Puts the checksum into a header whose field is zero. */
        final byte[] withChecksum(byte[] header, int at, int pseudoHeader, byte[] inner) {
            if (header.length % 2 != 0) {
                throw new IllegalStateException("a header of an odd length");
            }
            int sum = PlainChecksum.add(PlainChecksum.add(pseudoHeader, header), inner);
            int value = checksum != AUTO ? checksum : partial ? pseudoHeader : PlainChecksum.complement(sum);
            if (checksum == AUTO && value == 0 && this instanceof Udp) {
                value = 0xffff;
            }
            header[at] = (byte) (value >>> 8);
            header[at + 1] = (byte) value;
            return header;
        }
    }

    private abstract static class Link extends Layer {
        int etherType = AUTO;

        final int etherType(@Nullable Layer next) {
            if (etherType != AUTO) {
                return etherType;
            }
            if (next instanceof Ip4) {
                return ETHERTYPE_IP4;
            } else if (next instanceof Ip6) {
                return ETHERTYPE_IP6;
            } else if (next instanceof Arp) {
                return ETHERTYPE_ARP;
            } else if (next instanceof Vlan vlan) {
                return vlan.tpid;
            }
            throw new IllegalStateException("say the EtherType of a frame that carries this");
        }
    }

    private static final class Ethernet extends Link {
        private final byte[] source;
        private final byte[] destination;

        Ethernet(byte[] source, byte[] destination) {
            this.source = source;
            this.destination = destination;
        }

        @Override
        byte[] header(byte[] inner, @Nullable Layer next, @Nullable Ip ip) {
            return ByteBuffer.allocate(14)
                    .put(destination)
                    .put(source)
                    .putShort((short) etherType(next))
                    .array();
        }
    }

    private static final class Vlan extends Link {
        private final int tpid;
        private final int tci;

        Vlan(int tpid, int tci) {
            this.tpid = tpid;
            this.tci = tci;
        }

        @Override
        byte[] header(byte[] inner, @Nullable Layer next, @Nullable Ip ip) {
            return ByteBuffer.allocate(4)
                    .putShort((short) tci)
                    .putShort((short) etherType(next))
                    .array();
        }
    }

    private static final class Arp extends Layer {
        private final byte[] body;

        Arp(int operation, byte[] senderMac, byte[] senderIp, byte[] targetMac, byte[] targetIp) {
            body = ByteBuffer.allocate(28)
                    .putShort((short) 1)
                    .putShort((short) ETHERTYPE_IP4)
                    .put((byte) 6)
                    .put((byte) 4)
                    .putShort((short) operation)
                    .put(senderMac)
                    .put(senderIp)
                    .put(targetMac)
                    .put(targetIp)
                    .array();
        }

        @Override
        byte[] header(byte[] inner, @Nullable Layer next, @Nullable Ip ip) {
            return body.clone();
        }
    }

    /** A header with a protocol or next header field. */
    private abstract static class Carrier extends Layer {
        int next = AUTO;

        final int next(@Nullable Layer layer, int none) {
            return next != AUTO ? next : layer == null ? none : layer.protocol();
        }
    }

    private abstract static class Ip extends Carrier {
        byte[] source;
        byte[] destination;
        int version;
        int trafficClass;
        int ttl = AUTO;

        Ip(int version, String source, String destination) {
            this.version = version;
            this.source = PacketBuilder.address(source);
            this.destination = PacketBuilder.address(destination);
        }

        final byte[] address(String text) {
            byte[] address = PacketBuilder.address(text);
            if (address.length != source.length) {
                throw new IllegalArgumentException(text + " is of the other family");
            }
            return address;
        }
    }

    private static final class Ip4 extends Ip {
        int headerWords = AUTO;
        int identification;
        boolean dontFragment;
        boolean moreFragments;
        int fragmentOffset;
        byte[] options = {};

        Ip4() {
            super(4, "10.0.0.1", "10.0.0.2");
        }

        @Override
        int protocol() {
            return IPIP;
        }

        @Override
        byte[] header(byte[] inner, @Nullable Layer layer, @Nullable Ip ip) {
            int headerBytes = 20 + options.length;
            int words = headerWords == AUTO ? headerBytes / 4 : headerWords;
            byte[] header = ByteBuffer.allocate(headerBytes)
                    .put((byte) (version << 4 | words))
                    .put((byte) trafficClass)
                    .putShort((short) length(headerBytes + inner.length))
                    .putShort((short) identification)
                    .putShort((short) ((dontFragment ? 0x4000 : 0) | (moreFragments ? 0x2000 : 0) | fragmentOffset / 8))
                    .put((byte) (ttl == AUTO ? 64 : ttl))
                    .put((byte) next(layer, 255))
                    .putShort((short) 0)
                    .put(source)
                    .put(destination)
                    .put(options)
                    .array();
            return withChecksum(header, 10, 0, new byte[0]);
        }
    }

    private static final class Ip6 extends Ip {
        int flowLabel;
        int defaultHopLimit = 64;

        Ip6() {
            super(6, "fd00::1", "fd00::2");
        }

        @Override
        int protocol() {
            return IP6_IN_IP;
        }

        @Override
        byte[] header(byte[] inner, @Nullable Layer layer, @Nullable Ip ip) {
            return ByteBuffer.allocate(40)
                    .putInt(version << 28 | trafficClass << 20 | flowLabel)
                    .putShort((short) length(inner.length))
                    .put((byte) next(layer, NO_NEXT_HEADER))
                    .put((byte) (ttl == AUTO ? defaultHopLimit : ttl))
                    .put(source)
                    .put(destination)
                    .array();
        }
    }

    private static final class Extension extends Carrier {
        private final int number;
        private final byte[] body;
        private final boolean hasLength;

        /** @param body all behind the next header field, or, when {@code hasLength}, behind the length field */
        Extension(int number, byte[] body, boolean hasLength) {
            this.number = number;
            this.body = body;
            this.hasLength = hasLength;
        }

        static Extension options(int number, byte[] options) {
            int room = ((options.length + 2 + 7) & ~7) - 2;
            if (room == 6 && options.length == 0) {
                return new Extension(number, octets(1, 4, 0, 0, 0, 0), true);
            }
            byte[] body = Arrays.copyOf(options, room);
            int pad = room - options.length;
            if (pad > 1) {
                body[options.length] = 1;
                body[options.length + 1] = (byte) (pad - 2);
            }
            return new Extension(number, body, true);
        }

        @Override
        int protocol() {
            return number;
        }

        @Override
        byte[] header(byte[] inner, @Nullable Layer layer, @Nullable Ip ip) {
            ByteBuffer header = ByteBuffer.allocate(body.length + (hasLength ? 2 : 1));
            header.put((byte) next(layer, NO_NEXT_HEADER));
            if (hasLength) {
                header.put((byte) length((body.length + 2) / 8 - 1));
            }
            return header.put(body).array();
        }
    }

    private abstract static class Transport extends Layer {
        final int pseudoHeader(@Nullable Ip ip, int length) {
            return ip == null ? 0 : PlainChecksum.pseudoHeader(ip.source, ip.destination, protocol(), length);
        }
    }

    private static final class Udp extends Transport {
        private final int sourcePort;
        private final int destinationPort;

        Udp(int sourcePort, int destinationPort) {
            this.sourcePort = sourcePort;
            this.destinationPort = destinationPort;
        }

        @Override
        int protocol() {
            return UDP;
        }

        @Override
        int checksumOffset() {
            return 6;
        }

        @Override
        byte[] header(byte[] inner, @Nullable Layer next, @Nullable Ip ip) {
            int total = 8 + inner.length;
            byte[] header = ByteBuffer.allocate(8)
                    .putShort((short) sourcePort)
                    .putShort((short) destinationPort)
                    .putShort((short) length(total))
                    .array();
            return withChecksum(header, 6, pseudoHeader(ip, total), inner);
        }
    }

    private static final class Tcp extends Transport {
        private final int sourcePort;
        private final int destinationPort;
        int sequence = 1;
        int acknowledgment = 1;
        int flags = 0x10;
        int window = 0xffff;
        int headerWords = AUTO;
        byte[] options = {};

        Tcp(int sourcePort, int destinationPort) {
            this.sourcePort = sourcePort;
            this.destinationPort = destinationPort;
        }

        @Override
        int protocol() {
            return TCP;
        }

        @Override
        int checksumOffset() {
            return 16;
        }

        @Override
        byte[] header(byte[] inner, @Nullable Layer next, @Nullable Ip ip) {
            int headerBytes = 20 + options.length;
            byte[] header = ByteBuffer.allocate(headerBytes)
                    .putShort((short) sourcePort)
                    .putShort((short) destinationPort)
                    .putInt(sequence)
                    .putInt(acknowledgment)
                    .put((byte) ((headerWords == AUTO ? headerBytes / 4 : headerWords) << 4))
                    .put((byte) flags)
                    .putShort((short) window)
                    .putInt(0)
                    .put(options)
                    .array();
            return withChecksum(header, 16, pseudoHeader(ip, headerBytes + inner.length), inner);
        }
    }

    private static final class Icmp extends Transport {
        private final int protocol;
        private final int type;
        private final int code;
        int value;

        Icmp(int protocol, int type, int code) {
            this.protocol = protocol;
            this.type = type;
            this.code = code;
        }

        @Override
        int protocol() {
            return protocol;
        }

        @Override
        byte[] header(byte[] inner, @Nullable Layer next, @Nullable Ip ip) {
            byte[] header = ByteBuffer.allocate(8)
                    .put((byte) type)
                    .put((byte) code)
                    .putShort((short) 0)
                    .putInt(value)
                    .array();
            return withChecksum(header, 2, protocol == ICMP6 ? pseudoHeader(ip, 8 + inner.length) : 0, inner);
        }
    }

    private static final class Unknown extends Layer {
        private final int number;
        private final byte[] octets;

        Unknown(int number, byte[] octets) {
            this.number = number;
            this.octets = octets;
        }

        @Override
        int protocol() {
            return number;
        }

        @Override
        byte[] header(byte[] inner, @Nullable Layer next, @Nullable Ip ip) {
            return octets.clone();
        }
    }
}
