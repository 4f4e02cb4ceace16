// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * Reads a packet from the outside in and compares it with what a test expects:
 *
 * <pre>{@code
 * assertPacket(sent).ip4().from("10.0.0.254").to("10.0.0.1").ttl(64).icmp(3, 4).mtu(1400).quoting(original);
 * assertPacket(sent).ethernet("02:00:00:00:00:01", "02:00:00:00:00:02").ip6().hopLimit(63).udp(53, 1024).payload(18);
 * }</pre>
 *
 * <p>Each IP header is also judged as a whole: version, lengths, and every checksum that the packet has, its own and its
 * transport's, unless {@link #ignoringChecksums()} was said before. A method that compares a field means the innermost
 * header that was entered.
 */
public final class PacketCheck {
    private static final int ICMP = 1;
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final int ICMP6 = 58;

    private static final int HOP_BY_HOP = 0;
    private static final int ROUTING = 43;
    private static final int FRAGMENT = 44;
    private static final int DESTINATION_OPTIONS = 60;

    private final byte[] bytes;
    private boolean checksums = true;
    private boolean framed;
    /** What the header before says that follows: an EtherType in a frame, a protocol number in an IP packet. */
    private int next;
    /** Where the header that was entered last starts, and what follows it. */
    private int header;

    private int rest;
    /** Where the innermost IP packet ends, or the frame. */
    private int end;

    private int ip;
    private boolean ip6;

    private PacketCheck(byte[] bytes) {
        this.bytes = bytes;
        end = bytes.length;
    }

    public static PacketCheck assertPacket(byte[] bytes) {
        return new PacketCheck(bytes.clone());
    }

    public static PacketCheck assertPacket(PacketBuffer packet) {
        return new PacketCheck(packet.toByteArray());
    }

    /** For a packet that is meant to carry a wrong checksum. */
    public PacketCheck ignoringChecksums() {
        checksums = false;
        return this;
    }

    // ---- link layer -------------------------------------------------------------------------------------------------

    /** Enters an Ethernet header. */
    public PacketCheck ethernet(String source, String destination) {
        enter(14);
        framed = true;
        assertThat(hex(header + 6, 6)).as("source MAC of %s", this).isEqualTo(hex(PacketBuilder.mac(source)));
        assertThat(hex(header, 6)).as("destination MAC of %s", this).isEqualTo(hex(PacketBuilder.mac(destination)));
        next = u16(12);
        return this;
    }

    /** Enters a customer tag. */
    public PacketCheck vlan(int vid) {
        return tag(0x8100, vid);
    }

    /** Enters a service tag. */
    public PacketCheck serviceVlan(int vid) {
        return tag(0x88a8, vid);
    }

    private PacketCheck tag(int tpid, int vid) {
        same("TPID", next, tpid);
        enter(4);
        same("VID", u16(0) & 0xfff, vid);
        next = u16(2);
        return this;
    }

    /** The priority of a VLAN tag. */
    public PacketCheck priority(int priority) {
        return same("priority", u16(0) >>> 13, priority);
    }

    /** Enters an ARP packet and compares all of it. */
    public PacketCheck arp(int operation, String senderMac, String senderIp, String targetMac, String targetIp) {
        same("EtherType", next, 0x0806);
        enter(28);
        assertThat(hex(header, 6)).as("ARP types of %s", this).isEqualTo("000108000604");
        same("ARP operation", u16(6), operation);
        assertThat(hex(header + 8, 20))
                .as("ARP addresses of %s", this)
                .isEqualTo(hex(PacketBuilder.mac(senderMac))
                        + hex(PacketBuilder.address(senderIp))
                        + hex(PacketBuilder.mac(targetMac))
                        + hex(PacketBuilder.address(targetIp)));
        return this;
    }

    // ---- IP ---------------------------------------------------------------------------------------------------------

    /** Enters an IPv4 header and judges the packet. */
    public PacketCheck ip4() {
        expectNext("IPv4", 0x0800, 4);
        enter(20);
        ip = header;
        ip6 = false;
        same("version", u8(0) >>> 4, 4);
        int headerBytes = (u8(0) & 0xf) * 4;
        assertThat(headerBytes).as("header length of %s", this).isBetween(20, end - header);
        checkEnd(u16(2));
        rest = header + headerBytes;
        next = u8(9);
        return checksums ? validChecksums() : this;
    }

    /** Enters an IPv6 header and judges the packet. */
    public PacketCheck ip6() {
        expectNext("IPv6", 0x86dd, 41);
        enter(40);
        ip = header;
        ip6 = true;
        same("version", u8(0) >>> 4, 6);
        checkEnd(40 + u16(4));
        next = u8(6);
        return checksums ? validChecksums() : this;
    }

