// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.wire.ArpView;
import io.culvert.wire.EtherType;
import io.culvert.wire.EthernetView;
import io.culvert.wire.FlowHash;
import io.culvert.wire.HeaderCheck;
import io.culvert.wire.Icmp4View;
import io.culvert.wire.Icmp6View;
import io.culvert.wire.InternetChecksum;
import io.culvert.wire.Ip4Options;
import io.culvert.wire.Ip4View;
import io.culvert.wire.Ip6ExtensionChain;
import io.culvert.wire.Ip6FragmentView;
import io.culvert.wire.Ip6OptionsView;
import io.culvert.wire.Ip6RoutingView;
import io.culvert.wire.Ip6View;
import io.culvert.wire.IpProtocol;
import io.culvert.wire.NdOptions;
import io.culvert.wire.NeighborDiscoveryView;
import io.culvert.wire.TcpView;
import io.culvert.wire.UdpView;
import io.culvert.wire.VlanView;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Nanoseconds for a header that is in the cache, by the view that lies over it: {@code read} checks it, its checksum
 * included where a check does that, and reads what a router wants to know; {@code write} writes it whole, with its checksum.
 * And what forwarding does besides: one hop less, and the hash of a flow.
 *
 * <p>Transport checksums cover 18 bytes of payload, an echo's 56.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Fork(1)
public class WireBenchmark {
    private static final String HOST = "02:aa:00:00:00:01";
    private static final String ROUTER = "02:00:00:00:00:00";
    private static final long HOST_MAC = 0x02aa_0000_0001L;
    private static final long ROUTER_MAC = 0x0200_0000_0000L;
    private static final int HOST4 = 0x0a00_0001;
    private static final int ROUTER4 = 0x0a00_0002;
    private static final long NET6 = 0xfd00_0000_0000_0000L;
    private static final int PAYLOAD = 18;
    private static final int VID = 10;
    private static final int FRAGMENT_OFFSET = 1480;

    private final BufferPool pool = BufferPool.allocate(16);
    private final PacketBuffer arpRequest = take(Packets.arpRequest(HOST, "10.0.0.1", "10.0.0.2"));
    private final PacketBuffer tagged =
            take(Packets.ethernet(HOST, ROUTER).vlan(VID).ip4().udp(1000, 2000).payload(PAYLOAD));
    private final PacketBuffer udp4 = take(Packets.ip4().udp(1000, 2000).payload(PAYLOAD));
    private final PacketBuffer udp6 = take(Packets.ip6().udp(1000, 2000).payload(PAYLOAD));
    private final PacketBuffer tcp4 = take(Packets.ip4().tcp(1000, 2000).payload(PAYLOAD));
    /** Router alert, and a record route with room for one address. */
    private final PacketBuffer optional4 = take(Packets.ip4()
            .options(148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0)
            .udp(1000, 2000)
            .payload(PAYLOAD));

    private final PacketBuffer fragment4 =
            take(Packets.ip4().id(7).fragment(FRAGMENT_OFFSET, true).payload(PAYLOAD));
    private final PacketBuffer echo4 = take(Packets.ip4().echoRequest(1, 2).payload(56));
    private final PacketBuffer echo6 = take(Packets.ip6().echoRequest(1, 2).payload(56));
    private final PacketBuffer solicitation =
            take(Packets.ip6().neighborSolicitation("fd00::2").sourceLinkLayer(HOST));
    /** A router alert, a routing header of an unknown type that has served its purpose, and a first fragment. */
    private final PacketBuffer extended6 = take(Packets.ip6()
            .hopByHop(5, 2, 0, 0)
            .routing(253, 0, 0, 0, 0, 0)
            .fragmentHeader(0, true, 7)
            .udp(1000, 2000)
            .payload(16));

    private final ArpView arp = new ArpView();
    private final EthernetView ethernet = new EthernetView();
    private final VlanView vlan = new VlanView();
    private final Ip4View ip4 = new Ip4View();
    private final Ip4Options ip4Options = new Ip4Options();
    private final Ip6View ip6 = new Ip6View();
    private final Ip6ExtensionChain chain = new Ip6ExtensionChain();
    private final Ip6OptionsView ip6Options = new Ip6OptionsView();
    private final Ip6RoutingView ip6Routing = new Ip6RoutingView();
    private final Ip6FragmentView ip6Fragment = new Ip6FragmentView();
    private final UdpView udp = new UdpView();
    private final TcpView tcp = new TcpView();
    private final Icmp4View icmp4 = new Icmp4View();
    private final Icmp6View icmp6 = new Icmp6View();
    private final NeighborDiscoveryView neighborDiscovery = new NeighborDiscoveryView();
    private final NdOptions ndOptions = new NdOptions();

    private final int hopByHopAt;
    private final int routingAt;
    private final int fragmentAt;

    public WireBenchmark() {
        Ip6ExtensionChain headers = new Ip6ExtensionChain();
        headers.walk(ip6.wrap(extended6, extended6.start()));
        hopByHopAt = headers.offset(0);
        routingAt = headers.offset(1);
        fragmentAt = headers.offset(2);
    }

