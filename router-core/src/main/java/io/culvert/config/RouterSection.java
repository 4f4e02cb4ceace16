// SPDX-License-Identifier: Apache-2.0
package io.culvert.config;

import static io.culvert.config.Key.optional;
import static io.culvert.config.Key.withDefault;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigObject;
import io.culvert.config.SupervisionConfig.WhenBroken;
import io.culvert.spi.StageDescriptor;
import io.culvert.spi.Target;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** {@code router}: its keys, those of its small sections, and the sections that stages add. */
final class RouterSection {
    static final String PLUGINS = "plugins";

    private static final Key<String> NAME = withDefault(
            "name",
            Names.ROUTER,
            "router",
            "The router's name: in its socket's path, its logs and its own MAC addresses.");
    private static final Key<OptionalInt> LANES = withDefault(
            "lanes",
            ValueType.numberOrAuto(1, 64),
            "auto",
            "Worker lanes, among which flows are spread; auto makes one for each processor.");
    // A prime, so that under overload no flow is first in every vector: docs/adr/0009-vectors-of-61-packets.md.
    private static final Key<Long> VECTOR_SIZE = withDefault(
            "vector-size",
            ValueType.number(1, 256),
            "61",
            "The most packets that travel together; more for throughput, fewer for latency. A prime number is in step with "
                    + "no smaller number of flows that take turns.");
    // A pool is one ByteBuffer of at most 2 GiB, at 68 KiB per packet.
    private static final Key<Long> BUFFERS = withDefault(
            "buffers",
            ValueType.number(64, 30_000),
            "1024",
            "Packets that each lane has room for, at 68 KiB each; when all are in use, packets are dropped by name.");
    private static final Key<List<Located<Values>>> ROUTES = withDefault(
            "routes",
            ValueType.listOf(ValueType.section(RouteSection.SECTION)),
            "[]",
            "Static routes, next to those to the interfaces' own prefixes.");
    private static final Key<List<Located<String>>> ROUTE_FILES = withDefault(
            "route-files",
            ValueType.listOf(ValueType.TEXT),
            "[]",
            "Files of further static routes, one to a line as in \"198.51.100.0/24 via 192.0.2.1\" or"
                    + " \"blackhole 203.0.113.0/24\" (also dev, src, metric); relative to this file.");

    private static final Key<Duration> REACHABLE_TIME = withDefault(
            "reachable-time",
            ValueType.duration(Duration.ofMillis(100), Duration.ofHours(1)),
            "30s",
            "How long a neighbor counts as reachable after it was heard of.");
    private static final Key<Duration> RETRANSMIT_TIME = withDefault(
            "retransmit-time",
            ValueType.duration(Duration.ofMillis(10), Duration.ofMinutes(1)),
            "1s",
            "Time between two questions for the same neighbor.");
    private static final Key<Duration> DELAY_TIME = withDefault(
            "delay-time",
            ValueType.duration(Duration.ZERO, Duration.ofMinutes(1)),
            "5s",
            "How long a stale neighbor is used before it is asked.");
    private static final Key<Long> PROBES = withDefault(
            "probes", ValueType.number(1, 20), "3", "Unanswered questions after which a neighbor is unreachable.");
    private static final Key<Duration> FAILED_TIME = withDefault(
            "failed-time",
            ValueType.duration(Duration.ofMillis(100), Duration.ofHours(1)),
            "3s",
            "How long packets to a neighbor that did not answer are refused before it is asked again.");
    private static final Key<Duration> STALE_TIME = withDefault(
            "stale-time",
            ValueType.duration(Duration.ofSeconds(1), Duration.ofDays(1)),
            "10m",
            "How long a neighbor that nobody needs is remembered.");
    private static final Key<Long> NEW_PER_SECOND = withDefault(
            "new-per-second",
            ValueType.number(1, 1_000_000),
            "1000",
            "Unknown neighbors that packets may ask for on each interface: a scan gets no more.");
    private static final Key<Long> MAX_ENTRIES = withDefault(
            "max-entries",
            ValueType.number(16, 1_000_000),
            "4096",
            "Neighbors of each family, IPv4 and IPv6, that the router remembers at most.");
    private static final Key<Long> DUPLICATE_PROBES = withDefault(
            "duplicate-probes",
            ValueType.number(0, 10),
            "1",
            "Questions whether someone else has an own IPv6 address before it is used; 0 for none.");
    private static final Section NEIGHBOR_SECTION = new Section(
            "How neighbors are found, by ARP and ND alike.",
            List.of(
                    REACHABLE_TIME,
                    RETRANSMIT_TIME,
                    DELAY_TIME,
                    PROBES,
                    FAILED_TIME,
                    STALE_TIME,
                    NEW_PER_SECOND,
                    MAX_ENTRIES,
                    DUPLICATE_PROBES));
    private static final Key<Values> NEIGHBOR =
            withDefault("neighbor", ValueType.section(NEIGHBOR_SECTION), "{}", NEIGHBOR_SECTION.text());

