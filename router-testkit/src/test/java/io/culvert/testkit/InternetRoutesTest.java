// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpPrefix;
import java.util.List;
import org.junit.jupiter.api.Test;

final class InternetRoutesTest {
    private static final int SOME = 50_000;
    private static final long SEED = 4;

    @Test
    void mostIp4PrefixesAreOf24BitsAndAllAreDistinctAndPublicUnicast() {
        List<Ip4Prefix> prefixes = InternetRoutes.ip4(SOME, SEED);
        assertThat(prefixes).hasSize(SOME).doesNotHaveDuplicates().allMatch(prefix -> {
            int first = prefix.address() >>> 24;
            return first >= 1 && first <= 223 && first != 10 && first != 127;
        });
        assertThat(share(prefixes, 24)).isCloseTo(0.60, within(0.02));
        assertThat(share(prefixes, 23) + share(prefixes, 22)).isCloseTo(0.21, within(0.02));
        assertThat(share(prefixes, 16)).isCloseTo(0.022, within(0.005));
    }

    @Test
    void mostIp6PrefixesAreOf48Or32BitsInGlobalUnicast() {
        List<Ip6Prefix> prefixes = InternetRoutes.ip6(SOME, SEED);
        assertThat(prefixes).hasSize(SOME).doesNotHaveDuplicates().allMatch(prefix -> prefix.high() >>> 61 == 1);
        assertThat(share(prefixes, 48)).isCloseTo(0.49, within(0.02));
        assertThat(share(prefixes, 32)).isCloseTo(0.14, within(0.02));
    }

    @Test
    void sameSeedGivesTheSamePrefixes() {
        assertThat(InternetRoutes.ip4(1000, SEED)).isEqualTo(InternetRoutes.ip4(1000, SEED));
        assertThat(InternetRoutes.ip6(1000, SEED)).isEqualTo(InternetRoutes.ip6(1000, SEED));
    }

    private static double share(List<? extends IpPrefix> prefixes, int length) {
        return prefixes.stream().filter(prefix -> prefix.length() == length).count() / (double) prefixes.size();
    }
}
