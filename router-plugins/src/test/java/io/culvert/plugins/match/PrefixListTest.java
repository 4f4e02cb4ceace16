// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.match;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class PrefixListTest {
    private final PrefixList list = new PrefixList(List.of(
            IpPrefix.parse("10.1.0.0/16"),
            IpPrefix.parse("2001:db8::/32"),
            IpPrefix.parse("2001:db9::1"),
            IpPrefix.parse("10.0.0.0/8"),
            IpPrefix.parse("::/128")));

    private static int find(PrefixList list, String text) {
        IpAddress address = IpAddress.parse(text);
        return address instanceof Ip4Address ip4
                ? list.find(false, 0, ip4.value() & 0xffff_ffffL)
                : address instanceof Ip6Address ip6 ? list.find(true, ip6.high(), ip6.low()) : -1;
    }

    @ParameterizedTest
    @CsvSource({
        "10.1.2.3, 0",
        "10.2.2.3, 3",
        "11.0.0.0, -1",
        "0.0.0.0, -1",
        "255.255.255.255, -1",
        "2001:db8:1::, 1",
        "2001:db9::1, 2",
        "2001:db9::2, -1",
        "::, 4",
        "::a01:203, -1"
    })
    void findsTheFirstThatContainsAnAddressOfItsFamily(String address, int place) {
        assertThat(find(list, address)).isEqualTo(place);
    }

    @ParameterizedTest
    @CsvSource({"0.0.0.0/0, 255.1.2.3, 0", "::/0, ffff::1, 0", "::/0, 1.2.3.4, -1", "0.0.0.0/0, ::1, -1"})
    void theDefaultHoldsAllOfItsFamily(String prefix, String address, int place) {
        assertThat(find(new PrefixList(List.of(IpPrefix.parse(prefix))), address))
                .isEqualTo(place);
    }
}