    private PacketBuffer take(PacketBuilder packet) {
        return packet.take(pool);
    }

    private static void mustBeOk(HeaderCheck found) {
        if (found != HeaderCheck.OK) {
            throw new IllegalStateException(found.name());
        }
    }

    // --- link

    @Benchmark
    public long readEthernet() {
        mustBeOk(ethernet.wrap(tagged, tagged.start()).check());
        return ethernet.destination() ^ ethernet.source() ^ ethernet.etherType();
    }

    @Benchmark
    public void writeEthernet() {
        ethernet.wrap(tagged, tagged.start()).encode(ROUTER_MAC, HOST_MAC, EtherType.VLAN);
    }

    @Benchmark
    public int readVlan() {
        mustBeOk(vlan.wrap(tagged, tagged.start() + EthernetView.HEADER_BYTES - 2)
                .check());
        return vlan.tpid() ^ vlan.vid() ^ vlan.priority() ^ vlan.etherType();
    }

    @Benchmark
    public void writeVlan() {
        vlan.wrap(tagged, tagged.start() + EthernetView.HEADER_BYTES - 2)
                .encode(EtherType.VLAN, VlanView.tci(0, false, VID));
    }

    @Benchmark
    public long readArp() {
        mustBeOk(arp.wrap(arpRequest, arpRequest.l3Offset()).check());
        return arp.operation() ^ arp.senderMac() ^ arp.senderIp() ^ arp.targetMac() ^ arp.targetIp();
    }

    @Benchmark
    public void writeArp() {
        arp.wrap(arpRequest, arpRequest.l3Offset()).encode(ArpView.REQUEST, HOST_MAC, HOST4, 0, ROUTER4);
    }

    // --- IPv4

    @Benchmark
    public int readIp4() {
        return readIp4(udp4);
    }

    /** A middle fragment. */
    @Benchmark
    public int readIp4Fragment() {
        return readIp4(fragment4);
    }

    private int readIp4(PacketBuffer packet) {
        mustBeOk(ip4.wrap(packet, packet.start()).check());
        int parts = ip4.isFragment() ? ip4.identification() ^ ip4.fragmentOffset() : 0;
        return parts ^ ip4.ttl() ^ ip4.protocol() ^ ip4.source() ^ ip4.destination() ^ ip4.payloadLength();
    }

    @Benchmark
    public void writeIp4() {
        ip4.wrap(udp4, udp4.start()).encode(0, udp4.length(), 0, false, 64, IpProtocol.UDP, HOST4, ROUTER4);
    }

    /** What makes a copy of a header that of a fragment. */
    @Benchmark
    public void writeIp4Fragment() {
        ip4.wrap(fragment4, fragment4.start());
        ip4.setTotalLength(fragment4.length());
        ip4.setFragment(false, true, FRAGMENT_OFFSET);
        ip4.updateChecksum();
    }

    /** Two options. */
    @Benchmark
    public int readIp4Options() {
        ip4.wrap(optional4, optional4.start());
        mustBeOk(ip4Options.check(ip4));
        ip4Options.wrap(ip4);
        int types = 0;
        while (ip4Options.next()) {
            types ^= ip4Options.type();
        }
        return types;
    }

    /** The header stays valid: the checksum goes along. */
    @Benchmark
    public void decrementTtl() {
        ip4.wrap(udp4, udp4.start()).decrementTtl();
    }

    @Benchmark
    public int flowHash4() {
        return FlowHash.ip4(ip4.wrap(udp4, udp4.start()));
    }

    // --- IPv6

    @Benchmark
    public long readIp6() {
        mustBeOk(ip6.wrap(udp6, udp6.start()).check());
        return ip6.sourceHigh()
                ^ ip6.sourceLow()
                ^ ip6.destinationHigh()
                ^ ip6.destinationLow()
                ^ ip6.nextHeader()
                ^ ip6.hopLimit()
                ^ ip6.payloadLength();
    }

    @Benchmark
    public void writeIp6() {
        ip6.wrap(udp6, udp6.start())
                .encode(0, 0, udp6.length() - Ip6View.HEADER_BYTES, IpProtocol.UDP, 64, NET6, 1, NET6, 2);
    }

    /** Three extension headers, from the IPv6 header to UDP. */
    @Benchmark
    public int readIp6ExtensionChain() {
        if (chain.walk(ip6.wrap(extended6, extended6.start())) != Ip6ExtensionChain.Outcome.COMPLETE) {
            throw new IllegalStateException(chain.outcome().name());
        }
        return chain.upperProtocol() ^ chain.upperOffset() ^ chain.fragmentHeaderOffset();
    }

    /** A hop-by-hop header with a router alert. */
    @Benchmark
    public int readIp6Options() {
        mustBeOk(ip6Options.wrap(extended6, hopByHopAt).check());
        int found = 0;
        while (ip6Options.next()) {
            found ^= ip6Options.type() ^ ip6Options.action();
        }
        return found;
    }

