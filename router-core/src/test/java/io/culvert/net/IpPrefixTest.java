// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class IpPrefixTest {
    @ParameterizedTest
    @CsvSource({
        "0.0.0.0/0, 0.0.0.0/0",
        "10.0.0.0/8, 10.0.0.0/8",
        "128.0.0.0/1, 128.0.0.0/1",
        "192.0.2.1, 192.0.2.1/32",
        "192.0.2.254/31, 192.0.2.254/31",
        "::/0, ::/0",
        "2001:db8::/32, 2001:db8::/32",
        "2001:db8::8000:0:0:0/65, 2001:db8:0:0:8000::/65",
        "fd00::1, fd00::1/128"
    })
    void parsesAndFormats(String text, String canonical) {
        IpPrefix prefix = IpPrefix.parse(text);

        assertThat(prefix).hasToString(canonical);
        assertThat(IpPrefix.parse(canonical)).isEqualTo(prefix);
    }

    @ParameterizedTest
    @CsvSource({
        "10.0.0.1/8, 10.0.0.0/8",
        "192.0.2.255/31, 192.0.2.254/31",
        "1.0.0.0/0, 0.0.0.0/0",
        "2001:db8::1/64, 2001:db8::/64",
        "2001:db8::8000:0:0:1/65, 2001:db8:0:0:8000::/65"
    })
    void namesThePrefixThatWasMeantWhenHostBitsAreSet(String text, String meant) {
        assertThatThrownBy(() -> IpPrefix.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("did you mean " + meant + "?");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "10.0.0.0/",
                "10.0.0.0/33",
                "10.0.0.0/-1",
                "10.0.0.0/+8",
                "10.0.0.0/8 ",
                "10.0.0.0/8/8",
                "10.0.0.0/a",
                "/8",
                "10.0.0.0/0008",
                "10.0.0/8",
                "::/129",
                "::/",
                "::/1000",
                "::/\u0661"
            })
    void refusesAnythingElse(String text) {
        assertThatThrownBy(() -> IpPrefix.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void eachFamilyParsesItsOwn() {
        assertThat(Ip4Prefix.parse("10.0.0.0/8")).isEqualTo(new Ip4Prefix(0x0a00_0000, 8));
        assertThat(Ip6Prefix.parse("fd00::/8")).isEqualTo(new Ip6Prefix(0xfd00_0000_0000_0000L, 0, 8));
        assertThatThrownBy(() -> Ip4Prefix.parse("fd00::/8")).hasMessageContaining("IPv4");
        assertThatThrownBy(() -> Ip6Prefix.parse("10.0.0.0/8")).hasMessageContaining("IPv6");
    }

    @Test
    void masksAtEveryLength() {
        for (int length = 0; length <= 32; length++) {
            assertThat(Integer.bitCount(Ip4Prefix.mask(length))).isEqualTo(length);
            assertThat(Integer.numberOfLeadingZeros(~Ip4Prefix.mask(length))).isEqualTo(length);
        }
        for (int length = 0; length <= 128; length++) {
            long high = Ip6Prefix.highMask(length);
            long low = Ip6Prefix.lowMask(length);
            assertThat(Long.bitCount(high) + Long.bitCount(low)).isEqualTo(length);
            assertThat(Long.numberOfLeadingZeros(~high)).isEqualTo(Math.min(length, 64));
            assertThat(Long.numberOfLeadingZeros(~low)).isEqualTo(Math.max(length - 64, 0));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "10.0.0.0/8, 10.255.255.255, true",
        "10.0.0.0/8, 11.0.0.0, false",
        "0.0.0.0/0, 255.0.0.1, true",
        "192.0.2.1/32, 192.0.2.1, true",
        "192.0.2.1/32, 192.0.2.0, false",
        "0.0.0.0/0, ::, false",
        "::/0, 10.0.0.1, false",
        "2001:db8::/32, 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff, true",
        "2001:db8::/32, 2001:db9::, false",
        "2001:db8:0:0:8000::/65, 2001:db8::ffff:0:0:1, true",
        "2001:db8:0:0:8000::/65, 2001:db8::7fff:0:0:1, false"
    })
    void containsItsAddresses(String prefix, String address, boolean contained) {
        assertThat(IpPrefix.parse(prefix).contains(IpAddress.parse(address))).isEqualTo(contained);
    }

    @ParameterizedTest
    @CsvSource({
        "10.0.0.0/8, 10.1.0.0/16, true",
        "10.1.0.0/16, 10.0.0.0/8, true",
        "10.0.0.0/9, 10.128.0.0/9, false",
        "0.0.0.0/0, ::/0, false",
        "fd00::/64, fd00::1/128, true",
        "fd00::/64, fd00:0:0:1::/64, false"
    })
    void overlapsWhenOneHoldsTheOther(String one, String other, boolean overlaps) {
        assertThat(IpPrefix.parse(one).overlaps(IpPrefix.parse(other))).isEqualTo(overlaps);
    }

    @Test
    void knowsItsHighestAddress() {
        assertThat(Ip4Address.toText(Ip4Prefix.parse("192.0.2.0/24").last())).isEqualTo("192.0.2.255");
        assertThat(Ip4Address.toText(Ip4Prefix.DEFAULT.last())).isEqualTo("255.255.255.255");
        assertThat(Ip4Address.toText(Ip4Prefix.parse("192.0.2.7").last())).isEqualTo("192.0.2.7");
    }

    @Test
    void refusesImpossibleValues() {
        assertThatThrownBy(() -> new Ip4Prefix(0, 33)).hasMessageContaining("33");
        assertThatThrownBy(() -> new Ip4Prefix(1, 31)).hasMessageContaining("0.0.0.1");
        assertThatThrownBy(() -> new Ip6Prefix(0, 0, 129)).hasMessageContaining("129");
        assertThatThrownBy(() -> new Ip6Prefix(0, 1, 127)).hasMessageContaining("::1");
        assertThatThrownBy(() -> new Ip6Prefix(1, 0, 63)).hasMessageContaining("/63");
    }

    @Test
    void anInterfaceAddressKeepsItsHostBits() {
        InterfaceAddress address = InterfaceAddress.parse("192.168.1.1/24");
        assertThat(address).hasToString("192.168.1.1/24");
        assertThat(address.prefix()).hasToString("192.168.1.0/24");
        assertThat(InterfaceAddress.parse("fd00::1").prefix()).hasToString("fd00::1/128");
        assertThatThrownBy(() -> InterfaceAddress.parse("192.168.1.1/33")).hasMessageContaining("33");
        assertThatThrownBy(() -> InterfaceAddress.parse("192.168.1/24")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new InterfaceAddress(Ip6Address.UNSPECIFIED, 129))
                .hasMessageContaining("129");
    }
}
