// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import io.culvert.fib.Fib;
import io.culvert.fib.Route;
import io.culvert.fib.RouteSource;
import io.culvert.fib.RouteStatus;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.InterfaceId;
import io.culvert.net.Ip4Address;
import io.culvert.net.Ip6Address;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.spi.FibAction;
import io.culvert.testkit.InterfaceBuilder;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class RouteActorTest {
    private static final ActorTestKit KIT = ActorTestKit.create();
    private static final int LAN = 0;

    private final Fib fib = new Fib();
    private final ActorRef<RouteActor.Command> actor = KIT.spawn(RouteActor.create(fib));
    private final TestProbe<RouteActor.Applied> applied = KIT.createTestProbe();

    @AfterEach
    void stop() {
        KIT.stop(actor);
    }

    @AfterAll
    static void shutDown() {
        KIT.shutdownTestKit();
    }

    @Test
    void installsABatchBeforeItAnswers() {
        up("10.0.0.1/24");
        actor.tell(new RouteActor.AddRoutes(
                List.of(route("10.9.0.0/16", "10.0.0.2"), route("10.8.0.0/16", "1.2.3.4")), applied.ref()));
        assertThat(applied.receiveMessage()).isEqualTo(new RouteActor.Applied(2, 1));
        assertThat(action("10.9.0.1")).isEqualTo(FibAction.FORWARD);
        assertThat(action("10.8.0.1")).isEqualTo(FibAction.NO_ROUTE);
    }

    @Test
    void saysHowMuchOfABatchWasNew() {
        up("10.0.0.1/24");
        add(route("10.9.0.0/16", "10.0.0.2"));
        actor.tell(new RouteActor.AddRoutes(
                List.of(route("10.9.0.0/16", "10.0.0.2"), route("10.7.0.0/16", "10.0.0.2")), applied.ref()));
        assertThat(applied.receiveMessage()).isEqualTo(new RouteActor.Applied(1, 1));
    }

    @Test
    void takesRoutesOutAndReplacesAllOfASource() {
        up("10.0.0.1/24");
        add(route("10.9.0.0/16", "10.0.0.2"));
        add(route("10.8.0.0/16", "10.0.0.2"));
        Route.Key key = new Route.Key(0, IpPrefix.parse("10.9.0.0/16"), RouteSource.STATIC);
        actor.tell(new RouteActor.RemoveRoutes(List.of(key, key), applied.ref()));
        assertThat(applied.receiveMessage()).isEqualTo(new RouteActor.Applied(1, 1));
        assertThat(action("10.9.0.1")).isEqualTo(FibAction.NO_ROUTE);
        actor.tell(new RouteActor.ReplaceRoutes(
                RouteSource.STATIC, List.of(route("10.7.0.0/16", "10.0.0.2")), applied.ref()));
        assertThat(applied.receiveMessage()).isEqualTo(new RouteActor.Applied(2, 2));
        assertThat(action("10.8.0.1")).isEqualTo(FibAction.NO_ROUTE);
        assertThat(action("10.7.0.1")).isEqualTo(FibAction.FORWARD);
        assertThat(action("10.0.0.1")).isEqualTo(FibAction.LOCAL);
    }

    @Test
    void withdrawsWhatLeadsThroughAnInterfaceThatIsDown() {
        up("10.0.0.1/24");
        add(route("10.9.0.0/16", "10.0.0.2"));
        actor.tell(new RouteActor.InterfaceDown(LAN));
        assertThat(installed()).containsExactly("10.0.0.1/32");
        up("10.0.0.1/24");
        assertThat(installed()).contains("10.9.0.0/16", "10.0.0.0/24");
        actor.tell(new RouteActor.InterfaceRemoved(LAN));
        assertThat(installed()).isEmpty();
        actor.tell(new RouteActor.InterfaceDown(9));
        assertThat(installed()).isEmpty();
    }

    @Test
    void addsAnAddressOnceItIsUsable() {
        up("10.0.0.1/24");
        assertThat(action("fd00::1")).isEqualTo(FibAction.NO_ROUTE);
        usable("fd00::1/64");
        usable("fd00::1/64");
        usable("fe80::1/64");
        assertThat(installed())
                .containsExactly("10.0.0.0/24", "10.0.0.1/32", "10.0.0.255/32", "fd00::/64", "fd00::1/128");
        assertThat(action("fd00::1")).isEqualTo(FibAction.LOCAL);
        assertThat(action("10.0.0.1")).isEqualTo(FibAction.LOCAL);
    }

    @Test
    void acceptsNoRoutesThatOnlyInterfacesBring() {
        assertThatThrownBy(() -> new RouteActor.ReplaceRoutes(RouteSource.CONNECTED, List.of(), applied.ref()))
                .hasMessageContaining("interfaces alone");
        Route.Key local = new Route.Key(0, IpPrefix.parse("10.0.0.1/32"), RouteSource.LOCAL);
        assertThatThrownBy(() -> new RouteActor.RemoveRoutes(List.of(local), applied.ref()))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void leavesNothingInTheTableThatItDoesNotKnow() {
        up("10.0.0.1/24");
        assertThat(installed()).isNotEmpty();
        ActorRef<RouteActor.Command> successor = KIT.spawn(RouteActor.create(fib));
        TestProbe<RouteActor.Listing> listing = KIT.createTestProbe();
        successor.tell(new RouteActor.Inspect(listing.ref()));
        assertThat(listing.receiveMessage().routes()).isEmpty();
        assertThat(fib.entries(0)).isEmpty();
        KIT.stop(successor);
    }

    private void up(String address) {
        actor.tell(new RouteActor.InterfaceChanged(
                InterfaceBuilder.ethernet(LAN).address(address).build()));
    }

    private void usable(String address) {
        actor.tell(new RouteActor.AddressUsable(LAN, InterfaceAddress.parse(address)));
    }

    private void add(Route route) {
        actor.tell(new RouteActor.AddRoutes(List.of(route), applied.ref()));
        applied.receiveMessage();
    }

    private static Route route(String prefix, String gateway) {
        return Route.forward(
                0, IpPrefix.parse(prefix), new Route.Via(IpAddress.parse(gateway), InterfaceId.NONE, null));
    }

    private List<String> installed() {
        TestProbe<RouteActor.Listing> listing = KIT.createTestProbe();
        actor.tell(new RouteActor.Inspect(listing.ref()));
        return listing.receiveMessage().routes().stream()
                .filter(RouteStatus::installed)
                .map(row -> row.route().prefix().toString())
                .toList();
    }

    private FibAction action(String text) {
        IpAddress address = IpAddress.parse(text);
        return address instanceof Ip4Address ip4
                ? fib.lookup4(0, ip4.value()).action()
                : fib.lookup6(0, ((Ip6Address) address).high(), ((Ip6Address) address).low())
                        .action();
    }
}
