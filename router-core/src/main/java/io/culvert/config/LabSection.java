// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import static io.culvert.config.Key.optional;
import static io.culvert.config.Key.required;
import static io.culvert.config.Key.withDefault;

import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValueFactory;
import io.culvert.net.InterfaceAddress;
import io.culvert.net.MacAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/** {@code lab}: its keys, and what must fit together among namespaces, links, routers, services and checks. */
final class LabSection {
    private static final ValueType<String> NAME_TYPE =
            ValueType.text("a name of letters, digits, - and _, at most 31", text -> Names.isName(text) ? text : null);
    private static final ValueType<List<String>> COMMAND_TYPE =
            ValueType.named("a program and its arguments", LabSection::words);
    private static final Pattern SYSCTL = Pattern.compile("(net/[^\\s=]+)\\s*=\\s*(\\S.*)");
    private static final Pattern GROUP = Pattern.compile("\\$(\\d+)");

    private static final Key<String> NAME =
            required("name", NAME_TYPE, "The lab's name; namespaces are called NAME-NAMESPACE.");
    private static final Key<String> TITLE = withDefault("title", ValueType.TEXT, "\"\"", "What the lab shows.");

    private static final Key<List<Located<LabConfig.Sysctl>>> SYSCTLS = withDefault(
            "sysctls",
            ValueType.listOf(
                    ValueType.text("a parameter like \"net/ipv4/ip_default_ttl = 32\"", LabSection::parseSysctl)),
            "[]",
            "Kernel parameters, set when the links are there.");
    private static final Key<List<Located<InterfaceConfig.KernelRoute>>> ROUTES = withDefault(
            "routes",
            ValueType.listOf(
                    ValueType.named("a route like \"0.0.0.0/0 via 192.0.2.1\"", InterfaceSection::kernelRoute)),
            "[]",
            "The kernel's routes here, each with a gateway.");
    private static final Section NAMESPACE = new Section("A network namespace: one host.", List.of(SYSCTLS, ROUTES));
    private static final Key<Map<String, Values>> NAMESPACES = required(
            "namespaces",
            ValueType.sectionsByName(
                    (path, name, object, problems) -> readNamed(NAMESPACE, path, name, object, problems), NAMESPACE),
            "The network namespaces, each under a name of its own.");

    private static final Key<String> IN = required("in", ValueType.TEXT, "The namespace.");

    private static final Key<String> DEVICE =
            required("device", Names.DEVICE, "The device's name, free in its namespace.");
    private static final Key<List<Located<InterfaceAddress>>> ADDRESSES = withDefault(
            "addresses",
            ValueType.listOf(ValueType.INTERFACE_ADDRESS),
            "[]",
            "The kernel's addresses; without any the kernel leaves the device to a router in user space.");
    private static final Key<MacAddress> MAC = optional("mac", ValueType.MAC, "the kernel's choice", "Its address.");
    private static final Section END = new Section("One end of a link.", List.of(IN, DEVICE, ADDRESSES, MAC));
    private static final Key<Values> LINK_A = required("a", ValueType.section(END), "One end.");
    private static final Key<Values> LINK_B = required("b", ValueType.section(END), "The other end.");
    private static final Key<Long> LINK_MTU =
            optional("mtu", ValueType.number(68, 65535), "1500", "The largest IP packet, in bytes.");
    private static final Key<List<Located<Values>>> LINKS = withDefault(
            "links",
            ValueType.listOf(ValueType.section(
                    new Section("A virtual Ethernet cable between two ends.", List.of(LINK_A, LINK_B, LINK_MTU)))),
            "[]",
            "The links between the namespaces.");

    private static final Key<String> ROUTER_FILE =
            optional("config", ValueType.TEXT, "router { ... } says it", "Its file, relative to this one's folder.");
    private static final Key<ConfigObject> ROUTER_INLINE =
            optional("router", ValueType.object(), "config names a file", "Its configuration, right here.");
    private static final Section ROUTER = new Section("A Culvert process.", List.of(IN, ROUTER_FILE, ROUTER_INLINE));
    private static final Key<Map<String, Values>> ROUTERS = withDefault(
            "routers",
            ValueType.sectionsByName(
                    (path, name, object, problems) -> readNamed(ROUTER, path, name, object, problems), ROUTER),
            "{}",
            "The routers, each under a name of its own.");

    private static final Key<List<String>> RUN =
            required("run", COMMAND_TYPE, "The program and its arguments; quote those with blanks in them.");
    private static final Key<Long> LISTENS = optional(
            "listens",
            ValueType.number(1, 65535),
            "it is ready once started",
            "The TCP port that it opens when it is ready.");
    private static final Section SERVICE =
            new Section("A program that runs while the checks do.", List.of(IN, RUN, LISTENS));
    private static final Key<Map<String, Values>> SERVICES = withDefault(
            "services",
            ValueType.sectionsByName(
                    (path, name, object, problems) -> readNamed(SERVICE, path, name, object, problems), SERVICE),
            "{}",
            "Programs that the checks need, started when the routers are ready.");

