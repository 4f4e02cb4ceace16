// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static io.culvert.ffi.Capability.CAP_NET_ADMIN;
import static io.culvert.ffi.Capability.CAP_NET_RAW;
import static io.culvert.ffi.Capability.CAP_SYS_ADMIN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class CapabilityTest {
    @Test
    void readsTheEffectiveSet() throws Exception {
        assertThat(Capability.effectiveIn("Name:\tjava\nCapPrm:\tffffffffffffffff\nCapEff:\t0000000000001000\n"))
                .containsExactly(CAP_NET_ADMIN);
        assertThat(Capability.effectiveIn("CapEff:\t000001ffffffffff\n"))
                .containsExactly(CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN);
        assertThat(Capability.effectiveIn("CapEff:\t0000000000000000\n")).isEmpty();
    }

    @Test
    void knowsTheBits() {
        assertThat(CAP_NET_ADMIN.bit()).isEqualTo(12);
        assertThat(CAP_NET_RAW.bit()).isEqualTo(13);
        assertThat(CAP_SYS_ADMIN.bit()).isEqualTo(21);
    }

    @Test
    void refusesAStatusWithoutCapabilities() {
        assertThatThrownBy(() -> Capability.effectiveIn("Name:\tjava\n")).isInstanceOf(IOException.class);
    }

    @Test
    void readsThoseOfThisProcess() throws Exception {
        assertThat(Capability.effective()).isNotNull();
    }
}
