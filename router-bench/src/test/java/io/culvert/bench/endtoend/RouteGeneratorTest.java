// SPDX-License-Identifier: Apache-2.0
package io.culvert.bench.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.culvert.net.Ip4Prefix;
import io.culvert.net.Ip6Prefix;
import io.culvert.net.IpPrefix;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RouteGeneratorTest {
    private static final int SOME = 50_000;

    @TempDir
    private Path folder;

    @Test
    void mostIp4PrefixesAreOf24BitsAndNoneIsLongerOrOutsideOfUnicast() {
        Set<IpPrefix> prefixes = RouteGenerator.ip4(SOME);
        assertThat(prefixes).hasSize(SOME).allMatch(prefix -> {
            int first = ((Ip4Prefix) prefix).address() >>> 24;
            return prefix.length() >= 8 && prefix.length() <= 24 && first >= 1 && first <= 223 && first != 10;
        });
        assertThat(share(prefixes, 24)).isCloseTo(0.62, within(0.02));
        assertThat(share(prefixes, 23) + share(prefixes, 22)).isCloseTo(0.22, within(0.02));
        assertThat(share(prefixes, 16)).isCloseTo(0.013, within(0.005));
    }

    @Test
    void mostIp6PrefixesAreOf48Or32BitsInGlobalUnicast() {
        Set<IpPrefix> prefixes = RouteGenerator.ip6(SOME);
        assertThat(prefixes)
                .hasSize(SOME)
                .allMatch(prefix ->
                        prefix.length() >= 28 && prefix.length() <= 48 && ((Ip6Prefix) prefix).high() >>> 61 == 1);
        assertThat(share(prefixes, 48)).isCloseTo(0.39, within(0.02));
        assertThat(share(prefixes, 32)).isCloseTo(0.12, within(0.02));
    }

    @Test
    void everyRunHasTheSamePrefixes() {
        assertThat(RouteGenerator.ip4(1000)).containsExactlyElementsOf(RouteGenerator.ip4(1000));
    }

    @Test
    void fileHasARouteOnEachLineWithNextHopsInTurn() throws Exception {
        Path file = folder.resolve("routes.txt");
        RouteGenerator.write(file, 3, 1, List.of("dev a", "dev b"), List.of("via fd01::2"));
        assertThat(Files.readAllLines(file))
                .satisfiesExactly(
                        line -> assertThat(line).matches("[0-9./]+ dev a"),
                        line -> assertThat(line).matches("[0-9./]+ dev b"),
                        line -> assertThat(line).matches("[0-9./]+ dev a"),
                        line -> assertThat(line).matches("[0-9a-f:/]+ via fd01::2"));
    }

    private static double share(Set<IpPrefix> prefixes, int length) {
        return prefixes.stream().filter(prefix -> prefix.length() == length).count() / (double) prefixes.size();
    }
}