    private static final Key<String> CHECK_TITLE = required("title", ValueType.TEXT, "What is seen to work.");
    private static final Key<Duration> WITHIN = withDefault(
            "within", ValueType.duration(Duration.ofMillis(100), Duration.ofHours(1)), "20s", "How long it may take.");
    private static final Key<Long> EXIT =
            withDefault("exit", ValueType.number(0, 255), "0", "The exit code that is right.");
    private static final Key<List<Located<Pattern>>> EXPECT = withDefault(
            "expect",
            ValueType.listOf(ValueType.named("a regular expression", LabSection::pattern)),
            "[]",
            "What must be found in the output: regular expressions, ^ and $ at each line.");
    private static final Key<String> FIGURE = withDefault(
            "figure",
            ValueType.TEXT,
            "\"\"",
            "What to tell about a success; $1, $2 ... stand for what the groups of expect caught.");
    private static final Key<Boolean> SHOW =
            withDefault("show", ValueType.BOOLEAN, "false", "Print the whole output of a success.");
    private static final Section CHECK = new Section(
            "A program that ends by itself, whose outcome says whether something works.",
            List.of(CHECK_TITLE, IN, RUN, WITHIN, EXIT, EXPECT, FIGURE, SHOW));
    private static final Key<List<Located<Values>>> CHECKS =
            required("checks", ValueType.listOf(ValueType.section(CHECK)), "What shall be seen to work, in order.");

    private static final Section LAB =
            new Section("A lab.", List.of(NAME, TITLE, NAMESPACES, LINKS, ROUTERS, SERVICES, CHECKS));

    private final Path file;
    private final Catalog catalog;
    private final Problems problems;

    LabSection(Path file, Catalog catalog, Problems problems) {
        this.file = file.toAbsolutePath().normalize();
        this.catalog = catalog;
        this.problems = problems;
    }

    /** Returns null after it has reported that something required is missing. */
    @Nullable
    LabConfig read(ConfigObject object) {
        Values lab = LAB.read("", object, problems);
        Map<String, Values> namespaces = lab.find(NAMESPACES);
        List<Located<Values>> checks = lab.find(CHECKS);
        String name = lab.find(NAME);
        if (namespaces == null) {
            return null;
        }
        List<LabConfig.Link> links = links(lab.get(LINKS), namespaces.keySet());
        List<LabConfig.Router> routers = new ArrayList<>();
        lab.get(ROUTERS).forEach((key, values) -> routers.add(router(key, values, namespaces.keySet())));
        List<LabConfig.Service> services = new ArrayList<>();
        lab.get(SERVICES).forEach((key, values) -> services.add(service(key, values, namespaces.keySet())));
        List<LabConfig.Check> read = new ArrayList<>();
        if (checks != null) {
            checks.forEach(check -> read.add(check(check.value(), namespaces.keySet())));
        }
        List<LabConfig.Namespace> made = new ArrayList<>();
        namespaces.forEach((key, values) -> made.add(namespace(key, values)));
        return name == null ? null : new LabConfig(name, lab.get(TITLE), file, made, links, routers, services, read);
    }

    private LabConfig.Namespace namespace(String name, Values values) {
        for (Located<InterfaceConfig.KernelRoute> route : values.get(ROUTES)) {
            if (route.value().via() == null) {
                problems.add(
                        route.origin(),
                        "namespaces." + name + ".routes: " + route.value().prefix() + " needs via and a gateway");
            }
        }
        return new LabConfig.Namespace(
                name,
                values.get(SYSCTLS).stream().map(Located::value).toList(),
                values.get(ROUTES).stream().map(Located::value).toList());
    }

    private List<LabConfig.Link> links(List<Located<Values>> given, Set<String> namespaces) {
        Set<String> taken = new HashSet<>();
        List<LabConfig.Link> links = new ArrayList<>();
        for (Located<Values> link : given) {
            LabConfig.End a = end("links.a", link.value().find(LINK_A), namespaces, taken);
            LabConfig.End b = end("links.b", link.value().find(LINK_B), namespaces, taken);
            Long mtu = link.value().find(LINK_MTU);
            if (a != null && b != null) {
                links.add(new LabConfig.Link(
                        a, b, mtu == null ? OptionalInt.empty() : OptionalInt.of(Math.toIntExact(mtu))));
            }
        }
        return links;
    }

    private LabConfig.@Nullable End end(
            String path, @Nullable Values values, Set<String> namespaces, Set<String> taken) {
        if (values == null) {
            return null;
        }
        String namespace = namespaceOf(path, values, namespaces);
        String device = values.find(DEVICE);
        if (device == null) {
            return null;
        }
        if (!taken.add(namespace + "/" + device)) {
            problems.add(
                    values.origin(DEVICE), path + ".device: " + device + " is there already in namespace " + namespace);
        }
        InterfaceSection.checkOwnAddresses(path + ".addresses", values.get(ADDRESSES), problems);
        return new LabConfig.End(
                namespace,
                device,
                values.get(ADDRESSES).stream().map(Located::value).toList(),
                values.find(MAC));
    }

