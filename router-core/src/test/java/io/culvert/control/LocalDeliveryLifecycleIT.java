// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.culvert.testkit.RequiresNamespaces;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** How local delivery begins, ends, and comes back. */
@RequiresNamespaces
@Timeout(180)
class LocalDeliveryLifecycleIT {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @TempDir
    private Path folder;

    @Test
    void leavesTheKernelAsItWas() throws Exception {
        try (LocalDeliveryNetwork network = new LocalDeliveryNetwork(folder, false)) {
            List<String> before = network.router.state();
            Process process = network.startRouter();
            assertThat(network.router.state()).isNotEqualTo(before);

            network.stop(process);

            assertThat(network.router.state()).containsExactlyInAnyOrderElementsOf(before);
        }
    }

    @Test
    void startsAgainAtOnceAfterItWasKilled() throws Exception {
        try (LocalDeliveryNetwork network = new LocalDeliveryNetwork(folder, false)) {
            List<String> before = network.router.state();
            Process killed = network.startRouter();
            assertAnswers(network);
            killed.destroyForcibly();
            killed.onExit().join();
            assertThat(network.router.sh("nft list ruleset; ip -br link"))
                    .as("what goes with the process")
                    .doesNotContain("culvert")
                    .doesNotContain("cvhost");

            Process process = network.startRouter();
            assertAnswers(network);
            assertThat(network.router.ip("rule show from 192.168.1.1").lines()).hasSize(1);
            network.stop(process);

            assertThat(network.router.state()).containsExactlyInAnyOrderElementsOf(before);
        }
    }

    @Test
    void comesBackWithItsTap() throws Exception {
        try (LocalDeliveryNetwork network = new LocalDeliveryNetwork(folder, false)) {
            List<String> before = network.router.state();
            Process process = network.startRouter();
            network.router.ip("link del cvhost");
            network.awaitAddresses(process);
            assertAnswers(network);
            assertThat(network.router.ip("rule show from 192.168.1.1").lines()).hasSize(1);
            network.stop(process);
            assertThat(network.router.state()).containsExactlyInAnyOrderElementsOf(before);
        }
    }

    @Test
    void isPutBackWhenItsTapWasSetDown() throws Exception {
        try (LocalDeliveryNetwork network = new LocalDeliveryNetwork(folder, false)) {
            List<String> before = network.router.state();
            Process process = network.startRouter();
            network.router.ip("link set cvhost down");
            await().atMost(PATIENCE).until(() -> !network.router.ip("rule").contains("192.168.1.1"));
            network.router.ip("link set cvhost up");
            network.awaitAddresses(process);
            assertAnswers(network);
            network.stop(process);
            assertThat(network.router.state()).containsExactlyInAnyOrderElementsOf(before);
        }
    }

    @Test
    void worksWithTheKernelOfAnotherNamespace() throws Exception {
        try (LocalDeliveryNetwork network = new LocalDeliveryNetwork(folder, true)) {
            List<String> before = network.host.state();
            Process process = network.startRouter();
            network.startWebServer("192.168.1.1");
            network.startWebServer("fd00:1::1");

            assertAnswers(network);
            assertThat(network.lan.sh("curl -sS -m 10 http://192.168.1.1/")).contains("the router's page");
            assertThat(network.wan.sh("curl -sS -m 10 'http://[fd00:1::1]/'")).contains("the router's page");
            assertThat(network.host.sh("ping -n -c 1 -W 2 203.0.113.9")).contains(" 0% packet loss");
            assertThat(network.router.sh("nft list ruleset; ip rule")).doesNotContain("culvert", "192.168.1.1");

            network.stop(process);
            assertThat(network.host.state()).containsExactlyInAnyOrderElementsOf(before);
        }
    }

    @Test
    void goesOnWhereSysctlsAreReadOnlyAndSaysWhatIsMissing() throws Exception {
        try (LocalDeliveryNetwork network = new LocalDeliveryNetwork(folder, false)) {
            Process process = network.startRouter("mount --bind -o ro /proc/sys /proc/sys");
            assertAnswers(network);
            assertThat(network.log())
                    .contains("sysctl net/ipv4/conf/cvhost/accept_local is not 1 and may not be written");
            network.stop(process);
        }
    }

    @Test
    void worksInANamespaceWhoseLoopbackDeviceIsDown() throws Exception {
        try (LocalDeliveryNetwork network = new LocalDeliveryNetwork(folder, true)) {
            network.host.ip("link set lo down");
            Process process = network.startRouter();
            assertAnswers(network);
            assertThat(network.log())
                    .contains("the loopback device of namespace " + network.host.name + " was down and has been set up")
                    .doesNotContain("can't be set up and is tried again");
            network.stop(process);
        }
    }

    private static void assertAnswers(LocalDeliveryNetwork network) {
        await().atMost(PATIENCE).ignoreExceptions().untilAsserted(() -> {
            assertThat(network.lan.sh("ping -n -c 1 -W 2 192.168.1.1"))
                    .contains("ttl=" + LocalDeliveryNetwork.KERNEL_TTL);
            assertThat(network.lan.sh("ping -n -c 1 -W 2 fd00:1::1")).contains(" 0% packet loss");
        });
    }
}
