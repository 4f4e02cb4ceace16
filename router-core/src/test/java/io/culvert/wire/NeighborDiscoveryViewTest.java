// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import static io.culvert.wire.Bytes.assertNothingWrittenOutside;
import static io.culvert.wire.Bytes.assertTruncationsRejected;
import static io.culvert.wire.Bytes.dirty;
import static io.culvert.wire.Bytes.hex;
import static io.culvert.wire.Bytes.packet;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.BufferPool;
import io.culvert.packet.PacketBuffer;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The literal packets were made by another program. */
final class NeighborDiscoveryViewTest {
    private static final String FE80_1 = "fe800000000000000000000000000001";
    private static final String FE80_2 = "fe800000000000000000000000000002";
    private static final String SOLICITATION_BODY = "87007a97 00000000" + FE80_2 + "0101020000000001";
    private static final String SOLICITATION =
            "60000000 00203aff" + FE80_1 + "ff0200000000000000000001ff000002" + SOLICITATION_BODY;
    private static final String ADVERTISEMENT_BODY = "88009819 e0000000" + FE80_2 + "0201020000000002";
    private static final String ADVERTISEMENT = "60000000 00203aff" + FE80_2 + FE80_1 + ADVERTISEMENT_BODY;
    private static final String ROUTER_ADVERTISEMENT_BODY = "8600b1f7 40c80708 00007530 000003e8"
            + "0101020000000001 0501 0000 000005dc"
            + "030440c0 00015180 00003840 00000000 20010db8000100000000000000000000";
    private static final String ROUTER_ADVERTISEMENT =
            "60000000 00403aff" + FE80_1 + "ff020000000000000000000000000001" + ROUTER_ADVERTISEMENT_BODY;
    private static final String REDIRECT_BODY =
            "890048b5 00000000" + FE80_2 + "20010db8000000000000000000000005" + "0201020000000002";
    private static final String REDIRECT =
            "60000000 00303aff" + FE80_1 + "fe800000000000000000000000000099" + REDIRECT_BODY;
    private static final String ROUTER_SOLICITATION =
            "60000000 00103aff" + FE80_1 + "ff020000000000000000000000000002" + "85007a2c 00000000 0101020000000001";

    private static final long FE80 = 0xfe80_0000_0000_0000L;

    private final BufferPool pool = BufferPool.allocate(1);
    private final Ip6View ip = new Ip6View();
    private final NeighborDiscoveryView nd = new NeighborDiscoveryView();
    private final NdOptions options = new NdOptions();

    private PacketBuffer wrap(String digits) {
        PacketBuffer packet = packet(digits);
        nd.wrap(packet, ip.wrap(packet, packet.start()).payloadOffset());
        return packet;
    }

    private HeaderCheck check(PacketBuilder builder) {
        pool.reclaim();
        PacketBuffer packet = builder.take(pool);
        return nd.wrap(packet, ip.wrap(packet, packet.start()).payloadOffset()).check(ip);
    }

    private static PacketBuilder local() {
        return Packets.ip6().from("fe80::1").to("fe80::2");
    }

    @Test
    void decodesANeighborSolicitation() {
        wrap(SOLICITATION);

        assertThat(nd.check(ip)).isEqualTo(HeaderCheck.OK);
        assertThat(nd.type()).isEqualTo(NeighborDiscoveryView.NEIGHBOR_SOLICITATION);
        assertThat(nd.targetHigh()).isEqualTo(FE80);
        assertThat(nd.targetLow()).isEqualTo(2);
        assertThat(nd.linkLayerAddress(NdOptions.SOURCE_LINK_LAYER)).isEqualTo(0x0200_0000_0001L);
        assertThat(nd.linkLayerAddress(NdOptions.TARGET_LINK_LAYER)).isEqualTo(NeighborDiscoveryView.NO_ADDRESS);
    }

    @Test
    void decodesANeighborAdvertisement() {
        PacketBuffer packet = wrap(ADVERTISEMENT);

        assertThat(nd.check(ip)).isEqualTo(HeaderCheck.OK);
        assertThat(nd.router()).isTrue();
        assertThat(nd.solicited()).isTrue();
        assertThat(nd.override()).isTrue();
        assertThat(nd.targetLow()).isEqualTo(2);
        assertThat(nd.linkLayerAddress(NdOptions.TARGET_LINK_LAYER)).isEqualTo(0x0200_0000_0002L);
        packet.bytes().put(nd.offset() + 4, (byte) 0x20);
        assertThat(nd.router()).isFalse();
        assertThat(nd.solicited()).isFalse();
        assertThat(nd.override()).isTrue();
    }

