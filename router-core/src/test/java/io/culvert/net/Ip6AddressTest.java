// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class Ip6AddressTest {
    /** Among them the forms that RFC 5952 sections 2 and 4 name, and their canonical text. */
    @ParameterizedTest
    @CsvSource({
        "::, ::",
        "0:0:0:0:0:0:0:0, ::",
        "::1, ::1",
        "1::, 1::",
        "2001:db8:0:0:1:0:0:1, 2001:db8::1:0:0:1",
        "2001:0db8:0:0:1:0:0:1, 2001:db8::1:0:0:1",
        "2001:db8::1:0:0:1, 2001:db8::1:0:0:1",
        "2001:db8::0:1:0:0:1, 2001:db8::1:0:0:1",
        "2001:DB8:0:0:1::1, 2001:db8::1:0:0:1",
        "2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001, 2001:db8:aaaa:bbbb:cccc:dddd:eeee:1",
        "2001:db8:0:0:0:0:2:1, 2001:db8::2:1",
        "2001:db8::1:1:1:1:1, 2001:db8:0:1:1:1:1:1",
        "2001:db8:0:1:1:1:1:1, 2001:db8:0:1:1:1:1:1",
        "2001:0:0:1:0:0:0:1, 2001:0:0:1::1",
        "2001:db8:0:0:1:0:0:0, 2001:db8:0:0:1::",
        "0:0:0:1:0:0:0:0, 0:0:0:1::",
        "ff02::1:ff00:2, ff02::1:ff00:2",
        "::ffff:192.0.2.128, ::ffff:c000:280",
        "64:ff9b::192.0.2.33, 64:ff9b::c000:221",
        "1:2:3:4:5:6:7.8.9.10, 1:2:3:4:5:6:708:90a",
        "1:2:3:4:5:6:7::, 1:2:3:4:5:6:7:0",
        "::2:3:4:5:6:7:8, 0:2:3:4:5:6:7:8",
        "8000::8000, 8000::8000",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    })
    void parsesAnyFormAndFormatsTheCanonicalOne(String text, String canonical) {
        Ip6Address address = Ip6Address.parse(text);

        assertThat(address).hasToString(canonical);
        assertThat(Ip6Address.parse(canonical)).isEqualTo(address).hasSameHashCodeAs(address);
        assertThat(IpAddress.parse(text)).isEqualTo(address);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ":",
                ":::",
                "1",
                "1:2:3:4:5:6:7",
                "1:2:3:4:5:6:7:8:9",
                "1:2:3:4:5:6:7:8::",
                "::1:2:3:4:5:6:7:8",
                "1::2::3",
                "1:2:3:4::5:6:7:8",
                "12345::",
                "g::",
                "1:",
                ":1",
                "1:2:3:4:5:6:7:",
                "::1%eth0",
                "::1/64",
                " ::1",
                "::1 ",
                "1.2.3.4",
                "::1.2.3",
                "::1.2.3.256",
                "1.2.3.4::",
                "::1.2.3.4:5",
                "1:2:3:4:5:6:7:1.2.3.4",
                "-1::",
                "+1::",
                "0x1::",
                "::\u0661"
            })
    void refusesAnythingElse(String text) {
        assertThatThrownBy(() -> Ip6Address.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("\"" + text + "\" is not an IPv6 address like 2001:db8::1");
    }

    @Test
    void agreesWithTheJdkOnRandomAddresses() throws UnknownHostException {
        SplittableRandom random = new SplittableRandom(6);
        for (int round = 0; round < 10_000; round++) {
            long high = zeroSome(random, random.nextLong());
            long low = zeroSome(random, random.nextLong());
            Ip6Address address = new Ip6Address(high, low);
            assertThat(Ip6Address.parse(address.toString())).isEqualTo(address);

            byte[] octets = ByteBuffer.allocate(16).putLong(high).putLong(low).array();
            InetAddress theirs = Inet6Address.getByAddress(null, octets, -1);
            assertThat(Ip6Address.parse(theirs.getHostAddress())).isEqualTo(address);
            assertThat(InetAddress.getByName(address.toString())).isEqualTo(theirs);
        }
    }

    private static long zeroSome(SplittableRandom random, long value) {
        long result = value;
        for (int shift = 0; shift < 64; shift += 16) {
            if (random.nextBoolean()) {
                result &= ~(0xffffL << shift);
            }
        }
        return result;
    }

    @ParameterizedTest
    @CsvSource({
        "fe80::1, false, true",
        "febf::1, false, true",
        "fec0::1, false, false",
        "fe7f::1, false, false",
        "ff00::, true, false",
        "ff02::1, true, false",
        "feff::, false, false",
        "fd00::1, false, false"
    })
    void tellsTheSpecialRanges(String text, boolean multicast, boolean linkLocal) {
        long high = Ip6Address.parse(text).high();
        assertThat(Ip6Address.isMulticast(high)).isEqualTo(multicast);
        assertThat(Ip6Address.isLinkLocal(high)).isEqualTo(linkLocal);
    }

    @Test
    void tellsUnspecifiedAndLoopback() {
        assertThat(Ip6Address.isUnspecified(0, 0)).isTrue();
        assertThat(Ip6Address.isUnspecified(0, 1)).isFalse();
        assertThat(Ip6Address.isUnspecified(1L << 63, 0)).isFalse();
        assertThat(Ip6Address.isLoopback(0, 1)).isTrue();
        assertThat(Ip6Address.isLoopback(0, 0)).isFalse();
        assertThat(Ip6Address.isLoopback(1, 1)).isFalse();
        assertThat(Ip6Address.ALL_NODES).hasToString("ff02::1");
        assertThat(Ip6Address.ALL_ROUTERS).hasToString("ff02::2");
    }

    /** The example of RFC 4291 section 2.7.1. */
    @Test
    void makesTheSolicitedNodeAddress() {
        Ip6Address address = Ip6Address.parse("4037::01:800:200e:8c6c");
        assertThat(new Ip6Address(Ip6Address.SOLICITED_NODE_HIGH, Ip6Address.solicitedNodeLow(address.low())))
                .hasToString("ff02::1:ff0e:8c6c");
        assertThat(Ip6Address.solicitedNodeLow(-1)).isEqualTo(0x1_ffff_ffffL);
    }

    /** RFC 2464 section 4: 34-56-78-9A-BC-DE gives 36-56-78-FF-FE-9A-BC-DE. */
    @Test
    void makesTheLinkLocalAddressOfAMacAddress() {
        assertThat(Ip6Address.linkLocal(MacAddress.parse("34:56:78:9a:bc:de")))
                .hasToString("fe80::3656:78ff:fe9a:bcde");
        assertThat(Ip6Address.linkLocal(MacAddress.parse("02:00:00:00:00:01"))).hasToString("fe80::ff:fe00:1");
        assertThat(Ip6Address.linkLocal(MacAddress.parse("fe:ff:ff:ff:ff:ff")))
                .hasToString("fe80::fcff:ffff:feff:ffff");
    }
}
