// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class MacAddressTest {
    @ParameterizedTest
    @CsvSource({
        "02:00:5e:10:00:01, 02:00:5e:10:00:01",
        "FE-ff-80-7f-00-AA, fe:ff:80:7f:00:aa",
        "ff:ff:ff:ff:ff:ff, ff:ff:ff:ff:ff:ff"
    })
    void parsesAndFormats(String text, String canonical) {
        assertThat(MacAddress.parse(text)).hasToString(canonical);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "02:00:00:00:00",
                "02:00:00:00:00:01:02",
                "2:0:0:0:0:1",
                "020000000001",
                "02:00:00:00:00:0g",
                "02:00:00:00:00:",
                ":02:00:00:00:00",
                "02:00:00:00:00:+1",
                "02:00:00:00:00:01 ",
                "02.00.00.00.00.01",
                "\u0660\u0662:00:00:00:00:01"
            })
    void refusesAnythingElse(String text) {
        assertThatThrownBy(() -> MacAddress.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"" + text + "\"");
    }

    @Test
    void roundTripsRandomAddresses() {
        SplittableRandom random = new SplittableRandom(48);
        for (int round = 0; round < 10_000; round++) {
            long value = random.nextLong(1L << 48);
            assertThat(MacAddress.parse(MacAddress.toText(value)).value()).isEqualTo(value);
        }
    }

    @Test
    void refusesMoreThan48Bits() {
        assertThatThrownBy(() -> new MacAddress(1L << 48)).hasMessageContaining("48 bits");
        assertThatThrownBy(() -> new MacAddress(-1)).hasMessageContaining("48 bits");
    }

    @Test
    void tellsGroupAddresses() {
        assertThat(MacAddress.isGroup(MacAddress.BROADCAST.value())).isTrue();
        assertThat(MacAddress.isGroup(0x0100_5e00_0001L)).isTrue();
        assertThat(MacAddress.isGroup(0x0200_5e00_0001L)).isFalse();
        assertThat(MacAddress.isGroup(0xfeff_ffff_ffffL)).isFalse();
    }

    /** RFC 1112 section 6.4 and RFC 2464 section 7. */
    @Test
    void mapsMulticastGroups() {
        int group = Ip4Address.parse("239.255.128.255").value();
        assertThat(MacAddress.toText(MacAddress.ofIp4Multicast(group))).isEqualTo("01:00:5e:7f:80:ff");
        long low = Ip6Address.parse("ff02::1:ff80:ffee").low();
        assertThat(MacAddress.toText(MacAddress.ofIp6Multicast(low))).isEqualTo("33:33:ff:80:ff:ee");
    }
}