    @Test
    void decodesARouterAdvertisement() {
        PacketBuffer packet = wrap(ROUTER_ADVERTISEMENT);

        assertThat(nd.check(ip)).isEqualTo(HeaderCheck.OK);
        assertThat(nd.currentHopLimit()).isEqualTo(64);
        assertThat(nd.managed()).isTrue();
        assertThat(nd.otherConfiguration()).isTrue();
        assertThat(nd.routerLifetime()).isEqualTo(1800);
        assertThat(nd.reachableTime()).isEqualTo(30_000);
        assertThat(nd.retransmitTimer()).isEqualTo(1000);

        options.wrap(packet, nd.optionsOffset());
        assertThat(options.next()).isTrue();
        assertThat(options.type()).isEqualTo(NdOptions.SOURCE_LINK_LAYER);
        assertThat(options.mac()).isEqualTo(0x0200_0000_0001L);
        assertThat(options.next()).isTrue();
        assertThat(options.type()).isEqualTo(NdOptions.MTU);
        assertThat(options.mtu()).isEqualTo(1500);
        assertThat(options.next()).isTrue();
        assertThat(options.type()).isEqualTo(NdOptions.PREFIX_INFORMATION);
        assertThat(options.length()).isEqualTo(32);
        assertThat(options.prefixLength()).isEqualTo(64);
        assertThat(options.onLink()).isTrue();
        assertThat(options.autonomous()).isTrue();
        assertThat(options.validLifetime()).isEqualTo(86_400);
        assertThat(options.preferredLifetime()).isEqualTo(14_400);
        assertThat(options.prefixHigh()).isEqualTo(0x2001_0db8_0001_0000L);
        assertThat(options.prefixLow()).isZero();
        assertThat(options.next()).isFalse();
        assertThat(options.malformed()).isFalse();
    }

    @Test
    void decodesARedirect() {
        wrap(REDIRECT);

        assertThat(nd.check(ip)).isEqualTo(HeaderCheck.OK);
        assertThat(nd.targetHigh()).isEqualTo(FE80);
        assertThat(nd.targetLow()).isEqualTo(2);
        assertThat(nd.destinationHigh()).isEqualTo(0x2001_0db8_0000_0000L);
        assertThat(nd.destinationLow()).isEqualTo(5);
        assertThat(nd.linkLayerAddress(NdOptions.TARGET_LINK_LAYER)).isEqualTo(0x0200_0000_0002L);
    }

    @Test
    void decodesARouterSolicitation() {
        wrap(ROUTER_SOLICITATION);

        assertThat(nd.check(ip)).isEqualTo(HeaderCheck.OK);
        assertThat(nd.type()).isEqualTo(NeighborDiscoveryView.ROUTER_SOLICITATION);
        assertThat(nd.linkLayerAddress(NdOptions.SOURCE_LINK_LAYER)).isEqualTo(0x0200_0000_0001L);
    }

    @Test
    void everyFieldReadsUnsigned() {
        PacketBuffer packet =
                packet("86 00 0000 ff ff ffff ffffffff fffffffe 03 04 80 80 ffffffff fffffffe" + "ff".repeat(20));
        nd.wrap(packet, packet.start());

        assertThat(nd.currentHopLimit()).isEqualTo(255);
        assertThat(nd.routerLifetime()).isEqualTo(0xffff);
        assertThat(nd.reachableTime()).isEqualTo(0xffff_ffffL);
        assertThat(nd.retransmitTimer()).isEqualTo(0xffff_fffeL);
        assertThat(options.wrap(packet, nd.optionsOffset()).next()).isTrue();
        assertThat(options.prefixLength()).isEqualTo(128);
        assertThat(options.onLink()).isTrue();
        assertThat(options.autonomous()).isFalse();
        assertThat(options.validLifetime()).isEqualTo(NdOptions.INFINITY);
        assertThat(options.preferredLifetime()).isEqualTo(0xffff_fffeL);
    }

