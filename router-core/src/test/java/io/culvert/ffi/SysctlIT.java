// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.testkit.RequiresNamespaces;
import org.junit.jupiter.api.Test;

@RequiresNamespaces
class SysctlIT {
    private static final String FORWARDING = "net/ipv4/conf/all/forwarding";

    @Test
    void readsAndWritesInTheNamespaceOfTheThread() throws Exception {
        String outside = Sysctl.read(FORWARDING);
        try (ScratchNamespace namespace = new ScratchNamespace()) {
            String before = namespace.call(() -> Sysctl.read(FORWARDING));
            String after = before.equals("1") ? "0" : "1";
            namespace.call(() -> {
                Sysctl.write(FORWARDING, after);
                return 0;
            });
            assertThat(namespace.<String>call(() -> Sysctl.read(FORWARDING))).isEqualTo(after);
            assertThat(Sysctl.read(FORWARDING)).isEqualTo(outside);

            namespace.ip("link add cvffi.5 type veth peer name cvffi1");
            assertThat(namespace.<Boolean>call(() -> Sysctl.exists("net/ipv4/conf/cvffi.5/rp_filter")))
                    .isTrue();
            assertThat(Sysctl.exists("net/ipv4/conf/cvffi.5/rp_filter")).isFalse();
        }
    }

    @Test
    void saysWhichParameterIsMissingOrRefused() {
        assertThatThrownBy(() -> Sysctl.read("net/ipv4/nonsense"))
                .hasMessage("sysctl net/ipv4/nonsense does not exist in this network namespace");
        assertThatThrownBy(() -> Sysctl.write("net/ipv4/nonsense", "1")).hasMessageContaining("does not exist");
        assertThatThrownBy(() -> Sysctl.read("kernel/hostname")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Sysctl.read("net/../../../etc/passwd")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void passesOnThatTheKernelRefusesAValue() throws Exception {
        try (ScratchNamespace namespace = new ScratchNamespace()) {
            assertThatThrownBy(() -> namespace.call(() -> {
                        Sysctl.write(FORWARDING, "perhaps");
                        return 0;
                    }))
                    .hasMessageContaining("sysctl " + FORWARDING + " = perhaps");
        }
    }
}
