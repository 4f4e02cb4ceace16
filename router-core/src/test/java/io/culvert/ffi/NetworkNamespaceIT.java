// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

@RequiresNamespaces
class NetworkNamespaceIT {
    @Test
    void runsWorkInsideAndLeavesTheCallerOutside() throws Exception {
        try (ScratchNamespace namespace = new ScratchNamespace()) {
            namespace.ip("link add cvffi0 type veth peer name cvffi1");

            assertThat(NetworkNamespace.exists(namespace.name)).isTrue();
            assertThat(namespace.<Integer>call(() -> Syscalls.ifNameToIndex("cvffi0")))
                    .isPositive();
            assertThat(Syscalls.ifNameToIndex("cvffi0")).isEqualTo(-Errno.ENODEV);
        }
    }

    @Test
    void entersTheNamespaceOfAProcess() throws Exception {
        String own = Files.readSymbolicLink(Path.of("/proc/self/ns/net")).toString();
        String path = "/proc/" + ProcessHandle.current().pid() + "/ns/net";
        String seen = NetworkNamespace.call(
                path,
                () -> Files.readSymbolicLink(Path.of("/proc/thread-self/ns/net"))
                        .toString());
        assertThat(seen).isEqualTo(own);
    }

    @Test
    void saysThatANamespaceDoesNotExist() {
        assertThat(NetworkNamespace.exists("cvffi-none")).isFalse();
        assertThatThrownBy(() -> NetworkNamespace.call("cvffi-none", () -> 1))
                .isInstanceOf(NativeException.class)
                .hasMessageContaining("no network namespace \"cvffi-none\" (/run/netns/cvffi-none does not exist)");
    }

    @Test
    void saysThatANamespaceExistsAlready() throws Exception {
        try (ScratchNamespace namespace = new ScratchNamespace()) {
            assertThatThrownBy(() -> NetworkNamespace.create(namespace.name)).hasMessageContaining("exists already");
            assertThat(namespace.ip("-br link")).startsWith("lo");
        }
    }

    @Test
    void deletesWhatACrashLeftBehind() throws Exception {
        Path left = Path.of("/run/netns/cvffi-left" + ProcessHandle.current().pid());
        Files.createFile(left);
        NetworkNamespace.delete(left.getFileName().toString());
        assertThat(left).doesNotExist();
    }

    @Test
    void passesOnWhatTheWorkThrew() throws Exception {
        try (ScratchNamespace namespace = new ScratchNamespace()) {
            assertThatThrownBy(() -> namespace.call(() -> {
                        throw new IOException("because");
                    }))
                    .isInstanceOf(IOException.class)
                    .hasMessage("because");
            assertThatThrownBy(() -> namespace.call(() -> {
                        throw new IllegalStateException("bug");
                    }))
                    .isInstanceOf(IllegalStateException.class);
        }
    }
}
