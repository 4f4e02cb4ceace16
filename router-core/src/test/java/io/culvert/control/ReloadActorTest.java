// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static org.assertj.core.api.Assertions.assertThat;

import akka.actor.testkit.typed.javadsl.ActorTestKit;
import akka.actor.testkit.typed.javadsl.TestProbe;
import akka.actor.typed.ActorRef;
import io.culvert.config.Catalog;
import io.culvert.config.ConfigFile;
import io.culvert.config.RouterConfig;
import io.culvert.control.ReloadActor.Result.Kind;
import io.culvert.fib.Fib;
import io.culvert.graph.BuiltInStages;
import io.culvert.net.Ip4Address;
import io.culvert.spi.FibAction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReloadActorTest {
    private static final ActorTestKit KIT = ActorTestKit.create();

    @TempDir
    private Path folder;

    private final Fib fib = new Fib();
    private final List<RouterConfig> cameInForce = new ArrayList<>();
    private final TestProbe<ReloadActor.Result> answers = KIT.createTestProbe();
    private final CompletableFuture<Void> lanes = new CompletableFuture<>();
    private final List<RouterConfig> run = new CopyOnWriteArrayList<>();
    private RouterConfig atFirst;
    private Path file;
    private ActorRef<ReloadActor.Command> reload;

    @AfterAll
    static void shutDown() {
        KIT.shutdownTestKit();
    }

    @BeforeEach
    void startsWithOneRoute() throws Exception {
        file = folder.resolve("r.conf");
        write("mtu = 1500", "{ prefix = \"10.9.0.0/16\", action = blackhole }");
        RouterConfig config = ConfigFile.read(file, Catalog.of(BuiltInStages.all()));
        atFirst = config;
        ActorRef<RouteActor.Command> routes = KIT.spawn(RouteActor.create(fib));
        TestProbe<RouteActor.Applied> applied = KIT.createTestProbe();
        routes.tell(new RouteActor.ReplaceRoutes(
                io.culvert.fib.RouteSource.STATIC, StaticRoutes.of(config), applied.ref()));
        applied.receiveMessage();
        Catalog catalog = Catalog.of(BuiltInStages.all());
        reload = KIT.spawn(ReloadActor.create(
                () -> ConfigFile.read(file, catalog),
                catalog,
                config,
                (graph, next) -> {
                    run.add(next);
                    return lanes;
                },
                cameInForce::add,
                routes));
    }

    private void write(String interfaceSetting, String... routes) throws IOException {
        Files.writeString(file, """
                router {
                  interfaces { a { type = tun, device = a0, addresses = ["10.1.0.1/24"], %s } }
                  routes = [ %s ]
                }
                """.formatted(interfaceSetting, String.join(", ", routes)));
    }

    private ReloadActor.Result reloaded() {
        reload.tell(new ReloadActor.Reload(answers.ref()));
        return answers.receiveMessage(Duration.ofSeconds(10));
    }

    private FibAction actionFor(String address) {
        return fib.lookup4(0, Ip4Address.parse(address).value()).action();
    }

    @Test
    void appliesChangedRoutesTogether() throws IOException {
        write(
                "mtu = 1500",
                "{ prefix = \"10.9.0.0/16\", action = prohibit }",
                "{ prefix = \"10.8.0.0/16\", action = unreachable }");
        assertThat(reloaded()).isEqualTo(new ReloadActor.Result(Kind.APPLIED, "2 routes changed"));
        assertThat(actionFor("10.9.0.1")).isEqualTo(FibAction.PROHIBIT);
        assertThat(actionFor("10.8.0.1")).isEqualTo(FibAction.UNREACHABLE);
        assertThat(cameInForce).hasSize(1);
    }

    @Test
    void runsOnWithTheOldConfigurationWhenTheNewOneHasAMistake() throws IOException {
        write("mtuu = 1500", "{ prefix = \"10.9.0.0/16\", action = prohibit }");
        ReloadActor.Result result = reloaded();
        assertThat(result.what()).isEqualTo(Kind.BAD_CONFIG);
        assertThat(result.message()).startsWith(file + ":2: ").contains("mtuu").endsWith("nothing was changed");
        assertThat(actionFor("10.9.0.1")).isEqualTo(FibAction.BLACKHOLE);
        assertThat(cameInForce).isEmpty();
    }

    @Test
    void refusesWhatNeedsARestartAndChangesNothing() throws IOException {
        write("mtu = 1400", "{ prefix = \"10.9.0.0/16\", action = prohibit }");
        assertThat(reloaded())
                .isEqualTo(new ReloadActor.Result(
                        Kind.REFUSED, "a change of interfaces needs a restart of the router; nothing was changed"));
        assertThat(actionFor("10.9.0.1")).isEqualTo(FibAction.BLACKHOLE);
    }

    @Test
    void appliesWhatChangedInAFileOfRoutes() throws IOException {
        Files.writeString(folder.resolve("routes.txt"), "prohibit 10.9.0.0/16\n");
        Files.writeString(file, """
                router {
                  interfaces { a { type = tun, device = a0, addresses = ["10.1.0.1/24"], mtu = 1500 } }
                  route-files = [ "routes.txt" ]
                }
                """);
        assertThat(reloaded().message()).isEqualTo("1 route changed");
        assertThat(actionFor("10.9.0.1")).isEqualTo(FibAction.PROHIBIT);
    }

    @Test
    void appliesAnotherChangeAfterOne() throws IOException {
        write("mtu = 1500");
        assertThat(reloaded().what()).isEqualTo(Kind.APPLIED);
        assertThat(actionFor("10.9.0.1")).isEqualTo(FibAction.NO_ROUTE);
        write("mtu = 1500", "{ prefix = \"10.9.0.0/16\", action = blackhole }");
        assertThat(reloaded().message()).isEqualTo("1 route changed");
        assertThat(actionFor("10.9.0.1")).isEqualTo(FibAction.BLACKHOLE);
    }

    @Test
    void appliesChangedSettingsOfStagesOnceTheLanesRunThem() throws IOException {
        Files.writeString(file, """
                router {
                  interfaces { a { type = tun, device = a0, addresses = ["10.1.0.1/24"], mtu = 1500 } }
                  routes = [ { prefix = "10.9.0.0/16", action = blackhole } ]
                  icmp.rate-limit = 7/s
                }
                """);
        reload.tell(new ReloadActor.Reload(answers.ref()));
        answers.expectNoMessage();
        assertThat(cameInForce).isEmpty();
        lanes.complete(null);
        assertThat(answers.receiveMessage())
                .isEqualTo(new ReloadActor.Result(
                        Kind.APPLIED,
                        "icmp changed: icmp4-error, ip6-redirect, icmp6-error run with the new settings"));
        assertThat(cameInForce).hasSize(1);
    }

    @Test
    void refusesToChangeWhatHappensAtABrokenStage() throws IOException {
        Files.writeString(file, """
                router {
                  interfaces { a { type = tun, device = a0, addresses = ["10.1.0.1/24"], mtu = 1500 } }
                  routes = [ { prefix = "10.9.0.0/16", action = blackhole } ]
                  when-broken { ip4-ttl = bypass }
                }
                """);
        assertThat(reloaded())
                .isEqualTo(new ReloadActor.Result(
                        Kind.REFUSED, "a change of when-broken needs a restart of the router; nothing was changed"));
    }

    @Test
    void refusesWhenALaneDoesNotRunTheNewStages() throws IOException {
        Files.writeString(file, """
                router {
                  interfaces { a { type = tun, device = a0, addresses = ["10.1.0.1/24"], mtu = 1500 } }
                  local-delivery.rate-limit = off
                }
                """);
        lanes.completeExceptionally(new TimeoutException());
        assertThat(reloaded())
                .isEqualTo(new ReloadActor.Result(
                        Kind.REFUSED,
                        "a lane was too busy to run other stages within the time, so all lanes go back to those before;"
                                + " nothing was changed"));
        assertThat(run).as("what the lanes were to run").hasSize(2);
        assertThat(run.get(1)).as("the second time").isEqualTo(atFirst);
        assertThat(actionFor("10.9.0.1")).isEqualTo(FibAction.BLACKHOLE);
        assertThat(cameInForce).isEmpty();
    }

    @Test
    void doesOneReloadAfterTheOther() throws IOException {
        Files.writeString(file, """
                router {
                  interfaces { a { type = tun, device = a0, addresses = ["10.1.0.1/24"], mtu = 1500 } }
                  icmp.rate-limit = 7/s
                }
                """);
        reload.tell(new ReloadActor.Reload(answers.ref()));
        reload.tell(new ReloadActor.Reload(answers.ref()));
        answers.expectNoMessage();
        lanes.complete(null);
        assertThat(answers.receiveMessage().message())
                .isEqualTo("icmp changed: icmp4-error, ip6-redirect, icmp6-error run with the new settings\n1 route"
                        + " changed");
        assertThat(answers.receiveMessage().message()).isEqualTo("0 routes changed");
    }
}