    @Benchmark
    public int readIp6Routing() {
        mustBeOk(ip6Routing.wrap(extended6, routingAt).check());
        return ip6Routing.type() ^ ip6Routing.segmentsLeft();
    }

    @Benchmark
    public long readIp6Fragment() {
        mustBeOk(ip6Fragment.wrap(extended6, fragmentAt).check());
        return ip6Fragment.identification() ^ ip6Fragment.fragmentOffset() ^ (ip6Fragment.moreFragments() ? 1 : 0);
    }

    @Benchmark
    public void writeIp6Fragment() {
        ip6Fragment.wrap(extended6, fragmentAt).encode(IpProtocol.UDP, 0, true, 7);
    }

    @Benchmark
    public int flowHash6() {
        ip6.wrap(udp6, udp6.start());
        chain.walk(ip6);
        return FlowHash.ip6(ip6, chain);
    }

    // --- transport, over IPv4

    @Benchmark
    public int readUdp() {
        mustBeOk(udp.wrap(udp4, udp4.start() + Ip4View.HEADER_BYTES).check());
        return udp.sourcePort() ^ udp.destinationPort() ^ udp.length() ^ udp.checksum();
    }

    @Benchmark
    public void writeUdp() {
        int length = UdpView.HEADER_BYTES + PAYLOAD;
        udp.wrap(udp4, udp4.start() + Ip4View.HEADER_BYTES)
                .encode(1000, 2000, length)
                .updateChecksum(InternetChecksum.pseudoHeader4(HOST4, ROUTER4, IpProtocol.UDP, length));
    }

    @Benchmark
    public long readTcp() {
        mustBeOk(tcp.wrap(tcp4, tcp4.start() + Ip4View.HEADER_BYTES).check());
        return tcp.sequence()
                ^ tcp.acknowledgment()
                ^ tcp.sourcePort()
                ^ tcp.destinationPort()
                ^ tcp.headerBytes()
                ^ tcp.flags()
                ^ tcp.window();
    }

    @Benchmark
    public void writeTcp() {
        int length = TcpView.HEADER_BYTES + PAYLOAD;
        tcp.wrap(tcp4, tcp4.start() + Ip4View.HEADER_BYTES)
                .encode(1000, 2000, 1, 1, TcpView.HEADER_BYTES, TcpView.ACK, 0xffff)
                .updateChecksum(InternetChecksum.pseudoHeader4(HOST4, ROUTER4, IpProtocol.TCP, length));
    }

    // --- ICMP

    @Benchmark
    public int readIcmp4() {
        mustBeOk(icmp4.wrap(echo4, echo4.start() + Ip4View.HEADER_BYTES).check());
        return icmp4.type() ^ icmp4.code() ^ icmp4.identifier() ^ icmp4.sequence();
    }

    @Benchmark
    public void writeIcmp4() {
        icmp4.wrap(echo4, echo4.start() + Ip4View.HEADER_BYTES)
                .encode(Icmp4View.ECHO_REQUEST, 0, Icmp4View.echoValue(1, 2))
                .updateChecksum();
    }

    @Benchmark
    public int readIcmp6() {
        ip6.wrap(echo6, echo6.start());
        mustBeOk(icmp6.wrap(echo6, ip6.payloadOffset()).check(ip6));
        return icmp6.type() ^ icmp6.code() ^ icmp6.identifier() ^ icmp6.sequence();
    }

    @Benchmark
    public void writeIcmp6() {
        ip6.wrap(echo6, echo6.start());
        icmp6.wrap(echo6, ip6.payloadOffset())
                .encode(Icmp6View.ECHO_REQUEST, 0, Icmp6View.echoValue(1, 2))
                .updateChecksum(ip6);
    }

    /** A neighbor solicitation, judged with its option. */
    @Benchmark
    public long readNeighborDiscovery() {
        ip6.wrap(solicitation, solicitation.start());
        mustBeOk(neighborDiscovery.wrap(solicitation, ip6.payloadOffset()).check(ip6));
        return neighborDiscovery.targetHigh()
                ^ neighborDiscovery.targetLow()
                ^ neighborDiscovery.linkLayerAddress(NdOptions.SOURCE_LINK_LAYER);
    }

    @Benchmark
    public void writeNeighborDiscovery() {
        ip6.wrap(solicitation, solicitation.start());
        neighborDiscovery
                .wrap(solicitation, ip6.payloadOffset())
                .encodeNeighborSolicitation(NET6, 2)
                .updateChecksum(ip6);
    }

    @Benchmark
    public long readNdOptions() {
        ndOptions.wrap(solicitation, optionsAt());
        long macs = 0;
        while (ndOptions.next()) {
            macs ^= ndOptions.type() ^ ndOptions.mac();
        }
        return macs;
    }

    @Benchmark
    public void writeNdOptions() {
        ndOptions.wrap(solicitation, optionsAt()).encodeLinkLayer(NdOptions.SOURCE_LINK_LAYER, HOST_MAC);
    }

    private int optionsAt() {
        return solicitation.start() + Ip6View.HEADER_BYTES + NeighborDiscoveryView.NEIGHBOR_SOLICITATION_BYTES;
    }
}
