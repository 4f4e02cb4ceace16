// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.culvert.config.LabConfig.Check;
import io.culvert.config.LabConfig.End;
import io.culvert.config.LabConfig.Service;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.IpAddress;
import io.culvert.net.IpPrefix;
import io.culvert.net.MacAddress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

final class LabFileTest {
    private static final String SMALL = """
            lab.name = x
            lab.namespaces { a {}, b {} }
            lab.checks = []
            """;

    @TempDir
    private Path folder;

    @Test
    void aLabIsReadInTheOrderOfTheFile() throws Exception {
        Files.writeString(folder.resolve("r.conf"), "router {}");

        LabConfig lab = read("""
                lab {
                  name = mylab
                  title = "Two hosts"
                  namespaces {
                    z { routes = ["0.0.0.0/0 via 10.0.0.1"], sysctls = ["net/ipv4/ip_default_ttl = 32"] }
                    a {}
                  }
                  links = [ {
                    a { in = z, device = eth0, addresses = ["10.0.0.2/24"], mac = "02:00:00:00:00:01" }
                    b { in = a, device = eth0 }
                    mtu = 1400
                  } ]
                  routers { r { in = a, config = r.conf }, s { in = a, router { name = s } } }
                  services { web { in = a, run = "serve 'two words' \\"\\" x", listens = 80 } }
                  checks = [
                    { title = one, in = z, run = "ping a", within = 5s, exit = 1, expect = ["(a)b(c)", d], figure = "$2 ms" }
                    { title = two, in = a, run = "ping b", show = true }
                  ]
                }
                """);

        assertThat(lab.name()).isEqualTo("mylab");
        assertThat(lab.title()).isEqualTo("Two hosts");
        assertThat(lab.kernelName("z")).isEqualTo("mylab-z");
        assertThat(lab.namespaces()).extracting(LabConfig.Namespace::name).containsExactly("z", "a");
        assertThat(lab.namespaces().get(0).routes())
                .containsExactly(
                        new InterfaceConfig.KernelRoute(IpPrefix.parse("0.0.0.0/0"), IpAddress.parse("10.0.0.1")));
        assertThat(lab.namespaces().get(0).sysctls())
                .containsExactly(new LabConfig.Sysctl("net/ipv4/ip_default_ttl", "32"));
        assertThat(lab.links())
                .containsExactly(new LabConfig.Link(
                        new End(
                                "z",
                                "eth0",
                                List.of(InterfaceAddress.parse("10.0.0.2/24")),
                                MacAddress.parse("02:00:00:00:00:01")),
                        new End("a", "eth0", List.of(), null),
                        OptionalInt.of(1400)));
        assertThat(lab.routers().get(0).file()).isEqualTo(folder.resolve("r.conf"));
        assertThat(lab.routers().get(1).text()).contains("\"router\"").contains("\"name\" : \"s\"");
        assertThat(lab.services())
                .containsExactly(new Service("web", "a", List.of("serve", "two words", "", "x"), OptionalInt.of(80)));
        Check one = lab.checks().get(0);
        assertThat(one.command()).containsExactly("ping", "a");
        assertThat(one.within()).isEqualTo(Duration.ofSeconds(5));
        assertThat(one.exit()).isEqualTo(1);
        assertThat(one.expect()).extracting(Pattern::pattern).containsExactly("(a)b(c)", "d");
        assertThat(one.figure()).isEqualTo("$2 ms");
        assertThat(lab.checks().get(1))
                .isEqualTo(new Check("two", "a", List.of("ping", "b"), Duration.ofSeconds(20), 0, List.of(), "", true));
    }

