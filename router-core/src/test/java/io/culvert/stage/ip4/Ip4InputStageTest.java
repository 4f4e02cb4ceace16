// SPDX-License-Identifier: Apache-2.0
package io.culvert.stage.ip4;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.fib.Fib;
import io.culvert.net.Ip4Prefix;
import io.culvert.packet.PacketBuffer;
import io.culvert.spi.FibAction;
import io.culvert.spi.FibEntry;
import io.culvert.stage.TestRouter;
import io.culvert.stage.ip4.Ip4InputStage.Out;
import io.culvert.testkit.PacketBuilder;
import io.culvert.testkit.Packets;
import io.culvert.testkit.StageHarness;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip4InputStageTest {
    private StageHarness harness = TestRouter.around(Ip4InputStage.DESCRIPTOR).harness();

    @AfterEach
    void everyPacketIsAccountedFor() {
        harness.assertBalanced();
    }

    private static PacketBuilder valid() {
        return Packets.ip4().from("192.168.1.10").to("198.51.100.1");
    }

    private void accepted(byte[] packet) {
        harness.clear().process(harness.packet(packet));
        assertThat(harness.out(Out.NEXT)).as("drops: %s", harness.drops()).hasSize(1);
    }

    private void dropped(String reason, byte[] packet) {
        harness.clear().process(harness.packet(packet));
        assertThat(harness.dropped(reason)).as("drops: %s", harness.drops()).isEqualTo(1);
    }

    @Test
    void passesAValidPacketUnchangedAndFindsItsTransport() {
        byte[] packet = valid().udp(1000, 2000).payload(18).bytes();
        accepted(packet);

        PacketBuffer out = harness.single(Out.NEXT);
        assertThat(out.toByteArray()).isEqualTo(packet);
        assertThat(out.l4Offset()).isEqualTo(out.start() + 20);
        assertThat(out.flowHash()).isNotZero();
    }

    /** RFC 1812 section 5.2.2. */
    @Test
    void dropsWhatIsNoValidHeader() {
        dropped("bad-version", valid().version(5).udp(1, 2).bytes());
        dropped("bad-version", valid().version(6).udp(1, 2).bytes());
        dropped("bad-header-length", valid().headerWords(4).udp(1, 2).bytes());
        dropped("bad-header-length", valid().headerWords(0).bytes());
        dropped("bad-header-length", valid().headerWords(15).udp(1, 2).bytes());
        dropped("bad-checksum", valid().checksum(0xdead).udp(1, 2).bytes());
    }

    @Test
    void dropsATotalLengthBelowTheHeaderOrBeyondTheFrame() {
        dropped("bad-total-length", valid().length(19).udp(1, 2).bytes());
        dropped("bad-total-length", valid().length(29).udp(1, 2).bytes());
        dropped("bad-total-length", valid().length(0).udp(1, 2).bytes());
    }

    @Test
    void dropsEveryTruncationOfAValidPacket() {
        byte[] packet =
                valid().options(7, 7, 4, 0, 0, 0, 0).udp(1, 2).payload(4).bytes();
        for (int length = 0; length < packet.length; length++) {
            harness.process(harness.packet(Arrays.copyOf(packet, length)));
        }

        assertThat(harness.dropped()).isEqualTo(packet.length);
        assertThat(harness.dropped("too-short")).isEqualTo(20);
    }

    /** RFC 1812 section 5.2.2: what follows the total length is link padding. */
    @Test
    void trimsPadding() {
        byte[] packet = valid().udp(1, 2).payload(1).bytes();
        accepted(valid().udp(1, 2).payload(1).padding(17).bytes());

        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(packet);
    }

    /** RFC 1812 section 5.3.7. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "0.0.0.0",
                "0.1.2.3",
                "127.0.0.1",
                "127.255.255.255",
                "224.0.0.1",
                "239.1.1.1",
                "240.0.0.1",
                "255.255.255.255"
            })
    void dropsMartianSources(String source) {
        dropped("martian-source", valid().from(source).udp(1, 2).bytes());
    }

    @ParameterizedTest
    @ValueSource(strings = {"0.0.0.0", "0.0.0.1", "127.0.0.1", "240.0.0.1", "255.255.255.254"})
    void dropsMartianDestinations(String destination) {
        dropped("martian-destination", valid().to(destination).udp(1, 2).bytes());
    }

    @ParameterizedTest
    @CsvSource({
        "192.168.1.1, own-source",
        "203.0.113.2, own-source",
        "192.168.1.255, broadcast-source",
        "203.0.113.255, broadcast-source"
    })
    void dropsForgedOwnAndBroadcastSources(String source, String reason) {
        dropped(reason, valid().from(source).udp(1, 2).bytes());
    }

    @Test
    void judgesSourcesByTheTableOfTheirVrf() {
        Fib fib = new Fib();
        fib.put(1, Ip4Prefix.parse("192.168.1.10/32"), new FibEntry(32, FibAction.LOCAL, List.of()));
        harness.fib(fib);
        PacketBuffer forged = harness.packet(valid().udp(1, 2).bytes());
        forged.setVrf(1);
        harness.process(forged, harness.packet(valid().udp(1, 2).bytes()));

        assertThat(harness.dropped("own-source")).isEqualTo(1);
        assertThat(harness.out(Out.NEXT)).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"255.255.255.255", "224.0.0.5", "239.1.1.1"})
    void acceptsBroadcastAndMulticastDestinations(String destination) {
        accepted(valid().to(destination).udp(1, 2).bytes());
    }

    /** A DHCP client's first packet (RFC 2131 section 4.1), and an IGMP report (RFC 3376 section 4.2.13). */
    @Test
    void acceptsAnUnspecifiedSourceTowardsBroadcastAndMulticastOnly() {
        accepted(valid().from("0.0.0.0").to("255.255.255.255").udp(68, 67).bytes());
        accepted(valid().from("0.0.0.0")
                .to("224.0.0.22")
                .protocol(2, 0x22, 0, 0, 0)
                .bytes());
        dropped(
                "martian-source",
                valid().from("0.0.0.0").to("192.168.1.255").udp(68, 67).bytes());
    }

    @Test
    void acceptsOwnSourcesFromTheKernelButNotOtherMartians() {
        harness = TestRouter.withKernel(Ip4InputStage.DESCRIPTOR).harness();
        PacketBuffer own = harness.packet(valid().from("192.168.1.1").udp(1, 2).bytes());
        PacketBuffer loopback =
                harness.packet(valid().from("127.0.0.1").udp(1, 2).bytes());
        PacketBuffer forged =
                harness.packet(valid().from("192.168.1.1").udp(1, 2).bytes());
        own.setReceiveInterface(TestRouter.KERNEL);
        loopback.setReceiveInterface(TestRouter.KERNEL);
        harness.process(own, loopback, forged);

        assertThat(harness.out(Out.NEXT)).containsExactly(own);
        assertThat(harness.dropped("martian-source")).isEqualTo(1);
        assertThat(harness.dropped("own-source")).isEqualTo(1);
    }

    /** RFC 7126 sections 4.3 and 4.4, RFC 6274 section 3.13.2. */
    @Test
    void dropsSourceRoutes() {
        dropped("source-route", valid().options(131, 7, 4, 1, 2, 3, 4).udp(1, 2).bytes());
        dropped(
                "source-route",
                valid().options(1, 137, 7, 4, 1, 2, 3, 4).udp(1, 2).bytes());
    }

    @Test
    void passesOtherOptionsUnknownOnesToo() {
        byte[] recordRoute = valid().options(7, 7, 4, 0, 0, 0, 0).udp(1, 2).bytes();
        accepted(recordRoute);
        assertThat(harness.single(Out.NEXT).toByteArray()).isEqualTo(recordRoute);
        assertThat(harness.single(Out.NEXT).l4Offset())
                .isEqualTo(harness.single(Out.NEXT).start() + 28);
        accepted(valid().options(0x94, 4, 0, 0).udp(1, 2).bytes());
        accepted(valid().options(0x5e, 6, 1, 2, 3, 4).udp(1, 2).bytes());
    }

    /** RFC 1812 section 4.3.3.5; the pointer counts from the start of the header. */
    @Test
    void reportsOptionsOfImpossibleLength() {
        refusedAt(20, valid().options(7, 0, 4, 0).udp(1, 2).bytes());
        refusedAt(20, valid().options(7, 1, 4, 0).udp(1, 2).bytes());
        refusedAt(20, valid().options(7, 9, 4, 0).udp(1, 2).bytes());
        refusedAt(23, valid().options(1, 1, 1, 7).udp(1, 2).bytes());
        accepted(valid().udp(1, 2).bytes());
    }

    @Test
    void reportsNoBadOptionToAMartian() {
        dropped(
                "martian-source",
                valid().from("127.0.0.1").options(7, 0, 4, 0).udp(1, 2).bytes());
    }

    private void refusedAt(int pointer, byte[] packet) {
        harness.clear().process(harness.packet(packet));
        PacketBuffer refused = harness.single(Out.ERROR);
        assertThat(refused.icmpType()).isEqualTo(12);
        assertThat(refused.icmpCode()).isZero();
        assertThat(refused.icmpValue()).isEqualTo(pointer << 24);
        assertThat(refused.toByteArray()).isEqualTo(packet);
    }

    @Test
    void givesLaterFragmentsNoTransport() {
        accepted(valid().fragment(1480, true).payload(16).bytes());
        assertThat(harness.single(Out.NEXT).l4Offset()).isEqualTo(PacketBuffer.UNKNOWN);
        accepted(valid().fragment(0, true).udp(1, 2).payload(8).bytes());
        assertThat(harness.single(Out.NEXT).l4Offset()).isPositive();
    }

    @Test
    void hashesAFlowsPacketsAlikeAndAllFragmentsOfADatagramToo() {
        harness.process(
                harness.packet(valid().udp(1, 2).payload(1).bytes()),
                harness.packet(valid().udp(1, 2).payload(99).bytes()),
                harness.packet(valid().udp(1, 3).payload(1).bytes()),
                harness.packet(valid().fragment(0, true).udp(1, 2).payload(8).bytes()),
                harness.packet(valid().fragment(16, false).protocol(17, 1, 2, 3).bytes()));
        int[] hashes =
                harness.out(Out.NEXT).stream().mapToInt(PacketBuffer::flowHash).toArray();

        assertThat(hashes[0]).isEqualTo(hashes[1]).isNotEqualTo(hashes[2]);
        assertThat(hashes[3]).isEqualTo(hashes[4]);
    }

    @Test
    void acceptsSuperpacketsWhole() {
        PacketBuffer packet = harness.packet(valid().tcp(1, 2).payload(60_000).bytes());
        packet.setGso(PacketBuffer.Gso.TCP4, 1460, false);
        packet.setPartialChecksum(packet.start() + 20, 16);
        harness.process(packet);

        assertThat(harness.single(Out.NEXT).length()).isEqualTo(60_040);
        assertThat(packet.gso()).isEqualTo(PacketBuffer.Gso.TCP4);
        assertThat(packet.checksum()).isEqualTo(PacketBuffer.Checksum.PARTIAL);
    }
}
