// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static io.culvert.control.ProbeNetwork.A4;
import static io.culvert.control.ProbeNetwork.A6;
import static io.culvert.control.ProbeNetwork.A_MAC;
import static io.culvert.control.ProbeNetwork.B4;
import static io.culvert.control.ProbeNetwork.B6;
import static io.culvert.control.ProbeNetwork.B_MAC;
import static io.culvert.control.ProbeNetwork.ROUTER_A_MAC;
import static io.culvert.control.ProbeNetwork.ROUTER_B_MAC;

import io.culvert.control.ProbeNetwork.Side;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** The packets with which the two routers are compared, each probe with a name of its own. */
final class Probes {
    /** @param answers how many frames to wait for that come by a timer; 0 for what comes at once */
    record Probe(String name, Side side, List<byte[]> frames, int answers) {}

    private static final String R4 = "10.1.0.1";
    private static final String R6 = "fd01::1";
    private static final String BROADCAST = "ff:ff:ff:ff:ff:ff";

    private final List<Probe> probes = new ArrayList<>();

    private int otherHosts;

    private Probes() {}

    static List<Probe> all() {
        Probes all = new Probes();
        all.ip4InTransit();
        all.ip4Headers();
        all.ip4Options();
        all.ip4Martians();
        all.ip4Routes();
        all.ip4Fragments();
        all.ip4Local();
        all.ip4Errors();
        all.ip6InTransit();
        all.ip6Extensions();
        all.ip6Addresses();
        all.ip6Routes();
        all.ip6Local();
        all.ip6Errors();
        all.neighborDiscovery();
        all.unresolved();
        return all.probes;
    }