    @Test
    void encodesEachMessageIntoDirtyMemory() {
        PacketBuffer packet = dirty(32);
        nd.wrap(packet, packet.start()).encodeNeighborSolicitation(FE80, 2);
        options.wrap(packet, nd.optionsOffset()).encodeLinkLayer(NdOptions.SOURCE_LINK_LAYER, 0x0200_0000_0001L);
        assertEncoded(packet, SOLICITATION_BODY, SOLICITATION);

        packet = dirty(32);
        nd.wrap(packet, packet.start()).encodeNeighborAdvertisement(true, true, true, FE80, 2);
        options.wrap(packet, nd.optionsOffset()).encodeLinkLayer(NdOptions.TARGET_LINK_LAYER, 0x0200_0000_0002L);
        assertEncoded(packet, ADVERTISEMENT_BODY, ADVERTISEMENT);

        packet = dirty(64);
        nd.wrap(packet, packet.start()).encodeRouterAdvertisement(64, true, true, 1800, 30_000, 1000);
        options.wrap(packet, nd.optionsOffset()).encodeLinkLayer(NdOptions.SOURCE_LINK_LAYER, 0x0200_0000_0001L);
        options.wrap(packet, nd.optionsOffset() + 8).encodeMtu(1500);
        options.wrap(packet, nd.optionsOffset() + 16)
                .encodePrefix(64, true, true, 86_400, 14_400, 0x2001_0db8_0001_0000L, 0);
        // Another program leaves bits of the default router preference (RFC 4191) set.
        packet.bytes().put(packet.start() + 5, (byte) 0xc8);
        assertEncoded(packet, ROUTER_ADVERTISEMENT_BODY, ROUTER_ADVERTISEMENT);

        packet = dirty(48);
        nd.wrap(packet, packet.start()).encodeRedirect(FE80, 2, 0x2001_0db8_0000_0000L, 5);
        options.wrap(packet, nd.optionsOffset()).encodeLinkLayer(NdOptions.TARGET_LINK_LAYER, 0x0200_0000_0002L);
        assertEncoded(packet, REDIRECT_BODY, REDIRECT);
    }

    private void assertEncoded(PacketBuffer body, String bodyDigits, String whole) {
        PacketBuffer header = packet(whole);
        nd.updateChecksum(ip.wrap(header, header.start()));
        assertThat(hex(body)).isEqualTo(bodyDigits.replace(" ", ""));
        assertNothingWrittenOutside(body);
    }

    @Test
    void encodesARouterSolicitation() {
        PacketBuffer packet = dirty(8);
        nd.wrap(packet, packet.start()).encodeRouterSolicitation();

        assertThat(hex(packet)).isEqualTo("8500000000000000");
        assertNothingWrittenOutside(packet);
    }

    @Test
    void encodesARedirectedHeader() {
        PacketBuffer packet = dirty(8);
        options.wrap(packet, packet.start()).encodeRedirectedHeader(1200);

        assertThat(hex(packet)).isEqualTo("0497000000000000");
        assertNothingWrittenOutside(packet);
    }

