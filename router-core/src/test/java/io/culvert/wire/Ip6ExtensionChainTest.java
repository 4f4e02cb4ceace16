// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.wire.Ip6ExtensionChain.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip6ExtensionChainTest {
    private static final long SEED = 0x7112;
    private static final int[] KINDS = {
        IpProtocol.ROUTING, IpProtocol.FRAGMENT, IpProtocol.DESTINATION_OPTIONS, IpProtocol.AUTHENTICATION
    };

    private final BufferPool pool = BufferPool.allocate(1);
    private final Ip6View ip = new Ip6View();
    private final Ip6ExtensionChain chain = new Ip6ExtensionChain();

    private PacketBuffer walk(PacketBuilder builder) {
        pool.reclaim();
        PacketBuffer packet = builder.take(pool);
        assertThat(ip.wrap(packet, packet.start()).check()).isEqualTo(HeaderCheck.OK);
        chain.walk(ip);
        return packet;
    }

    private static void add(PacketBuilder builder, int kind) {
        switch (kind) {
            case IpProtocol.HOP_BY_HOP -> builder.hopByHop(5, 2, 0, 0);
            case IpProtocol.ROUTING -> builder.routing(4, 0);
            case IpProtocol.FRAGMENT -> builder.fragmentHeader(0, false, 0xffff_ffffL);
            case IpProtocol.DESTINATION_OPTIONS -> builder.destinationOptions();
            default -> builder.authentication();
        }
    }

    @Test
    void aPacketWithoutExtensionsEndsAtOnce() {
        PacketBuffer packet = walk(Packets.ip6().udp(1, 2));

        assertThat(chain.outcome()).isEqualTo(Outcome.COMPLETE);
        assertThat(chain.count()).isZero();
        assertThat(chain.upperProtocol()).isEqualTo(IpProtocol.UDP);
        assertThat(chain.upperOffset()).isEqualTo(packet.start() + 40);
        assertThat(chain.nextHeaderOffset()).isEqualTo(packet.start() + 6);
        assertThat(chain.hopByHopOffset()).isEqualTo(PacketBuffer.UNKNOWN);
        assertThat(chain.fragmentHeaderOffset()).isEqualTo(PacketBuffer.UNKNOWN);
        assertThat(chain.isFragment()).isFalse();
    }

    /** RFC 8200 section 4.1: the order that senders keep. */
    @Test
    void walksTheRecommendedOrder() {
        PacketBuffer packet = walk(Packets.ip6()
                .hopByHop(5, 2, 0, 0)
                .destinationOptions()
                .routing(4, 0, new int[20])
                .fragmentHeader(0, false, 1)
                .authentication()
                .destinationOptions()
                .tcp(1, 2));

        assertThat(chain.outcome()).isEqualTo(Outcome.COMPLETE);
        List<Integer> types = new ArrayList<>();
        List<Integer> offsets = new ArrayList<>();
        for (int i = 0; i < chain.count(); i++) {
            types.add(chain.type(i));
            offsets.add(chain.offset(i) - packet.start());
        }
        assertThat(types).containsExactly(0, 60, 43, 44, 51, 60);
        assertThat(offsets).containsExactly(40, 48, 56, 80, 88, 112);
        assertThat(chain.upperProtocol()).isEqualTo(IpProtocol.TCP);
        assertThat(chain.upperOffset()).isEqualTo(packet.start() + 120);
        assertThat(chain.nextHeaderOffset()).isEqualTo(packet.start() + 112);
        assertThat(chain.hopByHopOffset()).isEqualTo(packet.start() + 40);
        assertThat(chain.fragmentHeaderOffset()).isEqualTo(packet.start() + 80);
    }

    /** RFC 8200 section 4.1: receivers accept any order. */
    @Test
    void walksEveryOrder() {
        for (int order = 0; order < 256; order++) {
            for (boolean hopByHop : new boolean[] {false, true}) {
                PacketBuilder builder = Packets.ip6();
                if (hopByHop) {
                    add(builder, IpProtocol.HOP_BY_HOP);
                }
                int fragments = 0;
                for (int place = 0; place < 4; place++) {
                    int kind = KINDS[order >>> 2 * place & 3];
                    fragments += kind == IpProtocol.FRAGMENT ? 1 : 0;
                    add(builder, kind);
                }
                PacketBuffer packet = walk(builder.udp(1, 2).payload(5));
                if (fragments > 1) {
                    assertThat(chain.outcome()).isEqualTo(Outcome.MALFORMED);
                } else {
                    assertThat(chain.outcome()).isEqualTo(Outcome.COMPLETE);
                    assertThat(chain.count()).isEqualTo(hopByHop ? 5 : 4);
                    assertThat(chain.upperProtocol()).isEqualTo(IpProtocol.UDP);
                    assertThat(chain.upperOffset()).isEqualTo(packet.end() - 13);
                    assertThat(chain.hopByHopOffset() >= 0).isEqualTo(hopByHop);
                    assertThat(chain.fragmentHeaderOffset() >= 0).isEqualTo(fragments == 1);
                    assertThat(chain.isFragment()).isFalse();
                }
            }
        }
    }

    @Test
    void aHopByHopHeaderElsewhereIsAnUnknownNextHeader() {
        PacketBuffer packet = walk(Packets.ip6().destinationOptions().hopByHop().udp(1, 2));

        assertThat(chain.outcome()).isEqualTo(Outcome.COMPLETE);
        assertThat(chain.upperProtocol()).isEqualTo(IpProtocol.HOP_BY_HOP);
        assertThat(chain.nextHeaderOffset()).isEqualTo(packet.start() + 40);
        assertThat(chain.hopByHopOffset()).isEqualTo(PacketBuffer.UNKNOWN);

        walk(Packets.ip6().hopByHop().hopByHop().udp(1, 2));
        assertThat(chain.upperProtocol()).isEqualTo(IpProtocol.HOP_BY_HOP);
        assertThat(chain.count()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {IpProtocol.ESP, IpProtocol.NO_NEXT_HEADER, 135, 139, 140, 253, 254, 255, IpProtocol.IP6})
    void looksIntoNothingElse(int number) {
        PacketBuffer packet = walk(Packets.ip6()
                .destinationOptions()
                .protocol(number, IpProtocol.UDP, 0, 0, 0, 0, 0, 0, 0)
                .payload(8));

        assertThat(chain.outcome()).isEqualTo(Outcome.COMPLETE);
        assertThat(chain.upperProtocol()).isEqualTo(number);
        assertThat(chain.upperOffset()).isEqualTo(packet.start() + 48);
        assertThat(chain.nextHeaderOffset()).isEqualTo(packet.start() + 40);
    }

    @Test
    void tellsTheFirstFragment() {
        walk(Packets.ip6().fragmentHeader(0, true, 0x89ab_cdefL).udp(1, 2));

        assertThat(chain.outcome()).isEqualTo(Outcome.COMPLETE);
        assertThat(chain.isFragment()).isTrue();
        assertThat(chain.fragment().identification()).isEqualTo(0x89ab_cdefL);
        assertThat(chain.upperProtocol()).isEqualTo(IpProtocol.UDP);
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 0x7f8, 0x800, 0x7ff8, 0x8000, 0xfff8})
    void stopsAtALaterFragment(int offset) {
        PacketBuffer packet = walk(Packets.ip6()
                .hopByHop()
                .fragmentHeader(offset, true, 1)
                .nextProtocol(IpProtocol.DESTINATION_OPTIONS)
                .payload(16));

        assertThat(chain.outcome()).isEqualTo(Outcome.LATER_FRAGMENT);
        assertThat(chain.isFragment()).isTrue();
        assertThat(chain.fragment().fragmentOffset()).isEqualTo(offset);
        assertThat(chain.upperProtocol()).isEqualTo(IpProtocol.DESTINATION_OPTIONS);
        assertThat(chain.upperOffset()).isEqualTo(packet.end() - 16);
    }

    @Test
    void forgetsTheFragmentOfThePacketBefore() {
        walk(Packets.ip6().fragmentHeader(8, true, 1).payload(8));
        assertThat(chain.isFragment()).isTrue();
        walk(Packets.ip6().udp(1, 2));
        assertThat(chain.isFragment()).isFalse();
        assertThat(chain.fragmentHeaderOffset()).isEqualTo(PacketBuffer.UNKNOWN);
    }

    @Test
    void anAtomicFragmentIsNone() {
        walk(Packets.ip6().fragmentHeader(0, false, 7).udp(1, 2));

        assertThat(chain.isFragment()).isFalse();
        assertThat(chain.fragmentHeaderOffset()).isNotEqualTo(PacketBuffer.UNKNOWN);
        assertThat(chain.fragment().isAtomic()).isTrue();
    }

    @Test
    void countsAsManyHeadersAsAllowed() {
        PacketBuilder builder = Packets.ip6();
        for (int i = 0; i < Ip6ExtensionChain.DEFAULT_LIMIT; i++) {
            builder.destinationOptions();
        }
        walk(builder.udp(1, 2));
        assertThat(chain.outcome()).isEqualTo(Outcome.COMPLETE);
        assertThat(chain.count()).isEqualTo(Ip6ExtensionChain.DEFAULT_LIMIT);
    }

    @Test
    void defusesAChainBomb() {
        PacketBuilder builder = Packets.ip6();
        for (int i = 0; i < 8000; i++) {
            builder.destinationOptions();
        }
        walk(builder.udp(1, 2));
        assertThat(chain.outcome()).isEqualTo(Outcome.TOO_MANY_HEADERS);
        assertThat(chain.count()).isEqualTo(Ip6ExtensionChain.DEFAULT_LIMIT);
        assertThat(chain.upperProtocol()).isEqualTo(IpProtocol.DESTINATION_OPTIONS);

        assertThat(new Ip6ExtensionChain(0).walk(ip)).isEqualTo(Outcome.TOO_MANY_HEADERS);
        assertThat(new Ip6ExtensionChain(9).walk(ip)).isEqualTo(Outcome.TOO_MANY_HEADERS);
    }

    @Test
    void refusesAnAuthenticationHeaderBelowItsOwnSize() {
        walk(Packets.ip6().authentication().udp(1, 2));
        assertThat(chain.outcome()).isEqualTo(Outcome.COMPLETE);
        ip.packet.bytes().put(ip.payloadOffset() + 1, (byte) 0);
        assertThat(chain.walk(ip)).isEqualTo(Outcome.MALFORMED);
    }

    @Test
    void staysWithinThePayloadAtEveryTruncation() {
        PacketBuffer packet = walk(Packets.ip6()
                .hopByHop()
                .routing(4, 0, new int[20])
                .fragmentHeader(0, true, 1)
                .authentication());
        int whole = ip.payloadLength();
        assertThat(chain.outcome()).isEqualTo(Outcome.COMPLETE);
        assertThat(chain.upperProtocol()).isEqualTo(IpProtocol.NO_NEXT_HEADER);
        for (int length = 0; length < whole; length++) {
            ip.setPayloadLength(length);
            assertThat(chain.walk(ip)).as("payload length %d", length).isEqualTo(Outcome.TRUNCATED);
            assertThat(chain.upperOffset()).isLessThanOrEqualTo(ip.end());
        }
        ip.setPayloadLength(whole);
        for (int length = 0; length < whole; length++) {
            packet.setEnd(packet.start() + 40 + length);
            assertThat(chain.walk(ip)).as("%d bytes present", length).isEqualTo(Outcome.TRUNCATED);
            assertThat(chain.upperOffset()).isLessThanOrEqualTo(packet.end());
        }
    }

    @Test
    void survivesAnything() {
        SplittableRandom random = new SplittableRandom(SEED);
        PacketBuffer packet = walk(Packets.ip6().payload(200));
        int[] favourites = {0, 43, 44, 60, 51, 17, 59};
        for (int round = 0; round < 100_000; round++) {
            for (int i = ip.payloadOffset(); i < packet.end(); i++) {
                int octet = random.nextInt(4) == 0 ? random.nextInt(256) : favourites[random.nextInt(7)] & 0x2f;
                packet.bytes().put(i, (byte) octet);
            }
            ip.setNextHeader(favourites[random.nextInt(7)]);
            ip.setPayloadLength(random.nextInt(201));
            chain.walk(ip);

            assertThat(chain.count()).isBetween(0, Ip6ExtensionChain.DEFAULT_LIMIT);
            assertThat(chain.upperOffset()).as("seed %d round %d", SEED, round).isBetween(ip.payloadOffset(), ip.end());
        }
    }
}