    private void expectNext(String name, int etherType, int protocol) {
        if (rest != 0) {
            assertThat(next)
                    .as("what carries %s in %s", name, this)
                    .isEqualTo(framed && ip == 0 ? etherType : protocol);
        }
    }

    private void checkEnd(int totalLength) {
        int present = end - header;
        if (framed) {
            assertThat(totalLength).as("total length of %s", this).isLessThanOrEqualTo(present);
        } else {
            assertThat(totalLength).as("total length of %s", this).isEqualTo(present);
        }
        end = header + totalLength;
    }

    /** Judges the checksums of the innermost IP packet: of its header, and of a transport header that is there whole. */
    public PacketCheck validChecksums() {
        if (!ip6) {
            int headerBytes = (bytes[ip] & 0xf) * 4;
            assertThat(PlainChecksum.add(0, bytes, ip, ip + headerBytes))
                    .as("sum over the IPv4 header of %s", this)
                    .isEqualTo(0xffff);
            boolean fragment = (at16(ip + 6) & 0x3fff) != 0;
            if (!fragment) {
                checkTransport(bytes[ip + 9] & 0xff, ip + headerBytes);
            }
            return this;
        }
        int protocol = bytes[ip + 6] & 0xff;
        int at = ip + 40;
        while (protocol == HOP_BY_HOP
                || protocol == ROUTING
                || protocol == DESTINATION_OPTIONS
                || protocol == FRAGMENT) {
            boolean partOfAnother = protocol == FRAGMENT && (at16(at + 2) & 0xfff9) != 0;
            boolean onItsWay = protocol == ROUTING && bytes[at + 3] != 0;
            if (partOfAnother || onItsWay) {
                return this;
            }
            int headerBytes = protocol == FRAGMENT ? 8 : ((bytes[at + 1] & 0xff) + 1) * 8;
            protocol = bytes[at] & 0xff;
            at += headerBytes;
        }
        checkTransport(protocol, at);
        return this;
    }

    private void checkTransport(int protocol, int at) {
        int field = switch (protocol) {
            case ICMP, ICMP6 -> at + 2;
            case TCP -> at + 16;
            case UDP -> at + 6;
            default -> -1;
        };
        if (field < 0 || (protocol == UDP && !ip6 && at16(field) == 0)) {
            return;
        }
        byte[] source = ip6 ? slice(ip + 8, 16) : slice(ip + 12, 4);
        byte[] destination = ip6 ? slice(ip + 24, 16) : slice(ip + 16, 4);
        int pseudoHeader = protocol == ICMP ? 0 : PlainChecksum.pseudoHeader(source, destination, protocol, end - at);
        if (protocol == UDP) {
            assertThat(at16(field)).as("UDP checksum of %s", this).isNotZero();
        }
        assertThat(PlainChecksum.add(pseudoHeader, bytes, at, end))
                .as("sum over protocol %d of %s", protocol, this)
                .isEqualTo(0xffff);
    }

    public PacketCheck from(String source) {
        byte[] expected = PacketBuilder.address(source);
        assertThat(hex(ip + (ip6 ? 8 : 12), expected.length))
                .as("source of %s", this)
                .isEqualTo(hex(expected));
        return this;
    }

    public PacketCheck to(String destination) {
        byte[] expected = PacketBuilder.address(destination);
        assertThat(hex(ip + (ip6 ? 24 : 16), expected.length))
                .as("destination of %s", this)
                .isEqualTo(hex(expected));
        return this;
    }

    /** TTL or hop limit. */
    public PacketCheck ttl(int ttl) {
        return same("TTL", bytes[ip + (ip6 ? 7 : 8)] & 0xff, ttl);
    }

    /** TTL or hop limit. */
    public PacketCheck hopLimit(int hopLimit) {
        return ttl(hopLimit);
    }

    /** The octet of DSCP and ECN. */
    public PacketCheck trafficClass(int trafficClass) {
        return same("traffic class", ip6 ? at16(ip) >>> 4 & 0xff : bytes[ip + 1] & 0xff, trafficClass);
    }

    public PacketCheck flowLabel(int flowLabel) {
        return same("flow label", (bytes[ip + 1] & 0xf) << 16 | at16(ip + 2), flowLabel);
    }

    /** The protocol number in the IP header that was entered, or in the extension header that was entered last. */
    public PacketCheck protocol(int number) {
        return same("protocol", next, number);
    }

    /** Bytes of the whole IP packet. */
    public PacketCheck totalLength(int length) {
        return same("IP packet's length", end - ip, length);
    }