    private static final Key<String> SOCKET = optional(
            "socket",
            Names.SOCKET,
            "/run/culvert/NAME.sock",
            "The unix socket at which culvert show finds the router.");
    private static final Key<Integer> MODE = withDefault(
            "mode",
            ValueType.text("permission bits like \"0660\"", RouterSection::parseMode),
            "\"0660\"",
            "The permission bits of the socket.");
    private static final Key<String> SOCKET_GROUP = optional(
            "group",
            Names.ACCOUNT_NAME,
            "the group of the process",
            "The group whose members may use the socket, by name or number.");
    private static final Section MANAGEMENT_SECTION =
            new Section("Where operators reach the running router.", List.of(SOCKET, MODE, SOCKET_GROUP));
    private static final Key<Values> MANAGEMENT =
            withDefault("management", ValueType.section(MANAGEMENT_SECTION), "{}", MANAGEMENT_SECTION.text());

    private static final Key<Duration> STAGE_TIME_BUDGET = withDefault(
            "stage-time-budget",
            ValueType.duration(Duration.ofMillis(1), Duration.ofMinutes(1)),
            "100ms",
            "How long a stage may have a lane's thread for one vector. One that takes longer is named; at ten times of it the"
                    + " stage is interrupted, and broken.");
    private static final Key<Boolean> DEBUG_BUFFERS = withDefault(
            "debug-buffers",
            ValueType.BOOLEAN,
            "false",
            "Remember where each packet was sent, held and originated last, and tell it of packets that a stage sends twice,"
                    + " loses, keeps, or writes to when it has given them away. Slow: for plugin authors.");
    private final Key<Map<String, WhenBroken>> whenBroken;
    private final Map<String, Key<Values>> stageKeys = new LinkedHashMap<>();
    private final InterfaceSection interfaceSection;
    private final Key<Map<String, Values>> interfacesKey;
    private final Map<String, Key<Values>> pluginKeys = new LinkedHashMap<>();
    private final Key<Values> plugins;
    private final Section section;
    private final Catalog catalog;

    /** @param catalog what the router can be made of, which says what sections the file may have */
    RouterSection(Catalog catalog) {
        this.catalog = catalog;
        interfaceSection = new InterfaceSection(catalog.interfaceKinds());
        interfacesKey = withDefault(
                "interfaces",
                ValueType.sectionsByName(interfaceSection::read, new Section("", List.of(interfaceSection.type()))),
                "{}",
                "The interfaces, each under a name of the operator's choice.");
        StageSections.of(catalog.builtIn().stream()
                        .filter(stage -> !stage.keys().isEmpty())
                        .toList())
                .forEach((name, inner) ->
                        stageKeys.put(name, withDefault(name, ValueType.section(inner), "{}", inner.text())));
        StageSections.of(catalog.pluginStages())
                .forEach((name, inner) -> pluginKeys.put(
                        name, optional(name, ValueType.section(inner), "not in the graph", inner.text())));
        Section pluginSections = new Section(
                "Sections of the stages of plugins. A stage is in the graph exactly when its section stands here, be it"
                        + " empty.",
                List.copyOf(pluginKeys.values()),
                catalog::whyNoPluginSection);
        plugins = withDefault(PLUGINS, ValueType.section(pluginSections), "{}", pluginSections.text());
        whenBroken = withDefault(
                "when-broken",
                ValueType.valuesByName("{ STAGE = drop, bypass or stop ... }", id -> policies(id, catalog.stages())),
                "{}",
                "What happens at a stage that keeps failing, or that can't be made: its packets are dropped, which is the"
                        + " default; or pass it by, where a stage follows; or the router ends. The stage is tried again after a"
                        + " second, then after ever longer pauses up to a minute.");
        List<Key<?>> keys = new ArrayList<>(List.of(
                NAME,
                LANES,
                VECTOR_SIZE,
                BUFFERS,
                interfacesKey,
                ROUTES,
                ROUTE_FILES,
                NEIGHBOR,
                MANAGEMENT,
                whenBroken,
                STAGE_TIME_BUDGET,
                DEBUG_BUFFERS,
                plugins));
        for (Key<?> own : keys) {
            if (stageKeys.containsKey(own.name())) {
                throw new IllegalArgumentException(
                        "a stage has its settings in section " + own.name() + ", which is the router's own");
            }
        }
        keys.addAll(stageKeys.values());
        section = new Section("The router.", keys, this::whereInstead);
    }

    private @Nullable String whereInstead(String unknown) {
        return pluginKeys.containsKey(unknown)
                ? "is a section of a plugin, and stands under plugins: plugins { " + unknown + " { ... } }"
                : null;
    }

