// SPDX-License-Identifier: Apache-2.0
package io.culvert.wire;

import static io.culvert.wire.Bytes.assertTruncationsRejected;
import static io.culvert.wire.Bytes.packet;
import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.packet.PacketBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip6OptionsViewTest {
    private final Ip6OptionsView options = new Ip6OptionsView();

    private PacketBuffer wrap(String digits) {
        PacketBuffer packet = packet(digits);
        options.wrap(packet, packet.start());
        return packet;
    }

    @Test
    void walksARouterAlert() {
        PacketBuffer packet = wrap("3a 00 0502 0000 0100");

        assertThat(options.check()).isEqualTo(HeaderCheck.OK);
        assertThat(options.nextHeader()).isEqualTo(IpProtocol.ICMP6);
        assertThat(options.headerBytes()).isEqualTo(8);
        assertThat(options.next()).isTrue();
        assertThat(options.type()).isEqualTo(Ip6OptionsView.ROUTER_ALERT);
        assertThat(options.action()).isEqualTo(Ip6OptionsView.SKIP);
        assertThat(options.isRouterAlert()).isTrue();
        assertThat(options.optionOffset()).isEqualTo(packet.start() + 2);
        assertThat(options.dataOffset()).isEqualTo(packet.start() + 4);
        assertThat(options.dataLength()).isEqualTo(2);
        assertThat(options.next()).isFalse();
        assertThat(options.malformed()).isFalse();
    }

    @Test
    void walksOverPaddingOfBothKinds() {
        PacketBuffer packet = wrap("11 01 00 00 01 02 0000 00 c204 00010000 00");

        assertThat(options.next()).isTrue();
        assertThat(options.type()).isEqualTo(Ip6OptionsView.JUMBO_PAYLOAD);
        assertThat(options.action()).isEqualTo(Ip6OptionsView.DISCARD_AND_REPORT_UNICAST);
        assertThat(options.optionOffset()).isEqualTo(packet.start() + 9);
        assertThat(options.next()).isFalse();
        assertThat(options.malformed()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {0x3e, 0x7e, 0xbe, 0xfe})
    void tellsWhatToDoWithAnUnknownOption(int type) {
        wrap("11 00 " + Bytes.hexOctet(type) + "04 00000000");

        assertThat(options.next()).isTrue();
        assertThat(options.action()).isEqualTo(type >>> 6);
        assertThat(options.dataLength()).isEqualTo(4);
        assertThat(options.next()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"11 00 3e05 00000000", "11 00 3eff 00000000", "11 00 0105 00000000", "11 00 0103 000000 3e"})
    void stopsAtAMalformedOption(String digits) {
        wrap(digits);

        assertThat(options.check()).isEqualTo(HeaderCheck.BAD_OPTION);
        assertThat(options.next()).isFalse();
        assertThat(options.malformed()).isTrue();
        assertThat(options.next()).isFalse();
    }

    @Test
    void walksTheLargestHeader() {
        wrap("11 ff" + "3e 00".repeat(1023));
        assertThat(options.check()).isEqualTo(HeaderCheck.OK);
        int count = 0;
        while (options.next()) {
            count++;
        }
        assertThat(count).isEqualTo(1023);
    }

    @Test
    void rejectsEveryTruncation() {
        PacketBuffer packet = wrap("11 01 0502 0000 0108 0000000000000000");
        assertTruncationsRejected(packet, options::check);
    }

    @Test
    void aRouterAlertOfAnotherSizeIsNone() {
        wrap("11 00 0504 00000000");
        assertThat(options.next()).isTrue();
        assertThat(options.isRouterAlert()).isFalse();
    }
}
