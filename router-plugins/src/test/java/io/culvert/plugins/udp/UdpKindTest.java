// SPDX-License-Identifier: Apache-2.0
package io.culvert.plugins.udp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.culvert.config.BadConfigException;
import io.culvert.config.Catalog;
import io.culvert.config.ConfigFile;
import io.culvert.config.InterfaceConfig;
import io.culvert.config.LabFile;
import io.culvert.config.RouterConfig;
import io.culvert.graph.BuiltInStages;
import io.culvert.spi.InterfaceKind;
import io.culvert.spi.RouterInterface;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a configuration may say of a tunnel, and what the router makes of it. */
final class UdpKindTest {
    private static final Catalog CATALOG =
            Catalog.of(BuiltInStages.all()).with(Catalog.Plugin.of(new UdpPlugin(), "the test"));

    @TempDir
    private Path folder;

    private RouterConfig read(String text) throws IOException, BadConfigException {
        return ConfigFile.read(Files.writeString(folder.resolve("router.conf"), text), CATALOG);
    }

    private List<String> mistakes(String text) {
        return catchThrowableOfType(BadConfigException.class, () -> read(text)).problems().stream()
                .map(problem -> problem.toString().replace(folder + "/", ""))
                .toList();
    }

    private InterfaceConfig far(String settings) throws IOException, BadConfigException {
        return read("router.interfaces.far { type = udp, " + settings + " }")
                .interfaces()
                .get(0);
    }

    @Test
    void isAPointToPointInterfaceOfItsOwnSettingsAndThoseOfEveryKind() throws Exception {
        InterfaceConfig far = far("""
                local = "0.0.0.0:4790", peer = "192.0.2.9:4791", keepalive = 2s
                addresses = ["10.9.0.1/30", "fd00:9::1/64"], mtu = 1400, redirects = true""");

        assertThat(far.type()).isEqualTo("udp");
        assertThat(far.link()).isEqualTo(RouterInterface.Link.POINT_TO_POINT);
        assertThat(far.device()).isEqualTo("192.0.2.9:4791");
        assertThat(far.addresses()).hasSize(2);
        assertThat(far.mtu()).hasValue(1400);
        assertThat(far.common().redirects()).isTrue();
        assertThat(far.settings().endpoint(UdpKind.Setting.PEER))
                .isEqualTo(new InetSocketAddress(InetAddress.getByName("192.0.2.9"), 4791));
        assertThat(far.settings().durationNanos(UdpKind.Setting.KEEPALIVE))
                .isEqualTo(Duration.ofSeconds(2).toNanos());
    }

    @ParameterizedTest
    @CsvSource({"0.0.0.0:1, 192.0.2.9:4790, 192.0.2.9:4790, 28", "[::]:1, [2001:db8::9]:4790, [2001:db8::9]:4790, 48"})
    void isKnownByItsPeerAndItsOverhead(String local, String peer, String device, int overhead) throws Exception {
        InterfaceConfig far = far("local = \"" + local + "\", peer = \"" + peer + "\"");

        InterfaceKind kind = far.brought().orElseThrow();
        assertThat(far.device()).isEqualTo(device);
        assertThat(kind.overheadBytes(far.settings())).isEqualTo(overhead);
        assertThat(far.settings().durationNanos(UdpKind.Setting.KEEPALIVE)).isZero();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | 192.0.2.9:4790 | local is empty",
                "0.0.0.0:4790 | '' | peer is not one host",
                "0.0.0.0:4790 | 0.0.0.0:4790 | peer is not one host",
                "0.0.0.0:4790 | 224.0.0.9:4790 | peer is not one host",
                "[::]:4790 | 192.0.2.9:4790 | peer is of another family than local",
                "239.1.1.1:4790 | 192.0.2.9:4790 | local is multicast",
            })
    void saysWhereTheEndpointsDoNotMakeATunnel(String local, String peer, String mistake) {
        assertThat(mistakes("router.interfaces.far {\n  type = udp\n  local = \"" + local + "\"\n  peer = \"" + peer
                        + "\"\n}\n"))
                .singleElement()
                .asString()
                .startsWith("router.conf:" + (mistake.startsWith("peer") ? 4 : 3) + ": interfaces.far." + mistake);
    }

    @Test
    void reportsWhatIsMissingUnknownOrOfAnotherKind() {
        assertThat(mistakes("""
                router.interfaces.far {
                  type = udp
                  peer = "192.0.2.9"
                  attach = true
                  keepalives = 1s
                }
                """))
                .anyMatch(line -> line.startsWith("router.conf:1: interfaces.far needs local"))
                .anyMatch(
                        line -> line.startsWith("router.conf:3: interfaces.far.peer: \"192.0.2.9\" is not an address"))
                .contains("router.conf:4: interfaces.far.attach is not for type = udp, only for tun and tap")
                .contains("router.conf:5: interfaces.far.keepalives is unknown, did you mean keepalive?")
                .hasSize(4);
    }

    @Test
    void leavesRoomForTheHeadersAround() {
        assertThat(mistakes("router.interfaces.far {"
                        + " type = udp, local = \"0.0.0.0:1\", peer = \"192.0.2.9:1\", mtu = 65508 }"))
                .containsExactly(
                        "router.conf:1: interfaces.far.mtu: 65508 bytes and 28 bytes of headers around them are more than an"
                                + " IP packet has; expected at most 65507");
    }

    @Test
    void hasNoNextHopsBehindIt() {
        assertThat(mistakes("""
                router {
                  interfaces.far { type = udp, local = "0.0.0.0:1", peer = "192.0.2.9:1", addresses = ["10.9.0.1/30"] }
                  routes = [ { prefix = "10.2.0.0/16", via = "10.9.0.2" } ]
                }
                """))
                .singleElement()
                .asString()
                .startsWith(
                        "router.conf:3: route 10.2.0.0/16: via 10.9.0.2 is behind far, but a udp is point to point");
    }

    @Test
    void anotherPluginCanNotHaveTheSameType() {
        assertThatThrownBy(() -> CATALOG.with(new Catalog.Plugin(
                        new UdpPlugin(), "other", "", 1, "the test", List.of(), List.of(new UdpKind()), "")))
                .hasMessage("there is another interface type udp");
    }

    @Test
    void thePageTellsOfEachKeyReasonAndCounter() throws IOException {
        UdpKind kind = new UdpKind();
        String page = Files.readString(Path.of("..", "docs", "interfaces.md"));
        assertThat(kind.keys())
                .allSatisfy(key ->
                        assertThat(page).contains("| `" + key.key() + "` |").contains(key.text()));
        assertThat(kind.drops()).allSatisfy(reason -> assertThat(page).contains("| `" + reason.id() + "` |"));
        assertThat(kind.counters()).allSatisfy(counter -> assertThat(page).contains("`" + counter.id() + "`"));
    }

    @Test
    void theLabHasNoMistakes() {
        Path lab = Path.of("..", "conf", "labs", "udp-tunnel.conf");
        assertThatCode(() -> Objects.requireNonNull(LabFile.read(lab, CATALOG))).doesNotThrowAnyException();
    }
}
