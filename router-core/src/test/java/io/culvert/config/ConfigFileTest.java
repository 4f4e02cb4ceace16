// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.typesafe.config.ConfigFactory;
import io.culvert.config.InterfaceConfig.KernelRoute;
import io.culvert.config.InterfaceConfig.Packet;
import io.culvert.config.InterfaceConfig.Tap;
import io.culvert.config.InterfaceConfig.Tun;
import io.culvert.config.InterfaceConfig.VnetHeader;
import io.culvert.config.RouteConfig.Hop;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.net.MacAddress;
import io.culvert.spi.ConfigKey;
import io.culvert.spi.ConfigType;
import io.culvert.spi.FibAction;
import io.culvert.spi.RouterInterface.Role;
import io.culvert.spi.Settings;
import io.culvert.spi.StageDescriptor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class ConfigFileTest {
    @TempDir
    private Path folder;

    @Test
    void anEmptyRouterHasTheDefaults() throws Exception {
        RouterConfig config = read("router {}");

        assertThat(config.name()).isEqualTo("router");
        assertThat(config.lanes()).isEmpty();
        assertThat(config.vectorSize()).isEqualTo(61);
        assertThat(config.buffersPerLane()).isEqualTo(1024);
        assertThat(config.interfaces()).isEmpty();
        assertThat(config.routes()).isEmpty();
        assertThat(config.akka().isEmpty()).isTrue();
        assertThat(config.management())
                .isEqualTo(new ManagementConfig(Path.of("/run/culvert/router.sock"), 0660, null));
        assertThat(config.neighbor())
                .isEqualTo(new NeighborConfig(
                        Duration.ofSeconds(30),
                        Duration.ofSeconds(1),
                        Duration.ofSeconds(5),
                        3,
                        Duration.ofSeconds(3),
                        Duration.ofMinutes(10),
                        1000,
                        4096,
                        1));
    }

    @Test
    void aSmallInterfaceHasTheDefaultsOfItsKind() throws Exception {
        RouterConfig config = read("""
                router.interfaces {
                  a { type = tun }
                  b { type = tap }
                  c { type = packet, device = eth0 }
                }
                """);

        Tun tun = (Tun) config.interfaces().get(0);
        assertThat(tun.common())
                .isEqualTo(new InterfaceConfig.Common("a", List.of(), OptionalInt.empty(), false, true, true));
        assertThat(tun.virtual())
                .isEqualTo(new InterfaceConfig.VirtualDevice(
                        "tun%d",
                        false,
                        false,
                        false,
                        VnetHeader.AUTO,
                        OptionalInt.empty(),
                        null,
                        null,
                        OptionalInt.empty(),
                        null,
                        new InterfaceConfig.KernelEnd(null, List.of(), List.of())));
        Tap tap = (Tap) config.interfaces().get(1);
        assertThat(tap.device()).isEqualTo("tap%d");
        assertThat(tap.role()).isEqualTo(Role.TRANSIT);
        assertThat(tap.mac()).isNull();
        assertThat(tap.advertisement()).isNull();
        assertThat(config.interfaces().get(2))
                .isEqualTo(new Packet(
                        new InterfaceConfig.Common("c", List.of(), OptionalInt.empty(), false, true, true),
                        "eth0",
                        OptionalInt.empty(),
                        VnetHeader.AUTO,
                        false,
                        null,
                        null));
    }

    @Test
    void aFullFileReadsAsItIsWritten() throws Exception {
        RouterConfig config = read("""
                router {
                  name = r1
                  lanes = 4
                  vector-size = 128
                  buffers = 2048
                  interfaces {
                    wan {
                      type = packet, device = "eth0", addresses = ["203.0.113.2/24", "2001:db8:f::2/64"], mtu = 1500
                      promiscuous = true, mac = "02:00:00:00:00:02", vnet-header = 10, queues = 2, redirects = true, gso = off
                      gro = off
                    }
                    lan {
                      type = tap, device = tap0, addresses = ["192.168.1.1/24", "fd00:1::1/64", "fe80::1/64"]
                      attach = true, mac = "02:00:00:00:00:01", netns = lan-host
                      kernel {
                        mac = "02:00:00:00:00:99", addresses = "192.168.1.2/24"
                        routes = ["0.0.0.0/0", "::/0", "10.0.0.0/8 via 192.168.1.9"]
                      }
                      router-advertisement { interval = 20s, lifetime = 60s, valid-lifetime = 10d }
                    }
                    p2p {
                      type = tun, device = "tun%d", addresses = ["10.0.0.1/30"], queues = 3, vnet-header = 12
                      persistent = true, packet-info = true, owner = nobody, group = 100, tx-queue-length = 1000, mtu = 1280
                      kernel { addresses = ["10.0.0.2/30"], routes = ["192.168.0.0/16"] }
                    }
                    host { type = tap, device = cv-host, role = local-delivery, netns = services }
                  }
                  routes = [
                    { prefix = "0.0.0.0/0", via = "203.0.113.1", src = "192.168.1.1", preference = 5, metric = 20 }
                    { prefix = "10.9.0.0/16", interface = p2p }
                    { prefix = "10.66.0.0/16", action = prohibit }
                    { prefix = "10.7.0.0/16", via = ["203.0.113.3", "192.168.1.3", "2001:db8:f::9"] }
                    { prefix = "10.8.0.0/16", via = "fe80::9", interface = lan }
                  ]
                  neighbor { reachable-time = 15s, retransmit-time = 200ms, delay-time = 1s, probes = 5, failed-time = 9s
                             stale-time = 1m, new-per-second = 50, max-entries = 100, duplicate-probes = 0 }
                  management { socket = /tmp/r1.sock, mode = 0600, group = wheel }
                }
                akka { loglevel = DEBUG }
                """);

        assertThat(config.name()).isEqualTo("r1");
        assertThat(config.lanes()).hasValue(4);
        assertThat(config.vectorSize()).isEqualTo(128);
        assertThat(config.buffersPerLane()).isEqualTo(2048);
        assertThat(config.akka().getString("loglevel")).isEqualTo("DEBUG");
        assertThat(config.management()).isEqualTo(new ManagementConfig(Path.of("/tmp/r1.sock"), 0600, "wheel"));
        assertThat(config.neighbor())
                .isEqualTo(new NeighborConfig(
                        Duration.ofSeconds(15),
                        Duration.ofMillis(200),
                        Duration.ofSeconds(1),
                        5,
                        Duration.ofSeconds(9),
                        Duration.ofMinutes(1),
                        50,
                        100,
                        0));
        assertThat(config.interfaces()).extracting(InterfaceConfig::name).containsExactly("wan", "lan", "p2p", "host");
        assertThat(config.interfaces().get(0))
                .isEqualTo(new Packet(
                        new InterfaceConfig.Common(
                                "wan",
                                List.of(address("203.0.113.2/24"), address("2001:db8:f::2/64")),
                                OptionalInt.of(1500),
                                true,
                                false,
                                false),
                        "eth0",
                        OptionalInt.of(2),
                        VnetHeader.BYTES_10,
                        true,
                        MacAddress.parse("02:00:00:00:00:02"),
                        null));
        Tap lan = (Tap) config.interfaces().get(1);
        assertThat(lan.virtual().attach()).isTrue();
        assertThat(lan.virtual().netns()).isEqualTo("lan-host");
        assertThat(lan.mac()).isEqualTo(MacAddress.parse("02:00:00:00:00:01"));
        assertThat(lan.virtual().kernel())
                .isEqualTo(new InterfaceConfig.KernelEnd(
                        MacAddress.parse("02:00:00:00:00:99"),
                        List.of(address("192.168.1.2/24")),
                        List.of(
                                new KernelRoute(IpPrefix.parse("0.0.0.0/0"), IpAddress.parse("192.168.1.1")),
                                new KernelRoute(IpPrefix.parse("::/0"), IpAddress.parse("fd00:1::1")),
                                new KernelRoute(IpPrefix.parse("10.0.0.0/8"), IpAddress.parse("192.168.1.9")))));
        assertThat(lan.advertisement())
                .isEqualTo(new RouterAdvertisementConfig(
                        Duration.ofSeconds(20), Duration.ofMinutes(1), Duration.ofDays(10), Duration.ofDays(7)));
        assertThat(((Tun) config.interfaces().get(2)).virtual())
                .isEqualTo(new InterfaceConfig.VirtualDevice(
                        "tun%d",
                        false,
                        true,
                        true,
                        VnetHeader.BYTES_12,
                        OptionalInt.of(3),
                        "nobody",
                        "100",
                        OptionalInt.of(1000),
                        null,
                        new InterfaceConfig.KernelEnd(
                                null,
                                List.of(address("10.0.0.2/30")),
                                List.of(new KernelRoute(IpPrefix.parse("192.168.0.0/16"), null)))));
        assertThat(config.interfaces().get(3).role()).isEqualTo(Role.LOCAL_DELIVERY);
        assertThat(((Tap) config.interfaces().get(3)).virtual().netns()).isEqualTo("services");
        assertThat(config.routes())
                .containsExactly(
                        new RouteConfig(
                                IpPrefix.parse("0.0.0.0/0"),
                                FibAction.FORWARD,
                                List.of(new Hop("wan", IpAddress.parse("203.0.113.1"))),
                                IpAddress.parse("192.168.1.1"),
                                5,
                                20),
                        route("10.9.0.0/16", FibAction.FORWARD, new Hop("p2p", null)),
                        route("10.66.0.0/16", FibAction.PROHIBIT),
                        route(
                                "10.7.0.0/16",
                                FibAction.FORWARD,
                                new Hop("wan", IpAddress.parse("203.0.113.3")),
                                new Hop("lan", IpAddress.parse("192.168.1.3")),
                                new Hop("wan", IpAddress.parse("2001:db8:f::9"))),
                        route("10.8.0.0/16", FibAction.FORWARD, new Hop("lan", IpAddress.parse("fe80::9"))));
    }

    @Test
    void whatIsRenderedReadsAsTheSame() throws Exception {
        RouterConfig config = read("""
                router.interfaces.a { type = tun, addresses = ["10.0.0.1/24"], kernel.addresses = "10.0.0.2/24" }
                router.routes = [ { prefix = "10.1.0.0/16", interface = a } ]
                router.name = ${router.interfaces.a.type}-1
                """);
        String text = config.render();
        RouterConfig again = read(text);

        assertThat(again.interfaces()).isEqualTo(config.interfaces());
        assertThat(again.routes()).isEqualTo(config.routes());
        assertThat(again.render()).isEqualTo(text);
        assertThat(text).contains("name=tun-1", "vector-size=61", "persistent=false", "metric=0");
        assertThat(ConfigFactory.parseString(config.renderJson()).getInt("router.vector-size"))
                .isEqualTo(61);
    }

    @Test
    void includedFilesKeepTheirNamesInMessages() throws IOException {
        Files.writeString(folder.resolve("lan.conf"), "\nrouter.interfaces.lan { type = tap, mtuu = 3 }\n");

        assertThat(problems("include \"lan.conf\"\nrouter.nam = x"))
                .containsExactly(
                        "r.conf:2: nam is unknown, did you mean name?",
                        "lan.conf:2: interfaces.lan.mtuu is unknown, did you mean mtu?");
    }

    @Test
    void neitherPropertiesNorEnvironmentAreMixedIn() {
        assertThat(System.getenv("PATH")).isNotNull();
        assertThat(problems("router.name = ${PATH}"))
                .containsExactly("r.conf:1: Could not resolve substitution to a value: ${PATH}");
        assertThat(problems("router.name = ${java.version}"))
                .containsExactly("r.conf:1: Could not resolve substitution to a value: ${java.version}");
    }

    @Test
    void aFileThatIsNotThereIsNamed() {
        BadConfigException missing = catchThrowableOfType(
                BadConfigException.class, () -> ConfigFile.read(folder.resolve("none.conf"), Catalog.of(List.of())));
        assertThat(missing).hasMessage(folder.resolve("none.conf") + ":1: the file does not exist");
        BadConfigException directory =
                catchThrowableOfType(BadConfigException.class, () -> ConfigFile.read(folder, Catalog.of(List.of())));
        assertThat(directory).hasMessage(folder + ":1: is a directory, expected a file");
    }

    static Stream<Arguments> mistakes() {
        String lan = "lan { type = tap, addresses = [\"192.168.1.1/24\", \"fd00:1::1/64\"] }\n";
        String p2p = "p2p { type = tun, addresses = [\"10.0.0.1/30\"] }\n";
        return Stream.of(
                // The file as such.
                mistake("a = 1\nrouter {}", "1: a is unknown at the top, expected router or akka"),
                mistake("roter {}\nrouter {}", "1: roter is unknown at the top, did you mean router?"),
                mistake("", "1: there is no router, expected router { ... }"),
                mistake("lab {}", "1: this is a lab, not the configuration of a router: culvert lab runs it"),
                mistake("router = 3", "1: router is 3, expected { ... }"),
                mistake("router {}\nakka = no", "2: akka is \"no\", expected { ... }"),
                mistake(
                        "router {\n  name = \n}",
                        "3: Expecting a value but got wrong token: '}'; a text with such characters needs double quotes"),
                // Top-level keys.
                mistake("router {\n nam = x }", "2: nam is unknown, did you mean name?"),
                mistake(
                        "router.name = \"a b\"",
                        "1: name is \"a b\", expected a name of letters, digits, - and _, at most 31"),
                mistake("router.lanes = many", "1: lanes is \"many\", expected a whole number from 1 to 64, or auto"),
                mistake("router.lanes = 0", "1: lanes is 0, expected a whole number from 1 to 64, or auto"),
                mistake("router.vector-size = 257", "1: vector-size is 257, expected a whole number from 1 to 256"),
                mistake("router.vector-size = 1.5", "1: vector-size is 1.5, expected a whole number from 1 to 256"),
                mistake("router.buffers = -1", "1: buffers is -1, expected a whole number from 64 to 30000"),
                mistake("router.interfaces = []", "1: interfaces is a list, expected { NAME { ... } ... }"),
                mistake(
                        "router.neighbor.probes = {}",
                        "1: neighbor.probes is a section, expected a whole number from 1 to 20"),
                mistake(
                        "router.neighbor.reachable-time = 30",
                        "1: neighbor.reachable-time is 30, expected a duration like 30s or 500ms from 100ms to 1h"),
                mistake(
                        "router.neighbor.reachable-time = 2h",
                        "1: neighbor.reachable-time is \"2h\", expected a duration like 30s or 500ms from 100ms to 1h"),
                mistake(
                        "router.management.mode = rw",
                        "1: management.mode is \"rw\", expected permission bits like \"0660\""),
                mistake(
                        "router.management.socket = r.sock",
                        "1: management.socket: \"r.sock\" is not an absolute path of a socket"),
                mistake(
                        "router.management.socket = /" + "x".repeat(107),
                        "1: management.socket: path \"/" + "x".repeat(107)
                                + "\" has 108 bytes, a socket's has at most 107"),
                // Interfaces.
                iface("lan {}", "interfaces.lan needs type, tun, tap or packet"),
                iface("lan = tap", "interfaces.lan is \"tap\", expected { ... }"),
                iface("lan { type = tpa }", "interfaces.lan.type is \"tpa\", did you mean tap?"),
                iface("lan { type = ethernet }", "interfaces.lan.type is \"ethernet\", expected tun, tap or packet"),
                iface("lan { type = [] }", "interfaces.lan.type is a list, expected tun, tap or packet"),
                iface("lan { type = tap, mtuu = 3 }", "interfaces.lan.mtuu is unknown, did you mean mtu?"),
                iface("t { type = tun, mac = x }", "interfaces.t.mac is not for type = tun, only for tap and packet"),
                iface(
                        "p { type = packet, device = e, netns = x }",
                        "interfaces.p.netns is not for type = packet, only for tun and tap"),
                iface("p { type = packet }", "interfaces.p needs device, the name of a network device"),
                iface(
                        "\"l.n\" { type = tap }",
                        "interfaces.\"l.n\": an interface name has letters, digits, - and _, at most 31, and begins with a letter or digit"),
                iface(
                        "t { type = tun, device = abcdefghijklmnop }",
                        "interfaces.t.device: device name \"abcdefghijklmnop\" has 16 bytes, the kernel takes 15"),
                iface(
                        "t { type = tun, device = \"a b\" }",
                        "interfaces.t.device: \"a b\" is no device name: it needs a character, and none of / : and blanks"),
                iface("t { type = tun, device = \"a%s\" }", "interfaces.t.device: \"a%s\" has a % that is not one %d"),
                iface(
                        "p { type = packet, device = \"eth%d\" }",
                        "interfaces.p.device: \"eth%d\" has a % that is not allowed here: the device must exist, so name it"),
                iface(
                        "t { type = tun, attach = true }",
                        "interfaces.t.attach is true, so device must name the device that exists, not the pattern tun%d"),
                iface(
                        "t { type = tun, queues = 0 }",
                        "interfaces.t.queues is 0, expected a whole number from 1 to 256, or auto"),
                iface("t { type = tun, vnet-header = 11 }", "interfaces.t.vnet-header is 11, did you mean 10?"),
                iface(
                        "p { type = packet, device = e, vnet-header = yes }",
                        "interfaces.p.vnet-header is \"yes\", expected auto, off or 10"),
                iface("t { type = tun, gso = true }", "interfaces.t.gso is true, expected on or off"),
                iface("t { type = tun, mtu = 67 }", "interfaces.t.mtu is 67, expected a whole number from 68 to 65535"),
                iface(
                        "t { type = tun, mtu = 1279, addresses = \"fd00::1/64\" }",
                        "interfaces.t.mtu is 1279, but IPv6 address fd00::1/64 needs at least 1280"),
                iface(
                        "t { type = tun, persistent = maybe }",
                        "interfaces.t.persistent is \"maybe\", expected true or false"),
                iface(
                        "t { type = tun, owner = \"a b\" }",
                        "interfaces.t.owner is \"a b\", expected a name or a number"),
                iface(
                        "t { type = tun, netns = a/b }",
                        "interfaces.t.netns is \"a/b\", expected the name of a network namespace, or the absolute path of one"),
                iface(
                        "t { type = tap, mac = \"02:00\" }",
                        "interfaces.t.mac: \"02:00\" is not a MAC address like 02:00:00:00:00:01"),
                iface(
                        "t { type = tap, mac = \"01:00:5e:00:00:01\" }",
                        "interfaces.t.mac: \"01:00:5e:00:00:01\" is not the address of one station"),
                iface(
                        "t { type = tun, addresses = [\"10.0.0.256/24\"] }",
                        "interfaces.t.addresses: \"10.0.0.256\" is not an IPv4 address like 192.0.2.1"),
                iface(
                        "t { type = tun, addresses = [\"10.0.0.1/33\"] }",
                        "interfaces.t.addresses: \"10.0.0.1/33\" has prefix length 33, the most is 32"),
                iface(
                        "t { type = tun, addresses = [{}] }",
                        "interfaces.t.addresses is a section, expected an address with its prefix length like 192.0.2.1/24"),
                iface(
                        "t { type = tun, addresses = \"10.0.0.0/24\" }",
                        "interfaces.t.addresses: 10.0.0.0/24 is the network itself, expected the address of a station in it"),
                iface(
                        "t { type = tun, addresses = \"10.0.0.255/24\" }",
                        "interfaces.t.addresses: 10.0.0.255/24 is the broadcast address of its network, expected the address of a"
                                + " station in it"),
                iface(
                        "t { type = tun, addresses = \"224.0.0.1/24\" }",
                        "interfaces.t.addresses: 224.0.0.1/24 is a multicast address, expected the address of a station"),
                iface(
                        "t { type = tun, addresses = \"127.0.0.1/8\" }",
                        "interfaces.t.addresses: 127.0.0.1/8 is a loopback address, which never leaves a host"),
                iface(
                        "t { type = tun, addresses = \"fd00::/64\" }",
                        "interfaces.t.addresses: fd00::/64 is the subnet-router anycast address, expected the address of a station"),
                iface(
                        "t { type = tap, role = local-delivery, addresses = \"10.0.0.1/24\" }",
                        "interfaces.t.addresses is not for role = local-delivery, which carries the addresses of all other"
                                + " interfaces"),
                iface(
                        "t { type = tap, router-advertisement {} }",
                        "interfaces.t.router-advertisement needs an IPv6 address in interfaces.t.addresses"),
                iface(
                        "t { type = tap, addresses = \"fd00::1/64\", router-advertisement { lifetime = 1m } }",
                        "interfaces.t.router-advertisement.lifetime is shorter than interval, so hosts would lose the router"
                                + " between two advertisements"),
                iface(
                        "t { type = tun, kernel { routes = \"10.0.0.0/8 via 10.0.0.1\" } }",
                        "interfaces.t.kernel.routes: 10.0.0.0/8 has via, but a tun leads to the router alone: leave via out"),
                iface(
                        "t { type = tap, kernel { routes = \"0.0.0.0/0\" } }",
                        "interfaces.t.kernel.routes: 0.0.0.0/0 needs via, because the router has no IPv4 address on"
                                + " interfaces.t"),
                // Between interfaces.
                iface(
                        lan + "x { type = tap, addresses = \"192.168.1.1/32\" }",
                        4,
                        "interfaces.x.addresses: 192.168.1.1 is used twice, first by interface lan (line 3)"),
                iface(
                        "x { type = tap, addresses = \"10.0.0.1/24\"\n kernel { addresses = \"10.0.0.1/24\" } }",
                        4,
                        "interfaces.x.kernel.addresses: 10.0.0.1 is used twice, first by interface x (line 3)"),
                iface(
                        lan + "x { type = tap, addresses = \"192.168.0.1/16\" }",
                        4,
                        "interfaces.x.addresses: 192.168.0.1/16 overlaps 192.168.1.1/24 of interface lan (line 3), expected a"
                                + " prefix of its own"),
                iface(
                        "a { type = tap, device = t }\nb { type = tun, device = t }",
                        4,
                        "interfaces.b.device: t is the device of interface a already (line 3)"),
                iface(
                        "a { type = tap, role = local-delivery }\nb { type = tap, role = local-delivery }",
                        4,
                        "interfaces.b has role = local-delivery, but interface a has it already (line 3): there can be one"),
                // Routes.
                route(lan, "{ interface = lan }", "routes needs prefix, a prefix like 192.0.2.0/24 or 2001:db8::/32"),
                route(
                        lan,
                        "{ prefix = \"10.0.0.1/8\", interface = lan }",
                        "routes.prefix: \"10.0.0.1/8\" has bits set behind its length; did you mean 10.0.0.0/8?"),
                route(
                        lan,
                        "{ prefix = \"224.0.0.0/8\", interface = lan }",
                        "routes.prefix: 224.0.0.0/8 is multicast, which is not routed"),
                route(
                        lan,
                        "{ prefix = \"fe80::/64\", interface = lan }",
                        "routes.prefix: fe80::/64 is link-local, which is not routed"),
                route(
                        lan,
                        "{ prefix = \"10.0.0.0/8\", via = ["
                                + IntStream.rangeClosed(2, 66)
                                        .mapToObj(i -> "\"192.168.1." + i + "\"")
                                        .collect(Collectors.joining(", "))
                                + "] }",
                        "route 10.0.0.0/8 has 65 next hops, the most is 64"),
                route(lan, "{ prefix = \"10.0.0.0/8\" }", "route 10.0.0.0/8 needs via, interface or action"),
                route(
                        lan,
                        "{ prefix = \"10.0.0.0/8\", action = blackhole, interface = lan }",
                        "route 10.0.0.0/8 has an action and a next hop, expected one of them"),
                route(
                        lan,
                        "{ prefix = \"10.0.0.0/8\", action = drop }",
                        "routes.action is \"drop\", expected unreachable, blackhole or prohibit"),
                route(
                        lan,
                        "{ prefix = \"10.0.0.0/8\", interface = lna }",
                        "route 10.0.0.0/8: interface lna is unknown, did you mean lan?"),
                route(
                        lan,
                        "{ prefix = \"10.0.0.0/8\", via = \"172.16.0.1\" }",
                        "route 10.0.0.0/8: via 172.16.0.1 is reached by no interface, expected an address in a prefix of an"
                                + " interface"),
                route(
                        lan,
                        "{ prefix = \"10.0.0.0/8\", via = \"172.16.0.1\", interface = lan }",
                        "route 10.0.0.0/8: via 172.16.0.1 is reached by no interface, expected an address in a prefix of"
                                + " interface lan"),
                route(
                        p2p,
                        "{ prefix = \"192.168.0.0/16\", via = \"10.0.0.2\" }",
                        "route 192.168.0.0/16: via 10.0.0.2 is behind p2p, but a tun is point to point and has no next hops:"
                                + " write interface = p2p instead"),
                route(
                        p2p,
                        "{ prefix = \"192.168.0.0/16\", via = \"10.9.9.9\", interface = p2p }",
                        "route 192.168.0.0/16: via 10.9.9.9 is behind p2p, but a tun is point to point and has no next hops:"
                                + " write interface = p2p instead"),
                route(
                        lan,
                        "{ prefix = \"10.0.0.0/8\", via = \"192.168.1.1\" }",
                        "route 10.0.0.0/8: via 192.168.1.1 is the router's own address on lan, expected a neighbor's"),
                route(
                        lan,
                        "{ prefix = \"10.0.0.0/8\", via = \"192.168.1.255\" }",
                        "route 10.0.0.0/8: via 192.168.1.255 is a broadcast address of 192.168.1.1/24, expected a neighbor's"),
                route(
                        lan,
                        "{ prefix = \"fd00:2::/64\", via = \"192.168.1.2\" }",
                        "route fd00:2::/64: via 192.168.1.2 is IPv4, expected an IPv6 next hop for an IPv6 prefix"),
                route(
                        lan,
                        "{ prefix = \"fd00:2::/64\", via = \"fe80::2\" }",
                        "route fd00:2::/64: via fe80::2 is link-local, so the route needs interface too"),
                route(
                        lan + p2p,
                        5,
                        "{ prefix = \"fd00:2::/64\", via = \"fd00:1::2\", interface = [lan, p2p] }",
                        "route fd00:2::/64 has via and 2 interfaces, expected one interface or none"),
                route(
                        lan,
                        "{ prefix = \"10.0.0.0/8\", interface = lan, src = \"10.1.1.1\" }",
                        "route 10.0.0.0/8: src 10.1.1.1 is no address of the router, expected one of an interface"),
                route(
                        lan,
                        "{ prefix = \"10.0.0.0/8\", interface = lan, src = \"fd00:1::1\" }",
                        "route 10.0.0.0/8: src fd00:1::1 is of another family than the prefix"),
                route(
                        lan,
                        "{ prefix = \"10.0.0.0/8\", interface = lan, preference = 0 }",
                        "routes.preference is 0, expected a whole number from 1 to 255"),
                route(
                        "host { type = tap, role = local-delivery }\n",
                        "{ prefix = \"10.0.0.0/8\", interface = host }",
                        "route 10.0.0.0/8: interface host is for local delivery, expected one that leads to other hosts"),
                route(
                        lan,
                        5,
                        "{ prefix = \"10.0.0.0/8\", interface = lan }\n{ prefix = \"10.0.0.0/8\", via = \"192.168.1.7\" }",
                        "route 10.0.0.0/8 is there twice (line 4), expected one route with a list of next hops"));
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource("mistakes")
    void aMistakeIsReportedWithItsLine(String text, String expected) {
        assertThat(problems(text)).containsExactly("r.conf:" + expected);
    }

    @Test
    void routesOfAFileAreReadAsThoseOfRoutes() throws Exception {
        Files.writeString(folder.resolve("routes.txt"), """
                # prefix and next hop
                198.51.100.0/24 via 192.168.1.7

                203.0.113.0/24 dev lan metric 10   # on link
                2001:db8::/32 via fe80::1 dev lan src fd00::1
                blackhole 10.0.0.0/8
                """);
        RouterConfig config = read("""
                router {
                  interfaces { lan { type = tap, addresses = ["192.168.1.1/24", "fd00::1/64"] } }
                  routes = [ { prefix = "10.1.0.0/16", via = "192.168.1.8" } ]
                  route-files = ["routes.txt"]
                }
                """);

        assertThat(config.routes())
                .containsExactly(
                        route("10.1.0.0/16", new Hop("lan", IpAddress.parse("192.168.1.8")), null, 0),
                        route("198.51.100.0/24", new Hop("lan", IpAddress.parse("192.168.1.7")), null, 0),
                        route("203.0.113.0/24", new Hop("lan", null), null, 10),
                        route(
                                "2001:db8::/32",
                                new Hop("lan", IpAddress.parse("fe80::1")),
                                IpAddress.parse("fd00::1"),
                                0),
                        new RouteConfig(IpPrefix.parse("10.0.0.0/8"), FibAction.BLACKHOLE, List.of(), null, 1, 0));
    }

    private static RouteConfig route(String prefix, Hop hop, @Nullable IpAddress source, int metric) {
        return new RouteConfig(IpPrefix.parse(prefix), FibAction.FORWARD, List.of(hop), source, 1, metric);
    }

    @Test
    void aMistakeInAFileOfRoutesIsReportedWithItsLineThere() throws IOException {
        Files.writeString(folder.resolve("routes.txt"), """
                198.51.100.0/24 via 10.0.0.1
                198.51.100.7/24 dev lan
                198.51.101.0/24 nexthop 192.168.1.7
                blackhole
                192.0.2.0/24 via
                192.0.2.0/24 via 192.168.1.7 via 192.168.1.8
                192.0.3.0/24
                10.0.0.0/8 dev lan
                """);

        assertThat(problems("""
                        router {
                          interfaces { lan { type = tap, addresses = "192.168.1.1/24" } }
                          routes = [ { prefix = "10.0.0.0/8", interface = lan } ]
                          route-files = ["routes.txt", "missing.txt"]
                        }
                        """))
                .containsExactly(
                        "r.conf:4: route-files: missing.txt does not exist",
                        "routes.txt:1: route 198.51.100.0/24: via 10.0.0.1 is reached by no interface, expected an"
                                + " address in a prefix of an interface",
                        "routes.txt:2: prefix: \"198.51.100.7/24\" has bits set behind its length; did you mean"
                                + " 198.51.100.0/24?",
                        "routes.txt:3: \"nexthop\" is unknown, expected [unreachable|blackhole|prohibit] PREFIX"
                                + " [via ADDRESS] [dev INTERFACE] [src ADDRESS] [metric NUMBER]",
                        "routes.txt:4: there is no prefix behind blackhole, expected [unreachable|blackhole|prohibit]"
                                + " PREFIX [via ADDRESS] [dev INTERFACE] [src ADDRESS] [metric NUMBER]",
                        "routes.txt:5: there is nothing behind via, expected [unreachable|blackhole|prohibit] PREFIX"
                                + " [via ADDRESS] [dev INTERFACE] [src ADDRESS] [metric NUMBER]",
                        "routes.txt:6: via is there twice; several next hops take an element of routes",
                        "routes.txt:7: route 192.0.3.0/24 needs via, interface or action",
                        "routes.txt:8: route 10.0.0.0/8 is there twice (line 3 of r.conf), expected one route with a"
                                + " list of next hops");
    }

    @Test
    void aFileOfNothingButMistakesIsNotReadToItsEnd() throws IOException {
        Files.writeString(folder.resolve("routes.txt"), "nonsense\n".repeat(1000));

        assertThat(problems("router.route-files = [\"routes.txt\"]"))
                .hasSize(21)
                .last()
                .isEqualTo("routes.txt:20: the lines behind this one were not read: too many mistakes");
    }

    @Test
    void everyMistakeIsReportedAtOnceByLine() {
        assertThat(problems("""
                router {
                  interfaces {
                    lan { type = tap, mtuu = 1500, addresses = ["10.0.0.1/24"] }
                    wan { type = paket, adresses = [] }
                    p2p { type = tun, addresses = ["10.0.0.9/24"], queues = 999
                          mtu = big }
                  }
                  routes = [
                    { prefix = "0.0.0.0/0", via = "203.0.113.1" }
                    { prefix = nonsense, action = drop }
                    { prefix = "10.1.0.0/16", interface = wann }
                  ]
                  lane = 2
                }
                """))
                .containsExactly(
                        "r.conf:3: interfaces.lan.mtuu is unknown, did you mean mtu?",
                        "r.conf:4: interfaces.wan.adresses is unknown, did you mean addresses?",
                        "r.conf:4: interfaces.wan.type is \"paket\", did you mean packet?",
                        "r.conf:5: interfaces.p2p.queues is 999, expected a whole number from 1 to 256, or auto",
                        "r.conf:5: interfaces.p2p.addresses: 10.0.0.9/24 overlaps 10.0.0.1/24 of interface lan (line 3),"
                                + " expected a prefix of its own",
                        "r.conf:6: interfaces.p2p.mtu is \"big\", expected a whole number from 68 to 65535",
                        "r.conf:10: routes.prefix: \"nonsense\" is not an IPv4 address like 192.0.2.1",
                        "r.conf:10: routes.action is \"drop\", expected unreachable, blackhole or prohibit",
                        "r.conf:11: route 10.1.0.0/16: interface wann is unknown, did you mean wan?",
                        "r.conf:13: lane is unknown, did you mean lanes?");
    }

    private enum NatKey implements ConfigKey {
        ENABLED(ConfigType.BOOLEAN, "true"),
        SESSIONS(ConfigType.NUMBER, "65536"),
        TIMEOUT(ConfigType.DURATION, "5m"),
        RATE_LIMIT(ConfigType.RATE, "100/s"),
        POOL(ConfigType.TEXT, "a, b: {c}");

        private final ConfigType type;
        private final String fallback;

        NatKey(ConfigType type, String fallback) {
            this.type = type;
            this.fallback = fallback;
        }

        @Override
        public String key() {
            return ValueType.written(this);
        }

        @Override
        public ConfigType type() {
            return type;
        }

        @Override
        public String defaultText() {
            return fallback;
        }

        @Override
        public String text() {
            return "For the test.";
        }
    }

    private static final StageDescriptor NAT = stage("ip4-nat", "nat");

    private static StageDescriptor stage(String id, String section) {
        return StageDescriptor.named(id, "Does nothing.")
                .settings(section, NatKey.values())
                .factory(setup -> {
                    throw new AssertionError("no instance is needed");
                });
    }

    @Test
    void stagesGetTheirSettings() throws Exception {
        Path file = write("router.nat { enabled = false, sessions = 5, timeout = 250ms, rate-limit = off, pool = x }");
        Settings settings = ConfigFile.read(file, Catalog.of(List.of(NAT))).settings(NAT);

        assertThat(settings.bool(NatKey.ENABLED)).isFalse();
        assertThat(settings.number(NatKey.SESSIONS)).isEqualTo(5);
        assertThat(settings.durationNanos(NatKey.TIMEOUT)).isEqualTo(250_000_000L);
        assertThat(settings.rate(NatKey.RATE_LIMIT)).isEqualTo(Settings.UNLIMITED);
        assertThat(settings.text(NatKey.POOL)).isEqualTo("x");
    }

    @Test
    void saysWhatIsDoneAboutStagesAtFault() throws Exception {
        StageDescriptor first = StageDescriptor.named("nat-first", "Leads on.")
                .outputs(new io.culvert.spi.OutPort[] {new Leading()})
                .factory(setup -> {
                    throw new AssertionError("no instance is needed");
                });
        Catalog catalog = Catalog.of(List.of(NAT, first));
        SupervisionConfig supervision = ConfigFile.read(write("""
                        router {
                          when-broken { ip4-nat = stop, nat-first = bypass }
                          stage-time-budget = 20ms
                          debug-buffers = true
                        }
                        """), catalog).supervision();
        assertThat(supervision.of("ip4-nat")).isEqualTo(SupervisionConfig.WhenBroken.STOP);
        assertThat(supervision.of("nat-first")).isEqualTo(SupervisionConfig.WhenBroken.BYPASS);
        assertThat(supervision.of("other")).isEqualTo(SupervisionConfig.WhenBroken.DROP);
        assertThat(supervision.stageTimeBudget()).isEqualTo(Duration.ofMillis(20));
        assertThat(supervision.debugBuffers()).isTrue();

        Path wrong = write("""
                router.when-broken {
                  ip4-nat = bypass
                  nat-frist = drop
                }
                """);
        BadConfigException bad = catchThrowableOfType(BadConfigException.class, () -> ConfigFile.read(wrong, catalog));
        assertThat(bad.problems().stream().map(ConfigProblem::toString).map(text -> text.replaceAll(".*/", "")))
                .containsExactly(
                        "r.conf:2: when-broken.ip4-nat is \"bypass\", expected drop or stop",
                        "r.conf:3: when-broken: \"nat-frist\" is no stage, did you mean nat-first?");
    }

    private record Leading() implements io.culvert.spi.OutPort {
        @Override
        public String name() {
            return "NEXT";
        }

        @Override
        public int ordinal() {
            return 0;
        }

        @Override
        public io.culvert.spi.Target target() {
            return io.culvert.spi.Target.next();
        }
    }

    @Test
    void stagesOfWhichTheFileSaysNothingHaveTheirDefaults() throws Exception {
        Settings fromFile =
                ConfigFile.read(write("router {}"), Catalog.of(List.of(NAT))).settings(NAT);
        for (Settings settings : List.of(fromFile, StageSettings.defaults(NAT))) {
            assertThat(settings.bool(NatKey.ENABLED)).isTrue();
            assertThat(settings.number(NatKey.SESSIONS)).isEqualTo(65536);
            assertThat(settings.durationNanos(NatKey.TIMEOUT)).isEqualTo(300_000_000_000L);
            assertThat(settings.rate(NatKey.RATE_LIMIT)).isEqualTo(100);
            assertThat(settings.text(NatKey.POOL)).isEqualTo("a, b: {c}");
            assertThatThrownBy(() -> settings.number(NatKey.POOL)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void stagesThatShareASectionMustMeanTheSameByAKey() throws Exception {
        StageDescriptor same = stage("ip6-nat", "nat");
        RouterConfig config = ConfigFile.read(write("router.nat { sessions = 7 }"), Catalog.of(List.of(NAT, same)));
        assertThat(config.settings(NAT).number(NatKey.SESSIONS)).isEqualTo(7);
        assertThat(config.settings(same).number(NatKey.SESSIONS)).isEqualTo(7);

        StageDescriptor other = StageDescriptor.named("other", "Does nothing.")
                .settings("nat", new ConfigKey[] {
                    new ConfigKey() {
                        @Override
                        public String key() {
                            return "sessions";
                        }

                        @Override
                        public ConfigType type() {
                            return ConfigType.NUMBER;
                        }

                        @Override
                        public String defaultText() {
                            return "8";
                        }

                        @Override
                        public String text() {
                            return "Not the same default.";
                        }
                    }
                })
                .factory(setup -> {
                    throw new AssertionError("no instance is needed");
                });
        assertThatThrownBy(() -> ConfigFile.read(write("router {}"), Catalog.of(List.of(NAT, other))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("stages [ip4-nat, other] declare nat.sessions differently");
    }

    @Test
    void settingsOfStagesAreCheckedLikeAllOthers() {
        BadConfigException bad = catchThrowableOfType(
                BadConfigException.class,
                () -> ConfigFile.read(
                        write(
                                "router.nat {\n enabled = 1\n sessions = -2\n timeout = soon\n pools = x }\nrouter.nta {}"),
                        Catalog.of(List.of(NAT))));

        assertThat(bad.problems())
                .extracting(problem -> problem.toString().replace(folder + "/", ""))
                .containsExactly(
                        "r.conf:2: nat.enabled is 1, expected true or false",
                        "r.conf:3: nat.sessions is -2, expected a whole number",
                        "r.conf:4: nat.timeout is \"soon\", expected a duration like 30s or 500ms",
                        "r.conf:5: nat.pools is unknown, did you mean pool?",
                        "r.conf:6: nta is unknown, did you mean nat?");
    }

    static Stream<Arguments> repeated() {
        return Stream.of(
                mistake(
                        "router {\n name = a\n name = b }",
                        "3: name is there twice (line 2), expected one of that name"),
                mistake(
                        "router { interfaces {\nlan { type = tap }\nwan { type = tun }\nlan { mtu = 1500 } } }",
                        "4: interfaces.lan is there twice (line 2), expected one of that name"),
                mistake(
                        "router { # name = a {\n // }\n name = \"}\", name = c }",
                        "3: name is there twice (line 3), expected one of that name"),
                mistake(
                        "{ router : {\n routes = [ { prefix = \"10.0.0.0/8\", action = blackhole\n, \"action\" : prohibit } ] } }",
                        "3: routes.action is there twice (line 2), expected one of that name"),
                mistake(
                        "router.name = a\nrouter.name = b",
                        "2: router.name is there twice (line 1), expected one of that name"));
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource("repeated")
    void aKeyThatStandsTwiceIsReported(String text, String expected) {
        assertThat(problems(text)).contains("r.conf:" + expected);
    }

    @Test
    void whatBuildsOnTheValueBeforeMayStandTwice() throws Exception {
        RouterConfig config = read("""
                router {
                  name = r
                  name = ${router.name}1
                  interfaces.a { type = tun, addresses = ["10.0.0.1/24"] }
                  interfaces.b = ${router.interfaces.a} { addresses = ["10.1.0.1/24"] }
                  interfaces.b { mtu = 1400 }
                  routes = [ { prefix = "10.2.0.0/16", interface = a }, { prefix = "10.3.0.0/16", interface = a } ]
                  routes += { prefix = "10.4.0.0/16", interface = b }
                }
                router { lanes = 2 }
                """);

        assertThat(config.name()).isEqualTo("r1");
        assertThat(config.interfaces().get(1).mtu()).hasValue(1400);
        assertThat(config.routes()).hasSize(3);
    }

    @Test
    void anOverriddenSettingAndANullCountAsHoconSays() throws Exception {
        RouterConfig config = read("router { name = a, lanes = 3 }\nrouter { name = b, lanes = null }");

        assertThat(config.name()).isEqualTo("b");
        assertThat(config.lanes()).isEmpty();
    }

    private static Arguments mistake(String text, String expected) {
        return Arguments.of(text, expected);
    }

    private static Arguments iface(String text, String expected) {
        return iface(text, 3, expected);
    }

    private static Arguments iface(String text, int line, String expected) {
        return mistake("router {\ninterfaces {\n" + text + "\n}}", line + ": " + expected);
    }

    private static Arguments route(String interfaces, String text, String expected) {
        return route(interfaces, 4, text, expected);
    }

    private static Arguments route(String interfaces, int line, String text, String expected) {
        return mistake("router { interfaces {\n" + interfaces + "}\nroutes = [" + text + "]}", line + ": " + expected);
    }

    private static InterfaceAddress address(String text) {
        return InterfaceAddress.parse(text);
    }

    private static RouteConfig route(String prefix, FibAction action, Hop... hops) {
        return new RouteConfig(IpPrefix.parse(prefix), action, List.of(hops), null, 1, 0);
    }

    private RouterConfig read(String text) throws Exception {
        return ConfigFile.read(write(text), Catalog.of(List.of()));
    }

    private List<String> problems(String text) {
        BadConfigException bad = catchThrowableOfType(
                BadConfigException.class, () -> ConfigFile.read(write(text), Catalog.of(List.of())));
        return bad.problems().stream()
                .map(problem -> problem.toString().replace(folder + "/", ""))
                .toList();
    }

    private Path write(String text) throws IOException {
        return Files.writeString(folder.resolve("r.conf"), text);
    }
}