    private LabConfig.Router router(String name, Values values, Set<String> namespaces) {
        String path = "routers." + name;
        String namespace = namespaceOf(path, values, namespaces);
        String config = values.find(ROUTER_FILE);
        ConfigObject inline = values.find(ROUTER_INLINE);
        if (values.given(ROUTER_FILE) == values.given(ROUTER_INLINE)) {
            problems.add(values.origin(), path + " needs either config, a file, or router { ... }");
        }
        if (config != null) {
            Path routerFile = file.resolveSibling(config).normalize();
            try {
                ConfigFile.read(routerFile, catalog);
            } catch (BadConfigException e) {
                problems.addAll(e.problems());
            }
            return new LabConfig.Router(name, namespace, routerFile, null);
        }
        if (inline == null) {
            return new LabConfig.Router(name, namespace, null, "");
        }
        new RouterSection(catalog).read(inline, ConfigFactory.empty(), problems);
        String text = ConfigValueFactory.fromMap(Map.of("router", inline.unwrapped()))
                .render(ConfigRenderOptions.concise().setFormatted(true));
        return new LabConfig.Router(name, namespace, null, text);
    }

    private LabConfig.Service service(String name, Values values, Set<String> namespaces) {
        Long listens = values.find(LISTENS);
        return new LabConfig.Service(
                name,
                namespaceOf("services." + name, values, namespaces),
                command(values),
                listens == null ? OptionalInt.empty() : OptionalInt.of(Math.toIntExact(listens)));
    }

    private LabConfig.Check check(Values values, Set<String> namespaces) {
        List<Pattern> expect = values.get(EXPECT).stream().map(Located::value).toList();
        int groups = expect.stream()
                .mapToInt(pattern -> pattern.matcher("").groupCount())
                .sum();
        Matcher used = GROUP.matcher(values.get(FIGURE));
        while (used.find()) {
            int group = used.group(1).length() > 3 ? Integer.MAX_VALUE : Integer.parseInt(used.group(1));
            if (!values.broken(EXPECT) && (group < 1 || group > groups)) {
                problems.add(
                        values.origin(FIGURE),
                        "checks.figure has $" + used.group(1) + ", but expect has "
                                + (groups == 1 ? "1 group" : groups + " groups"));
            }
        }
        String title = values.find(CHECK_TITLE);
        return new LabConfig.Check(
                title == null ? "" : title,
                namespaceOf("checks", values, namespaces),
                command(values),
                values.get(WITHIN),
                Math.toIntExact(values.get(EXIT)),
                expect,
                values.get(FIGURE),
                values.get(SHOW));
    }

    private static List<String> command(Values values) {
        List<String> command = values.find(RUN);
        return command == null ? List.of() : command;
    }

    private String namespaceOf(String path, Values values, Set<String> namespaces) {
        String namespace = values.find(IN);
        if (namespace == null) {
            return "";
        }
        if (!namespaces.contains(namespace)) {
            problems.add(
                    values.origin(IN),
                    path + ".in: there is no namespace " + namespace + ", " + Suggestion.ofKeys(namespace, namespaces));
        }
        return namespace;
    }

    private static Values readNamed(Section section, String path, String name, ConfigObject object, Problems problems) {
        if (!Names.isName(name)) {
            problems.add(object.origin(), path + ": expected " + NAME_TYPE.expected() + " in place of " + name);
        }
        return section.read(path, object, problems);
    }

    private static LabConfig.@Nullable Sysctl parseSysctl(String text) {
        Matcher matcher = SYSCTL.matcher(text);
        return matcher.matches() ? new LabConfig.Sysctl(matcher.group(1), matcher.group(2)) : null;
    }

    private static Pattern pattern(String text) {
        try {
            return Pattern.compile(text, Pattern.MULTILINE);
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" is no regular expression: " + e.getDescription() + " at character "
                            + e.getIndex(),
                    e);
        }
    }

    /** Splits at blanks, except within single or double quotes. */
    private static List<String> words(String text) {
        List<String> words = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        boolean inWord = false;
        char quote = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (quote != 0 ? c == quote : c == '\'' || c == '"') {
                quote = quote == 0 ? c : 0;
                inWord = true;
            } else if (quote == 0 && Character.isWhitespace(c)) {
                if (inWord) {
                    words.add(word.toString());
                }
                word.setLength(0);
                inWord = false;
            } else {
                word.append(c);
                inWord = true;
            }
        }
        if (quote != 0) {
            throw new IllegalArgumentException("\"" + text + "\" has a quote without its end");
        }
        if (inWord) {
            words.add(word.toString());
        }
        if (words.isEmpty()) {
            throw new IllegalArgumentException("\"" + text + "\" is no command");
        }
        return words;
    }
}
