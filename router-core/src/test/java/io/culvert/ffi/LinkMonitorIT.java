// SPDX-License-Identifier: Apache-2.0
package io.culvert.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import io.culvert.testkit.RequiresNamespaces;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@RequiresNamespaces
class LinkMonitorIT {
    private static final int PATIENCE_MS = 10_000;

    private ScratchNamespace namespace;
    private LinkMonitor monitor;

    @BeforeEach
    void makeNamespace() throws IOException {
        namespace = new ScratchNamespace();
        monitor = namespace.call(LinkMonitor::open);
    }

    @AfterEach
    void removeNamespace() throws IOException {
        monitor.close();
        namespace.close();
    }

    @Test
    void tellsOfATunThatComesChangesGoesAndReturns() throws Exception {
        TunDevice tun = namespace.call(
                () -> TunDevice.builder(TunDevice.Kind.TUN, "cvt").open());
        LinkMonitor.Event appeared = next();
        assertThat(appeared.change()).isEqualTo(LinkMonitor.Change.APPEARED);
        assertThat(appeared.link().name()).isEqualTo("cvt");
        assertThat(appeared.link().isUp()).isFalse();

        namespace.ip("link set cvt up");
        LinkMonitor.Event changed = next();
        assertThat(changed.change()).isEqualTo(LinkMonitor.Change.CHANGED);
        assertThat(changed.link().index()).isEqualTo(appeared.link().index());
        assertThat(changed.link().isUp()).isTrue();

        tun.close();
        LinkMonitor.Event vanished = nextThatIs(LinkMonitor.Change.VANISHED);
        assertThat(vanished.link().name()).isEqualTo("cvt");

        try (TunDevice again = namespace.call(
                () -> TunDevice.builder(TunDevice.Kind.TUN, "cvt").open())) {
            LinkMonitor.Event returned = next();
            assertThat(returned.change()).isEqualTo(LinkMonitor.Change.APPEARED);
            assertThat(returned.link().name()).isEqualTo(again.name());
            assertThat(returned.link().index()).isNotEqualTo(appeared.link().index());
        }
    }

    @Test
    void saysNothingWhenNothingHappens() throws Exception {
        assertThat(monitor.next(20)).isNull();
    }

    @Test
    void doesNotTakeABridgePortThatLeavesForADeviceThatVanished() throws Exception {
        namespace.ip("link add cvbr type bridge");
        namespace.ip("link add cva type veth peer name cvb");
        namespace.ip("link set cva master cvbr");
        namespace.ip("link set cva nomaster");
        namespace.ip("link add cvend type bridge");
        Set<String> vanished = new HashSet<>();
        LinkMonitor.Event event;
        do {
            event = next();
            if (event.change() == LinkMonitor.Change.VANISHED) {
                vanished.add(event.link().name());
            }
        } while (!event.link().name().equals("cvend"));
        assertThat(vanished).isEmpty();
    }

    @Test
    void makesUpForNotificationsThatGotLost() throws Exception {
        try (Rtnetlink kernel = Rtnetlink.open(namespace.name)) {
            kernel.addVeth("cvgone", "cvgone2", null);
            Set<String> known = new HashSet<>();
            while (known.size() < 2) {
                known.add(next().link().name());
            }
            kernel.addVeth("cvflap", "cvflap2", null);
            int flapping = kernel.link("cvflap").orElseThrow().index();
            for (int i = 0; i < 2000; i++) {
                kernel.setMtu(flapping, 1000 + i % 100);
            }
            kernel.deleteLink(kernel.link("cvgone").orElseThrow().index());
            kernel.addBridge("cvnew");

            Set<String> here = new HashSet<>();
            Set<String> gone = new HashSet<>();
            int events = 0;
            while (!here.contains("cvnew") || !gone.contains("cvgone")) {
                events++;
                LinkMonitor.Event event = next();
                (event.change() == LinkMonitor.Change.VANISHED ? gone : here)
                        .add(event.link().name());
            }
            assertThat(events).as("events, some of 2000 having been lost").isLessThan(2000);
            assertThat(gone).containsExactlyInAnyOrder("cvgone", "cvgone2");
        }
    }

    @Test
    void endsAWaitWhenItIsClosed() throws Exception {
        CompletableFuture<Boolean> ended = CompletableFuture.supplyAsync(() -> {
            try {
                return monitor.next(-1) == null;
            } catch (NativeException e) {
                throw new IllegalStateException(e);
            }
        });
        monitor.close();
        assertThat(ended.get(PATIENCE_MS, TimeUnit.MILLISECONDS)).isTrue();
        assertThat(monitor.next(-1)).isNull();
    }

    private LinkMonitor.Event next() throws NativeException {
        LinkMonitor.Event event = monitor.next(PATIENCE_MS);
        assertThat(event).as("an event within %s ms", PATIENCE_MS).isNotNull();
        return event;
    }

    private LinkMonitor.Event nextThatIs(LinkMonitor.Change change) throws NativeException {
        LinkMonitor.Event event;
        do {
            event = next();
        } while (event.change() != change);
        return event;
    }
}
