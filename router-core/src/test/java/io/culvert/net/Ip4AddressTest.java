// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip4AddressTest {
    @ParameterizedTest
    @CsvSource({
        "0.0.0.0, 0x00000000",
        "192.0.2.1, 0xc0000201",
        "127.128.0.255, 0x7f8000ff",
        "255.255.255.255, 0xffffffff",
        "128.0.0.0, 0x80000000"
    })
    void parsesAndFormats(String text, String value) {
        Ip4Address address = Ip4Address.parse(text);

        assertThat(address.value()).isEqualTo(Long.decode(value).intValue());
        assertThat(address).hasToString(text);
        assertThat(IpAddress.parse(text)).isEqualTo(address);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "1",
                "1.2.3",
                "1.2.3.",
                ".1.2.3",
                "1.2.3.4.",
                "1.2.3.4.5",
                "256.0.0.1",
                "1.2.3.999",
                "01.2.3.4",
                "1.2.3.00",
                "1.2.3.4 ",
                " 1.2.3.4",
                "1..2.3",
                "-1.2.3.4",
                "+1.2.3.4",
                "a.b.c.d",
                "0x1.2.3.4",
                "1.2.3.4/24",
                "1,2,3,4",
                "99999999999.1.1.1",
                "\u0661.2.3.4"
            })
    void refusesAnythingElse(String text) {
        assertThatThrownBy(() -> Ip4Address.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("\"" + text + "\" is not an IPv4 address like 192.0.2.1");
    }

    @Test
    void roundTripsRandomAddresses() {
        SplittableRandom random = new SplittableRandom(4);
        for (int round = 0; round < 10_000; round++) {
            int value = random.nextInt();
            assertThat(Ip4Address.parse(Ip4Address.toText(value)).value()).isEqualTo(value);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "223.255.255.255, false, false, false",
        "224.0.0.0, true, false, false",
        "239.255.255.255, true, false, false",
        "240.0.0.0, false, false, false",
        "127.0.0.0, false, true, false",
        "127.255.255.255, false, true, false",
        "128.0.0.0, false, false, false",
        "169.254.0.0, false, false, true",
        "169.253.255.255, false, false, false"
    })
    void tellsTheSpecialRanges(String text, boolean multicast, boolean loopback, boolean linkLocal) {
        int value = Ip4Address.parse(text).value();
        assertThat(Ip4Address.isMulticast(value)).isEqualTo(multicast);
        assertThat(Ip4Address.isLoopback(value)).isEqualTo(loopback);
        assertThat(Ip4Address.isLinkLocal(value)).isEqualTo(linkLocal);
    }
}