    /** IPv4's identification. */
    public PacketCheck id(int identification) {
        return same("identification", at16(ip + 4), identification);
    }

    /** IPv4's "don't fragment". */
    public PacketCheck df(boolean set) {
        assertThat((at16(ip + 6) & 0x4000) != 0).as("DF of %s", this).isEqualTo(set);
        return this;
    }

    /** IPv4's fragment offset, in bytes, and "more fragments". */
    public PacketCheck fragment(int offset, boolean more) {
        same("fragment offset", (at16(ip + 6) & 0x1fff) * 8, offset);
        assertThat((at16(ip + 6) & 0x2000) != 0).as("MF of %s", this).isEqualTo(more);
        return this;
    }

    /** All octets of the IPv4 options, padding included. */
    public PacketCheck options(int... octets) {
        byte[] expected = new byte[octets.length];
        for (int i = 0; i < octets.length; i++) {
            expected[i] = (byte) octets[i];
        }
        assertThat(hex(ip + 20, (bytes[ip] & 0xf) * 4 - 20))
                .as("options of %s", this)
                .isEqualTo(hex(expected));
        return this;
    }

    /** Enters an IPv6 Hop-by-Hop Options header. */
    public PacketCheck hopByHop() {
        return extension(HOP_BY_HOP);
    }

    /** Enters an IPv6 Destination Options header. */
    public PacketCheck destinationOptions() {
        return extension(DESTINATION_OPTIONS);
    }

    /** Enters an IPv6 Fragment header; the offset in bytes. */
    public PacketCheck fragmentHeader(int offset, boolean more, long identification) {
        extension(FRAGMENT);
        rest = header + 8;
        same("fragment offset", u16(2) & 0xfff8, offset);
        assertThat((u16(2) & 1) != 0).as("M flag of %s", this).isEqualTo(more);
        assertThat(u32(4) & 0xffff_ffffL).as("identification of %s", this).isEqualTo(identification);
        return this;
    }

    private PacketCheck extension(int number) {
        same("next header", next, number);
        enter(8);
        rest = header + (u8(1) + 1) * 8;
        next = u8(0);
        return this;
    }

    // ---- transport --------------------------------------------------------------------------------------------------

    /** Enters a UDP header. */
    public PacketCheck udp(int sourcePort, int destinationPort) {
        same("protocol", next, UDP);
        enter(8);
        same("UDP length", u16(4), end - header);
        return ports(sourcePort, destinationPort);
    }

    /** Enters a TCP header. */
    public PacketCheck tcp(int sourcePort, int destinationPort) {
        same("protocol", next, TCP);
        enter(20);
        int headerBytes = (u8(12) >>> 4) * 4;
        assertThat(headerBytes).as("TCP header length of %s", this).isBetween(20, end - header);
        rest = header + headerBytes;
        return ports(sourcePort, destinationPort);
    }

    private PacketCheck ports(int sourcePort, int destinationPort) {
        same("source port", u16(0), sourcePort);
        return same("destination port", u16(2), destinationPort);
    }

    /** TCP's flags by their letters, as in {@link PacketBuilder#flags}. */
    public PacketCheck flags(String letters) {
        StringBuilder present = new StringBuilder();
        for (int i = 0; i < 8; i++) {
            if ((u8(13) & 1 << i) != 0) {
                present.append("FSRPAUEC".charAt(i));
            }
        }
        assertThat(present.chars().sorted().toArray())
                .as("TCP flags %s of %s", present, this)
                .isEqualTo(letters.chars().sorted().toArray());
        return this;
    }

    public PacketCheck sequence(long sequence) {
        assertThat(u32(4) & 0xffff_ffffL).as("sequence number of %s", this).isEqualTo(sequence);
        return this;
    }

    public PacketCheck acknowledgment(long acknowledgment) {
        assertThat(u32(8) & 0xffff_ffffL)
                .as("acknowledgment number of %s", this)
                .isEqualTo(acknowledgment);
        return this;
    }

    // ---- ICMP -------------------------------------------------------------------------------------------------------

    /** Enters an ICMP message of the family that was entered. */
    public PacketCheck icmp(int type, int code) {
        same("protocol", next, ip6 ? ICMP6 : ICMP);
        enter(8);
        same("ICMP type", u8(0), type);
        return same("ICMP code", u8(1), code);
    }

    public PacketCheck echoRequest(int identifier, int sequence) {
        return icmp(ip6 ? 128 : 8, 0).value(identifier << 16 | sequence);
    }

    public PacketCheck echoReply(int identifier, int sequence) {
        return icmp(ip6 ? 129 : 0, 0).value(identifier << 16 | sequence);
    }

