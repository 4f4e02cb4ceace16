// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A neighbor in another namespace pings this one's kernel, which answers unless the filter keeps the pings from it. */
@RequiresNamespaces
class IngressFilterIT {
    private ScratchNamespace here;
    private ScratchNamespace neighbor;

    @BeforeEach
    void makeLink() throws IOException {
        here = new ScratchNamespace();
        neighbor = new ScratchNamespace();
        here.ip("link add cva type veth peer name cvb netns " + neighbor.name);
        here.ip("addr add 10.79.0.1/24 dev cva");
        here.ip("addr add 10.79.0.2/24 dev cva");
        here.ip("addr add fd79::1/64 dev cva nodad");
        here.ip("addr add fd79::2/64 dev cva nodad");
        neighbor.ip("addr add 10.79.0.9/24 dev cvb");
        neighbor.ip("addr add fd79::9/64 dev cvb nodad");
        here.ip("link set cva up");
        neighbor.ip("link set cvb up");
        await().until(() -> here.ip("link show cva").contains("LOWER_UP"));
    }

    @AfterEach
    void removeNamespaces() throws IOException {
        here.close();
        neighbor.close();
    }

    @Test
    void keepsTheInternetProtocolsFromTheKernel() throws Exception {
        assertThat(answers("10.79.0.1")).isTrue();
        assertThat(answers("fd79::1")).isTrue();
        try (IngressFilter filter = open()) {
            filter.replace(Map.of("cva", IngressFilter.Match.internetProtocols()));
            assertThat(answers("10.79.0.1")).isFalse();
            assertThat(answers("fd79::1")).isFalse();
            neighbor.ip("neigh flush dev cvb");
            assertThat(answers("10.79.0.1")).isFalse();
            assertThat(neighbor.ip("neigh show 10.79.0.1"))
                    .as("ARP is not answered")
                    .doesNotContain("lladdr");

            filter.replace(Map.of());
            neighbor.ip("neigh flush dev cvb");
            assertThat(answers("10.79.0.1")).isTrue();
        }
    }

    @Test
    void keepsSomeAddressesFromTheKernelAndLeavesItTheOthers() throws Exception {
        try (IngressFilter filter = open()) {
            filter.replace(Map.of("cva", destinations("10.79.0.1", "fd79::1")));

            assertThat(answers("10.79.0.1")).isFalse();
            assertThat(neighbor.ip("neigh show 10.79.0.1"))
                    .as("ARP is not answered")
                    .doesNotContain("lladdr");
            assertThat(answers("fd79::1")).isFalse();
            assertThat(answers("10.79.0.2")).isTrue();
            assertThat(answers("fd79::2")).isTrue();
        }
    }

    @Test
    void letsGoOfEverythingWhenItCloses() throws Exception {
        try (IngressFilter filter = open()) {
            filter.replace(Map.of("cva", IngressFilter.Match.internetProtocols()));
            assertThat(here.exec("nft list ruleset")).contains("table netdev cvffi-filter");
        }
        assertThat(here.exec("nft list ruleset")).isEmpty();
        assertThat(answers("10.79.0.1")).isTrue();
    }

    @Test
    void isOutOfReachOfOthersWhoFlushTheirRules() throws Exception {
        try (IngressFilter filter = open()) {
            filter.replace(Map.of("cva", IngressFilter.Match.internetProtocols()));
            here.exec("nft flush ruleset");
            assertThat(answers("10.79.0.1")).isFalse();
        }
    }

    @Test
    void filtersADeviceThatWasGoneOnceItIsNamedAgain() throws Exception {
        try (IngressFilter filter = open()) {
            filter.replace(Map.of("cva", IngressFilter.Match.internetProtocols()));
            here.ip("link del cva");
            filter.replace(Map.of());
            makeLinkAgain();
            assertThat(answers("10.79.0.1")).isTrue();

            filter.replace(Map.of("cva", IngressFilter.Match.internetProtocols()));
            assertThat(answers("10.79.0.1")).isFalse();
        }
    }

    @Test
    void aRefusalChangesNothing() throws Exception {
        try (IngressFilter first = open();
                IngressFilter second = open()) {
            first.replace(Map.of("cva", IngressFilter.Match.internetProtocols()));

            assertThatThrownBy(() -> second.replace(Map.of("cva", List.of())))
                    .as("a table of that name belongs to another")
                    .isInstanceOf(NativeException.class)
                    .hasMessageContaining("EPERM")
                    .hasMessageContaining("filter what arrives at cva");
            assertThat(answers("10.79.0.1")).isFalse();
        }
    }

    private void makeLinkAgain() throws IOException {
        here.ip("link add cva type veth peer name cvb netns " + neighbor.name);
        here.ip("addr add 10.79.0.1/24 dev cva");
        neighbor.ip("addr add 10.79.0.9/24 dev cvb");
        here.ip("link set cva up");
        neighbor.ip("link set cvb up");
        await().until(() -> here.ip("link show cva").contains("LOWER_UP"));
    }

    private IngressFilter open() throws IOException {
        return here.call(() -> IngressFilter.open("cvffi-filter"));
    }

    private static List<IngressFilter.Match> destinations(String... addresses) throws IOException {
        List<IngressFilter.Match> all = new ArrayList<>();
        for (String address : addresses) {
            all.addAll(IngressFilter.Match.destination(InetAddress.getByName(address)));
        }
        return all;
    }

    private boolean answers(String address) {
        try {
            neighbor.exec("ping -n -q -c 1 -W 1 " + address);
            return true;
        } catch (IOException noAnswer) {
            return false;
        }
    }
}