    @ParameterizedTest
    @ValueSource(strings = {SOLICITATION, ADVERTISEMENT, ROUTER_ADVERTISEMENT, REDIRECT, ROUTER_SOLICITATION})
    void rejectsEveryTruncation(String digits) {
        PacketBuffer packet = wrap(digits);
        assertTruncationsRejected(packet, () -> nd.check(ip));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 64, 254})
    void rejectsWhatMayHavePassedARouter(int hopLimit) {
        assertThat(check(local().hopLimit(hopLimit).neighborSolicitation("fe80::2")))
                .isEqualTo(HeaderCheck.BAD_HOP_LIMIT);
    }

    @Test
    void rejectsWrongChecksumCodeAndType() {
        assertThat(check(local().neighborSolicitation("fe80::2").checksum(1))).isEqualTo(HeaderCheck.BAD_CHECKSUM);
        assertThat(check(local().hopLimit(255).icmp(135, 1).payload(16))).isEqualTo(HeaderCheck.BAD_CODE);
        assertThat(check(local().hopLimit(255).echoRequest(1, 1))).isEqualTo(HeaderCheck.BAD_TYPE);
        assertThat(check(local().hopLimit(255).icmp(138, 0).payload(16))).isEqualTo(HeaderCheck.BAD_TYPE);
    }

    @Test
    void duplicateAddressDetectionGoesToTheSolicitedNodeAddressAlone() {
        assertThat(check(Packets.ip6().from("::").to("ff02::1:ff00:2").neighborSolicitation("fe80::2")))
                .isEqualTo(HeaderCheck.OK);
        assertThat(check(Packets.ip6().from("::").to("fe80::2").neighborSolicitation("fe80::2")))
                .isEqualTo(HeaderCheck.BAD_ADDRESS);
        assertThat(check(Packets.ip6().from("::").to("ff02::1").neighborSolicitation("fe80::2")))
                .isEqualTo(HeaderCheck.BAD_ADDRESS);
        assertThat(check(Packets.ip6()
                        .from("::")
                        .to("ff02::1:ff00:2")
                        .neighborSolicitation("fe80::2")
                        .sourceLinkLayer("02:00:00:00:00:01")))
                .isEqualTo(HeaderCheck.BAD_OPTION);
        assertThat(check(Packets.ip6()
                        .from("::")
                        .to("ff02::2")
                        .routerSolicitation()
                        .sourceLinkLayer("02:00:00:00:00:01")))
                .isEqualTo(HeaderCheck.BAD_OPTION);
        assertThat(check(Packets.ip6().from("::").to("ff02::2").routerSolicitation()))
                .isEqualTo(HeaderCheck.OK);
    }

    @Test
    void rejectsImpossibleAddresses() {
        assertThat(check(local().neighborSolicitation("ff02::1"))).isEqualTo(HeaderCheck.BAD_ADDRESS);
        assertThat(check(local().neighborAdvertisement("ff02::1", "S"))).isEqualTo(HeaderCheck.BAD_ADDRESS);
        assertThat(check(local().to("ff02::1").neighborAdvertisement("fe80::1", "SO")))
                .isEqualTo(HeaderCheck.BAD_ADDRESS);
        assertThat(check(local().to("ff02::1").neighborAdvertisement("fe80::1", "O")))
                .isEqualTo(HeaderCheck.OK);
        assertThat(check(local().from("2001:db8::1").routerAdvertisement(64, 1800)))
                .isEqualTo(HeaderCheck.BAD_ADDRESS);
        assertThat(check(local().routerAdvertisement(64, 1800))).isEqualTo(HeaderCheck.OK);
        assertThat(check(local().from("2001:db8::1").redirect("fe80::3", "2001:db8::5")))
                .isEqualTo(HeaderCheck.BAD_ADDRESS);
        assertThat(check(local().redirect("fe80::3", "ff05::5"))).isEqualTo(HeaderCheck.BAD_ADDRESS);
        assertThat(check(local().redirect("2001:db8::6", "2001:db8::5"))).isEqualTo(HeaderCheck.BAD_ADDRESS);
        assertThat(check(local().redirect("2001:db8::5", "2001:db8::5"))).isEqualTo(HeaderCheck.OK);
    }

    @Test
    void rejectsMalformedOptions() {
        String[] malformed = {
            "0100020000000001",
            "0102020000000001",
            "01ff020000000001",
            "0102020000000001" + "0000000000000000",
            "0201",
            "05020000000005dc" + "0000000000000000",
            "030340c000015180" + "00".repeat(16),
            "0101020000000001" + "0e00000000000000"
        };
        for (String option : malformed) {
            assertThat(check(local().neighborSolicitation("fe80::2").append(Bytes.hex(option))))
                    .as(option)
                    .isEqualTo(HeaderCheck.BAD_OPTION);
        }
    }

    @Test
    void passesOverUnknownOptions() {
        assertThat(check(local().neighborSolicitation("fe80::2")
                        .append(Bytes.hex("0e01112233445566"))
                        .append(Bytes.hex("ff02" + "00".repeat(14)))
                        .sourceLinkLayer("02:00:00:00:00:80")))
                .isEqualTo(HeaderCheck.OK);
        assertThat(nd.linkLayerAddress(NdOptions.SOURCE_LINK_LAYER)).isEqualTo(0x0200_0000_0080L);
    }
}
