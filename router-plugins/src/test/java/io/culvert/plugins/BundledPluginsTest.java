// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.culvert.config.BadConfigException;
import io.culvert.config.Catalog;
import io.culvert.config.ConfigFile;
import io.culvert.config.ConfigProblem;
import io.culvert.config.LabFile;
import io.culvert.graph.BuiltInStages;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.RouterPlugin;
import io.culvert.spi.StageDescriptor;
import io.culvert.testkit.BalancedAccounts;
import io.culvert.testkit.Packets;
import io.culvert.testkit.ScriptedRouter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceLoader;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The plugins of this jar as a router finds them, and what their page says of them. */
@BalancedAccounts
final class BundledPluginsTest {
    private static final Path PAGE = Path.of("../docs/plugins/README.md");
    private static final Pattern CONFIGURATION = Pattern.compile("(?s)```hocon\n(.*?)```");

    @TempDir
    private Path folder;

    private static List<RouterPlugin> plugins() {
        return ServiceLoader.load(RouterPlugin.class).stream()
                .map(ServiceLoader.Provider::get)
                .toList();
    }

    private static Catalog catalog() {
        Catalog catalog = Catalog.of(BuiltInStages.all());
        for (RouterPlugin plugin : plugins()) {
            catalog = catalog.with(Catalog.Plugin.of(plugin, "here"));
        }
        return catalog;
    }

    private static List<String> configurations() throws IOException {
        return CONFIGURATION
                .matcher(Files.readString(PAGE))
                .results()
                .map(match -> match.group(1))
                .toList();
    }

    @Test
    void areFoundAndMadeForThisApi() {
        assertThat(plugins().stream().map(RouterPlugin::name))
                .contains("dscp-mark", "impair", "mirror", "mss-clamp", "rate-limit", "sample");
        assertThat(plugins())
                .allSatisfy(plugin -> assertThat(plugin.apiVersion()).isEqualTo(RouterPlugin.API_VERSION));
        assertThat(catalog()).isNotNull();
    }

    @Test
    void theirPageHasAConfigurationOfEach() throws IOException {
        assertThat(configurations()).hasSizeGreaterThanOrEqualTo(6);
    }

    @ParameterizedTest
    @MethodSource("configurations")
    void theConfigurationsOnTheirPageHaveNoMistake(String configuration) throws Exception {
        Path file = Files.writeString(folder.resolve("router.conf"), configuration);
        assertThat(ConfigFile.read(file, catalog())).isNotNull();
    }

    @Test
    void theLabHasNoMistake() throws Exception {
        assertThat(LabFile.read(Path.of("../conf/labs/impair.conf"), catalog())).isNotNull();
    }

    @Test
    void aMistakeInARuleIsToldWithItsLine() throws Exception {
        Path file = Files.writeString(folder.resolve("router.conf"), """
                router {
                  interfaces { lan { type = tun, device = a, addresses = ["10.0.0.1/24"] } }
                  plugins {
                    rate-limit {
                      limits = [
                        { interface = lan, rate = 1Mbit/s }
                        { interface = lan, rate = 100bit/s }
                      ]
                    }
                    impair { links = [ { interface = lan, delay = 1ms, jitter = 2ms } ] }
                  }
                }
                """);
        assertThatThrownBy(() -> ConfigFile.read(file, catalog()))
                .isInstanceOfSatisfying(
                        BadConfigException.class,
                        bad -> assertThat(bad.problems())
                                .map(ConfigProblem::toString)
                                .containsExactly(
                                        file + ":7: plugins.rate-limit.limits.rate is below 1kbit/s",
                                        file
                                                + ":10: plugins.impair.links.jitter is more than delay: no packet can arrive before it"
                                                + " was sent"));
    }

    /** Every stage and key that an operator meets stands there. */
    @Test
    void theirPageNamesAllStagesAndKeys() throws IOException {
        String page = Files.readString(PAGE);
        List<StageDescriptor> stages = plugins().stream()
                .filter(plugin -> page.contains("\n## " + plugin.name() + "\n"))
                .flatMap(plugin -> plugin.stages().stream())
                .toList();
        assertThat(stages).hasSizeGreaterThanOrEqualTo(11);
        assertThat(stages).allSatisfy(stage -> {
            assertThat(page).contains("`" + stage.id() + "`");
            keys(stage.keys()).forEach(key -> assertThat(page).contains(key.key()));
        });
    }

    private static Stream<ConfigKey> keys(List<? extends ConfigKey> keys) {
        return keys.stream().flatMap(key -> Stream.concat(Stream.of(key), keys(key.keys())));
    }

    @Test
    void standInOneRouterTogether() {
        try (ScriptedRouter router = ScriptedRouter.steered("""
                interfaces {
                  lan { type = tun, device = a, addresses = ["10.0.0.1/24"] }
                  wan { type = tun, device = b, addresses = ["10.1.0.1/24"], mtu = 1400 }
                  mon { type = tun, device = c, addresses = ["10.2.0.1/24"] }
                }
                plugins {
                  sample {}
                  mss-clamp {}
                  mirror { copies = [ { from = lan, to = mon, direction = in } ] }
                  dscp-mark { rules = [ { dscp = EF, out = wan } ] }
                  rate-limit { limits = [ { interface = wan, packets = "1000/s" } ] }
                  impair { links = [ { interface = mon, loss = 100% } ] }
                }
                """, plugins().toArray(RouterPlugin[]::new))) {
            router.arrive(
                    "lan",
                    Packets.ip4()
                            .from("10.0.0.2")
                            .to("10.1.0.2")
                            .tcp(1, 2)
                            .flags("S")
                            .tcpOptions(2, 4, 0x05, 0xb4)
                            .bytes());
            assertThat(router.awaitSent("wan"))
                    .isEqualTo(Packets.ip4()
                            .from("10.0.0.2")
                            .to("10.1.0.2")
                            .ttl(63)
                            .dscp(46)
                            .tcp(1, 2)
                            .flags("S")
                            .tcpOptions(2, 4, 0x05, 0x50)
                            .bytes());
            router.settle();
            assertThat(router.dropped("lost")).as("the copy, on its bad link").isEqualTo(1);
        }
    }
}