    /** The whole second word of an ICMP message, which says what is unused is zero. */
    public PacketCheck value(int value) {
        return same("ICMP value", u32(4), value);
    }

    /** The second word of "fragmentation needed" or "packet too big". */
    public PacketCheck mtu(int mtu) {
        return value(mtu);
    }

    /**
     * The rest of the message is the packet that it is about, as much of it as fits: 576 bytes in all for IPv4 (RFC 1812
     * section 4.3.2.3), 1280 for IPv6 (RFC 4443 section 2.4).
     */
    public PacketCheck quoting(byte[] original) {
        int room = (ip6 ? 1280 : 576) - (rest - ip);
        return payload(Arrays.copyOf(original, Math.min(original.length, room)));
    }

    /** Enters a neighbor solicitation. */
    public PacketCheck neighborSolicitation(String target) {
        icmp(135, 0).ttl(255).value(0);
        return target(target);
    }

    /** Enters a neighbor advertisement; flags R, S and O by letter, all that are set. */
    public PacketCheck neighborAdvertisement(String target, String flags) {
        icmp(136, 0).ttl(255);
        String present =
                ((u8(4) & 0x80) != 0 ? "R" : "") + ((u8(4) & 0x40) != 0 ? "S" : "") + ((u8(4) & 0x20) != 0 ? "O" : "");
        assertThat(present).as("flags of %s", this).isEqualTo(flags);
        return target(target);
    }

    private PacketCheck target(String target) {
        assertThat(hex(header + 8, 16)).as("target of %s", this).isEqualTo(hex(PacketBuilder.address(target)));
        rest = header + 24;
        return this;
    }

    /** Enters a router advertisement: what comes behind it are its options. */
    public PacketCheck routerAdvertisement(int hopLimit, int lifetimeSeconds) {
        icmp(134, 0).ttl(255);
        same("current hop limit", u8(4), hopLimit);
        same("router lifetime", u16(6), lifetimeSeconds);
        rest = header + 16;
        return this;
    }

    /** Passes a source link-layer address option. */
    public PacketCheck sourceLinkLayer(String mac) {
        return linkLayer(1, mac);
    }

    /** Passes a target link-layer address option. */
    public PacketCheck targetLinkLayer(String mac) {
        return linkLayer(2, mac);
    }

    private PacketCheck linkLayer(int type, String mac) {
        assertThat(hex(rest, 8))
                .as("link-layer address option of %s", this)
                .isEqualTo(hex(new byte[] {(byte) type, 1}) + hex(PacketBuilder.mac(mac)));
        rest += 8;
        return this;
    }

    // ---- any layer --------------------------------------------------------------------------------------------------

    /** What follows is these bytes and nothing else. */
    public PacketCheck payload(byte[] expected) {
        assertThat(hex(rest, end - rest)).as("payload of %s", this).isEqualTo(hex(expected));
        return this;
    }

    /** What follows is as {@link PacketBuilder#payload(int)} makes it. */
    public PacketCheck payload(int length) {
        byte[] expected = new byte[length];
        for (int i = 0; i < length; i++) {
            expected[i] = (byte) i;
        }
        return payload(expected);
    }

    public PacketCheck payload(String text) {
        return payload(text.getBytes(StandardCharsets.UTF_8));
    }

    /** What follows, for a test to look into. */
    public byte[] payload() {
        return slice(rest, end - rest);
    }

    private void enter(int headerBytes) {
        header = rest;
        assertThat(end - header)
                .as("bytes left in %s for the next header", this)
                .isGreaterThanOrEqualTo(headerBytes);
        rest = header + headerBytes;
    }

    private PacketCheck same(String field, int actual, int expected) {
        assertThat(actual).as("%s of %s", field, this).isEqualTo(expected);
        return this;
    }

    private int u8(int field) {
        return bytes[header + field] & 0xff;
    }

    private int u16(int field) {
        return at16(header + field);
    }

    private int u32(int field) {
        return ByteBuffer.wrap(bytes).getInt(header + field);
    }

    private int at16(int position) {
        return (bytes[position] & 0xff) << 8 | (bytes[position + 1] & 0xff);
    }

    private byte[] slice(int from, int length) {
        assertThat(length).as("bytes left in %s", this).isBetween(0, bytes.length - from);
        return Arrays.copyOfRange(bytes, from, from + length);
    }

    private String hex(int from, int length) {
        return hex(slice(from, length));
    }

    private static String hex(byte[] value) {
        return HexFormat.of().formatHex(value);
    }

    /** The whole packet, in hexadecimal. */
    @Override
    public String toString() {
        return hex(bytes);
    }
}
