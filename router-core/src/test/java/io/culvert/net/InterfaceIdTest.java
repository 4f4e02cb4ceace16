// SPDX-License-Identifier: Apache-2.0
package io.culvert.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class InterfaceIdTest {
    @Test
    void startsAtZeroSoThatNoneIsNoId() {
        assertThat(new InterfaceId(0).value()).isZero();
        assertThatThrownBy(() -> new InterfaceId(InterfaceId.NONE)).isInstanceOf(IllegalArgumentException.class);
    }
}
