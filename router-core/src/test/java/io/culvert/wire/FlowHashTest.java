// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.Ip4Address;
import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class FlowHashTest {
    private static final long SEED = 0x2992;

    private final BufferPool pool = BufferPool.allocate(1);
    private final Ip4View ip4 = new Ip4View();
    private final Ip6View ip6 = new Ip6View();
    private final Ip6ExtensionChain chain = new Ip6ExtensionChain();

    private int hash(PacketBuilder builder) {
        pool.reclaim();
        PacketBuffer packet = builder.take(pool);
        if (packet.bytes().get(packet.start()) >>> 4 == 4) {
            return FlowHash.ip4(ip4.wrap(packet, packet.start()));
        }
        chain.walk(ip6.wrap(packet, packet.start()));
        return FlowHash.ip6(ip6, chain);
    }

    /** Worked out by another program. A change of these values moves flows between the ways of every router in the field. */
    @Test
    void isStable() {
        assertThat(hash(Packets.ip4().udp(1000, 2000))).isEqualTo(0x4d13_2c36);
        assertThat(hash(Packets.ip6().udp(1000, 2000))).isEqualTo(0x272a_3188);
    }

    @Test
    void isTheSameForAllPacketsOfAFlow() {
        int tcp = hash(Packets.ip4().tcp(1000, 80).payload(1));
        assertThat(hash(Packets.ip4()
                        .ttl(3)
                        .id(77)
                        .trafficClass(0xff)
                        .df()
                        .tcp(1000, 80)
                        .flags("S")
                        .sequence(99)))
                .isEqualTo(tcp);
        assertThat(hash(Packets.ip4().options(1, 1, 1, 1).tcp(1000, 80))).isEqualTo(tcp);

        int udp6 = hash(Packets.ip6().udp(1000, 53));
        assertThat(hash(Packets.ip6().hopLimit(3).trafficClass(9).udp(1000, 53).payload(9)))
                .isEqualTo(udp6);
        assertThat(hash(Packets.ip6().hopByHop().destinationOptions().udp(1000, 53)))
                .isEqualTo(udp6);
    }

    @Test
    void dependsOnEveryPartOfTheFlow() {
        Set<Integer> hashes = new HashSet<>();
        hashes.add(hash(Packets.ip4().udp(1000, 2000)));
        hashes.add(hash(Packets.ip4().udp(2000, 1000)));
        hashes.add(hash(Packets.ip4().udp(1000, 2001)));
        hashes.add(hash(Packets.ip4().udp(1001, 2000)));
        hashes.add(hash(Packets.ip4().tcp(1000, 2000)));
        hashes.add(hash(Packets.ip4().from("10.0.0.3").udp(1000, 2000)));
        hashes.add(hash(Packets.ip4().to("10.0.0.3").udp(1000, 2000)));
        hashes.add(hash(Packets.ip4().from("10.0.0.2").to("10.0.0.1").udp(1000, 2000)));
        hashes.add(hash(Packets.ip6().udp(1000, 2000)));
        hashes.add(hash(Packets.ip6().from("fd00:1::1").udp(1000, 2000)));
        hashes.add(hash(Packets.ip6().from("fd00::3").udp(1000, 2000)));
        hashes.add(hash(Packets.ip6().to("fd00:1::2").udp(1000, 2000)));
        hashes.add(hash(Packets.ip6().to("fd00::3").udp(1000, 2000)));
        hashes.add(hash(Packets.ip6().udp(1000, 2001)));
        hashes.add(hash(Packets.ip6().tcp(1000, 2000)));

        assertThat(hashes).hasSize(15).doesNotContain(0);
    }

    @Test
    void allFragmentsOfADatagramGoOneWay() {
        int first = hash(Packets.ip4().fragment(0, true).udp(1000, 2000).payload(8));
        assertThat(hash(Packets.ip4()
                        .fragment(16, true)
                        .nextProtocol(IpProtocol.UDP)
                        .payload(16)))
                .isEqualTo(first);
        assertThat(hash(Packets.ip4()
                        .fragment(0xfff8, false)
                        .nextProtocol(IpProtocol.UDP)
                        .payload(3)))
                .isEqualTo(first);

        int first6 = hash(
                Packets.ip6().fragmentHeader(0, true, 1).destinationOptions().udp(1, 2));
        assertThat(hash(Packets.ip6()
                        .fragmentHeader(16, false, 1)
                        .nextProtocol(IpProtocol.UDP)
                        .payload(16)))
                .isEqualTo(first6);
    }

    @Test
    void readsNoPortsWhereThereAreNone() {
        int icmp = hash(Packets.ip4().echoRequest(1, 1));
        assertThat(hash(Packets.ip4().echoRequest(2, 2))).isEqualTo(icmp);
        assertThat(hash(Packets.ip4().protocol(253, 1, 2, 3, 4)))
                .isEqualTo(hash(Packets.ip4().protocol(253, 5, 6, 7, 8)));
        assertThat(hash(Packets.ip6().protocol(253, 1, 2, 3, 4)))
                .isEqualTo(hash(Packets.ip6().protocol(253, 5, 6, 7, 8)));
        // Three bytes of UDP: not enough for ports.
        assertThat(hash(Packets.ip4().protocol(IpProtocol.UDP, 1, 2, 3)))
                .isEqualTo(hash(Packets.ip4().protocol(IpProtocol.UDP, 4, 5, 6)));
    }

    @Test
    void spreadsNeighboringFlowsEvenly() {
        for (int choices : new int[] {2, 3, 5, 16}) {
            int[] byPort = new int[choices];
            int[] byAddress = new int[choices];
            int flows = 20_000;
            PacketBuffer packet = Packets.ip4().udp(0, 0).take(pool);
            ip4.wrap(packet, packet.start());
            int ports = ip4.payloadOffset();
            for (int flow = 0; flow < flows; flow++) {
                packet.bytes().putShort(ports, (short) flow);
                byPort[choice(FlowHash.ip4(ip4), choices)]++;
            }
            for (int flow = 0; flow < flows; flow++) {
                ip4.rewriteSource(Ip4Address.parse("10.0.0.0").value() + flow);
                byAddress[choice(FlowHash.ip4(ip4), choices)]++;
            }
            pool.release(packet);
            for (int choice = 0; choice < choices; choice++) {
                assertThat(byPort[choice] * choices).isBetween(flows * 9 / 10, flows * 11 / 10);
                assertThat(byAddress[choice] * choices).isBetween(flows * 9 / 10, flows * 11 / 10);
            }
        }
    }

    private static int choice(int hash, int choices) {
        return (int) ((hash & 0xffff_ffffL) * choices >>> 32);
    }

    /** Every input bit changes half of the output bits on average, and each output bit about half of the time. */
    @Test
    void everyBitReachesEveryBit() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer packet = Packets.ip4().udp(0, 0).take(pool);
        ip4.wrap(packet, packet.start());
        int rounds = 1_000;
        for (int bit = 0; bit < 96; bit++) {
            int position = packet.start() + 12 + bit / 8;
            int[] flips = new int[32];
            for (int round = 0; round < rounds; round++) {
                packet.bytes().putLong(packet.start() + 12, random.nextLong());
                packet.bytes().putInt(packet.start() + 20, random.nextInt());
                int before = FlowHash.ip4(ip4);
                packet.bytes().put(position, (byte) (packet.bytes().get(position) ^ 1 << bit % 8));
                int changed = before ^ FlowHash.ip4(ip4);
                for (int out = 0; out < 32; out++) {
                    flips[out] += changed >>> out & 1;
                }
            }
            for (int flip : flips) {
                assertThat(flip).as("seed %d input bit %d", SEED, bit).isBetween(rounds * 2 / 5, rounds * 3 / 5);
            }
        }
    }
}