    static Probe named(String name) {
        return all().stream()
                .filter(probe -> probe.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private void add(String name, PacketBuilder... frames) {
        probes.add(new Probe(
                name, Side.A, Stream.of(frames).map(PacketBuilder::bytes).toList(), 0));
    }

    private void fromB(String name, PacketBuilder frame) {
        probes.add(new Probe(name, Side.B, List.of(frame.bytes()), 0));
    }

    private static PacketBuilder link() {
        return Packets.ethernet(A_MAC, ROUTER_A_MAC);
    }

    private static PacketBuilder ip4() {
        return link().ip4().from(A4).to(B4).ttl(64).id(0x1234);
    }

    /** From another host each time: the kernel tells one host about few missing routes per second, whatever is set. */
    private PacketBuilder ip4OtherHost() {
        return ip4().from("10.1.0." + (ProbeNetwork.FIRST_OTHER_HOST + otherHosts++));
    }

    private static PacketBuilder ip6() {
        return link().ip6().from(A6).to(B6).hopLimit(64);
    }

    private static PacketBuilder local4() {
        return ip4().to(R4);
    }

    private static PacketBuilder local6() {
        return ip6().to(R6);
    }

    // ---- IPv4 -------------------------------------------------------------------------------------------------------

    private void ip4InTransit() {
        add("IPv4 UDP", ip4().udp(1000, 2000).payload(18));
        add("IPv4 UDP without payload", ip4().udp(1000, 2000));
        add("IPv4 UDP without checksum", ip4().udp(1000, 2000).checksum(0).payload(18));
        add(
                "IPv4 UDP, wrong UDP checksum",
                ip4().udp(1000, 2000).checksum(0xbad).payload(18));
        add("IPv4 UDP, UDP length too large", ip4().udp(1000, 2000).length(999).payload(18));
        add("IPv4 TCP SYN", ip4().tcp(1000, 80).flags("S").tcpOptions(2, 4, 5, 0xb4));
        add("IPv4 TCP data", ip4().df().tcp(1000, 80).flags("PA").payload(1000));
        add("IPv4 echo request", ip4().echoRequest(7, 1).payload(56));
        add(
                "IPv4 echo request, wrong ICMP checksum",
                ip4().echoRequest(7, 1).checksum(0xbad).payload(56));
        add("IPv4 echo reply", ip4().echoReply(7, 1).payload(56));
        add("IPv4 ICMP error", ip4().icmp(3, 3).quoting(quoted4()));
        add("IPv4 protocol 253", ip4().protocol(253, 1, 2, 3));
        add("IPv4 header alone", ip4().nextProtocol(253));
        fromB(
                "IPv4 UDP from B",
                Packets.ethernet(B_MAC, ROUTER_B_MAC)
                        .ip4()
                        .from(B4)
                        .to(A4)
                        .udp(1, 2)
                        .payload(9));
        for (int ecn = 1; ecn < 4; ecn++) {
            add("IPv4 ECN " + ecn, ip4().ecn(ecn).udp(1000, 2000).payload(8));
        }
        add("IPv4 DSCP 46 and ECN 1", ip4().dscp(46).ecn(1).udp(1000, 2000).payload(8));
        add("IPv4 TTL 255", ip4().ttl(255).udp(1000, 2000).payload(8));
        add("IPv4 TTL 2", ip4().ttl(2).udp(1000, 2000).payload(8));
        add("IPv4 TTL 1", ip4().ttl(1).udp(1000, 2000).payload(8));
        add("IPv4 TTL 0", ip4().ttl(0).udp(1000, 2000).payload(8));
        add(
                "IPv4 TTL 1, DSCP 46, ECN 1",
                ip4().ttl(1).dscp(46).ecn(1).udp(1000, 2000).payload(8));
        add("IPv4 TTL 1, 1000 bytes", ip4().ttl(1).udp(1000, 2000).payload(1000));
        add(
                "IPv4 TTL 1, options",
                ip4().ttl(1).options(1, 1, 1, 1).udp(1000, 2000).payload(8));
        add("IPv4 padded", ip4().udp(1000, 2000).payload(1).padding(17));
        add("IPv4 padded, TTL 1", ip4().ttl(1).udp(1000, 2000).payload(1).padding(17));
        add(
                "IPv4 back out of the same interface",
                ip4().to("10.1.0.2").from("10.1.0.3").udp(1, 2).payload(8));
        add(
                "IPv4 in a frame to another station",
                Packets.ethernet(A_MAC, "02:00:00:00:00:77")
                        .ip4()
                        .from(A4)
                        .to(B4)
                        .udp(1, 2));
        add(
                "IPv4 to one host in a broadcast frame",
                Packets.ethernet(A_MAC, BROADCAST).ip4().from(A4).to(B4).udp(1, 2));
        add(
                "IPv4 to one host in a multicast frame",
                Packets.ethernet(A_MAC, "01:00:5e:00:00:01")
                        .ip4()
                        .from(A4)
                        .to(B4)
                        .udp(1, 2));
        add(
                "IPv4 in a frame from a group address",
                Packets.ethernet("03:00:00:00:00:0a", ROUTER_A_MAC)
                        .ip4()
                        .from(A4)
                        .to(B4)
                        .udp(1, 2));
        add(
                "IPv4 with EtherType IPv6",
                link().etherType(0x86dd).ip4().from(A4).to(B4).udp(1, 2));
    }

    private static byte[] quoted4() {
        return Packets.ip4().from(B4).to(A4).udp(5, 6).payload(8).bytes();
    }

    private void ip4Headers() {
        add("IPv4 wrong header checksum", ip4().checksum(0xbad).udp(1, 2));
        add("IPv4 header checksum 0", ip4().checksum(0).udp(1, 2));
        for (int version : new int[] {0, 5, 6, 15}) {
            add("IPv4 version " + version, ip4().version(version).udp(1, 2).payload(20));
        }
        for (int words : new int[] {0, 4, 15}) {
            add(
                    "IPv4 header length " + words,
                    ip4().headerWords(words).udp(1, 2).payload(8));
        }
        add("IPv4 total length 19", ip4().length(19).udp(1, 2).payload(8));
        add("IPv4 total length 0", ip4().length(0).udp(1, 2).payload(8));
        add("IPv4 total length beyond the frame", ip4().length(37).udp(1, 2).payload(8));
        add("IPv4 total length below the frame's", ip4().length(30).udp(1, 2).payload(8));
        for (int bytes : new int[] {14 + 1, 14 + 19}) {
            byte[] cut = Arrays.copyOf(ip4().udp(1, 2).bytes(), bytes);
            probes.add(new Probe("IPv4 cut after " + (bytes - 14) + " bytes", Side.A, List.of(cut), 0));
        }
        add("IPv4 reserved flag", reservedFlag());
    }

    /** The builder knows no reserved flag: an offset beyond its field sets it. */
    private static PacketBuilder reservedFlag() {
        byte[] frame = ip4().udp(1, 2).payload(8).bytes();
        frame[20] |= (byte) 0x80;
        frame[24] -= (byte) 0x80;
        byte[] packet = Arrays.copyOfRange(frame, 14, frame.length);
        return link().etherType(0x0800).payload(packet);
    }

    private void ip4Options() {
        int[] recordRoute = {7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0};
        int[] fullRecordRoute = {7, 7, 8, 9, 9, 9, 9};
        int[] timestamp = {68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        int[] looseRoute = {131, 7, 4, 10, 2, 0, 2};
        int[] strictRoute = {137, 7, 4, 10, 2, 0, 2};
        int[] routerAlert = {148, 4, 0, 0};
        add("IPv4 NOP options", ip4().options(1, 1, 1, 1).udp(1, 2).payload(8));
        add(
                "IPv4 bytes after end of options",
                ip4().options(0, 7, 7, 7).udp(1, 2).payload(8));
        add("IPv4 router alert", ip4().options(routerAlert).udp(1, 2).payload(8));
        add("IPv4 unknown option", ip4().options(0x9e, 4, 1, 2).udp(1, 2).payload(8));
        add("IPv4 record route", ip4().options(recordRoute).udp(1, 2).payload(8));
        add("IPv4 record route, full", ip4().options(fullRecordRoute).udp(1, 2).payload(8));
        add("IPv4 timestamp", ip4().options(timestamp).udp(1, 2).payload(8));
        add(
                "IPv4 loose source route",
                ip4().to(R4).options(looseRoute).udp(1, 2).payload(8));
        add(
                "IPv4 strict source route",
                ip4().to(R4).options(strictRoute).udp(1, 2).payload(8));
        add(
                "IPv4 loose source route, in transit",
                ip4().options(looseRoute).udp(1, 2).payload(8));
        add(
                "IPv4 loose source route, completed",
                ip4().options(131, 7, 8, 10, 2, 0, 2).udp(1, 2).payload(8));
        add("IPv4 option of length 0", ip4().options(0x9e, 0, 0, 0).udp(1, 2).payload(8));
        add("IPv4 option of length 1", ip4().options(0x9e, 1, 0, 0).udp(1, 2).payload(8));
        add(
                "IPv4 option beyond the header",
                ip4().options(0x9e, 5, 0, 0).udp(1, 2).payload(8));
        add(
                "IPv4 option without a length",
                ip4().options(1, 1, 1, 0x9e).udp(1, 2).payload(8));
        add(
                "IPv4 record route, pointer 3",
                ip4().options(7, 7, 3, 0, 0, 0, 0).udp(1, 2).payload(8));
    }

    private void ip4Martians() {
        for (String source : List.of(
                "0.0.0.0",
                "0.0.0.1",
                "127.0.0.1",
                "169.254.1.1",
                "224.0.0.1",
                "239.1.2.3",
                "240.0.0.1",
                "255.255.255.255",
                "10.1.0.1",
                "10.2.0.1",
                "10.1.0.255",
                "10.2.0.255",
                "10.1.0.0",
                "10.2.0.2")) {
            add("IPv4 from " + source, ip4().from(source).udp(1, 2).payload(8));
            add(
                    "IPv4 echo to the router from " + source,
                    local4().from(source).echoRequest(7, 1).payload(8));
        }
        for (String destination : List.of(
                "0.0.0.0",
                "0.1.2.3",
                "127.0.0.1",
                "169.254.1.1",
                "224.0.0.1",
                "224.0.0.251",
                "239.1.2.3",
                "240.0.0.1",
                "255.255.255.255",
                "10.1.0.255",
                "10.2.0.255",
                "10.1.0.0",
                "10.2.0.0")) {
            add(
                    "IPv4 UDP to " + destination,
                    ip4OtherHost().to(destination).udp(1, 2).payload(8));
            add(
                    "IPv4 echo to " + destination,
                    ip4OtherHost().to(destination).echoRequest(7, 1).payload(8));
        }
        add(
                "IPv4 UDP to 224.0.0.1 in its frame",
                Packets.ethernet(A_MAC, "01:00:5e:00:00:01")
                        .ip4()
                        .from(A4)
                        .to("224.0.0.1")
                        .ttl(1)
                        .udp(1, 2));
        add(
                "IPv4 UDP to 255.255.255.255 in its frame",
                Packets.ethernet(A_MAC, BROADCAST)
                        .ip4()
                        .from(A4)
                        .to("255.255.255.255")
                        .udp(1, 2));
        add(
                "IPv4 echo to 10.1.0.255 in its frame",
                Packets.ethernet(A_MAC, BROADCAST)
                        .ip4()
                        .from(A4)
                        .to("10.1.0.255")
                        .echoRequest(1, 2));
        add(
                "IPv4 echo to the router in a broadcast frame",
                Packets.ethernet(A_MAC, BROADCAST).ip4().from(A4).to(R4).echoRequest(1, 2));
        add(
                "IPv4 UDP to the router in a broadcast frame",
                Packets.ethernet(A_MAC, BROADCAST).ip4().from(A4).to(R4).udp(1, 2));
        add(
                "IPv4 SYN to the router in a broadcast frame",
                Packets.ethernet(A_MAC, BROADCAST)
                        .ip4()
                        .from(A4)
                        .to(R4)
                        .tcp(1, 2)
                        .flags("S"));
    }

    private void ip4Routes() {
        add("IPv4 by a gateway", ip4().to("10.9.1.1").udp(1, 2).payload(8));
        for (String name :
                List.of("no 203.0.113.1", "unreachable 10.10.1.1", "blackhole 10.11.1.1", "prohibit 10.12.1.1")) {
            String[] words = name.split(" ", -1);
            add(
                    "IPv4 " + words[0] + " route",
                    ip4OtherHost().to(words[1]).udp(1, 2).payload(8));
            add(
                    "IPv4 " + words[0] + " route, TTL 1",
                    ip4OtherHost().to(words[1]).ttl(1).udp(1, 2).payload(8));
        }
    }

    private void ip4Fragments() {
        add("IPv4 of the far MTU, DF", ip4().df().udp(1, 2).payload(1400 - 28));
        add("IPv4 one byte too large, DF", ip4().df().udp(1, 2).payload(1401 - 28));
        add("IPv4 one byte too large", ip4().udp(1, 2).payload(1401 - 28));
        add("IPv4 too large", ip4().udp(1, 2).payload(1500 - 28));
        add("IPv4 too large, TTL 1", ip4().ttl(1).udp(1, 2).payload(1500 - 28));
        add("IPv4 too large, TOS 0xb9", ip4().trafficClass(0xb9).udp(1, 2).payload(1500 - 28));
        add("IPv4 too large TCP, DF", ip4().df().tcp(1, 2).payload(1500 - 40));
        add("IPv4 too large ICMP error, DF", ip4().df().icmp(3, 3).payload(1450));
        add("IPv4 too large, DF, no identification", ip4().id(0).df().udp(1, 2).payload(1500 - 28));
        add(
                "IPv4 too large, options to copy and not to",
                ip4().options(7, 7, 8, 9, 9, 9, 9, 148, 4, 0, 0, 1).udp(1, 2).payload(1472 - 12));
        add("IPv4 too large, NOP options", ip4().options(1, 1, 1, 1).udp(1, 2).payload(1472 - 4));
        add("IPv4 too large first fragment", ip4().fragment(0, true).udp(1, 2).payload(1480 - 8));
        add(
                "IPv4 too large middle fragment",
                ip4().fragment(1480, true).nextProtocol(17).payload(1480));
        add(
                "IPv4 too large last fragment",
                ip4().fragment(2960, false).nextProtocol(17).payload(1477));
        add(
                "IPv4 too large later fragment with options",
                ip4().fragment(2960, false)
                        .options(148, 4, 0, 0)
                        .nextProtocol(17)
                        .payload(1470));
        add(
                "IPv4 too large fragment, DF",
                ip4().df().fragment(0, true).udp(1, 2).payload(1480 - 8));
        add(
                "IPv4 too large later fragment, DF",
                ip4().df().fragment(1480, true).nextProtocol(17).payload(1480));
        add("IPv4 first fragment", ip4().fragment(0, true).udp(1, 2).payload(800));
        add("IPv4 last fragment", ip4().fragment(808, false).nextProtocol(17).payload(5));
        add("IPv4 fragment of an odd length", ip4().fragment(0, true).udp(1, 2).payload(5));
        add(
                "IPv4 fragment beyond 65535",
                ip4().fragment(65528, false).nextProtocol(17).payload(100));
        add("IPv4 tiny first fragment", ip4().fragment(0, true).nextProtocol(6).payload(8));
    }

    private void ip4Local() {
        for (int size : new int[] {0, 1, 7, 56, 1472}) {
            add("IPv4 echo of " + size + " bytes", local4().echoRequest(7, 1).payload(size));
        }
        fromB(
                "IPv4 echo from B",
                Packets.ethernet(B_MAC, ROUTER_B_MAC)
                        .ip4()
                        .from(B4)
                        .to("10.2.0.1")
                        .echoRequest(7, 1));
        fromB(
                "IPv4 echo from B to the far address",
                Packets.ethernet(B_MAC, ROUTER_B_MAC).ip4().from(B4).to(R4).echoRequest(7, 1));
        add(
                "IPv4 echo to the far address",
                ip4().to("10.2.0.1").echoRequest(7, 1).payload(56));
        add("IPv4 echo, TTL 1", local4().ttl(1).echoRequest(7, 1).payload(8));
        add("IPv4 echo, TTL 0", local4().ttl(0).echoRequest(7, 1).payload(8));
        add("IPv4 echo, DF", local4().df().echoRequest(7, 1).payload(8));
        add("IPv4 echo, TOS 0xb9", local4().trafficClass(0xb9).echoRequest(7, 1).payload(8));
        add("IPv4 echo, code 1", local4().icmp(8, 1).value(0x70001).payload(8));
        add(
                "IPv4 echo, wrong ICMP checksum",
                local4().echoRequest(7, 1).checksum(0xbad).payload(8));
        add("IPv4 echo, padded", local4().echoRequest(7, 1).payload(8).padding(9));
        add(
                "IPv4 echo, NOP options",
                local4().options(1, 1, 1, 1).echoRequest(7, 1).payload(8));
        add(
                "IPv4 echo, record route",
                local4().options(7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0).echoRequest(7, 1));
        add("IPv4 echo, timestamp", local4().options(68, 8, 5, 0, 0, 0, 0, 0).echoRequest(7, 1));
        add("IPv4 echo, router alert", local4().options(148, 4, 0, 0).echoRequest(7, 1));
        byte[] whole =
                Packets.ip4().from(A4).to(R4).echoRequest(7, 1).payload(1992).bytes();
        byte[] message = Arrays.copyOfRange(whole, 20, whole.length);
        add("IPv4 echo in fragments", piece(1, message, 0, 1000), piece(1, message, 1000, 2000));
        add("IPv4 echo in fragments, last first", piece(2, message, 1000, 2000), piece(2, message, 0, 1000));
        add(
                "IPv4 echo in fragments, one twice",
                piece(3, message, 0, 1000),
                piece(3, message, 0, 1000),
                piece(3, message, 1000, 2000));
        add(
                "IPv4 echo in fragments that overlap",
                piece(4, message, 0, 1000),
                piece(4, message, 800, 1600),
                piece(4, message, 1600, 2000));
        add("IPv4 echo in fragments, one missing", piece(5, message, 0, 1000), piece(5, message, 1200, 2000));
        add(
                "IPv4 echo in fragments of different TTL",
                piece(6, message, 0, 1000).ttl(9),
                piece(6, message, 1000, 2000).ttl(5));
        add("IPv4 echo cut to 4 bytes", local4().nextProtocol(1).payload(new byte[] {8, 0, (byte) 0xf7, (byte) 0xff}));
        add("IPv4 echo reply to the router", local4().echoReply(7, 1).payload(8));
        add("IPv4 ICMP timestamp request", local4().icmp(13, 0).value(0x70001).payload(new byte[12]));
        add(
                "IPv4 ICMP address mask request",
                local4().icmp(17, 0).value(0x70001).payload(new byte[4]));
        add("IPv4 ICMP information request", local4().icmp(15, 0).value(0x70001));
        add("IPv4 ICMP unknown type", local4().icmp(99, 0).value(0x70001).payload(8));
        add("IPv4 ICMP error to the router", local4().icmp(3, 3).quoting(quoted4()));
        add("IPv4 UDP to a closed port", local4().udp(1000, 2000).payload(18));
        add("IPv4 UDP to a closed port, 1400 bytes", local4().udp(1000, 2000).payload(1400));
        add("IPv4 UDP to a closed port, no payload", local4().udp(1000, 2000));
        add(
                "IPv4 UDP to a closed port, no checksum",
                local4().udp(1000, 2000).checksum(0).payload(8));
        add(
                "IPv4 UDP to a closed port, wrong checksum",
                local4().udp(1000, 2000).checksum(0xbad).payload(8));
        add(
                "IPv4 UDP to a closed port, length too large",
                local4().udp(1000, 2000).length(99).payload(8));
        add(
                "IPv4 UDP to a closed port, length too small",
                local4().udp(1000, 2000).length(7).payload(8));
        add(
                "IPv4 UDP to a closed port, length below the packet's",
                local4().udp(1000, 2000).length(10).payload(8));
        add(
                "IPv4 UDP to a closed port, options",
                local4().options(1, 1, 1, 1).udp(1000, 2000).payload(8));
        add(
                "IPv4 UDP to a closed port, TOS 0xb9",
                local4().trafficClass(0xb9).udp(1000, 2000).payload(8));
        add("IPv4 UDP to a closed port, TTL 1", local4().ttl(1).udp(1000, 2000).payload(8));
        add(
                "IPv4 UDP to a closed port, far address",
                ip4().to("10.2.0.1").udp(1000, 2000).payload(8));
        add("IPv4 UDP to the router cut to 4 bytes", local4().nextProtocol(17).payload(new byte[4]));
        add(
                "IPv4 SYN to a closed port",
                local4().tcp(1000, 80).sequence(77).acknowledgment(0).flags("S"));
        add(
                "IPv4 SYN with data",
                local4().tcp(1000, 80).sequence(77).acknowledgment(0).flags("S").payload(10));
        add(
                "IPv4 SYN and FIN",
                local4().tcp(1000, 80).sequence(77).acknowledgment(0).flags("SF"));
        add(
                "IPv4 SYN, TOS 0xb9",
                local4().trafficClass(0xb9).tcp(1000, 80).sequence(77).flags("S"));
        add(
                "IPv4 SYN and ACK",
                local4().tcp(1000, 80).sequence(77).acknowledgment(88).flags("SA"));
        add(
                "IPv4 ACK",
                local4().tcp(1000, 80)
                        .sequence(77)
                        .acknowledgment(88)
                        .flags("A")
                        .payload(10));
        add("IPv4 FIN", local4().tcp(1000, 80).sequence(77).flags("F"));
        add(
                "IPv4 TCP without flags",
                local4().tcp(1000, 80).sequence(77).flags("").payload(3));
        add("IPv4 RST", local4().tcp(1000, 80).sequence(77).flags("R"));
        add("IPv4 SYN, wrong checksum", local4().tcp(1000, 80).checksum(0xbad).flags("S"));
        add("IPv4 SYN, header length 4", local4().tcp(1000, 80).headerWords(4).flags("S"));
        add(
                "IPv4 SYN, header beyond the packet",
                local4().tcp(1000, 80).headerWords(15).flags("S"));
        add("IPv4 TCP cut to 12 bytes", local4().nextProtocol(6).payload(new byte[12]));
        add("IPv4 protocol 253 to the router", local4().protocol(253, 1, 2, 3));
        add("IPv4 protocol 0 to the router", local4().nextProtocol(0).payload(8));
        add("IPv4 protocol 255 to the router", local4().nextProtocol(255).payload(8));
        add("IPv4 IGMP to the router", local4().nextProtocol(2).payload(8));
    }

    private static PacketBuilder piece(int id, byte[] message, int from, int to) {
        return local4().id(id)
                .fragment(from, to < message.length)
                .nextProtocol(1)
                .payload(Arrays.copyOfRange(message, from, to));
    }

    private void ip4Errors() {
        for (int type : new int[] {3, 4, 5, 11, 12}) {
            add("IPv4 TTL 1, ICMP type " + type, ip4().ttl(1).icmp(type, 0).quoting(quoted4()));
        }
        for (int type : new int[] {0, 8, 13, 99}) {
            add("IPv4 TTL 1, ICMP type " + type, ip4().ttl(1).icmp(type, 0).payload(8));
        }
        add("IPv4 TTL 1, ICMP without a type", ip4().ttl(1).nextProtocol(1));
        add(
                "IPv4 TTL 1, first fragment",
                ip4().ttl(1).fragment(0, true).udp(1, 2).payload(800));
        add(
                "IPv4 TTL 1, later fragment",
                ip4().ttl(1).fragment(800, false).nextProtocol(17).payload(8));
        add(
                "IPv4 TTL 1 in a broadcast frame",
                Packets.ethernet(A_MAC, BROADCAST).ip4().from(A4).to(B4).ttl(1).udp(1, 2));
        add(
                "IPv4 TTL 1 from an unknown network",
                ip4().from("203.0.113.1").ttl(1).udp(1, 2));
        add(
                "IPv4 no route, ICMP error",
                ip4OtherHost().to("203.0.113.1").icmp(3, 3).quoting(quoted4()));
        add(
                "IPv4 no route, later fragment",
                ip4OtherHost()
                        .to("203.0.113.1")
                        .fragment(800, false)
                        .nextProtocol(17)
                        .payload(8));
        add("IPv4 no route, TCP", ip4OtherHost().to("203.0.113.1").tcp(1, 2).flags("S"));
    }

    // ---- IPv6 -------------------------------------------------------------------------------------------------------

    private void ip6InTransit() {
        add("IPv6 UDP", ip6().udp(1000, 2000).payload(18));
        add("IPv6 UDP without checksum", ip6().udp(1000, 2000).checksum(0).payload(18));
        add(
                "IPv6 UDP, wrong UDP checksum",
                ip6().udp(1000, 2000).checksum(0xbad).payload(18));
        add("IPv6 TCP SYN", ip6().tcp(1000, 80).flags("S"));
        add("IPv6 echo request", ip6().echoRequest(7, 1).payload(56));
        add("IPv6 ICMPv6 error", ip6().icmp(1, 4).quoting(quoted6()));
        add("IPv6 protocol 253", ip6().protocol(253, 1, 2, 3));
        add("IPv6 no next header", ip6().nextProtocol(59));
        add("IPv6 no next header, with bytes", ip6().nextProtocol(59).payload(9));
        fromB(
                "IPv6 UDP from B",
                Packets.ethernet(B_MAC, ROUTER_B_MAC)
                        .ip6()
                        .from(B6)
                        .to(A6)
                        .udp(1, 2)
                        .payload(9));
        add(
                "IPv6 traffic class and flow label",
                ip6().trafficClass(0xbb).flowLabel(0xabcde).udp(1, 2).payload(8));
        add("IPv6 hop limit 2", ip6().hopLimit(2).udp(1, 2).payload(8));
        add("IPv6 hop limit 1", ip6().hopLimit(1).udp(1, 2).payload(8));
        add("IPv6 hop limit 0", ip6().hopLimit(0).udp(1, 2).payload(8));
        add(
                "IPv6 hop limit 1, traffic class and flow label",
                ip6().hopLimit(1)
                        .trafficClass(0xbb)
                        .flowLabel(0xabcde)
                        .udp(1, 2)
                        .payload(8));
        add("IPv6 hop limit 1, 1400 bytes", ip6().hopLimit(1).udp(1, 2).payload(1400));
        add("IPv6 padded", ip6().udp(1, 2).payload(8).padding(7));
        add("IPv6 padded, hop limit 1", ip6().hopLimit(1).udp(1, 2).payload(8).padding(7));
        add("IPv6 version 4", ip6().version(4).udp(1, 2).payload(8));
        add("IPv6 version 7", ip6().version(7).udp(1, 2).payload(8));
        add("IPv6 length beyond the frame", ip6().length(17).udp(1, 2).payload(8));
        add("IPv6 length below the frame's", ip6().length(12).udp(1, 2).payload(8));
        add("IPv6 length 0", ip6().length(0).udp(1, 2).payload(8));
        byte[] cut = Arrays.copyOf(ip6().udp(1, 2).bytes(), 14 + 39);
        probes.add(new Probe("IPv6 cut after 39 bytes", Side.A, List.of(cut), 0));
        add("IPv6 of the far MTU", ip6().udp(1, 2).payload(1400 - 48));
        add("IPv6 one byte too large", ip6().udp(1, 2).payload(1401 - 48));
        add("IPv6 too large", ip6().udp(1, 2).payload(1500 - 48));
        add(
                "IPv6 too large fragment",
                ip6().fragmentHeader(0, true, 7).udp(1, 2).payload(1440));
        add(
                "IPv6 too large later fragment",
                ip6().fragmentHeader(1448, false, 7).nextProtocol(17).payload(1450));
        add("IPv6 too large ICMPv6 error", ip6().icmp(1, 4).payload(1450));
        add("IPv6 too large, hop limit 1", ip6().hopLimit(1).udp(1, 2).payload(1500 - 48));
        add(
                "IPv6 back out of the same interface",
                ip6().to(A6).from("fd01::3").udp(1, 2).payload(8));
        add(
                "IPv6 to one host in a multicast frame",
                Packets.ethernet(A_MAC, "33:33:00:00:00:01")
                        .ip6()
                        .from(A6)
                        .to(B6)
                        .udp(1, 2));
        add(
                "IPv6 to one host in a broadcast frame",
                Packets.ethernet(A_MAC, BROADCAST).ip6().from(A6).to(B6).udp(1, 2));
        add(
                "IPv6 with EtherType IPv4",
                link().etherType(0x0800).ip6().from(A6).to(B6).udp(1, 2));
    }

    private static byte[] quoted6() {
        return Packets.ip6().from(B6).to(A6).udp(5, 6).payload(8).bytes();
    }

    private void ip6Extensions() {
        for (int action = 0; action < 4; action++) {
            int option = action << 6 | 0x1e;
            add(
                    "IPv6 hop-by-hop, unknown option, action " + action,
                    ip6().hopByHop(option, 2, 7, 7).udp(1, 2).payload(8));
            add(
                    "IPv6 to the router, hop-by-hop, unknown option, action " + action,
                    local6().hopByHop(option, 2, 7, 7).echoRequest(7, 1).payload(8));
            add(
                    "IPv6 destination option, unknown, action " + action,
                    ip6().destinationOptions(option, 2, 7, 7).udp(1, 2).payload(8));
            add(
                    "IPv6 to the router, destination option, unknown, action " + action,
                    local6().destinationOptions(option, 2, 7, 7)
                            .echoRequest(7, 1)
                            .payload(8));
        }
        add("IPv6 hop-by-hop, padding alone", ip6().hopByHop().udp(1, 2).payload(8));
        add(
                "IPv6 hop-by-hop, router alert",
                ip6().hopByHop(5, 2, 0, 0).udp(1, 2).payload(8));
        add(
                "IPv6 hop-by-hop, option beyond the header",
                ip6().hopByHop(0x1e, 9, 7, 7).udp(1, 2).payload(8));
        add(
                "IPv6 hop-by-hop not first",
                ip6().destinationOptions().hopByHop().udp(1, 2).payload(8));
        add(
                "IPv6 hop-by-hop not first, to the router",
                local6().destinationOptions().hopByHop().echoRequest(1, 2));
        add(
                "IPv6 hop-by-hop longer than the packet",
                ip6().nextProtocol(0).payload(new byte[] {17, 9, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
        for (int type : new int[] {0, 2, 4, 99}) {
            for (int left = 0; left < 2; left++) {
                String name = "routing type " + type + ", segments left " + left;
                add(
                        "IPv6 " + name,
                        ip6().routing(type, left, new int[20]).udp(1, 2).payload(8));
                add(
                        "IPv6 to the router, " + name,
                        local6().routing(type, left, new int[20])
                                .echoRequest(7, 1)
                                .payload(8));
            }
        }
        add("IPv6 fragment", ip6().fragmentHeader(0, true, 7).udp(1, 2).payload(800));
        add("IPv6 atomic fragment", ip6().fragmentHeader(0, false, 7).udp(1, 2).payload(8));
        add(
                "IPv6 fragment of an odd length",
                ip6().fragmentHeader(0, true, 7).udp(1, 2).payload(5));
        add(
                "IPv6 all kinds of headers",
                ip6().hopByHop()
                        .destinationOptions()
                        .routing(4, 0, new int[20])
                        .destinationOptions()
                        .udp(1, 2));
        add(
                "IPv6 chain cut in a destination options header",
                ip6().nextProtocol(60).payload(new byte[] {17, 9, 1, 4, 0, 0, 0, 0}));
        add(
                "IPv6 to the router, chain cut in a destination options header",
                local6().nextProtocol(60).payload(new byte[] {17, 9, 1, 4, 0, 0, 0, 0}));
        add(
                "IPv6 to the router, chain cut in a routing header",
                local6().nextProtocol(43).payload(new byte[] {58, 9, 0, 0, 0, 0, 0, 0}));
        add(
                "IPv6 to the router, authentication header",
                local6().authentication().echoRequest(7, 1));
    }

    private void ip6Addresses() {
        for (String source : List.of("::", "::1", "ff02::1", "ff0e::1", "fe80::a", "fd01::1", "fd02::1", "fd02::2")) {
            add("IPv6 from " + source, ip6().from(source).udp(1, 2).payload(8));
            add(
                    "IPv6 echo to the router from " + source,
                    local6().from(source).echoRequest(7, 1).payload(8));
        }
        add("IPv6 from ::ffff:10.1.0.2", ip6().from("::ffff:10.1.0.2").udp(1, 2).payload(8));
        for (String destination : List.of(
                "::",
                "::1",
                "fe80::77",
                "ff01::1",
                "ff02::1",
                "ff02::2",
                "ff02::99",
                "ff05::2",
                "ff0e::1",
                "fd01::",
                "fd02::")) {
            add("IPv6 UDP to " + destination, ip6().to(destination).udp(1, 2).payload(8));
            add(
                    "IPv6 echo to " + destination,
                    ip6().to(destination).echoRequest(7, 1).payload(8));
        }
        add(
                "IPv6 echo to the router's link-local address",
                ip6().from("fe80::a").to("fe80::ff:fe00:1").echoRequest(7, 1));
        add(
                "IPv6 echo from a global to the router's link-local address",
                ip6().to("fe80::ff:fe00:1").echoRequest(7, 1));
        add(
                "IPv6 echo to the link-local address of the far interface",
                ip6().from("fe80::a").to("fe80::ff:fe00:2").echoRequest(7, 1));
        for (String group : List.of("ff02::1 33:33:00:00:00:01", "ff02::2 33:33:00:00:00:02")) {
            String[] words = group.split(" ", -1);
            PacketBuilder frame =
                    Packets.ethernet(A_MAC, words[1]).ip6().from("fe80::a").to(words[0]);
            add(
                    "IPv6 echo to " + words[0] + " in its frame",
                    frame.echoRequest(7, 1).payload(8));
            add(
                    "IPv6 UDP to " + words[0] + " in its frame",
                    Packets.ethernet(A_MAC, words[1])
                            .ip6()
                            .from("fe80::a")
                            .to(words[0])
                            .udp(1, 2));
        }
    }

    private void ip6Routes() {
        add("IPv6 by a gateway", ip6().to("fd09::1").udp(1, 2).payload(8));
        for (String name : List.of("no 2001:db8::1", "unreachable fd10::1", "blackhole fd11::1", "prohibit fd12::1")) {
            String[] words = name.split(" ", -1);
            add("IPv6 " + words[0] + " route", ip6().to(words[1]).udp(1, 2).payload(8));
            add(
                    "IPv6 " + words[0] + " route, hop limit 1",
                    ip6().to(words[1]).hopLimit(1).udp(1, 2).payload(8));
        }
    }

    private void ip6Local() {
        for (int size : new int[] {0, 1, 56, 1452}) {
            add("IPv6 echo of " + size + " bytes", local6().echoRequest(7, 1).payload(size));
        }
        fromB(
                "IPv6 echo from B",
                Packets.ethernet(B_MAC, ROUTER_B_MAC)
                        .ip6()
                        .from(B6)
                        .to("fd02::1")
                        .echoRequest(7, 1));
        add(
                "IPv6 echo to the far address",
                ip6().to("fd02::1").echoRequest(7, 1).payload(56));
        add("IPv6 echo, hop limit 1", local6().hopLimit(1).echoRequest(7, 1));
        add("IPv6 echo, hop limit 0", local6().hopLimit(0).echoRequest(7, 1));
        add(
                "IPv6 echo, traffic class and flow label",
                local6().trafficClass(0xbb).flowLabel(0xabcde).echoRequest(7, 1).payload(8));
        add("IPv6 echo, code 1", local6().icmp(128, 1).value(0x70001).payload(8));
        add(
                "IPv6 echo, wrong checksum",
                local6().echoRequest(7, 1).checksum(0xbad).payload(8));
        add("IPv6 echo, padded", local6().echoRequest(7, 1).payload(8).padding(9));
        byte[] whole =
                Packets.ip6().from(A6).to(R6).echoRequest(7, 1).payload(1992).bytes();
        byte[] message = Arrays.copyOfRange(whole, 40, whole.length);
        add("IPv6 echo in fragments", piece6(1, message, 0, 1000), piece6(1, message, 1000, 2000));
        add("IPv6 echo in fragments, last first", piece6(2, message, 1000, 2000), piece6(2, message, 0, 1000));
        add(
                "IPv6 echo in fragments, one twice",
                piece6(3, message, 0, 1000),
                piece6(3, message, 0, 1000),
                piece6(3, message, 1000, 2000));
        add(
                "IPv6 echo in fragments that overlap",
                piece6(4, message, 0, 1000),
                piece6(4, message, 800, 1600),
                piece6(4, message, 1600, 2000));
        add(
                "IPv6 echo in an atomic fragment",
                local6().fragmentHeader(0, false, 5).echoRequest(7, 1).payload(8));
        add(
                "IPv6 first fragment of an odd length, to the router",
                local6().fragmentHeader(0, true, 6).nextProtocol(58).payload(13));
        add(
                "IPv6 fragment beyond 65535, to the router",
                local6().fragmentHeader(65528, false, 6).nextProtocol(58).payload(100));
        add(
                "IPv6 first fragment without the whole chain, to the router",
                local6().fragmentHeader(0, true, 8).nextProtocol(60).payload(new byte[] {58, 9, 1, 4, 0, 0, 0, 0}));
        add("IPv6 echo reply to the router", local6().echoReply(7, 1).payload(8));
        add("IPv6 ICMPv6 unknown error to the router", local6().icmp(99, 0).payload(8));
        add("IPv6 ICMPv6 unknown message to the router", local6().icmp(199, 0).payload(8));
        add("IPv6 ICMPv6 error to the router", local6().icmp(1, 4).quoting(quoted6()));
        add("IPv6 UDP to a closed port", local6().udp(1000, 2000).payload(18));
        add("IPv6 UDP to a closed port, 1400 bytes", local6().udp(1000, 2000).payload(1400));
        add(
                "IPv6 UDP to a closed port, no checksum",
                local6().udp(1000, 2000).checksum(0).payload(8));
        add(
                "IPv6 UDP to a closed port, wrong checksum",
                local6().udp(1000, 2000).checksum(0xbad).payload(8));
        add(
                "IPv6 UDP to a closed port, length too large",
                local6().udp(1000, 2000).length(99).payload(8));
        add(
                "IPv6 UDP to a closed port, traffic class and flow label",
                local6().trafficClass(0xbb).flowLabel(0xabcde).udp(1000, 2000).payload(8));
        add(
                "IPv6 UDP to a closed port, extension headers",
                local6().hopByHop().destinationOptions().udp(1000, 2000).payload(8));
        add("IPv6 UDP to the router cut to 4 bytes", local6().nextProtocol(17).payload(new byte[4]));
        add(
                "IPv6 SYN to a closed port",
                local6().tcp(1000, 80).sequence(77).acknowledgment(0).flags("S"));
        add(
                "IPv6 SYN with data",
                local6().tcp(1000, 80).sequence(77).acknowledgment(0).flags("S").payload(10));
        add(
                "IPv6 SYN, traffic class and flow label",
                local6().trafficClass(0xbb)
                        .flowLabel(0xabcde)
                        .tcp(1000, 80)
                        .sequence(77)
                        .flags("S"));
        add(
                "IPv6 ACK",
                local6().tcp(1000, 80)
                        .sequence(77)
                        .acknowledgment(88)
                        .flags("A")
                        .payload(10));
        add("IPv6 FIN", local6().tcp(1000, 80).sequence(77).flags("F"));
        add("IPv6 RST", local6().tcp(1000, 80).sequence(77).flags("R"));
        add("IPv6 SYN, wrong checksum", local6().tcp(1000, 80).checksum(0xbad).flags("S"));
        add("IPv6 next header 253 to the router", local6().protocol(253, 1, 2, 3));
        add(
                "IPv6 next header 253 to the router behind options",
                local6().destinationOptions().protocol(253, 1, 2, 3));
        add("IPv6 no next header to the router", local6().nextProtocol(59));
    }

    private static PacketBuilder piece6(int id, byte[] message, int from, int to) {
        return local6().fragmentHeader(from, to < message.length, id)
                .nextProtocol(58)
                .payload(Arrays.copyOfRange(message, from, to));
    }

    private void ip6Errors() {
        for (int type : new int[] {1, 2, 3, 4, 99, 127, 137}) {
            add(
                    "IPv6 hop limit 1, ICMPv6 type " + type,
                    ip6().hopLimit(1).icmp(type, 0).quoting(quoted6()));
        }
        for (int type : new int[] {128, 129, 199}) {
            add(
                    "IPv6 hop limit 1, ICMPv6 type " + type,
                    ip6().hopLimit(1).icmp(type, 0).payload(8));
        }
        add(
                "IPv6 hop limit 1, error behind options",
                ip6().hopLimit(1).destinationOptions().icmp(1, 0).quoting(quoted6()));
        add(
                "IPv6 hop limit 1, first fragment",
                ip6().hopLimit(1).fragmentHeader(0, true, 7).udp(1, 2).payload(800));
        add(
                "IPv6 hop limit 1, later fragment",
                ip6().hopLimit(1).fragmentHeader(800, false, 7).nextProtocol(17).payload(8));
        add(
                "IPv6 hop limit 1, first fragment of an error",
                ip6().hopLimit(1).fragmentHeader(0, true, 7).icmp(1, 0).quoting(quoted6()));
        add("IPv6 hop limit 1, from ::", ip6().from("::").hopLimit(1).udp(1, 2));
        add(
                "IPv6 hop limit 1, from a link-local address",
                ip6().from("fe80::a").hopLimit(1).udp(1, 2));
        add("IPv6 hop limit 1, to a group", ip6().to("ff0e::1").hopLimit(1).udp(1, 2));
        add(
                "IPv6 hop limit 1, multicast frame",
                Packets.ethernet(A_MAC, "33:33:00:00:00:01")
                        .ip6()
                        .from(A6)
                        .to(B6)
                        .hopLimit(1)
                        .udp(1, 2));
        add("IPv6 no route, ICMPv6 error", ip6().to("2001:db8::1").icmp(1, 4).quoting(quoted6()));
    }

    private void neighborDiscovery() {
        add("NS to the router", local6().hopLimit(255).neighborSolicitation(R6).sourceLinkLayer(A_MAC));
        add("NS to its group", solicitation());
        add("NS without a link-layer address", local6().hopLimit(255).neighborSolicitation(R6));
        add(
                "NS from a link-local address",
                local6().from("fe80::a").hopLimit(255).neighborSolicitation(R6).sourceLinkLayer(A_MAC));
        add(
                "NS to a group without a link-layer address",
                solicitationFrame().from(A6).neighborSolicitation(R6));
        add("NS from ::", solicitationFrame().from("::").neighborSolicitation(R6));
        add(
                "NS from :: with a link-layer address",
                solicitationFrame().from("::").neighborSolicitation(R6).sourceLinkLayer(A_MAC));
        add("NS from :: to the router itself", local6().from("::").hopLimit(255).neighborSolicitation(R6));
        add(
                "NS of hop limit 254",
                local6().hopLimit(254).neighborSolicitation(R6).sourceLinkLayer(A_MAC));
        add("NS of code 1", local6().hopLimit(255).icmp(135, 1).payload(solicitationBody(R6)));
        add(
                "NS, wrong checksum",
                local6().hopLimit(255).icmp(135, 0).checksum(0xbad).payload(solicitationBody(R6)));
        add("NS cut in the target", local6().hopLimit(255).icmp(135, 0).payload(8));
        add(
                "NS for a group",
                local6().hopLimit(255).neighborSolicitation("ff02::1").sourceLinkLayer(A_MAC));
        add(
                "NS for someone else",
                local6().hopLimit(255).neighborSolicitation("fd01::77").sourceLinkLayer(A_MAC));
        add(
                "NS for the far interface's address",
                local6().hopLimit(255).neighborSolicitation("fd02::1").sourceLinkLayer(A_MAC));
        add(
                "NS with an option of length 0",
                local6().hopLimit(255).neighborSolicitation(R6).append(new byte[] {1, 0, 0, 0, 0, 0, 0, 0}));
        add(
                "NS with an unknown option",
                local6().hopLimit(255).neighborSolicitation(R6).append(new byte[] {99, 1, 0, 0, 0, 0, 0, 0}));
        add("NS behind a hop-by-hop header", local6().hopLimit(255).hopByHop().neighborSolicitation(R6));
        add(
                "NS in an atomic fragment",
                local6().hopLimit(255)
                        .fragmentHeader(0, false, 9)
                        .neighborSolicitation(R6)
                        .sourceLinkLayer(A_MAC));
        add(
                "NA nobody asked for",
                local6().hopLimit(255).neighborAdvertisement(A6, "O").targetLinkLayer(A_MAC));
        add(
                "NA of hop limit 254 with another MAC",
                local6().hopLimit(254).neighborAdvertisement(A6, "SO").targetLinkLayer("02:00:00:00:00:99"));
        add("echo after that NA", local6().echoRequest(7, 2).payload(8));
        add(
                "RS",
                Packets.ethernet(A_MAC, "33:33:00:00:00:02")
                        .ip6()
                        .from("fe80::a")
                        .to("ff02::2")
                        .routerSolicitation());
        add("RA", local6().from("fe80::a").hopLimit(255).routerAdvertisement(64, 1800));
        add("redirect", local6().from("fe80::a").hopLimit(255).redirect("fe80::a", "fd02::2"));
    }

    private static PacketBuilder solicitationFrame() {
        return Packets.ethernet(A_MAC, "33:33:ff:00:00:01")
                .ip6()
                .to("ff02::1:ff00:1")
                .hopLimit(255);
    }

    private static PacketBuilder solicitation() {
        return solicitationFrame().from(A6).neighborSolicitation(R6).sourceLinkLayer(A_MAC);
    }

    private static byte[] solicitationBody(String target) {
        byte[] frame = Packets.ip6().neighborSolicitation(target).bytes();
        return Arrays.copyOfRange(frame, 48, frame.length);
    }

    // ---- by timers --------------------------------------------------------------------------------------------------

    private void unresolved() {
        slow(
                "IPv4 to a host that does not answer",
                ip4().to("10.2.0.99").udp(1, 2).payload(8));
        slow(
                "IPv6 to a host that does not answer",
                ip6().to("fd02::99").udp(1, 2).payload(8));
    }

    private void slow(String name, PacketBuilder frame) {
        probes.add(new Probe(name, Side.A, List.of(frame.bytes()), 1));
    }
}