    private static @Nullable Integer parseMode(String text) {
        return text.matches("0?[0-7]{3}") ? (Integer) Integer.parseInt(text, 8) : null;
    }

    /** What can be done about a stage; only one with a next one on its arc can be left out. */
    private static ValueType<WhenBroken> policies(String id, Collection<StageDescriptor> stages) {
        for (StageDescriptor stage : stages) {
            if (stage.id().equals(id)) {
                boolean leadsOn = stage.outputs().stream().anyMatch(out -> out.target() instanceof Target.Next);
                return ValueType.choice(
                        leadsOn ? List.of(WhenBroken.values()) : List.of(WhenBroken.DROP, WhenBroken.STOP),
                        ValueType::written);
            }
        }
        String nearest =
                Suggestion.nearest(id, stages.stream().map(StageDescriptor::id).toList());
        throw new IllegalArgumentException(
                "\"" + id + "\" is no stage" + (nearest == null ? "" : ", did you mean " + nearest + "?"));
    }

    Section section() {
        return section;
    }

    InterfaceSection interfaces() {
        return interfaceSection;
    }

    /** Reads the section and makes what it says; the result is complete only when no problem was reported. */
    RouterConfig read(ConfigObject object, Config akka, Problems problems) {
        Values router = section.read("", object, problems);
        Map<String, Values> interfaces = router.get(interfacesKey);
        Map<String, InterfaceConfig> made = new LinkedHashMap<>();
        List<String> interfaceNames = List.copyOf(interfaces.keySet());
        interfaces.forEach((name, values) -> {
            InterfaceConfig config = interfaceSection.make(name, values, interfaceNames, problems);
            if (config != null) {
                made.put(name, config);
            }
        });
        Consistency consistency =
                new Consistency(interfaceSection, interfaces, made, router.broken(interfacesKey), problems);
        consistency.checkInterfaces();
        List<RouteConfig> routes = consistency.checkRoutes(router.get(ROUTES));
        for (Located<String> file : router.get(ROUTE_FILES)) {
            routes.addAll(consistency.checkRouteFile(file));
        }

        Map<String, StageSettings> stageSettings = new HashMap<>();
        stageKeys.forEach((section, key) -> stageSettings.putAll(
                settings(section, section, router.get(key), catalog.builtIn(), interfaceNames, problems)));
        Set<String> pluginSections = new HashSet<>();
        pluginKeys.forEach((section, key) -> {
            Values values = router.get(plugins).find(key);
            if (values != null) {
                pluginSections.add(section);
                stageSettings.putAll(settings(
                        section,
                        plugins.name() + "." + section,
                        values,
                        catalog.pluginStages(),
                        interfaceNames,
                        problems));
            }
        });
        String name = router.get(NAME);
        return new RouterConfig(
                name,
                router.get(LANES),
                Math.toIntExact(router.get(VECTOR_SIZE)),
                Math.toIntExact(router.get(BUFFERS)),
                neighbor(router.get(NEIGHBOR)),
                management(name, router.get(MANAGEMENT)),
                List.copyOf(made.values()),
                routes,
                new SupervisionConfig(router.get(whenBroken), router.get(STAGE_TIME_BUDGET), router.get(DEBUG_BUFFERS)),
                stageSettings,
                pluginSections,
                router.effective(),
                akka);
    }

    /** The settings in one section, checked, for each stage that reads them. */
    private static Map<String, StageSettings> settings(
            String section,
            String path,
            Values values,
            List<StageDescriptor> stages,
            List<String> interfaces,
            Problems problems) {
        Map<String, StageSettings> byStage = new HashMap<>();
        StageSettings settings = new StageSettings(path, values, interfaces);
        for (StageDescriptor stage : stages) {
            if (stage.section().equals(section)) {
                settings.check(stage.keys(), problems);
                settings.check(stage.id(), stage.check(), problems);
                byStage.put(stage.id(), settings);
            }
        }
        return byStage;
    }

    private static NeighborConfig neighbor(Values values) {
        return new NeighborConfig(
                values.get(REACHABLE_TIME),
                values.get(RETRANSMIT_TIME),
                values.get(DELAY_TIME),
                Math.toIntExact(values.get(PROBES)),
                values.get(FAILED_TIME),
                values.get(STALE_TIME),
                Math.toIntExact(values.get(NEW_PER_SECOND)),
                Math.toIntExact(values.get(MAX_ENTRIES)),
                Math.toIntExact(values.get(DUPLICATE_PROBES)));
    }

    private static ManagementConfig management(String routerName, Values values) {
        String socket = values.find(SOCKET);
        return new ManagementConfig(
                Path.of(socket == null ? "/run/culvert/" + routerName + ".sock" : socket),
                values.get(MODE),
                values.find(SOCKET_GROUP));
    }
}