    static final List<Arguments> MISTAKES = Stream.of(
                    Arguments.of("labb.x = 1", 4, "labb is unknown at the top, did you mean lab?"),
                    Arguments.of("lab.check = []", 4, "check is unknown, did you mean checks?"),
                    Arguments.of(
                            "lab.namespaces { \"a/b\" {} }",
                            4,
                            "namespaces.\"a/b\": expected a name of letters, digits, - and _, at most 31 in place of a/b"),
                    Arguments.of(
                            "lab.namespaces { a { routes = [\"10.0.0.0/8\"] } }",
                            4,
                            "namespaces.a.routes: 10.0.0.0/8 needs via and a gateway"),
                    Arguments.of(
                            "lab.namespaces { a { sysctls = [\"kernel/x = 1\"] } }",
                            4,
                            "namespaces.a.sysctls is \"kernel/x = 1\", expected a parameter like"
                                    + " \"net/ipv4/ip_default_ttl = 32\""),
                    Arguments.of("lab.links = [ { a { in = a, device = x } } ]", 4, "links needs b, { ... }"),
                    Arguments.of(
                            "lab.links = [ {\n a { in = a, device = x }\n b { in = c, device = x } } ]",
                            6,
                            "links.b.in: there is no namespace c, did you mean a?"),
                    Arguments.of(
                            "lab.links = [ {\n a { in = a, device = x }\n b { in = a, device = x } } ]",
                            6,
                            "links.b.device: x is there already in namespace a"),
                    Arguments.of(
                            "lab.links = [ { a { in = a, device = x, addresses = \"10.0.0.0/24\" }, b { in = b, device = x } } ]",
                            4,
                            "links.a.addresses: 10.0.0.0/24 is the network itself, expected the address of a station in it"),
                    Arguments.of(
                            "lab.routers { r { in = a } }",
                            4,
                            "routers.r needs either config, a file, or router { ... }"),
                    Arguments.of(
                            "lab.routers {\n r { in = a, router {\n lane = 1 } } }",
                            6,
                            "lane is unknown, did you mean lanes?"),
                    Arguments.of(
                            "lab.services { s { in = a, run = \"say 'this\" } }",
                            4,
                            "services.s.run: \"say 'this\" has a quote without its end"),
                    Arguments.of(
                            "lab.services { s { in = a, run = \" \" } }", 4, "services.s.run: \" \" is no command"),
                    Arguments.of(
                            "lab.services { s { in = a, run = x, listens = 0 } }",
                            4,
                            "services.s.listens is 0, expected a whole number from 1 to 65535"),
                    Arguments.of(
                            "lab.checks = [ { title = t, in = a } ]",
                            4,
                            "checks needs run, a program and its arguments"),
                    Arguments.of(
                            "lab.checks = [ { title = t, in = a, run = x,\n expect = \"(a\" } ]",
                            5,
                            "checks.expect: \"(a\" is no regular expression: Unclosed group at character 2"),
                    Arguments.of(
                            "lab.checks = [ { title = t, in = a, run = x, expect = \"(a)\",\n figure = \"$2\" } ]",
                            5,
                            "checks.figure has $2, but expect has 1 group"))
            .toList();

    @ParameterizedTest
    @FieldSource("MISTAKES")
    void aMistakeIsReportedAtItsLine(String text, int line, String message) throws IOException {
        // A mistake in the checks stands in the place of none.
        String rest = text.startsWith("lab.checks") ? SMALL.replace("lab.checks = []", "") + text : SMALL + text;
        assertThat(problems(rest)).containsExactly(new ConfigProblem(file().toString(), line, message));
    }

    @Test
    void whatIsRequiredIsMissedAllAtOnce() throws IOException {
        assertThat(problems("lab {}"))
                .extracting(ConfigProblem::message)
                .containsExactlyInAnyOrder(
                        "needs name, a name of letters, digits, - and _, at most 31",
                        "needs namespaces, { NAME { ... } ... }",
                        "needs checks, { ... }, or a list of such");
        assertThat(problems(""))
                .extracting(ConfigProblem::message)
                .containsExactly("there is no lab, expected lab { ... }");
    }

    @Test
    void aMistakeInTheFileOfARouterIsReportedThere() throws IOException {
        Path router = Files.writeString(folder.resolve("r.conf"), "router {\n  lane = 1\n}\n");

        assertThat(problems(SMALL + "lab.routers { r { in = a, config = r.conf } }"))
                .containsExactly(new ConfigProblem(router.toString(), 2, "lane is unknown, did you mean lanes?"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"demo.conf", "tun.conf"})
    void theLabsOfTheSourceTreeAreFine(String name) throws Exception {
        LabConfig lab = LabFile.read(Path.of("..", "conf", "labs", name), Catalog.of(List.of()));

        assertThat(lab.checks()).hasSizeGreaterThan(5);
    }

    private Path file() {
        return folder.resolve("lab.conf");
    }

    private LabConfig read(String text) throws IOException, BadConfigException {
        return LabFile.read(Files.writeString(file(), text), Catalog.of(List.of()));
    }

    private List<ConfigProblem> problems(String text) throws IOException {
        Files.writeString(file(), text);
        return catchThrowableOfType(BadConfigException.class, () -> LabFile.read(file(), Catalog.of(List.of())))
                .problems();
    }
}
