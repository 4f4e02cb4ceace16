// SPDX-License-Identifier: Apache-2.0
package io.culvert.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class NamespacesConditionTest {
    @Test
    void runsWhereTheLauncherFoundNamespaces() {
        assertThat(NamespacesCondition.evaluate(Map.of("CULVERT_NETNS", "yes"), () -> Optional.of("not asked"))
                        .isDisabled())
                .isFalse();
    }

    @Test
    void skipsWithTheReasonOfTheLauncher() {
        var result = NamespacesCondition.evaluate(
                Map.of("CULVERT_NETNS", "no", "CULVERT_NETNS_WHY", "mode is 600"), Optional::empty);

        assertThat(result.isDisabled()).isTrue();
        assertThat(result.getReason())
                .hasValueSatisfying(reason -> assertThat(reason).contains("mode is 600"));
    }

    @Test
    void failsInsteadOfSkippingInCi() {
        Map<String, String> environment =
                Map.of("CULVERT_NETNS", "no", "CULVERT_NETNS_WHY", "mode is 600", "CI", "true");

        assertThatThrownBy(() -> NamespacesCondition.evaluate(environment, Optional::empty))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("mode is 600");
    }

    @Test
    void looksForItselfWithoutTheLauncher() {
        assertThat(NamespacesCondition.evaluate(Map.of(), Optional::empty).isDisabled())
                .isFalse();
        assertThat(NamespacesCondition.evaluate(Map.of(), () -> Optional.of("no tun"))
                        .isDisabled())
                .isTrue();
    }
}
