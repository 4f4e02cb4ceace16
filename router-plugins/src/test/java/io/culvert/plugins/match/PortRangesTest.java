// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.match;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class PortRangesTest {
    @Test
    void allowsNumbersAndRangesWithBothEnds() {
        PortRanges ports = Objects.requireNonNull(PortRanges.parse(" 53, 5000 - 5002,65535 "));
        assertThat(IntStream.rangeClosed(IpFields.NO_PORT, 65535).filter(ports::allows))
                .containsExactly(53, 5000, 5001, 5002, 65535);
    }

    @Test
    void noneGivenAllowsAllAndPacketsWithoutPorts() {
        PortRanges ports = Objects.requireNonNull(PortRanges.parse(""));
        assertThat(ports.isEmpty()).isTrue();
        assertThat(IntStream.of(0, 65535, IpFields.NO_PORT)).allMatch(ports::allows);
    }

    @ParameterizedTest
    @ValueSource(strings = {",", "53,", "65536", "5-4", "-5", "5-", "http", "1 2", "000053"})
    void refusesAnythingElse(String text) {
        assertThat(PortRanges.parse(text)).isNull();
    }
}
